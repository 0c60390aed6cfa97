#version 450
// A frame of the sample scene, samples x samples rays a pixel: rgb[y width + x] holds
// R, G, B in bits 0..23, sRGB.
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 8, local_size_y = 8) in;
layout(set = 0, binding = 0, std430) writeonly buffer Rgb { uint data[]; } rgb;
layout(push_constant) uniform Push {
    int width, height;
    int samples;
    float now; // s
} push;
#include "scene.glsl"
#include "scene_paint.glsl"

void main()
{
    const ivec2 at = ivec2(gl_GlobalInvocationID.xy);
    if (at.x >= push.width || at.y >= push.height)
        return;
    pose_all(push.now);
    const vec2 size = vec2(push.width, push.height);
    const float pixel_angle = 2.0 / (FOCAL * size.y);
    vec3 sum = vec3(0.0);
    for (int i = 0; i < push.samples * push.samples; i++) {
        const vec2 offset =
            (vec2(i % push.samples, i / push.samples) + 0.5) / float(push.samples);
        sum += display(shade(camera.at, pixel_ray(vec2(at) + offset, size), pixel_angle));
    }
    const uvec3 c = uvec3(sum / float(push.samples * push.samples) * 255.0 + 0.5);
    rgb.data[at.y * push.width + at.x] = c.r | c.g << 8 | c.b << 16;
}
