/* Reading and writing numbers, times and names in words. */
#ifndef DAUB_UTIL_TEXT_H
#define DAUB_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The entry of names that word was probably meant to be: the smallest edit distance
 * (insert, remove, replace, swap of neighbours; upper case equals lower), at most a third
 * of the word's length. NULL where nothing is near. */
const char *daub_text_nearest(const char *word, const char *const *names, size_t count);

/* Text must consist of one number inside min..max. */
bool daub_text_int(const char *text, int64_t min, int64_t max, int64_t *value);
bool daub_text_double(const char *text, double min, double max, double *value);
/* The same with an optional k, M or G (powers of 1000), as in "2.5M". */
bool daub_text_si(const char *text, int64_t min, int64_t max, int64_t *value);
/* "[[HH:]MM:]SS[.m]", "1.5s", "300ms", "20us", as ffmpeg; not negative. */
bool daub_text_time(const char *text, int64_t *us);

/* Makes a text safe for terminals and valid UTF-8: '?' replaces what is no UTF-8, control
 * characters that are not in keep, and characters that change the direction of text. In
 * place; it gets no longer. */
void daub_text_clean(char *text, const char *keep);
/* Prints a text that daub_text_clean made safe but for ends of lines and tabs. All output
 * that may contain foreign text goes through this or daub_log. false: out of memory, or
 * writing failed. */
bool daub_text_print(FILE *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "0:31", "1:02:03" */
void daub_text_clock(char *buffer, size_t size, double seconds);
/* "812 B", "5.2 MB" (powers of 1000) */
void daub_text_bytes(char *buffer, size_t size, uint64_t bytes);

#endif
