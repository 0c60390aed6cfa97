/* Building for a picture size: files made for another size, styles, layouts, alignment,
 * node order, lack of memory, and the files of DAUB_DATA/onnx. */
#include <glob.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "net/onnx.h"
#include "net/passes.h"
#include "net/ref.h"
#include "onnx_forms.h"
#include "onnx_make.h"
#include "util/alloc.h"

static struct net_onnx *load(const void *bytes, size_t size, const char *what)
{
    struct daub_error error = {0};
    struct net_onnx *onnx = net_onnx_parse(bytes, size, "file", &error);
    if (!onnx)
        fail_msg("%s\n%s", what, error.message);
    return onnx;
}

static struct net_onnx *parse_model(Onnx__ModelProto *model, const char *what)
{
    size_t size;
    unsigned char *bytes = onnx_make_bytes(model, &size);
    onnx_make_free(model);
    struct net_onnx *onnx = load(bytes, size, what);
    free(bytes);
    return onnx;
}

static struct net_onnx *parse(const char *text)
{
    return parse_model(onnx_make(text), text);
}

static void build(const struct net_onnx *onnx, int height, int width,
                  struct net_graph *graph)
{
    struct daub_error error = {0};
    if (!net_onnx_build(onnx, height, width, graph, &error))
        fail_msg("%dx%d: %s", width, height, error.message);
    assert_true(net_graph_check(graph, &error));
}

static const struct net_node *find(const struct net_graph *graph, enum net_op op)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].op == op)
            return &graph->nodes[i];
    fail_msg("no node %s", net_op_name(op));
    return NULL;
}

static void expect_shape(const struct net_graph *graph, int value, const char *want)
{
    char have[NET_SHAPE_TEXT];
    net_shape_text(&graph->values[value].shape, have);
    assert_string_equal(have, want);
}

/* Files made for 32x16 pictures, and the shape that node `op` must have for 50x27 ones.
 */
static void test_fixed_size(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum net_op op;
        const char *shape;
    } files[] = {
        /* a size that the exporter wrote out becomes a scale */
        {"opset 11; AveragePool x > a kernel_shape=2,2 strides=2,2; f r 0; f s 0; "
         "Resize a,r,s,z > y; i z 1,3,16,32",
         NET_RESIZE, "[1,3,26,50]"},
        /* the same as the ratio to the input's size, as in opset 9 */
        {"opset 9; AveragePool x > a kernel_shape=2,2 strides=2,2; Shape a > s; Cast s > "
         "f "
         "to=1; f z 4 1,3,16,32; Div z,f > k; Upsample a,k > y",
         NET_RESIZE, "[1,3,26,50]"},
        /* group normalization: reshape with -1, and back to the map's size */
        {"opset 13; f w 6,3,1,1 r1; f v 3,6,1,1 r2; Conv x,w > c; i s 0,2,-1; Reshape "
         "c,s "
         "> g; f k 2 =1; InstanceNormalization g,k,k > n; i t 1,6,16,32; Reshape n,t > "
         "m; "
         "Conv m,v > y",
         NET_NORM, "[1,2,4050]"},
        {"opset 13; i s 1,3,512; Reshape x,s > a; Neg a > b; i t 1,3,16,32; Reshape b,t "
         "> y",
         NET_ACT, "[1,3,1350]"},
        /* pixel shuffle written with reshapes */
        {"opset 13; i s 1,3,8,2,16,2; Pad x,p > e; i p 0,0,0,0,0,0,0,0; Pad e,q > f; "
         "i q 0,0,0,0,0,0,0,0; i o 1,3,16,32; Reshape f,s > a; Neg a > b; Reshape b,o > "
         "y",
         NET_ACT, "[1,3,13,2,25,2]"},
        /* ends of slices counted from the end */
        {"opset 9; Slice x > y starts=2,1 ends=14,31 axes=2,3", NET_SLICE, "[1,3,23,48]"},
        {"opset 13; i s 2,1; i e 16,-1; i a 2,3; Slice x,s,e,a > y", NET_SLICE,
         "[1,3,25,48]"},
        /* constants as large as the picture that hold one number */
        {"f c 1,3,16,32 =2; Add x,c > y", NET_BINARY, "[1,3,27,50]"},
        {"opset 17; f c 3,16,32 =2; LayerNormalization x,c > y axis=1", NET_NORM,
         "[1,3,27,50]"},
        /* the style repeated to every pixel */
        {"in k 1,3; Unsqueeze k > u axes=2,3; i e 1,3,16,32; Expand u,e > m; Add x,m > y",
         NET_BINARY, "[1,3,27,50]"},
        {"opset 9; f w 6,3,3,3 r1; f v 6,3,4,4 r2; Conv x,w > a strides=2,2 "
         "pads=1,1,1,1; "
         "ConvTranspose a,v > y strides=2,2 output_shape=16,32",
         NET_CONV_TRANSPOSE, "[1,3,28,50]"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char text[1024];
        struct net_graph graph;
        bool shuffles = strstr(files[i].shape, ",2,25,2]");
        snprintf(text, sizeof(text), "in x 1,3,16,32; out y; %s", files[i].text);
        struct net_onnx *onnx = parse(text);
        assert_int_equal(net_onnx_get_info(onnx)->fixed_height, 16);
        assert_int_equal(net_onnx_get_info(onnx)->fixed_width, 32);
        build(onnx, 16, 32, &graph);
        net_graph_free(&graph);
        build(onnx, shuffles ? 26 : 27, 50, &graph);
        expect_shape(&graph, find(&graph, files[i].op)->output, files[i].shape);
        net_graph_free(&graph);
        net_onnx_free(onnx);
    }
}

