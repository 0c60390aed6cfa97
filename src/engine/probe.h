/* Runs a graph once on numbers, not frames: for the choice of kernels, the check of a
 * device, the doctor and the tests. */
#ifndef DAUB_ENGINE_PROBE_H
#define DAUB_ENGINE_PROBE_H

#include "engine/exec.h"

struct probe {
    struct daub_device *device;
    enum gpu_kernels kernels;
    bool fp16;
    bool no_winograd;
    int repeat;         /* timed runs after the first; 0: none */
    struct plan plan;   /* out: of the last run; probe_free */
    double best_ms;     /* out: fastest timed run, wall clock */
    double median_ms;   /* out */
    double best_cpu_ms; /* out: least processor time of a timed run, all threads: what a
                           software device takes, whatever else the machine does */
    double *step_ms;    /* out, with want_steps: fastest of each plan step; probe_free */
    bool want_steps;
    size_t weights, arena; /* out: bytes */
};

/* Feeds image [C][H][W] in the net's own values (channels as the graph's input; NULL for
 * graphs without) and style weights, and returns the output [C][h][w], *count floats,
 * owned by the caller. NULL with *error set. Every run frees what the last one left in
 * *probe. */
float *probe_run(struct probe *probe, const struct net_graph *graph, const float *image,
                 const float *style, int64_t *count, struct daub_error *error);
void probe_free(struct probe *probe);

/* The same step by step, without an output: waits after each and calls visit with what it
 * wrote, [shape[0]][shape[1]][shape[2]] (channels, height, width), where that is a value
 * of the graph. */
bool probe_steps(struct probe *probe, const struct net_graph *graph, const float *image,
                 const float *style,
                 void (*visit)(const struct plan_step *step, const float *values,
                               const int shape[3], void *user),
                 void *user, struct daub_error *error);

/* 10 log10(peak^2 / mean squared difference), infinite where equal, NaN where either is.
 */
double probe_psnr(const float *a, const float *b, int64_t count, double peak);

/* Reproducible numbers in -1..1 from *state. */
float probe_random(uint32_t *state);

/* The faster kernel set of a device that can run both, timed once and remembered in its
 * cache. Thread-safe. */
enum gpu_kernels probe_choose_kernels(struct daub_device *device);

#endif
