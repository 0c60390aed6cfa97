/* Between the files of sinks: which there are, and what they ask of the input. */
#ifndef DAUB_MEDIA_SINK_KINDS_H
#define DAUB_MEDIA_SINK_KINDS_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "media/frames.h"
#include "media/sink.h"

/* sink_encode.c, sink_images.c, sink_v4l2.c, sink_pipewire.c, sink_null.c */
struct media_sink *sink_encode_open(const struct media_sink_params *params,
                                    const AVOutputFormat *container,
                                    struct daub_error *error);
struct media_sink *sink_images_open(const struct media_sink_params *params,
                                    struct daub_error *error);
/* A device of v4l2loopback; "vcam:": the first that nobody writes to. */
struct media_sink *sink_v4l2_open(const struct media_sink_params *params,
                                  struct daub_error *error);
bool sink_v4l2_present(void); /* whether the module is loaded */
/* A node of that name after "pipewire:"; else, and for "vcam:", "daub". */
struct media_sink *sink_pipewire_open(const struct media_sink_params *params,
                                      struct daub_error *error);
struct media_sink *sink_null_open(const struct media_sink_params *params,
                                  struct daub_error *error);
/* The encoder of an image file. */
const AVCodec *sink_images_codec(const struct media_sink_params *params,
                                 struct daub_error *error);

/* sink.c */
/* What virtual cameras show: even sizes, YUYV of the asked matrix, 1 to 240 frames/s. */
void sink_camera_shape(const struct media_sink_params *params, AVFrame *shape,
                       AVRational *rate);

#endif
