// A kernel's input as a view: the stored map x with a pending per-channel affine map (a, b of a
// normalization, or constants) and a pending activation. While loading, the kernel applies them:
// act(a x + b). Affine element 2c is a, 2c + 1 is b of channel block c.
TENSOR_IN(SLOT_INPUT0, x0);
FLOATS_IN(SLOT_AFFINE0, affine0);
VIEW0_CONSTANTS(DECLARE_CONSTANT)

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
