/* The golden check: whether a device computes what the reference does. */
#ifndef DAUB_ENGINE_CHECK_H
#define DAUB_ENGINE_CHECK_H

#include <daub/stylizer.h>

#include "engine/model.h"
#include "gpu/gpu.h"
#include "net/ref.h"

/* Least agreement with the C reference on the golden picture, in dB of the network's
 * value range. Set by hand, not measured.
 */
#define CHECK_FP32_DB 50.0
#define CHECK_FP16_DB 36.0

/* Paints a small golden picture with the model and compares it with the C reference;
 * *psnr is in dB of the model's value range, infinite where equal, NaN where the device
 * gave NaN. */
bool check_golden(struct daub_device *device, const struct daub_model *model,
                  enum gpu_kernels kernels, bool fp16, double *psnr,
                  struct daub_error *error);

/* Runs the graph step by step at 32 bits and compares what each step wrote with ref,
 * which holds the results of all nodes. Steps whose result is no value of the graph
 * (statistics) are not visited. */
bool check_steps(struct daub_device *device, enum gpu_kernels kernels,
                 const struct net_graph *graph, const struct net_ref *ref,
                 const float *image, const float *style,
                 void (*visit)(const struct daub_checked_step *step, void *user),
                 void *user, struct daub_error *error);

/* The check of every stylizer. Once passed, it is not repeated for this device, driver,
 * build, model, kernel set and precision: that is kept on disk. Where 16 bits fail and
 * may_fall_back, *fp16 becomes false with a warning. False with DAUB_ERROR_WRONG_RESULTS
 * where the device paints wrongly. */
bool check_precision(struct daub_device *device, const struct daub_model *model,
                     enum gpu_kernels kernels, bool may_fall_back, bool *fp16,
                     struct daub_error *error);

#endif
