/* The importer: every form of operator, every refusal, every kind of constant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/onnx.h"
#include "onnx_forms.h"
#include "onnx_make.h"

static struct net_onnx *parse_model(const Onnx__ModelProto *model,
                                    struct daub_error *error)
{
    size_t size;
    unsigned char *bytes = onnx_make_bytes(model, &size);
    struct net_onnx *onnx = net_onnx_parse(bytes, size, "file.onnx", error);
    free(bytes);
    return onnx;
}

static struct net_onnx *parse(const char *text, struct daub_error *error)
{
    Onnx__ModelProto *model = onnx_make(text);
    struct net_onnx *onnx = parse_model(model, error);
    onnx_make_free(model);
    return onnx;
}

/* The dump in the notation of onnx_forms.h. */
static void dump_body(const struct net_graph *graph, char *text, size_t size)
{
    char *dump = NULL, line[512];
    size_t length, used = 0;
    FILE *file = open_memstream(&dump, &length);
    assert_non_null(file);
    net_graph_dump(graph, file);
    fclose(file);
    used += (size_t)snprintf(text, size, "%%%d\n", graph->output);
    file = fmemopen(dump, length, "r");
    assert_non_null(file);
    for (int i = 0; fgets(line, sizeof(line), file); i++)
        if (i > 1 && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s", line);
    fclose(file);
    free(dump);
}

static void expect_form(const struct onnx_form *form, bool typed)
{
    char text[2048], have[4096];
    struct daub_error error = {0};
    struct net_graph graph;
    snprintf(text, sizeof(text), "in x 1,3,8,8; out y; %s", form->text);
    Onnx__ModelProto *model = onnx_make(text);
    for (size_t i = 0; i < model->graph->n_node; i++)
        for (size_t k = 0; k < model->graph->node[i]->n_attribute; k++)
            model->graph->node[i]->attribute[k]->has_type = typed;
    struct net_onnx *onnx = parse_model(model, &error);
    onnx_make_free(model);
    if (!onnx || !net_onnx_build(onnx, 8, 8, &graph, &error))
        fail_msg("%s\n%s", form->text, error.message);
    dump_body(&graph, have, sizeof(have));
    if (strcmp(have, form->dump))
        fail_msg("%s\ngives\n%s\nnot\n%s", form->text, have, form->dump);
    net_graph_free(&graph);
    net_onnx_free(onnx);
}

/* Attributes with a type, and without one as in IR version 1. */
static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * onnx_form_count; i++)
        expect_form(&onnx_forms[i / 2], i % 2);
}

/* Text for onnx_make, and a part of the expected message. */
struct refusal {
    const char *text, *message;
};

static void expect_refusals(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct daub_error error = {0};
        struct net_onnx *onnx = parse(refusals[i].text, &error);
        if (onnx)
            fail_msg("accepted: %s", refusals[i].text);
        assert_int_equal(error.status, DAUB_ERROR_MODEL);
        if (!strstr(error.message, refusals[i].message) ||
            strncmp(error.message, "file.onnx: ", 11))
            fail_msg("%s\nmessage: %s\nexpected: %s", refusals[i].text, error.message,
                     refusals[i].message);
    }
}
#define EXPECT_REFUSALS(list) expect_refusals(list, sizeof(list) / sizeof((list)[0]))

#define X "in x 1,3,8,8; out y; "

