/* The graphics card that a batch system gives to a process, without cards: descriptions
 * of devices and the variables of the environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gpu/gpu.h"

enum { AMD = 0x1002, INTEL = 0x8086, NVIDIA = 0x10de };

static const struct {
    const char *cuda, *rocr, *slurm; /* NULL: not set */
    unsigned vendor;
    int of_vendor, of_all;
    bool assigned;
} cases[] = {
    {NULL, NULL, NULL, NVIDIA, 3, 4, true},
    {"1", NULL, NULL, NVIDIA, 0, 0, false},
    {"1", NULL, NULL, NVIDIA, 1, 2, true},
    {"0,3", NULL, NULL, NVIDIA, 3, 3, true},
    {"0,3", NULL, NULL, NVIDIA, 2, 3, false},
    {"", NULL, NULL, NVIDIA, 0, 0, false},
    {"-1", NULL, NULL, NVIDIA, 0, 0, false},
    {"2,-1,0", NULL, NULL, NVIDIA, 0, 0, false},
    {"GPU-0123abcd-0000-1111-2222-333344445555", NULL, NULL, NVIDIA, 5, 5, true},
    {"GPU-0123ABCD", NULL, NULL, NVIDIA, 5, 5, true},
    {"GPU-9123abcd-0000-1111-2222-333344445555", NULL, NULL, NVIDIA, 0, 0, false},
    {"1", NULL, NULL, AMD, 0, 0, true}, /* another vendor's variable */
    {NULL, "1", NULL, AMD, 0, 1, false},
    {NULL, "1", NULL, AMD, 1, 1, true},
    {NULL, NULL, "2", INTEL, 0, 2, true},
    {NULL, NULL, "2", INTEL, 2, 1, false},
    {"0", NULL, "7", NVIDIA, 0, 0, true}, /* the vendor's own comes first */
    {"words", NULL, NULL, NVIDIA, 0, 0, false},
};

static void set(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct daub_device_info info = {.kind = DAUB_DEVICE_DISCRETE,
                                        .vendor_id = cases[i].vendor,
                                        .uuid = "0123abcd000011112222333344445555"};
        set("CUDA_VISIBLE_DEVICES", cases[i].cuda);
        set("ROCR_VISIBLE_DEVICES", cases[i].rocr);
        set("SLURM_JOB_GPUS", cases[i].slurm);
        if (gpu_assigned(&info, cases[i].of_vendor, cases[i].of_all) != cases[i].assigned)
            fail_msg("case %zu", i);
        info.kind = DAUB_DEVICE_PROCESSOR;
        assert_true(gpu_assigned(&info, 9, 9));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
