/* Reduces frames to palettes of 256 colors, each made for a run of frames. */
#ifndef DAUB_MEDIA_PALETTE_H
#define DAUB_MEDIA_PALETTE_H

#include "media/filter.h"

/* Zeroed is empty. */
struct media_palette {
    struct media_filter filter;
    int count; /* frames in the filter */
};

/* Takes over the references of a frame with pts in base; NULL: the end. Then receive
 * until it returns another code than 0. */
bool media_palette_send(struct media_palette *palette, AVFrame *frame, AVRational base,
                        struct daub_error *error);
/* 0: a frame of format PAL8; else an AVERROR code, AVERROR(EAGAIN) where more frames are
 * needed. */
int media_palette_receive(struct media_palette *palette, AVFrame *frame);
void media_palette_uninit(struct media_palette *palette);

#endif
