/* Media files and playlists: the first byte chooses how the rest is read; what is read is
 * encoded, muxed and read back. A playlist may wait for more for ever: a stop request
 * comes after a second. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "media/avlog.h"
#include "media/sink.h"
#include "media/source.h"
#include "util/log.h"

enum { READS_MAX = 200, FRAMES_MAX = 24, PIXELS_MAX = 1 << 18 };

static struct daub_stop stop;
static timer_t timer;

static void request(int number)
{
    (void)number;
    daub_stop_request(&stop);
}

static void begin_stop(void)
{
    const struct itimerspec second = {.it_value = {.tv_sec = 1}};
    struct daub_error error = {0};
    fuzz_need(daub_stop_init(&stop, &error), "no stop request", error.message);
    timer_settime(timer, 0, &second, NULL);
}

static void end_stop(void)
{
    const struct itimerspec never = {0};
    timer_settime(timer, 0, &never, NULL);
    daub_stop_uninit(&stop);
}

void fuzz_begin(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct sigaction action = {.sa_handler = request};
    fuzz_check_log();
    media_log_init();
    sigaction(SIGRTMIN, &action, NULL);
    fuzz_need(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "no timer", "");
}

static struct media_sink *open_sink(const struct media_source_info *info,
                                    const char *name, struct media_want *want,
                                    struct daub_error *error)
{
    static const char *const extra[] = {"threads=1"};
    AVFrame template = {.width = info->sample->width,
                        .height = info->sample->height,
                        .format = info->sample->format};
    struct media_sink_params params = {
        .path = name,
        .replace = true,
        .encode = {.encoder = "mpeg4", .extra = extra, .extra_count = 1},
        .input = info,
        .frame = &template};
    if (!media_sink_want(&params, want, error))
        return NULL;
    template.format = want->format;
    return media_sink_open(&params, error);
}

/* Pushes a grey frame of the sink's format with the time of the one that was read. */
static bool push_frame(struct media_sink *sink, const AVFrame *read,
                       const struct media_want *want)
{
    AVFrame *painted = av_frame_alloc();
    fuzz_need(painted != NULL, "no memory", "");
    painted->width = read->width;
    painted->height = read->height;
    painted->format = want->format;
    bool ok =
        av_frame_get_buffer(painted, 0) == 0 && av_frame_copy_props(painted, read) >= 0;
    for (int i = 0; ok && i < AV_NUM_DATA_POINTERS && painted->buf[i]; i++)
        memset(painted->buf[i]->data, 0x80, painted->buf[i]->size);
    ok = ok && sink->ops->push(sink, painted);
    av_frame_free(&painted);
    return ok;
}

static void convert(struct media_source *source, const char *out, bool seeks)
{
    struct daub_error error = {0};
    const AVFrame *sample = source->info.sample;
    struct media_want want;
    struct media_sink *sink = open_sink(&source->info, out, &want, &error);
    int64_t frames = 0;
    bool ok = true;
    for (int i = 0; i < READS_MAX && frames < FRAMES_MAX && ok; i++) {
        struct media_item item = {0};
        if (seeks && i == READS_MAX / 20 && source->info.seekable)
            ok = source->ops->seek(source, source->info.duration_us / 2, &error);
        enum media_read result =
            ok ? source->ops->read(source, &item, &error) : MEDIA_READ_ERROR;
        ok = result == MEDIA_READ_OK || result == MEDIA_READ_AGAIN;
        bool fits = item.frame && item.frame->width == sample->width &&
                    item.frame->height == sample->height;
        frames += item.frame != NULL;
        if (sink && fits)
            ok = push_frame(sink, item.frame, &want) && ok;
        if (sink && item.packet && sink->ops->push_packet)
            ok = sink->ops->push_packet(sink, item.packet) && ok;
        av_frame_free(&item.frame);
        av_packet_free(&item.packet);
    }
    struct media_report report = {0};
    struct daub_error cause = {0};
    if (sink) {
        sink->ops->finish(sink, error.status == DAUB_OK);
        bool joined = sink->ops->join(sink, &report, &cause);
        fuzz_need(joined == (cause.status == DAUB_OK), "result and status differ",
                  cause.message);
        if (joined)
            media_report_holds(&report, &cause);
        daub_log(DAUB_LOG_INFO, "%s %s", cause.message, report.kept);
    }
    media_sink_destroy(sink);
    daub_log(DAUB_LOG_INFO, "%s", error.message);
}

int fuzz_target(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"in",     "in.m3u8", "in.ffconcat", "in.ts",
                                        "in.png", "in.h264", "in.sdp",      "in.mpd"};
    static const char *const outputs[] = {"out.mkv", "out.mp4", "out.avi", "out.ts"};
    struct daub_error error = {0};
    if (size < 1)
        return 0;
    char *path = fuzz_path(names[data[0] % 8]),
         *out = fuzz_path(outputs[data[0] >> 3 & 3]);
    fuzz_write(path, data + 1, size - 1);
    struct media_open_params params = {.path = path,
                                       .has_start = data[0] >= 0xe0,
                                       .start_us = 40000,
                                       .pixels = PIXELS_MAX,
                                       .threads = 1,
                                       .stop = &stop};
    begin_stop();
    struct media_source *source = media_source_open(&params, &error);
    fuzz_need(!source == (error.status != DAUB_OK), "result and status differ",
              error.message);
    bool usable = source != NULL;
    if (source)
        convert(source, out, data[0] >> 5 & 1);
    else
        daub_log(DAUB_LOG_ERROR, "%s", error.message);
    media_source_destroy(source);
    end_stop();
    unlink(path);
    unlink(out);
    free(path);
    free(out);
    return usable;
}
