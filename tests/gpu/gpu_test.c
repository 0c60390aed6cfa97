#include "gpu_test.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int validation_errors;

#if defined(DAUB_SANITIZE)
/* Keeps the driver loaded, so that LeakSanitizer's reports name it (lsan.supp). */
__attribute__((constructor)) static void keep_driver(void)
{
    dlopen("libvulkan_lvp.so", RTLD_LAZY | RTLD_NODELETE);
}
#endif

bool gpu_test_validates(void)
{
    const char *wish = getenv("DAUB_TEST_VALIDATION");
    return wish && *wish && strcmp(wish, "0") != 0;
}

double gpu_test_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct daub_device *gpu_test_device(int i, const char *kernels)
{
    char select[16];
    struct daub_device *device;
    struct daub_error error = {0};
    snprintf(select, sizeof(select), "%d", i);
    struct daub_device_params params = {.select = select,
                                        .validation = gpu_test_validates(),
                                        .cache_path = "",
                                        .kernels = kernels};
    if (daub_device_open(&params, &device, &error) != DAUB_OK) {
        bool no_layer = params.validation && strstr(error.message, "layer is missing");
        fprintf(stderr, "device %d: %s\n", i, error.message);
        exit(no_layer ? 77 : 1);
    }
    return device;
}

void gpu_test_device_close(struct daub_device *device)
{
    validation_errors += device ? daub_device_validation_errors(device) : 0;
    daub_device_close(device);
}

bool gpu_test_open(struct gpu_test *test)
{
    const char *kernels = getenv("DAUB_TEST_KERNELS");
    bool shaders = kernels && strcmp(kernels, "shaders") == 0;
    struct daub_device_info infos[GPU_TEST_MAX];
    struct daub_error error = {0};
    int found = daub_device_list(infos, GPU_TEST_MAX, &error);
    memset(test, 0, sizeof(*test));
    for (int i = 0; i < found && i < GPU_TEST_MAX; i++) {
        bool has_set = !shaders || infos[i].kind != DAUB_DEVICE_PROCESSOR;
        if (!infos[i].usable || !has_set)
            continue;
        struct daub_device *device = gpu_test_device(i, kernels);
        printf("device %d: %s, subgroups of %u%s\n", i, infos[i].name,
               device->caps.subgroup_size, gpu_test_validates() ? ", validation on" : "");
        test->devices[test->count++] = device;
    }
    fflush(stdout);
    if (test->count == 0)
        printf("skipped: no usable Vulkan device %s\n", error.message);
    return test->count > 0;
}

bool gpu_test_close(struct gpu_test *test)
{
    for (int i = 0; i < test->count; i++)
        gpu_test_device_close(test->devices[i]);
    if (validation_errors > 0)
        fprintf(stderr, "%d validation errors\n", validation_errors);
    return validation_errors == 0;
}

int gpu_test_kernels(const struct daub_device *device,
                     enum gpu_kernels sets[GPU_TEST_KERNELS])
{
    int count = 0;
    if (device->device)
        sets[count++] = GPU_KERNELS_SHADERS;
    if (device->isa)
        sets[count++] = GPU_KERNELS_HOST;
    return count;
}

const char *gpu_test_kernels_name(enum gpu_kernels kernels)
{
    return kernels == GPU_KERNELS_HOST ? "host" : "shaders";
}