static void test_refused_nets(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"opset 6; " X "Relu x > y", "opset 6; daub reads 7 and later"},
        {X, "reads 'y', which nothing computes"},
        {"in x 1,3,8,8; Relu x > y", "names no output"},
        {X "Relu x > y; Relu x > y", "defines 'y' twice"},
        {X "in x 1,3,8,8; Relu x > y", "defines 'x' twice"},
        {X "f x 1 =1; f x 1 =1; Relu x > y", "defines 'x' twice"},
        {X "Add x,z > y", "reads 'z', which nothing computes"},
        {X "Add x,b > a; Relu a > b; Relu b > y", "from itself"},
        {X "Einsum x > y", "node 'y': daub cannot run the operator Einsum (opset 11)"},
        {"in x 4,3,8,8; out y; Relu x > y", "batches of 4"},
        {"in x 1,2,8,8; out y; Relu x > y", "pictures of 2 channels at 'x'"},
        {"in x 1,5,8,8; out y; Relu x > y", "pictures of 5 channels at 'x'"},
        {"in x 1,3,8,8; in z 1,3,8,8; out y; Add x,z > y",
         "'z', made of the style's picture, has the shape [1,3,8,8]"},
        {"in x 1,3,h,w; in z 1,3,h,w; out y; Shape z > s; Expand x,s > y",
         "is a size of the style's picture"},
        {"in x 1,3,8,8; in z 1,3,8,8; in u 1,3,8,8; out y; Add x,z > a; Add a,u > y",
         "wants another picture, 'u'"},
        {"in x 1,3,8,8; in z 1,4,8,8; out y; ReduceMean z > m; Add x,m > y",
         "second picture 'z' that is no [1,3,H,W]"},
        {"in x 1,3,8,8; in z 1,3,8,8; in k 3; out y; Add x,z > a; Add a,k > y",
         "as a picture and as a vector"},
        {"in x 1,3,h,w; in z 1,3,h,w; out y; f w 4098,3,1,1 r1; Conv z,w > c; "
         "GlobalAveragePool c > g; GlobalAveragePool x > m; Concat g,m > j axis=1; "
         "ReduceMean j > k axes=1,; Add x,k > y",
         "makes 4098 numbers of the style's picture"},
        {"in x 1,3,8,8; in z 1,n; out y; Add x,z > y", "vector of style weights"},
        {"in x 1,3,8,8; in z 2,4; out y; Add x,z > y", "vector of style weights"},
        {"in x 1,3,8,8; in z 3; in u 3; out y; Add x,z > a; Add a,u > y",
         "vector of style weights"},
        {"in x 3,8,8; out y; Relu x > y", "an input 'x' of 3 axes"},
        {"in x; out y; Relu x > y", "input 'x' is a float tensor of known rank"},
        {"in z 1,4; out y; Relu z > y", "without a picture"},
        {"out y; f c 1 =1; Relu c > y", "without a picture"},
        {"in x 1,3,8,8; out y 1,1000; GlobalAveragePool x > a; Flatten a > y",
         "a result of 2 axes, not a picture [1,3,H,W]: it is a classifier"},
        {X "GlobalAveragePool x > a; Flatten a > y", "gives [1,3] for a picture of 8x8"},
        {X "f w 5,3,1,1 r1; Conv x,w > y", "gives [1,5,8,8]"},
        {X "f s 4 1,1,4,4; f r 0; Resize x,r,s > y", "gives [1,3,32,32]"},
        {X "Shape x > s; ConstantOfShape s > y", "does not depend on the picture"},
        {"in x 1,3,8,8; in s 1,3; out y; ReduceMean x > m; Reshape s,t > y; i t "
         "1,3,1,1; Sub m,y > z",
         "without a picture"},
        {"in x 1,3,w,h; out y; f w 9,3,8,8 r1; f v 3,9,1,1 r1; Conv x,w > a "
         "strides=300,300; Conv a,v > y",
         "of 1024x1024"},
    };
    EXPECT_REFUSALS(refusals);
}

