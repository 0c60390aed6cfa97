/* Every form of operator that the importer translates, with the graph it must give. */
#ifndef DAUB_TESTS_ONNX_FORMS_H
#define DAUB_TESTS_ONNX_FORMS_H

#include <stddef.h>

struct onnx_form {
    const char *text; /* for onnx_make, after "in x 1,3,8,8; out y;" */
    /* The graph's dump at 8x8: the output value, then the lines after the input's. */
    const char *dump;
};
extern const struct onnx_form onnx_forms[];
extern const size_t onnx_form_count;

#endif
