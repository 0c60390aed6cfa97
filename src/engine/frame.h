/* The processing of one frame on the device: planes to the picture tensor, resampling to
 * the working size, network, temporal stage, resampling to the output's size, mixing with
 * the input, conversion to planes. */
#ifndef DAUB_ENGINE_FRAME_H
#define DAUB_ENGINE_FRAME_H

#include <daub/stylizer.h>

#include "engine/dispatch.h"
#include "engine/exec.h"
#include "engine/image.h"
#include "engine/temporal.h"

/* A [h][w] map of one vec4 a pixel inside struct frame's maps. */
struct frame_map {
    VkDeviceSize offset, bytes;
    int h, w; /* w is also the stride */
};

struct frame {
    struct daub_device *device;
    enum gpu_kernels kernels;
    bool fp16;
    bool only_cuts; /* of struct daub_stylizer_params */
    struct daub_format in, out;
    int in_w, in_h, work_w, work_h, net_w, net_h, out_w, out_h;
    struct plan_range range;
    struct gpu_buffer maps, tables, picture;
    struct gpu_buffer net_input; /* of a network of seven channels; else unused */
    struct frame_map source, half, work_half, painted, source_out;
    struct frame_map picture_map;
    VkDeviceSize table_in[2], table_out[2], table_source[2]; /* horizontal, vertical */
    VkDeviceSize table_bytes;
};

/* Frame parameters as the kernels read them: two vectors. */
struct frame_params {
    float strength, color, padding0[2];    /* color: enum daub_color_mode */
    float stability, restart, padding1[2]; /* restart: 1 to paint without history */
};

/* Buffers of one frame in flight, all mapped. */
struct frame_slot {
    struct gpu_buffer upload, download, params, frame_params, report;
};

/* Takes sizes and formats from params, with defaults filled in. net_w and net_h are the
 * working size rounded up to alignment. channels: that the model reads, 3 or 7. */
bool frame_init(struct frame *frame, struct daub_device *device, enum gpu_kernels kernels,
                bool fp16, const struct daub_stylizer_params *params, int alignment,
                int channels, const struct plan_range *range, struct daub_error *error);
void frame_free(struct frame *frame); /* accepts a zeroed one */

bool frame_slot_init(struct frame *frame, struct exec *exec, struct frame_slot *slot,
                     struct daub_error *error);
void frame_slot_free(struct frame *frame, struct frame_slot *slot);

/* Most dispatches that frame_append adds besides the plan's. */
#define FRAME_MAX_DISPATCHES (12 + TEMPORAL_MAX_DISPATCHES)
/* Appends all dispatches of a frame of that parity (frame number modulo 2) with slot's
 * buffers. temporal NULL: frames are painted without history. */
bool frame_append(struct frame *frame, struct exec *exec, struct temporal *temporal,
                  int parity, struct frame_slot *slot, struct dispatch_list *list,
                  struct daub_error *error);

/* Whether nothing is resampled between frame and network, so that the plan may use a
 * space-to-depth layout. */
bool frame_is_plain(const struct frame *frame);

/* Copies a picture into the upload buffer, or the download buffer into a picture. */
void frame_put(const struct frame *frame, struct frame_slot *slot,
               const struct daub_image *image);
void frame_get(const struct frame *frame, const struct frame_slot *slot,
               struct daub_image *image);

#endif
