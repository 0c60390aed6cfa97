#include "media/still.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "media/convert.h"
#include "media/source.h"
#include "util/error.h"

enum { PIXELS_MAX = 1 << 27 };

static bool check_file(const char *path, struct daub_error *error)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot read %s: %s", path,
                         strerror(errno));
    return S_ISREG(info.st_mode) ||
           daub_fail(error, DAUB_ERROR_ARGUMENT,
                     "%s is no image file; give a JPEG, PNG or WebP picture", path);
}

/* Whether the source has one frame only: formats of video may hold a still picture, too.
 */
static bool check_still(struct media_source *source, struct daub_error *error)
{
    int frames = 0;
    enum media_read answer = MEDIA_READ_OK;
    while (!source->info.single && frames < 2 && answer != MEDIA_READ_END) {
        struct media_item item = {0};
        answer = source->ops->read(source, &item, error);
        if (answer == MEDIA_READ_ERROR)
            return false;
        frames += item.frame != NULL;
        av_frame_free(&item.frame);
        av_packet_free(&item.packet);
    }
    return frames < 2 ||
           daub_fail(error, DAUB_ERROR_ARGUMENT,
                     "%s moves; a still picture is needed, such as one frame of it",
                     source->info.name);
}

static AVFrame *convert(const struct media_source_info *info, int side_max,
                        struct daub_error *error)
{
    const AVFrame *sample = info->sample;
    struct media_converter converter = {0};
    AVFrame wanted = {.width = sample->width,
                      .height = sample->height,
                      .format = AV_PIX_FMT_RGBA,
                      .colorspace = AVCOL_SPC_RGB,
                      .color_range = AVCOL_RANGE_JPEG};
    int shorter = wanted.width < wanted.height ? wanted.width : wanted.height;
    if (side_max && shorter > side_max) {
        wanted.width = (int)((int64_t)wanted.width * side_max / shorter);
        wanted.height = (int)((int64_t)wanted.height * side_max / shorter);
    }
    AVFrame *made = media_convert(&converter, sample, &wanted, error);
    media_converter_uninit(&converter);
    return made;
}

AVFrame *media_still_read(const char *path, int side_max, struct daub_stop *stop,
                          struct daub_error *error)
{
    struct media_open_params params = {.path = path,
                                       .no_audio = true,
                                       .no_subtitles = true,
                                       .pixels = PIXELS_MAX,
                                       .threads = 1,
                                       .stop = stop};
    if (!check_file(path, error))
        return NULL;
    struct media_source *source = media_source_open(&params, error);
    AVFrame *made = source && check_still(source, error)
                        ? convert(&source->info, side_max, error)
                        : NULL;
    media_source_destroy(source);
    return made;
}
