/* The command "daub doctor": checks that every kernel set of every device computes right
 * pictures, at both precisions. */
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "util/log.h"

enum { DEVICES_MAX = 16 };

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
        printf("   %s %s  failed: %s\n", kernels, name, error.message);
        return false;
    }
    printf("   %s %s  %s: %.1f dB from the reference\n", kernels, name,
           safe ? "safe" : "WRONG", psnr);
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
    struct daub_device_params params = command_device_params(options);
    params.select = select;
    params.kernels = kernels;
    enum daub_status status = daub_device_open(&params, &device, &error);
    bool has_set = status != DAUB_ERROR_NO_DEVICE && status != DAUB_ERROR_ARGUMENT;
    if (status != DAUB_OK && (has_set || options->kernels)) {
        printf("   cannot be opened: %s\n", error.message);
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

static bool examine(const struct options *options, int number,
                    const struct daub_device_info *info, const struct daub_model *model)
{
    static const char *const sets[] = {"shaders", "host"};
    struct findings findings = {.right = true};
    printf("%d  %s, driver %s\n", number, info->name, info->driver);
    if (!info->usable) {
        printf("   cannot be used: it lacks %s\n", info->missing);
        return false;
    }
    if (options->kernels)
        examine_set(options, number, options->kernels, model, &findings);
    for (size_t i = 0; !options->kernels && i < sizeof(sets) / sizeof(*sets); i++)
        examine_set(options, number, sets[i], model, &findings);
    if (findings.fp32_safe && !findings.fp16_safe)
        printf("   use it with --precision fp32\n");
    else if (!findings.fp32_safe)
        printf("   do not use it: update its driver\n");
    return findings.fp32_safe && findings.right;
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
             "no device computes right pictures; update the drivers");
    return EXIT_CODE_DEVICE;
}