static void test_fixed_size_refused(void **state)
{
    (void)state;
    struct net_graph graph;
    struct daub_error error = {0};
    struct net_onnx *onnx = parse("in x 1,3,16,32; out y; f c 16,32 r1; Add x,c > y");
    build(onnx, 16, 32, &graph);
    net_graph_free(&graph);
    assert_false(net_onnx_build(onnx, 27, 50, &graph, &error));
    net_graph_free(&graph);
    assert_int_equal(error.status, DAUB_ERROR_MODEL);
    assert_non_null(strstr(error.message, "made for 32x16, does not work at 50x27: node "
                                          "'y' (Add): shapes [1,3,27,50] and [16,32]"));
    net_onnx_free(onnx);
    /* An axis that has length 1 at the original size only. */
    struct daub_error small = {0};
    onnx =
        parse("in x 1,3,1,1; out y; i s 1,3; Reshape x,s > a; i t 1,3,1,1; Reshape a,t "
              "> y");
    assert_false(net_onnx_build(onnx, 27, 50, &graph, &small));
    net_graph_free(&graph);
    assert_non_null(strstr(small.message, "cannot reshape [1,3,27,50] to [1,3]"));
    net_onnx_free(onnx);
}

static void test_size_out_of_range(void **state)
{
    (void)state;
    static const int sizes[][2] = {{0, 8}, {8, 0}, {-1, 8}, {8, 1 << 17}};
    struct net_onnx *onnx = parse("in x 1,3,h,w; out y; Relu x > y");
    for (int i = 0; i < 4; i++) {
        struct net_graph graph;
        struct daub_error error = {0};
        assert_false(net_onnx_build(onnx, sizes[i][0], sizes[i][1], &graph, &error));
        assert_int_equal(error.status, DAUB_ERROR_ARGUMENT);
        net_graph_free(&graph);
    }
    net_onnx_free(onnx);
}

