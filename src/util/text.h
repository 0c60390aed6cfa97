/* Reading and writing numbers, times and names in words. */
#ifndef DAUB_UTIL_TEXT_H
#define DAUB_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* "0:31", "1:02:03" */
void daub_text_clock(char *buffer, size_t size, double seconds);
/* "812 B", "5.2 MB" (powers of 1000) */
void daub_text_bytes(char *buffer, size_t size, uint64_t bytes);

#endif
