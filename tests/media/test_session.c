/* The session's threads with a synthetic source, sinks that fail on demand and the fake
 * painter: order, completeness, and every way to end. Made to be run under
 * ThreadSanitizer and AddressSanitizer too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/recorder.h"
#include "app/session.h"
#include "media/avlog.h"
#include "media/container.h"
#include "media/mux.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/thread.h"

enum { WIDTH = 32, HEIGHT = 24 };

struct fake_source {
    struct media_source source;
    struct daub_stop *stop;
    AVFrame *sample;
    int frames, next;
    int fail_at;   /* read returns ERROR there; 0: never */
    int change_at; /* the size changes there; 0: never */
    int again;     /* every other read returns AGAIN */
    int releases;
    atomic_bool *unwatched; /* set to false by a release: somebody watches again */
};

static AVFrame *make_frame(int width, int height, int64_t pts)
{
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = width;
    frame->height = height;
    frame->pts = pts;
    frame->color_range = AVCOL_RANGE_MPEG;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (int i = 0; i < 3; i++)
        memset(frame->data[i], (int)(pts & 0xff),
               (size_t)frame->linesize[i] * (size_t)(i ? (height + 1) / 2 : height));
    return frame;
}

static enum media_read fake_read(struct media_source *source, struct media_item *item,
                                 struct daub_error *error)
{
    struct fake_source *self = (struct fake_source *)source;
    *item = (struct media_item){0};
    if (daub_stop_requested(self->stop) || self->next == self->frames)
        return MEDIA_READ_END;
    if (self->again++ % 2)
        return MEDIA_READ_AGAIN;
    if (self->fail_at && self->next == self->fail_at) {
        daub_fail(error, DAUB_ERROR_FAILED, "the source failed");
        return MEDIA_READ_ERROR;
    }
    bool changed = self->change_at && self->next >= self->change_at;
    item->frame = make_frame(WIDTH, changed ? HEIGHT * 2 : HEIGHT, 10 * self->next++);
    return MEDIA_READ_OK;
}

static void fake_release(struct media_source *source)
{
    struct fake_source *self = (struct fake_source *)source;
    self->releases++;
    atomic_store(self->unwatched, false);
}

static void fake_destroy(struct media_source *source)
{
    av_frame_free(&((struct fake_source *)source)->sample);
}

static const struct media_source_ops fake_source_ops = {
    .read = fake_read, .release = fake_release, .destroy = fake_destroy};

struct fake_sink {
    struct media_sink sink;
    int64_t frames, last_pts;
    int wrong, gaps;
    atomic_bool unwatched; /* nobody watches it */
    int fail_at;           /* push returns false there; 0: never */
    atomic_bool finished, whole;
    struct daub_stop *stop;
    int stop_at; /* requests the stop there, as a signal would; 0: never */
};

static bool fake_push(struct media_sink *sink, const AVFrame *frame)
{
    struct fake_sink *self = (struct fake_sink *)sink;
    if (self->fail_at && self->frames == self->fail_at)
        return false;
    /* the fake painter inverts; each frame must arrive once, in order, at the first size
     */
    uint8_t want = (uint8_t)(255 - (frame->pts & 0xff));
    self->gaps += frame->pts != self->last_pts + 10;
    if (frame->width != WIDTH || frame->height != HEIGHT ||
        abs(frame->data[0][0] - want) > 1 ||
        frame->data[0][(HEIGHT - 1) * frame->linesize[0] + WIDTH - 1] !=
            frame->data[0][0])
        self->wrong++;
    self->wrong += frame->pts <= self->last_pts;
    self->last_pts = frame->pts;
    self->frames++;
    if (self->stop_at && self->frames == self->stop_at)
        daub_stop_request(self->stop);
    return true;
}

static bool fake_watched(struct media_sink *sink)
{
    return !atomic_load(&((struct fake_sink *)sink)->unwatched);
}

static void fake_finish(struct media_sink *sink, bool whole)
{
    struct fake_sink *self = (struct fake_sink *)sink;
    atomic_store(&self->finished, true);
    atomic_store(&self->whole, whole);
}

static bool fake_join(struct media_sink *sink, struct media_report *report,
                      struct daub_error *error)
{
    struct fake_sink *self = (struct fake_sink *)sink;
    report->frames_in = report->frames_out = self->frames;
    if (self->fail_at && self->frames == self->fail_at)
        return daub_fail(error, DAUB_ERROR_FAILED, "the sink failed");
    return true;
}