static void test_style(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "in x 1,3,h,w; in style 1,5; out y; f bank 5,6 r1; MatMul style,bank > t; Split "
        "t > "
        "g,b axis=1; Reshape g,s > gg; Reshape b,s > bb; i s 3,; "
        "InstanceNormalization x,gg,bb > y",
        "in x 1,3,h,w; in style 5; out y; f bank 5,3 r1; f c 3 r2; MatMul style,bank > "
        "g; "
        "Unsqueeze style > r axes=0,; Gemm r,bank,c > t beta=0.5; Squeeze t > b axes=0,; "
        "InstanceNormalization x,g,b > y",
        "in x 1,3,h,w; in style n,5; out y; f bank 3,5 r1; Gemm style,bank > g transB=1; "
        "Flatten g > f axis=0; Reshape f,s > v; i s 1,3,1,1; InstanceNormalization x,o,o "
        "> a; f o 3 =1; Mul a,v > y",
    };
    for (int i = 0; i < 3; i++) {
        struct net_graph graph;
        struct net_ref ref;
        struct daub_error error = {0};
        const float style[5] = {1, 2, 3, 4, 5};
        struct net_onnx *onnx = parse(texts[i]);
        const struct net_onnx_info *info = net_onnx_get_info(onnx);
        assert_int_equal(info->style_count, 5);
        assert_int_equal(info->image_channels, 3);
        assert_int_equal(info->fixed_height, 0);
        build(onnx, 9, 7, &graph);
        expect_shape(&graph, graph.style, i == 1 ? "[5]" : "[1,5]");
        assert_true(graph.values[graph.style].from_style);
        assert_true(graph.values[find(&graph, NET_MATMUL)->output].from_style);
        assert_false(graph.values[graph.output].from_style);
        assert_true(net_ref_run(&ref, &graph, NULL, style, NET_REF_STYLE, true, &error));
        const struct net_node *product = find(&graph, NET_MATMUL);
        assert_int_equal(product->u.matmul.transpose_b, i == 2);
        assert_true(product->u.matmul.alpha == 1 && product->u.matmul.beta == 1);
        const float *have = ref.result[product->output];
        const float *bank = graph.values[product->input[1]].data;
        float want = 0;
        for (int k = 0; k < 5; k++)
            want += style[k] * (i == 2 ? bank[k] : bank[k * (i ? 3 : 6)]);
        assert_float_equal(have[0], want, 1e-5);
        net_ref_free(&ref);
        net_graph_free(&graph);
        net_onnx_free(onnx);
    }
}

/* The style as scale of a layer normalization: its own input where there is one number a
 * channel, a product where there are more. */
static void test_style_in_layer_norm(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "opset 17; in x 1,3,h,w; in k 1,3; out y; i t 3,1,1; Reshape k,t > s; "
        "LayerNormalization x,s,s > y axis=1",
        "opset 17; in x 1,3,h,w; in k 1,1; out y; i t 1,1,1; Reshape k,t > s; "
        "LayerNormalization x,s > y axis=1",
    };
    for (int i = 0; i < 2; i++) {
        struct net_graph graph;
        struct net_onnx *onnx = parse(texts[i]);
        build(onnx, 9, 7, &graph);
        const struct net_node *norm = find(&graph, NET_NORM);
        assert_int_equal(norm->u.norm.groups, 1);
        assert_int_equal(norm->input[1] >= 0, i == 0);
        assert_int_equal(norm->input[2] >= 0, i == 0);
        assert_int_equal(graph.nodes[graph.node_count - 1].op,
                         i == 0 ? NET_NORM : NET_BINARY);
        net_graph_free(&graph);
        net_onnx_free(onnx);
    }
}

/* Mean and deviation of each channel of a picture [3][count]. */
static void moments(const float *picture, int count, double mean[3], double deviation[3])
{
    for (int c = 0; c < 3; c++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < count; i++)
            sum += picture[c * count + i];
        mean[c] = sum / count;
        for (int i = 0; i < count; i++)
            squares += pow(picture[c * count + i] - mean[c], 2);
        deviation[c] = sqrt(squares / count + 0.01);
    }
}

/* Adaptive instance normalization (Huang 2017) of the pictures themselves, with inputs of
 * different names and order: the encoder gives deviation and mean of the style, with
 * which the painter makes what the formula gives. */
