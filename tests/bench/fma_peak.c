/* Compiled once for each instruction set, as the host kernels are. */
#include "fma_peak.h"

#include "host/vec.h"

/* Independent chains: more than latency times units of any processor; with their two
 * factors they fit the registers of every set. */
#define CHAINS 12

double HOST(fma_peak)(int turns, float *sum)
{
    vec chain[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        chain[i] = vec_all((float)i);
    const vec factor = vec_all(*sum), term = vec_all(0.001f);
    for (int k = 0; k < turns; k++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            chain[i] = vec_mad(chain[i], factor, term);
    }
    for (int i = 1; i < CHAINS; i++)
        chain[0] += chain[i];
    *sum = chain[0][0];
    return 2.0 * CHAINS * VEC_FLOATS * turns;
}
