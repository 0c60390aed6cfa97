/* The command "daub doctor": checks that every device computes right pictures, at both
 * precisions. */
#include <stdio.h>

#include "app/commands.h"
#include "util/log.h"

enum { DEVICES_MAX = 16 };

/* Prints one line; true where the device may be used at that precision. */
static bool check(struct daub_device *device, const struct daub_model *model,
                  enum daub_precision precision)
{
    struct daub_error error = {0};
    const char *name = precision == DAUB_PRECISION_FP16 ? "fp16" : "fp32";
    double psnr = 0;
    bool safe = false;
    if (daub_device_check(device, model, precision, &psnr, &safe, &error) != DAUB_OK) {
        printf("   %s  failed: %s\n", name, error.message);
        return false;
    }
    printf("   %s  %s: %.1f dB from the reference\n", name, safe ? "safe" : "WRONG",
           psnr);
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
        printf("   steps failed: %s\n", error.message);
    else if (steps.count > 0 && !steps.worst.right)
        printf("   first wrong step: %s, %.1f dB from the reference\n", steps.worst.name,
               steps.worst.psnr_db);
    else
        printf("   %d steps are right; the least exact: %s, %.1f dB\n", steps.count,
               steps.worst.name, steps.worst.psnr_db);
    return steps.count > 0 && steps.worst.right && error.status == DAUB_OK;
}

static bool examine(const struct options *options, int number,
                    const struct daub_device_info *info, const struct daub_model *model)
{
    struct daub_error error = {0};
    char select[16];
    printf("%d  %s, driver %s\n", number, info->name, info->driver);
    if (!info->usable) {
        printf("   cannot be used: it lacks %s\n", info->missing);
        return false;
    }
    snprintf(select, sizeof(select), "%d", number);
    struct daub_device_params params = command_device_params(options);
    params.select = select;
    struct daub_device *device = NULL;
    if (daub_device_open(&params, &device, &error) != DAUB_OK) {
        printf("   cannot be opened: %s\n", error.message);
        return false;
    }
    bool fp32 = check(device, model, DAUB_PRECISION_FP32);
    bool fp16 = check(device, model, DAUB_PRECISION_FP16);
    if (fp32 && !fp16)
        printf("   use it with --precision fp32\n");
    else if (!fp32)
        printf("   do not use it: update its driver\n");
    bool right = !options->check_steps || check_steps(device, model);
    bool valid = command_validated(device, EXIT_CODE_DONE) == EXIT_CODE_DONE;
    daub_device_close(device);
    return fp32 && right && valid;
}

int command_doctor(const struct options *options)
{
    struct daub_error error = {0};
    struct daub_device_info infos[DEVICES_MAX];
    struct daub_model *model = NULL;
    const char *name = options->model ? options->model : command_default_model(NULL);
    if (daub_model_load(name, (enum daub_model_range)options->model_range, &model,
                        &error) != DAUB_OK)
        return command_fail(exit_code_of(error.status), &error);
    int count = daub_device_list(infos, DEVICES_MAX, &error);
    bool any_safe = false;
    for (int i = 0; i < count && i < DEVICES_MAX; i++)
        any_safe = examine(options, i, &infos[i], model) || any_safe;
    daub_model_free(model);
    if (count < 0)
        return command_fail(exit_code_of(error.status), &error);
    if (any_safe)
        return EXIT_CODE_DONE;
    daub_log(DAUB_LOG_ERROR, "%s",
             count == 0
                 ? "no Vulkan device; install the graphics card's driver, or "
                   "mesa-vulkan-drivers to paint on the processor"
                 : "no device computes right pictures; update the drivers, or install "
                   "mesa-vulkan-drivers to paint on the processor");
    return EXIT_CODE_DEVICE;
}
