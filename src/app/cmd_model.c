/* daub model: says what a model is, compares its painting with another program's, or
 * prints its graph or plan. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/files.h"
#include "app/signals.h"
#include "app/styles.h"
#include "media/still.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

/* dB; a painting that is less like the expected one is another one. */
#define CHECK_LEAST 40.0

static int dump_plan(const struct options *options, struct daub_device *device,
                     const struct daub_model *model, int width, int height)
{
    struct daub_error error = {0};
    struct daub_stylizer *stylizer = NULL;
    struct daub_stylizer_params params = {.in_width = width,
                                          .in_height = height,
                                          .in = {.pixel = DAUB_PIXEL_YUV420P},
                                          .precision =
                                              (enum daub_precision)options->precision,
                                          .skip_check = true};
    int code = EXIT_CODE_DONE;
    if (daub_stylizer_create(device, model, &params, &stylizer, &error) != DAUB_OK)
        code = command_fail(exit_code_of(error.status), &error);
    else
        daub_stylizer_dump(stylizer, stdout);
    daub_stylizer_free(stylizer);
    return code;
}

/* ---- what it is ---- */

static void print_operator(const char *name, int count, void *user)
{
    int *column = user;
    char text[96];
    int length = snprintf(text, sizeof(text), "%s %d", name, count);
    if (*column + length + 2 > 80)
        *column = printf("\n              ") - 1;
    *column += printf("%s%s", *column > 14 ? ", " : "", text);
}

static void print_inputs(const struct daub_model_info *info)
{
    printf("picture       [1,%s%d%s]", info->channels_last ? "H,W," : "", info->channels,
           info->channels_last ? "" : ",H,W");
    if (info->width && info->height)
        printf(", made for %dx%d and adapted to other sizes", info->width, info->height);
    printf("%s\n", info->channels == 1   ? ", gray"
                   : info->channels == 4 ? ", with alpha"
                   : info->channels == 7 ? ", with the warped previous output"
                                         : "");
    if (info->style_picture)
        printf("style         a second picture, of which %d numbers are kept\n",
               info->signal_count);
    else if (info->encoder && info->style_count == 0)
        printf("style         a vector of %d numbers, which another network makes of a "
               "picture\n",
               info->signal_count);
    else if (info->style_count > 0)
        daub_text_print(stdout, "style         %d styles: %s to %s%s\n",
                        info->style_count, info->styles[0].name,
                        info->styles[info->style_count - 1].name,
                        info->encoder ? ", and any picture" : "");
    else
        printf("style         one, which is fixed\n");
    printf("values        %s, %s\n",
           info->range == DAUB_MODEL_RANGE_1     ? "0..1"
           : info->range == DAUB_MODEL_RANGE_255 ? "0..255"
                                                 : "-1..1",
           info->range_reason);
}

static bool print_cost(const struct options *options, struct daub_device *device,
                       const struct daub_model *model, int width, int height,
                       struct daub_error *error)
{
    struct daub_model_cost cost;
    if (daub_model_estimate(device, model, width, height,
                            (enum daub_precision)options->precision, &cost,
                            error) != DAUB_OK)
        return false;
    printf("%-13s %.1f GFLOP a frame in %d steps; memory %.0f MB of maps, %.0f MB of "
           "weights\n",
           width == 1280 ? "1280x720" : "1920x1080", cost.macs * 2e-9, cost.steps,
           (double)cost.arena_bytes / 1e6, (double)cost.weight_bytes / 1e6);
    if (width == 1280 && cost.alignment > 1)
        printf(
            "alignment     %d pixels; other sizes are extended by reflection and cut\n",
            cost.alignment);
    return true;
}

