/* The exit codes of the program. */
#ifndef DAUB_APP_EXIT_CODE_H
#define DAUB_APP_EXIT_CODE_H

#include <daub/status.h>

enum exit_code {
    EXIT_CODE_DONE = 0,
    EXIT_CODE_FAILED = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_DEVICE = 3,
    EXIT_CODE_INPUT = 4,
    EXIT_CODE_OUTPUT = 5,
    EXIT_CODE_INTERRUPTED = 130,
};

/* The code for an error of libdaub. */
static inline enum exit_code exit_code_of(enum daub_status status)
{
    switch (status) {
    case DAUB_ERROR_ARGUMENT:
    case DAUB_ERROR_NOT_FOUND:
        return EXIT_CODE_USAGE;
    case DAUB_ERROR_NO_DEVICE:
    case DAUB_ERROR_WRONG_RESULTS:
        return EXIT_CODE_DEVICE;
    case DAUB_ERROR_MODEL:
        return EXIT_CODE_INPUT;
    default:
        return EXIT_CODE_FAILED;
    }
}

#endif
