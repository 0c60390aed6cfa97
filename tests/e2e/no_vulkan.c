/* Preloaded, it hides the Vulkan loader: dlopen finds no libvulkan.so.1, wherever it is
 * installed. */
#include <dlfcn.h>
#include <string.h>

__attribute__((visibility("default"))) void *dlopen(const char *name, int flags)
{
    void *(*next)(const char *, int) =
        (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    if (name && strcmp(name, "libvulkan.so.1") == 0)
        name = "/nonexistent/libvulkan.so.1";
    return next(name, flags);
}