static void fake_sink_destroy(struct media_sink *sink)
{
    (void)sink;
}

static const struct media_sink_ops fake_sink_ops = {.push = fake_push,
                                                    .watched = fake_watched,
                                                    .finish = fake_finish,
                                                    .join = fake_join,
                                                    .destroy = fake_sink_destroy};

struct rig {
    struct fake_source source;
    struct fake_sink sinks[2];
    struct media_sink *real; /* instead of the second fake */
    struct daub_stop stop;
    struct daub_device *device;
    struct daub_model *model;
    struct painter painter;
    AVFrame *output;
    bool realtime;
    double target_fps;
    struct pace pace;
    struct session_state state;
};

static void rig_init(struct rig *rig, int frames)
{
    struct daub_error error = {0};
    *rig = (struct rig){0};
    assert_true(daub_stop_init(&rig->stop, &error));
    rig->source = (struct fake_source){
        .source = {.ops = &fake_source_ops,
                   .info = {.name = "synthetic",
                            .time_base = {1, 1000},
                            .frame_rate = {100, 1},
                            .frames = frames}},
        .stop = &rig->stop,
        .sample = make_frame(WIDTH, HEIGHT, 0),
        .frames = frames,
    };
    rig->source.source.info.sample = rig->source.sample;
    for (int i = 0; i < 2; i++)
        rig->sinks[i] =
            (struct fake_sink){.sink = {.ops = &fake_sink_ops, .name = "fake"},
                               .last_pts = -10,
                               .stop = &rig->stop};
    rig->output = av_frame_alloc();
    assert_non_null(rig->output);
    assert_int_equal(av_frame_copy_props(rig->output, rig->source.sample), 0);
    rig->output->format = AV_PIX_FMT_YUV420P;
    rig->output->width = WIDTH;
    rig->output->height = HEIGHT;
    assert_int_equal(daub_device_open(NULL, &rig->device, &error), DAUB_OK);
    assert_int_equal(daub_model_load("lite", 0, &rig->model, &error), DAUB_OK);
    struct painter_params params = {.device = rig->device,
                                    .model = rig->model,
                                    .frame_params = {.strength = 1},
                                    .output = rig->output};
    assert_true(painter_init(&rig->painter, &params, rig->source.sample, &error));
}

static enum exit_code rig_run(struct rig *rig)
{
    struct progress progress;
    struct media_sink *sinks[2] = {&rig->sinks[0].sink,
                                   rig->real ? rig->real : &rig->sinks[1].sink};
    progress_init(&progress, PROGRESS_NONE, &rig->source.source.info);
    struct session_params params = {.source = &rig->source.source,
                                    .sinks = sinks,
                                    .sink_count = 2,
                                    .painter = &rig->painter,
                                    .progress = &progress,
                                    .stop = &rig->stop,
                                    .realtime = rig->realtime,
                                    .target_fps = rig->target_fps,
                                    .pace = &rig->pace,
                                    .state = &rig->state};
    return session_run(&params);
}

static void rig_uninit(struct rig *rig)
{
    painter_uninit(&rig->painter);
    daub_model_free(rig->model);
    daub_device_close(rig->device);
    media_sink_destroy(rig->real);
    media_source_destroy(&rig->source.source);
    av_frame_free(&rig->output);
    daub_stop_uninit(&rig->stop);
}

static void test_all_frames(void **state)
{
    (void)state;
    static const int counts[] = {0, 1, 2, 3, 500};
    for (int i = 0; i < 5; i++) {
        struct rig rig;
        rig_init(&rig, counts[i]);
        assert_int_equal(rig_run(&rig), EXIT_CODE_DONE);
        for (int j = 0; j < 2; j++) {
            assert_int_equal(rig.sinks[j].frames, counts[i]);
            assert_int_equal(rig.sinks[j].wrong, 0);
            assert_int_equal(rig.sinks[j].gaps, 0);
            assert_true(atomic_load(&rig.sinks[j].whole));
        }
        rig_uninit(&rig);
    }
}

/* 60 frames of 10 ms take 600 ms, however fast they are painted; a slow painter drops
 * some and never falls behind. */