static void test_style_picture(void **state)
{
    (void)state;
    static const char *const inputs[][2] = {
        {"in content 1,3,h,w; in style 1,3,sh,sw; ", "content,style"},
        {"in style_image 1,3,sh,sw; in image 1,3,h,w; ", "image,style_image"},
        {"in b 1,3,h,w; in a 1,3,sh,sw; ", "b,a"},
        {"in a 1,3,16,20; in b 1,3,12,12; ", "a,b"},
    };
    enum { H = 7, W = 5, SH = 9, SW = 11 };
    float content[3 * H * W], style[3 * SH * SW];
    for (int i = 0; i < 3 * H * W; i++)
        content[i] = (float)(i * 37 % 101) / 101 + 0.2f * (float)(i / (H * W));
    for (int i = 0; i < 3 * SH * SW; i++)
        style[i] = (float)(i * 53 % 97) / 97 * (float)(1 + i / (SH * SW));
    double mean[2][3], deviation[2][3];
    moments(content, H * W, mean[0], deviation[0]);
    moments(style, SH * SW, mean[1], deviation[1]);
    for (size_t k = 0; k < sizeof(inputs) / sizeof(inputs[0]); k++) {
        char text[2048], content_name[32];
        const char *style_name = strchr(inputs[k][1], ',') + 1;
        snprintf(content_name, sizeof(content_name), "%.*s",
                 (int)(style_name - inputs[k][1]) - 1, inputs[k][1]);
        snprintf(
            text, sizeof(text),
            "opset 13; %s out y; f e 1 =0.01; ReduceMean %s > m axes=2,3; Sub %s,m > "
            "d; Mul d,d > q; ReduceMean q > v axes=2,3; Add v,e > ve; Sqrt ve > s; "
            "Div d,s > n; ReduceMean %s > sm axes=2,3; Sub %s,sm > sd; Mul sd,sd > "
            "sq; ReduceMean sq > sv axes=2,3; Add sv,e > sve; Sqrt sve > ss; "
            "Mul n,ss > k; Add k,sm > y",
            inputs[k][0], content_name, content_name, style_name, style_name);
        struct net_onnx *onnx = parse(text);
        struct daub_error error = {0};
        struct net_graph painter, encoder;
        struct net_ref vector, painting;
        const struct net_onnx_info *info = net_onnx_get_info(onnx);
        assert_true(info->style_picture && info->style_count == 6);
        build(onnx, H, W, &painter);
        if (!net_onnx_build_encoder(onnx, SH, SW, &encoder, &error))
            fail_msg("%s", error.message);
        expect_shape(&encoder, encoder.output, "[1,6,1,1]");
        for (int passes = 0; passes < 2; passes++) {
            assert_true(
                net_ref_run(&vector, &encoder, style, NULL, NET_REF_ALL, false, &error));
            const float *z = vector.result[encoder.output];
            for (int c = 0; c < 3; c++) {
                assert_float_equal(z[c], deviation[1][c], 1e-5);
                assert_float_equal(z[3 + c], mean[1][c], 1e-5);
            }
            assert_true(
                net_ref_run(&painting, &painter, content, z, NET_REF_ALL, false, &error));
            for (int i = 0; i < 3 * H * W; i++) {
                int c = i / (H * W);
                double want = (content[i] - mean[0][c]) / deviation[0][c];
                assert_float_equal(painting.result[painter.output][i],
                                   want * deviation[1][c] + mean[1][c], 1e-4);
            }
            net_ref_free(&painting);
            net_ref_free(&vector);
            assert_true(net_passes_run(&painter, &error) &&
                        net_passes_run(&encoder, &error));
        }
        /* The painter is one normalization. */
        assert_non_null(find(&painter, NET_NORM));
        net_graph_free(&painter);
        net_graph_free(&encoder);
        net_onnx_free(onnx);
    }
}

