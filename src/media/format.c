#include "media/format.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "util/error.h"

static const struct {
    enum daub_pixel_format pixel;
    enum AVPixelFormat format;
} pairs[] = {
    /* Planar formats first: of two that fit equally, the earlier one is chosen. */
    {DAUB_PIXEL_YUV420P, AV_PIX_FMT_YUV420P},
    {DAUB_PIXEL_YUV422P, AV_PIX_FMT_YUV422P},
    {DAUB_PIXEL_YUV444P, AV_PIX_FMT_YUV444P},
    {DAUB_PIXEL_YUV420P10, AV_PIX_FMT_YUV420P10LE},
    {DAUB_PIXEL_YUV422P10, AV_PIX_FMT_YUV422P10LE},
    {DAUB_PIXEL_YUV444P10, AV_PIX_FMT_YUV444P10LE},
    {DAUB_PIXEL_YUV420P12, AV_PIX_FMT_YUV420P12LE},
    {DAUB_PIXEL_YUV422P12, AV_PIX_FMT_YUV422P12LE},
    {DAUB_PIXEL_YUV444P12, AV_PIX_FMT_YUV444P12LE},
    {DAUB_PIXEL_YUV444P16, AV_PIX_FMT_YUV444P16LE},
    {DAUB_PIXEL_RGB24, AV_PIX_FMT_RGB24},
    {DAUB_PIXEL_GBRP, AV_PIX_FMT_GBRP},
    {DAUB_PIXEL_GBRP10, AV_PIX_FMT_GBRP10LE},
    {DAUB_PIXEL_GBRP12, AV_PIX_FMT_GBRP12LE},
    {DAUB_PIXEL_GBRP16, AV_PIX_FMT_GBRP16LE},
    {DAUB_PIXEL_GRAY8, AV_PIX_FMT_GRAY8},
    {DAUB_PIXEL_GRAY16, AV_PIX_FMT_GRAY16LE},
    {DAUB_PIXEL_NV12, AV_PIX_FMT_NV12},
    {DAUB_PIXEL_P010, AV_PIX_FMT_P010LE},
    {DAUB_PIXEL_YUYV422, AV_PIX_FMT_YUYV422},
    {DAUB_PIXEL_UYVY422, AV_PIX_FMT_UYVY422},
    {DAUB_PIXEL_RGBA, AV_PIX_FMT_RGBA},
    {DAUB_PIXEL_BGRA, AV_PIX_FMT_BGRA},
    /* The fourth byte is alpha in daub and unused in FFmpeg. */
    {DAUB_PIXEL_RGBA, AV_PIX_FMT_RGB0},
    {DAUB_PIXEL_BGRA, AV_PIX_FMT_BGR0},
    /* Alpha is a fourth plane, which is ignored. */
    {DAUB_PIXEL_YUV420P, AV_PIX_FMT_YUVA420P},
    {DAUB_PIXEL_YUV422P, AV_PIX_FMT_YUVA422P},
    {DAUB_PIXEL_YUV444P, AV_PIX_FMT_YUVA444P},
    {DAUB_PIXEL_YUV420P10, AV_PIX_FMT_YUVA420P10LE},
    {DAUB_PIXEL_YUV422P10, AV_PIX_FMT_YUVA422P10LE},
    {DAUB_PIXEL_YUV444P10, AV_PIX_FMT_YUVA444P10LE},
    {DAUB_PIXEL_YUV422P12, AV_PIX_FMT_YUVA422P12LE},
    {DAUB_PIXEL_YUV444P12, AV_PIX_FMT_YUVA444P12LE},
    {DAUB_PIXEL_YUV444P16, AV_PIX_FMT_YUVA444P16LE},
    {DAUB_PIXEL_GBRP, AV_PIX_FMT_GBRAP},
    {DAUB_PIXEL_GBRP10, AV_PIX_FMT_GBRAP10LE},
    {DAUB_PIXEL_GBRP12, AV_PIX_FMT_GBRAP12LE},
    {DAUB_PIXEL_GBRP16, AV_PIX_FMT_GBRAP16LE},
};
enum { PAIR_COUNT = sizeof(pairs) / sizeof(pairs[0]) };

enum AVPixelFormat media_plain_format(enum AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_YUVJ420P:
        return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
        return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
        return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
        return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P:
        return AV_PIX_FMT_YUV411P;
    default:
        return format;
    }
}

bool media_is_full_format(enum AVPixelFormat format)
{
    return media_plain_format(format) != format;
}

enum daub_pixel_format media_pixel_from_av(enum AVPixelFormat format)
{
    format = media_plain_format(format);
    for (int i = 0; i < PAIR_COUNT; i++) {
        if (pairs[i].format == format)
            return pairs[i].pixel;
    }
    return 0;
}

enum AVPixelFormat media_pixel_to_av(enum daub_pixel_format pixel)
{
    for (int i = 0; i < PAIR_COUNT; i++) {
        if (pairs[i].pixel == pixel)
            return pairs[i].format;
    }
    return AV_PIX_FMT_NONE;
}

