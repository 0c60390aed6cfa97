/* The command "daub doctor": checks that every kernel set of every device computes right
 * pictures, at both precisions, times them, and tells which one is chosen. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

enum { DEVICES_MAX = 16, FRAMES_MAX = 10, TIMED_US = 500000 };
enum { WIDTH = 640, HEIGHT = 360, PIXEL_BYTES = 4 };

/* Least time of a frame without flow, in ms; NaN where painting failed. */
static double time_frame(struct daub_device *device, const struct daub_model *model,
                         enum daub_precision precision)
{
    struct daub_stylizer *stylizer = NULL;
    struct daub_stylizer_params params = {.in_width = WIDTH,
                                          .in_height = HEIGHT,
                                          .in = {.pixel = DAUB_PIXEL_RGBA},
                                          .precision = precision,
                                          .skip_check = true};
    unsigned char *pixels = daub_alloc((size_t)WIDTH * HEIGHT, PIXEL_BYTES);
    struct daub_image image = {.width = WIDTH,
                               .height = HEIGHT,
                               .format = params.in,
                               .plane = {pixels},
                               .stride = {WIDTH * PIXEL_BYTES}};
    double best_ms = INFINITY;
    int64_t end_us = 0, tag;
    bool ok = pixels &&
              daub_stylizer_create(device, model, &params, &stylizer, NULL) == DAUB_OK;
    /* The first frame, which may make the driver compile, is not timed. */
    for (int i = 0; ok && i <= FRAMES_MAX && (i < 2 || daub_clock_us() < end_us); i++) {
        int64_t start_us = daub_clock_us();
        ok = daub_stylizer_submit(stylizer, &image, NULL, i, NULL) == DAUB_OK &&
             daub_stylizer_receive(stylizer, &image, &tag, NULL) == DAUB_OK;
        if (i == 0)
            end_us = daub_clock_us() + TIMED_US;
        else
            best_ms = fmin(best_ms, (double)(daub_clock_us() - start_us) * 1e-3);
    }
    daub_stylizer_free(stylizer);
    free(pixels);
    return ok ? best_ms : NAN;
}

/* Prints one line; true where the device may be used at that precision. */
static bool check(struct daub_device *device, const struct daub_model *model,
                  enum daub_precision precision)
{
    struct daub_error error = {0};
    const char *name = precision == DAUB_PRECISION_FP16 ? "fp16" : "fp32";
    const char *kernels = daub_device_kernels(device);
    double psnr = 0;
    bool safe = false;
    if (daub_device_check(device, model, precision, &psnr, &safe, &error) != DAUB_OK) {
        daub_text_print(stdout, "   %s %s  failed: %s\n", kernels, name, error.message);
        return false;
    }
    daub_text_print(
        stdout, "   %s %s  %s: %.1f dB from the reference, %.1f ms a frame of %dx%d\n",
        kernels, name, safe ? "safe" : "WRONG", psnr,
        time_frame(device, model, precision), WIDTH, HEIGHT);
    return safe;
}

/* The results of the network's steps. */
struct steps {
    int count;
    struct daub_checked_step worst; /* the first wrong one, else the least exact one */
};

static void add_step(const struct daub_checked_step *step, void *user)
{
    struct steps *steps = user;
    daub_log(DAUB_LOG_DEBUG, "%s: %.1f dB", step->name, step->psnr_db);
    bool worse = !step->right || step->psnr_db < steps->worst.psnr_db;
    if (steps->count == 0 || (steps->worst.right && worse))
        steps->worst = *step;
    steps->count++;
}

static bool check_steps(struct daub_device *device, const struct daub_model *model)
{
    struct daub_error error = {0};
    struct steps steps = {0};
    if (daub_device_check_steps(device, model, add_step, &steps, &error) != DAUB_OK)
        daub_text_print(stdout, "   steps failed: %s\n", error.message);
    else if (steps.count > 0 && !steps.worst.right)
        daub_text_print(stdout, "   first wrong step: %s, %.1f dB from the reference\n",
                        steps.worst.name, steps.worst.psnr_db);
    else
        daub_text_print(stdout, "   %d steps are right; the least exact: %s, %.1f dB\n",
                        steps.count, steps.worst.name, steps.worst.psnr_db);
    return steps.count > 0 && steps.worst.right && error.status == DAUB_OK;
}

/* What was found out about a device. */
struct findings {
    bool fp32_safe, fp16_safe; /* on at least one kernel set */
    bool right;                /* nothing failed at fp32 */
};

