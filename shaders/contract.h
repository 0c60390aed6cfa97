/* What the C code and the shaders agree on: for every kernel its specialization constants,
 * bindings and push constants, and the numbers of the modes they share. Included by both
 * sides (C through net/kernel.h), so that no id is written twice.
 *
 * Every list is a macro that applies X to its entries:
 *   constants  X(id, type, NAME, default)   ids COMMON_CONSTANT_COUNT.. are the kernel's own
 *   bindings   X(NAME, slot)                slots below FIRST_OUTPUT_SLOT are read, others written
 *   push       X(type, name)                in this order, without gaps
 *   modes      X(NAME, number)              0 is never used
 *
 * Words of the names: H, W height and width; C4 blocks of four channels (one vec4 a pixel);
 * Y, X vertical and horizontal; DCR, CRD the channel orders of ONNX DepthToSpace. */
#ifndef DAUB_SHADERS_CONTRACT_H
#define DAUB_SHADERS_CONTRACT_H

/* ---- modes ---- */

/* Activations, with their parameters alpha and beta. */
#define ACTIVATIONS(X) \
    X(NONE, 1) \
    X(RELU, 2) \
    X(LEAKY_RELU, 3)   /* x < 0: alpha x */ \
    X(PRELU, 4)        /* x < 0: slope[c] x */ \
    X(ELU, 5)          /* x < 0: alpha (exp x - 1) */ \
    X(TANH, 6) \
    X(SIGMOID, 7) \
    X(HARD_SIGMOID, 8) /* clamp(alpha x + beta, 0, 1) */ \
    X(HARD_SWISH, 9)   /* x clamp(x / 6 + 1/2, 0, 1) */ \
    X(CLIP, 10)        /* clamp(x, alpha, beta) */ \
    X(SOFTPLUS, 11)    /* log(1 + exp x) */ \
    X(SQRT, 12) X(NEG, 13) X(ABS, 14) X(EXP, 15) X(RECIPROCAL, 16) X(LOG, 17) \
    X(FLOOR, 18) X(CEIL, 19) X(TRUNC, 20) \
    X(ROUND, 21)       /* halves to even */ \
    X(SIGN, 22) X(ERF, 23) \
    X(SELU, 24)        /* beta (x < 0 ? alpha (exp x - 1) : x) */ \
    X(CELU, 25)        /* x < 0: alpha (exp(x / alpha) - 1) */ \
    X(MISH, 26)        /* x tanh(log(1 + exp x)) */ \
    X(GELU, 27)        /* x (1 + erf(x / sqrt 2)) / 2 */ \
    X(GELU_TANH, 28)   /* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */ \
    X(SWISH, 29)       /* x / (1 + exp(-alpha x)) */ \
    X(SOFTSIGN, 30)    /* x / (1 + |x|) */ \
    X(THRESHOLDED_RELU, 31) /* x > alpha ? x : 0 */ \
    X(SQUARE, 32) \
    X(POWER, 33)       /* x^alpha */ \
    X(ABOVE, 34)       /* x > alpha ? 1 : 0 */ \
    X(AT_LEAST, 35)    /* x >= alpha ? 1 : 0 */ \
    X(EQUALS, 36)      /* x == alpha ? 1 : 0 */ \
    X(QUANTIZE, 37)    /* clamp(round x, alpha, beta) */

#define PADDINGS(X) X(ZERO, 1) X(REFLECT, 2) X(EDGE, 3) X(CONSTANT, 4)

/* The comparisons give 1 or 0. */
#define BINARIES(X) \
    X(ADD, 1) X(SUB, 2) X(MUL, 3) X(DIV, 4) X(POW, 5) X(MIN, 6) X(MAX, 7) \
    X(GREATER, 8) X(GREATER_EQUAL, 9) X(LESS, 10) X(LESS_EQUAL, 11) X(EQUAL, 12)

/* AVERAGE_PADDED: padding counts as pixels of value 0. */
#define POOLS(X) X(MAX, 1) X(AVERAGE, 2) X(AVERAGE_PADDED, 3)

