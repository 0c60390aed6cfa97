/* Reference numbers that a Python script computes at test time. */
#ifndef DAUB_TESTS_SCRIPT_H
#define DAUB_TESTS_SCRIPT_H

#include <stdio.h>

/* Runs `python script FILE` with a temporary file and returns it open for reading,
 * already unlinked. On failure NULL, and *code is the exit code of the test: 77 where the
 * script or the interpreter needs something that is not installed. */
FILE *run_script(const char *python, const char *script, int *code);

#endif
