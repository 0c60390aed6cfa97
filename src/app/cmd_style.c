/* daub style: keeps the signal of a picture in a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/files.h"
#include "app/signals.h"
#include "app/styles.h"
#include "util/error.h"
#include "util/file.h"
#include "util/log.h"

static enum exit_code write_signal(const struct daub_signal *signal, const char *path,
                                   bool replace)
{
    struct daub_error error = {0};
    bool ok;
    char *text = daub_signal_print(signal);
    if (!text) {
        ok = daub_no_memory(&error, "the style");
    } else if (strcmp(path, "-") == 0) {
        ok = (puts(text) >= 0 && fflush(stdout) == 0) ||
             daub_fail(&error, DAUB_ERROR_FAILED, "cannot write to standard output");
    } else {
        ok = daub_file_write(media_path_plain(path), text, strlen(text), replace, &error);
    }
    free(text);
    return ok ? EXIT_CODE_DONE : files_fail(&error, EXIT_CODE_OUTPUT);
}

static enum exit_code run(const struct options *options, struct daub_stop *stop)
{
    struct daub_error error = {0};
    struct daub_device *device = NULL;
    struct daub_model *model = NULL;
    struct styles styles = {0};
    const char *output = options->outputs.values[0];
    bool replace = false;
    int style;
    enum exit_code code = files_check_output(options, output, stop, &replace);
    if (code == EXIT_CODE_DONE)
        code = command_open(options, NULL, &device, &model);
    if (code == EXIT_CODE_DONE) {
        styles_init(&styles, model, device, stop);
        code = styles_add(&styles, options->input, &style, &error)
                   ? write_signal(&styles.pictures[0].signal, output, replace)
                   : files_fail(&error, EXIT_CODE_INPUT);
    }
    styles_uninit(&styles);
    daub_model_free(model);
    daub_device_close(device);
    return daub_stop_requested(stop) ? EXIT_CODE_INTERRUPTED : code;
}

int command_style(const struct options *options)
{
    struct daub_error error = {0};
    struct daub_stop stop;
    if (!options->input || options->outputs.count != 1) {
        daub_log(DAUB_LOG_ERROR, "daub style needs a picture and one file to write: daub "
                                 "style PICTURE -o ROW.json");
        return EXIT_CODE_USAGE;
    }
    if (!daub_stop_init(&stop, &error))
        return command_fail(EXIT_CODE_FAILED, &error);
    signals_install(&stop);
    int code = run(options, &stop);
    signals_uninstall();
    daub_stop_uninit(&stop);
    return code;
}