static void test_real_time(void **state)
{
    (void)state;
    for (int slow = 0; slow < 2; slow++) {
        struct rig rig;
        setenv("DAUB_FAKE_DELAY_MS", slow ? "25" : "0", 1);
        rig_init(&rig, 60);
        rig.realtime = true;
        int64_t start = daub_clock_us();
        assert_int_equal(rig_run(&rig), EXIT_CODE_DONE);
        int64_t took = daub_clock_us() - start;
        assert_int_in_range(took, 580000, 20000000);
        int64_t painted = rig.sinks[0].frames;
        assert_int_equal(painted + atomic_load(&rig.state.dropped), 60);
        assert_int_equal(painted, atomic_load(&rig.state.painted));
        if (slow)
            assert_int_in_range(painted, 1, 40);
        assert_true(atomic_load(&rig.state.delay_us) < 5000000);
        unsetenv("DAUB_FAKE_DELAY_MS");
        rig_uninit(&rig);
    }
}

/* A painter that is too slow for the rate changes to a smaller size, created while it
 * paints; no frame is wrong, also during the fade from one size to the other. */
static void test_governor(void **state)
{
    (void)state;
    struct rig rig;
    setenv("DAUB_FAKE_DELAY_MS", "15", 1);
    rig_init(&rig, 300);
    rig.realtime = true;
    rig.target_fps = 100;
    assert_int_equal(rig_run(&rig), EXIT_CODE_DONE);
    assert_true(atomic_load(&rig.state.level) > 0);
    assert_int_equal(rig.sinks[0].wrong, 0);
    assert_int_equal(rig.sinks[0].frames + atomic_load(&rig.state.dropped), 300);
    unsetenv("DAUB_FAKE_DELAY_MS");
    rig_uninit(&rig);
}

/* With a target of half the source's rate, every other frame is painted. */
static void test_target_below(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 100);
    rig.realtime = true;
    rig.target_fps = 50;
    assert_int_equal(rig_run(&rig), EXIT_CODE_DONE);
    assert_int_in_range(rig.sinks[0].frames, 40, 52);
    assert_int_equal(rig.sinks[0].wrong, 0);
    rig_uninit(&rig);
}

/* Nothing is painted while nobody watches; the source is released after a while, and goes
 * on when somebody watches again. */
static void test_sleep(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1000000);
    rig.realtime = true;
    rig.source.unwatched = &rig.sinks[0].unwatched;
    rig.sinks[0].stop_at = 5;
    for (int i = 0; i < 2; i++)
        atomic_store(&rig.sinks[i].unwatched, true);
    assert_int_equal(rig_run(&rig), EXIT_CODE_INTERRUPTED);
    assert_int_equal(rig.source.releases, 1);
    assert_false(atomic_load(&rig.state.asleep));
    assert_int_in_range(rig.sinks[0].frames, 5, 8);
    assert_int_in_range(rig.sinks[0].gaps, 1, 8); /* those of the time asleep */
    assert_int_equal(rig.sinks[0].wrong, 0);
    rig_uninit(&rig);
}

static void test_size_change(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 50);
    rig.source.change_at = 20;
    assert_int_equal(rig_run(&rig), EXIT_CODE_DONE);
    assert_int_equal(rig.sinks[0].frames, 50);
    assert_int_equal(rig.sinks[0].wrong, 0);
    rig_uninit(&rig);
}

/* Where a change of size failed with one input, it is tried again with the next one. */
static void test_other_input(void **state)
{
    (void)state;
    struct rig rig;
    struct daub_error error = {0};
    rig_init(&rig, 0);
    rig.painter.no_other_size = true;
    AVFrame *other = av_frame_clone(rig.source.sample);
    assert_non_null(other);
    other->width = WIDTH / 2;
    assert_true(painter_change(&rig.painter, other, &error));
    assert_false(rig.painter.no_other_size);
    av_frame_free(&other);
    rig_uninit(&rig);
}

static void test_source_error(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 50);
    rig.source.fail_at = 30;
    assert_int_equal(rig_run(&rig), EXIT_CODE_INPUT);
    assert_true(atomic_load(&rig.sinks[0].finished));
    assert_false(atomic_load(&rig.sinks[0].whole));
    rig_uninit(&rig);
}

/* The other output goes on and is whole; the exit code reports the failure. */
static void test_failed_sink(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 60);
    rig.sinks[1].fail_at = 30;
    assert_int_equal(rig_run(&rig), EXIT_CODE_OUTPUT);
    assert_int_equal(rig.sinks[0].frames, 60);
    assert_true(atomic_load(&rig.sinks[0].whole));
    rig_uninit(&rig);
}

