/* libFuzzer entry: see signal_target.h. */
#include "signal_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    signal_target(data, size);
    return 0;
}
