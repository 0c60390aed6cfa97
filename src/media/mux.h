/* One output container: the painted stream and the copied ones. */
#ifndef DAUB_MEDIA_MUX_H
#define DAUB_MEDIA_MUX_H

#include <stdatomic.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "media/container.h"
#include "media/convert.h"
#include "media/mp4_index.h"
#include "media/output.h"
#include "media/pipe.h"
#include "media/recoder.h"
#include "media/sink.h"

/* What the sink's thread needs of an input stream. It is copied, because the demuxer may
 * change its streams while it reads. */
struct mux_copy {
    int to;                        /* index in the output; -1: left out */
    struct media_recoder *recoder; /* NULL: copied */
    AVRational time_base;          /* of the packets written: the input's or recoder's */
    enum AVMediaType type;
    bool raw; /* samples of a fixed size, which muxers may split into other packets */
    int64_t last_dts;  /* output time base; AV_NOPTS_VALUE: none yet */
    int64_t first_pts; /* of packets written; AV_NOPTS_VALUE: none */
    int64_t packets;   /* written */
};

/* One thread opens it, then one thread writes. */
struct media_mux {
    struct media_output output;
    struct media_pipe pipe; /* where the output is a pipe */
    const struct media_interrupt *interrupt;
    AVFormatContext *format;
    const struct media_container *container;
    struct mp4_index *index; /* NULL: none */
    AVStream *video;
    bool header_written;
    /* set before start */
    bool video_only; /* no other streams, no metadata */
    bool bit_exact;  /* nothing random in the file, so that the same packets give the same
                        bytes */
    int64_t last_us; /* how long the last frame is shown; set before the end */
    const struct media_source_info *input; /* read by media_mux_start only */
    struct mux_copy *copies;               /* one for each input stream */
    unsigned copy_count;
    int64_t refused;      /* copied packets that the container refused */
    size_t waiting_bytes; /* of copied packets since the last one of the video */
    atomic_ullong bytes;
};

/* Guesses the container; NULL with *error. */
const AVOutputFormat *media_container_find(const char *format, const char *path,
                                           struct daub_error *error);
/* Opens the output (temporary) file, without streams. Once interrupt's deadline has
 * passed, writing to a peer that does not read fails. Uninit is allowed after failure. */
bool media_mux_open(struct media_mux *mux, const AVOutputFormat *container,
                    const char *path, bool replace,
                    const struct media_interrupt *interrupt, struct daub_error *error);
/* Adds the painted stream, then every stream of the input that the container can hold
 * (with a warning about the others), metadata and chapters; writes the header. options
 * are the container's; those that it does not know remain. The side data of
 * frame_template, a painted frame, describes the output. */
bool media_mux_start(struct media_mux *mux, const AVCodecContext *encoder,
                     const AVFrame *frame_template, const struct media_source_info *input,
                     AVDictionary **options, struct daub_error *error);
/* Consumes the packet's reference; times in the encoder's time base. */
bool media_mux_video(struct media_mux *mux, AVPacket *packet, AVRational base,
                     struct daub_error *error);
/* Whether packets of that input stream are copied. Any thread. */
bool media_mux_copies(const struct media_mux *mux, int input_stream);
/* Consumes the packet's reference, which is of a stream that is copied. */
bool media_mux_copy(struct media_mux *mux, AVPacket *packet, struct daub_error *error);
/* Writes the trailer and closes the file, which stays under its temporary name. */
bool media_mux_end(struct media_mux *mux, struct daub_error *error);
void media_mux_uninit(struct media_mux *mux);

/* mux_streams.c: adds the copied streams. */
bool mux_add_copies(struct media_mux *mux, struct daub_error *error);
/* A stream of the format with the properties of another one, which may be an output. */
AVStream *mux_clone_stream(AVFormatContext *format, const AVStream *from);

/* mux_describe.c */
/* Metadata of the file and of the painted stream, chapters, side data. */
bool mux_describe(struct media_mux *mux, const AVFrame *frame_template,
                  struct daub_error *error);

/* verify.c: reads the finished file again and fills in the report. frames are those
 * pushed, with time base base. */
void media_verify(const struct media_mux *mux, const struct media_time *frames,
                  size_t count, AVRational base, struct media_report *report);
/* The number of video packets that can be read from a file, maybe an unfinished one; -1:
 * the interrupt's deadline came first. */
int64_t media_count_frames(const char *path, const struct media_interrupt *interrupt);

#endif