/* The same in real time. */
static void test_failed_sink_in_real_time(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 60);
    rig.realtime = true;
    rig.sinks[1].fail_at = 10;
    assert_int_equal(rig_run(&rig), EXIT_CODE_OUTPUT);
    assert_int_equal(rig.sinks[1].frames, 10);
    assert_int_equal(rig.sinks[0].frames + atomic_load(&rig.state.dropped), 60);
    assert_true(atomic_load(&rig.sinks[0].whole));
    rig_uninit(&rig);
}

static void test_stop(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1000000);
    rig.sinks[0].stop_at = 40;
    assert_int_equal(rig_run(&rig), EXIT_CODE_INTERRUPTED);
    /* frames in flight are delivered, later ones are not read */
    assert_int_in_range(rig.sinks[0].frames, 40, 43);
    assert_int_equal(rig.sinks[0].wrong, 0);
    assert_true(atomic_load(&rig.sinks[0].whole));
    rig_uninit(&rig);
}

static void test_stop_before_start(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 100);
    daub_stop_request(&rig.stop);
    assert_int_equal(rig_run(&rig), EXIT_CODE_INTERRUPTED);
    assert_int_equal(rig.sinks[0].frames, 0);
    rig_uninit(&rig);
}

static void test_lost_device(void **state)
{
    (void)state;
    struct rig rig;
    setenv("DAUB_FAKE_FAIL_AT", "10", 1);
    rig_init(&rig, 100);
    assert_int_equal(rig_run(&rig), EXIT_CODE_FAILED);
    assert_int_equal(rig.sinks[0].frames, 9);
    assert_false(atomic_load(&rig.sinks[0].whole));
    unsetenv("DAUB_FAKE_FAIL_AT");
    rig_uninit(&rig);
}

/* Reading back notices a lost frame and a wrong time. */
static void check_verify(const char *path)
{
    enum { FRAMES = 60 };
    struct media_time times[FRAMES + 1];
    struct media_report report = {.frames_in = FRAMES};
    struct media_mux mux = {
        .output.readable = (char *)path,
        .container = media_container_of(av_guess_format("matroska", NULL, NULL))};
    AVRational base = {1, 1000};
    for (int i = 0; i <= FRAMES; i++)
        times[i] = (struct media_time){.pts = 10 * i, .duration = 10};
    media_verify(&mux, times, FRAMES, base, &report);
    assert_true(report.read_back && report.times_known);
    assert_int_equal(report.frames_out, FRAMES);
    assert_int_equal(report.pts_error_us, 0);
    assert_true(media_report_holds(&report, NULL));
    times[30].pts += 2;
    media_verify(&mux, times, FRAMES, base, &report);
    assert_int_equal(report.pts_error_us, 2000);
    assert_false(media_report_holds(&report, NULL));
    times[30].pts -= 2;
    report = (struct media_report){.frames_in = FRAMES + 1};
    media_verify(&mux, times, FRAMES + 1, base, &report);
    assert_int_equal(report.frames_out, FRAMES);
    assert_false(report.times_known);
    assert_false(media_report_holds(&report, NULL));
}

/* The encoder's thread and the muxer beside the fake sinks; the painter is slow, so that
 * the source is ahead. */
static void test_encoder(void **state)
{
    (void)state;
    char folder[] = P_tmpdir "/daub-test-XXXXXX", path[64];
    struct daub_error error = {0};
    struct rig rig;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/out.mkv", folder);
    setenv("DAUB_FAKE_DELAY_MS", "2", 1);
    rig_init(&rig, 60);
    struct media_sink_params params = {.path = path,
                                       .encode = {.encoder = "mpeg4"},
                                       .input = &rig.source.source.info,
                                       .frame = rig.output};
    rig.real = media_sink_open(&params, &error);
    assert_non_null(rig.real);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(rig_run(&rig), EXIT_CODE_DONE);
    assert_int_equal(rig.sinks[0].frames, 60);
    check_verify(path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    unsetenv("DAUB_FAKE_DELAY_MS");
    rig_uninit(&rig);
}

/* In real time, a pipe that nobody reads stalls neither the other sink nor the stop. */
static void test_stalled_pipe(void **state)
{
    (void)state;
    char folder[] = P_tmpdir "/daub-test-XXXXXX", path[64];
    struct daub_error error = {0};
    struct rig rig;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDWR | O_CLOEXEC);
    assert_true(reader >= 0);
    rig_init(&rig, 1000000);
    rig.realtime = true;
    rig.sinks[0].stop_at = 150; /* the pipe is full after 60 frames */
    struct media_sink_params params = {.path = path,
                                       .format = "y4m",
                                       .input = &rig.source.source.info,
                                       .frame = rig.output};
    rig.real = media_sink_open(&params, &error);
    assert_non_null(rig.real);
    assert_int_equal(rig_run(&rig), EXIT_CODE_OUTPUT);
    assert_int_in_range(rig.sinks[0].frames, 150, 153);
    assert_true(atomic_load(&rig.sinks[0].whole));
    close(reader);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    rig_uninit(&rig);
}