static void test_refused_nodes(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {X "f w 3,3,3 r1; Conv x,w > y",
         "node 'y' (Conv, opset 11): its input has 4 axes"},
        {X "Conv x,x > y", "weights are computed"},
        {X "f w 3,2,3,3 r1; Conv x,w > y",
         "weights [3,2,3,3] do not fit input [1,3,8,8]"},
        {X "f w 3,3,3,3 r1; Conv x,w > y kernel_shape=5,5", "do not fit"},
        {X "f w 3,3,3,3 r1; Conv x,w > y strides=0,1", "out of range"},
        {X "f w 3,3,3,3 r1; Conv x,w > y pads=1,1", "'pads' has 2 numbers"},
        {X "f w 3,3,3,3 r1; Conv x,w > y pads=-1,0,0,0", "padding -1 out of range"},
        {X "f w 3,3,3,3 r1; Conv x,w > y group=1.5", "'group' has the wrong type"},
        {X "f w 3,3,3,3 r1; Conv x,w > y auto_pad=ODD", "unknown 'auto_pad'"},
        {X "f w 3,3,9,9 r1; Conv x,w > y", "use a larger picture"},
        {X "f w 3,3,3,3 r1; f b 4 r1; Conv x,w,b > y", "bias has 4 elements"},
        {X "Conv x > y", "input 1 is missing"},
        {X "f w 3,3,3,3 r1; ConvTranspose x,w > y output_shape=99,99", "out of range"},
        {X "f w 3,3,3,3 r1; ConvTranspose x,w > y output_shape=9,9,9", "has 3 numbers"},
        {X "f g 2 r1; InstanceNormalization x,g,g > y", "2 elements for input [1,3,8,8]"},
        {X "f g 2 r1; BatchNormalization x,g,g,g,g > y", "scale has 2 elements"},
        {X "Cast x > y to=8", "element type 8"},
        {X "MatMul x,x > y",
         "attention: it multiplies two computed matrices, here to 8 x 8"},
        {X "f s 2 =1; f q 2 =0; QuantizeLinear x,s,q > y", "2 scales for 3 channels"},
        {X "f s 1 =1; f q 1 =0; QuantizeLinear x,s,q > y", "not to 8 or 16 bits"},
        {"opset 18; " X "i p 1,1; i a 2,3; Pad x,p,,a > y", "2 paddings for 2 axes"},
        {X "Pad x,p > y mode=wrap; i p 0,0,0,0,0,0,0,0", "unknown padding mode"},
        {X "Pad x,p > y; i p 0,0,1,1", "4 paddings for 4 axes"},
        {X "Pad x,p > y mode=reflect; i p 0,0,8,0,0,0,0,0", "cannot reflect 8 elements"},
        {X "f r 0; f s 4 1,1,2,2; Resize x,r,s > y mode=cubist", "unknown mode"},
        {X "f r 0; f s 4 1,1,2,2; Resize x,r,s > y mode=cubic exclude_outside=1",
         "'exclude_outside'"},
        {X "f r 0; f s 4 1,1,2,2; Resize x,r,s > y "
           "coordinate_transformation_mode=tf_crop_and_resize",
         "unknown coordinate"},
        {X "f r 0; f s 4 1,2,2,2; Resize x,r,s > y", "other axes than height and width"},
        {X "f r 0; f s 4 1,1,0,2; Resize x,r,s > y", "out of range"},
        {X "f r 0; f s 3 1,1,2; Resize x,r,s > y", "does not resize a map"},
        {"opset 10; " X "f s 4 1,1,2,0.5; Resize x,s > y", "enlarges one axis"},
        {X "DepthToSpace x > y blocksize=2", "blocks of 2 do not divide"},
        {X "SpaceToDepth x > y blocksize=0", "block size 0"},
        {X "MaxPool x > y kernel_shape=2,2 pads=2,2,2,2", "padding 2,2 is not below"},
        {X "MaxPool x > a,y kernel_shape=1,1", "does not depend on the picture"},
        {X "MaxPool x > a,b kernel_shape=1,1; Relu b > y",
         "reads 'b', an additional output"},
        {X "Concat x,x > y axis=4", "axis 4 is out of range"},
        {X "f c 1,3,8,7 r1; Concat x,c > y axis=1", "cannot be joined on axis 1"},
        {X "f c 1,3,8,7 r1; Add x,c > y", "[1,3,8,8] and [1,3,8,7] do not match"},
        {X "Reshape x,s > y; i s 1,3,9,8", "cannot reshape [1,3,8,8] to [1,3,9,8]"},
        {X "Reshape x,s > y; i s 1,1,1,1,1,1,1", "over 6 axes"},
        {X "Transpose x > y perm=0,0,1,2", "no permutation"},
        {X "Squeeze x > y axes=1,", "cannot drop axis 1 of 3"},
        {X "Slice x,s,e > y; i s 9,; i e 9,", "cannot cut [0,3,8,8]"},
        {X "Slice x,s,e,a,t > y; i s 0,; i e 9,; i a 1,; i t 0,", "step is 0"},
        {X "Split x > y,z axis=1", "3 elements cannot be split into 2"},
        {X "Gather x,k > y axis=1; i k 3,", "out of range"},
        {X "Expand x,s > y; i s 2,2", "does not fit"},
        {X "Expand x,s > y; i s -8,", "target shape is impossible"},
        {X "Expand x,s > y; i s 1,1,1,1,1,1,1", "target has over 6 axes"},
        {X "Reshape x,s > y; i s -1,-1", "target shape is impossible"},
        {X "Unsqueeze x > y axes=0,0", "adds axis 0 twice"},
        {X "Unsqueeze x > y axes=0,1,2", "over 6 axes"},
        {X "Split x > y,z axis=2 split=9,-1", "do not add up to 8"},
        {X "Split x > y,b,c,d,e,f,g,h,j,k,l,m,n axis=2", "cannot be split into 13"},
        {X "Split x > y,z axis=1 split=1,1", "do not add up to 3"},
        {X "Transpose x > y perm=0,1,2,3,4,5,6,7,8,9,10,11,12", "'perm' is too long"},
        {X "Reshape x,s > y; i s 1,1,1,1,1,1,1,1,1,1,1,1,1", "input 1 is too long"},
        {X "f w 3,3,3,3 r1; Conv x,w > y strides=1,1,1", "'strides' has 3 numbers"},
        {X "f w 3,3,9,9 r1; ConvTranspose x,w > y output_shape=99999,8", "be reached"},
        {X "f w 3,4,3,3 r1; ConvTranspose x,w > y group=2", "do not fit input"},
        {X "f w 3,1,3,3 r1; f b 2 r1; ConvTranspose x,w,b > y group=3", "bias has 2"},
        {X "ConvTranspose x,x > y", "weights are computed"},
        {X "Squeeze x > a axes=0,; MaxPool a > y kernel_shape=1,1",
         "its input has 3 axes"},
        {X "MaxPool x > y kernel_shape=2,2 pads=-1,0,0,0", "padding out of range"},
        {X "DepthToSpace x > y blocksize=1 mode=XYZ", "unknown 'mode'"},
        {X "Reshape x,s > a; i s 3,1,8,8; f w 1,1,1,1 r1; Conv a,w > y",
         "its input [3,1,8,8] is no feature map"},
        {X "Reshape x,s > a; i s 3,64; f k 64 r1; InstanceNormalization a,k,k > y",
         "its input [3,64] is no feature map"},
        {X "GlobalAveragePool x > a; InstanceNormalization x,a,a > y",
         "scale or shift depends on the picture"},
        {X "f k 3 r1; InstanceNormalization x,k,k > y epsilon=-0.5",
         "epsilon is negative"},
        {X "MatMul s,w > t; in s 1,3; f w 4,2 r1; Add x,t > y",
         "cannot multiply [1,3] by "
         "[4,2]"},
        {X "f r 0; f s 4 1,1,99999999,1; Resize x,r,s > y", "out of range"},
        {X
         "i p 0,0,16777216,0,0,0,0,0; Pad x,p > a; i q 0,0,16777216,0,0,0,0,0; Pad a,q > "
         "y",
         "is empty or too large"},
    };
    EXPECT_REFUSALS(refusals);
}

