/* libFuzzer entry: see onnx_target.h and onnx_mutate.h. */
#include "onnx_mutate.h"
#include "onnx_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    onnx_target(data, size);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    /* onnx_mutate unpacks without a limit on nesting: small files only. */
    size_t next = seed % 4 && size < 1 << 16 ? onnx_mutate(data, size, max, seed / 4) : 0;
    return next ? next : LLVMFuzzerMutate(data, size, max);
}
