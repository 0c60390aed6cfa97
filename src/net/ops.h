/* The operators: one row each. Enumerations, names, the reference, the importer's table
 * and the lowering table are generated from these lists, so an element-wise function
 * needs nothing else on the host. docs/add-an-operator.md describes the steps.
 *
 * ROW stands for a macro that makes what the including file needs of a row. */
#ifndef DAUB_NET_OPS_H
#define DAUB_NET_OPS_H

/* clang-format off */

/* Operators of the graph: enumerator, number, name in dumps, definition (op_*.c),
 * lowering (lower*.c; NULL: computed on the host, from the style weights, never on the
 * device). */
#define NET_OPS(ROW)                                                                     \
    ROW(NET_INPUT, 1, "input", net_op_input, lower_input)                                \
    ROW(NET_CONV, 2, "conv", net_op_conv, lower_conv)                                    \
    ROW(NET_CONV_TRANSPOSE, 3, "conv_transpose", net_op_conv_transpose, lower_deconv)    \
    ROW(NET_NORM, 4, "norm", net_op_norm, lower_norm)                                    \
    ROW(NET_ACT, 5, "act", net_op_act, lower_act)                                        \
    ROW(NET_BINARY, 6, "binary", net_op_binary, lower_binary)                            \
    ROW(NET_CONCAT, 7, "concat", net_op_concat, lower_concat)                            \
    ROW(NET_SLICE, 8, "slice", net_op_slice, lower_window)                               \
    ROW(NET_PAD, 9, "pad", net_op_pad, lower_window)                                     \
    ROW(NET_RESIZE, 10, "resize", net_op_resize, lower_resize)                           \
    ROW(NET_DEPTH_TO_SPACE, 11, "depth_to_space", net_op_block, lower_block)             \
    ROW(NET_SPACE_TO_DEPTH, 12, "space_to_depth", net_op_block, lower_block)             \
    ROW(NET_POOL, 13, "pool", net_op_pool, lower_pool)                                   \
    ROW(NET_MEAN, 14, "mean", net_op_mean, lower_mean)                                   \
    ROW(NET_TRANSPOSE, 15, "transpose", net_op_transpose, NULL)                          \
    ROW(NET_RESHAPE, 16, "reshape", net_op_reshape, lower_permute)                       \
    ROW(NET_MATMUL, 17, "matmul", net_op_matmul, NULL)                                   \
    ROW(NET_MAXIMUM, 18, "maximum", net_op_maximum, NULL)                                \
    ROW(NET_PERMUTE, 19, "permute", net_op_permute, lower_permute)

/* Activations, numbered in ACTIVATIONS of shaders/contract.h: enumerator, name in dumps,
 * ONNX operator (NULL: made by an importer function of its own), its attributes alpha and
 * beta where the file leaves them out, how many of the two it has, value at x in double
 * precision. slope is the channel's element of PRelu's second input. */
