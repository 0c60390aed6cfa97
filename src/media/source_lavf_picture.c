/* Decoded frames on their way to the painter: deinterlaced, upright, of one shape. */
#include "media/source_lavf.h"

#include <math.h>
#include <string.h>

#include "media/compat.h"
#include "media/exif.h"
#include "util/error.h"
#include "util/log.h"

#define DEINTERLACE "bwdif=mode=send_frame:parity=auto:deint=interlaced"

/* ---- deinterlacing ---- */

/* Gives the frame to the deinterlacer. Frames of another size or format wait until those
 * before them have come out. */
static bool start_deinterlacing(struct lavf *l, AVFrame *frame, struct daub_error *error)
{
    struct lavf_picture *p = &l->picture;
    frame->pts = frame->best_effort_timestamp;
    if (p->fields.graph && !media_filter_fits(&p->fields, frame)) {
        p->next = av_frame_clone(frame);
        av_frame_unref(frame);
        return p->next ? media_filter_send(&p->fields, NULL, error)
                       : daub_no_memory(error, "a frame");
    }
    if (!p->fields.graph) {
        if (!media_filter_open(&p->fields, DEINTERLACE, frame, l->video->time_base,
                               error))
            return false;
        if (!p->told_fields)
            daub_log(DAUB_LOG_INFO,
                     "%s is interlaced and is deinterlaced; --deinterlace "
                     "off keeps its fields",
                     l->path);
        p->told_fields = true;
    }
    return media_filter_send(&p->fields, frame, error);
}

/* The filter refuses pictures of a few lines, which stay as they are. */
static bool needs_deinterlacing(const AVFrame *frame)
{
    enum { SMALLEST = 16 }; /* its chroma has 4 lines, also with 4:1:0 */
    return media_frame_interlaced(frame) && frame->width >= SMALLEST &&
           frame->height >= SMALLEST;
}

/* The next frame that leaves the deinterlacer. */
static int deinterlaced(struct lavf *l, AVFrame *frame, struct daub_error *error)
{
    struct lavf_picture *p = &l->picture;
    int code = media_filter_receive(&p->fields, frame);
    if (code != AVERROR_EOF || !p->next)
        return code;
    media_filter_close(&p->fields);
    av_frame_move_ref(frame, p->next);
    av_frame_free(&p->next);
    if (!needs_deinterlacing(frame))
        return 0;
    return start_deinterlacing(l, frame, error) ? AVERROR(EAGAIN) : AVERROR(EINVAL);
}

/* The next decoded frame, in memory. Codes are those of avcodec_receive_frame. */
static int decoded(struct lavf *l, AVFrame **frame, struct daub_error *error)
{
    struct lavf_picture *p = &l->picture;
    for (;;) {
        int code = p->fields.graph ? deinterlaced(l, *frame, error) : AVERROR(EAGAIN);
        if (code != AVERROR(EAGAIN))
            return code;
        code = avcodec_receive_frame(l->decoder, *frame);
        if (code == AVERROR_EOF && p->fields.graph && !p->next) {
            if (!media_filter_send(&p->fields, NULL, error))
                return AVERROR(EINVAL);
            continue;
        }
        if (code < 0)
            return code;
        if (!lavf_hw_download(l, frame))
            return AVERROR_INVALIDDATA;
        if (l->keep_fields || !(p->fields.graph || needs_deinterlacing(*frame)))
            return 0;
        if (!start_deinterlacing(l, *frame, error))
            return AVERROR(EINVAL);
    }
}

/* ---- orientation ---- */

static struct media_turn turn_of_stream(const AVStream *stream)
{
    int count;
    const AVPacketSideData *data = media_stream_side_data(stream, &count);
    for (int i = 0; i < count; i++) {
        if (data[i].type == AV_PKT_DATA_DISPLAYMATRIX &&
            data[i].size >= 9 * sizeof(int32_t))
            return media_turn_of((const void *)data[i].data);
    }
    return (struct media_turn){0};
}

/* By the display matrix of the container, else by that of the frame, else by EXIF. */
static struct media_turn turn_of(const struct lavf *l, const AVFrame *frame)
{
    struct media_turn turn = turn_of_stream(l->video);
    if (!media_turn_is_none(turn))
        return l->source.info.upright ? turn : (struct media_turn){0};
    const AVFrameSideData *matrix =
        av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    if (matrix && matrix->size >= 9 * sizeof(int32_t))
        return media_turn_of((const void *)matrix->data);
    return l->picture.exif;
}

