/* Reference numbers that a Python script computes at test time. */
#ifndef DAUB_TESTS_SCRIPT_H
#define DAUB_TESTS_SCRIPT_H

#include <stdio.h>

/* Has `python script FILE` write a temporary file, which is already unlinked when it
 * comes back open for reading. NULL with *code the exit code for the test to end with: 77
 * where the script or its interpreter says that something is not installed. */
FILE *run_script(const char *python, const char *script, int *code);

#endif
