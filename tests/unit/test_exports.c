/* Networks that torch exported in the idioms the passes know, or that others published:
 * importer, passes and reference executor against torch's own output. Usage: test_exports
 * PYTHON make_export_cases.py or make_published_cases.py */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/onnx.h"
#include "net/passes.h"
#include "net/ref.h"
#include "net_build.h"
#include "script.h"

static FILE *cases;

static void *take(size_t count, size_t size)
{
    void *data = malloc(count * size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, size, count, cases), count);
    return data;
}

/* [1,H,W,3] to [1,3,H,W], in place. */
static void channels_first(float **data, size_t area)
{
    float *out = malloc(3 * area * sizeof(float));
    assert_non_null(out);
    for (size_t i = 0; i < area; i++)
        for (size_t c = 0; c < 3; c++)
            out[c * area + i] = (*data)[3 * i + c];
    free(*data);
    *data = out;
}

static void run_case(void)
{
    char *name = take(64, 1);
    int32_t *head = take(6, sizeof(int32_t));
    int nodes = head[0], height = head[1], width = head[2];
    size_t area = (size_t)height * (size_t)width;
    char *model = take((size_t)head[5], 1);
    float *style = take((size_t)head[3], sizeof(float));
    float *image = take(3 * area, sizeof(float)), *want = take(3 * area, sizeof(float));
    if (head[4]) {
        channels_first(&image, area);
        channels_first(&want, area);
    }

    struct daub_error error = {0};
    struct net_graph graph;
    struct net_ref ref;
    net_graph_init(&graph);
    struct net_onnx *onnx = net_onnx_parse(model, (size_t)head[5], name, &error);
    if (!onnx || !net_onnx_build(onnx, height, width, &graph, &error) ||
        !net_passes_run(&graph, &error) ||
        !net_ref_run(&ref, &graph, image, style, NET_REF_ALL, false, &error))
        fail_msg("%s: %s", name, error.message);
    char *text = dump_graph(&graph);
    if ((int)graph.node_count > nodes)
        fail_msg("%s: %d nodes are left, not %d\n%s", name, (int)graph.node_count, nodes,
                 text);
    assert_int_equal(output_count(&graph), 3 * area);
    double off = relative_error(ref.result[graph.output], want, (int64_t)(3 * area));
    if (!(off < 1e-5))
        fail_msg("%s: off by %g\n%s", name, off, text);
    net_ref_free(&ref);
    net_graph_free(&graph);
    net_onnx_free(onnx);
    free(text);
    free(name);
    free(head);
    free(model);
    free(style);
    free(image);
    free(want);
}

static void test_cases(void **state)
{
    (void)state;
    char *magic = take(8, 1);
    assert_memory_equal(magic, "DAUBEXP1", 8);
    int32_t *count = take(1, sizeof(int32_t));
    assert_true(*count > 0);
    for (int i = 0; i < *count; i++)
        run_case();
    free(magic);
    free(count);
}

int main(int argc, char **argv)
{
    int code;
    if (argc != 3)
        return 77;
    setenv("DAUB_DATA", DAUB_DATA, 0);
    cases = run_script(argv[1], argv[2], &code);
    if (!cases)
        return code;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    code = cmocka_run_group_tests(tests, NULL, NULL);
    fclose(cases);
    return code;
}
