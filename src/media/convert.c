#include "media/convert.h"

#include <libavutil/imgutils.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/pixdesc.h>

#include "media/format.h"
#include "util/error.h"

/* Bytes to which rows are aligned: FFmpeg's vector loops read and write up to their end.
 */
enum { ALIGNMENT = 64 };

static AVFrame *fail_memory(AVFrame *frame, struct daub_error *error)
{
    av_frame_free(&frame);
    daub_no_memory(error, "a picture");
    return NULL;
}

static bool pool_reset(struct media_pool *pool, enum AVPixelFormat format, int width,
                       int height)
{
    if (pool->buffers && pool->format == format && pool->width == width &&
        pool->height == height)
        return true;
    media_pool_uninit(pool);
    int bytes = av_image_get_buffer_size(format, width, height, ALIGNMENT);
    if (bytes < 0)
        return false;
    pool->buffers = av_buffer_pool_init((size_t)bytes + ALIGNMENT, NULL);
    pool->format = format;
    pool->width = width;
    pool->height = height;
    return pool->buffers;
}

AVFrame *media_pool_get(struct media_pool *pool, enum AVPixelFormat format, int width,
                        int height, struct daub_error *error)
{
    AVFrame *frame = av_frame_alloc();
    if (!frame || !pool_reset(pool, format, width, height))
        return fail_memory(frame, error);
    frame->buf[0] = av_buffer_pool_get(pool->buffers);
    if (!frame->buf[0])
        return fail_memory(frame, error);
    uintptr_t start = (uintptr_t)frame->buf[0]->data;
    uint8_t *aligned = frame->buf[0]->data + (-start & (ALIGNMENT - 1));
    if (av_image_fill_arrays(frame->data, frame->linesize, aligned, format, width, height,
                             ALIGNMENT) < 0)
        return fail_memory(frame, error);
    frame->format = format;
    frame->width = width;
    frame->height = height;
    frame->extended_data = frame->data;
    return frame;
}

void media_pool_uninit(struct media_pool *pool)
{
    av_buffer_pool_uninit(&pool->buffers);
}

static int coefficients_of(enum daub_matrix matrix)
{
    switch (matrix) {
    case DAUB_MATRIX_BT601:
        return SWS_CS_ITU601;
    case DAUB_MATRIX_BT709:
        return SWS_CS_ITU709;
    case DAUB_MATRIX_BT2020:
        return SWS_CS_BT2020;
    }
    return SWS_CS_DEFAULT;
}

static bool converter_fits(const struct media_converter *c, const AVFrame *from,
                           const AVFrame *to, bool from_full, bool to_full)
{
    return c->sws && c->from_format == (enum AVPixelFormat)from->format &&
           c->to_format == (enum AVPixelFormat)to->format &&
           c->from_width == from->width && c->from_height == from->height &&
           c->to_width == to->width && c->to_height == to->height &&
           c->from_space == from->colorspace && c->to_space == to->colorspace &&
           c->from_full == from_full && c->to_full == to_full;
}

static bool converter_reset(struct media_converter *c, const AVFrame *from,
                            const AVFrame *to)
{
    struct daub_format in = media_format_of(from, DAUB_PIXEL_YUV420P);
    struct daub_format out = media_format_of(to, DAUB_PIXEL_YUV420P);
    bool from_full = in.range == DAUB_RANGE_FULL, to_full = out.range == DAUB_RANGE_FULL;
    if (converter_fits(c, from, to, from_full, to_full))
        return true;
    sws_freeContext(c->sws);
    int flags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP |
                SWS_BITEXACT;
    c->sws = sws_getContext(from->width, from->height, media_plain_format(from->format),
                            to->width, to->height, media_plain_format(to->format), flags,
                            NULL, NULL, NULL);
    if (!c->sws)
        return false;
    /* This fails where neither side is YUV, and then there is nothing to set. */
    sws_setColorspaceDetails(c->sws, sws_getCoefficients(coefficients_of(in.matrix)),
                             from_full, sws_getCoefficients(coefficients_of(out.matrix)),
                             to_full, 0, 1 << 16, 1 << 16);
    c->from_format = from->format;
    c->to_format = to->format;
    c->from_width = from->width;
    c->from_height = from->height;
    c->to_width = to->width;
    c->to_height = to->height;
    c->from_space = from->colorspace;
    c->to_space = to->colorspace;
    c->from_full = from_full;
    c->to_full = to_full;
    return true;
}

AVFrame *media_convert(struct media_converter *converter, const AVFrame *from,
                       const AVFrame *to, struct daub_error *error)
{
    if (!converter_reset(converter, from, to)) {
        daub_fail(error, DAUB_ERROR_FAILED, "FFmpeg cannot convert pixel format %s to %s",
                  av_get_pix_fmt_name(from->format), av_get_pix_fmt_name(to->format));
        return NULL;
    }
    AVFrame *made =
        media_pool_get(&converter->pool, to->format, to->width, to->height, error);
    if (!made)
        return NULL;
    if (av_frame_copy_props(made, from) < 0)
        return fail_memory(made, error);
    made->colorspace = to->colorspace;
    made->color_range = to->color_range;
    sws_scale(converter->sws, (const uint8_t *const *)from->data, from->linesize, 0,
              from->height, made->data, made->linesize);
    return made;
}

void media_converter_uninit(struct media_converter *converter)
{
    sws_freeContext(converter->sws);
    converter->sws = NULL;
    media_pool_uninit(&converter->pool);
}

static void mix_row(uint8_t *row, const uint8_t *other, int bytes, bool wide, int part)
{
    enum { WHOLE = 256 };
    if (wide) {
        for (int i = 0; i + 1 < bytes; i += 2) {
            int a = AV_RL16(row + i), b = AV_RL16(other + i);
            AV_WL16(row + i, (a * (WHOLE - part) + b * part + WHOLE / 2) / WHOLE);
        }
        return;
    }
    for (int i = 0; i < bytes; i++)
        row[i] =
            (uint8_t)((row[i] * (WHOLE - part) + other[i] * part + WHOLE / 2) / WHOLE);
}

void media_mix(AVFrame *frame, const AVFrame *other, double share)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    int part = (int)(share * 256 + 0.5);
    for (int p = 0; p < 4 && frame->data[p]; p++) {
        int bytes = av_image_get_linesize(frame->format, frame->width, p);
        int rows = p == 1 || p == 2 ? AV_CEIL_RSHIFT(frame->height, desc->log2_chroma_h)
                                    : frame->height;
        for (int y = 0; y < rows; y++)
            mix_row(frame->data[p] + y * frame->linesize[p],
                    other->data[p] + y * other->linesize[p], bytes,
                    desc->comp[0].depth > 8, part);
    }
}
