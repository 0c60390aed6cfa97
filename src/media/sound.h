/* The sound of a file, read beside its picture: decoded, as interleaved 16-bit stereo. */
#ifndef DAUB_MEDIA_SOUND_H
#define DAUB_MEDIA_SOUND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <daub/status.h>

enum { MEDIA_SOUND_CHANNELS = 2 };

struct media_sound; /* opaque; use from one thread */

/* path: as FFmpeg takes it. start_us: the container's time that counts as 0. stop: ends a
 * read that takes long, for good. NULL with *error where the file has no
 * sound that can be decoded. */
struct media_sound *media_sound_open(const char *path, int64_t start_us, int rate,
                                     atomic_bool *stop, struct daub_error *error);
void media_sound_close(struct media_sound *sound); /* accepts NULL */

/* Goes to the packet that holds that time, or before it; false where that failed. */
bool media_sound_seek(struct media_sound *sound, int64_t time_us);

/* Up to count samples of each channel and the time of the first one; returns how many, 0
 * at the end of the file. */
int media_sound_read(struct media_sound *sound, int16_t *samples, int count,
                     int64_t *time_us);

/* From now on plays faster (positive) or slower by that part, at most a few hundredths;
 * the pitch changes with it. Times that read tells stay those of the file. */
void media_sound_stretch(struct media_sound *sound, double part);

#endif
