/* Where painted frames go. */
#ifndef DAUB_MEDIA_SINK_H
#define DAUB_MEDIA_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include <libavcodec/codec_par.h>
#include <libavcodec/packet.h>
#include <libavutil/frame.h>

#include "media/path.h"
#include "media/source.h"

/* What came out, to be compared with what went in. */
struct media_report {
    int64_t frames_in;  /* pushed */
    int64_t frames_out; /* written; counted in the finished file where read_back */
    int64_t packets_in; /* copied from other streams */
    int64_t packets_out;
    bool read_back;                    /* the finished file was opened and read again */
    bool times_known;                  /* it has the time of every frame */
    int64_t pts_error_us, pts_tick_us; /* largest error; resolution of the file */
    bool offset_known;                 /* it has audio to compare with */
    int64_t offset_error_us, offset_tick_us; /* of audio against video */
    uint64_t bytes;                          /* 0 where unknown */
    char
        kept[2048]; /* of an unfinished output: how much is kept and where; "": nothing */
};

struct media_sink;
struct media_sink_ops {
    /* Borrows the frame and references what it keeps; may wait for room, in real time
     * only for a moment. false: the sink has failed, and join reports the cause. One
     * thread calls push, one (maybe another) push_packet; neither writes. */
    bool (*push)(struct media_sink *sink, const AVFrame *frame);
    /* A packet of the source's container; NULL where the sink has no use for them. */
    bool (*push_packet)(struct media_sink *sink, const AVPacket *packet);
    /* The program is about to end: from now on nothing in the sink waits for a peer or
     * for room longer than a moment, and finish completes what is there by then. NULL
     * where nothing waits. Any thread, at any time before destroy. */
    void (*interrupt)(struct media_sink *sink);
    /* Whether anybody sees what is pushed; NULL where that does not matter. Any thread.
     */
    bool (*watched)(struct media_sink *sink);
    /* No more frames and packets come; the output is completed. whole: it gets its name;
     * otherwise something failed, and it is kept as unfinished (report.kept). An output
     * without frames is discarded. Any thread, once. */
    void (*finish)(struct media_sink *sink, bool whole);
    /* After finish: waits for the output's end. false with *error where it failed; what
     * was written until then is kept (report.kept). */
    bool (*join)(struct media_sink *sink, struct media_report *report,
                 struct daub_error *error);
    /* Bytes written so far; NULL: nothing that counts. Any thread. */
    uint64_t (*bytes)(struct media_sink *sink);
    /* Accepts a sink that was never finished; its output is discarded. */
    void (*destroy)(struct media_sink *sink);
};

struct media_sink {
    const struct media_sink_ops *ops;
    const char *name; /* for messages */
    bool quiet;       /* nothing is reported about it at the end */
    bool realtime; /* set before the first push: a stalled output must not stall others */
};

static inline void media_sink_destroy(struct media_sink *sink)
{
    if (sink)
        sink->ops->destroy(sink);
}

/* When a frame is shown, in a source's time base. */
struct media_time {
    int64_t pts, duration;
};

/* A film whose painted packets are ready. They are pushed as packets of the input's
 * painted stream, in decoding order; their pts is the number of their frame in times,
 * their dts the number of the frame at whose time they are decoded, which is negative
 * before the first. */
struct media_joined {
    const struct media_time *times; /* of every frame; copied */
    size_t count;
    const AVCodecParameters *codec; /* as which they were encoded */
};

/* How to encode; zero means default. */
struct media_encode_options {
    bool stream;     /* a network stream: with little delay, tagged as BT.709 */
    bool vcam_bt709; /* matrix of virtual cameras; else BT.601 */
    const char *encoder, *preset, *pix_fmt;
    bool no_verify; /* the finished file is not read again */
    bool has_quality;
    double quality;           /* on the encoder's own scale */
    int64_t bitrate;          /* bits each second; 0: by quality */
    const char *const *extra; /* "KEY=VALUE" for the encoder, then the container */
    size_t extra_count;
    int threads; /* of the encoder; 0: as many as there are processors, at most 16 */
    /* The output is a part of a film, without other streams, encoded for the container of
     * this name. NULL: it is the whole. */
    const char *part_of;
    const struct media_joined *joined; /* NULL: frames are pushed and encoded */
};

struct media_sink_params {
    const char *path;   /* file, URL, "-", pattern of images */
    const char *format; /* of the container; NULL: by the path's extension */
    bool replace;       /* an existing file may be replaced */
    struct media_encode_options encode;
    const struct media_source_info *input;
    /* Size, format and properties of the frames that will be pushed (no picture needed).
     * For media_sink_want: the input's sample at the output's size. */
    const AVFrame *frame;
};

/* The frames that a sink accepts without converting them. */
struct media_want {
    enum AVPixelFormat format;
    /* UNSPECIFIED: as the input */
    enum AVColorSpace space;
    enum AVColorRange range;
    enum AVChromaLocation chroma;
};
bool media_sink_want(const struct media_sink_params *params, struct media_want *want,
                     struct daub_error *error);

/* Opens a file, stream, pipe or images by what path and format say. The file exists
 * (under a temporary name) when this returns. NULL with *error; its status is ARGUMENT
 * where the options contradict each other or name something that does not exist. */
struct media_sink *media_sink_open(const struct media_sink_params *params,
                                   struct daub_error *error);

/* Whether the output stores the input's display matrix. */
bool media_sink_keeps_matrix(const char *path, const char *format);

/* The input's frame rate, or the best guess. */
AVRational media_input_rate(const struct media_source_info *input);

/* Whether nothing was lost and every time is right; if not, *error says what is wrong. */
bool media_report_holds(const struct media_report *report, struct daub_error *error);

#endif