/* How an output coordinate of Resize becomes an input coordinate, as ONNX names it. */
#define COORDINATES(X) \
    X(ASYMMETRIC, 1) X(HALF_PIXEL, 2) X(PYTORCH_HALF_PIXEL, 3) X(ALIGN_CORNERS, 4)

#define RESIZES(X) X(NEAREST, 1) X(LINEAR, 2) X(CUBIC, 3)

#define NEARESTS(X) X(FLOOR, 1) X(CEIL, 2) X(ROUND_PREFER_FLOOR, 3) X(ROUND_PREFER_CEIL, 4)

/* What the remap kernel does: a slice or pad, D2S DepthToSpace, S2D SpaceToDepth. */
#define REMAPS(X) X(WINDOW, 1) X(D2S_DCR, 2) X(D2S_CRD, 3) X(S2D_DCR, 4) X(S2D_CRD, 5) X(CONCAT, 6) \
    X(PERMUTE, 7)      /* a permutation of six axes */

/* What the samples of one plane of an output frame are. */
#define PLANES(X) \
    X(SINGLE, 1)      /* one component */ \
    X(PAIR, 2)        /* Cb in one plane and Cr in the next */ \
    X(INTERLEAVED, 3) /* Cb Cr Cb Cr */ \
    X(PACKED, 4)      /* all components of a pixel side by side */

/* Axes along which an operand of a binary operator has one element; bits. */
#define BROADCAST_AXES(X) X(H, 1) X(W, 2) X(C, 4)

/* enum daub_color_mode of the public API. */
#define COLOR_MODES(X) X(PAINT, 0) X(KEEP, 1) X(ONLY, 2)

/* ---- constants of all kernels ---- */

/* Invocations of a work-group. */
#define LANES_CONSTANTS(X) X(0, int, LANES, 8)
/* The views of the inputs: whether an affine map is pending, then the activation. */
#define VIEW0_CONSTANTS(X) \
    X(1, int, V0_AFFINE, 0) X(2, int, V0_ACT, 1) X(3, float, V0_ALPHA, 0.0) X(4, float, V0_BETA, 0.0)
#define VIEW1_CONSTANTS(X) \
    X(5, int, V1_AFFINE, 0) X(6, int, V1_ACT, 1) X(7, float, V1_ALPHA, 0.0) X(8, float, V1_BETA, 0.0)
/* The activation of the output. */
#define OUTPUT_CONSTANTS(X) X(9, int, ACT, 1) X(10, float, ALPHA, 0.0) X(11, float, BETA, 0.0)
/* Layout of the painting: side of its space-to-depth blocks, whether their order is CRD. */
#define PAINTING_CONSTANTS(X) X(12, int, PAINTED_BLOCK, 1) X(13, int, PAINTED_CRD, 0)

#define COMMON_CONSTANTS(X) \
    LANES_CONSTANTS(X) VIEW0_CONSTANTS(X) VIEW1_CONSTANTS(X) OUTPUT_CONSTANTS(X) PAINTING_CONSTANTS(X)
#define COMMON_CONSTANT_COUNT 14

#define NO_CONSTANTS(X)

/* ---- slots of the network's kernels ---- */

#define SLOT_INPUT0(X)  X(SLOT_INPUT0, 0)
#define SLOT_INPUT1(X)  X(SLOT_INPUT1, 1)
#define SLOT_AFFINE0(X) X(SLOT_AFFINE0, 2) /* pending affine map of input 0 */
#define SLOT_AFFINE1(X) X(SLOT_AFFINE1, 3)
#define SLOT_WEIGHTS(X) X(SLOT_WEIGHTS, 4)
#define SLOT_PARAMS(X)  X(SLOT_PARAMS, 5)  /* bias, slopes, scales */
#define SLOT_OUTPUT(X)  X(SLOT_OUTPUT, 6)
#define SLOT_STATS(X)   X(SLOT_STATS, 7)   /* statistics or affine pairs */

#define NETWORK_SLOTS(X) \
    SLOT_INPUT0(X) SLOT_INPUT1(X) SLOT_AFFINE0(X) SLOT_AFFINE1(X) SLOT_WEIGHTS(X) SLOT_PARAMS(X) \
    SLOT_OUTPUT(X) SLOT_STATS(X)

