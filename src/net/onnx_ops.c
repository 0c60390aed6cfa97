#include <math.h>
#include <string.h>

#include "net/onnx_internal.h"

/* A function for the value of each row of the element-wise lists. */
#define VALUE(name, expression)                                                          \
    static double value_##name(double x, double y)                                       \
    {                                                                                    \
        (void)x;                                                                         \
        (void)y;                                                                         \
        return expression;                                                               \
    }
#define BINARY_VALUE(enumerator, name, onnx, expression) VALUE(enumerator, expression)
NET_BINARIES(BINARY_VALUE)
#define LOGIC_VALUE(name, expression, translate) VALUE(name, expression)
NET_LOGIC(LOGIC_VALUE)

/* Every operator of the default domain that daub reads. The name is NULL for activations
 * that an importer function of their own makes. */
static const struct net_onnx_op ops[] = {
#define ACT(enumerator, name, onnx, ...)                                                 \
    {onnx, net_onnx_fold_activation, net_onnx_activation, .kind = enumerator},
#define BINARY(enumerator, name, onnx, expression)                                       \
    {onnx,                                                                               \
     net_onnx_fold_arithmetic,                                                           \
     net_onnx_arithmetic,                                                                \
     .kind = enumerator,                                                                 \
     .value = value_##enumerator,                                                        \
     .is_test = enumerator >= NET_BINARY_GREATER},
#define LOGIC(name, expression, translate)                                               \
    {#name, net_onnx_fold_arithmetic, translate, .value = value_##name, .is_test = true},
#define CONSTANT(name, fold)        {name, fold, NULL, .shape_only = false},
#define SHAPE(name, fold)           {name, fold, NULL, .shape_only = true},
#define COMPUTED(name, translate)   {name, NULL, translate, .shape_only = false},
#define BOTH(name, fold, translate) {name, fold, translate, .shape_only = false},
    /* clang-format off */
    NET_ACTS(ACT)
    NET_BINARIES(BINARY)
    NET_LOGIC(LOGIC)
    NET_ONNX_OPS(CONSTANT, SHAPE, COMPUTED, BOTH)
    /* clang-format on */
};

const struct net_onnx_op *net_onnx_find_op(const char *name)
{
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (ops[i].name && !strcmp(ops[i].name, name))
            return &ops[i];
    return NULL;
}
