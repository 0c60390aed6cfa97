/* The whole public interface of libdaub:
 *
 *     daub_device_open -> daub_model_load -> daub_stylizer_create
 *     -> submit / receive ... -> free in the opposite order
 */
#ifndef DAUB_DAUB_H
#define DAUB_DAUB_H

#include <daub/device.h>
#include <daub/flow.h>
#include <daub/image.h>
#include <daub/log.h>
#include <daub/model.h>
#include <daub/status.h>
#include <daub/stylizer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the library, "MAJOR.MINOR.PATCH". */
DAUB_API const char *daub_version(void);

#ifdef __cplusplus
}
#endif
#endif
