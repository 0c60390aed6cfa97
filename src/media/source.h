/* Where frames come from. */
#ifndef DAUB_MEDIA_SOURCE_H
#define DAUB_MEDIA_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <libavcodec/packet.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>

#include <daub/status.h>

#include "util/stop.h"

enum media_read {
    MEDIA_READ_OK = 1,
    MEDIA_READ_AGAIN, /* nothing yet; call again */
    MEDIA_READ_END,
    MEDIA_READ_ERROR, /* *error is set */
};

/* What read delivers: a picture, or a packet of a stream that is copied. The caller owns
 * the one that is not NULL. */
struct media_item {
    AVFrame *frame;     /* pts in the source's time base, strictly growing */
    int64_t arrival_us; /* clock when a camera captured it; 0: now */
    AVPacket *packet;   /* stream_index and times are those of the container's stream */
};

/* Set by open, constant afterwards. */
struct media_source_info {
    const char *name;      /* for messages */
    AVRational time_base;  /* of frame pts, seconds */
    AVRational frame_rate; /* 0/1 where unknown */
    int64_t duration_us;   /* that will be read; 0 where unknown */
    int64_t frames;        /* an estimate; 0 where unknown */
    bool single;           /* a still image: one frame */
    bool realtime;         /* frames come at their own pace */
    bool seekable;         /* seek works */
    bool upright;          /* frames are turned as the container's matrix asks */
    const AVFrame *sample; /* the first frame; the source's */
    /* The other streams, NULL for cameras. Read only while no thread reads. */
    const AVFormatContext *container;
    int video_stream;
    bool audio, subtitles; /* kinds of packets that read delivers */
    int64_t start_us;      /* container time that became 0 */
    int64_t end_us;        /* container time where reading stops; INT64_MAX: the end */
};

struct media_source;
struct media_source_ops {
    /* Call from one thread. Returns END soon after the stop event that open was given. */
    enum media_read (*read)(struct media_source *source, struct media_item *item,
                            struct daub_error *error);
    /* Where info.seekable: goes on at the frame of that time, or the next one. false with
     * *error: nothing can be read any more. The thread that reads. */
    bool (*seek)(struct media_source *source, int64_t time_us, struct daub_error *error);
    /* Releases the device until the next read, which opens it again; NULL: there is
     * none. The thread that reads. */
    void (*release)(struct media_source *source);
    /* No thread may be reading. */
    void (*destroy)(struct media_source *source);
};

struct media_source {
    const struct media_source_ops *ops;
    struct media_source_info info;
    bool broken;      /* set before END is returned: an error ended the input too early */
    atomic_bool away; /* the device is unplugged and awaited; any thread may read */
};

static inline void media_source_destroy(struct media_source *source)
{
    if (source)
        source->ops->destroy(source);
}

/* Whether the input has audio. */
static inline bool media_has_audio(const struct media_source_info *info)
{
    for (unsigned i = 0; info->container && i < info->container->nb_streams; i++) {
        if (info->container->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
            return true;
    }
    return false;
}

/* Zero means default. */
struct media_open_params {
    const char *path; /* file, URL, printf pattern, "-" (standard input) */
    const char
        *frame_rate;     /* of image sequences and raw streams; NULL: the file's or 25 */
    const char *hwaccel; /* NULL or "none"; "auto"; or a kind, such as "vaapi" */
    bool has_start, has_end;
    int64_t start_us;  /* from the input's beginning */
    int64_t end_us;    /* from the input's beginning */
    int64_t length_us; /* 0: to the end */
    int64_t frames;    /* at most this many; 0: all */
    bool no_audio, no_subtitles;
    /* read delivers no frames, although info.sample is there, and packets up to until_us
     * on the source's timeline (0: all) */
    bool only_packets;
    int64_t until_us;
    bool keep_matrix;       /* the container's display matrix is not applied */
    bool keep_fields;       /* interlaced frames are not deinterlaced */
    bool keep_start;        /* times of the output begin where those of the input do */
    bool skip_gaps;         /* of image sequences take no time */
    bool allow_filters;     /* of lavfi:GRAPH, to read and write files */
    int threads;            /* of the decoder; 0: one per processor, at most 8 */
    int64_t pixels;         /* larger frames are not decoded; 0: no limit */
    struct daub_stop *stop; /* required; ends a waiting open or read */
};

/* Opens a file, a URL, a pattern of images or standard input and decodes up to the first
 * frame. NULL with *error where there is nothing to paint. */
struct media_source *media_source_open(const struct media_open_params *params,
                                       struct daub_error *error);

#endif
