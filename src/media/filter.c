#include "media/filter.h"

#include <stdio.h>

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/pixdesc.h>

#include "media/avlog.h"
#include "media/compat.h"
#include "util/error.h"

static AVRational aspect_of(const AVFrame *frame)
{
    AVRational aspect = frame->sample_aspect_ratio;
    return aspect.num > 0 && aspect.den > 0 ? aspect : (AVRational){1, 1};
}

static bool open_ends(struct media_filter *filter, const AVFrame *frame)
{
    char arguments[256];
    AVRational aspect = aspect_of(frame), base = filter->base;
    snprintf(arguments, sizeof(arguments),
             "video_size=%dx%d:pix_fmt=%s:time_base=%d/%d:pixel_aspect=%d/%d",
             frame->width, frame->height, av_get_pix_fmt_name(frame->format), base.num,
             base.den, aspect.num, aspect.den);
#if MEDIA_BUFFER_HAS_COLORS
    size_t used = strlen(arguments);
    snprintf(arguments + used, sizeof(arguments) - used, ":colorspace=%d:range=%d",
             frame->colorspace, frame->color_range);
#endif
    return avfilter_graph_create_filter(&filter->source, avfilter_get_by_name("buffer"),
                                        "in", arguments, NULL, filter->graph) >= 0 &&
           avfilter_graph_create_filter(&filter->sink, avfilter_get_by_name("buffersink"),
                                        "out", NULL, NULL, filter->graph) >= 0;
}

static int link_filters(struct media_filter *filter, const char *description)
{
    AVFilterInOut *in = avfilter_inout_alloc(), *out = avfilter_inout_alloc();
    int code = AVERROR(ENOMEM);
    if (in && out) {
        *out = (AVFilterInOut){.name = av_strdup("in"), .filter_ctx = filter->source};
        *in = (AVFilterInOut){.name = av_strdup("out"), .filter_ctx = filter->sink};
        code = avfilter_graph_parse_ptr(filter->graph, description, &in, &out, NULL);
    }
    avfilter_inout_free(&in);
    avfilter_inout_free(&out);
    return code < 0 ? code : avfilter_graph_config(filter->graph, NULL);
}

bool media_filter_open(struct media_filter *filter, const char *description,
                       const AVFrame *frame, AVRational base, struct daub_error *error)
{
    *filter = (struct media_filter){.base = base,
                                    .width = frame->width,
                                    .height = frame->height,
                                    .format = frame->format,
                                    .aspect = aspect_of(frame)};
    media_log_forget();
    filter->graph = avfilter_graph_alloc();
    if (!filter->graph)
        return daub_no_memory(error, "a filter");
    filter->graph->nb_threads = 1;
    if (open_ends(filter, frame) && link_filters(filter, description) >= 0)
        return true;
    media_filter_close(filter);
    return daub_fail(error, DAUB_ERROR_FAILED, "FFmpeg's filters \"%s\" fail: %s",
                     description, media_error_cause(AVERROR(EINVAL)));
}

bool media_filter_fits(const struct media_filter *filter, const AVFrame *frame)
{
    return filter->graph && filter->width == frame->width &&
           filter->height == frame->height && filter->format == frame->format &&
           av_cmp_q(filter->aspect, aspect_of(frame)) == 0;
}

bool media_filter_send(struct media_filter *filter, AVFrame *frame,
                       struct daub_error *error)
{
    int code = av_buffersrc_add_frame_flags(filter->source, frame, 0);
    return code >= 0 || daub_fail(error, DAUB_ERROR_FAILED, "FFmpeg's filters fail: %s",
                                  media_error_text(code));
}

int media_filter_receive(struct media_filter *filter, AVFrame *frame)
{
    int code = av_buffersink_get_frame(filter->sink, frame);
    if (code < 0)
        return code;
    AVRational from = av_buffersink_get_time_base(filter->sink);
    if (frame->pts != AV_NOPTS_VALUE)
        frame->pts = av_rescale_q(frame->pts, from, filter->base);
    media_frame_set_duration(
        frame, av_rescale_q(media_frame_duration(frame), from, filter->base));
    frame->best_effort_timestamp = frame->pts;
    return 0;
}

void media_filter_close(struct media_filter *filter)
{
    avfilter_graph_free(&filter->graph);
    *filter = (struct media_filter){0};
}
