#include "engine/resample.h"

#include <math.h>

static double stretch(int n_in, int n_out)
{
    return n_in > n_out ? (double)n_in / n_out : 1.0;
}

int resample_taps(int n_in, int n_out)
{
    return (int)ceil(4.0 * stretch(n_in, n_out)) + 1;
}

int resample_vec4s(int taps)
{
    return (taps + 4) / 4;
}

static double cubic(double x)
{
    x = fabs(x);
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    if (x < 2)
        return ((-0.5 * x + 2.5) * x - 4) * x + 2;
    return 0;
}

void resample_table(int n_in, int n_out, float *table)
{
    double wide = stretch(n_in, n_out), ratio = (double)n_in / n_out;
    int taps = resample_taps(n_in, n_out), row = resample_vec4s(taps) * 4;
    for (int i = 0; i < n_out; i++) {
        float *to = table + (long)i * row;
        double center = (i + 0.5) * ratio - 0.5, sum = 0;
        int first = (int)ceil(center - 2 * wide);
        for (int k = 0; k < row; k++)
            to[k] = 0;
        to[0] = (float)first;
        for (int k = 0; k < taps; k++)
            sum += cubic((first + k - center) / wide);
        for (int k = 0; k < taps; k++)
            to[1 + k] = (float)(cubic((first + k - center) / wide) / sum);
    }
}
