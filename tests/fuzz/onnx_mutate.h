/* Changes operators, inputs and numbers of ONNX files, so that most results still parse
 * and reach the code behind the parser. */
#ifndef DAUB_TESTS_ONNX_MUTATE_H
#define DAUB_TESTS_ONNX_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* Changes data in place (room for max bytes); returns its new size, or 0 where it is no
 * ONNX file or the change does not fit. The same seed makes the same change. */
size_t onnx_mutate(uint8_t *data, size_t size, size_t max, unsigned seed);

#endif