/* pts of the only stream, in milliseconds. */
static int read_times(const char *path, int64_t *times, int capacity)
{
    AVFormatContext *format = NULL;
    AVPacket *packet = av_packet_alloc();
    int count = 0;
    assert_int_equal(avformat_open_input(&format, path, NULL, NULL), 0);
    while (count < capacity && av_read_frame(format, packet) >= 0) {
        times[count++] = av_rescale_q(packet->pts, format->streams[0]->time_base,
                                      (AVRational){1, 1000});
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    avformat_close_input(&format);
    return count;
}

/* The demuxer may change its streams while it reads: a recording uses them as they were
 * when the recorder was opened. */
static void test_recorder_times(void **state)
{
    (void)state;
    char folder[] = P_tmpdir "/daub-test-XXXXXX", path[64], name[64];
    struct daub_error error = {0};
    struct media_report report;
    struct rig rig;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/out.mkv", folder);
    rig_init(&rig, 1);
    AVFormatContext *container = avformat_alloc_context();
    AVStream *stream = avformat_new_stream(container, NULL);
    stream->avg_frame_rate = (AVRational){10, 1};
    struct media_source_info info = {
        .name = "synthetic", .time_base = {1, 1000}, .container = container};
    struct recorder_params params = {
        .input = &info, .frame = rig.output, .encode = {.encoder = "ffv1"}};
    struct recorder *recorder = recorder_open(&params, &error);
    struct media_sink *sink = recorder_sink(recorder);
    stream->avg_frame_rate = (AVRational){500, 1};
    assert_true(recorder_start(recorder, path, name, sizeof(name), &error));
    assert_false(recorder_start(recorder, path, name, sizeof(name), &error));
    static const int64_t pts[] = {5000, 5100, 90000, 90100}; /* a seek in the middle */
    for (int i = 0; i < 4; i++) {
        AVFrame *frame = make_frame(WIDTH, HEIGHT, pts[i]);
        assert_true(sink->ops->push(sink, frame));
        av_frame_free(&frame);
    }
    sink->ops->finish(sink, true);
    assert_true(sink->ops->join(sink, &report, &error));
    media_sink_destroy(sink);
    int64_t times[8];
    assert_int_equal(read_times(path, times, 8), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(times[i], 100 * i);
    avformat_free_context(container);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    rig_uninit(&rig);
}

static void push_noise(struct media_sink *sink, int width, int height, int count)
{
    uint32_t state = 1;
    for (int i = 0; i < count; i++) {
        AVFrame *frame = make_frame(width, height, 40 * i);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                state = state * 1664525u + 1013904223u;
                frame->data[0][y * frame->linesize[0] + x] = (uint8_t)(state >> 24);
            }
        }
        assert_true(sink->ops->push(sink, frame));
        av_frame_free(&frame);
    }
}

/* A recording begins while the previous one's encoder, which holds all of its frames, is
 * being drained: nothing waits for that file. */
