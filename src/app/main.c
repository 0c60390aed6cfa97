/* The program daub. The first argument may name a command; without one it paints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>

#include "app/commands.h"
#include "app/files.h"
#include "media/avlog.h"
#include "util/folder.h"
#include "util/log.h"

static const struct command *find_command(int count, char **arguments)
{
    for (size_t i = 1; count > 1 && i < command_count; i++) {
        if (strcmp(arguments[1], commands[i].name) == 0)
            return &commands[i];
    }
    return &commands[0];
}

static void set_level(const struct options *options)
{
    if (options->verbose)
        daub_log_set_level(DAUB_LOG_VERBOSE);
    if (options->quiet)
        daub_log_set_level(DAUB_LOG_ERROR);
    if (options->log_level)
        daub_log_set_level((enum daub_log_level)options->log_level);
}

/* Mesa's drivers keep compiled shaders on disk. They get a folder of daub's own, one for
 * each width of software Vulkan's vectors: Mesa 25.0 takes code that another program left
 * there for vectors of another width. To be called while there is only one thread. */
static void set_mesa_cache(void)
{
    const char *width = getenv("LP_NATIVE_VECTOR_WIDTH");
    char *cache = daub_folder_cache(), path[4400];
    if (cache) {
        snprintf(path, sizeof(path), "%s/mesa%s%.8s", cache, width ? "-" : "",
                 width ? width : "");
        if (strchr(width ? width : "", '/') == NULL && daub_folder_make(path, 0700))
            setenv("MESA_SHADER_CACHE_DIR", path, 0);
    }
    free(cache);
}

int main(int count, char **arguments)
{
    const struct command *command = find_command(count, arguments);
    int skip = command->name ? 2 : 1;
    struct options options;
    struct daub_error error = {0};
    int code = EXIT_CODE_DONE;
    media_log_init();
    if (!options_load(&options, command->verb, count - skip, arguments + skip, &error)) {
        code = command_fail(exit_code_of(error.status), &error);
    } else if (options.help) {
        options_help(stdout, command);
    } else if (options.dump_config) {
        options_dump(stdout, &options);
    } else if (options.version) {
        printf("daub %s (libavcodec %u.%u)\n", daub_version(), avcodec_version() >> 16,
               avcodec_version() >> 8 & 0xff);
    } else {
        set_level(&options);
        files_add_inputs(&options);
        if (!options.no_cache)
            set_mesa_cache();
        code = command->run(&options);
    }
    options_free(&options);
    return code;
}
