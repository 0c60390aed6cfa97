#include "media/resampler.h"

#include <libavutil/opt.h>

#include "media/compat.h"

bool media_resampler_fit(struct media_resampler *r, AVFrame *frame,
                         const struct media_sound_format *to)
{
    if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_default(&frame->ch_layout, frame->ch_layout.nb_channels);
    if (r->swr && r->rate == frame->sample_rate && r->format == frame->format &&
        av_channel_layout_compare(&r->layout, &frame->ch_layout) == 0)
        return true;
    AVChannelLayout layout = to->layout; /* FFmpeg 5.1 takes no const */
    swr_free(&r->swr);
    r->rate = frame->sample_rate;
    r->format = frame->format;
    if (frame->sample_rate < 1 ||
        av_channel_layout_copy(&r->layout, &frame->ch_layout) < 0 ||
        swr_alloc_set_opts2(&r->swr, &layout, to->format, to->rate, &frame->ch_layout,
                            frame->format, frame->sample_rate, 0, NULL) < 0)
        return false;
    /* without this flag, the speed cannot change where both rates are equal */
    if (to->variable)
        av_opt_set_int(r->swr, "flags", SWR_FLAG_RESAMPLE, 0);
    return swr_init(r->swr) >= 0;
}

void media_resampler_uninit(struct media_resampler *r)
{
    swr_free(&r->swr);
    av_channel_layout_uninit(&r->layout);
}
