/* Text over the picture in the preview window. */
#ifndef DAUB_APP_WINDOW_TEXT_H
#define DAUB_APP_WINDOW_TEXT_H

#include <stdbool.h>

#include <SDL.h>
#include <SDL_ttf.h>

#include <daub/status.h>

/* Main thread. Zeroed is closed. */
struct window_text {
    TTF_Font *font;
    int size; /* pixels */
    char path[512];
};

/* Looks for a sans-serif font. Close is allowed after failure. */
bool window_text_open(struct window_text *text, struct daub_error *error);
void window_text_close(struct window_text *text);

/* Draws lines, separated by \n, on a dark box. x and y are its distances in pixels from
 * the left and top edges of the output or, where negative, from the right and bottom
 * edges. size: of letters, pixels. */
void window_text_draw(struct window_text *text, SDL_Renderer *renderer, const char *lines,
                      int size, int x, int y);

#endif
