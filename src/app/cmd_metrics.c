/* The command "daub metrics": how steady a painted video is, and what the steadiness
 * costs in sharpness and style. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <libavformat/avformat.h>
#include <libavutil/intreadwrite.h>

#include <daub/daub.h>

#include "app/commands.h"
#include "app/files.h"
#include "app/metrics.h"
#include "app/plot.h"
#include "app/signals.h"
#include "media/convert.h"
#include "media/path.h"
#include "media/source.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

enum { INPUT, PAINTED, PER_FRAME, VIDEOS };
enum { FLO_HEADER = 12 };

struct video {
    struct media_source *source;
    struct media_converter converter;
    float *rgb;
};

/* What the command owns, in the order of creation. */
struct work {
    const struct options *options;
    struct daub_stop stop;
    struct video videos[VIDEOS];
    int video_count, width, height;
    struct daub_device *device;
    struct daub_flow *flow;
    struct daub_file plot; /* open where --plot names it */
    float *backward, *forward;
    struct metrics *metrics;
    bool unreadable; /* the failure is that of an input */
};

/* ---- reading ---- */

static bool open_video(struct work *work, int index, const char *path,
                       struct daub_error *error)
{
    struct media_open_params params = {.path = path,
                                       .frames = work->options->frames,
                                       .no_audio = true,
                                       .no_subtitles = true,
                                       .stop = &work->stop};
    work->videos[index].source = media_source_open(&params, error);
    work->unreadable = !work->videos[index].source;
    return !work->unreadable;
}

/* Reads the next frame and converts it to the painting's size, in rgb. */
static enum media_read read_picture(struct work *work, struct video *video,
                                    struct daub_error *error)
{
    struct media_item item = {0};
    enum media_read result;
    do {
        av_packet_free(&item.packet);
        result = video->source->ops->read(video->source, &item, error);
    } while (result == MEDIA_READ_AGAIN || (result == MEDIA_READ_OK && !item.frame));
    if (result != MEDIA_READ_OK)
        return result;
    AVFrame wanted = {.width = work->width,
                      .height = work->height,
                      .format = AV_PIX_FMT_RGB24,
                      .colorspace = AVCOL_SPC_RGB,
                      .color_range = AVCOL_RANGE_JPEG};
    AVFrame *frame = media_convert(&video->converter, item.frame, &wanted, error);
    av_frame_free(&item.frame);
    if (!frame)
        return MEDIA_READ_ERROR;
    size_t row = (size_t)work->width * 3;
    for (int y = 0; y < work->height; y++) {
        const uint8_t *from = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        for (size_t i = 0; i < row; i++)
            video->rgb[(size_t)y * row + i] = (float)from[i] / 255;
    }
    av_frame_free(&frame);
    return MEDIA_READ_OK;
}

static bool read_flo(const struct work *work, const char *path, FILE *file,
                     struct daub_error *error)
{
    uint8_t header[FLO_HEADER];
    size_t pixels = (size_t)work->width * (size_t)work->height;
    if (fread(header, sizeof(header), 1, file) != 1 || memcmp(header, "PIEH", 4) != 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "%s is no .flo file", path);
    if (AV_RL32(header + 4) != (uint32_t)work->width ||
        AV_RL32(header + 8) != (uint32_t)work->height)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "%s holds a flow of %u x %u, but the painting has %d x %d", path,
                         AV_RL32(header + 4), AV_RL32(header + 8), work->width,
                         work->height);
    if (fread(work->backward, 2 * sizeof(float), pixels, file) != pixels)
        return daub_fail(error, DAUB_ERROR_FAILED, "%s is shorter than its header says",
                         path);
    return true;
}

/* Reads the file of the backward flow of frame n. */
static bool load_flow(struct work *work, int n, struct daub_error *error)
{
    char path[4096];
    if (av_get_frame_filename2(path, sizeof(path), work->options->flow, n, 0) < 0)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "--flow %s must have one %%d for the frame's number, such as "
                         "flow_%%04d.flo",
                         work->options->flow);
    FILE *file = daub_file_read(path);
    work->unreadable = !file;
    if (!file)
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot read %s: %s", path,
                         strerror(errno));
    work->unreadable = !read_flo(work, path, file, error);
    fclose(file);
    return !work->unreadable;
}