/* [1,H,W,3] at either end or both: the graph has one layout for the two. */
static void test_channels_last(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool nhwc;
        float scale, red_bias;
    } files[] = {
        {"in x 1,h,w,3; out y; Transpose x > a perm=0,3,1,2; Neg a > b; Transpose b > y "
         "perm=0,2,3,1",
         true, 1, 0},
        {"in x 1,h,w,3; out y; Transpose x > a perm=0,3,1,2; Neg a > y", true, 1, 0},
        {"in x n,3,h,w; out y; Transpose x > a perm=0,2,3,1; Neg a > y", false, 1, 0},
        {"in x 1,h,w,3; out y; Transpose x > a perm=0,3,1,2; Neg a > y; "
         "meta image_scale 0.5; meta red_bias -4",
         true, 0.5f, -4},
    };
    for (int i = 0; i < 4; i++) {
        struct net_graph graph;
        struct net_ref ref;
        struct daub_error error = {0};
        float image[3 * 6 * 5];
        for (int k = 0; k < 90; k++)
            image[k] = (float)k;
        struct net_onnx *onnx = parse(files[i].text);
        assert_int_equal(net_onnx_get_info(onnx)->nhwc, files[i].nhwc);
        build(onnx, 6, 5, &graph);
        assert_int_equal(graph.nhwc, files[i].nhwc);
        expect_shape(&graph, graph.image, files[i].nhwc ? "[1,6,5,3]" : "[1,3,6,5]");
        expect_shape(&graph, graph.output, files[i].nhwc ? "[1,6,5,3]" : "[1,3,6,5]");
        assert_true(net_ref_run(&ref, &graph, image, NULL, NET_REF_ALL, true, &error));
        for (int k = 0; k < 90; k++)
            assert_true(ref.result[graph.output][k] ==
                        -((float)k * files[i].scale +
                          (files[i].nhwc && k % 3 == 0 ? files[i].red_bias : 0)));
        net_ref_free(&ref);
        net_graph_free(&graph);
        net_onnx_free(onnx);
    }
}

static void test_info(void **state)
{
    (void)state;
    static char key[] = "daub.range", value[] = "1";
    Onnx__ModelProto *model =
        onnx_make("in x 1,7,h,16; out y; f w 3,7,1,1 r1; f b 3 r2; Conv x,w,b > y");
    Onnx__StringStringEntryProto *entry = malloc(sizeof(*entry));
    onnx__string_string_entry_proto__init(entry);
    entry->key = strdup(key);
    entry->value = strdup(value);
    model->n_metadata_props = 1;
    model->metadata_props = malloc(sizeof(entry));
    model->metadata_props[0] = entry;
    struct net_onnx *onnx = parse_model(model, "info");
    const struct net_onnx_info *info = net_onnx_get_info(onnx);
    assert_int_equal(info->opset, 11);
    assert_int_equal(info->image_channels, 7);
    assert_int_equal(info->style_count, 0);
    assert_false(info->nhwc);
    assert_int_equal(info->fixed_height, 0);
    assert_int_equal(info->fixed_width, 16);
    assert_int_equal(info->parameters, 24);
    assert_int_equal(info->property_count, 1);
    assert_string_equal(info->properties[0].key, key);
    assert_string_equal(info->properties[0].value, value);
    net_onnx_free(onnx);
}

/* Nodes may have any order; unread nodes may have unknown operators; initializers may be
 * listed among the inputs (IR 3), and unread ones may have any type. */