#define SLOT_COUNT        8
#define FIRST_OUTPUT_SLOT 6

/* ---- dense convolution ---- */

#define CONV_CONSTANTS(X) \
    X(14, int, KH, 3) X(15, int, KW, 3)  /* kernel */ \
    X(16, int, SY, 1) X(17, int, SX, 1)  /* stride */ \
    X(18, int, DY, 1) X(19, int, DX, 1)  /* dilation */ \
    X(20, int, CI4, 1)                   /* input channel blocks */ \
    X(21, int, PAD, 1)                   /* PADDINGS */ \
    X(22, int, UP, 0)                    /* log2 of the nearest upsampling before the convolution */ \
    X(23, int, PHASES, 1)                /* 4: one 2x2 convolution for each parity of output row and column */ \
    X(24, int, STATS, 0)                 /* write statistics */

#define CONV_SHARED_CONSTANTS(X) \
    CONV_CONSTANTS(X) \
    X(25, int, TILE_H, 8) X(26, int, TILE_W, 16) /* output pixels of a work-group */ \
    X(27, int, CHUNK, 1)                 /* channel blocks in shared memory at a time */ \
    X(28, int, Q4, 2)                    /* output channel blocks an invocation makes */ \
    X(29, int, OGROUPS, 4)               /* sets of invocations, each with other output channels */

#define CONV_HOST_CONSTANTS(X) \
    CONV_CONSTANTS(X) \
    X(25, int, TILE_H, 8) X(26, int, TILE_W, 64) /* output pixels of a part and of a tile of statistics */ \
    X(27, int, O_STEP, 32)               /* output channels of a part */ \
    X(28, int, GROUP_IN, 16) X(29, int, GROUP_OUT, 16) /* channels of a group */

#define WINOGRAD_CONSTANTS(X) \
    CONV_CONSTANTS(X) \
    X(25, int, TILES, 24)                /* tiles of 4x4 output pixels of a part, also of its statistics */ \
    X(26, int, IN_C, 16)                 /* input channels */

#define CONV_SLOTS(X) \
    SLOT_INPUT0(X) SLOT_AFFINE0(X) SLOT_WEIGHTS(X) SLOT_PARAMS(X) SLOT_OUTPUT(X) SLOT_STATS(X)
#define CONV_SHARED_SLOTS(X) CONV_SLOTS(X)
#define CONV_HOST_SLOTS(X)   CONV_SLOTS(X)
#define WINOGRAD_SLOTS(X)    CONV_SLOTS(X)

#define CONV_PUSH(X) \
    X(int, in_h) X(int, in_w) X(int, out_h) X(int, out_w) /* out: of one phase */ \
    X(int, top) X(int, left)             /* padding */ \
    X(int, o4)                           /* output channel blocks */ \
    X(int, groups)                       /* work-groups, or a processor's parts, over output channels */
#define CONV_SHARED_PUSH(X) CONV_PUSH(X)
#define CONV_HOST_PUSH(X)   CONV_PUSH(X) X(int, out_c)
#define WINOGRAD_PUSH(X)    CONV_HOST_PUSH(X)

/* ---- depthwise and generic convolution ---- */

#define CONV_DEPTHWISE_CONSTANTS(X) \
    X(14, int, ROWS, 4)                  /* output rows an invocation makes */ \
    X(15, int, KH, 3) X(16, int, KW, 3) X(17, int, SY, 1) X(18, int, SX, 1) \
    X(19, int, PAD, 1) X(20, int, UP, 0)
#define CONV_DEPTHWISE_SLOTS(X) \
    SLOT_INPUT0(X) SLOT_AFFINE0(X) SLOT_WEIGHTS(X) SLOT_PARAMS(X) SLOT_OUTPUT(X)
#define CONV_DEPTHWISE_PUSH(X) \
    X(int, in_h) X(int, in_w) X(int, out_h) X(int, out_w) X(int, c4) \
    X(int, top) X(int, left)

