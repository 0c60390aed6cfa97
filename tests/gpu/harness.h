/* Runs a graph on a device through plan and exec, beside the C reference. */
#ifndef DAUB_TESTS_GPU_HARNESS_H
#define DAUB_TESTS_GPU_HARNESS_H

#include "engine/exec.h"
#include "net/graph.h"

struct harness {
    struct daub_device *device;
    enum gpu_kernels kernels;
    bool fp16;
    bool no_winograd;
    int repeat;        /* runs to time; 0: one, untimed */
    double ms;         /* out: best time of a run */
    double gflop;      /* out: of a run */
    bool show_steps;   /* print every step's time */
    struct plan plan;  /* out: of the last run; freed by the next or harness_free */
};

/* Paints image [C][H][W] (range as the net's own values); *out is [3 or C][h][w] and the
 * caller's. False with a message on stderr. */
bool harness_run(struct harness *harness, const struct net_graph *graph,
                 const float *image, const float *style, float **out, int64_t *count);
void harness_free(struct harness *harness);

/* Reproducible numbers in -1..1. */
float harness_random(uint32_t *state);
/* 10 log10(peak^2 / mean squared difference); infinite where equal. */
double harness_psnr(const float *a, const float *b, int64_t count, double peak);

#endif
