/* Choosing, opening and feeding a video encoder. */
#ifndef DAUB_MEDIA_ENCODER_H
#define DAUB_MEDIA_ENCODER_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "media/convert.h"
#include "media/palette.h"
#include "media/sink.h"

/* The encoder of that name (a codec's name works too), or the one that suits the
 * container best; NULL with *error, which suggests the nearest name. */
const AVCodec *media_encoder_find(const char *name, const AVOutputFormat *container,
                                  const char *path, struct daub_error *error);

/* Chooses the format, size and colors in which frames like input are sent to the encoder.
 */
bool media_encoder_want(const AVCodec *codec, const struct media_encode_options *options,
                        const AVFrame *input, struct media_want *want,
                        struct daub_error *error);

/* Warns the user of what the encoding changes. */
void media_encoder_explain(const AVCodec *codec, const AVFrame *input,
                           const struct media_want *want);

struct media_encoder_setup {
    const AVCodec *codec;
    const struct media_encode_options *options;
    const AVFrame *frame; /* as they will be sent to media_encoder_send */
    AVRational time_base, frame_rate;
    AVRational tick;    /* of the container; 0/0: any */
    bool constant_rate; /* the container counts frames: one tick each */
    bool no_reordering; /* it cannot tell when a reordered frame is shown: no B frames */
    bool global_header;
    bool no_hdr; /* the file has no tags that tell HDR pictures from others */
};

struct media_encoder {
    AVCodecContext *context;
    struct media_want want;
    AVFrame *template; /* frame template of what is encoded, or made a palette of */
    struct media_palette palette; /* for a context of format PAL8 */
    bool maps_tones;              /* HDR frames become ordinary ones */
    struct media_filter tones;
    bool ended; /* no more frames come to the palette */
    struct media_converter converter;
    AVRational in_base;   /* of frames sent */
    int64_t last_pts;     /* encoder time base */
    AVDictionary *unused; /* -e options that the encoder does not know */
};

/* On failure *error is set; uninit is still allowed. */
bool media_encoder_open(struct media_encoder *encoder,
                        const struct media_encoder_setup *setup,
                        struct daub_error *error);
/* Sends a frame; NULL drains. Then receive until it returns 0. */
bool media_encoder_send(struct media_encoder *encoder, const AVFrame *frame,
                        struct daub_error *error);
/* The next frame's time, which send gives it: growing, in the encoder's time base. */
int64_t media_encoder_time(struct media_encoder *encoder, int64_t pts);
/* 1: packet filled, times in the encoder's time base; 0: none now; -1: *error. */
int media_encoder_receive(struct media_encoder *encoder, AVPacket *packet,
                          struct daub_error *error);
void media_encoder_uninit(struct media_encoder *encoder);

/* Fails where -e gave options that neither encoder nor container knows. */
bool media_options_used_up(const AVDictionary *unused, const char *encoder,
                           const char *container, struct daub_error *error);

#endif