#define CONV_GENERIC_CONSTANTS(X) \
    X(14, int, TRANSPOSED, 0) \
    X(15, int, SPLIT, 0)                 /* the four outputs of a block may be in different groups */ \
    X(16, int, PAD, 1) X(17, int, UP, 0)
#define CONV_GENERIC_SLOTS(X) CONV_DEPTHWISE_SLOTS(X)
#define CONV_GENERIC_PUSH(X) \
    X(int, in_h) X(int, in_w) X(int, in_c4) X(int, out_h) X(int, out_w) X(int, out_c4) \
    X(int, kh) X(int, kw) X(int, sy) X(int, sx) X(int, dy) X(int, dx) X(int, top) X(int, left) \
    X(int, group_in) X(int, group_out)   /* channels of a group */

/* ---- between convolutions ---- */

#define POINTWISE_CONSTANTS(X) \
    X(14, int, OP, 0)                    /* 0: input 0 alone, else BINARIES */ \
    X(15, int, BROADCAST0, 0) X(16, int, BROADCAST1, 0) /* BROADCAST_AXES of the inputs */
#define POINTWISE_SLOTS(X) \
    SLOT_INPUT0(X) SLOT_INPUT1(X) SLOT_AFFINE0(X) SLOT_AFFINE1(X) SLOT_PARAMS(X) SLOT_OUTPUT(X)
#define POINTWISE_PUSH(X) \
    X(int, h) X(int, w) X(int, c4) X(int, channels)

#define REMAP_CONSTANTS(X) \
    X(14, int, MODE, 1)                  /* REMAPS */ \
    X(15, int, ALIGNED, 0)               /* four output channels are one input block */ \
    X(16, int, BLOCK, 2)                 /* side of the blocks of D2S and S2D */ \
    X(17, int, PAD, 1) X(18, float, PAD_VALUE, 0.0)
#define REMAP_SLOTS(X) \
    SLOT_INPUT0(X) SLOT_INPUT1(X) SLOT_AFFINE0(X) SLOT_AFFINE1(X) SLOT_OUTPUT(X)
#define REMAP_PUSH(X) \
    X(int, in_h) X(int, in_w) X(int, in_c4) X(int, in_channels) \
    X(int, out_h) X(int, out_w) X(int, out_c4) X(int, out_channels) \
    X(int, start[3]) X(int, step[3])     /* WINDOW, c y x: input index = start + step output index */ \
    X(int, c4_1)                         /* CONCAT: channel blocks of input 1, which begins at in_channels */ \
    X(int, dims[6]) X(int, strides[6])   /* PERMUTE: of the output's axes; the strides in input elements [c][y][x] */

#define RESIZE_CONSTANTS(X) \
    X(14, int, MODE, 1) X(15, int, COORD, 1) X(16, int, NEAREST, 1) /* RESIZES, COORDINATES, NEARESTS */ \
    X(17, float, CUBIC, -0.75)           /* a of Keys' cubic kernel */
#define RESIZE_SLOTS(X) SLOT_INPUT0(X) SLOT_AFFINE0(X) SLOT_OUTPUT(X)
#define RESIZE_PUSH(X) \
    X(int, in_h) X(int, in_w) X(int, out_h) X(int, out_w) X(int, c4) \
    X(float, scale_y) X(float, scale_x)  /* output over input */

#define POOL_CONSTANTS(X) X(14, int, KIND, 1) X(15, int, KH, 2) X(16, int, KW, 2) /* POOLS */
#define POOL_SLOTS(X)     SLOT_INPUT0(X) SLOT_AFFINE0(X) SLOT_OUTPUT(X)
#define POOL_PUSH(X) \
    X(int, in_h) X(int, in_w) X(int, out_h) X(int, out_w) X(int, c4) \
    X(int, stride_y) X(int, stride_x) X(int, dilation_y) X(int, dilation_x) \
    X(int, top) X(int, left) X(int, bottom) X(int, right)

/* ---- statistics ---- */

