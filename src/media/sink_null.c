/* A sink that only counts frames. */
#include <stdlib.h>

#include "media/sink_kinds.h"
#include "util/alloc.h"
#include "util/container_of.h"
#include "util/error.h"

struct sink_null {
    struct media_sink sink;
    int64_t frames; /* the pushing thread, then join */
};

static struct sink_null *null_of(struct media_sink *sink)
{
    return container_of(sink, struct sink_null, sink);
}

static bool null_push(struct media_sink *sink, const AVFrame *frame)
{
    (void)frame;
    null_of(sink)->frames++;
    return true;
}

static void null_finish(struct media_sink *sink, bool whole)
{
    (void)sink, (void)whole;
}

static bool null_join(struct media_sink *sink, struct media_report *report,
                      struct daub_error *error)
{
    (void)error;
    int64_t frames = null_of(sink)->frames;
    *report = (struct media_report){.frames_in = frames, .frames_out = frames};
    return true;
}

static void null_destroy(struct media_sink *sink)
{
    free(null_of(sink));
}

static const struct media_sink_ops null_ops = {
    .push = null_push, .finish = null_finish, .join = null_join, .destroy = null_destroy};

struct media_sink *sink_null_open(const struct media_sink_params *params,
                                  struct daub_error *error)
{
    struct sink_null *self = daub_alloc(1, sizeof(*self));
    if (!self) {
        daub_no_memory(error, "an output");
        return NULL;
    }
    self->sink = (struct media_sink){.ops = &null_ops, .name = params->path};
    return &self->sink;
}
