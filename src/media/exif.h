/* The orientation that EXIF data in a still picture ask for. */
#ifndef DAUB_MEDIA_EXIF_H
#define DAUB_MEDIA_EXIF_H

#include <libavcodec/packet.h>
#include <libavcodec/codec_id.h>

#include "media/orientation.h"

/* Of a PNG, WebP or TIFF picture, whose decoders ignore it in some versions of FFmpeg;
 * none where there is no such entry. */
struct media_turn media_exif_turn(const AVPacket *packet, enum AVCodecID codec);

#endif