#define STATS_CONSTANTS(X) NO_CONSTANTS(X)
#define STATS_SLOTS(X)     SLOT_INPUT0(X) SLOT_AFFINE0(X) SLOT_STATS(X)
#define STATS_PUSH(X) \
    X(int, h) X(int, w) X(int, c4) X(int, tile_h) X(int, tile_w) X(int, tiles_x) X(int, tiles_y)

#define FINALIZE_CONSTANTS(X) X(14, int, AVERAGE, 0) /* average with the previous frames' statistics */
#define FINALIZE_OWN_SLOTS(X) \
    X(FINALIZE_FRAME_PARAMS, 3) \
    X(FINALIZE_AVERAGES, 6)              /* [c / 4][2]: mean, variance; read and written */
#define FINALIZE_SLOTS(X) SLOT_INPUT0(X) SLOT_PARAMS(X) SLOT_STATS(X) FINALIZE_OWN_SLOTS(X)
#define FINALIZE_PUSH(X) \
    X(int, c4) X(int, tile_count) \
    X(int, group)                        /* channels of a group; 1: instance normalization */ \
    X(int, channels)

#define MEAN_CONSTANTS(X) NO_CONSTANTS(X)
#define MEAN_SLOTS(X)     SLOT_INPUT0(X) SLOT_PARAMS(X) SLOT_OUTPUT(X)
#define MEAN_PUSH(X)      FINALIZE_PUSH(X)

/* ---- frames ---- */

#define FRAME_IN_CONSTANTS(X) \
    X(14, int, WIDE, 0)                  /* 16-bit samples */ \
    X(15, int, SHIFT, 0)                 /* zero bits below the value */ \
    X(16, int, COMPONENTS, 3) \
    X(17, int, SUB_X, 0) X(18, int, SUB_Y, 0) /* log2 of the chroma subsampling */ \
    X(19, int, CENTER_X, 0) X(20, int, CENTER_Y, 0) /* chroma lies between luma columns, rows */ \
    X(21, int, STEP_0, 1) X(22, int, STEP_C, 1) /* samples from pixel to pixel: luma, chroma */ \
    X(23, float, ONE, 255.0)             /* code of 1.0 */ \
    X(24, int, BLOCK, 1) X(25, int, CRD, 0) /* layout of the picture, as PAINTING_CONSTANTS */
#define FRAME_IN_SLOTS(X) X(FRAME_IN_PLANES, 0) X(FRAME_IN_PICTURE, 6)
#define FRAME_IN_PUSH(X) \
    X(int, w) X(int, h) X(int, out_w) X(int, out_h) \
    X(int, base[3])                      /* index of each component's first sample */ \
    X(int, stride[2])                    /* samples from row to row: luma, chroma */ \
    X(float, offset[3]) X(float, matrix[9]) /* rgb = matrix sample + offset, row-major */

#define FRAME_OUT_CONSTANTS(X) \
    X(14, int, KIND, 1)                  /* PLANES */ \
    X(15, int, WIDE, 0) X(16, int, SHIFT, 0) X(17, int, SUB_X, 0) X(18, int, SUB_Y, 0) \
    X(19, int, CENTER_X, 0) X(20, int, CENTER_Y, 0) /* these as in FRAME_IN, of this plane */ \
    X(21, int, COMPONENT, 0)             /* SINGLE: which one */ \
    X(22, int, STEP, 1)                  /* PACKED: samples of a group of pixels */ \
    X(23, int, ORDER, 0)                 /* PACKED: component of each sample, 3 alpha; two bits a sample */ \
    X(24, int, GROUP_X, 0)               /* PACKED: log2 of the pixels of a group */ \
    X(25, float, ONE, 255.0) \
    X(26, int, SOURCE_BLOCK, 1) X(27, int, SOURCE_CRD, 0) /* layout of the input picture */
#define FRAME_OUT_OWN_SLOTS(X) \
    X(FRAME_OUT_SOURCE, 1) X(FRAME_OUT_PARAMS, 5) X(FRAME_OUT_PLANE, 6) X(FRAME_OUT_PLANE_2, 7)