static void test_refused_constants(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {X "Constant > c value_string=text; Add x,c > y", "holds no number"},
        {X "Constant > c value=3; Add x,c > y", "'value' has the wrong type"},
        {X "i d 16777216,16777216; ConstantOfShape d > c; Add x,c > y", "are too large"},
        {X "i d 5000,5000; ConstantOfShape d > c; ConstantOfShape d > e; Add c,e > g; "
           "Add x,g > y",
         "are too large"},
        {X "i d 16777216,; ConstantOfShape d > c; Sum c,c,c,c,c,c,c,c,c > e; Add x,e > y",
         "are too large"},
        {X
         "i d 2097152,; ConstantOfShape d > c; Sum c,c,c,c,c,c,c,c,c,c,c,c,c,c,c,c,c,c,"
         "c,c,c,c,c,c,c,c,c,c,c,c,c,c,c,c,c,c,c,c,c,c > e; ReduceSum e > s; Add x,s > y",
         "too long to compute"},
        {X "i d -1,; ConstantOfShape d > c; Add x,c > y", "are too large"},
        {X "i a =0; i n =99999999; i k =1; Range a,n,k > c; Add x,c > y", "too long"},
        {X "i a =0; i n =9; i k =0; Range a,n,k > c; Add x,c > y", "too long"},
        {X "i a 1,2; i k 2,; Gather a,k > c; Add x,c > y", "index 2 is out of range"},
        {X "i a 1,2; i e 1,2,3; Add a,e > c; Add x,c > y", "shapes do not match"},
        {X "i a 1,2; i t 3,; Reshape a,t > c; Add x,c > y", "cannot reshape 2 elements"},
        {X "i a 1,2; i t -1,; Tile a,t > c; Add x,c > y", "are too large"},
        {X "f c 0; Add x,c > y", "impossible shape [0]"},
        {X "f c 1,1,1,1,1,1,1 =1; Add x,c > y", "tensor 'c' has 7 axes"},
        {X "i d 1,1,1,1,1,1,1; ConstantOfShape d > c; Add x,c > y", "over 6 axes"},
        {X "i d 1,; ConstantOfShape d > c value=@1,2; Add x,c > y",
         "value has 2 elements"},
        {X "i a 1,2; i k 1,2,3; Where a,a,k > c; Add x,c > y", "shapes do not match"},
        {X "i a 1,2; i k =1; Range a,k,k > c; Add x,c > y", "no single number"},
        {X "f a 1,1,1,1,1,1 =1; i k 0,0; f b 1,1,1 =1; Cast b > j to=7; Gather a,j > c; "
           "Add x,c > y",
         "over 6 axes"},
        {X "i a 1,2; i b =1; Concat a,b > c axis=0; Add x,c > y", "shapes do not match"},
        {X "i a 1,2; i t 1,1; Tile a,t > c; Add x,c > y", "2 repeats for 1 axes"},
        {X "f a 0; i t 3,; Expand a,t > c; Add x,c > y", "its target does not fit"},
    };
    EXPECT_REFUSALS(refusals);
}

