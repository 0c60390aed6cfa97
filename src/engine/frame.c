#include "engine/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/resample.h"
#include "util/alloc.h"
#include "util/error.h"

static VkDeviceSize align_up(const struct frame *frame, VkDeviceSize bytes)
{
    VkDeviceSize to = frame->device->caps.buffer_align;
    return (bytes + to - 1) / to * to;
}

static struct frame_map add_map(const struct frame *frame, VkDeviceSize *total, int h,
                                int w)
{
    struct frame_map map = {.offset = *total, .h = h, .w = w};
    map.bytes = (VkDeviceSize)h * (VkDeviceSize)w * (frame->fp16 ? 8 : 16);
    *total += align_up(frame, map.bytes);
    return map;
}

static bool in_is_work(const struct frame *frame)
{
    return frame->in_w == frame->work_w && frame->in_h == frame->work_h;
}

static bool work_is_out(const struct frame *frame)
{
    return frame->work_w == frame->out_w && frame->work_h == frame->out_h;
}

static bool in_is_out(const struct frame *frame)
{
    return frame->in_w == frame->out_w && frame->in_h == frame->out_h;
}

bool frame_is_plain(const struct frame *frame)
{
    return in_is_work(frame) && work_is_out(frame) && frame->net_input.bytes == 0;
}

static size_t table_floats(int n_in, int n_out)
{
    return (size_t)resample_vec4s(resample_taps(n_in, n_out)) * 4 * (size_t)n_out;
}

/* Places the two tables (horizontal, vertical) of a resampling at *bytes, which it
 * increases, and writes them where data is not NULL. */
static void add_tables(const struct frame *frame, const int from[2], const int to[2],
                       VkDeviceSize offset[2], VkDeviceSize *bytes, float *data)
{
    for (int i = 0; i < 2; i++) {
        offset[i] = *bytes;
        if (data)
            resample_table(from[i], to[i], data + *bytes / sizeof(float));
        *bytes += align_up(frame, table_floats(from[i], to[i]) * sizeof(float));
    }
}

static VkDeviceSize all_tables(struct frame *frame, float *data)
{
    const int in[] = {frame->in_w, frame->in_h}, work[] = {frame->work_w, frame->work_h};
    const int out[] = {frame->out_w, frame->out_h};
    VkDeviceSize bytes = 0;
    if (!in_is_work(frame))
        add_tables(frame, in, work, frame->table_in, &bytes, data);
    if (!work_is_out(frame))
        add_tables(frame, work, out, frame->table_out, &bytes, data);
    if (!in_is_out(frame) && !work_is_out(frame))
        add_tables(frame, in, out, frame->table_source, &bytes, data);
    return bytes;
}

static bool make_tables(struct frame *frame, struct daub_error *error)
{
    frame->table_bytes = all_tables(frame, NULL);
    float *data = daub_alloc((size_t)frame->table_bytes, 1);
    if (!data)
        return daub_no_memory(error, "resampling tables");
    all_tables(frame, data);
    bool ok = gpu_buffer_create(frame->device, GPU_MEMORY_DEVICE, frame->table_bytes,
                                "tables", &frame->tables, error) &&
              gpu_buffer_write(frame->device, &frame->tables, 0, data, frame->table_bytes,
                               error);
    free(data);
    return ok;
}

static bool known_meaning(const struct daub_format *f)
{
    return f->matrix <= DAUB_MATRIX_BT2020 && f->range <= DAUB_RANGE_FULL &&
           f->chroma <= DAUB_CHROMA_TOPLEFT;
}

