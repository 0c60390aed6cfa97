/* paint_image IN.ppm OUT.ppm [MODEL [STYLE]]: paints one picture with libdaub. */
#include <daub/daub.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(struct daub_error *error, const char *cause, const char *name)
{
    snprintf(error->message, sizeof(error->message), "%s: %s", name, cause);
    return 0;
}

static int read_ppm(const char *path, struct daub_image *image, struct daub_error *error)
{
    int *w = &image->width, *h = &image->height, max = 0;
    char hash[2];
    FILE *file = fopen(path, "rb");
    int ok = file && getc(file) == 'P' && getc(file) == '6';
    while (ok && fscanf(file, " %1[#]%*[^\n]", hash) == 1)
        continue; /* comments */
    ok = ok && fscanf(file, "%5d %5d %5d", w, h, &max) == 3 && *w > 0 && *h > 0 &&
         max == 255 && getc(file) != EOF;
    size_t row = 3 * (size_t)*w, rows = (size_t)*h;
    image->stride[0] = (ptrdiff_t)row;
    image->plane[0] = ok ? calloc(rows, row) : NULL;
    ok = image->plane[0] && fread(image->plane[0], row, rows, file) == rows;
    return (file && fclose(file) == 0 && ok) || fail(error, "not 8-bit PPM (P6)", path);
}

static int write_ppm(const char *path, struct daub_image *image, struct daub_error *error)
{
    size_t size = (size_t)image->stride[0] * (size_t)image->height;
    FILE *file = fopen(path, "wb");
    int ok = file && fprintf(file, "P6\n%d %d\n255\n", image->width, image->height) > 0 &&
             fwrite(image->plane[0], 1, size, file) == size;
    return (file && fclose(file) == 0 && ok) || fail(error, "cannot be written", path);
}

/* Points frame_params at weights that choose one style of the model by name. */
static int choose_style(const struct daub_model *model, const char *name,
                        struct daub_frame_params *frame_params, struct daub_error *error)
{
    const struct daub_model_info *info = daub_model_get_info(model);
    float *weights = calloc((size_t)info->weight_count + 1, sizeof(float));
    frame_params->style = weights;
    for (struct daub_mix_part p = {.weight = 1}; p.style < info->style_count; p.style++)
        if (weights && strcmp(info->styles[p.style].name, name) == 0)
            return !daub_model_mix(model, &p, 1, info->boldness, weights, error);
    return fail(error, "the model has no such style", name);
}

int main(int argc, char **argv)
{
    struct daub_error error = {.message = ""};
    struct daub_device *device = NULL;
    struct daub_model *model = NULL;
    struct daub_stylizer *stylizer = NULL;
    struct daub_frame_params frame_params = {.strength = 1.0f};
    struct daub_image image = {.format.pixel = DAUB_PIXEL_RGB24};
    int ok = argc > 2 ? read_ppm(argv[1], &image, &error)
                      : fail(&error, "IN.ppm OUT.ppm [MODEL [STYLE]]", "usage");
    struct daub_stylizer_params params = {
        .in_width = image.width, .in_height = image.height, .in = image.format};
    ok = ok && daub_device_open(NULL, &device, &error) == DAUB_OK &&
         daub_model_load(argc > 3 ? argv[3] : "lite", 0, &model, &error) == DAUB_OK &&
         (argc < 5 || choose_style(model, argv[4], &frame_params, &error)) &&
         daub_stylizer_create(device, model, &params, &stylizer, &error) == DAUB_OK &&
         daub_stylizer_submit(stylizer, &image, &frame_params, 0, &error) == DAUB_OK &&
         daub_stylizer_receive(stylizer, &image, NULL, &error) == DAUB_OK &&
         write_ppm(argv[2], &image, &error);
    if (!ok)
        fprintf(stderr, "paint_image: %s\n", error.message);
    daub_stylizer_free(stylizer);
    daub_model_free(model);
    daub_device_close(device);
    free((float *)frame_params.style);
    free(image.plane[0]);
    return !ok;
}
