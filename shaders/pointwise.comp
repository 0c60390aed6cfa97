#version 450
// Element by element: out = post(view0 OP view1). Runs whatever views are left pending,
// residual sums (in place where the plan allows it) and broadcasting binaries.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

TENSOR_IN(1, x1);
FLOATS_IN(3, affine1);
FLOATS_IN(5, slopes); // [c] of PRELU
TENSOR_OUT(6, y0);

layout(constant_id = 1) const int OP = 0; // 0: view0 alone, else enum net_binary
// Which axes of an operand have one element: 1 H, 2 W, 4 C.
layout(constant_id = 2) const int BROADCAST0 = 0;
layout(constant_id = 3) const int BROADCAST1 = 0;
layout(constant_id = 24) const int V1_AFFINE = 0;
layout(constant_id = 25) const int V1_ACT = 1;
layout(constant_id = 26) const float V1_ALPHA = 0.0;
layout(constant_id = 27) const float V1_BETA = 0.0;
layout(constant_id = 28) const int ACT = 1;
layout(constant_id = 29) const float ALPHA = 0.0;
layout(constant_id = 30) const float BETA = 0.0;

layout(push_constant) uniform Push {
    int h, w, c4, channels;
    int c_step; // channel blocks an invocation makes
    int rows;   // rows an invocation makes
} push;

int element(int broadcast, int y, int x, int c)
{
    const int w = (broadcast & 2) != 0 ? 1 : push.w;
    const int c4 = (broadcast & 4) != 0 ? 1 : push.c4;
    y = (broadcast & 1) != 0 ? 0 : y;
    x = (broadcast & 2) != 0 ? 0 : x;
    c = (broadcast & 4) != 0 ? 0 : c;
    return (y * w + x) * c4 + c;
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x);
    const int first = int(gl_WorkGroupID.z) * push.c_step;
    const int last = min(first + push.c_step, push.c4);
    if (x >= push.w)
        return;
    for (int c = first; c < last; c++) {
        const Affine f0 = load_affine0((BROADCAST0 & 4) != 0 ? 0 : c);
        const int c1 = (BROADCAST1 & 4) != 0 ? 0 : c;
        Affine f1 = Affine(vec4(1.0), vec4(0.0));
        if (V1_AFFINE != 0)
            f1 = Affine(LOAD_FLOAT(affine1, 2 * c1), LOAD_FLOAT(affine1, 2 * c1 + 1));
        vec4 slope = vec4(0.0);
        if (ACT == ACT_PRELU)
            slope = LOAD_FLOAT(slopes, c);
        // Channels past the last stay zero whatever OP makes of them.
        const vec4 used = vec4(lessThan(ivec4(4 * c) + ivec4(0, 1, 2, 3), ivec4(push.channels)));
        for (int r = 0; r < push.rows; r++) {
            const int y = min(int(gl_WorkGroupID.y) * push.rows + r, push.h - 1);
            // A view belongs to the operand's own channels: applied before they spread.
            vec4 a = apply0(f0, LOAD(x0, element(BROADCAST0, y, x, c)));
            if ((BROADCAST0 & 4) != 0)
                a = a.xxxx;
            if (OP != 0) {
                vec4 b = LOAD(x1, element(BROADCAST1, y, x, c));
                if (V1_AFFINE != 0)
                    b = f1.a * b + f1.b;
                b = activate(V1_ACT, V1_ALPHA, V1_BETA, vec4(0.0), b);
                if ((BROADCAST1 & 4) != 0)
                    b = b.xxxx;
                if (OP == 1)
                    a += b;
                else if (OP == 2)
                    a -= b;
                else if (OP == 3)
                    a *= b;
                else
                    a = a / mix(vec4(1.0), b, notEqual(used, vec4(0.0)));
            }
            a = activate(ACT, ALPHA, BETA, slope, a) * used;
            // Repeating the last row is idempotent but for an update in place.
            if (int(gl_WorkGroupID.y) * push.rows + r < push.h)
                STORE(y0, (y * push.w + x) * push.c4 + c, a);
        }
    }
}
