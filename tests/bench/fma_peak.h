/* The most multiply-adds that a core makes: a loop that reads and writes registers only.
 */
#ifndef DAUB_TESTS_FMA_PEAK_H
#define DAUB_TESTS_FMA_PEAK_H

/* Runs the loop and returns its floating-point operations. sum: a factor below 1, and the
 * result, so that the loop is not left out. */
double fma_peak_generic(int turns, float *sum);
double fma_peak_avx2(int turns, float *sum);
double fma_peak_avx512(int turns, float *sum);

#endif