/* The largest of the usual sizes that the device's memory holds. */
static void print_largest(const struct options *options, struct daub_device *device,
                          const struct daub_model *model)
{
    static const int heights[] = {360, 480, 720, 1080, 1440, 2160, 2880, 4320, 8640};
    struct daub_error error = {0};
    struct daub_model_cost cost;
    int largest = 0;
    for (size_t i = 0; i < sizeof(heights) / sizeof(heights[0]); i++) {
        if (daub_model_estimate(device, model, heights[i] * 16 / 9, heights[i],
                                (enum daub_precision)options->precision, &cost,
                                &error) != DAUB_OK)
            break;
        largest = heights[i];
    }
    if (largest == 0)
        daub_text_print(stdout, "largest size  below 640x360: %s\n", error.message);
    else if (error.status == DAUB_OK)
        printf("largest size  above %dx%d\n", largest * 16 / 9, largest);
    else
        daub_text_print(stdout, "largest size  %dx%d on %s; then: %s\n", largest * 16 / 9,
                        largest, daub_device_get_info(device)->name, error.message);
}

static int describe(const struct options *options, struct daub_device *device,
                    const struct daub_model *model)
{
    const struct daub_model_info *info = daub_model_get_info(model);
    struct daub_error error = {0};
    int column = printf("operators     ");
    daub_model_operators(model, print_operator, &column);
    printf("\ncost          %.1f kMAC a pixel\n", info->macs_per_pixel / 1e3);
    if (!print_cost(options, device, model, 1280, 720, &error) ||
        !print_cost(options, device, model, 1920, 1080, &error))
        daub_log(DAUB_LOG_WARNING, "%s", error.message);
    print_largest(options, device, model);
    return EXIT_CODE_DONE;
}

/* ---- comparing ---- */

/* What --check needs. */
struct check {
    struct daub_device *device;
    const struct daub_model *model;
    struct daub_stop stop;
    struct styles styles;
    AVFrame *photo, *expected, *painted;
    float *weights;
};

static struct daub_image image_of(const AVFrame *frame)
{
    return (struct daub_image){.width = frame->width,
                               .height = frame->height,
                               .format.pixel = DAUB_PIXEL_RGBA,
                               .plane = {frame->data[0]},
                               .stride = {frame->linesize[0]}};
}

static bool read_pictures(struct check *check, const struct options *options,
                          struct daub_error *error)
{
    check->photo = media_still_read(options->check, STILL_SIDE_ANY, &check->stop, error);
    check->expected = check->photo ? media_still_read(options->others.values[0],
                                                      STILL_SIDE_ANY, &check->stop, error)
                                   : NULL;
    if (!check->expected)
        return false;
    if (check->photo->width != check->expected->width ||
        check->photo->height != check->expected->height)
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "%s has %dx%d pixels and %s %dx%d",
                         options->check, check->photo->width, check->photo->height,
                         options->others.values[0], check->expected->width,
                         check->expected->height);
    check->painted = av_frame_clone(check->photo);
    return (check->painted && av_frame_make_writable(check->painted) >= 0) ||
           daub_no_memory(error, "the painting");
}

static bool paint(struct check *check, const struct options *options,
                  struct daub_error *error)
{
    struct style_mix mix;
    struct daub_stylizer *stylizer = NULL;
    const struct daub_model_info *info = daub_model_get_info(check->model);
    struct daub_image from = image_of(check->photo), to = image_of(check->painted);
    struct daub_stylizer_params params = {.in_width = from.width,
                                          .in_height = from.height,
                                          .in = from.format,
                                          .precision =
                                              (enum daub_precision)options->precision};
    struct daub_frame_params frame = {.strength = 1};
    check->weights = daub_alloc((size_t)info->weight_count + 1, sizeof(*check->weights));
    if (!check->weights)
        return daub_no_memory(error, "the style weights");
    if (info->weight_count > 0)
        frame.style = check->weights;
    bool ok = styles_parse(&check->styles, options->style, &mix, error) &&
              styles_weights(&check->styles, &mix, command_boldness(options, info),
                             check->weights, error) &&
              daub_stylizer_create(check->device, check->model, &params, &stylizer,
                                   error) == DAUB_OK &&
              daub_stylizer_submit(stylizer, &from, &frame, 0, error) == DAUB_OK &&
              daub_stylizer_receive(stylizer, &to, NULL, error) == DAUB_OK;
    daub_stylizer_free(stylizer);
    return ok;
}