#define NET_ACTS(ROW)                                                                    \
    ROW(NET_ACT_NONE, "none", NULL, 0, 0, 0, x)                                          \
    ROW(NET_ACT_RELU, "relu", "Relu", 0, 0, 0, x < 0 ? 0 : x)                            \
    ROW(NET_ACT_LEAKY_RELU, "leaky_relu", "LeakyRelu", 0.01f, 0, 1,                      \
        x < 0 ? alpha * x : x)                                                           \
    ROW(NET_ACT_PRELU, "prelu", NULL, 0, 0, 0, x < 0 ? slope * x : x)                    \
    ROW(NET_ACT_ELU, "elu", "Elu", 1, 0, 1, x < 0 ? alpha * expm1(x) : x)                \
    ROW(NET_ACT_TANH, "tanh", "Tanh", 0, 0, 0, tanh(x))                                  \
    ROW(NET_ACT_SIGMOID, "sigmoid", "Sigmoid", 0, 0, 0, 1 / (1 + exp(-x)))               \
    ROW(NET_ACT_HARD_SIGMOID, "hard_sigmoid", "HardSigmoid", 0.2f, 0.5f, 2,              \
        clamp(alpha * x + beta, 0, 1))                                                   \
    ROW(NET_ACT_HARD_SWISH, "hard_swish", "HardSwish", 0, 0, 0,                          \
        x * clamp(x / 6 + 0.5, 0, 1))                                                    \
    ROW(NET_ACT_CLIP, "clip", NULL, 0, 0, 2, clamp(x, alpha, beta))                      \
    ROW(NET_ACT_SOFTPLUS, "softplus", "Softplus", 0, 0, 0,                               \
        fmax(x, 0) + log1p(exp(-fabs(x))))                                               \
    ROW(NET_ACT_SQRT, "sqrt", "Sqrt", 0, 0, 0, sqrt(x))                                  \
    ROW(NET_ACT_NEG, "neg", "Neg", 0, 0, 0, -x)                                          \
    ROW(NET_ACT_ABS, "abs", "Abs", 0, 0, 0, fabs(x))                                     \
    ROW(NET_ACT_EXP, "exp", "Exp", 0, 0, 0, exp(x))                                      \
    ROW(NET_ACT_RECIPROCAL, "reciprocal", "Reciprocal", 0, 0, 0, 1 / x)                  \
    ROW(NET_ACT_LOG, "log", "Log", 0, 0, 0, log(x))                                      \
    ROW(NET_ACT_FLOOR, "floor", "Floor", 0, 0, 0, floor(x))                              \
    ROW(NET_ACT_CEIL, "ceil", "Ceil", 0, 0, 0, ceil(x))                                  \
    ROW(NET_ACT_TRUNC, "trunc", NULL, 0, 0, 0, trunc(x))                                 \
    ROW(NET_ACT_ROUND, "round", "Round", 0, 0, 0, rint(x))                               \
    ROW(NET_ACT_SIGN, "sign", "Sign", 0, 0, 0, (x > 0) - (x < 0))                        \
    ROW(NET_ACT_ERF, "erf", "Erf", 0, 0, 0, erf(x))                                      \
    ROW(NET_ACT_SELU, "selu", "Selu", 1.67326319f, 1.05070102f, 2,                       \
        beta * (x < 0 ? alpha * expm1(x) : x))                                           \
    ROW(NET_ACT_CELU, "celu", "Celu", 1, 0, 1, x < 0 ? alpha * expm1(x / alpha) : x)     \
    ROW(NET_ACT_MISH, "mish", "Mish", 0, 0, 0,                                           \
        x * tanh(fmax(x, 0) + log1p(exp(-fabs(x)))))                                     \
    ROW(NET_ACT_GELU, "gelu", NULL, 0, 0, 0, x * (1 + erf(x * sqrt(0.5))) / 2)           \
    ROW(NET_ACT_GELU_TANH, "gelu_tanh", NULL, 0, 0, 0,                                   \
        x / (1 + exp(-2 * sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x))))             \
    ROW(NET_ACT_SWISH, "swish", "Swish", 1, 0, 1, x / (1 + exp(-alpha * x)))             \
    ROW(NET_ACT_SOFTSIGN, "softsign", "Softsign", 0, 0, 0, x / (1 + fabs(x)))            \
    ROW(NET_ACT_THRESHOLDED_RELU, "thresholded_relu", "ThresholdedRelu", 1, 0, 1,        \
        x > alpha ? x : 0)                                                               \
    ROW(NET_ACT_SQUARE, "square", NULL, 0, 0, 0, x * x)                                  \
    ROW(NET_ACT_POWER, "power", NULL, 0, 0, 1, pow(x, alpha))                            \
    ROW(NET_ACT_ABOVE, "above", NULL, 0, 0, 1, x > alpha)                                \
    ROW(NET_ACT_AT_LEAST, "at_least", NULL, 0, 0, 1, x >= alpha)                         \
    ROW(NET_ACT_EQUALS, "equals", NULL, 0, 0, 1, x == alpha)                             \
    ROW(NET_ACT_QUANTIZE, "quantize", NULL, 0, 0, 2, clamp(rint(x), alpha, beta))

/* Functions of two numbers, with NumPy broadcasting, numbered in BINARIES of
 * shaders/contract.h: enumerator, name in dumps, ONNX operator (NULL: made by importer
 * functions of its own), value. From GREATER on the value is 1 or 0. */
#define NET_BINARIES(ROW)                                                                \
    ROW(NET_BINARY_ADD, "add", "Add", x + y)                                             \
    ROW(NET_BINARY_SUB, "sub", "Sub", x - y)                                             \
    ROW(NET_BINARY_MUL, "mul", "Mul", x * y)                                             \
    ROW(NET_BINARY_DIV, "div", "Div", x / y)                                             \
    ROW(NET_BINARY_POW, "pow", "Pow", pow(x, y))                                         \
    ROW(NET_BINARY_MIN, "min", NULL, x < y ? x : y)                                      \
    ROW(NET_BINARY_MAX, "max", NULL, x > y ? x : y)                                      \
    ROW(NET_BINARY_GREATER, "greater", "Greater", x > y)                                 \
    ROW(NET_BINARY_GREATER_EQUAL, "greater_equal", "GreaterOrEqual", x >= y)             \
    ROW(NET_BINARY_LESS, "less", "Less", x < y)                                          \
    ROW(NET_BINARY_LESS_EQUAL, "less_equal", "LessOrEqual", x <= y)                      \
    ROW(NET_BINARY_EQUAL, "equal", "Equal", x == y)

/* Functions of truth values, which the importer computes on constants and translates
 * otherwise: ONNX operator, value, translation. */
#define NET_LOGIC(ROW)                                                                   \
    ROW(And, x != 0 && y != 0, net_onnx_and)                                             \
    ROW(Or, x != 0 || y != 0, net_onnx_or)                                               \
    ROW(Xor, (x != 0) != (y != 0), net_onnx_xor)

/* The other operators of ONNX's default domain, opset 7 to 28, by what the importer
 * can do with them. CONSTANT(name, fold): computed from constant inputs. SHAPE(name,
 * fold): from the inputs' shapes alone. COMPUTED(name, translate): becomes nodes of
 * the graph. BOTH(name, fold, translate): folded where all inputs are constant. The
 * functions are in onnx_*.c and know what changed between opsets. */
