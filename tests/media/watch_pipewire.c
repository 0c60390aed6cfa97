/* watch_pipewire FORMAT COUNT NODE: watches a PipeWire camera, for tests. Writes COUNT
 * pictures as they are in memory to standard output, then a line with the chosen format
 * and the gaps between the pictures' numbers to standard error. Gives up after 15 s. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pipewire/pipewire.h>
#include <spa/debug/types.h>
#include <spa/param/video/format-utils.h>
#include <spa/param/video/type-info.h>

enum { PATIENCE_S = 15 };

struct watcher {
    struct pw_main_loop *loop;
    struct pw_stream *stream;
    struct spa_video_info_raw info;
    long count, wanted, gaps;
    uint64_t last;
};

static void on_param(void *user, uint32_t id, const struct spa_pod *param)
{
    struct watcher *w = user;
    if (!param || id != SPA_PARAM_Format)
        return;
    spa_format_video_raw_parse(param, &w->info);
    uint8_t memory[1024];
    struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
    const struct spa_pod *answer[2] = {
        spa_pod_builder_add_object(
            &b, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers,
            SPA_PARAM_BUFFERS_dataType,
            SPA_POD_CHOICE_FLAGS_Int((1 << SPA_DATA_MemPtr) | (1 << SPA_DATA_MemFd))),
        spa_pod_builder_add_object(&b, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta,
                                   SPA_PARAM_META_type, SPA_POD_Id(SPA_META_Header),
                                   SPA_PARAM_META_size,
                                   SPA_POD_Int((int)sizeof(struct spa_meta_header)))};
    pw_stream_update_params(w->stream, answer, 2);
}

static void on_process(void *user)
{
    struct watcher *w = user;
    struct pw_buffer *buffer = pw_stream_dequeue_buffer(w->stream);
    if (!buffer)
        return;
    const struct spa_data *data = &buffer->buffer->datas[0];
    const struct spa_meta_header *header =
        spa_buffer_find_meta_data(buffer->buffer, SPA_META_Header, sizeof(*header));
    if (data->chunk->size > 0) {
        fwrite((const char *)data->data + data->chunk->offset, data->chunk->size, 1,
               stdout);
        w->gaps += header && w->count > 0 && header->seq != w->last + 1;
        w->last = header ? header->seq : 0;
        w->count++;
    }
    pw_stream_queue_buffer(w->stream, buffer);
    if (w->count >= w->wanted)
        pw_main_loop_quit(w->loop);
}

static void on_timeout(void *user, uint64_t count)
{
    (void)count;
    pw_main_loop_quit(((struct watcher *)user)->loop);
}

static const struct pw_stream_events events = {.version = PW_VERSION_STREAM_EVENTS,
                                               .param_changed = on_param,
                                               .process = on_process};

int main(int argc, char **argv)
{
    struct watcher w = {0};
    if (argc != 4)
        return 2;
    pw_init(NULL, NULL);
    w.wanted = strtol(argv[2], NULL, 10);
    w.loop = pw_main_loop_new(NULL);
    struct pw_loop *loop = pw_main_loop_get_loop(w.loop);
    struct spa_source *timer = pw_loop_add_timer(loop, on_timeout, &w);
    struct timespec due = {.tv_sec = PATIENCE_S};
    pw_loop_update_timer(loop, timer, &due, NULL, false);
    w.stream = pw_stream_new_simple(
        loop, "watch_pipewire",
        pw_properties_new(PW_KEY_MEDIA_TYPE, "Video", PW_KEY_MEDIA_CATEGORY, "Capture",
                          PW_KEY_MEDIA_ROLE, "Camera", PW_KEY_TARGET_OBJECT, argv[3],
                          NULL),
        &events, &w);
    uint32_t format = spa_debug_type_find_type_short(spa_type_video_format, argv[1]);
    uint8_t memory[1024];
    struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
    struct spa_rectangle size[3] = {{640, 480}, {1, 1}, {8192, 8192}};
    struct spa_fraction rate[3] = {{30, 1}, {0, 1}, {360, 1}};
    const struct spa_pod *params[1] = {spa_pod_builder_add_object(
        &b, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat, SPA_FORMAT_mediaType,
        SPA_POD_Id(SPA_MEDIA_TYPE_video), SPA_FORMAT_mediaSubtype,
        SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), SPA_FORMAT_VIDEO_format, SPA_POD_Id(format),
        SPA_FORMAT_VIDEO_size,
        SPA_POD_CHOICE_RANGE_Rectangle(&size[0], &size[1], &size[2]),
        SPA_FORMAT_VIDEO_framerate,
        SPA_POD_CHOICE_RANGE_Fraction(&rate[0], &rate[1], &rate[2]))};
    pw_stream_connect(w.stream, PW_DIRECTION_INPUT, PW_ID_ANY,
                      PW_STREAM_FLAG_AUTOCONNECT | PW_STREAM_FLAG_MAP_BUFFERS, params, 1);
    pw_main_loop_run(w.loop);
    fprintf(stderr, "%s %ux%u count %ld gaps %ld matrix %u range %u\n",
            spa_debug_type_find_short_name(spa_type_video_format, w.info.format),
            w.info.size.width, w.info.size.height, w.count, w.gaps, w.info.color_matrix,
            w.info.color_range);
    pw_stream_destroy(w.stream);
    pw_main_loop_destroy(w.loop);
    pw_deinit();
    return w.count < w.wanted;
}
