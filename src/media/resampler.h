/* libswresample for sound whose format may change from frame to frame. Not thread-safe.
 */
#ifndef DAUB_MEDIA_RESAMPLER_H
#define DAUB_MEDIA_RESAMPLER_H

#include <stdbool.h>

#include <libavutil/frame.h>
#include <libswresample/swresample.h>

struct media_resampler {
    struct SwrContext *swr; /* NULL: none was made */
    /* of the frames that it was made for */
    AVChannelLayout layout;
    int rate, format;
};

/* What comes out. */
struct media_sound_format {
    AVChannelLayout layout; /* borrowed */
    enum AVSampleFormat format;
    int rate;      /* samples a second */
    bool variable; /* swr_set_compensation will be used */
};

/* Makes the resampler ready for frames like this one, anew where their format changes; a
 * frame without a channel layout gets the usual one. Samples that wait in the former one
 * are lost. */
bool media_resampler_fit(struct media_resampler *resampler, AVFrame *frame,
                         const struct media_sound_format *to);
void media_resampler_uninit(struct media_resampler *resampler); /* accepts a zeroed one */

#endif
