/* The public interface of libdaub. The order of calls:
 *
 *     daub_device_open, daub_model_load, daub_stylizer_create
 *     daub_stylizer_submit and daub_stylizer_receive for each frame
 *     daub_stylizer_free, daub_model_free, daub_device_close
 */
#ifndef DAUB_DAUB_H
#define DAUB_DAUB_H

#include <daub/device.h>
#include <daub/flow.h>
#include <daub/image.h>
#include <daub/log.h>
#include <daub/model.h>
#include <daub/signal.h>
#include <daub/status.h>
#include <daub/stylizer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, "MAJOR.MINOR.PATCH"; a constant string. Thread-safe. */
DAUB_API const char *daub_version(void);

#ifdef __cplusplus
}
#endif
#endif
