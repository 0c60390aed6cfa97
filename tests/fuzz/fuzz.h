/* A fuzz target: one program links one of the files *_target.c with fuzz_main.c
 * (libFuzzer) and with fuzz_replay.c (everywhere). */
#ifndef DAUB_TESTS_FUZZ_H
#define DAUB_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called once, before the first unit. */
void fuzz_begin(void);
/* Does something with the bytes; aborts where an invariant is violated. Returns whether
 * they were usable. */
int fuzz_target(const uint8_t *data, size_t size);

/* Aborts with the texts where it does not hold. */
void fuzz_need(bool holds, const char *what, const char *more);
/* Aborts where the text is not valid UTF-8 or has a control character that is not in
 * allowed. */
void fuzz_need_clean(const char *text, const char *allowed);
/* Checks each line that the program logs, and prints none. */
void fuzz_check_log(void);
/* A file of this process's own folder, which is removed at the end. The caller frees the
 * path. */
char *fuzz_path(const char *name);
void fuzz_write(const char *path, const void *data, size_t size);
/* A copy with a final zero, which the caller frees. */
char *fuzz_text(const uint8_t *data, size_t size);

#endif
