#include "util/clock.h"

#include <math.h>
#include <time.h>

int64_t daub_clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void daub_stats_add(struct daub_stats *stats, double sample)
{
    stats->count++;
    stats->last = sample;
    if (stats->count == 1 || sample < stats->min)
        stats->min = sample;
    if (stats->count == 1 || sample > stats->max)
        stats->max = sample;
    double distance = sample - stats->mean;
    stats->mean += distance / (double)stats->count;
    stats->squares += distance * (sample - stats->mean);
}

double daub_stats_deviation(const struct daub_stats *stats)
{
    return stats->count > 1 ? sqrt(stats->squares / (double)(stats->count - 1)) : 0;
}
