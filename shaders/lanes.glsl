// Sums over the LANES of a subgroup that is a whole work-group. Shuffles with constant arguments
// are single instructions on processors. Loops have constant counts because drivers unroll no
// others.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require

float lane_sum(float x)
{
    [[unroll]] for (int k = 1; k <= 4; k++) {
        if ((LANES >> k) > 0)
            x += subgroupShuffleXor(x, uint(LANES >> k));
    }
    return x;
}
