/* Reads the audio of a file, apart from its video: decoded to interleaved 16-bit stereo.
 */
#ifndef DAUB_MEDIA_AUDIO_H
#define DAUB_MEDIA_AUDIO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <daub/status.h>

enum { MEDIA_AUDIO_CHANNELS = 2 };

struct media_audio; /* opaque; use from one thread */

/* path: as FFmpeg accepts it. start_us: the container's time that counts as 0. stop: once
 * true, waiting and later reads return at once. NULL with *error where the file has no
 * audio that can be decoded. */
struct media_audio *media_audio_open(const char *path, int64_t start_us, int rate,
                                     atomic_bool *stop, struct daub_error *error);
void media_audio_close(struct media_audio *audio); /* accepts NULL */

/* Goes to the packet that holds that time, or before it; false where that failed. */
bool media_audio_seek(struct media_audio *audio, int64_t time_us);

/* Up to count samples of each channel and the time of the first one; returns how many, 0
 * at the end of the file. */
int media_audio_read(struct media_audio *audio, int16_t *samples, int count,
                     int64_t *time_us);

/* From now on plays faster (positive) or slower by that part, at most a few hundredths;
 * the pitch changes with it. Times that read returns stay those of the file. */
void media_audio_stretch(struct media_audio *audio, double part);

#endif
