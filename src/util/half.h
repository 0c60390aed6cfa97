/* IEEE 754 binary16 as the 16 bits that files and kernels hold. */
#ifndef DAUB_UTIL_HALF_H
#define DAUB_UTIL_HALF_H

#include <stdint.h>

/* The nearest half, ties to even; infinity from 65520 on, subnormals below 2^-14. */
uint16_t daub_float_to_half(float x);
/* Exact. */
float daub_half_to_float(uint16_t half);

#endif