/* Checks the device with one kernel set; kernels NULL: the one it chooses. */
static void examine_set(const struct options *options, int number, const char *kernels,
                        const struct daub_model *model, struct findings *findings)
{
    struct daub_error error = {0};
    struct daub_device *device = NULL;
    char select[16];
    snprintf(select, sizeof(select), "%d", number);
    struct daub_device_params params = command_device_params(options, NULL);
    params.select = select;
    params.kernels = kernels;
    enum daub_status status = daub_device_open(&params, &device, &error);
    bool has_set = status != DAUB_ERROR_NO_DEVICE && status != DAUB_ERROR_ARGUMENT;
    if (status != DAUB_OK && (has_set || options->kernels)) {
        daub_text_print(stdout, "   cannot be opened: %s\n", error.message);
        findings->right = false;
    }
    if (status != DAUB_OK)
        return;
    bool fp32 = check(device, model, DAUB_PRECISION_FP32);
    bool halves = strncmp(daub_device_kernels(device), "host", 4) != 0;
    bool fp16 = halves && check(device, model, DAUB_PRECISION_FP16);
    bool right = fp32 && (!options->check_steps || check_steps(device, model));
    bool valid = command_validated(device, EXIT_CODE_DONE) == EXIT_CODE_DONE;
    daub_device_close(device);
    findings->fp32_safe = findings->fp32_safe || fp32;
    findings->fp16_safe = findings->fp16_safe || fp16 || !halves;
    findings->right = findings->right && right && valid;
}

static struct findings examine(const struct options *options, int number,
                               const struct daub_device_info *info,
                               const struct daub_model *model)
{
    static const char *const sets[] = {"shaders", "host"};
    struct findings findings = {.right = true};
    daub_text_print(stdout, "%d  %s, driver %s\n", number, info->name, info->driver);
    if (!info->usable) {
        daub_text_print(stdout, "   cannot be used: it lacks %s\n", info->missing);
        return (struct findings){0};
    }
    if (options->kernels)
        examine_set(options, number, options->kernels, model, &findings);
    for (size_t i = 0; !options->kernels && i < sizeof(sets) / sizeof(*sets); i++)
        examine_set(options, number, sets[i], model, &findings);
    if (findings.fp32_safe && !findings.fp16_safe)
        daub_text_print(stdout, "   use it with --precision fp32\n");
    else if (!findings.fp32_safe)
        daub_text_print(stdout, "   do not use it: update its driver\n");
    return findings;
}

/* Tells what daub paints with when it is started with these options, and why. */
static void tell_choice(const struct options *options,
                        const struct daub_device_info *infos, int count,
                        const struct findings *findings)
{
    struct daub_error error = {0};
    struct daub_device *device = NULL;
    struct daub_device_params params = command_device_params(options, NULL);
    if (daub_device_open(&params, &device, &error) != DAUB_OK) {
        daub_text_print(stdout, "chosen: none; %s\n", error.message);
        return;
    }
    const struct daub_device_info *info = daub_device_get_info(device);
    bool processor = info->kind == DAUB_DEVICE_PROCESSOR;
    int number = 0;
    while (number + 1 < count && (strcmp(infos[number].uuid, info->uuid) != 0 ||
                                  infos[number].kind != info->kind))
        number++;
    char why[96];
    if (options->kernels || options->gpu)
        snprintf(why, sizeof(why), "it was asked for");
    else
        snprintf(why, sizeof(why), "%s",
                 processor ? "there is no graphics card that can be used"
                           : "a graphics card is faster than the processor");
    const char *precision =
        !processor && info->fp16_storage && findings[number].fp16_safe ? "fp16" : "fp32";
    if (!findings[number].fp32_safe && !processor && !options->kernels)
        daub_text_print(
            stdout,
            "chosen: device %d (%s), because device %d (%s) computes wrong pictures\n",
            count - 1, infos[count - 1].name, number, info->name);
    else
        daub_text_print(stdout, "chosen: device %d (%s), %s %s, because %s\n", number,
                        info->name, daub_device_kernels(device), precision, why);
    daub_device_close(device);
}

int command_doctor(const struct options *options)
{
    struct daub_error error = {0};
    struct daub_device_info infos[DEVICES_MAX];
    struct daub_model *model = NULL;
    const char *name = options->model ? options->model : command_default_model(NULL);
    if (!command_load_model(options, name, &model, &error))
        return command_fail(exit_code_of(error.status), &error);
    int count = daub_device_list(infos, DEVICES_MAX, &error);
    count = count > DEVICES_MAX ? DEVICES_MAX : count;
    struct findings findings[DEVICES_MAX] = {{0}};
    bool any_safe = false;
    for (int i = 0; i < count; i++) {
        findings[i] = examine(options, i, &infos[i], model);
        any_safe = any_safe || (findings[i].fp32_safe && findings[i].right);
    }
    if (any_safe)
        tell_choice(options, infos, count, findings);
    daub_model_free(model);
    if (count < 0)
        return command_fail(exit_code_of(error.status), &error);
    if (any_safe)
        return EXIT_CODE_DONE;
    daub_log(DAUB_LOG_ERROR, "%s",
             "no device computes right pictures; update the drivers");
    return EXIT_CODE_DEVICE;
}
