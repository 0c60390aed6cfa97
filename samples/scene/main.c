/* Renders the sample scene: a picture stream, exact optical flow, or its sound track. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "render.h"
#include "sound.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"

static const char usage[] =
    "usage: scene [options] -o FILE|-         frames as a stream of PPM pictures\n"
    "       scene [options] --flow N[,N..] DIR  exact flow of frames N to the ones "
    "before\n"
    "       scene --sound FILE.wav              the sound track\n"
    "  --size WxH     picture size (640x360)\n"
    "  --frames A-B   first and last frame (0-179)\n"
    "  --samples N    N x N rays a pixel (2)\n"
    "  --gpu NAME     device, as in daub (auto)\n"
    "--flow writes DIR/flow_NNNN.flo (Middlebury, pixels) and DIR/visible_NNNN.pgm: 255\n"
    "where the pixel's point shows in frame N - 1, 0 where it is hidden or outside.\n";

struct options {
    int width, height, samples;
    int first, last;
    const char *gpu, *out, *sound, *flow, *folder;
};

/* "A<separator>B", both from min to max. */
static bool parse_pair(const char *text, char separator, int min, int max, int *a, int *b)
{
    char first[16];
    int64_t x, y;
    const char *at = text ? strchr(text, separator) : NULL;
    if (!at || (size_t)(at - text) >= sizeof(first))
        return false;
    memcpy(first, text, (size_t)(at - text));
    first[at - text] = '\0';
    if (!daub_text_int(first, min, max, &x) || !daub_text_int(at + 1, min, max, &y))
        return false;
    *a = (int)x;
    *b = (int)y;
    return true;
}

static bool parse(int argc, char **argv, struct options *options)
{
    *options =
        (struct options){640, 360, 2, 0, SCENE_FRAMES - 1, NULL, NULL, NULL, NULL, NULL};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[++i] : NULL;
        int64_t number;
        if (!value)
            return false;
        if (strcmp(name, "--size") == 0) {
            if (!parse_pair(value, 'x', 8, SCENE_MAX, &options->width, &options->height))
                return false;
        } else if (strcmp(name, "--frames") == 0) {
            if (!parse_pair(value, '-', 0, SCENE_FRAMES - 1, &options->first,
                            &options->last) ||
                options->first > options->last)
                return false;
        } else if (strcmp(name, "--samples") == 0) {
            if (!daub_text_int(value, 1, 16, &number))
                return false;
            options->samples = (int)number;
        } else if (strcmp(name, "--gpu") == 0) {
            options->gpu = value;
        } else if (strcmp(name, "-o") == 0) {
            options->out = value;
        } else if (strcmp(name, "--sound") == 0) {
            options->sound = value;
        } else if (strcmp(name, "--flow") == 0 && i + 1 < argc) {
            options->flow = value;
            options->folder = argv[++i];
        } else {
            return false;
        }
    }
    return !!options->out + !!options->sound + !!options->flow == 1;
}

static bool cannot_write(const char *path, struct daub_error *error)
{
    return daub_fail(error, DAUB_ERROR_FAILED, "cannot write %s: %s", path,
                     strerror(errno));
}

/* header, then size bytes of data; "-" is standard output. */
static bool write_file(const char *path, const void *header, size_t header_size,
                       const void *data, size_t size, struct daub_error *error)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        return cannot_write(path, error);
    bool ok = fwrite(header, 1, header_size, file) == header_size &&
              fwrite(data, 1, size, file) == size;
    ok = fclose(file) == 0 && ok;
    return ok || cannot_write(path, error);
}

static bool write_colors(struct scene_render *render, const struct options *options,
                         struct daub_error *error)
{
    size_t bytes = (size_t)options->width * (size_t)options->height * 3;
    uint8_t *rgb = daub_alloc(bytes, 1);
    bool to_stdout = strcmp(options->out, "-") == 0;
    FILE *file = to_stdout ? stdout : fopen(options->out, "wb");
    bool ok = rgb && file;
    if (!rgb)
        daub_fail(error, DAUB_ERROR_MEMORY, "out of memory for a frame");
    else if (!file)
        cannot_write(options->out, error);
    for (int frame = options->first; ok && frame <= options->last; frame++) {
        ok = scene_render_color(render, frame, rgb, error);
        if (ok &&
            (fprintf(file, "P6\n%d %d\n255\n", options->width, options->height) < 0 ||
             fwrite(rgb, 1, bytes, file) != bytes || fflush(file) != 0))
            ok = cannot_write(options->out, error);
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\rframe %d of %d-%d ", frame, options->first, options->last);
    }
    if (file && !to_stdout && fclose(file) != 0 && ok)
        ok = cannot_write(options->out, error);
    free(rgb);
    return ok;
}

