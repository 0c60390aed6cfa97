/* Contact sheets: the first two bytes are the size of the pictures, lines are labels. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "media/avlog.h"
#include "media/sheet.h"

enum { PICTURES_MAX = 32 };

void fuzz_begin(void)
{
    fuzz_check_log();
    media_log_init();
}

static int make(struct media_sheet *sheet, const AVFrame *cell, char *text, int count)
{
    struct daub_error error = {0};
    bool ok = true;
    for (int i = 0; i < count && ok; i++) {
        char *end = text + strcspn(text, "\n");
        bool last = !*end;
        *end = '\0';
        ok = media_sheet_add(sheet, cell, text, &error);
        text = last ? end : end + 1;
    }
    AVFrame *made = ok ? media_sheet_finish(sheet, &error) : NULL;
    fuzz_need(!made == (error.status != DAUB_OK), "result and status differ",
              error.message);
    ok = made != NULL;
    av_frame_free(&made);
    return ok;
}

int fuzz_target(const uint8_t *data, size_t size)
{
    struct daub_error error = {0};
    if (size < 3)
        return 0;
    char *text = fuzz_text(data + 2, size - 2);
    int count = 1, usable = 0;
    for (const char *at = text; *at; at++)
        count += *at == '\n' && count < PICTURES_MAX;
    AVFrame *cell = av_frame_alloc();
    fuzz_need(cell != NULL, "no memory", "");
    cell->format = AV_PIX_FMT_RGB24;
    cell->width = 1 + data[0];
    cell->height = 1 + data[1];
    fuzz_need(av_frame_get_buffer(cell, 0) == 0, "no memory", "");
    memset(cell->data[0], 0x40, (size_t)cell->linesize[0] * (size_t)cell->height);
    struct media_sheet *sheet = media_sheet_open(cell, count, &error);
    fuzz_need(!sheet == (error.status != DAUB_OK), "result and status differ",
              error.message);
    if (sheet)
        usable = make(sheet, cell, text, count);
    media_sheet_free(sheet);
    av_frame_free(&cell);
    free(text);
    return usable;
}