static bool check_params(const struct daub_stylizer_params *p, struct daub_error *error)
{
    const int sizes[] = {p->in_width,    p->in_height, p->work_width,
                         p->work_height, p->out_width, p->out_height};
    for (int i = 0; i < 6; i++) {
        if (sizes[i] < (i < 2 ? 1 : 0) || sizes[i] > 16384)
            return daub_fail(
                error, DAUB_ERROR_ARGUMENT,
                "a picture of %d x %d cannot be painted; sides are 1 to 16384",
                sizes[i & ~1], sizes[i | 1]);
    }
    if (!image_layout(p->in.pixel) || (p->out.pixel && !image_layout(p->out.pixel)))
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "unknown pixel format %d",
                         image_layout(p->in.pixel) ? (int)p->out.pixel
                                                   : (int)p->in.pixel);
    if (!known_meaning(&p->in) || !known_meaning(&p->out) ||
        p->precision > DAUB_PRECISION_FP16 || p->temporal > DAUB_TEMPORAL_FLOW)
        return daub_fail(
            error, DAUB_ERROR_ARGUMENT,
            "unknown matrix, range, chroma position, precision or temporal mode");
    return true;
}

/* The working size rounded up to the alignment, at least 32 pixels: reflection padding
 * must be shorter than the side that it reflects. */
static int net_side(int side, int alignment)
{
    int rounded = (side + alignment - 1) / alignment * alignment;
    return rounded < 32 ? (32 + alignment - 1) / alignment * alignment : rounded;
}

bool frame_init(struct frame *frame, struct daub_device *device, enum gpu_kernels kernels,
                bool fp16, const struct daub_stylizer_params *p, int alignment,
                int channels, const struct plan_range *range, struct daub_error *error)
{
    memset(frame, 0, sizeof(*frame));
    if (!check_params(p, error))
        return false;
    frame->device = device;
    frame->kernels = kernels;
    frame->fp16 = fp16;
    frame->only_cuts = p->only_cuts;
    frame->range = *range;
    frame->in_w = p->in_width;
    frame->in_h = p->in_height;
    frame->work_w = p->work_width ? p->work_width : p->in_width;
    frame->work_h = p->work_height ? p->work_height : p->in_height;
    frame->out_w = p->out_width ? p->out_width : p->in_width;
    frame->out_h = p->out_height ? p->out_height : p->in_height;
    frame->net_w = net_side(frame->work_w, alignment);
    frame->net_h = net_side(frame->work_h, alignment);
    frame->in = image_defaults(p->in, frame->in_h);
    frame->out = p->out.pixel ? image_defaults(p->out, frame->out_h) : frame->in;

    VkDeviceSize total = 0, picture = 0;
    frame->picture_map = add_map(frame, &picture, frame->net_h, frame->net_w);
    if (!in_is_work(frame)) {
        frame->source = add_map(frame, &total, frame->in_h, frame->in_w);
        frame->half = add_map(frame, &total, frame->in_h, frame->work_w);
    }
    if (!work_is_out(frame)) {
        frame->work_half = add_map(frame, &total, frame->work_h, frame->out_w);
        frame->painted = add_map(frame, &total, frame->out_h, frame->out_w);
    }
    if (!in_is_out(frame) && !work_is_out(frame)) {
        struct frame_map half = add_map(frame, &total, frame->in_h, frame->out_w);
        if (half.bytes > frame->half.bytes)
            frame->half.offset = half.offset, frame->half.bytes = half.bytes;
        frame->source_out = add_map(frame, &total, frame->out_h, frame->out_w);
    }
    if (gpu_buffer_create(device, GPU_MEMORY_DEVICE, total, "frame maps", &frame->maps,
                          error) &&
        gpu_buffer_create(device, GPU_MEMORY_DEVICE, picture, "picture", &frame->picture,
                          error) &&
        (channels == 3 ||
         gpu_buffer_create(device, GPU_MEMORY_DEVICE, 2 * frame->picture_map.bytes,
                           "network input", &frame->net_input, error)) &&
        make_tables(frame, error))
        return true;
    frame_free(frame);
    return false;
}

void frame_free(struct frame *frame)
{
    if (!frame->device)
        return;
    gpu_buffer_free(frame->device, &frame->maps);
    gpu_buffer_free(frame->device, &frame->picture);
    gpu_buffer_free(frame->device, &frame->net_input);
    gpu_buffer_free(frame->device, &frame->tables);
    memset(frame, 0, sizeof(*frame));
}