static void test_order(void **state)
{
    (void)state;
    struct net_graph graph;
    Onnx__ModelProto *model = onnx_make(
        "in w 3,3,1,1; in x 1,3,h,w; out y; out z; Relu c > y; NonMaxSuppression "
        "c > dead; Conv a,w > c; Neg x > a; Abs dead > z; f w 3,3,1,1 r1; f u 2 r1");
    model->ir_version = 3;
    model->graph->initializer[1]->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
    struct net_onnx *onnx = parse_model(model, "order");
    build(onnx, 8, 9, &graph);
    static const enum net_op ops[] = {NET_INPUT, NET_ACT, NET_CONV, NET_ACT};
    assert_int_equal(graph.node_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(graph.nodes[i].op, ops[i]);
    net_graph_free(&graph);
    net_onnx_free(onnx);
}

static void test_alignment(void **state)
{
    (void)state;
    const char *says[] = {"total stride is over 512 pixels", "does not work at"};
    int refused = 0;
#define DOWN "f w 3,3,3,3 r1; Conv x,w > a strides=2,2 pads=1,1,1,1; "
    static const struct {
        const char *text;
        int alignment;
    } files[] = {
        {"in x 1,3,h,w; Relu x > y", 1},
        {"in x 1,3,h,w; Identity x > y", 1},
        {"in x 1,3,h,w; f w 3,3,5,5 r1; Conv x,w > y", 1},
        {"opset 10; in x 1,3,h,w; f s 4 1,1,2,2; " DOWN "Resize a,s > y", 2},
        {"opset 10; in x 1,3,64,96; f s 4 1,1,2,2; " DOWN "Resize a,s > y", 2},
        {"opset 10; in x 1,3,h,w; f s 4 1,1,3,3; AveragePool x > a kernel_shape=3,3 "
         "strides=3,3; Resize a,s > y",
         3},
        {"opset 10; in x 1,3,h,w; f s 4 1,1,2,1; AveragePool x > a kernel_shape=2,1 "
         "strides=2,1; Resize a,s > y",
         2},
        {"opset 10; in x 1,h,w,3; Transpose x > c perm=0,3,1,2; f s 4 1,1,8,8; "
         "AveragePool "
         "c > a kernel_shape=8,8 strides=8,8; Resize a,s > b; Transpose b > y "
         "perm=0,2,3,1",
         8},
        {"opset 13; in x 1,3,h,w; SpaceToDepth x > a blocksize=4; f w 48,48,3,3 r1; Conv "
         "a,w > b strides=2,2 pads=1,1,1,1; f k 48,48,2,2 r1; ConvTranspose b,k > c "
         "strides=2,2; DepthToSpace c > y blocksize=4",
         8},
        {"opset 10; in x 1,3,h,w; f s 4 1,1,64,64; AveragePool x > a kernel_shape=64,64 "
         "strides=64,64; Resize a,s > y",
         64},
        {"opset 10; in x 1,3,h,w; f s 4 1,1,256,256; AveragePool x > a "
         "kernel_shape=256,256 strides=256,256; Resize a,s > y",
         256},
        {"opset 10; in x 1,3,h,w; f s 4 1,1,1024,1024; AveragePool x > a "
         "kernel_shape=1024,1024 strides=1024,1024; Resize a,s > y",
         0},
        {"in x 1,3,16,32; f c 16,32 r1; Add x,c > y", 0},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char text[1024];
        struct daub_error error = {0};
        snprintf(text, sizeof(text), "out y; %s", files[i].text);
        struct net_onnx *onnx = parse(text);
        int alignment = net_onnx_alignment(onnx, &error);
        if (alignment != files[i].alignment)
            fail_msg("%s\n%d: %s", text, alignment, error.message);
        assert_int_equal(error.status, alignment ? DAUB_OK : DAUB_ERROR_MODEL);
        assert_true(alignment || strstr(error.message, says[refused++]));
        net_onnx_free(onnx);
    }
}

/* For every n until the build succeeds: the n-th allocation and all after it fail. */
static void expect_survival(const unsigned char *bytes, size_t size, int height,
                            int width)
{
    for (long n = 1;; n++) {
        struct daub_error error = {0};
        struct net_graph graph;
        daub_alloc_fail_at(n);
        struct net_onnx *onnx = net_onnx_parse(bytes, size, "file", &error);
        bool ok = onnx && net_onnx_build(onnx, height, width, &graph, &error);
        if (onnx)
            net_graph_free(&graph);
        int alignment = ok ? net_onnx_alignment(onnx, &error) : 0;
        net_onnx_free(onnx);
        daub_alloc_fail_at(0);
        if (alignment)
            break;
        assert_int_equal(error.status, DAUB_ERROR_MEMORY);
        assert_true(n < 100000);
    }
}

static void test_allocation_failures(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "opset 13; in x 1,3,h,w; in s 1,2; out y; f bank 2,6 r1; MatMul s,bank > t; "
        "Split t > g,b axis=1; Shape x > d; Gather d,two > h; i two =2; Cast h > hf "
        "to=1; "
        "i p 0,0,1,1,0,0,1,1; Pad x,p > a mode=reflect; f w 6,3,3,3 r1; Conv a,w > c; "
        "Slice c,l,u,ax > v; i l 0,; i u 3,; i ax 1,; BatchNormalization v,k,k,k,k > n; "
        "f k 3 =1; Reshape g,sh > gg; i sh 1,3,1,1; Mul n,gg > y",
        "opset 9; in x 1,3,8,16; out y; AveragePool x > a kernel_shape=2,2 strides=2,2; "
        "Shape a > s; Cast s > f to=1; f z 4 1,3,8,16; Div z,f > k; Upsample a,k > b; f "
        "c "
        "1,3,8,16 =2; Add b,c > y",
        ("opset 13; in x 1,3,h,w; in z 1,3,k,l; out y; GlobalAveragePool z > m; "
         "Relu m > r; Mul x,m > a; Add a,r > y"),
    };
    for (int i = 0; i < 3; i++) {
        size_t size;
        Onnx__ModelProto *model = onnx_make(texts[i]);
        unsigned char *bytes = onnx_make_bytes(model, &size);
        onnx_make_free(model);
        expect_survival(bytes, size, 10, 12);
        free(bytes);
    }
}

