/* The commands; each returns an enum exit_code. */
#ifndef DAUB_APP_COMMANDS_H
#define DAUB_APP_COMMANDS_H

#include "app/exit_code.h"
#include "app/options.h"

int command_paint(const struct options *options);
int command_bench(const struct options *options);
int command_models(const struct options *options);
int command_model(const struct options *options);
int command_gallery(const struct options *options); /* of models --gallery */
int command_style(const struct options *options);
int command_metrics(const struct options *options);
int command_ctl(const struct options *options);
int command_devices(const struct options *options);
int command_doctor(const struct options *options);
int command_plan(const struct options *options);
int command_segment(const struct options *options);
int command_join(const struct options *options);
int command_farm(const struct options *options);
int command_film(const struct options *options); /* of painting with --segments */

/* Logs the error and returns its code. */
int command_fail(enum exit_code code, const struct daub_error *error);

/* The default model: standard on graphics cards with their own memory, lite on other
 * devices and where device is NULL. */
const char *command_default_model(const struct daub_device_info *device);

/* The boldness of the options, or the model's default. Says so where it has no effect. */
float command_boldness(const struct options *options,
                       const struct daub_model_info *model);

/* Gets what is told about compiling kernels, too. */
struct compiling_view {
    void (*show)(const char *line, void *user); /* NULL: nothing */
    void *user;
};
/* The device parameters that the options ask for. The view must outlive the device; NULL:
 * there is none. */
struct daub_device_params command_device_params(const struct options *options,
                                                struct compiling_view *view);
/* code, or DEVICE where the validation layer reported errors and code is DONE. */
int command_validated(const struct daub_device *device, int code);

/* Loads the model of that name with the options --model-range and --style-model. */
bool command_load_model(const struct options *options, const char *name,
                        struct daub_model **model, struct daub_error *error);
/* Opens the device and loads the model of the options; the caller frees both. Returns
 * DONE or the code of the failure, which was logged. */
enum exit_code command_open(const struct options *options, struct compiling_view *view,
                            struct daub_device **device, struct daub_model **model);

#endif
