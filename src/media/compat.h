/* Differences between FFmpeg versions (5.1 to 9), as feature macros and small inlines.
 */
#ifndef DAUB_MEDIA_COMPAT_H
#define DAUB_MEDIA_COMPAT_H

#include <stdbool.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>

/* AVFrame.duration replaced pkt_duration. */
#define MEDIA_FRAME_HAS_DURATION (LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100))
/* Interlacing moved into AVFrame.flags. */
#define MEDIA_FRAME_HAS_FLAGS (LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100))
/* Stream side data moved from AVStream to AVCodecParameters. */
#define MEDIA_PAR_HAS_SIDE_DATA (LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102))
/* avcodec_get_supported_config replaced AVCodec.pix_fmts. */
#define MEDIA_HAS_SUPPORTED_CONFIG (LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100))

/* The filter "buffer" needs the colors of its frames. */
#define MEDIA_BUFFER_HAS_COLORS (LIBAVFILTER_VERSION_INT >= AV_VERSION_INT(10, 1, 100))

/* What avio_alloc_context gives its function that writes. */
#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t media_output_byte;
#else
typedef uint8_t media_output_byte;
#endif

/* Matroska stores the times of a codec with a delay (Opus) later by that delay. Before
 * this version the muxer wrote the delay but did not add it: audio moved against video.
 */
#define MEDIA_MATROSKA_ADDS_DELAY (LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(59, 31, 100))

static inline int64_t media_frame_duration(const AVFrame *frame)
{
#if MEDIA_FRAME_HAS_DURATION
    return frame->duration;
#else
    return frame->pkt_duration;
#endif
}

static inline void media_frame_set_duration(AVFrame *frame, int64_t duration)
{
#if MEDIA_FRAME_HAS_DURATION
    frame->duration = duration;
#else
    frame->pkt_duration = duration;
#endif
}

static inline bool media_frame_interlaced(const AVFrame *frame)
{
#if MEDIA_FRAME_HAS_FLAGS
    return frame->flags & AV_FRAME_FLAG_INTERLACED;
#else
    return frame->interlaced_frame;
#endif
}

static inline bool media_frame_top_first(const AVFrame *frame)
{
#if MEDIA_FRAME_HAS_FLAGS
    return frame->flags & AV_FRAME_FLAG_TOP_FIELD_FIRST;
#else
    return frame->top_field_first;
#endif
}

/* The encoder chooses its own key frames, not those of the input. */
static inline void media_frame_forget_picture_type(AVFrame *frame)
{
    frame->pict_type = AV_PICTURE_TYPE_NONE;
#if MEDIA_FRAME_HAS_FLAGS
    frame->flags &= ~AV_FRAME_FLAG_KEY;
#else
    frame->key_frame = 0;
#endif
}

static inline const AVPacketSideData *media_stream_side_data(const AVStream *stream,
                                                             int *count)
{
#if MEDIA_PAR_HAS_SIDE_DATA
    *count = stream->codecpar->nb_coded_side_data;
    return stream->codecpar->coded_side_data;
#else
    *count = stream->nb_side_data;
    return stream->side_data;
#endif
}

/* Copies size bytes as side data of the stream; false where memory ran out. */
static inline bool media_stream_add_side_data(AVStream *stream,
                                              enum AVPacketSideDataType type,
                                              const void *data, size_t size)
{
#if MEDIA_PAR_HAS_SIDE_DATA
    AVPacketSideData *entry =
        av_packet_side_data_new(&stream->codecpar->coded_side_data,
                                &stream->codecpar->nb_coded_side_data, type, size, 0);
    if (!entry)
        return false;
    memcpy(entry->data, data, size);
#else
    uint8_t *copy = av_stream_new_side_data(stream, type, size);
    if (!copy)
        return false;
    memcpy(copy, data, size);
#endif
    return true;
}

#if MEDIA_HAS_SUPPORTED_CONFIG
static inline const void *media_codec_config(const AVCodec *codec,
                                             enum AVCodecConfig config)
{
    const void *values = NULL;
    avcodec_get_supported_config(NULL, codec, config, 0, &values, NULL);
    return values;
}
#endif

/* Pixel formats that an encoder accepts, ended by AV_PIX_FMT_NONE; NULL: any. */
static inline const enum AVPixelFormat *media_codec_formats(const AVCodec *codec)
{
#if MEDIA_HAS_SUPPORTED_CONFIG
    return media_codec_config(codec, AV_CODEC_CONFIG_PIX_FORMAT);
#else
    return codec->pix_fmts;
#endif
}

/* Frame rates that an encoder accepts, ended by 0/0; NULL: any. */
static inline const AVRational *media_codec_rates(const AVCodec *codec)
{
#if MEDIA_HAS_SUPPORTED_CONFIG
    return media_codec_config(codec, AV_CODEC_CONFIG_FRAME_RATE);
#else
    return codec->supported_framerates;
#endif
}

/* Sample rates that an encoder accepts, ended by 0; NULL: any. */
static inline const int *media_codec_sample_rates(const AVCodec *codec)
{
#if MEDIA_HAS_SUPPORTED_CONFIG
    return media_codec_config(codec, AV_CODEC_CONFIG_SAMPLE_RATE);
#else
    return codec->supported_samplerates;
#endif
}

/* Sample formats that an encoder accepts, ended by AV_SAMPLE_FMT_NONE; NULL: any. */
static inline const enum AVSampleFormat *media_codec_sample_formats(const AVCodec *codec)
{
#if MEDIA_HAS_SUPPORTED_CONFIG
    return media_codec_config(codec, AV_CODEC_CONFIG_SAMPLE_FORMAT);
#else
    return codec->sample_fmts;
#endif
}

/* Channel layouts that an encoder accepts, ended by a zeroed one; NULL: any. */
static inline const AVChannelLayout *media_codec_layouts(const AVCodec *codec)
{
#if MEDIA_HAS_SUPPORTED_CONFIG
    return media_codec_config(codec, AV_CODEC_CONFIG_CHANNEL_LAYOUT);
#else
    return codec->ch_layouts;
#endif
}

#endif