#define NET_ONNX_OPS(CONSTANT, SHAPE, COMPUTED, BOTH)                                    \
    COMPUTED("AveragePool", net_onnx_pool)                                               \
    COMPUTED("BatchNormalization", net_onnx_batch_norm)                                  \
    BOTH("Cast", net_onnx_fold_cast, net_onnx_cast)                                      \
    COMPUTED("Clip", net_onnx_clip)                                                      \
    BOTH("Concat", net_onnx_fold_concat, net_onnx_concat)                                \
    CONSTANT("Constant", net_onnx_fold_constant)                                         \
    CONSTANT("ConstantOfShape", net_onnx_fold_constant_of_shape)                         \
    COMPUTED("Conv", net_onnx_conv)                                                      \
    COMPUTED("ConvTranspose", net_onnx_conv_transpose)                                   \
    COMPUTED("DepthToSpace", net_onnx_block)                                             \
    BOTH("DequantizeLinear", net_onnx_fold_dequantize, net_onnx_dequantize)              \
    BOTH("Dropout", net_onnx_identity, net_onnx_identity)                                \
    BOTH("Expand", net_onnx_fold_expand, net_onnx_expand_value)                          \
    BOTH("Flatten", net_onnx_fold_reshape, net_onnx_reshape)                             \
    BOTH("Gather", net_onnx_fold_gather, net_onnx_gather)                                \
    BOTH("Gelu", net_onnx_fold_gelu, net_onnx_gelu)                                      \
    BOTH("Gemm", net_onnx_fold_gemm, net_onnx_gemm)                                      \
    COMPUTED("GlobalAveragePool", net_onnx_reduce)                                       \
    COMPUTED("GlobalMaxPool", net_onnx_reduce)                                           \
    COMPUTED("GroupNormalization", net_onnx_group_norm)                                  \
    BOTH("Identity", net_onnx_identity, net_onnx_identity)                               \
    COMPUTED("If", net_onnx_if)                                                          \
    COMPUTED("InstanceNormalization", net_onnx_instance_norm)                            \
    COMPUTED("LayerNormalization", net_onnx_layer_norm)                                  \
    BOTH("MatMul", net_onnx_fold_gemm, net_onnx_gemm)                                    \
    BOTH("Max", net_onnx_fold_max, net_onnx_max)                                         \
    COMPUTED("MaxPool", net_onnx_pool)                                                   \
    BOTH("Min", net_onnx_fold_min, net_onnx_min)                                         \
    CONSTANT("Mod", net_onnx_fold_mod)                                                   \
    BOTH("Not", net_onnx_fold_not, net_onnx_not)                                         \
    COMPUTED("PRelu", net_onnx_prelu)                                                    \
    COMPUTED("Pad", net_onnx_pad)                                                        \
    BOTH("QuantizeLinear", net_onnx_fold_quantize, net_onnx_quantize)                    \
    CONSTANT("Range", net_onnx_fold_range)                                               \
    BOTH("ReduceL1", net_onnx_fold_reduce, net_onnx_reduce)                              \
    BOTH("ReduceL2", net_onnx_fold_reduce, net_onnx_reduce)                              \
    BOTH("ReduceMax", net_onnx_fold_reduce, net_onnx_reduce)                             \
    BOTH("ReduceMean", net_onnx_fold_reduce, net_onnx_reduce)                            \
    BOTH("ReduceMin", net_onnx_fold_reduce, net_onnx_reduce)                             \
    CONSTANT("ReduceProd", net_onnx_fold_reduce)                                         \
    BOTH("ReduceSum", net_onnx_fold_reduce, net_onnx_reduce)                             \
    BOTH("ReduceSumSquare", net_onnx_fold_reduce, net_onnx_reduce)                       \
    BOTH("Reshape", net_onnx_fold_reshape, net_onnx_reshape)                             \
    COMPUTED("Resize", net_onnx_resize)                                                  \
    SHAPE("Shape", net_onnx_fold_shape)                                                  \
    SHAPE("Size", net_onnx_fold_shape)                                                   \
    BOTH("Slice", net_onnx_fold_slice, net_onnx_slice_value)                             \
    COMPUTED("Softmax", net_onnx_softmax)                                                \
    COMPUTED("SpaceToDepth", net_onnx_block)                                             \
    BOTH("Split", net_onnx_fold_split, net_onnx_split_value)                             \
    BOTH("Squeeze", net_onnx_fold_reshape, net_onnx_reshape)                             \
    BOTH("Sum", net_onnx_fold_sum, net_onnx_sum)                                         \
    BOTH("Tile", net_onnx_fold_tile, net_onnx_tile)                                      \
    BOTH("Transpose", net_onnx_fold_transpose, net_onnx_transpose)                       \
    BOTH("Unsqueeze", net_onnx_fold_reshape, net_onnx_reshape)                           \
    COMPUTED("Upsample", net_onnx_resize)                                                \
    BOTH("Where", net_onnx_fold_where, net_onnx_where)
/* clang-format on */

#define NET_ENUMERATOR(enumerator, number, ...) enumerator = number,

#endif
