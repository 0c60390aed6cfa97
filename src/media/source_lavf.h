/* What the files of the libavformat source share. */
#ifndef DAUB_MEDIA_SOURCE_LAVF_H
#define DAUB_MEDIA_SOURCE_LAVF_H

#include <libavcodec/avcodec.h>

#include "media/filter.h"
#include "media/orientation.h"
#include "media/pipe.h"
#include "media/sequence.h"
#include "media/source.h"

/* Where a stream is, in microseconds of the joined timeline. */
struct lavf_clock {
    bool seen;
    int64_t next_us; /* where the next packet should start */
    bool begun;      /* hidden is known */
    bool hidden;     /* packets before the start are hidden, and are no priming */
};

/* What turns decoded frames into those that the source delivers: source_lavf_picture.c.
 */
struct lavf_picture {
    struct media_filter fields; /* deinterlaces; closed until an interlaced frame comes */
    AVFrame *next;              /* waits until those before it left fields; NULL: none */
    struct media_turn exif;     /* of the picture being decoded */
    struct media_turner turner;
    struct media_filter borders; /* around frames of another shape than the first */
    int width, height;           /* of the first frame; 0: none came yet */
    AVRational aspect;           /* of its pixels */
    double shape;                /* width over height as it is shown */
    bool told_fields, told_shape;
};

struct lavf {
    struct media_source source;
    char *path;
    struct daub_stop *stop;
    struct media_pipe pipe; /* open where the input is standard input or a named pipe */
    AVFormatContext *format;
    /* libavformat's own, which lavf_io_open calls */
    int (*io_open)(AVFormatContext *format, AVIOContext **io, const char *url, int flags,
                   AVDictionary **options);
    int opens;                      /* calls of io_open before the decoder was opened */
    struct media_sequence sequence; /* of numbered images; without them, count is 0 */
    size_t image;                   /* of the sequence, that is read next */
    bool skip_gaps;                 /* missing images take no time */
    unsigned stream_count;          /* at open; streams that appear later are left out */
    AVStream *video;
    AVCodecContext *decoder;
    AVBufferRef *hw_device;       /* NULL: decoded by the processor */
    enum AVPixelFormat hw_format; /* frames of hw_device */
    AVPacket *packet;
    struct lavf_picture picture;
    bool keep_fields; /* frames are not deinterlaced */
    AVFrame *sample;  /* the first frame, for info */
    AVFrame *first;   /* the same, until read delivered it */

    /* time */
    int64_t offset_us; /* container time that becomes 0 */
    int64_t end_us;    /* exclusive end on the new timeline; INT64_MAX: none */
    int64_t shift_us; /* added to later packets: closes restarts of a broadcast's clock */
    struct lavf_clock *clocks; /* one for each stream */
    int64_t from_us;           /* frames before it are left out; INT64_MIN: none */
    int64_t frame_limit;       /* 0: none */
    int64_t last_pts; /* of the last frame, video time base; AV_NOPTS_VALUE: none */
    int64_t last_us;  /* the same in microseconds */
    int64_t last_duration;
    int64_t reached_us; /* latest end of any packet read */
    int64_t video_reached_us;

    /* packets of other streams that wait until the video reaches their time */
    AVPacket **held;
    size_t held_count, held_capacity, held_bytes;

    bool demux_ended, video_ended, reported;
    bool told_late_stream;
    int64_t skipped;                 /* frames before the start */
    int64_t frames;                  /* delivered */
    int64_t packets_bad, frames_bad; /* refused by the decoder; concealed by it */
    int64_t pts_made, pts_moved;
    int64_t clock_restarts; /* that were closed */
    int errors_in_row;
    int read_error; /* of demuxer or decoder, that ended the file early; 0: none */
};

/* source_lavf_open.c */
bool lavf_open(struct lavf *l, const struct media_open_params *params,
               struct daub_error *error);
void lavf_close(struct lavf *l);
/* Seeks to back_us before the start of the part to be read, or to the beginning of the
 * file where that comes first (*beginning), and drops what was read. false where the
 * input cannot seek; reading then goes on where it was. */
bool lavf_seek(struct lavf *l, int64_t back_us, bool *beginning);
void lavf_forget_held(struct lavf *l);

/* source_lavf_hw.c: prepares the decoder for a hardware decoder of that kind; where there
 * is none, "auto" decodes on the processor and any other kind fails. */
bool lavf_hw_open(struct lavf *l, const AVCodec *codec, const char *kind,
                  struct daub_error *error);
/* Replaces a frame in GPU memory by one that the processor can read; false drops the
 * frame. */
bool lavf_hw_download(struct lavf *l, AVFrame **frame);

/* source_lavf_picture.c */
/* Before the packet is sent to the decoder. */
void lavf_picture_packet(struct lavf *l, const AVPacket *packet);
/* The next picture as it is painted. Codes are those of avcodec_receive_frame. */
int lavf_picture_receive(struct lavf *l, AVFrame **frame);
/* After a seek. */
void lavf_picture_flush(struct lavf *l);
void lavf_picture_uninit(struct lavf *l);

/* source_lavf_streams.c: which streams are read. */
/* The picture to paint; NULL: there is none. */
AVStream *lavf_choose_video(const AVFormatContext *format);
/* Discards the streams of other programs, and tells of other pictures. */
void lavf_discard_others(struct lavf *l);
/* avformat_find_stream_info, which may decode frames: of at most that many pixels. */
int lavf_find_stream_info(AVFormatContext *format, int64_t pixels);
/* Whether a stream was announced of which nothing was found yet. */
bool lavf_is_incomplete(const AVFormatContext *format);

/* source_lavf_time.c */
/* Moves a packet to the new timeline. */
void lavf_time_packet(struct lavf *l, AVPacket *packet);
/* Container time of the input's beginning; 0 where it is unknown or out of range. */
int64_t lavf_begin_us(const struct lavf *l);
/* When a packet is due, in microseconds; INT64_MIN where it has no time. */
int64_t lavf_packet_us(const struct lavf *l, const AVPacket *packet);
enum lavf_keep { LAVF_KEEP = 1, LAVF_BEFORE, LAVF_AFTER };
/* Gives the frame a pts that grows, and says whether it lies inside the trimmed part. */
enum lavf_keep lavf_time_frame(struct lavf *l, AVFrame *frame);
/* When the image of a sequence is shown, in video time base. */
int64_t lavf_image_pts(const struct lavf *l, size_t index);
/* How long the input is; 0: unknown. */
int64_t lavf_length_us(const struct lavf *l);
/* Whether an edit list hides the packet. What belongs to the first sound is not hidden:
 * decoders need it, and drop it. */
bool lavf_is_hidden(struct lavf *l, const AVPacket *packet);
/* Duration of a frame that states none, in video time base; at least 1. */
int64_t lavf_frame_step(const struct lavf *l);

#endif
