/* Runs a graph on tensors instead of frames: for the golden check, `daub doctor` and the
 * tests. */
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
    double best_cpu_ms; /* out: least processor time of a timed run, all threads; for a
                           software device it hardly depends on the machine's load */
    double *step_ms;    /* out, with want_steps: fastest of each plan step; probe_free */
    bool want_steps;
    size_t weights, arena; /* out: bytes */
};

/* Runs the graph on image [C][H][W] in the network's value range (channels of the graph's
 * input; NULL for graphs without one) and the style weights. Returns the output
 * [C][h][w], *count floats, owned by the caller; NULL with *error set. Frees what the
 * previous run left in *probe. */
float *probe_run(struct probe *probe, const struct net_graph *graph, const float *image,
                 const float *style, int64_t *count, struct daub_error *error);
void probe_free(struct probe *probe);

/* Runs the graph step by step and waits after each. Where a step's result is a value of
 * the graph, calls visit with it: [shape[0]][shape[1]][shape[2]] (channels, height,
 * width). */
bool probe_steps(struct probe *probe, const struct net_graph *graph, const float *image,
                 const float *style,
                 void (*visit)(const struct plan_step *step, const float *values,
                               const int shape[3], void *user),
                 void *user, struct daub_error *error);

/* 10 log10(peak^2 / mean squared difference), infinite where equal, NaN where either
 * has NaN. */
double probe_psnr(const float *a, const float *b, int64_t count, double peak);

/* Reproducible numbers in -1..1 from *state. */
float probe_random(uint32_t *state);

#endif