#define FRAME_OUT_SLOTS(X) SLOT_INPUT0(X) SLOT_AFFINE0(X) FRAME_OUT_OWN_SLOTS(X)
#define FRAME_OUT_PUSH(X) \
    X(int, w) X(int, h)                  /* samples of the plane's rows (groups if PACKED), rows */ \
    X(int, picture_w) X(int, picture_h) \
    X(int, painted_stride) X(int, source_stride) /* pixels */ \
    X(int, words) X(int, words_2)        /* first word of the plane, of the second one */ \
    X(int, row_words)                    /* words from row to row */ \
    X(float, scale) X(float, shift)      /* network value to 0..1 */ \
    X(float, offset[3]) X(float, matrix[9]) /* sample = matrix rgb + offset, row-major */ \
    X(float, luma[3])                    /* weights of R, G, B */

#define SCALE_CONSTANTS(X) X(14, int, TAPS, 4) X(15, int, VERTICAL, 0)
#define SCALE_SLOTS(X)     SLOT_INPUT0(X) SLOT_AFFINE0(X) SLOT_PARAMS(X) SLOT_OUTPUT(X)
#define SCALE_PUSH(X) \
    X(int, in_h) X(int, in_w) X(int, in_stride) /* pixels */ \
    X(int, h) X(int, w)                  /* of the resampled picture */ \
    X(int, out_h) X(int, out_w)          /* of the tensor */

/* ---- optical flow (maps: flow.glsl) ---- */

#define FLOW_LUMA_CONSTANTS(X) \
    X(14, int, STEP, 4)                  /* picture pixels a pixel of the finest level */ \
    X(15, int, BLOCK, 1) X(16, int, CRD, 0)
#define FLOW_LUMA_SLOTS(X) X(FLOW_LUMA_PICTURE, 0) X(FLOW_LUMA_LUMA, 6)
#define FLOW_LUMA_PUSH(X) \
    X(int, w) X(int, h) \
    X(int, columns) X(int, rows)         /* of blocks in the picture */

#define FLOW_HALF_CONSTANTS(X) NO_CONSTANTS(X)
#define FLOW_HALF_SLOTS(X)     X(FLOW_HALF_LUMA, 0) X(FLOW_HALF_SMALLER, 6)
#define FLOW_HALF_PUSH(X)      X(int, in_w) X(int, in_h) X(int, w) X(int, h)

#define FLOW_MAPS_CONSTANTS(X) NO_CONSTANTS(X)
#define FLOW_MAPS_SLOTS(X)     X(FLOW_MAPS_LUMA, 0) X(FLOW_MAPS_QUADS, 6) X(FLOW_MAPS_SLOPES, 7)
#define FLOW_MAPS_PUSH(X)      X(int, w) X(int, h)

#define FLOW_SEARCH_CONSTANTS(X) X(14, int, ITERATIONS, 8)
/* COARSE: field of the coarser level; PREVIOUS: this level's field of the previous frame. */
#define FLOW_SEARCH_SLOTS(X) \
    X(FLOW_SEARCH_SLOPES, 0) X(FLOW_SEARCH_QUADS, 1) X(FLOW_SEARCH_COARSE, 2) \
    X(FLOW_SEARCH_PREVIOUS, 3) X(FLOW_SEARCH_PATCHES, 6)
#define FLOW_SEARCH_PUSH(X) \
    X(int, w) X(int, h) \
    X(int, coarse_w) X(int, coarse_h)    /* 0: there is no coarser level */ \
    X(int, parity)                       /* of the current frame */

#define FLOW_DENSE_CONSTANTS(X) NO_CONSTANTS(X)
#define FLOW_DENSE_SLOTS(X) \
    X(FLOW_DENSE_SLOPES, 0) X(FLOW_DENSE_QUADS, 1) X(FLOW_DENSE_PATCHES, 2) X(FLOW_DENSE_FIELD, 6)
#define FLOW_DENSE_PUSH(X) X(int, w) X(int, h) X(int, parity)

#define FLOW_MEDIAN_CONSTANTS(X) NO_CONSTANTS(X)
#define FLOW_MEDIAN_SLOTS(X)     X(FLOW_MEDIAN_FIELD, 0) X(FLOW_MEDIAN_FILTERED, 6)
#define FLOW_MEDIAN_PUSH(X)      X(int, w) X(int, h)