/* An initializer that many Constant nodes repeat must not exhaust the memory. */
static void test_copied_constants(void **state)
{
    (void)state;
    enum { NAMES = 70 };
    char text[NAMES * 80 + 512];
    struct daub_error error = {0};
    size_t used = (size_t)snprintf(text, sizeof(text),
                                   X "f c 2048,2048 =1; ReduceMean x > "
                                     "s0; ");
    for (int i = 0; i < NAMES; i++)
        used += (size_t)snprintf(
            text + used, sizeof(text) - used,
            "Identity c > c%d; Mul c%d,s%d > m%d; ReduceMean m%d > s%d; ", i, i, i, i, i,
            i + 1);
    snprintf(text + used, sizeof(text) - used, "Add x,s%d > y", NAMES);
    assert_null(parse(text, &error));
    assert_int_equal(error.status, DAUB_ERROR_MODEL);
    if (!strstr(error.message, "constants of the network are too large"))
        fail_msg("%s", error.message);
}

static void expect_bytes_refused(const void *bytes, size_t size, const char *message)
{
    struct daub_error error = {0};
    assert_null(net_onnx_parse(bytes, size, "file.onnx", &error));
    assert_int_equal(error.status, DAUB_ERROR_MODEL);
    if (!strstr(error.message, message))
        fail_msg("message: %s\nexpected: %s", error.message, message);
}

