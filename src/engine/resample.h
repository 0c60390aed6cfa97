/* Weight tables of separable resampling. */
#ifndef DAUB_ENGINE_RESAMPLE_H
#define DAUB_ENGINE_RESAMPLE_H

/* Taps of a table from n_in to n_out samples. */
int resample_taps(int n_in, int n_out);
/* vec4s of one output index, and the table's floats: n_out * vec4s * 4. Layout as
 * shaders/scale.comp reads it: first input index, then the weights (sum 1). Catmull-Rom
 * cubic (Keys 1981, a = -1/2), widened when shrinking so that nothing aliases. */
int resample_vec4s(int taps);
void resample_table(int n_in, int n_out, float *table);

#endif