static int compare(const AVFrame *painted, const AVFrame *expected)
{
    double sum = 0;
    int most = 0;
    for (int y = 0; y < painted->height; y++) {
        const uint8_t *a = painted->data[0] + (ptrdiff_t)y * painted->linesize[0];
        const uint8_t *b = expected->data[0] + (ptrdiff_t)y * expected->linesize[0];
        for (int i = 0; i < 4 * painted->width; i++) {
            int d = i % 4 == 3 ? 0 : abs(a[i] - b[i]);
            sum += (double)d * d;
            most = d > most ? d : most;
        }
    }
    double mean = sum / (3.0 * painted->width * painted->height);
    double db = 10 * log10(255.0 * 255.0 / mean);
    printf("%.1f dB; the largest difference is %d of 255: %s\n", db, most,
           db >= CHECK_LEAST ? "the same painting" : "another painting");
    return db >= CHECK_LEAST ? EXIT_CODE_DONE : EXIT_CODE_FAILED;
}

static int check(const struct options *options, struct daub_device *device,
                 const struct daub_model *model)
{
    struct daub_error error = {0};
    struct check check = {.device = device, .model = model};
    int code = EXIT_CODE_FAILED;
    if (!daub_stop_init(&check.stop, &error))
        return command_fail(EXIT_CODE_FAILED, &error);
    signals_install(&check.stop);
    styles_init(&check.styles, model, device, &check.stop);
    if (!read_pictures(&check, options, &error))
        code = files_fail(&error, EXIT_CODE_INPUT);
    else if (!paint(&check, options, &error))
        code = command_fail(exit_code_of(error.status), &error);
    else
        code = compare(check.painted, check.expected);
    styles_uninit(&check.styles);
    av_frame_free(&check.photo);
    av_frame_free(&check.expected);
    av_frame_free(&check.painted);
    free(check.weights);
    signals_uninstall();
    daub_stop_uninit(&check.stop);
    return code;
}

int command_model(const struct options *options)
{
    struct daub_error error = {0};
    struct daub_model *model = NULL;
    struct daub_device *device = NULL;
    struct daub_device_params device_params = command_device_params(options, NULL);
    struct size_spec size;
    int width, height, code = EXIT_CODE_DONE;
    if (!options->input || options->others.count != (options->check ? 1 : 0)) {
        daub_log(DAUB_LOG_ERROR, "say which model: daub model FILE; and with --check two "
                                 "pictures: daub model FILE --check PHOTO EXPECTED");
        return EXIT_CODE_USAGE;
    }
    if (!size_parse(options->size, "--size", &size, &error))
        return command_fail(EXIT_CODE_USAGE, &error);
    size_apply(&size, 640, 360, &width, &height);
    if (!command_load_model(options, options->input, &model, &error))
        return command_fail(exit_code_of(error.status), &error);
    if (!options->dump && !options->check) {
        const struct daub_model_info *info = daub_model_get_info(model);
        daub_text_print(
            stdout, "%s%s%s\nfile          opset %d, %.2f million parameters%s%s\n",
            info->name, info->title ? ": " : "", info->title ? info->title : "",
            info->opset, (double)info->parameters / 1e6,
            info->licence ? ", licence " : "", info->licence ? info->licence : "");
        print_inputs(info);
    }
    if (options->dump == DUMP_GRAPH) {
        if (daub_model_dump(model, width, height, stdout, &error) != DAUB_OK)
            code = command_fail(exit_code_of(error.status), &error);
    } else if (daub_device_open(&device_params, &device, &error) != DAUB_OK) {
        code = command_fail(exit_code_of(error.status), &error);
    } else if (options->dump == DUMP_PLAN) {
        code = dump_plan(options, device, model, width, height);
    } else {
        code = options->check ? check(options, device, model)
                              : describe(options, device, model);
    }
    code = command_validated(device, code);
    daub_device_close(device);
    daub_model_free(model);
    return code;
}