#define FLOW_TERMS_CONSTANTS(X) NO_CONSTANTS(X)
#define FLOW_TERMS_SLOTS(X)     X(FLOW_TERMS_SLOPES, 0) X(FLOW_TERMS_FIELD, 1) X(FLOW_TERMS_TERMS, 6)
#define FLOW_TERMS_PUSH(X)      X(int, w) X(int, h) X(int, parity)

#define FLOW_REFINE_CONSTANTS(X) NO_CONSTANTS(X)
/* PREVIOUS: the field of two sweeps ago, in the memory of RESULT (Chebyshev's acceleration). */
#define FLOW_REFINE_SLOTS(X) \
    X(FLOW_REFINE_TERMS, 0) X(FLOW_REFINE_FIELD, 1) X(FLOW_REFINE_PREVIOUS, 2) X(FLOW_REFINE_RESULT, 6)
#define FLOW_REFINE_PUSH(X) X(int, w) X(int, h) X(float, weight)

/* ---- temporal stage ---- */

#define TEMPORAL_CUT_CONSTANTS(X) NO_CONSTANTS(X)
#define TEMPORAL_CUT_SLOTS(X) \
    X(TEMPORAL_CUT_SLOPES, 0) X(TEMPORAL_CUT_FIELD, 1) X(TEMPORAL_CUT_PARAMS, 5) X(TEMPORAL_CUT_REPORT, 6)
#define TEMPORAL_CUT_PUSH(X) \
    X(int, w) X(int, h) X(int, parity) \
    X(float, divergence)                 /* of histograms, above which a scene may begin */

#define TEMPORAL_CONFIDENCE_CONSTANTS(X) NO_CONSTANTS(X)
#define TEMPORAL_CONFIDENCE_SLOTS(X) \
    X(TEMPORAL_CONFIDENCE_BACKWARD, 0) X(TEMPORAL_CONFIDENCE_SLOPES, 1) \
    X(TEMPORAL_CONFIDENCE_COARSE, 3) X(TEMPORAL_CONFIDENCE_REPORT, 4) \
    X(TEMPORAL_CONFIDENCE_PARAMS, 5) X(TEMPORAL_CONFIDENCE_RESULT, 6)
#define TEMPORAL_CONFIDENCE_PUSH(X) \
    X(int, w) X(int, h) X(int, parity) \
    X(float, step)                       /* picture pixels a pixel of the finest level */ \
    X(int, coarse_w) X(int, coarse_h) \
    X(float, coarse_step)                /* pixels of the finest level a pixel of COARSE */

#define TEMPORAL_INPUT_CONSTANTS(X) X(14, int, HAS_HISTORY, 0)
#define TEMPORAL_INPUT_SLOTS(X) \
    X(TEMPORAL_INPUT_PICTURE, 0) X(TEMPORAL_INPUT_HISTORY, 1) X(TEMPORAL_INPUT_CONFIDENCE, 3) \
    X(TEMPORAL_INPUT_RESULT, 6)
#define TEMPORAL_INPUT_PUSH(X) \
    X(int, net_w) X(int, net_h) X(int, w) X(int, h) \
    X(int, confidence_w) X(int, confidence_h) \
    X(int, step)                         /* picture pixels a pixel of the confidence map */ \
    X(float, scale) X(float, shift)      /* 0..1 to network value */

#define TEMPORAL_BLOCKS_CONSTANTS(X) NO_CONSTANTS(X)
#define TEMPORAL_BLOCKS_OWN_SLOTS(X) X(TEMPORAL_BLOCKS_HISTORY, 1) X(TEMPORAL_BLOCKS_RESULT, 6)
#define TEMPORAL_BLOCKS_SLOTS(X)     SLOT_INPUT0(X) SLOT_AFFINE0(X) TEMPORAL_BLOCKS_OWN_SLOTS(X)
#define TEMPORAL_BLOCKS_PUSH(X) \
    X(int, w) X(int, h)                  /* blocks */ \
    X(int, picture_w) X(int, picture_h) X(int, painted_stride) /* pixels */ \
    X(float, scale) X(float, shift)      /* network value to 0..1 */