bool frame_slot_init(struct frame *frame, struct exec *exec, struct frame_slot *slot,
                     struct daub_error *error)
{
    const struct image_layout *in = image_layout(frame->in.pixel);
    const struct image_layout *out = image_layout(frame->out.pixel);
    memset(slot, 0, sizeof(*slot));
    return gpu_buffer_create(
               frame->device, GPU_MEMORY_UPLOAD,
               image_packed_offset(in, in->planes, frame->in_w, frame->in_h), "upload",
               &slot->upload, error) &&
           gpu_buffer_create(
               frame->device, GPU_MEMORY_DOWNLOAD,
               image_packed_offset(out, out->planes, frame->out_w, frame->out_h),
               "download", &slot->download, error) &&
           gpu_buffer_create(frame->device, GPU_MEMORY_UPLOAD,
                             sizeof(struct frame_params), "frame parameters",
                             &slot->frame_params, error) &&
           gpu_buffer_create(frame->device, GPU_MEMORY_DOWNLOAD,
                             sizeof(struct temporal_report), "report", &slot->report,
                             error) &&
           exec_create_params(exec, &slot->params, error);
}

void frame_slot_free(struct frame *frame, struct frame_slot *slot)
{
    gpu_buffer_free(frame->device, &slot->upload);
    gpu_buffer_free(frame->device, &slot->download);
    gpu_buffer_free(frame->device, &slot->frame_params);
    gpu_buffer_free(frame->device, &slot->report);
    gpu_buffer_free(frame->device, &slot->params);
}

/* ---- dispatches ---- */

struct builder {
    struct frame *frame;
    struct exec *exec;
    struct frame_slot *slot;
    struct dispatch_list *list;
    struct daub_error *error;
};

static struct dispatch_binding whole(const struct gpu_buffer *buffer)
{
    return (struct dispatch_binding){buffer, 0, buffer->bytes};
}

static struct dispatch_binding map_binding(const struct frame *frame,
                                           const struct frame_map *map)
{
    bool picture = map == &frame->picture_map;
    return (struct dispatch_binding){picture ? &frame->picture : &frame->maps,
                                     map->offset, map->bytes};
}

static bool add(struct builder *b, struct kernel_constants *constants,
                const struct dispatch_binding bindings[SLOT_COUNT], struct dispatch *item,
                int columns, int rows)
{
    return dispatch_list_add_map(b->list, b->frame->fp16, constants, bindings, item,
                                 columns, rows, 1, b->error);
}

static bool add_frame_in(struct builder *b, struct frame_map *to)
{
    const struct frame *frame = b->frame;
    const struct image_layout *in = image_layout(frame->in.pixel);
    struct dispatch_binding bindings[SLOT_COUNT] = {0};
    struct dispatch item = {.name = "decode frame", .kernel = KERNEL_FRAME_IN};
    struct kernel_constants constants = kernel_default_constants();
    struct image_color color;
    image_color(&frame->in, &color);
    const struct image_component *c = in->component;
    const struct plan *plan = b->exec->plan;
    constants.own.frame_in =
        (struct frame_in_constants){.WIDE = in->bytes == 2,
                                    .SHIFT = in->shift,
                                    .COMPONENTS = in->components,
                                    .SUB_X = in->sub_x,
                                    .SUB_Y = in->sub_y,
                                    .CENTER_X = frame->in.chroma == DAUB_CHROMA_CENTER,
                                    .CENTER_Y = frame->in.chroma != DAUB_CHROMA_TOPLEFT,
                                    .STEP_0 = c[0].step,
                                    .STEP_C = c[1].step,
                                    .ONE = (float)((1 << in->depth) - 1),
                                    .BLOCK = plan->input_block,
                                    .CRD = plan->input_crd};
    struct frame_in_push *push = &item.push.frame_in;
    *push = (struct frame_in_push){
        .w = frame->in_w, .h = frame->in_h, .out_w = to->w, .out_h = to->h};
    for (int i = 0; i < in->components; i++)
        push->base[i] =
            (int)(image_packed_offset(in, c[i].plane, frame->in_w, frame->in_h) /
                      (size_t)in->bytes +
                  (size_t)c[i].offset);
    for (int i = 0; i < 2 && i < in->components; i++)
        push->stride[i] =
            (int)(image_packed_stride(in, c[i].plane, frame->in_w) / (size_t)in->bytes);
    memcpy(push->offset, color.to_rgb_offset, sizeof(push->offset));
    memcpy(push->matrix, color.to_rgb, sizeof(push->matrix));
    bindings[FRAME_IN_PLANES] = whole(&b->slot->upload);
    bindings[FRAME_IN_PICTURE] = map_binding(frame, to);
    return add(b, &constants, bindings, &item, to->w / plan->input_block,
               to->h / plan->input_block);
}

