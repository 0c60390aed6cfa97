/* Drawn by libavfilter: pad -> drawtext -> tile. A label is passed as a frame's metadata,
 * so that a text is never parsed as part of a filter's description. */
#include "media/sheet.h"

#include <stdlib.h>

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/dict.h>
#include <libavutil/opt.h>

#include "util/alloc.h"
#include "util/error.h"

#define BACKGROUND "0x18181c"
#define LABEL_KEY  "daub.label"

enum { COLUMNS_MIN = 3, COLUMNS_MAX = 6, FONT_MIN = 10, FONT_MAX = 48 };

struct media_sheet {
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
    int64_t added;
};

/* The number of columns that leaves the fewest cells empty, not fewer than rows where
 * COLUMNS_MAX allows it. */
static int columns_of(int count)
{
    int best = count < COLUMNS_MAX ? count : COLUMNS_MAX, least = COLUMNS_MIN;
    if (count <= COLUMNS_MIN)
        return count;
    while (least < best && least * least < count)
        least++;
    for (int columns = best; columns >= least; columns--) {
        int empty = (columns - count % columns) % columns;
        if (empty < (best - count % best) % best)
            best = columns;
    }
    return best;
}

/* Appends a filter to *last; text may be NULL. */
static bool append(struct media_sheet *sheet, AVFilterContext **last, const char *name,
                   const char *arguments, const char *text, struct daub_error *error)
{
    const AVFilter *filter = avfilter_get_by_name(name);
    if (!filter)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "this FFmpeg has no filter %s, which the sheet needs", name);
    AVFilterContext *made = avfilter_graph_alloc_filter(sheet->graph, filter, name);
    if (!made)
        return daub_no_memory(error, "the contact sheet");
    int code = text ? av_opt_set(made, "text", text, AV_OPT_SEARCH_CHILDREN) : 0;
    if (code >= 0)
        code = avfilter_init_str(made, arguments);
    if (code >= 0 && *last)
        code = avfilter_link(*last, 0, made, 0);
    *last = made;
    return code >= 0 ||
           daub_fail(error, DAUB_ERROR_FAILED, "FFmpeg's filter %s cannot be set up: %s",
                     name, av_err2str(code));
}

static bool set_up(struct media_sheet *sheet, const AVFrame *cell, int count,
                   struct daub_error *error)
{
    char arguments[256];
    AVFilterContext *last = NULL;
    int columns = columns_of(count), rows = (count + columns - 1) / columns;
    int font = cell->width / 24;
    font = font < FONT_MIN ? FONT_MIN : font > FONT_MAX ? FONT_MAX : font;
    int band = font * 2, gap = font / 2;
    int64_t width = (int64_t)columns * (cell->width + gap) + gap,
            height = (int64_t)rows * (cell->height + band + gap) + gap;
    if (width > INT16_MAX || height > INT16_MAX)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "the sheet would have %lldx%lld pixels; give a smaller --size",
                         (long long)width, (long long)height);
    snprintf(arguments, sizeof(arguments),
             "width=%d:height=%d:pix_fmt=rgb24:time_base=1/25", cell->width,
             cell->height);
    if (!append(sheet, &last, "buffer", arguments, NULL, error))
        return false;
    sheet->source = last;
    snprintf(arguments, sizeof(arguments), "width=iw:height=ih+%d:color=" BACKGROUND,
             band);
    if (!append(sheet, &last, "pad", arguments, NULL, error))
        return false;
    snprintf(arguments, sizeof(arguments),
             "fontcolor=0xe8e8e8:fontsize=%d:x=(w-tw)/2:y=h-%d-ascent/2+descent/2", font,
             band / 2);
    if (!append(sheet, &last, "drawtext", arguments, "%{metadata:" LABEL_KEY "}", error))
        return false;
    snprintf(arguments, sizeof(arguments),
             "layout=%dx%d:nb_frames=%d:margin=%d:padding=%d:color=" BACKGROUND, columns,
             rows, count, gap, gap);
    if (!append(sheet, &last, "tile", arguments, NULL, error) ||
        !append(sheet, &last, "format", "pix_fmts=rgb24", NULL, error) ||
        !append(sheet, &last, "buffersink", NULL, NULL, error))
        return false;
    sheet->sink = last;
    int code = avfilter_graph_config(sheet->graph, NULL);
    return code >= 0 || daub_fail(error, DAUB_ERROR_FAILED,
                                  "FFmpeg cannot draw the sheet: %s", av_err2str(code));
}

struct media_sheet *media_sheet_open(const AVFrame *cell, int count,
                                     struct daub_error *error)
{
    struct media_sheet *sheet = daub_alloc(1, sizeof(*sheet));
    if (sheet)
        sheet->graph = avfilter_graph_alloc();
    if (!sheet || !sheet->graph)
        daub_no_memory(error, "the contact sheet");
    else if (set_up(sheet, cell, count, error))
        return sheet;
    media_sheet_free(sheet);
    return NULL;
}

void media_sheet_size(const struct media_sheet *sheet, AVFrame *frame)
{
    frame->width = av_buffersink_get_w(sheet->sink);
    frame->height = av_buffersink_get_h(sheet->sink);
    frame->format = av_buffersink_get_format(sheet->sink);
    frame->colorspace = AVCOL_SPC_RGB;
    frame->color_range = AVCOL_RANGE_JPEG;
}

bool media_sheet_add(struct media_sheet *sheet, const AVFrame *picture, const char *label,
                     struct daub_error *error)
{
    AVFrame *frame = av_frame_clone(picture);
    int code = frame ? av_dict_set(&frame->metadata, LABEL_KEY, label, 0) : -1;
    if (code >= 0) {
        frame->pts = sheet->added++;
        code = av_buffersrc_add_frame(sheet->source, frame);
    }
    av_frame_free(&frame);
    return code >= 0 || daub_fail(error, DAUB_ERROR_FAILED,
                                  "a picture could not be added to the sheet");
}

AVFrame *media_sheet_finish(struct media_sheet *sheet, struct daub_error *error)
{
    AVFrame *frame = av_frame_alloc();
    int code = frame ? av_buffersrc_add_frame(sheet->source, NULL) : AVERROR(ENOMEM);
    if (code >= 0)
        code = av_buffersink_get_frame(sheet->sink, frame);
    if (code < 0) {
        daub_fail(error, DAUB_ERROR_FAILED, "FFmpeg cannot draw the sheet: %s",
                  av_err2str(code));
        av_frame_free(&frame);
        return NULL;
    }
    frame->colorspace = AVCOL_SPC_RGB;
    frame->color_range = AVCOL_RANGE_JPEG;
    return frame;
}

void media_sheet_free(struct media_sheet *sheet)
{
    if (sheet)
        avfilter_graph_free(&sheet->graph);
    free(sheet);
}
