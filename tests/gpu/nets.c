#include "nets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../unit/onnx_make.h"

struct daub_model *net_make(const char *text, enum daub_model_range range)
{
    struct daub_error error = {0};
    struct daub_model *model;
    size_t size;
    Onnx__ModelProto *proto = onnx_make(text);
    unsigned char *bytes = onnx_make_bytes(proto, &size);
    if (daub_model_load_memory(bytes, size, "test net", range, &model, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    free(bytes);
    onnx_make_free(proto);
    return model;
}
