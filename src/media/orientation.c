#include "media/orientation.h"

#include <math.h>
#include <string.h>

#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include "media/format.h"
#include "util/error.h"

struct media_turn media_turn_of(const int32_t matrix[9])
{
    struct media_turn turn = {0};
    if (!matrix)
        return turn;
    int32_t copy[9];
    memcpy(copy, matrix, sizeof(copy));
    /* A negative determinant: the picture is mirrored as well. */
    double determinant = (double)copy[0] * copy[4] - (double)copy[1] * copy[3];
    turn.mirror = determinant < 0;
    if (turn.mirror)
        av_display_matrix_flip(copy, 1, 0);
    double degrees = -av_display_rotation_get(copy); /* clockwise */
    if (!isnan(degrees))
        turn.quarters = ((int)lround(degrees / 90) % 4 + 4) % 4;
    /* The matrix turns first and mirrors then; the other order needs the opposite turn.
     */
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
    if (!planar && desc->log2_chroma_w) /* YUYV: two pixels share their chroma */
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

static void copy_sample(uint8_t *to, const uint8_t *from, int bytes)
{
    switch (bytes) {
    case 1:
        *to = *from;
        break;
    case 2:
        memcpy(to, from, 2);
        break;
    case 4:
        memcpy(to, from, 4);
        break;
    default:
        memcpy(to, from, (size_t)bytes);
        break;
    }
}

/* In blocks, because a quarter turn reads columns: a block's rows stay in the cache. */
static void turn_plane(struct media_turn turn, const AVFrame *from, AVFrame *made,
                       int plane, int shift_x, int shift_y, int bytes)
{
    enum { BLOCK = 32 };
    int width = AV_CEIL_RSHIFT(from->width, shift_x);
    int height = AV_CEIL_RSHIFT(from->height, shift_y);
    int made_width = turn.quarters % 2 ? height : width;
    int made_height = turn.quarters % 2 ? width : height;
    ptrdiff_t row = from->linesize[plane];
    int x0, y0, x1, y1;
    source_of(turn, width, height, 0, 0, &x0, &y0);
    source_of(turn, width, height, 1, 0, &x1, &y1);
    ptrdiff_t right = (y1 - y0) * row + (x1 - x0) * bytes; /* in the source */
    source_of(turn, width, height, 0, 1, &x1, &y1);
    ptrdiff_t down = (y1 - y0) * row + (x1 - x0) * bytes;
    const uint8_t *first = from->data[plane] + y0 * row + (ptrdiff_t)x0 * bytes;
    for (int top = 0; top < made_height; top += BLOCK) {
        for (int left = 0; left < made_width; left += BLOCK) {
            int bottom = FFMIN(top + BLOCK, made_height);
            int end = FFMIN(left + BLOCK, made_width);
            for (int y = top; y < bottom; y++) {
                const uint8_t *in = first + y * down + left * right;
                uint8_t *out = made->data[plane] + (ptrdiff_t)y * made->linesize[plane] +
                               (ptrdiff_t)left * bytes;
                for (int x = left; x < end; x++, in += right, out += bytes)
                    copy_sample(out, in, bytes);
            }
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
    if (av_frame_copy_props(made, from) < 0) {
        av_frame_free(&made);
        daub_no_memory(error, "a frame");
        return NULL;
    }
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

/* 4:4:4 at the format's depth, which can always be turned; with alpha where it has it. */
static enum AVPixelFormat full_chroma_format(enum AVPixelFormat format)
{
    struct media_depth depth;
    if (!media_depth_of(format, &depth))
        return AV_PIX_FMT_NONE;
    if (depth.alpha || depth.palette)
        return depth.bits <= 8 ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGBA64LE;
    if (depth.family == MEDIA_FAMILY_GRAY)
        return depth.bits <= 8 ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_GRAY16LE;
    if (depth.family == MEDIA_FAMILY_RGB)
        return depth.bits <= 8 ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_RGB48LE;
    return depth.bits <= 8    ? AV_PIX_FMT_YUV444P
           : depth.bits <= 10 ? AV_PIX_FMT_YUV444P10LE
           : depth.bits <= 12 ? AV_PIX_FMT_YUV444P12LE
                              : AV_PIX_FMT_YUV444P16LE;
}

AVFrame *media_turner_apply(struct media_turner *turner, struct media_turn turn,
                            const AVFrame *from, struct daub_error *error)
{
    if (media_turn_possible(turn, from->format))
        return media_turn_frame(&turner->pool, turn, from, error);
    AVFrame target = {.width = from->width,
                      .height = from->height,
                      .format = full_chroma_format(from->format),
                      .colorspace = from->colorspace,
                      .color_range = from->color_range};
    struct media_depth depth;
    if (media_depth_of(target.format, &depth) && depth.family == MEDIA_FAMILY_RGB) {
        target.colorspace = AVCOL_SPC_RGB;
        target.color_range = AVCOL_RANGE_JPEG;
    }
    AVFrame *full = media_convert(&turner->to_full_chroma, from, &target, error);
    AVFrame *made = full ? media_turn_frame(&turner->pool, turn, full, error) : NULL;
    av_frame_free(&full);
    return made;
}

void media_turner_uninit(struct media_turner *turner)
{
    media_pool_uninit(&turner->pool);
    media_converter_uninit(&turner->to_full_chroma);
}
