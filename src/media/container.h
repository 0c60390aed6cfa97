/* What the containers can hold, beyond what FFmpeg's muxers tell. */
#ifndef DAUB_MEDIA_CONTAINER_H
#define DAUB_MEDIA_CONTAINER_H

#include <stdbool.h>

#include <libavformat/avformat.h>

enum { CONTAINER_CODECS_MAX = 16 };

struct media_container {
    const char *names; /* of FFmpeg's muxers that write it, separated by commas */
    /* Sound of a kind that it cannot hold is encoded by the first of these codecs that
     * this FFmpeg has; AV_CODEC_ID_NONE ends the list. An empty list: by any codec that
     * it takes. */
    enum AVCodecID sound[4];
    /* Text subtitles of other kinds become this; AV_CODEC_ID_NONE: any kind that it
     * takes. */
    enum AVCodecID text;
    /* The codecs of copied streams that players find in it, where the muxer accepts
     * others, too; AV_CODEC_ID_NONE ends the list. An empty list: all that it accepts. */
    enum AVCodecID playable[CONTAINER_CODECS_MAX];
    AVRational tick;   /* every time is a multiple of it, seconds; 0/0: the encoder's */
    int least_ticks;   /* of a frame; closer frames are thinned */
    bool counts;       /* frames have numbers, not times: the rate is constant */
    bool in_order;     /* it cannot tell when a reordered frame is shown: no B frames */
    bool timeless;     /* not even a rate that can be read back */
    bool pictures;     /* it never has sound, which nobody expects of it */
    bool chapters;     /* it stores them */
    bool edit_lists;   /* packets before the start are stored but not presented */
    bool turns;        /* it stores a display matrix */
    bool quicktime;    /* tags of any name, where the muxer is told so */
    bool late_packets; /* its demuxer may not deliver the last packets */
    bool summed;       /* its demuxer adds rounded durations, and their errors */
};

/* Never NULL. */
const struct media_container *media_container_of(const AVOutputFormat *format);

/* Whether copied streams of that codec are played from it, as far as the table knows. */
bool media_container_plays(const struct media_container *container, enum AVCodecID codec);

#endif
