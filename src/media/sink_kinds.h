/* The kinds of sinks, for media_sink_open. */
#ifndef DAUB_MEDIA_SINK_KINDS_H
#define DAUB_MEDIA_SINK_KINDS_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "media/convert.h"
#include "media/sink.h"

/* sink_encode.c, sink_images.c, sink_v4l2.c, sink_pipewire.c, sink_null.c */
struct media_sink *sink_encode_open(const struct media_sink_params *params,
                                    const AVOutputFormat *container,
                                    struct daub_error *error);
struct media_sink *sink_images_open(const struct media_sink_params *params,
                                    struct daub_error *error);
/* A device of v4l2loopback; "vcam:": the first to which no program writes. */
struct media_sink *sink_v4l2_open(const struct media_sink_params *params,
                                  struct daub_error *error);
bool sink_v4l2_present(void); /* whether the module is loaded */
/* A PipeWire node with the name after "pipewire:"; "daub" without one or for "vcam:". */
struct media_sink *sink_pipewire_open(const struct media_sink_params *params,
                                      struct daub_error *error);
struct media_sink *sink_null_open(const struct media_sink_params *params,
                                  struct daub_error *error);
/* The encoder of an image file. */
const AVCodec *sink_images_codec(const struct media_sink_params *params,
                                 struct daub_error *error);

/* sink.c */
/* The frame template of virtual cameras: even size, YUYV, the matrix of the options. rate
 * is 1 to 240 frames/s. */
void sink_camera_shape(const struct media_sink_params *params, AVFrame *template,
                       AVRational *rate);

#endif
