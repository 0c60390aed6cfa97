/* The processor as a device: host kernels, memory of the process, no Vulkan. */
#include "gpu/gpu.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "util/error.h"
#include "util/hash.h"

/* The model that the system reports, or the architecture where it reports none. */
static void read_name(char *name, size_t size)
{
    char line[512];
    struct utsname system;
    FILE *file = fopen("/proc/cpuinfo", "re");
    *name = 0;
    while (file && !*name && fgets(line, sizeof(line), file)) {
        const char *value = strchr(line, ':');
        if (value && strncmp(line, "model name", 10) == 0)
            snprintf(name, size, "%s", value + 1 + strspn(value + 1, " \t"));
    }
    if (file)
        fclose(file);
    name[strcspn(name, "\n")] = 0;
    if (!*name)
        snprintf(name, size, "%s", uname(&system) == 0 ? system.machine : "processor");
}

void gpu_processor_describe(struct daub_device_info *info)
{
    const struct host_isa *isa = host_isa_choose(NULL);
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    memset(info, 0, sizeof(*info));
    read_name(info->name, sizeof(info->name));
    snprintf(info->driver, sizeof(info->driver), "daub's own kernels, %s", isa->label);
    uint64_t hash = daub_hash(info->name, strlen(info->name));
    snprintf(info->uuid, sizeof(info->uuid), "%016llx%016llx", (unsigned long long)hash,
             (unsigned long long)daub_hash(isa->name, strlen(isa->name)));
    info->kind = DAUB_DEVICE_PROCESSOR;
    info->memory_bytes =
        pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
    info->usable = true;
}

bool gpu_processor_init(struct daub_device *device, const char *isa, int threads,
                        struct daub_error *error)
{
    device->isa = host_isa_choose(isa);
    if (!device->isa)
        return daub_fail(
            error, DAUB_ERROR_ARGUMENT,
            "this processor cannot run kernels for '%s'; leave --kernels out", isa);
    if (device->info.kind == DAUB_DEVICE_PROCESSOR)
        snprintf(device->info.driver, sizeof(device->info.driver),
                 "daub's own kernels, %s", device->isa->label);
    device->pool = host_pool_create(threads, error);
    return device->pool != NULL;
}
