/* Shared by the tests that need a Vulkan device: every device is opened in turn. */
#ifndef DAUB_TESTS_GPU_TEST_H
#define DAUB_TESTS_GPU_TEST_H

#include <stdbool.h>

#include "gpu/gpu.h"

#define GPU_TEST_MAX     8
#define GPU_TEST_KERNELS 2 /* kernel sets */

struct gpu_test {
    struct daub_device *devices[GPU_TEST_MAX];
    int count;
};

/* Opens every usable device by its index; DAUB_TEST_VALIDATION=1 loads the validation
 * layer, DAUB_TEST_KERNELS=shaders leaves the host kernels out. Returns false with a
 * message where there is none: the program then ends with 77. Ends the program where
 * opening fails. */
bool gpu_test_open(struct gpu_test *test);
/* Closes them; false where the validation layer found errors. */
bool gpu_test_close(struct gpu_test *test);

/* Opens device number i with the kernel set ("shaders", "host", NULL) and nothing kept on
 * disk. */
struct daub_device *gpu_test_device(int i, const char *kernels);
/* Its validation errors fail the program at gpu_test_close. */
void gpu_test_device_close(struct daub_device *device);

/* Fills sets with the kernel sets that the device can run and returns their number. */
int gpu_test_kernels(const struct daub_device *device,
                     enum gpu_kernels sets[GPU_TEST_KERNELS]);
const char *gpu_test_kernels_name(enum gpu_kernels kernels);

bool gpu_test_validates(void);
double gpu_test_seconds(void);

#endif