static bool turn_upright(struct lavf *l, AVFrame **frame, struct daub_error *error)
{
    struct media_turn turn = turn_of(l, *frame);
    if (media_turn_is_none(turn))
        return true;
    AVFrame *made = media_turner_apply(&l->picture.turner, turn, *frame, error);
    if (!made)
        return false;
    made->best_effort_timestamp = (*frame)->best_effort_timestamp;
    av_frame_free(frame);
    *frame = made;
    return true;
}

/* ---- shape ---- */

/* Width over height of the picture as it is shown. */
static double shape_of(const AVFrame *frame)
{
    AVRational pixel = frame->sample_aspect_ratio;
    double aspect = pixel.num > 0 && pixel.den > 0 ? av_q2d(pixel) : 1;
    return aspect * frame->width / frame->height;
}

/* Puts a frame of another shape than the first one's between black borders. */
static bool fit_shape(struct lavf *l, AVFrame *frame, struct daub_error *error)
{
    struct lavf_picture *p = &l->picture;
    if (p->width == 0) {
        p->width = frame->width;
        p->height = frame->height;
        p->aspect = frame->sample_aspect_ratio;
        p->shape = shape_of(frame);
    }
    double stretch = shape_of(frame) / p->shape;
    if (fabs(stretch - 1) < 0.01) {
        frame->sample_aspect_ratio = p->aspect;
        return true;
    }
    if (!media_filter_fits(&p->borders, frame)) {
        int width = p->width, height = p->height;
        if (stretch > 1)
            height = (int)lrint(height / stretch);
        else
            width = (int)lrint(width * stretch);
        char text[256];
        snprintf(text, sizeof(text),
                 "scale=%d:%d:flags=bicubic+accurate_rnd+full_chroma_int,"
                 "pad=%d:%d:(ow-iw)/2:(oh-ih)/2,setsar=%d/%d",
                 width < 2 ? 2 : width, height < 2 ? 2 : height, p->width, p->height,
                 p->aspect.num > 0 ? p->aspect.num : 1,
                 p->aspect.num > 0 ? p->aspect.den : 1);
        media_filter_close(&p->borders);
        if (!media_filter_open(&p->borders, text, frame, l->video->time_base, error))
            return false;
        if (!p->told_shape)
            daub_log(
                DAUB_LOG_WARNING,
                "the shape of the picture changes from %.2f:1 to %.2f:1 at %.2f s; it is "
                "shown whole between black borders",
                p->shape, shape_of(frame),
                (double)frame->best_effort_timestamp * av_q2d(l->video->time_base));
        p->told_shape = true;
    }
    frame->pts = frame->best_effort_timestamp;
    return media_filter_send(&p->borders, frame, error) &&
           (media_filter_receive(&p->borders, frame) == 0 ||
            daub_fail(error, DAUB_ERROR_FAILED, "a frame could not be fitted"));
}

/* ---- all of it ---- */

void lavf_picture_packet(struct lavf *l, const AVPacket *packet)
{
    l->picture.exif = media_exif_turn(packet, l->decoder->codec_id);
}

int lavf_picture_receive(struct lavf *l, AVFrame **frame)
{
    struct daub_error error = {0};
    int code = decoded(l, frame, &error);
    if (code == 0)
        (*frame)->sample_aspect_ratio =
            av_guess_sample_aspect_ratio(l->format, l->video, *frame);
    if (code == 0 && (!turn_upright(l, frame, &error) || !fit_shape(l, *frame, &error)))
        code = AVERROR(EINVAL);
    if (error.status != DAUB_OK)
        daub_log(DAUB_LOG_VERBOSE, "%s", error.message);
    return code;
}

void lavf_picture_flush(struct lavf *l)
{
    struct lavf_picture *p = &l->picture;
    media_filter_close(&p->fields);
    av_frame_free(&p->next);
}

void lavf_picture_uninit(struct lavf *l)
{
    lavf_picture_flush(l);
    media_filter_close(&l->picture.borders);
    media_turner_uninit(&l->picture.turner);
}