static bool find_flow(struct work *work, int n, struct daub_error *error)
{
    if (work->options->flow)
        return n == 0 || load_flow(work, n, error);
    return daub_flow_next(work->flow, work->videos[INPUT].rgb, work->backward,
                          work->forward, error) == DAUB_OK;
}

/* ---- the run ---- */

static bool allocate(struct work *work, struct daub_error *error)
{
    size_t pixels = (size_t)work->width * (size_t)work->height;
    bool ok = true;
    for (int i = 0; i < work->video_count; i++) {
        work->videos[i].rgb = daub_alloc(pixels, 3 * sizeof(float));
        ok = ok && work->videos[i].rgb;
    }
    work->backward = daub_alloc(pixels, 2 * sizeof(float));
    if (!work->options->flow)
        work->forward = daub_alloc(pixels, 2 * sizeof(float));
    if (!ok || !work->backward || (!work->options->flow && !work->forward))
        return daub_fail(error, DAUB_ERROR_MEMORY,
                         "out of memory for pictures of %d x %d", work->width,
                         work->height);
    work->metrics =
        metrics_create(work->width, work->height, work->video_count > PER_FRAME, error);
    return work->metrics != NULL;
}

static bool prepare(struct work *work, struct daub_error *error)
{
    const struct options *options = work->options;
    const char *paths[VIDEOS] = {options->input};
    for (size_t i = 0; i < options->others.count; i++)
        paths[1 + i] = options->others.values[i];
    work->video_count = 1 + (int)options->others.count;
    for (int i = 0; i < work->video_count; i++) {
        if (!open_video(work, i, paths[i], error))
            return false;
    }
    const AVFrame *sample = work->videos[PAINTED].source->info.sample;
    work->width = sample->width;
    work->height = sample->height;
    struct daub_device_params params = {.select = options->gpu};
    if (!options->flow && (daub_device_open(&params, &work->device, error) != DAUB_OK ||
                           daub_flow_create(work->device, work->width, work->height,
                                            &work->flow, error) != DAUB_OK))
        return false;
    return allocate(work, error);
}

/* Reads all frames; frames of the same number are compared. */
static bool measure(struct work *work, struct daub_error *error)
{
    for (int n = 0; !daub_stop_requested(&work->stop); n++) {
        int ended = 0;
        for (int i = 0; i < work->video_count; i++) {
            enum media_read result = read_picture(work, &work->videos[i], error);
            if (result == MEDIA_READ_ERROR) {
                work->unreadable = true;
                return false;
            }
            ended += result == MEDIA_READ_END;
        }
        if (ended > 0) {
            if (ended < work->video_count)
                daub_log(
                    DAUB_LOG_WARNING,
                    "the videos have different lengths; only the first %d frames are "
                    "measured",
                    n);
            work->unreadable = n < 2;
            if (n < 2)
                return daub_fail(
                    error, DAUB_ERROR_FAILED,
                    "a video has only one frame; give videos of two or more");
            return true;
        }
        const float *per_frame =
            work->video_count > PER_FRAME ? work->videos[PER_FRAME].rgb : NULL;
        if (!find_flow(work, n, error) ||
            !metrics_add(work->metrics, work->videos[INPUT].rgb,
                         work->videos[PAINTED].rgb, per_frame, work->backward,
                         work->forward, error))
            return false;
    }
    return true;
}

/* ---- the report ---- */

struct line {
    const char *key, *text;
    double value;
};

enum { LINES = 12 };

static void list(const struct metrics_scores *s, struct line lines[LINES])
{
    const struct line all[LINES] = {
        {"e_warp", "E_warp", s->e_warp},
        {"e_warp_input", "E_warp of the input", s->e_warp_input},
        {"e_warp_per_frame", "E_warp, each frame by itself", s->e_warp_per_frame},
        {"e_warp_ratio", "E_warp over that of each frame by itself", s->e_warp_ratio},
        {"e_stab", "e_stab", s->e_stab},
        {"long_range", "E_warp over 10 frames", s->long_range},
        {"flicker", "standard deviation over time", s->flicker},
        {"drift", "luma drift, levels in 1000 frames", s->drift},
        {"sharpness_ratio", "sharpness over that of each frame by itself",
         s->sharpness_ratio},
        {"style_distance", "style distance from each frame by itself", s->style_distance},
        {"ghosting", "ghosting: squared error at occlusions", s->ghosting},
        {NULL, NULL, 0},
    };
    memcpy(lines, all, sizeof(all));
}

