/* One image file a frame; each appears complete under its name. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "media/encoder.h"
#include "media/sink_kinds.h"
#include "media/sink_thread.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"

struct sink_images {
    struct sink_thread base;
    struct media_encoder encoder;
    AVPacket *packet;
    AVPacket *single; /* the first image, written at the end where no second one came */
    char *path;
    bool pattern, replace;
    int64_t written;
};

static struct sink_images *images_of(struct sink_thread *base)
{
    return container_of(base, struct sink_images, base);
}

const AVCodec *sink_images_codec(const struct media_sink_params *params,
                                 struct daub_error *error)
{
    const AVOutputFormat *image2 = av_guess_format("image2", NULL, NULL);
    return media_encoder_find(params->encode.encoder, image2, params->path, error);
}

/* The name of the next image. */
static bool image_path(const struct sink_images *self, char *path, size_t size,
                       struct daub_error *error)
{
    const char *plain = media_path_plain(self->path);
    snprintf(path, size, "%s", plain);
    if (self->pattern &&
        av_get_frame_filename(path, (int)size, plain, (int)self->written + 1) < 0)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "%s: write one number into the pattern, such as %%04d",
                         self->path);
    return true;
}

static bool write_image(struct sink_images *self, const AVPacket *packet,
                        struct daub_error *error)
{
    char path[PATH_MAX];
    if (!image_path(self, path, sizeof(path), error) ||
        !daub_file_write(path, packet->data, (size_t)packet->size, self->replace, error))
        return false;
    self->written++;
    atomic_fetch_add(&self->base.bytes, (unsigned long long)packet->size);
    return true;
}

static bool get_packets(struct sink_images *self, struct daub_error *error)
{
    int answer;
    while ((answer = media_encoder_receive(&self->encoder, self->packet, error)) > 0) {
        bool ok = true;
        if (self->pattern)
            ok = write_image(self, self->packet, error);
        else if (self->single)
            ok = daub_fail(error, DAUB_ERROR_ARGUMENT,
                           "%s is one image but the input has more frames; write a "
                           "pattern such as out%%04d.png, or add --frames 1",
                           self->path);
        else
            self->single = av_packet_clone(self->packet);
        av_packet_unref(self->packet);
        if (!ok)
            return false;
        if (!self->pattern && !self->single)
            return daub_no_memory(error, "an image");
    }
    return answer == 0;
}

static bool images_frame(struct sink_thread *base, const AVFrame *frame,
                         struct daub_error *error)
{
    struct sink_images *self = images_of(base);
    return media_encoder_send(&self->encoder, frame, error) && get_packets(self, error);
}

static bool images_end(struct sink_thread *base, bool whole, struct daub_error *error)
{
    struct sink_images *self = images_of(base);
    struct media_report *report = &base->report;
    bool ok = true;
    if (report->frames_in > 0 && error->status == DAUB_OK) {
        ok = media_encoder_send(&self->encoder, NULL, error) && get_packets(self, error);
        if (ok && self->single)
            ok = write_image(self, self->single, error);
    }
    report->frames_out = self->written;
    report->bytes = atomic_load(&base->bytes);
    if ((!whole || !ok) && self->written > 0)
        snprintf(report->kept, sizeof(report->kept),
                 "%.900s: %" PRId64 " images are kept", base->sink.name, self->written);
    return ok;
}

static void images_destroy(struct sink_thread *base)
{
    struct sink_images *self = images_of(base);
    media_encoder_uninit(&self->encoder);
    av_packet_free(&self->packet);
    av_packet_free(&self->single);
    free(self->path);
    free(self);
}

static const struct media_sink_ops images_sink_ops = {
    .push = sink_thread_push,
    .interrupt = sink_thread_interrupt,
    .finish = sink_thread_finish,
    .join = sink_thread_join,
    .bytes = sink_thread_bytes,
    .destroy = sink_thread_destroy,
};
static const struct sink_thread_ops images_thread_ops = {
    .frame = images_frame, .end = images_end, .destroy = images_destroy};

/* Checks before the first painting that the first image can be written. */
static bool probe_folder(struct sink_images *self, struct daub_error *error)
{
    struct daub_file file;
    char path[PATH_MAX];
    if (!image_path(self, path, sizeof(path), error))
        return false;
    bool ok = daub_file_open(&file, path, self->replace, true, error);
    daub_file_discard(&file);
    return ok;
}

static bool set_up(struct sink_images *self, const struct media_sink_params *params,
                   struct daub_error *error)
{
    const AVCodec *codec = sink_images_codec(params, error);
    if (!codec)
        return false;
    if (media_path_is_stdout(params->path) || media_path_is_url(params->path))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "images go to files; choose another format for %s",
                         params->path);
    struct media_encoder_setup setup = {
        .codec = codec,
        .options = &params->encode,
        .frame = params->frame,
        .time_base = params->input->time_base,
        .frame_rate = media_input_rate(params->input),
        .no_hdr = true,
    };
    self->pattern = media_path_is_pattern(params->path);
    self->replace = params->replace;
    self->path = daub_strdup(params->path);
    self->packet = av_packet_alloc();
    if (!self->path || !self->packet)
        return daub_no_memory(error, "an image");
    if (!media_encoder_open(&self->encoder, &setup, error))
        return false;
    if (params->input->sample)
        media_encoder_explain(codec, params->input->sample, &self->encoder.want);
    return media_options_used_up(self->encoder.unused, codec->name, "image2", error) &&
           probe_folder(self, error);
}

struct media_sink *sink_images_open(const struct media_sink_params *params,
                                    struct daub_error *error)
{
    struct sink_images *self = daub_alloc(1, sizeof(*self));
    if (!self) {
        daub_no_memory(error, "an output");
        return NULL;
    }
    self->base.sink.name = params->path;
    if (sink_thread_init(&self->base, &images_sink_ops, &images_thread_ops,
                         DAUB_QUEUE_BLOCK, error) &&
        set_up(self, params, error) && sink_thread_start(&self->base, error))
        return &self->base.sink;
    sink_thread_destroy(&self->base.sink);
    return NULL;
}
