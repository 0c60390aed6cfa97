/* Files of the cache on disk. What was saved is loaded; a file with other bytes in it,
 * which the unit gives as pairs of place and value, or one of other bytes altogether, is
 * a miss. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <glob.h>

#include "fuzz.h"
#include "gpu/gpu.h"

/* What cache.c needs of the rest: a device without Vulkan. */
const char gpu_shader_hash[] = "shaders";
const char gpu_source_hash[] = "source";
PFN_vkGetPhysicalDeviceProperties vkGetPhysicalDeviceProperties;

enum { SAVED = 64, FILE_MAX = 4096 };

static struct daub_device device;
static char *path, saved_file[FILE_MAX];
static unsigned char saved[SAVED];
static size_t saved_size;

void fuzz_begin(void)
{
    glob_t found;
    fuzz_check_log();
    device.cache_folder = fuzz_path("cache");
    strcpy(device.info.driver, "driver");
    strcpy(device.info.uuid, "uuid");
    for (int i = 0; i < SAVED; i++)
        saved[i] = (unsigned char)i;
    gpu_cache_save(&device, "name", saved, SAVED);
    char *pattern = fuzz_path("cache/name*");
    fuzz_need(glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1, "no file",
              pattern);
    path = strdup(found.gl_pathv[0]);
    FILE *file = fopen(path, "rb");
    fuzz_need(file != NULL, "no file", path);
    saved_size = fread(saved_file, 1, sizeof(saved_file), file);
    fclose(file);
    globfree(&found);
    free(pattern);
}

int fuzz_target(const uint8_t *data, size_t size)
{
    char changed[FILE_MAX];
    size_t bytes, length = saved_size;
    memcpy(changed, saved_file, saved_size);
    for (size_t i = 1; size > 0 && data[0] % 2 == 0 && i + 1 < size; i += 2)
        changed[data[i] % saved_size] = (char)data[i + 1];
    if (size > 0 && data[0] % 2 == 0 && data[0] / 2 < 64)
        length = saved_size - data[0] / 2; /* cut off */
    bool raw = size > 0 && data[0] % 2 == 1;
    if (raw)
        fuzz_write(path, data + 1, size - 1);
    else
        fuzz_write(path, changed, length);
    bool same =
        raw ? size - 1 >= saved_size && memcmp(data + 1, saved_file, saved_size) == 0
            : length == saved_size && memcmp(changed, saved_file, length) == 0;
    unsigned char *loaded = gpu_cache_load(&device, "name", &bytes);
    fuzz_need(!loaded || bytes <= FILE_MAX, "too much was loaded", "");
    fuzz_need(loaded || !same, "what was saved is not loaded", "");
    fuzz_need(loaded || bytes == 0, "a miss with a size", "");
    bool usable = loaded != NULL;
    free(loaded);
    return usable;
}
