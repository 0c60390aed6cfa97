/* A sheet of labelled pictures of one size, in rows and columns. */
#ifndef DAUB_MEDIA_SHEET_H
#define DAUB_MEDIA_SHEET_H

#include <stdbool.h>

#include <libavutil/frame.h>

#include <daub/status.h>

struct media_sheet; /* opaque; use from one thread */

/* For count pictures of cell's size, all RGB24. NULL with *error. */
struct media_sheet *media_sheet_open(const AVFrame *cell, int count,
                                     struct daub_error *error);
/* Sets size, format and colors of the sheet in frame. */
void media_sheet_size(const struct media_sheet *sheet, AVFrame *frame);
/* Adds a reference to the picture. The label is one line of UTF-8. */
bool media_sheet_add(struct media_sheet *sheet, const AVFrame *picture, const char *label,
                     struct daub_error *error);
/* The sheet, after the last picture. The caller frees it; NULL with *error. */
AVFrame *media_sheet_finish(struct media_sheet *sheet, struct daub_error *error);
void media_sheet_free(struct media_sheet *sheet);

#endif