static void test_second_recording(void **state)
{
    (void)state;
    enum { BIG_WIDTH = 640, BIG_HEIGHT = 360, FRAMES = 40 };
    char folder[] = P_tmpdir "/daub-test-XXXXXX", first[64], second[64], name[64];
    static const char *const extra[] = {"rc-lookahead=60", "threads=1"};
    struct daub_error error = {0};
    struct media_report report;
    struct media_source_info info = {
        .name = "synthetic", .time_base = {1, 1000}, .frame_rate = {25, 1}};
    AVFrame *template = make_frame(BIG_WIDTH, BIG_HEIGHT, 0);
    struct recorder_params params = {.input = &info,
                                     .frame = template,
                                     .encode = {.encoder = "libx264",
                                                .preset = "veryslow",
                                                .extra = extra,
                                                .extra_count = 2}};
    assert_non_null(mkdtemp(folder));
    snprintf(first, sizeof(first), "%s/first.mkv", folder);
    snprintf(second, sizeof(second), "%s/second.mkv", folder);
    struct recorder *recorder = recorder_open(&params, &error);
    struct media_sink *sink = recorder_sink(recorder);
    assert_true(recorder_start(recorder, first, name, sizeof(name), &error));
    push_noise(sink, BIG_WIDTH, BIG_HEIGHT, FRAMES);
    assert_true(recorder_stop(recorder));
    assert_true(recorder_start(recorder, second, name, sizeof(name), &error));
    push_noise(sink, BIG_WIDTH, BIG_HEIGHT, 1);
    assert_int_equal(access(first, F_OK), -1);
    sink->ops->finish(sink, true);
    assert_true(sink->ops->join(sink, &report, &error));
    media_sink_destroy(sink);
    av_frame_free(&template);
    assert_int_equal(unlink(first), 0);
    assert_int_equal(unlink(second), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* Destroying a sink that never ran removes its file. */
static void test_unused_sink(void **state)
{
    (void)state;
    char folder[] = P_tmpdir "/daub-test-XXXXXX", path[64];
    struct daub_error error = {0};
    struct rig rig;
    assert_non_null(mkdtemp(folder));
    rig_init(&rig, 1);
    static const char *const names[] = {"out.mkv", "out.png", "out%d.jpg", "out.gif"};
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        struct media_sink_params params = {
            .path = path, .input = &rig.source.source.info, .frame = rig.output};
        struct media_sink *sink = media_sink_open(&params, &error);
        assert_non_null(sink);
        media_sink_destroy(sink);
    }
    assert_int_equal(rmdir(folder), 0);
    rig_uninit(&rig);
}

/* Which reports count as a failed conversion. */
static void test_report(void **state)
{
    (void)state;
    static const struct {
        struct media_report report;
        bool holds;
    } cases[] = {
        {{.frames_in = 5, .frames_out = 5}, true},
        {{.frames_in = 5, .frames_out = 4}, false},
        {{.frames_in = 5, .frames_out = 6}, false},
        {{.times_known = true, .pts_error_us = 1000, .pts_tick_us = 1000}, true},
        {{.times_known = true, .pts_error_us = 1001, .pts_tick_us = 1000}, false},
        {{.pts_error_us = 1001, .pts_tick_us = 1000}, true},
        {{.offset_known = true, .offset_error_us = 1100, .offset_tick_us = 100}, true},
        {{.offset_known = true, .offset_error_us = 1101, .offset_tick_us = 100}, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct daub_error error = {0};
        assert_int_equal(media_report_holds(&cases[i].report, &error), cases[i].holds);
        assert_int_equal(error.status == DAUB_OK, cases[i].holds);
    }
}

/* Times at the ends of 64 bits: a gap, after which it goes on (undefined without a limit,
 * as the sanitizer says). */
static void test_far_times(void **state)
{
    (void)state;
    static const int64_t times_us[] = {0,         INT64_MAX, INT64_MIN,
                                       INT64_MAX, 40000,     INT64_MIN};
    struct daub_error error = {0};
    struct daub_stop stop;
    struct pace pace = {0};
    int64_t now_us;
    assert_true(daub_stop_init(&stop, &error));
    for (size_t i = 0; i < sizeof(times_us) / sizeof(times_us[0]); i++) {
        assert_true(pace_wait(&pace, times_us[i], &stop));
        assert_true(pace_now(&pace, &now_us));
    }
    daub_stop_uninit(&stop);
}

int main(void)
{
    media_log_init();
    signal(SIGPIPE, SIG_IGN);
    daub_log_set_level(DAUB_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_far_times),
        cmocka_unit_test(test_all_frames),
        cmocka_unit_test(test_real_time),
        cmocka_unit_test(test_governor),
        cmocka_unit_test(test_target_below),
        cmocka_unit_test(test_sleep),
        cmocka_unit_test(test_size_change),
        cmocka_unit_test(test_other_input),
        cmocka_unit_test(test_source_error),
        cmocka_unit_test(test_failed_sink),
        cmocka_unit_test(test_failed_sink_in_real_time),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_before_start),
        cmocka_unit_test(test_lost_device),
        cmocka_unit_test(test_encoder),
        cmocka_unit_test(test_stalled_pipe),
        cmocka_unit_test(test_recorder_times),
        cmocka_unit_test(test_second_recording),
        cmocka_unit_test(test_unused_sink),
        cmocka_unit_test(test_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
