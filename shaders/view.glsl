// A kernel's input as the plan hands it over: the stored map x with a pending per-channel
// affine map (an instance norm's a, b, or constants) and a pending activation, applied
// while loading: act(a x + b). Affine element 2c is a, 2c + 1 is b of channel block c.
TENSOR_IN(0, x0);
FLOATS_IN(2, affine0);
layout(constant_id = 20) const int V0_AFFINE = 0;
layout(constant_id = 21) const int V0_ACT = 1;
layout(constant_id = 22) const float V0_ALPHA = 0.0;
layout(constant_id = 23) const float V0_BETA = 0.0;

struct Affine { vec4 a, b; };

Affine load_affine0(int c)
{
    Affine f = Affine(vec4(1.0), vec4(0.0));
    if (V0_AFFINE != 0) {
        f.a = LOAD_FLOAT(affine0, 2 * c);
        f.b = LOAD_FLOAT(affine0, 2 * c + 1);
    }
    return f;
}

vec4 apply0(Affine f, vec4 x)
{
    if (V0_AFFINE != 0)
        x = f.a * x + f.b;
    return activate(V0_ACT, V0_ALPHA, V0_BETA, vec4(0.0), x);
}
