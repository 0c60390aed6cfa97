// Maps of the optical flow. Each pyramid level keeps, for frames of both parities (frame number
// modulo 2),
//   quads   I(x, y), I(x + 1, y), I(x, y + 1), I(x + 1, y + 1): one load a bilinear sample
//   slopes  I, dI/dx, dI/dy, 0
// and fields of vectors in pixels of the level, u v in xy; two directions one after the other: 0
// backward flow (current to previous frame), 1 forward flow. Luma I is 0..1.
const int PATCH = 8, STRIDE = 4; // pixels

int patch_count(int n)
{
    return n <= PATCH ? 1 : (n - PATCH + STRIDE - 1) / STRIDE + 1;
}

// First pixel of patch p; the last patch ends at the edge of the picture.
int patch_origin(int p, int n)
{
    return max(min(p * STRIDE, n - PATCH), 0);
}