static void add_number(cJSON *object, const char *name, double value)
{
    if (isfinite(value))
        cJSON_AddNumberToObject(object, name, value);
    else
        cJSON_AddNullToObject(object, name);
}

static void add_series(cJSON *root, const struct metrics *metrics)
{
    size_t count;
    const struct metrics_frame *frames = metrics_frames(metrics, &count);
    cJSON *array = cJSON_AddArrayToObject(root, "frames_e_warp");
    for (size_t i = 1; i < count; i++)
        cJSON_AddItemToArray(array, isfinite(frames[i].warp)
                                        ? cJSON_CreateNumber(frames[i].warp)
                                        : cJSON_CreateNull());
}

static bool report(const struct work *work, struct daub_error *error)
{
    struct metrics_scores scores;
    struct line lines[LINES];
    metrics_scores(work->metrics, &scores);
    list(&scores, lines);
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "daub", daub_version());
    cJSON_AddStringToObject(root, "flow", work->options->flow ? "given" : "daub");
    cJSON_AddNumberToObject(root, "width", work->width);
    cJSON_AddNumberToObject(root, "height", work->height);
    cJSON_AddNumberToObject(root, "frames", scores.frames);
    if (!work->options->quiet)
        fprintf(stderr, "| score | value |\n|---|---|\n");
    for (const struct line *l = lines; l->key; l++) {
        add_number(root, l->key, l->value);
        if (!work->options->quiet && isfinite(l->value))
            fprintf(stderr, "| %s | %.4g |\n", l->text, l->value);
    }
    add_series(root, work->metrics);
    char *text = cJSON_Print(root);
    bool ok = text || daub_no_memory(error, "the report");
    if (text)
        daub_text_print(stdout, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(root);
    return ok;
}

static bool draw(struct work *work, struct daub_error *error)
{
    size_t size;
    char *svg = plot_svg(work->metrics, &size, error);
    bool ok = svg && daub_file_put(&work->plot, svg, size, error) &&
              daub_file_commit(&work->plot, error);
    free(svg);
    return ok;
}

static void work_uninit(struct work *work)
{
    daub_file_discard(&work->plot);
    metrics_free(work->metrics);
    daub_flow_free(work->flow);
    daub_device_close(work->device);
    free(work->backward);
    free(work->forward);
    for (int i = 0; i < VIDEOS; i++) {
        free(work->videos[i].rgb);
        media_converter_uninit(&work->videos[i].converter);
        media_source_destroy(work->videos[i].source);
    }
}

int command_metrics(const struct options *options)
{
    struct work work = {.options = options};
    struct daub_error error = {0};
    if (options->others.count < 1 || options->others.count > VIDEOS - 1) {
        daub_log(DAUB_LOG_ERROR,
                 "metrics compares two or three videos: daub metrics INPUT "
                 "PAINTED [PER_FRAME]");
        return EXIT_CODE_USAGE;
    }
    if (!daub_stop_init(&work.stop, &error))
        return command_fail(EXIT_CODE_FAILED, &error);
    signals_install(&work.stop);
    int code = EXIT_CODE_DONE;
    if (options->plot && !daub_file_open(&work.plot, media_path_plain(options->plot),
                                         options->overwrite, true, &error))
        code = (int)files_fail(&error, EXIT_CODE_OUTPUT);
    else if (!prepare(&work, &error) || !measure(&work, &error))
        code = command_fail(
            work.unreadable ? EXIT_CODE_INPUT : exit_code_of(error.status), &error);
    else if (daub_stop_requested(&work.stop))
        code = EXIT_CODE_INTERRUPTED;
    else if (!report(&work, &error))
        code = command_fail(exit_code_of(error.status), &error);
    else if (options->plot && !draw(&work, &error))
        code = command_fail(EXIT_CODE_OUTPUT, &error);
    work_uninit(&work);
    signals_uninstall();
    daub_stop_uninit(&work.stop);
    return code;
}