bool media_depth_of(enum AVPixelFormat format, struct media_depth *depth)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    *depth = (struct media_depth){0};
    if (!desc || (desc->flags & AV_PIX_FMT_FLAG_HWACCEL))
        return false;
    for (int i = 0; i < desc->nb_components; i++) {
        if (desc->comp[i].depth > depth->bits)
            depth->bits = desc->comp[i].depth;
    }
    depth->alpha = desc->flags & AV_PIX_FMT_FLAG_ALPHA;
    depth->is_float = desc->flags & AV_PIX_FMT_FLAG_FLOAT;
    depth->palette = desc->flags & AV_PIX_FMT_FLAG_PAL;
    if (format == AV_PIX_FMT_PAL8) {
        depth->family = MEDIA_FAMILY_RGB;
    } else if (desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_BAYER)) {
        depth->family = MEDIA_FAMILY_RGB;
    } else if (format == AV_PIX_FMT_XYZ12LE || format == AV_PIX_FMT_XYZ12BE) {
        depth->family = MEDIA_FAMILY_RGB; /* libswscale turns XYZ into RGB */
    } else if (desc->nb_components <= 2) {
        depth->family = MEDIA_FAMILY_GRAY;
    } else {
        depth->family = MEDIA_FAMILY_YUV;
        depth->shift_x = desc->log2_chroma_w;
        depth->shift_y = desc->log2_chroma_h;
    }
    return true;
}

/* How much more a format holds than needed; -1 where it loses something. */
static int excess(const struct media_depth *need, const struct media_depth *have)
{
    int bits = need->bits > 16 ? 16 : need->bits;
    if (have->family != need->family || have->bits < bits ||
        have->shift_x > need->shift_x || have->shift_y > need->shift_y)
        return -1;
    int chroma = need->shift_x - have->shift_x + need->shift_y - have->shift_y;
    return chroma * 100 + (have->bits - bits) * 2;
}

bool media_pixel_nearest(enum AVPixelFormat format, struct media_match *match,
                         struct daub_error *error)
{
    struct media_depth need, have;
    const char *name = av_get_pix_fmt_name(format);
    *match = (struct media_match){0};
    if (!media_depth_of(format, &need))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "pixel format %s is a GPU surface that daub cannot read; add "
                         "--hwaccel none",
                         name ? name : "unknown");
    match->no_alpha = need.alpha || need.palette;
    match->pixel = media_pixel_from_av(format);
    match->same = match->pixel != 0;
    if (match->same)
        return true;
    if (!sws_isSupportedInput(format))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "pixel format %s cannot be read by this FFmpeg; convert the "
                         "input first",
                         name);
    int best = -1;
    for (int i = 0; i < PAIR_COUNT; i++) {
        media_depth_of(pairs[i].format, &have);
        int more = have.alpha ? -1 : excess(&need, &have);
        if (more < 0 || (best >= 0 && more >= best))
            continue;
        best = more;
        match->pixel = pairs[i].pixel;
        match->resampled = have.shift_x != need.shift_x || have.shift_y != need.shift_y;
    }
    match->rounded = need.is_float;
    return true;
}

bool media_matrix_unknown(enum AVColorSpace space)
{
    return space == AVCOL_SPC_YCGCO || space == AVCOL_SPC_BT2020_CL ||
           space == AVCOL_SPC_SMPTE2085 || space == AVCOL_SPC_CHROMA_DERIVED_CL ||
           space == AVCOL_SPC_ICTCP;
}

static enum daub_matrix matrix_of(const AVFrame *frame)
{
    switch (frame->colorspace) {
    case AVCOL_SPC_BT709:
    case AVCOL_SPC_SMPTE240M: /* within 0.012 of BT.709's coefficients */
        return DAUB_MATRIX_BT709;
    case AVCOL_SPC_FCC: /* within 0.001 of BT.601's */
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
        return DAUB_MATRIX_BT601;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
    case AVCOL_SPC_ICTCP:
        return DAUB_MATRIX_BT2020;
    default:
        return frame->height >= 720 ? DAUB_MATRIX_BT709 : DAUB_MATRIX_BT601;
    }
}

static enum daub_range range_of(const AVFrame *frame)
{
    struct media_depth depth;
    if (media_is_full_format(frame->format))
        return DAUB_RANGE_FULL;
    if (!media_depth_of(frame->format, &depth) || depth.family == MEDIA_FAMILY_RGB)
        return DAUB_RANGE_FULL;
    if (frame->color_range == AVCOL_RANGE_JPEG)
        return DAUB_RANGE_FULL;
    /* Gray frames of unspecified range are full range, as in libswscale. */
    if (frame->color_range == AVCOL_RANGE_UNSPECIFIED &&
        depth.family == MEDIA_FAMILY_GRAY)
        return DAUB_RANGE_FULL;
    return DAUB_RANGE_LIMITED;
}

static enum daub_chroma chroma_of(const AVFrame *frame)
{
    switch (frame->chroma_location) {
    case AVCHROMA_LOC_CENTER:
    case AVCHROMA_LOC_TOP:
    case AVCHROMA_LOC_BOTTOM:
        return DAUB_CHROMA_CENTER;
    case AVCHROMA_LOC_TOPLEFT:
        return DAUB_CHROMA_TOPLEFT;
    case AVCHROMA_LOC_UNSPECIFIED:
        return media_is_full_format(frame->format) ? DAUB_CHROMA_CENTER
                                                   : DAUB_CHROMA_LEFT;
    default:
        return DAUB_CHROMA_LEFT;
    }
}

struct daub_format media_format_of(const AVFrame *frame, enum daub_pixel_format pixel)
{
    return (struct daub_format){.pixel = pixel,
                                .matrix = matrix_of(frame),
                                .range = range_of(frame),
                                .chroma = chroma_of(frame)};
}

struct daub_image media_image_of(const AVFrame *frame, struct daub_format format)
{
    struct daub_image image = {
        .width = frame->width, .height = frame->height, .format = format};
    int planes = daub_pixel_planes(format.pixel);
    for (int i = 0; i < planes; i++) {
        image.plane[i] = frame->data[i];
        image.stride[i] = frame->linesize[i];
    }
    return image;
}
