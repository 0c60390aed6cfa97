/* Frames of the sample scene and their exact motion, computed by shaders/scene_*.comp. */
#ifndef SAMPLES_SCENE_RENDER_H
#define SAMPLES_SCENE_RENDER_H

#include "gpu/gpu.h"

#define SCENE_FPS    30
#define SCENE_FRAMES 180
#define SCENE_MAX    4096 /* pixels each way */

enum scene_shader { SCENE_COLOR = 0, SCENE_FLOW, SCENE_SHADERS };

struct scene_render {
    struct daub_device *device;
    int width, height;
    int samples;              /* rays each way a pixel of a colour frame */
    struct gpu_buffer pixels; /* 3 x 32 bits a pixel: room for a flow field */
    VkDescriptorPool pool;
    VkDescriptorSet set;
    VkPipeline pipelines[SCENE_SHADERS];
};

bool scene_render_init(struct scene_render *render, const char *device, int width,
                       int height, int samples, struct daub_error *error);
void scene_render_uninit(struct scene_render *render); /* accepts a zeroed one */

/* rgb: height x width x 3 bytes, sRGB. */
bool scene_render_color(struct scene_render *render, int frame, uint8_t *rgb,
                        struct daub_error *error);
/* Backward flow of frame, to the one before it. flow: height x width x 2, pixels (x, y);
 * mask: height x width, 255 where the pixel's point is visible in the frame before, else
 * 0 (hidden there or outside). */
bool scene_render_flow(struct scene_render *render, int frame, float *flow, uint8_t *mask,
                       struct daub_error *error);

#endif