/* An input of a kernel: one of the frame's maps, or the painting with its pending view.
 */
struct reading {
    struct dispatch_binding map, affine;
    const struct plan_view *view; /* NULL: nothing pending */
    int h, w, stride;
    int block; /* layout, as in painting.glsl */
    bool crd;
    struct plan_range range; /* of its values */
};

static struct reading read_map(const struct frame *frame, const struct frame_map *map,
                               int h, int w)
{
    return (struct reading){.map = map_binding(frame, map),
                            .h = h,
                            .w = w,
                            .stride = map->w,
                            .block = 1,
                            .range = {1, 0}};
}

static struct reading read_painting(const struct builder *b)
{
    const struct plan *plan = b->exec->plan;
    const struct plan_view *view = &plan->output;
    const struct plan_tensor *t = &plan->tensors[view->tensor];
    struct reading reading = {.view = view,
                              .h = b->frame->work_h,
                              .w = b->frame->work_w,
                              .stride = t->w * plan->output_block,
                              .block = plan->output_block,
                              .crd = plan->output_crd,
                              .range = b->frame->range};
    reading.map =
        (struct dispatch_binding){t->external ? &b->frame->picture : &b->exec->arena,
                                  t->external ? 0 : t->offset, t->bytes};
    if (view->affine_tensor >= 0) {
        const struct plan_tensor *a = &plan->tensors[view->affine_tensor];
        reading.affine = (struct dispatch_binding){&b->exec->arena, a->offset, a->bytes};
    } else if (view->affine_param >= 0) {
        reading.affine =
            (struct dispatch_binding){&b->slot->params, (VkDeviceSize)view->affine_param,
                                      ((VkDeviceSize)t->c + 3) / 4 * 32};
    }
    return reading;
}

static void bind_reading(const struct reading *reading,
                         struct kernel_constants *constants,
                         struct dispatch_binding *bindings)
{
    bindings[SLOT_INPUT0] = reading->map;
    bindings[SLOT_AFFINE0] = reading->affine;
    if (!reading->view)
        return;
    constants->V0_AFFINE = reading->affine.buffer != NULL;
    constants->V0_ACT = reading->view->act;
    constants->V0_ALPHA = reading->view->alpha;
    constants->V0_BETA = reading->view->beta;
}

/* Resamples in one direction, to w x h in a tensor of the map's size. */
static bool add_scale_pass(struct builder *b, const struct reading *from,
                           const struct frame_map *to, bool vertical, int w, int h,
                           VkDeviceSize table)
{
    struct dispatch_binding bindings[SLOT_COUNT] = {0};
    struct dispatch item = {.kernel = KERNEL_SCALE};
    struct kernel_constants constants = kernel_default_constants();
    int n_in = vertical ? from->h : from->w, n_out = vertical ? h : w;
    snprintf(item.name, sizeof(item.name), "scale %s", vertical ? "rows" : "columns");
    constants.own.scale = (struct scale_constants){.TAPS = resample_taps(n_in, n_out),
                                                   .VERTICAL = vertical};
    bind_reading(from, &constants, bindings);
    bindings[SLOT_PARAMS] = (struct dispatch_binding){
        &b->frame->tables, table, table_floats(n_in, n_out) * sizeof(float)};
    bindings[SLOT_OUTPUT] = map_binding(b->frame, to);
    item.push.scale = (struct scale_push){.in_h = from->h,
                                          .in_w = from->w,
                                          .in_stride = from->stride,
                                          .h = h,
                                          .w = w,
                                          .out_h = to->h,
                                          .out_w = to->w};
    return add(b, &constants, bindings, &item, to->w, to->h);
}