static unsigned char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *data = malloc(*size);
    assert_int_equal(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void check_real_file(const char *path)
{
    static const int sizes[][2] = {{360, 640}, {203, 301}, {128, 96}, {257, 129}};
    size_t size;
    unsigned char *bytes = read_file(path, &size);
    double start = milliseconds();
    struct net_onnx *onnx = load(bytes, size, path);
    free(bytes);
    double parsed = milliseconds();
    struct daub_error error = {0};
    int grid = net_onnx_alignment(onnx, &error);
    double aligned = milliseconds();
    assert_true(grid == (strstr(path, "anime") ? 2 : 4));
    const struct net_onnx_info *info = net_onnx_get_info(onnx);
    assert_int_equal(info->image_channels, 3);
    assert_true(info->parameters > 20000);
    for (int i = 0; i < 4; i++) {
        struct net_graph graph;
        int height = (sizes[i][0] + grid - 1) / grid * grid;
        int width = (sizes[i][1] + grid - 1) / grid * grid;
        double before = milliseconds();
        build(onnx, height, width, &graph);
        double after = milliseconds();
        const struct net_shape *out = &graph.values[graph.output].shape;
        assert_true(out->dim[2] == height && out->dim[3] == width);
        net_graph_free(&graph);
        if (i == 0)
            print_message("%s: parse %.1f, alignment %.1f, build %.1f ms\n",
                          strrchr(path, '/') + 1, parsed - start, aligned - parsed,
                          after - before);
        assert_true(i > 0 || parsed - start + after - before < 1000);
    }
    /* Sizes that are no multiples of the stride either give the right output size or an
     * error message. */
    for (int height = 33; height < 50; height++) {
        struct net_graph graph;
        struct daub_error off = {0};
        bool ok = net_onnx_build(onnx, height, 61, &graph, &off);
        assert_true(ok || off.status == DAUB_ERROR_MODEL);
        net_graph_free(&graph);
    }
    net_onnx_free(onnx);
}

static void test_real_files(void **state)
{
    (void)state;
    const char *data = getenv("DAUB_DATA");
    char pattern[4096];
    glob_t found;
    snprintf(pattern, sizeof(pattern), "%s/onnx/*.onnx", data ? data : DAUB_DATA);
    if (glob(pattern, 0, NULL, &found)) {
        print_message("skipped: no files %s\n", pattern);
        skip();
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_real_file(found.gl_pathv[i]);
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed_size),
        cmocka_unit_test(test_fixed_size_refused),
        cmocka_unit_test(test_size_out_of_range),
        cmocka_unit_test(test_style),
        cmocka_unit_test(test_style_in_layer_norm),
        cmocka_unit_test(test_style_picture),
        cmocka_unit_test(test_channels_last),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_allocation_failures),
        cmocka_unit_test(test_real_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
