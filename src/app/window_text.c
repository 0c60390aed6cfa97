#include "app/window_text.h"

#include <stdio.h>
#include <string.h>

#include <fontconfig/fontconfig.h>

#include "util/error.h"

static bool find_font(char *path, size_t size)
{
    FcPattern *pattern = FcNameParse((const FcChar8 *)"DejaVu Sans:style=Book");
    FcChar8 *file = NULL;
    FcResult result;
    bool found = false;
    if (!pattern)
        return false;
    FcConfigSubstitute(NULL, pattern, FcMatchPattern);
    FcDefaultSubstitute(pattern);
    FcPattern *match = FcFontMatch(NULL, pattern, &result);
    if (match && FcPatternGetString(match, FC_FILE, 0, &file) == FcResultMatch)
        found = snprintf(path, size, "%s", (const char *)file) < (int)size;
    if (match)
        FcPatternDestroy(match);
    FcPatternDestroy(pattern);
    FcFini();
    return found;
}

bool window_text_open(struct window_text *text, struct daub_error *error)
{
    if (TTF_Init() != 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot draw text: %s",
                         TTF_GetError());
    if (!find_font(text->path, sizeof(text->path)))
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "no font is installed to draw the window's text with; install "
                         "one, such as the package fonts-dejavu-core");
    return true;
}

void window_text_close(struct window_text *text)
{
    if (text->font)
        TTF_CloseFont(text->font);
    text->font = NULL;
    if (TTF_WasInit())
        TTF_Quit();
}

void window_text_draw(struct window_text *text, SDL_Renderer *renderer, const char *lines,
                      int size, int x, int y)
{
    const SDL_Color white = {240, 240, 240, 255};
    int width, height;
    if (!text->font || text->size != size) {
        if (text->font)
            TTF_CloseFont(text->font);
        text->font = TTF_OpenFont(text->path, size);
        text->size = size;
    }
    SDL_Surface *surface =
        text->font ? TTF_RenderUTF8_Blended_Wrapped(text->font, lines, white, 0) : NULL;
    SDL_Texture *texture =
        surface ? SDL_CreateTextureFromSurface(renderer, surface) : NULL;
    if (texture && SDL_GetRendererOutputSize(renderer, &width, &height) == 0) {
        int margin = size / 2;
        SDL_Rect box = {x, y, surface->w + 2 * margin, surface->h + margin};
        box.x += x < 0 ? width - box.w : 0;
        box.y += y < 0 ? height - box.h : 0;
        SDL_Rect place = {box.x + margin, box.y + margin / 2, surface->w, surface->h};
        SDL_SetRenderDrawBlendMode(renderer, SDL_BLENDMODE_BLEND);
        SDL_SetRenderDrawColor(renderer, 0, 0, 0, 160);
        SDL_RenderFillRect(renderer, &box);
        SDL_RenderCopy(renderer, texture, NULL, &place);
    }
    SDL_DestroyTexture(texture);
    SDL_FreeSurface(surface);
}
