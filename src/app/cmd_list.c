/* The commands "daub devices" and "daub models". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/commands.h"
#include "media/camera.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

static const char *kind_name(enum daub_device_kind kind)
{
    switch (kind) {
    case DAUB_DEVICE_DISCRETE:
        return "graphics card";
    case DAUB_DEVICE_INTEGRATED:
        return "integrated graphics";
    case DAUB_DEVICE_VIRTUAL:
        return "virtual graphics";
    case DAUB_DEVICE_SOFTWARE:
        return "software Vulkan";
    case DAUB_DEVICE_PROCESSOR:
        return "the processor";
    case DAUB_DEVICE_OTHER:
        break;
    }
    return "other";
}

static void print_device(int number, const struct daub_device_info *info)
{
    char memory[24];
    daub_text_bytes(memory, sizeof(memory), info->memory_bytes);
    daub_text_print(stdout, "%d  %s\n", number, info->name);
    daub_text_print(stdout, "   %s, %s, driver %s\n", kind_name(info->kind), memory,
                    info->driver);
    daub_text_print(stdout, "   UUID %s\n", info->uuid);
    if (info->usable)
        daub_text_print(stdout, "   usable, %s\n",
                        info->fp16_storage ? "fp16 or fp32" : "fp32 only");
    else
        daub_text_print(stdout, "   not usable: %s\n", info->missing);
}

/* The highest rate of the modes that have the format and size of the one at index first.
 * *next: the index after these modes. */
static AVRational fastest(const struct camera_info *info, int first, int *next)
{
    const struct camera_mode *same = &info->modes[first], *mode = same;
    AVRational best = mode->rate;
    for (*next = first; *next < info->mode_count; ++*next) {
        mode = &info->modes[*next];
        if (mode->fourcc != same->fourcc || mode->width != same->width ||
            mode->height != same->height)
            break;
        if (av_cmp_q(mode->rate, best) > 0)
            best = mode->rate;
    }
    return best;
}

/* Prints a line for each format with its sizes and their highest rates. */
static bool print_camera(const struct camera_info *info, void *user)
{
    (void)user;
    daub_text_print(stdout, "cam:%d  %s (%s, %s)", info->number, info->card, info->path,
                    info->bus);
    uint32_t fourcc = 0;
    for (int i = 0, next; i < info->mode_count; i = next) {
        const struct camera_mode *mode = &info->modes[i];
        AVRational rate = fastest(info, i, &next);
        if (mode->fourcc != fourcc)
            daub_text_print(stdout, "\n   %s", camera_format_of(mode->fourcc)->name);
        fourcc = mode->fourcc;
        daub_text_print(stdout, " %dx%d", mode->width, mode->height);
        if (rate.num > 0)
            daub_text_print(stdout, "@%g", av_q2d(rate));
    }
    daub_text_print(stdout, "\n");
    return true;
}

int command_devices(const struct options *options)
{
    enum { DEVICES_MAX = 64 };
    struct daub_error error = {0};
    (void)options;
    struct daub_device_info *infos = daub_alloc(DEVICES_MAX, sizeof(*infos));
    int count = infos ? daub_device_list(infos, DEVICES_MAX, &error) : -1;
    if (count < 0)
        daub_no_memory(&error, "the list");
    if (count == 0)
        daub_fail(&error, DAUB_ERROR_NO_DEVICE,
                  "no Vulkan device; install the graphics card's driver, or "
                  "mesa-vulkan-drivers to paint on the processor");
    bool usable = false;
    for (int i = 0; i < count && i < DEVICES_MAX; i++) {
        print_device(i, &infos[i]);
        usable = usable || infos[i].usable;
    }
    free(infos);
    camera_each(print_camera, NULL);
    if (count <= 0)
        return command_fail(EXIT_CODE_DEVICE, &error);
    return usable ? EXIT_CODE_DONE : EXIT_CODE_DEVICE;
}

static void print_style(const struct daub_style_info *style, bool is_default)
{
    daub_text_print(stdout, "   %c %s", is_default ? '*' : '-', style->name);
    if (style->title)
        daub_text_print(stdout, ": %s", style->title);
    if (style->artist && *style->artist)
        daub_text_print(stdout, ", %s", style->artist);
    if (style->year)
        daub_text_print(stdout, ", %d", style->year);
    if (style->licence)
        daub_text_print(stdout, " (%s)", style->licence);
    daub_text_print(stdout, "\n");
}

struct visit {
    int count;
    bool failed;
};

static void print_model(const char *path, void *user)
{
    struct visit *visit = user;
    struct daub_error error = {0};
    struct daub_model *model = NULL;
    visit->count++;
    if (daub_model_load(path, 0, &model, &error) != DAUB_OK) {
        daub_log(DAUB_LOG_WARNING, "%s: %s", path, error.message);
        visit->failed = true;
        return;
    }
    const struct daub_model_info *info = daub_model_get_info(model);
    daub_text_print(stdout, "%s", info->name);
    if (info->title)
        daub_text_print(stdout, ": %s", info->title);
    daub_text_print(
        stdout,
        "\n   %.2f million parameters, %.1f kMAC a pixel (a frame of 1280x720: %.0f "
        "GFLOP)",
        (double)info->parameters / 1e6, info->macs_per_pixel / 1e3,
        info->macs_per_pixel * 1280 * 720 * 2 / 1e9);
    if (info->licence)
        daub_text_print(stdout, ", licence %s", info->licence);
    daub_text_print(stdout, "\n");
    for (int i = 0; i < info->style_count; i++)
        print_style(&info->styles[i], i == info->default_style);
    if (info->encoder)
        daub_text_print(stdout, "   and any picture: -s painting.jpg\n");
    daub_model_free(model);
}

int command_models(const struct options *options)
{
    struct visit visit = {0};
    if (options->gallery)
        return command_gallery(options);
    if (options->input) {
        daub_log(DAUB_LOG_ERROR,
                 "%s: an input needs --gallery SHEET, which paints it in every style",
                 options->input);
        return EXIT_CODE_USAGE;
    }
    daub_model_each(print_model, &visit);
    if (visit.count == 0)
        daub_log(DAUB_LOG_WARNING,
                 "no built-in model was found; set DAUB_MODELS to their folder");
    return visit.failed ? EXIT_CODE_FAILED : EXIT_CODE_DONE;
}
