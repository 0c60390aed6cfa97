/* Small ONNX files for tests, written as text:
 *
 *   opset 11; in x 1,3,h,w; f w 4,3,3,3 r7; i pads 0,0,1,1,0,0,1,1;
 *   Pad x,pads > p mode=reflect; Conv p,w > y kernel_shape=3,3 alpha=0.5; out y 1,3,h,w
 *
 * Statements end with ';'. Dimensions that are no numbers are dynamic. f is a float
 * initializer: rN random numbers of seed N, =V one value all over, or a list. i is a list
 * of int64; i NAME =V a scalar; meta KEY VALUE metadata. Anything else is a node: inputs
 * ('_' left out) > outputs and attributes, whose form gives their type: 3 int, 3,4 or 3,
 * ints, 0.5 float, 0.5,1.5 floats, @1,2 and @0.5, tensors, @=4 a scalar tensor,
 * everything else a string. */
#ifndef DAUB_TESTS_ONNX_MAKE_H
#define DAUB_TESTS_ONNX_MAKE_H

#include <stddef.h>

#include <onnx.pb-c.h>

/* Ends the program where the text is wrong. Free with onnx_make_free; everything in it is
 * from malloc, so tests may damage it. */
Onnx__ModelProto *onnx_make(const char *text);
void onnx_make_free(Onnx__ModelProto *model);
/* The file's bytes, to be freed by the caller. */
unsigned char *onnx_make_bytes(const Onnx__ModelProto *model, size_t *size);

#endif
