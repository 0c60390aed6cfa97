#include "media/frames.h"

#include <math.h>
#include <string.h>

#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/pixdesc.h>

#include "media/format.h"
#include "util/error.h"

enum { ALIGNMENT = 64 }; /* bytes; of rows, so that FFmpeg's widest loops may run over */

static AVFrame *fail_memory(AVFrame *frame, struct daub_error *error)
{
    av_frame_free(&frame);
    daub_fail(error, DAUB_ERROR_MEMORY, "out of memory for a picture");
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
    /* fails for pairs where neither side is YUV; there is nothing to set then */
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
        daub_fail(error, DAUB_ERROR_FAILED, "libswscale cannot turn %s into %s",
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

struct media_turn media_turn_of(const int32_t matrix[9])
{
    struct media_turn turn = {0};
    if (!matrix)
        return turn;
    int32_t copy[9];
    memcpy(copy, matrix, sizeof(copy));
    /* a negative determinant: the picture is mirrored too */
    double determinant = (double)copy[0] * copy[4] - (double)copy[1] * copy[3];
    turn.mirror = determinant < 0;
    if (turn.mirror)
        av_display_matrix_flip(copy, 1, 0);
    double degrees = -av_display_rotation_get(copy); /* clockwise */
    if (!isnan(degrees))
        turn.quarters = ((int)lround(degrees / 90) % 4 + 4) % 4;
    /* the matrix turns, then mirrors: the other order needs the opposite turn */
    if (turn.mirror)
        turn.quarters = (4 - turn.quarters) % 4;
    return turn;
}

bool media_turn_is_none(struct media_turn turn)
{
    return turn.quarters == 0 && !turn.mirror;
}

bool media_turn_possible(struct media_turn turn, enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    if (!desc || (desc->flags & (AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
                                 AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BAYER)))
        return false;
    bool planar = av_pix_fmt_count_planes(format) > 1;
    if (!planar && desc->log2_chroma_w) /* YUYV: two pixels share a word */
        return false;
    return turn.quarters % 2 == 0 || desc->log2_chroma_w == desc->log2_chroma_h;
}

/* Where pixel (x, y) of the turned plane comes from in a width x height plane. */
static void source_of(struct media_turn turn, int width, int height, int x, int y,
                      int *from_x, int *from_y)
{
    switch (turn.quarters) {
    case 1:
        *from_x = y, *from_y = height - 1 - x;
        break;
    case 2:
        *from_x = width - 1 - x, *from_y = height - 1 - y;
        break;
    case 3:
        *from_x = width - 1 - y, *from_y = x;
        break;
    default:
        *from_x = x, *from_y = y;
        break;
    }
    if (turn.mirror)
        *from_x = width - 1 - *from_x;
}

static void turn_plane(struct media_turn turn, const AVFrame *from, AVFrame *made,
                       int plane, int shift_x, int shift_y, int bytes)
{
    int width = AV_CEIL_RSHIFT(from->width, shift_x);
    int height = AV_CEIL_RSHIFT(from->height, shift_y);
    int made_width = turn.quarters % 2 ? height : width;
    int made_height = turn.quarters % 2 ? width : height;
    for (int y = 0; y < made_height; y++) {
        uint8_t *out = made->data[plane] + (ptrdiff_t)y * made->linesize[plane];
        for (int x = 0; x < made_width; x++) {
            int fx, fy;
            source_of(turn, width, height, x, y, &fx, &fy);
            memcpy(out + (ptrdiff_t)x * bytes,
                   from->data[plane] + (ptrdiff_t)fy * from->linesize[plane] +
                       (ptrdiff_t)fx * bytes,
                   (size_t)bytes);
        }
    }
}

AVFrame *media_turn_frame(struct media_pool *pool, struct media_turn turn,
                          const AVFrame *from, struct daub_error *error)
{
    bool swap = turn.quarters % 2;
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(from->format);
    AVFrame *made = media_pool_get(pool, from->format, swap ? from->height : from->width,
                                   swap ? from->width : from->height, error);
    if (!made)
        return NULL;
    if (av_frame_copy_props(made, from) < 0)
        return fail_memory(made, error);
    av_frame_remove_side_data(made, AV_FRAME_DATA_DISPLAYMATRIX);
    if (swap)
        made->sample_aspect_ratio =
            (AVRational){from->sample_aspect_ratio.den, from->sample_aspect_ratio.num};
    if (!made->sample_aspect_ratio.num || !made->sample_aspect_ratio.den)
        made->sample_aspect_ratio = (AVRational){0, 1};
    int steps[4];
    av_image_fill_max_pixsteps(steps, NULL, desc);
    int planes = av_pix_fmt_count_planes(from->format);
    for (int i = 0; i < planes; i++) {
        bool chroma = (i == 1 || i == 2) && !(desc->flags & AV_PIX_FMT_FLAG_RGB);
        turn_plane(turn, from, made, i, chroma ? desc->log2_chroma_w : 0,
                   chroma ? desc->log2_chroma_h : 0, steps[i]);
    }
    return made;
}
