/* conv_bench [threads=N] [rounds=N] [runs=N] [only=TEXT] [zero] [ISA...]: times the
 * direct convolution kernel for processors, layer by layer. Prints GFLOP/s and their
 * share of what a loop of multiply-adds in registers reaches on as many threads in the
 * same run. Every layer is preceded and followed by an instance normalization, as in a
 * network: it applies an affine map and ReLU to what it reads and writes statistics.
 * only: layers whose name contains TEXT. zero: zeros as padding instead of reflection.
 * ISA: avx512, avx2, neon or generic, all that the processor can run but generic if none
 * is given. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/probe.h"
#include "fma_peak.h"
#include "net/passes.h"
#include "util/thread.h"

#define MAX_SETS    4
#define MAX_THREADS 256
#define PEAK_TURNS  100000

/* The sizes of our own networks and of Johnson's at 640x360. Height and width: of the
 * input, before upsampling. */
struct layer {
    int in_c, out_c, kernel, stride, up, h, w;
};
static const struct layer layers[] = {
    {12, 16, 3, 1, 1, 180, 320},  {16, 12, 3, 1, 1, 180, 320},
    {16, 16, 3, 1, 1, 180, 320},  {16, 32, 3, 2, 1, 180, 320},
    {32, 32, 3, 1, 1, 90, 160},   {32, 48, 3, 2, 1, 90, 160},
    {48, 48, 3, 1, 1, 45, 80},    {48, 32, 3, 1, 2, 45, 80},
    {32, 16, 3, 1, 2, 90, 160},   {12, 24, 3, 1, 1, 180, 320},
    {24, 64, 3, 2, 1, 180, 320},  {64, 64, 3, 1, 1, 90, 160},
    {128, 128, 3, 1, 1, 90, 160}, {64, 24, 3, 1, 2, 90, 160},
    {24, 12, 3, 1, 1, 180, 320},  {64, 64, 1, 1, 1, 90, 160},
    {3, 16, 9, 1, 1, 360, 640},   {3, 32, 9, 1, 1, 360, 640},
    {32, 64, 3, 2, 1, 180, 320},  {32, 3, 9, 1, 1, 360, 640},
    {16, 3, 9, 1, 1, 360, 640},
};
enum { LAYERS = sizeof(layers) / sizeof(*layers) };

struct set {
    const struct host_isa *isa;
    double (*peak)(int turns, float *sum);
    double best_peak;    /* GFLOP/s of all threads */
    double best[LAYERS]; /* GFLOP/s */
};

struct options {
    int threads, rounds, runs;
    enum net_pad_mode pad_mode;
    const char *only;
    struct set sets[MAX_SETS];
    int set_count;
};

/* ---- the most that the processor can do ---- */

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct peak_thread {
    struct daub_thread thread;
    const struct set *set;
    double gflops;
};

static void *run_peak(void *user)
{
    struct peak_thread *thread = user;
    for (int i = 0; i < 20; i++) {
        float sum = 0.99f;
        double start = now_s(), flop = thread->set->peak(PEAK_TURNS, &sum);
        thread->gflops = fmax(thread->gflops, flop / (now_s() - start) * 1e-9);
    }
    return NULL;
}

static void measure_peak(struct set *set, int threads)
{
    static struct peak_thread all[MAX_THREADS];
    double sum = 0;
    memset(all, 0, sizeof(all));
    for (int i = 0; i < threads; i++) {
        all[i].set = set;
        if (!daub_thread_start(&all[i].thread, "peak", run_peak, &all[i], NULL))
            exit(1);
    }
    for (int i = 0; i < threads; i++) {
        daub_thread_join(&all[i].thread);
        sum += all[i].gflops;
    }
    set->best_peak = fmax(set->best_peak, sum);
}

/* ---- layers ---- */

static void print_name(const struct layer *l, char *name, size_t size)
{
    snprintf(name, size, "%d to %d, %dx%d%s%s at %dx%d", l->in_c, l->out_c, l->kernel,
             l->kernel, l->stride > 1 ? ", stride 2" : "",
             l->up > 1 ? ", twice as large" : "", l->w * l->up / l->stride,
             l->h * l->up / l->stride);
}

static int add_node(struct net_graph *graph, enum net_op op, const char *name,
                    struct net_shape shape, int x, int weight)
{
    int inputs[] = {x, weight, -1}, out = net_graph_add_value(graph, name, &shape, NULL);
    int count = op == NET_INPUT ? 0 : op == NET_ACT ? 1 : 3;
    if (out < 0 ||
        net_graph_add_node(graph, op, name, name, inputs, count, out, NULL) < 0)
        exit(1);
    return out;
}

static struct net_node *last_node(struct net_graph *graph)
{
    return &graph->nodes[graph->node_count - 1];
}

