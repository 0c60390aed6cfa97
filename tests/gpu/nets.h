/* Tiny models for the tests of frames and stylizers. */
#ifndef DAUB_TESTS_NETS_H
#define DAUB_TESTS_NETS_H

#include <daub/model.h>

/* From the text of tests/unit/onnx_make.h. */
struct daub_model *net_make(const char *text, enum daub_model_range range);

/* y = x */
#define NET_IDENTITY                                                                     \
    "opset 11; in x 1,3,h,w; f w 3,3,1,1 1,0,0,0,1,0,0,0,1; Conv x,w > y "               \
    "kernel_shape=1,1; out y 1,3,h,w"
/* y = 1 - x */
#define NET_NEGATIVE                                                                     \
    "opset 11; in x 1,3,h,w; f w 3,3,1,1 -1,0,0,0,-1,0,0,0,-1; f b 3 =1; "               \
    "Conv x,w,b > y kernel_shape=1,1; out y 1,3,h,w"

#endif
