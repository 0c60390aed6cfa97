/* Which graphics card a batch system gave to this process. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/gpu.h"

enum { VENDOR_AMD = 0x1002, VENDOR_NVIDIA = 0x10de };

/* The hexadecimal digits of text up to end, in lower case; without the "GPU-" before and
 * the dashes between them. */
static size_t digits_of(const char *text, const char *end, char *digits, size_t size)
{
    size_t count = 0;
    if (end - text > 4 && strncmp(text, "GPU-", 4) == 0)
        text += 4;
    for (; text < end && count + 1 < size; text++) {
        if (isxdigit((unsigned char)*text))
            digits[count++] = (char)tolower((unsigned char)*text);
    }
    digits[count] = '\0';
    return count;
}

/* Whether the list, of numbers or (beginnings of) UUIDs, has the card. */
static bool listed(const char *list, const struct daub_device_info *info, int number)
{
    char mine[64], given[64];
    digits_of(info->uuid, info->uuid + strlen(info->uuid), mine, sizeof(mine));
    while (*list) {
        const char *end = list + strcspn(list, ",");
        char *after;
        long value = strtol(list, &after, 10);
        if (after == end && after > list) {
            if (value < 0)
                return false; /* the entries after it do not count */
            if (value == number)
                return true;
        } else {
            size_t count = digits_of(list, end, given, sizeof(given));
            if (count >= 8 && strncmp(mine, given, count) == 0)
                return true;
        }
        list = *end ? end + 1 : end;
    }
    return false;
}

bool gpu_assigned(const struct daub_device_info *info, int of_vendor, int of_all)
{
    const char *own = info->vendor_id == VENDOR_NVIDIA ? getenv("CUDA_VISIBLE_DEVICES")
                      : info->vendor_id == VENDOR_AMD  ? getenv("ROCR_VISIBLE_DEVICES")
                                                       : NULL;
    const char *any = getenv("SLURM_JOB_GPUS");
    if (info->kind != DAUB_DEVICE_DISCRETE)
        return true;
    if (own)
        return listed(own, info, of_vendor);
    return !any || listed(any, info, of_all);
}
