/* libFuzzer entry: see onnx_target.h. */
#include "onnx_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    onnx_target(data, size);
    return 0;
}
