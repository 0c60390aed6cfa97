/* What the fuzzer and the replay program do with bytes that claim to be an ONNX file. */
#ifndef DAUB_TESTS_ONNX_TARGET_H
#define DAUB_TESTS_ONNX_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* Parses, builds for small and odd sizes, checks, dumps and runs the graphs before and
 * after the passes. Aborts where an invariant is violated. Returns whether the bytes were
 * a usable file. */
int onnx_target(const uint8_t *data, size_t size);

#endif
