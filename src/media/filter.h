/* A graph of FFmpeg's video filters with one input and one output. */
#ifndef DAUB_MEDIA_FILTER_H
#define DAUB_MEDIA_FILTER_H

#include <stdbool.h>

#include <libavfilter/avfilter.h>
#include <libavutil/frame.h>

#include <daub/status.h>

/* Zeroed is closed. */
struct media_filter {
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
    AVRational base;           /* of frames sent and received */
    int width, height, format; /* of frames sent */
    AVRational aspect;
};

/* Opens the filters that description names, as ffmpeg -vf does, for frames like this one
 * with pts in base. */
bool media_filter_open(struct media_filter *filter, const char *description,
                       const AVFrame *frame, AVRational base, struct daub_error *error);
/* Whether it was opened for frames of that size and format. */
bool media_filter_fits(const struct media_filter *filter, const AVFrame *frame);
/* Takes over the frame's references; NULL: the end. */
bool media_filter_send(struct media_filter *filter, AVFrame *frame,
                       struct daub_error *error);
/* 0: *frame is filled; else AVERROR(EAGAIN), AVERROR_EOF or another AVERROR code. */
int media_filter_receive(struct media_filter *filter, AVFrame *frame);
void media_filter_close(struct media_filter *filter);

#endif
