/* Monotonic time and running statistics. */
#ifndef DAUB_UTIL_CLOCK_H
#define DAUB_UTIL_CLOCK_H

#include <stdint.h>

/* Microseconds since some fixed moment; never goes back. Thread-safe. */
int64_t daub_clock_us(void);

struct daub_stats {
    uint64_t count;
    double last, min, max;
    double mean;
    double squares; /* sum of squared distances from the mean */
};

/* Welford's method: no cancellation over millions of samples. */
void daub_stats_add(struct daub_stats *stats, double sample);
/* Standard deviation of the samples; 0 below two of them. */
double daub_stats_deviation(const struct daub_stats *stats);

#endif