static void make_graph(struct net_graph *graph, const struct layer *l,
                       enum net_pad_mode pad_mode)
{
    struct net_shape in = {4, {1, l->in_c, l->h, l->w}}, out = in;
    struct net_shape kernel = {4, {l->out_c, l->in_c, l->kernel, l->kernel}};
    const int pad = l->kernel / 2;
    out.dim[1] = l->out_c;
    out.dim[2] = l->h * l->up / l->stride;
    out.dim[3] = l->w * l->up / l->stride;
    net_graph_init(graph);
    int weight = net_graph_add_constant(graph, "weight", &kernel, NULL, NULL);
    uint32_t state = 1;
    for (int64_t i = 0; i < net_shape_count(&kernel); i++)
        graph->values[weight].data[i] = probe_random(&state) / (float)l->in_c;
    int x = graph->image = add_node(graph, NET_INPUT, "image", in, -1, -1);
    x = add_node(graph, NET_NORM, "before", in, x, -1);
    last_node(graph)->u.norm.groups = l->in_c;
    last_node(graph)->u.norm.epsilon = 1e-5f;
    x = add_node(graph, NET_ACT, "relu", in, x, -1);
    last_node(graph)->u.act.kind = NET_ACT_RELU;
    x = add_node(graph, NET_CONV, "conv", out, x, weight);
    struct net_node *conv = last_node(graph);
    conv->u.conv.window = (struct net_window){
        {l->kernel, l->kernel}, {l->stride, l->stride}, {1, 1}, {pad, pad, pad, pad}};
    conv->u.conv.pad_mode = pad_mode;
    conv->u.conv.group = 1;
    conv->u.conv.upsample = l->up;
    conv->u.conv.act = NET_ACT_NONE;
    graph->output = add_node(graph, NET_NORM, "after", out, x, -1);
    last_node(graph)->u.norm.groups = l->out_c;
    last_node(graph)->u.norm.epsilon = 1e-5f;
    graph->style = -1;
}

static void measure_layer(struct options *options, struct set *set, int index)
{
    struct daub_error error = {0};
    struct daub_device_params params = {
        .select = "processor", .kernels = set->isa->set, .threads = options->threads};
    struct probe probe = {
        .want_steps = true, .no_winograd = true, .repeat = options->runs};
    struct net_graph graph = {0};
    int64_t count;
    make_graph(&graph, &layers[index], options->pad_mode);
    size_t pixels = (size_t)net_shape_count(&graph.values[graph.image].shape);
    float *image = malloc(pixels * sizeof(float)), *out = NULL;
    uint32_t state = 7;
    for (size_t i = 0; image && i < pixels; i++)
        image[i] = probe_random(&state);
    bool ok = image && net_passes_run(&graph, &error) &&
              daub_device_open(&params, &probe.device, &error) == DAUB_OK;
    if (ok) {
        probe.kernels = probe.device->kernels;
        out = probe_run(&probe, &graph, image, NULL, &count, &error);
    }
    if (!out) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    for (size_t i = 0; i < probe.plan.step_count; i++) {
        const struct plan_step *step = &probe.plan.steps[i];
        if (step->kernel == KERNEL_CONV_HOST)
            set->best[index] =
                fmax(set->best[index], step->macs * 2e-6 / probe.step_ms[i]);
    }
    free(image);
    free(out);
    probe_free(&probe);
    net_graph_free(&graph);
    daub_device_close(probe.device);
}

/* ---- the program ---- */

static bool add_set(struct options *options, const char *name)
{
    struct set set = {.isa = host_isa_choose(name), .peak = fma_peak_generic};
    if (!set.isa || options->set_count == MAX_SETS)
        return false;
#if defined(__x86_64__)
    if (strcmp(name, "avx2") == 0)
        set.peak = fma_peak_avx2;
    if (strcmp(name, "avx512") == 0)
        set.peak = fma_peak_avx512;
#endif
    options->sets[options->set_count++] = set;
    return true;
}

static bool parse(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "only=", 5) == 0)
            options->only = argv[i] + 5;
        else if (strcmp(argv[i], "zero") == 0)
            options->pad_mode = NET_PAD_ZERO;
        else if (sscanf(argv[i], "threads=%d", &options->threads) != 1 &&
                 sscanf(argv[i], "rounds=%d", &options->rounds) != 1 &&
                 sscanf(argv[i], "runs=%d", &options->runs) != 1 &&
                 !add_set(options, argv[i])) {
            fprintf(stderr, "%s is no option and no instruction set of this processor\n",
                    argv[i]);
            return false;
        }
    }
    const struct host_isa *isa;
    bool all = options->set_count == 0;
    for (int i = 0; all && (isa = host_isa_at(i)); i++) {
        if (strcmp(isa->name, "generic") != 0 && host_isa_choose(isa->name))
            add_set(options, isa->name);
    }
    return options->threads > 0 && options->threads <= MAX_THREADS;
}

int main(int argc, char **argv)
{
    static struct options options = {
        .threads = 2, .rounds = 3, .runs = 20, .pad_mode = NET_PAD_REFLECT, .only = ""};
    if (!parse(argc, argv, &options))
        return 2;
    char name[100];
    for (int round = 0; round < options.rounds; round++) {
        for (int i = 0; i < (int)LAYERS; i++) {
            print_name(&layers[i], name, sizeof(name));
            for (int s = 0; strstr(name, options.only) && s < options.set_count; s++) {
                measure_peak(&options.sets[s], options.threads);
                measure_layer(&options, &options.sets[s], i);
            }
        }
    }
    printf("%d threads, GFLOP/s (share of the peak)\n\n| layer |", options.threads);
    for (int s = 0; s < options.set_count; s++)
        printf(" %s |", options.sets[s].isa->label);
    printf("\n|---|");
    for (int s = 0; s < options.set_count; s++)
        printf("---|");
    printf("\n| multiply-adds in registers |");
    for (int s = 0; s < options.set_count; s++)
        printf(" %.0f |", options.sets[s].best_peak);
    for (int i = 0; i < (int)LAYERS; i++) {
        print_name(&layers[i], name, sizeof(name));
        if (!strstr(name, options.only))
            continue;
        printf("\n| %s |", name);
        for (int s = 0; s < options.set_count; s++)
            printf(" %.0f (%.2f) |", options.sets[s].best[i],
                   options.sets[s].best[i] / options.sets[s].best_peak);
    }
    printf("\n");
    return 0;
}
