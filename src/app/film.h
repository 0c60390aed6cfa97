/* A film in segments: the plan, which is a file, and the parts, which are the painted
 * segments in a folder beside it. A segment begins where a scene begins and is encoded by
 * itself, so that one machine and many give the same film, and a run that was broken off
 * goes on. docs/farm.md. Use a film from one thread, except where a function says
 * otherwise. */
#ifndef DAUB_APP_FILM_H
#define DAUB_APP_FILM_H

#include "app/exit_code.h"
#include "app/work.h"

struct film_segment {
    int64_t first, count; /* frames */
    int64_t warm_up;      /* frames before it that are painted and left out: its beginning
                             is not a scene's, and a seam may show there; else 0 */
    uint64_t hash;        /* of the picture of its first frame, warm-up included */
};

/* One fact of a fingerprint, which is all that decides the bits of a painted film beside
 * the plan's options: the device, the model and so on. */
struct film_fact {
    char *name, *value;
};
enum { FILM_FACTS_MAX = 8, FILM_FRAMES_MAX = 20000000 /* four days at 60 a second */ };

struct film {
    char *path;   /* of the plan, absolute */
    char *parts;  /* the folder of the parts */
    char *folder; /* names in options are relative to it */
    char *input;
    int64_t input_bytes;
    uint64_t input_hash; /* film_hash_input */
    char **options; /* of the command line that decide the painting and the encoding */
    size_t option_count;
    size_t given_count;        /* of them the user gave; the plan added the others */
    char *container, *encoder; /* FFmpeg's names */
    int encoder_threads;
    struct film_fact facts[FILM_FACTS_MAX]; /* the fingerprint */
    int fact_count;
    AVRational time_base;
    struct media_time *times; /* of the input's frames */
    size_t frame_count, time_capacity;
    struct film_segment *segments;
    size_t segment_count, segment_capacity;
};

/* ---- film.c: the plan as a file ---- */

/* Makes the names of plan and parts; path is not yet read. Free in any case. */
bool film_init(struct film *film, const char *path, struct daub_error *error);
/* Reads the plan and checks every number. */
bool film_read(struct film *film, const char *path, struct daub_error *error);
bool film_write(const struct film *film, bool replace, struct daub_error *error);
void film_free(struct film *film); /* accepts a zeroed one */

/* Size and hash of a file: of all of it up to 64 MiB, else of 1024 blocks of 64 KiB from
 * its first to its last byte. */
bool film_hash_input(const char *path, int64_t *bytes, uint64_t *hash,
                     struct daub_error *error);
/* Hash of a frame's planes. */
uint64_t film_hash_frame(const AVFrame *frame);

/* false with *error where the input is another one than when the plan was made. */
bool film_same_input(const struct film *film, struct daub_error *error);

/* The name of a segment's part. */
void film_part(const struct film *film, size_t segment, char *path, size_t size);
bool film_part_exists(const struct film *film, size_t segment);

/* How many segments have a part. */
size_t film_parts_count(const struct film *film);
/* Removes the plan and the folder of the parts, with everything that daub puts there. */
void film_remove(const struct film *film);

/* ---- film_plan.c ---- */

/* Reads the options of the plan; *options is to be freed in any case. Sets the input, and
 * what belongs to the machine from those given. */
bool film_options(const struct film *film, const struct options *given,
                  struct options *options, struct daub_error *error);
/* false with *error: the plan was made with other options or for another input. */
bool film_same_options(const struct film *film, const struct options *options,
                       struct daub_error *error);
/* Whether the film's container keeps the input's display matrix, so that frames are not
 * turned. */
bool film_keeps_matrix(const struct film *film, const struct options *options);
/* Adds what work's device, model and look are. */
bool film_add_fingerprint(struct film *film, const struct work *work,
                          struct daub_error *error);
/* Compares the marks with those of this machine; false with *error that names the first
 * that differs. any_device: a difference is a warning. */
bool film_same_fingerprint(const struct film *film, const struct film *here,
                           bool any_device, struct daub_error *error);
/* Reads the whole input, finds its scenes and plans the segments. output: NULL, or the
 * film's path, which decides container and encoder. */
enum exit_code film_make(struct film *film, const struct options *options,
                         const char *output, struct daub_stop *stop);

/* ---- film_paint.c ---- */

/* Paints the chosen segments that have no part yet, on every device of --gpu side by
 * side. chosen: one element for each segment; NULL: all. */
enum exit_code film_paint(const struct film *film, const struct options *given,
                          const bool *chosen, struct daub_stop *stop);

/* ---- film_join.c ---- */

/* Joins the parts to a film. */
enum exit_code film_join(const struct film *film, const struct options *given,
                         const char *output, struct daub_stop *stop);

#endif