static void test_damaged_files(void **state)
{
    (void)state;
    expect_bytes_refused("", 0, "no ONNX file, or a damaged one");
    expect_bytes_refused("no model\n", 9, "no ONNX file, or a damaged one");
    expect_bytes_refused("\x08\x07", 2, "no ONNX file, or a damaged one"); /* no graph */
    Onnx__ModelProto *model = onnx_make(X "f w 3,3,3,3 r1; Conv x,w > y");
    size_t size;
    unsigned char *bytes = onnx_make_bytes(model, &size);
    onnx_make_free(model);
    for (size_t cut = 0; cut < size; cut++) {
        struct daub_error error = {0};
        unsigned char *part = malloc(cut + 1); /* exact size, for the sanitizer */
        memcpy(part, bytes, cut);
        struct net_onnx *onnx = net_onnx_parse(part, cut, "file.onnx", &error);
        assert_true(onnx || error.status == DAUB_ERROR_MODEL);
        net_onnx_free(onnx);
        free(part);
    }
    free(bytes);
    /* Graphs nested in attributes of nodes of graphs. */
    enum { DEEP = 200000 };
    unsigned char *deep = malloc(DEEP * 16);
    size_t at = DEEP * 16, inside = 0;
    for (int i = 0; i < DEEP; i++) {
        static const unsigned char tags[] = {0x3a, 0x0a, 0x2a, 0x32};
        unsigned char head[8] = {tags[i < DEEP - 1 ? 1 + (DEEP - 2 - i) % 3 : 0]};
        size_t n = 1;
        for (size_t rest = inside; n < 8; rest >>= 7) {
            head[n++] = (unsigned char)((rest & 127) | (rest > 127 ? 128 : 0));
            if (rest <= 127)
                break;
        }
        at -= n;
        memcpy(deep + at, head, n);
        inside += n;
    }
    expect_bytes_refused(deep + at, inside, "no ONNX file, or a damaged one");
    free(deep);
    /* Empty nodes, two bytes each. */
    enum { NODES = 4 << 20 };
    unsigned char *many = malloc(2 * NODES + 8);
    static const unsigned char open_graph[] = {0x3a, 0x80, 0x80, 0x80, 0x04};
    memcpy(many, open_graph, sizeof(open_graph));
    for (size_t i = 0; i < NODES; i++) {
        many[sizeof(open_graph) + 2 * i] = 0x0a;
        many[sizeof(open_graph) + 2 * i + 1] = 0;
    }
    expect_bytes_refused(many, sizeof(open_graph) + 2 * NODES, "too much memory");
    free(many);
}

/* Damages a valid model, which must then be refused with this message. */
static void expect_model_refused(void (*damage)(Onnx__ModelProto *model),
                                 const char *message)
{
    struct daub_error error = {0};
    Onnx__ModelProto *model = onnx_make(X "f w 3,3,3,3 r1; Conv x,w > y");
    damage(model);
    struct net_onnx *onnx = parse_model(model, &error);
    onnx_make_free(model);
    if (onnx || !strstr(error.message, message))
        fail_msg("message: %s\nexpected: %s", error.message, message);
    assert_int_equal(error.status, DAUB_ERROR_MODEL);
}

