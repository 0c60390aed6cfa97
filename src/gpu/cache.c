/* Cache files on disk, one for each device and purpose. A file that is damaged or from
 * another build, driver or device is a miss. */
#include "gpu/gpu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/folder.h"
#include "util/hash.h"
#include "util/log.h"

#define MAX_CACHE_BYTES ((size_t)64 << 20)

struct header {
    char magic[8];
    uint32_t vendor, device, driver_version, reserved;
    uint64_t driver; /* hash of its name and version in words: Mesa's llvmpipe had the
                        same driver_version and uuid in all versions up to 22 */
    uint8_t uuid[VK_UUID_SIZE];
    char build[32];
    uint64_t bytes, checksum;
};

static void fill_header(const struct daub_device *device, const void *data, size_t bytes,
                        struct header *header)
{
    VkPhysicalDeviceProperties props = {0};
    if (device->physical)
        vkGetPhysicalDeviceProperties(device->physical, &props);
    else
        memcpy(props.pipelineCacheUUID, device->info.uuid, VK_UUID_SIZE);
    memset(header, 0, sizeof(*header));
    memcpy(header->magic, "daubc02", 8);
    header->vendor = props.vendorID;
    header->device = props.deviceID;
    header->driver_version = props.driverVersion;
    header->driver = daub_hash(device->info.driver, strlen(device->info.driver));
    memcpy(header->uuid, props.pipelineCacheUUID, VK_UUID_SIZE);
    snprintf(header->build, sizeof(header->build), "%.15s %.15s", gpu_shader_hash,
             gpu_source_hash);
    header->bytes = bytes;
    header->checksum = daub_hash(data, bytes);
}

/* The UUID keeps cards of the same type apart. */
static void file_path(const struct daub_device *device, const char *name, char *path,
                      size_t size)
{
    uint64_t uuid = daub_hash(device->info.uuid, strlen(device->info.uuid));
    snprintf(path, size, "%s/%s-%08x-%08x-%08x-%u%s.bin", device->cache_folder, name,
             device->info.vendor_id, device->info.device_id, (unsigned)uuid,
             device->caps.subgroup_size, device->isa ? device->isa->name : "");
}

/* Opens a regular file of this user; refuses links and named pipes, which another user
 * may have put there. */
static FILE *open_own(const char *path)
{
    struct stat info;
    int file = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (file >= 0 && fstat(file, &info) == 0 && S_ISREG(info.st_mode) &&
        info.st_uid == geteuid())
        return fdopen(file, "rb");
    if (file >= 0)
        close(file);
    return NULL;
}

static FILE *create_own(const char *path)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    int file = open(path, flags, 0600);
    if (file < 0 && errno == EEXIST && unlink(path) == 0) /* of a dead process */
        file = open(path, flags, 0600);
    return file >= 0 ? fdopen(file, "wb") : NULL;
}

void *gpu_cache_load(const struct daub_device *device, const char *name, size_t *bytes)
{
    char path[4400];
    struct header found, wanted;
    void *data = NULL;
    *bytes = 0;
    if (!device->cache_folder)
        return NULL;
    file_path(device, name, path, sizeof(path));
    FILE *file = open_own(path);
    if (!file)
        return NULL;
    if (fread(&found, sizeof(found), 1, file) == 1 && found.bytes <= MAX_CACHE_BYTES)
        data = daub_alloc((size_t)found.bytes, 1);
    if (data && fread(data, 1, (size_t)found.bytes, file) == found.bytes) {
        fill_header(device, data, (size_t)found.bytes, &wanted);
        if (memcmp(&found, &wanted, sizeof(found)) == 0) {
            fclose(file);
            *bytes = (size_t)found.bytes;
            return data;
        }
    }
    fclose(file);
    free(data);
    return NULL;
}

void gpu_cache_save(const struct daub_device *device, const char *name, const void *data,
                    size_t bytes)
{
    char path[4400], temporary[4500];
    struct header header;
    if (!device->cache_folder || bytes > MAX_CACHE_BYTES ||
        !daub_folder_make(device->cache_folder, 0700))
        return;
    file_path(device, name, path, sizeof(path));
    snprintf(temporary, sizeof(temporary), "%s.%ld", path, (long)getpid());
    fill_header(device, data, bytes, &header);
    FILE *file = create_own(temporary);
    if (!file)
        return;
    bool ok = fwrite(&header, sizeof(header), 1, file) == 1 &&
              fwrite(data, 1, bytes, file) == bytes;
    ok = fclose(file) == 0 && ok && rename(temporary, path) == 0;
    if (!ok) {
        unlink(temporary);
        daub_log(DAUB_LOG_DEBUG, "cannot write the cache file %s: %s", path,
                 strerror(errno));
    }
}