#define TEMPORAL_BLEND_CONSTANTS(X) X(14, int, COPY, 0) /* the painting becomes the output unchanged */
#define TEMPORAL_BLEND_OWN_SLOTS(X) \
    X(TEMPORAL_BLEND_HISTORY, 1) X(TEMPORAL_BLEND_CONFIDENCE, 3) X(TEMPORAL_BLEND_BLOCKS, 4) \
    X(TEMPORAL_BLEND_OUTPUT, 6)
#define TEMPORAL_BLEND_SLOTS(X) SLOT_INPUT0(X) SLOT_AFFINE0(X) TEMPORAL_BLEND_OWN_SLOTS(X)
#define TEMPORAL_BLEND_PUSH(X) \
    X(int, w) X(int, h) X(int, painted_stride) \
    X(int, confidence_w) X(int, confidence_h) X(int, blocks_w) X(int, blocks_h) \
    X(int, step)                         /* picture pixels a pixel of the confidence map */ \
    X(float, scale) X(float, shift)      /* network value to 0..1 */

/* ---- the kernels ---- */

/* Every slot that is not one of NETWORK_SLOTS. */
#define OWN_SLOTS(X) \
    FINALIZE_OWN_SLOTS(X) FRAME_IN_SLOTS(X) FRAME_OUT_OWN_SLOTS(X) FLOW_LUMA_SLOTS(X) \
    FLOW_HALF_SLOTS(X) FLOW_MAPS_SLOTS(X) FLOW_SEARCH_SLOTS(X) FLOW_DENSE_SLOTS(X) \
    FLOW_MEDIAN_SLOTS(X) FLOW_TERMS_SLOTS(X) FLOW_REFINE_SLOTS(X) TEMPORAL_CUT_SLOTS(X) \
    TEMPORAL_CONFIDENCE_SLOTS(X) TEMPORAL_INPUT_SLOTS(X) TEMPORAL_BLOCKS_OWN_SLOTS(X) \
    TEMPORAL_BLEND_OWN_SLOTS(X)

/* X(NAME, name, push bytes): the lists above are NAME_CONSTANTS, NAME_SLOTS and NAME_PUSH;
 * the SPIR-V modules are called name_PRECISION (manifest.txt). CONV_HOST and WINOGRAD have
 * none: they are C functions only (src/host). */
#define KERNELS(X) \
    X(CONV_SHARED, conv_shared, 32) \
    X(CONV_HOST, conv_host, 36) \
    X(WINOGRAD, winograd, 36) \
    X(CONV_DEPTHWISE, conv_depthwise, 28) \
    X(CONV_GENERIC, conv_generic, 64) \
    X(POINTWISE, pointwise, 16) \
    X(REMAP, remap, 108) \
    X(RESIZE, resize, 28) \
    X(POOL, pool, 52) \
    X(STATS, stats, 28) \
    X(FINALIZE, finalize, 16) \
    X(MEAN, mean, 16) \
    X(FRAME_IN, frame_in, 84) \
    X(FRAME_OUT, frame_out, 104) \
    X(SCALE, scale, 28) \
    X(FLOW_LUMA, flow_luma, 16) \
    X(FLOW_HALF, flow_half, 16) \
    X(FLOW_MAPS, flow_maps, 8) \
    X(FLOW_SEARCH, flow_search, 20) \
    X(FLOW_DENSE, flow_dense, 12) \
    X(FLOW_MEDIAN, flow_median, 8) \
    X(FLOW_TERMS, flow_terms, 12) \
    X(FLOW_REFINE, flow_refine, 12) \
    X(TEMPORAL_CUT, temporal_cut, 16) \
    X(TEMPORAL_CONFIDENCE, temporal_confidence, 28) \
    X(TEMPORAL_INPUT, temporal_input, 36) \
    X(TEMPORAL_BLOCKS, temporal_blocks, 28) \
    X(TEMPORAL_BLEND, temporal_blend, 40)

#endif