static void make_external(Onnx__ModelProto *model)
{
    Onnx__TensorProto *w = model->graph->initializer[0];
    w->has_data_location = 1;
    w->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

static struct net_onnx *parse_beside(const char *location, const char *length,
                                     struct daub_error *error)
{
    Onnx__ModelProto *model = onnx_make(X "f w 3,3,1,1 r1; Conv x,w > y");
    Onnx__TensorProto *w = model->graph->initializer[0];
    const char *text[2][2] = {{"location", location}, {"length", length}};
    make_external(model);
    w->n_external_data = 2;
    w->external_data = calloc(2, sizeof(*w->external_data));
    assert_non_null(w->external_data);
    for (int i = 0; i < 2; i++) {
        w->external_data[i] = malloc(sizeof(**w->external_data));
        assert_non_null(w->external_data[i]);
        onnx__string_string_entry_proto__init(w->external_data[i]);
        w->external_data[i]->key = strdup(text[i][0]);
        w->external_data[i]->value = strdup(text[i][1]);
    }
    size_t size;
    unsigned char *bytes = onnx_make_bytes(model, &size);
    struct net_onnx *onnx =
        net_onnx_parse(bytes, size, "/tmp/daub_test_model.onnx", error);
    free(bytes);
    onnx_make_free(model);
    return onnx;
}

/* Weights in a file beside the model, and nowhere else. */
static void test_external(void **state)
{
    (void)state;
    const float weights[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const char *path = "/tmp/daub_test_weights.bin";
    struct daub_error error = {0};
    struct net_graph graph;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(weights, 1, sizeof(weights), file);
    fclose(file);
    struct net_onnx *onnx = parse_beside("daub_test_weights.bin", "36", &error);
    if (!onnx || !net_onnx_build(onnx, 8, 8, &graph, &error))
        fail_msg("%s", error.message);
    const float *have = graph.values[graph.nodes[1].input[1]].data;
    assert_memory_equal(have, weights, sizeof(weights));
    net_graph_free(&graph);
    net_onnx_free(onnx);
    static const struct {
        const char *location, *length, *message;
    } refused[] = {
        {"daub_test_weights.bin", "40", "is too short"},
        {"daub_test_weights.bin", "32", "needs 36"},
        {"daub_test_missing.bin", "36", "cannot be read"},
        {"../tmp/daub_test_weights.bin", "36", "another folder"},
        {"/tmp/daub_test_weights.bin", "36", "another folder"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        error = (struct daub_error){0};
        assert_null(parse_beside(refused[i].location, refused[i].length, &error));
        if (!strstr(error.message, refused[i].message))
            fail_msg("'%s' does not tell '%s'", error.message, refused[i].message);
    }
    remove(path);
}

static void shorten_data(Onnx__ModelProto *model)
{
    model->graph->initializer[0]->raw_data.len -= 4;
}

static void make_negative(Onnx__ModelProto *model)
{
    model->graph->initializer[0]->dims[0] = -3;
}

static void make_huge(Onnx__ModelProto *model)
{
    for (int i = 0; i < 4; i++)
        model->graph->initializer[0]->dims[i] = 1 << 16;
}

static void make_text(Onnx__ModelProto *model)
{
    model->graph->initializer[0]->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
}

static void make_old(Onnx__ModelProto *model)
{
    model->ir_version = 2;
}

static void make_foreign(Onnx__ModelProto *model)
{
    model->graph->node[0]->domain = malloc(16);
    strcpy(model->graph->node[0]->domain, "com.acme\n");
}

static void make_integer(Onnx__ModelProto *model)
{
    model->graph->input[0]->type->tensor_type->elem_type =
        ONNX__TENSOR_PROTO__DATA_TYPE__INT32;
}

static void drop_graph(Onnx__ModelProto *model)
{
    onnx__graph_proto__free_unpacked(model->graph, NULL);
    model->graph = NULL;
}

static void test_damaged_models(void **state)
{
    (void)state;
    expect_model_refused(make_external,
                         "keeps tensor 'w' in another folder or says not where");
    expect_model_refused(shorten_data, "tensor 'w' holds 320 bytes where its shape needs "
                                       "324");
    expect_model_refused(make_negative, "impossible size -3 on axis 0");
    expect_model_refused(make_huge, "impossible size 65536 on axis 1");
    expect_model_refused(make_text, "tensor 'w' has element type 8");
    expect_model_refused(make_old, "IR version 2");
    expect_model_refused(make_foreign, "operator com.acme?.Conv (opset 11)");
    expect_model_refused(make_integer, "input 'x' is a float tensor");
    expect_model_refused(drop_graph, "no ONNX file, or a damaged one");
}

/* Rewrites initializer 0, which holds 1, -2, 0.5 as raw floats, in another way. */
static void recode(Onnx__TensorProto *tensor, int form)
{
    static const float floats[] = {1, -2, 0.5f};
    static const double doubles[] = {1, -2, 0.5};
    static const uint16_t halves[] = {0x3c00, 0xc000, 0x3800};
    const void *raw[] = {floats, doubles, halves};
    static const size_t sizes[] = {4, 8, 2};
    static const int types[] = {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
                                ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,
                                ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16};
    int kind = form % 3;
    tensor->data_type = types[kind];
    free(tensor->raw_data.data);
    tensor->raw_data = (ProtobufCBinaryData){0, NULL};
    tensor->has_raw_data = form < 3;
    void *data = malloc(24);
    if (form < 3) {
        memcpy(data, raw[kind], 3 * sizes[kind]);
        tensor->raw_data = (ProtobufCBinaryData){3 * sizes[kind], data};
    } else if (kind == 0) {
        tensor->n_float_data = 3;
        tensor->float_data = memcpy(data, floats, sizeof(floats));
    } else if (kind == 1) {
        tensor->n_double_data = 3;
        tensor->double_data = memcpy(data, doubles, sizeof(doubles));
    } else {
        tensor->n_int32_data = 3;
        tensor->int32_data = data;
        for (int i = 0; i < 3; i++)
            tensor->int32_data[i] = halves[i];
    }
}

/* As a weight (decoded to float) and through folding (decoded to double). */
static void test_element_types(void **state)
{
    (void)state;
    for (int form = 0; form < 6; form++)
        for (int fold = 0; fold < 2; fold++) {
            struct daub_error error = {0};
            struct net_graph graph;
            Onnx__ModelProto *model = onnx_make(
                fold ? "in x 1,3,8,8; out y; f c 1,3,1,1 1,-2,0.5; Neg c > m; "
                       "Neg m > n; Mul x,n > y"
                     : "in x 1,3,8,8; out y; f c 3,1,1,1 1,-2,0.5; Conv x,c > y "
                       "group=3");
            recode(model->graph->initializer[0], form);
            struct net_onnx *onnx = parse_model(model, &error);
            onnx_make_free(model);
            if (!onnx || !net_onnx_build(onnx, 8, 8, &graph, &error))
                fail_msg("%s", error.message);
            const struct net_node *last = &graph.nodes[graph.node_count - 1];
            const float *c = graph.values[last->input[1]].data;
            assert_true(c[0] == 1 && c[1] == -2 && c[2] == 0.5f);
            assert_int_equal(net_onnx_get_info(onnx)->parameters, 3);
            net_graph_free(&graph);
            net_onnx_free(onnx);
        }
}

/* Every finite binary16 number, those of odd mantissa negative. */
static void test_half_numbers(void **state)
{
    (void)state;
    enum { COUNT = 0x7c00 };
    struct daub_error error = {0};
    struct net_graph graph;
    Onnx__ModelProto *model = onnx_make(X "f c 31744 =0; Relu c > r; Sub c,r > d; "
                                          "Add x,d > e; ReduceMean e > m; Add x,m > y");
    /* The picture is as wide as the list of numbers. */
    model->graph->input[0]->type->tensor_type->shape->dim[3]->dim_value = COUNT;
    Onnx__TensorProto *c = model->graph->initializer[0];
    c->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16;
    c->raw_data.len = 2 * COUNT;
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned bits = i | (i & 1) << 15;
        c->raw_data.data[2 * i] = (uint8_t)bits;
        c->raw_data.data[2 * i + 1] = (uint8_t)(bits >> 8);
    }
    struct net_onnx *onnx = parse_model(model, &error);
    onnx_make_free(model);
    if (!onnx || !net_onnx_build(onnx, 8, COUNT, &graph, &error))
        fail_msg("%s", error.message);
    const float *d = graph.values[graph.nodes[1].input[1]].data;
    for (unsigned i = 0; i < COUNT; i++) {
        /* c - relu(c) is c where it is negative, else 0. */
        int exponent = (int)(i >> 10), mantissa = (int)(i & 1023);
        double x = (exponent ? 1024 + mantissa : mantissa) / 16777216.0;
        for (int k = 1; k < exponent; k++)
            x *= 2;
        double want = i & 1 ? -x : 0;
        if ((double)d[i] != want)
            fail_msg("half %#x: %g, not %g", i, (double)d[i], want);
    }
    net_graph_free(&graph);
    net_onnx_free(onnx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refused_nets),
        cmocka_unit_test(test_refused_nodes),
        cmocka_unit_test(test_refused_constants),
        cmocka_unit_test(test_copied_constants),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_damaged_models),
        cmocka_unit_test(test_external),
        cmocka_unit_test(test_element_types),
        cmocka_unit_test(test_half_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
