/* Copied sound and text subtitles that the container cannot take: decoded and encoded
 * with another codec. */
#ifndef DAUB_MEDIA_RECODER_H
#define DAUB_MEDIA_RECODER_H

#include <stdbool.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include <daub/status.h>

struct media_recoder;

/* From an input stream to that codec. rate: 0, or of stereo sound, where the container
 * demands it. NULL where FFmpeg cannot do it. */
struct media_recoder *media_recoder_open(const AVStream *from, enum AVCodecID codec,
                                         int rate, bool global_header);
/* What packets are encoded with: parameters and time base. */
const AVCodecContext *media_recoder_encoder(const struct media_recoder *recoder);
/* Sends a packet of the input, times in the stream's time base; NULL: the end. A packet
 * that cannot be decoded is counted as damaged. Then receive until it returns 0. */
bool media_recoder_send(struct media_recoder *recoder, const AVPacket *packet,
                        struct daub_error *error);
/* 1: packet filled, times in the encoder's time base; 0: none now; -1: *error. */
int media_recoder_receive(struct media_recoder *recoder, AVPacket *packet,
                          struct daub_error *error);
int64_t media_recoder_damaged(const struct media_recoder *recoder);
void media_recoder_free(struct media_recoder *recoder);

#endif
