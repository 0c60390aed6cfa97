#include "media/palette.h"

#include "util/error.h"

enum {
    /* One palette for each frame gave GIFs of 1.45 times the size of one for the whole
     * film, because nothing stays equal from frame to frame (docs/measured.md). */
    RUN_MAX = 100,
    RUN_BYTES = 64 << 20, /* of frames in memory */
};

static const char description[] = "split[a][b];[a]palettegen[p];[b][p]paletteuse";

static int run_of(const struct media_filter *filter)
{
    int64_t bytes = (int64_t)filter->width * filter->height * 4;
    int64_t run = RUN_BYTES / bytes;
    return run < 1 ? 1 : run > RUN_MAX ? RUN_MAX : (int)run;
}

bool media_palette_send(struct media_palette *p, AVFrame *frame, AVRational base,
                        struct daub_error *error)
{
    if (!frame)
        return !p->filter.graph || media_filter_send(&p->filter, NULL, error);
    if (!p->filter.graph &&
        !media_filter_open(&p->filter, description, frame, base, error))
        return false;
    if (!media_filter_send(&p->filter, frame, error))
        return false;
    /* the end of a run: its frames come out */
    return ++p->count < run_of(&p->filter) || media_filter_send(&p->filter, NULL, error);
}

int media_palette_receive(struct media_palette *p, AVFrame *frame)
{
    int code = p->filter.graph ? media_filter_receive(&p->filter, frame) : AVERROR_EOF;
    if (code == AVERROR_EOF) {
        media_palette_uninit(p);
        return AVERROR(EAGAIN);
    }
    return code;
}

void media_palette_uninit(struct media_palette *p)
{
    media_filter_close(&p->filter);
    *p = (struct media_palette){0};
}
