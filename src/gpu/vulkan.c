#include "gpu/vulkan.h"

#include <dlfcn.h>
#include <pthread.h>

#include "util/error.h"
#include "util/log.h"

/* The name that the loader's documentation tells programs to open: version 1 of its ABI.
 */
#define LIBRARY "libvulkan.so.1"

#define DEFINE_FUNCTION(name) PFN_vk##name vk##name;
GPU_VULKAN_FUNCTIONS(DEFINE_FUNCTION)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct daub_error failure; /* written once, by load_once */

static void *find(void *library, const char *name)
{
    void *function = dlsym(library, name);
    if (!function)
        daub_fail(&failure, DAUB_ERROR_NO_DEVICE,
                  "no Vulkan device: %s is too old, it lacks %s; install a Vulkan loader "
                  "of version 1.2 or later (on Debian the package libvulkan1)",
                  LIBRARY, name);
    return function;
}

/* The exported functions find the driver by the object that they are given, so they serve
 * every instance and device. */
static void load_once(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        daub_fail(&failure, DAUB_ERROR_NO_DEVICE,
                  "no Vulkan device: %s; install the Vulkan loader (on Debian the "
                  "package libvulkan1)",
                  dlerror());
    } else {
#define FIND_FUNCTION(name) vk##name = (PFN_vk##name)find(library, "vk" #name);
        GPU_VULKAN_FUNCTIONS(FIND_FUNCTION)
    }
    if (failure.status != DAUB_OK)
        daub_log(DAUB_LOG_VERBOSE, "%s", failure.message);
}

bool gpu_vulkan_load(struct daub_error *error)
{
    pthread_once(&once, load_once);
    return failure.status == DAUB_OK ||
           daub_fail(error, failure.status, "%s", failure.message);
}
