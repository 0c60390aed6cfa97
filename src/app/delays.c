#include "app/delays.h"

void delays_add(struct delays *delays, int64_t us)
{
    int64_t ms = us < 0 ? 0 : us / 1000;
    delays->of[ms < DELAYS ? ms : DELAYS - 1]++;
    delays->count++;
    delays->last_us = us < 0 ? 0 : us;
}

int delays_quantile(const struct delays *delays, double share)
{
    uint64_t below = 0;
    for (int ms = 0; ms < DELAYS; ms++) {
        below += delays->of[ms];
        if (delays->count && (double)below >= share * (double)delays->count)
            return ms;
    }
    return 0;
}
