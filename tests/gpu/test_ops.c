/* test_ops [reduced] [only=TEXT]: every operator and kernel against the C reference.
 * DAUB_DUMP=1 prints graph and plan of what failed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/net_build.h"
#include "engine/probe.h"
#include "net/passes.h"
#include "net/ref.h"
#include "ops.h"

/* One graph with its inputs and the reference's answer. */
struct prepared {
    const char *name;
    unsigned seed;
    const struct net_graph *graph;
    float *image, *style, *expected;
    int64_t count;
};

static float *random_values(const struct net_graph *graph, int value, unsigned seed)
{
    if (value < 0)
        return NULL;
    int64_t count = net_shape_count(&graph->values[value].shape);
    float *data = malloc((size_t)count * sizeof(float));
    assert_non_null(data);
    random_fill(data, count, -1, 1, seed);
    return data;
}

static void report(const struct prepared *p, const struct probe *probe, double error,
                   double bound, const char *message)
{
    fprintf(stderr, "FAILED %s (seed %u): %s %s on %s: ", p->name, p->seed,
            gpu_test_kernels_name(probe->kernels), probe->fp16 ? "fp16" : "fp32",
            probe->device->info.name);
    if (message)
        fprintf(stderr, "%s\n", message);
    else
        fprintf(stderr, "error %.3g, bound %.3g\n", error, bound);
    if (getenv("DAUB_DUMP")) {
        net_graph_dump(p->graph, stderr);
        net_plan_dump(&probe->plan, stderr);
    }
}

/* 10 log10 of the power of the expected output over that of the error. */
static double signal_to_noise(const float *out, const float *expected, int64_t count)
{
    double signal = 0, noise = 0;
    for (int64_t i = 0; i < count; i++) {
        double difference = (double)out[i] - (double)expected[i];
        signal += (double)expected[i] * (double)expected[i];
        noise += difference * difference;
    }
    return 10 * log10(signal / noise);
}

static void run_one(struct ops *ops, const struct prepared *p, struct probe *probe,
                    double bound)
{
    struct daub_error error = {0};
    int64_t count = 0;
    double start = gpu_test_seconds();
    float *out = probe_run(probe, p->graph, p->image, p->style, &count, &error);
    ops->runs++;
    double *worst = probe->fp16 ? &ops->worst.fp16 : &ops->worst.fp32;
    double *least = probe->fp16 ? &ops->snr.fp16 : &ops->snr.fp32;
    double off = INFINITY;
    if (out && count == p->count) {
        off = relative_error(out, p->expected, count);
        *least = fmin(*least, signal_to_noise(out, p->expected, count));
    }
    if (getenv("DAUB_TEST_VERBOSE"))
        printf("%-40s %-6s %s %9.2e %6.2f s\n", p->name,
               gpu_test_kernels_name(probe->kernels), probe->fp16 ? "fp16" : "fp32", off,
               gpu_test_seconds() - start);
    *worst = fmax(*worst, off);
    if (!(off <= bound)) {
        report(p, probe, off, bound, out ? NULL : error.message);
        ops->failures++;
    }
    free(out);
    probe_free(probe);
}

void ops_check(struct ops *ops, const char *name, unsigned seed, struct net_graph *graph,
               const struct op_bounds *bounds)
{
    struct daub_error error = {0};
    struct net_ref ref = {0};
    struct prepared p = {.name = name, .seed = seed, .graph = graph};
    p.image = random_values(graph, graph->image, seed);
    p.style = random_values(graph, graph->style, seed + 1);
    p.count = output_count(graph);
    if (!net_graph_check(graph, &error) ||
        !net_ref_run(&ref, graph, p.image, p.style, NET_REF_ALL, false, &error))
        fail_msg("%s: %s", name, error.message);
    p.expected = malloc((size_t)p.count * sizeof(float));
    assert_non_null(p.expected);
    memcpy(p.expected, ref.result[graph->output], (size_t)p.count * sizeof(float));
    net_ref_free(&ref);
    if (!net_passes_run(graph, &error))
        fail_msg("%s, passes: %s", name, error.message);
    ops->cases++;
    for (int d = 0; d < ops->test->count; d++) {
        enum gpu_kernels sets[GPU_TEST_KERNELS];
        int set_count = gpu_test_kernels(ops->test->devices[d], sets);
        for (int k = 0; k < 2 * set_count; k++) {
            struct probe probe = {
                .device = ops->test->devices[d], .kernels = sets[k / 2], .fp16 = k % 2};
            /* 16 bits with one kernel set only, the other one in the next case, because
             * compiling takes most of the time. */
            bool turn = set_count == 1 || (ops->cases + k / 2) % 2 == 0;
            if (probe.fp16 && sets[k / 2] == GPU_KERNELS_HOST)
                continue; /* the host kernels have 32 bits only */
            if (!probe.fp16 || (bounds->fp16 > 0 && turn))
                run_one(ops, &p, &probe, probe.fp16 ? bounds->fp16 : bounds->fp32);
        }
    }
    free(p.image);
    free(p.style);
    free(p.expected);
    net_graph_free(graph);
}

void ops_group(struct ops *ops, const char *name)
{
    if (ops->group)
        printf("%-24s worst error fp32 %.2e, fp16 %.2e; least signal-to-noise fp32 %.1f "
               "dB, fp16 %.1f dB\n",
               ops->group, ops->worst.fp32, ops->worst.fp16, ops->snr.fp32,
               ops->snr.fp16);
    fflush(stdout);
    ops->group = name;
    ops->worst = (struct op_bounds){0, 0};
    ops->snr = (struct op_bounds){INFINITY, INFINITY};
}

bool ops_wants(struct ops *ops, const char *name)
{
    static int number;
    if (ops->only)
        return strstr(name, ops->only);
    return !ops->reduced || number++ % 3 == 0;
}

void ops_run(struct ops *ops, const struct op_case *cases, int count)
{
    for (int i = 0; i < count; i++) {
        struct net_graph graph;
        if (!ops_wants(ops, cases[i].name))
            continue;
        net_graph_init(&graph);
        cases[i].build(&graph, (unsigned)i + 1);
        ops_check(ops, cases[i].name, (unsigned)i + 1, &graph, &cases[i].bounds);
    }
}

static struct gpu_test test;
static struct ops ops = {.test = &test};

static void run_group(void (*group)(struct ops *ops))
{
    int before = ops.failures;
    double start = gpu_test_seconds();
    group(&ops);
    ops_group(&ops, NULL);
    printf("%d cases, %d runs so far, %.1f s here\n", ops.cases, ops.runs,
           gpu_test_seconds() - start);
    assert_int_equal(ops.failures, before);
}

static void test_conv(void **state)
{
    (void)state;
    run_group(ops_conv);
}

static void test_norm(void **state)
{
    (void)state;
    run_group(ops_norm);
}

static void test_pointwise(void **state)
{
    (void)state;
    run_group(ops_pointwise);
}

static void test_move(void **state)
{
    (void)state;
    run_group(ops_move);
}

static void test_fuzz(void **state)
{
    (void)state;
    run_group(ops_fuzz);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv), cmocka_unit_test(test_norm),
        cmocka_unit_test(test_pointwise), cmocka_unit_test(test_move),
        cmocka_unit_test(test_fuzz)};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "reduced") == 0)
            ops.reduced = true;
        else if (strncmp(argv[i], "only=", 5) == 0)
            ops.only = argv[i] + 5;
    }
    if (!gpu_test_open(&test))
        return 77;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return gpu_test_close(&test) ? failed : 1;
}