static bool write_flow(struct scene_render *render, const struct options *options,
                       int frame, float *flow, uint8_t *mask, struct daub_error *error)
{
    char path[4400], pgm[64];
    size_t count = (size_t)options->width * (size_t)options->height;
    struct {
        float tag; /* "PIEH" as the little-endian bytes of 202021.25 */
        int32_t width, height;
    } flo = {202021.25f, options->width, options->height};
    if (!scene_render_flow(render, frame, flow, mask, error))
        return false;
    snprintf(path, sizeof(path), "%s/flow_%04d.flo", options->folder, frame);
    if (!write_file(path, &flo, sizeof(flo), flow, count * 2 * sizeof(float), error))
        return false;
    int length =
        snprintf(pgm, sizeof(pgm), "P5\n%d %d\n255\n", options->width, options->height);
    snprintf(path, sizeof(path), "%s/visible_%04d.pgm", options->folder, frame);
    return write_file(path, pgm, (size_t)length, mask, count, error);
}

static bool write_flows(struct scene_render *render, const struct options *options,
                        struct daub_error *error)
{
    size_t count = (size_t)options->width * (size_t)options->height;
    float *flow = daub_alloc(count, 2 * sizeof(float));
    uint8_t *mask = daub_alloc(count, 1);
    char *list = daub_strdup(options->flow), *rest = list, *word;
    bool ok = flow && mask && list;
    if (!ok)
        daub_fail(error, DAUB_ERROR_MEMORY, "out of memory for a flow field");
    while (ok && (word = strsep(&rest, ","))) {
        int64_t frame;
        ok = daub_text_int(word, 1, SCENE_FRAMES - 1, &frame);
        if (!ok)
            daub_fail(error, DAUB_ERROR_ARGUMENT, "--flow %s: frames are 1 to %d", word,
                      SCENE_FRAMES - 1);
        else
            ok = write_flow(render, options, (int)frame, flow, mask, error);
    }
    free(flow);
    free(mask);
    free(list);
    return ok;
}

static bool write_sound(const char *path, struct daub_error *error)
{
    const uint32_t frames = SCENE_FRAMES * (SOUND_RATE / SCENE_FPS), bytes = frames * 4;
    /* RIFF WAVE, PCM; the fields are little-endian as this program's host must be */
    struct {
        char riff[4];
        uint32_t size;
        char wave[8];
        uint32_t format_size;
        uint16_t format, channels;
        uint32_t rate, bytes_per_second;
        uint16_t align, bits;
        char data[4];
        uint32_t data_size;
    } wav = {{'R', 'I', 'F', 'F'},
             36 + bytes,
             {'W', 'A', 'V', 'E', 'f', 'm', 't', ' '},
             16,
             1,
             2,
             SOUND_RATE,
             SOUND_RATE * 4,
             4,
             16,
             {'d', 'a', 't', 'a'},
             bytes};
    float *mix = daub_alloc(frames, 2 * sizeof(float));
    int16_t *samples = daub_alloc(frames, 2 * sizeof(int16_t));
    bool ok = mix && samples;
    if (ok) {
        scene_sound(samples, mix, (int)frames);
        ok = write_file(path, &wav, sizeof(wav), samples, bytes, error);
    } else {
        daub_fail(error, DAUB_ERROR_MEMORY, "out of memory for the sound");
    }
    free(mix);
    free(samples);
    return ok;
}

int main(int argc, char **argv)
{
    struct options options;
    struct daub_error error = {0};
    if (!parse(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    bool ok;
    if (options.sound) {
        ok = write_sound(options.sound, &error);
    } else {
        struct scene_render render = {0};
        ok = scene_render_init(&render, options.gpu, options.width, options.height,
                               options.samples, &error) &&
             (options.flow ? write_flows(&render, &options, &error)
                           : write_colors(&render, &options, &error));
        scene_render_uninit(&render);
    }
    if (!ok)
        fprintf(stderr, "scene: %s\n", error.message);
    return ok ? 0 : 1;
}