static bool add_scale(struct builder *b, const struct reading *from,
                      struct frame_map *half, const struct frame_map *to, int w, int h,
                      const VkDeviceSize table[2])
{
    half->h = from->h;
    half->w = w;
    struct reading middle = read_map(b->frame, half, half->h, w);
    return add_scale_pass(b, from, half, false, w, half->h, table[0]) &&
           add_scale_pass(b, &middle, to, true, w, h, table[1]);
}

#define PLANE_ENUM(name, number) PLANE_##name = (number),
enum plane_kind { PLANES(PLANE_ENUM) };

#define COLOR_MODE_ASSERT(name, number)                                                  \
    _Static_assert((int)DAUB_COLOR_##name == (number), "color modes of the kernels");
COLOR_MODES(COLOR_MODE_ASSERT)

/* FRAME_OUT's ORDER: the component of each sample of a packed group of pixels. */
static int packed_order(const struct image_layout *out)
{
    int order = out->alpha_offset >= 0 ? 3 << (2 * out->alpha_offset) : 0;
    for (int i = 0; i < 3; i++)
        order |= i << (2 * out->component[i].offset);
    return order;
}

static const float bt709[] = {0.2126f, 0.7152f, 0.0722f};

/* Layout and meaning of the plane's samples. */
static struct frame_out_constants plane_constants(const struct builder *b,
                                                  enum plane_kind kind, int component)
{
    const struct frame *frame = b->frame;
    const struct image_layout *out = image_layout(frame->out.pixel);
    const struct plan *plan = b->exec->plan;
    bool chroma = component > 0 && !out->rgb, packed = kind == PLANE_PACKED;
    return (struct frame_out_constants){
        .KIND = (int)kind,
        .WIDE = out->bytes == 2,
        .SHIFT = out->shift,
        .SUB_X = chroma || packed ? out->sub_x : 0,
        .SUB_Y = chroma ? out->sub_y : 0,
        .CENTER_X = frame->out.chroma == DAUB_CHROMA_CENTER,
        .CENTER_Y = frame->out.chroma != DAUB_CHROMA_TOPLEFT,
        .COMPONENT = component,
        .STEP = packed ? out->component[out->sub_x ? 1 : 0].step : 1,
        .ORDER = packed ? packed_order(out) : 0,
        .GROUP_X = packed ? out->sub_x : 0,
        .ONE = (float)((1 << out->depth) - 1),
        .SOURCE_BLOCK = plan->input_block,
        .SOURCE_CRD = plan->input_crd,
    };
}

static void set_colors(const struct frame *frame, struct frame_out_push *push)
{
    struct image_color color;
    image_color(&frame->out, &color);
    memcpy(push->offset, color.from_rgb_offset, sizeof(push->offset));
    memcpy(push->matrix, color.from_rgb, sizeof(push->matrix));
    /* The luma weights of the output's matrix, so that color modes that keep luma do not
     * change its codes. */
    const float *row = color.from_rgb[0], sum = row[0] + row[1] + row[2];
    for (int i = 0; i < 3; i++)
        push->luma[i] = image_layout(frame->out.pixel)->rgb ? bt709[i] : row[i] / sum;
}

static bool add_plane(struct builder *b, enum plane_kind kind, int component, int plane,
                      const struct reading *painting, const struct reading *source)
{
    const struct frame *frame = b->frame;
    const struct image_layout *out = image_layout(frame->out.pixel);
    struct dispatch_binding bindings[SLOT_COUNT] = {0};
    struct dispatch item = {.name = "encode plane", .kernel = KERNEL_FRAME_OUT};
    struct kernel_constants constants = kernel_default_constants();
    int rows = 0, words = (int)(image_packed_stride(out, plane, frame->out_w) / 4);
    size_t row_bytes;
    daub_pixel_plane_size(out->pixel, plane, frame->out_w, frame->out_h, &row_bytes,
                          &rows);
    bind_reading(painting, &constants, bindings);
    constants.PAINTED_BLOCK = painting->block;
    constants.PAINTED_CRD = painting->crd;
    struct frame_out_constants *own = &constants.own.frame_out;
    *own = plane_constants(b, kind, component);
    bindings[FRAME_OUT_SOURCE] = source->map;
    bindings[FRAME_OUT_PARAMS] = whole(&b->slot->frame_params);
    bindings[FRAME_OUT_PLANE] = whole(&b->slot->download);
    bindings[FRAME_OUT_PLANE_2] = bindings[FRAME_OUT_PLANE];
    item.push.frame_out = (struct frame_out_push){
        .w = (frame->out_w + (1 << own->SUB_X) - 1) >> own->SUB_X,
        .h = rows,
        .picture_w = frame->out_w,
        .picture_h = frame->out_h,
        .painted_stride = painting->stride,
        .source_stride = source->stride,
        .words = (int)(image_packed_offset(out, plane, frame->out_w, frame->out_h) / 4),
        .row_words = words,
        .scale = 1.0f / painting->range.scale,
        .shift = -painting->range.shift / painting->range.scale,
    };
    if (kind == PLANE_PAIR)
        item.push.frame_out.words_2 =
            (int)(image_packed_offset(out, plane + 1, frame->out_w, frame->out_h) / 4);
    set_colors(frame, &item.push.frame_out);
    return add(b, &constants, bindings, &item, words, rows);
}

static bool add_frame_out(struct builder *b, const struct reading *painting,
                          const struct reading *source)
{
    const struct image_layout *out = image_layout(b->frame->out.pixel);
    if (out->planes == 1 && out->components == 3)
        return add_plane(b, PLANE_PACKED, 0, 0, painting, source);
    if (out->components == 1 || out->rgb) {
        for (int i = 0; i < out->components; i++) {
            if (!add_plane(b, PLANE_SINGLE, i, out->component[i].plane, painting, source))
                return false;
        }
        return true;
    }
    enum plane_kind chroma = out->planes == 2 ? PLANE_INTERLEAVED : PLANE_PAIR;
    return add_plane(b, PLANE_SINGLE, 0, 0, painting, source) &&
           add_plane(b, chroma, 1, 1, painting, source);
}

static bool add_flow(struct builder *b, const struct temporal *temporal, int parity)
{
    const struct plan *plan = b->exec->plan;
    const struct frame_map *map = &b->frame->picture_map;
    struct flow_picture picture = {.map = map_binding(b->frame, map),
                                   .columns = map->w / plan->input_block,
                                   .rows = map->h / plan->input_block,
                                   .block = plan->input_block,
                                   .crd = plan->input_crd};
    return (b->frame->only_cuts ? temporal_append_cuts : temporal_append_flow)(
        temporal, b->list, parity, &picture, &b->slot->frame_params, &b->slot->report,
        b->error);
}

static bool add_net(struct builder *b, const struct temporal *temporal, int parity)
{
    struct frame *frame = b->frame;
    const struct gpu_buffer *input = &frame->picture;
    if (frame->net_input.bytes > 0) {
        struct dispatch_binding picture = map_binding(frame, &frame->picture_map);
        struct dispatch_binding result = whole(&frame->net_input);
        if (!temporal_append_input(temporal, b->list, frame->fp16, parity, &picture,
                                   &result, frame->net_w, frame->net_h, &frame->range,
                                   b->error))
            return false;
        input = &frame->net_input;
    }
    size_t first = b->list->count;
    if (!exec_append(b->exec, b->list, &b->slot->params, input, &b->slot->frame_params,
                     b->error))
        return false;
    if (b->list->count > first)
        b->list->items[first].barrier = true;
    return true;
}

/* Replaces the painting by the output of the temporal stage. */
static bool add_blend(struct builder *b, const struct temporal *temporal, int parity,
                      struct reading *painting)
{
    struct temporal_painting painted = {.map = painting->map,
                                        .affine = painting->affine,
                                        .view = painting->view,
                                        .stride = painting->stride,
                                        .block = painting->block,
                                        .crd = painting->crd,
                                        .copy = b->frame->net_input.bytes > 0,
                                        .range = painting->range};
    if (!temporal_append_blend(temporal, b->list, parity, &painted, b->error))
        return false;
    *painting = (struct reading){.map = temporal_output(temporal, parity),
                                 .h = temporal->h,
                                 .w = temporal->w,
                                 .stride = temporal->w,
                                 .block = 1,
                                 .range = {1, 0}};
    return true;
}

bool frame_append(struct frame *frame, struct exec *exec, struct temporal *temporal,
                  int parity, struct frame_slot *slot, struct dispatch_list *list,
                  struct daub_error *error)
{
    struct builder b = {frame, exec, slot, list, error};
    struct frame_map *picture = &frame->picture_map;
    bool same_in = in_is_work(frame);
    struct frame_map *source_map = same_in ? picture : &frame->source;
    struct reading source = read_map(frame, source_map, frame->in_h, frame->in_w);
    if (!add_frame_in(&b, source_map))
        return false;
    if (!same_in && !add_scale(&b, &source, &frame->half, picture, frame->work_w,
                               frame->work_h, frame->table_in))
        return false;
    if (temporal && !add_flow(&b, temporal, parity))
        return false;
    if (frame->only_cuts)
        return true;
    if (!add_net(&b, temporal, parity))
        return false;
    struct reading painting = read_painting(&b);
    if (temporal && !add_blend(&b, temporal, parity, &painting))
        return false;
    if (work_is_out(frame)) {
        if (!in_is_out(frame))
            source = read_map(frame, picture, frame->work_h, frame->work_w);
        return add_frame_out(&b, &painting, &source);
    }
    if (!add_scale(&b, &painting, &frame->work_half, &frame->painted, frame->out_w,
                   frame->out_h, frame->table_out))
        return false;
    struct plan_range range = painting.range;
    painting = read_map(frame, &frame->painted, frame->out_h, frame->out_w);
    painting.range = range;
    if (!in_is_out(frame)) {
        if (!add_scale(&b, &source, &frame->half, &frame->source_out, frame->out_w,
                       frame->out_h, frame->table_source))
            return false;
        source = read_map(frame, &frame->source_out, frame->out_h, frame->out_w);
    }
    return add_frame_out(&b, &painting, &source);
}

/* ---- copies ---- */

static void copy_planes(const struct image_layout *layout, int width, int height,
                        unsigned char *packed, const struct daub_image *image, bool put)
{
    for (int p = 0; p < layout->planes; p++) {
        size_t row_bytes, stride = image_packed_stride(layout, p, width);
        int rows;
        daub_pixel_plane_size(layout->pixel, p, width, height, &row_bytes, &rows);
        unsigned char *mine = packed + image_packed_offset(layout, p, width, height);
        unsigned char *theirs = image->plane[p];
        for (int y = 0; y < rows; y++) {
            unsigned char *a = mine + (size_t)y * stride;
            unsigned char *c = theirs + (ptrdiff_t)y * image->stride[p];
            memcpy(put ? a : c, put ? c : a, row_bytes);
        }
    }
}

void frame_put(const struct frame *frame, struct frame_slot *slot,
               const struct daub_image *image)
{
    copy_planes(image_layout(frame->in.pixel), frame->in_w, frame->in_h,
                slot->upload.mapped, image, true);
}

void frame_get(const struct frame *frame, const struct frame_slot *slot,
               struct daub_image *image)
{
    copy_planes(image_layout(frame->out.pixel), frame->out_w, frame->out_h,
                slot->download.mapped, image, false);
}
