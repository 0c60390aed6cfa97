#version 450
// Exact backward flow of the sample scene at pixel centres, from the known motion of the
// camera and of every body: pixel x of frame `now` shows the point that frame `before`
// shows at x + flow. The third number is 1 where that point is inside frame `before`
// and nothing stands before it there, else 0.
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 8, local_size_y = 8) in;
layout(set = 0, binding = 0, std430) writeonly buffer Flow { float data[]; } flow;
layout(push_constant) uniform Push {
    int width, height;
    float now, before; // s
} push;
#include "scene.glsl"

void main()
{
    const ivec2 at = ivec2(gl_GlobalInvocationID.xy);
    if (at.x >= push.width || at.y >= push.height)
        return;
    const vec2 size = vec2(push.width, push.height), pixel = vec2(at) + 0.5;
    pose_all(push.now);
    const vec3 direction = pixel_ray(pixel, size);
    const Hit hit = trace(camera.at, direction);
    const int body = hit.id == SKY ? WORLD : hit.id / BODY;
    const vec3 point = to_body(body, camera.at + direction * hit.distance);

    pose_all(push.before);
    const vec3 ray = hit.id == SKY ? direction : to_world(body, point) - camera.at;
    const vec2 source = ray_pixel(ray, size);
    const Hit seen = trace(camera.at, normalize(ray));
    bool visible = all(greaterThanEqual(source, vec2(0.0))) &&
                   all(lessThanEqual(source, size)) &&
                   dot(ray, camera.turn[2]) > 0.0;
    if (hit.id == SKY)
        visible = visible && seen.id == SKY;
    else // the tracing tolerance of scene(), seen at a slant
        visible = visible && seen.id / BODY == body &&
                  abs(seen.distance - length(ray)) < 0.02 + 0.01 * length(ray);
    const int i = 3 * (at.y * push.width + at.x);
    flow.data[i] = source.x - pixel.x;
    flow.data[i + 1] = source.y - pixel.y;
    flow.data[i + 2] = visible ? 1.0 : 0.0;
}
