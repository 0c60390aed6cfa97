/* The importer on files from other programs: each case's network, run by the reference
 * executor, must paint what the ONNX project or PyTorch says.
 *
 * Usage: test_onnx_cases PYTHON SCRIPT (see make_onnx_cases.py) */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/onnx.h"
#include "net/passes.h"
#include "net/ref.h"

enum { NAME = 96, SKIPPED = 77 };

static int unplanned; /* cases that only the reference runs */

static bool take(FILE *file, void *to, size_t size)
{
    return fread(to, 1, size, file) == size;
}

/* Largest difference over the largest element, at least 1. */
static double distance(const float *have, const float *want, size_t count)
{
    double most = 1, off = 0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)have[i] - (double)want[i]);
        most = fmax(most, fabs((double)want[i]));
        off = d > off || isnan(d) ? d : off;
    }
    return off / most;
}

static bool run_case(const char *name, const void *model, size_t size, int height,
                     int width, const float *image, const float *want)
{
    struct daub_error error = {0};
    struct net_graph graph;
    struct net_ref ref = {0};
    net_graph_init(&graph);
    struct net_onnx *onnx = net_onnx_parse(model, size, "case", &error);
    bool ok = onnx && net_onnx_build(onnx, height, width, &graph, &error) &&
              net_ref_run(&ref, &graph, image, NULL, NET_REF_ALL, true, &error);
    double off = 0;
    const int64_t *dim = ok ? graph.values[graph.output].shape.dim : NULL;
    if (!ok) {
        printf("%s: %s\n", name, error.message);
    } else if (dim[2] != height || dim[3] != width) {
        printf("%s: painting of %lldx%lld for %dx%d\n", name, (long long)dim[3],
               (long long)dim[2], width, height);
        ok = false;
    } else {
        off = distance(ref.result[graph.output], want, (size_t)3 * height * width);
        ok = off < 1e-4;
        if (!ok)
            printf("%s: off by %g\n", name, off);
    }
    net_ref_free(&ref);
    /* Once more as the device runs it. */
    if (ok && !net_passes_run(&graph, &error)) {
        unplanned++;
        printf("%s: not for devices: %s\n", name, error.message);
    } else if (ok) {
        ok = net_ref_run(&ref, &graph, image, NULL, NET_REF_ALL, true, &error);
        off = ok ? distance(ref.result[graph.output], want, (size_t)3 * height * width)
                 : INFINITY;
        if (!(off < 1e-4))
            printf("%s: off by %g after the passes %s\n", name, off, error.message);
        ok = off < 1e-4;
    }
    net_ref_free(&ref);
    net_graph_free(&graph);
    net_onnx_free(onnx);
    return ok;
}

/* One case from the file; false at its end. */
static bool next_case(FILE *file, bool *passed)
{
    char name[NAME];
    int32_t size, side[2];
    if (!take(file, name, NAME) || !take(file, &size, sizeof(size)))
        return false;
    char *model = malloc((size_t)size);
    if (!model || !take(file, model, (size_t)size) || !take(file, side, sizeof(side)))
        abort();
    size_t count = (size_t)3 * side[0] * side[1];
    float *image = malloc(count * sizeof(float)), *want = malloc(count * sizeof(float));
    if (!image || !want || !take(file, image, count * sizeof(float)) ||
        !take(file, want, count * sizeof(float)))
        abort();
    *passed = run_case(name, model, (size_t)size, side[0], side[1], image, want);
    free(model);
    free(image);
    free(want);
    return true;
}

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char magic[8];
    int32_t count, done = 0, failed = 0;
    if (!file || !take(file, magic, sizeof(magic)) || memcmp(magic, "DAUBONX1", 8) ||
        !take(file, &count, sizeof(count)))
        return 1;
    for (bool passed; done < count && next_case(file, &passed); done++)
        failed += !passed;
    fclose(file);
    printf("%d of %d cases passed, %d of them not for devices\n", done - failed, count,
           unplanned);
    return failed || done != count || count == 0;
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return run_file(argv[1]);
    if (argc != 3)
        return SKIPPED;
    char path[] = "/tmp/daub_onnx_cases_XXXXXX", command[4096];
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    snprintf(command, sizeof(command), "'%s' '%s' '%s'", argv[1], argv[2], path);
    int status = system(command);
    bool made = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    int result = made ? run_file(path)
                 : WIFEXITED(status) &&
                         (WEXITSTATUS(status) == SKIPPED || WEXITSTATUS(status) == 127)
                     ? SKIPPED
                     : 1;
    unlink(path);
    return result;
}
