/* Plays a file's audio in time with its painted picture, as pace and the delay of
 * painting demand. Small differences are corrected by playing up to 3 % faster or slower
 * (more where the clock of the audio device is wrong), large ones, as after a seek, by a
 * jump. */
#ifndef DAUB_APP_SPEAKER_H
#define DAUB_APP_SPEAKER_H

#include "app/pace.h"
#include "app/state.h"
#include "media/source.h"

struct speaker; /* opaque; use from the main thread */

/* Starts the speaker's thread. NULL with *error where the input has no audio or the
 * computer no audio device. input, pace and state must outlive the speaker. */
struct speaker *speaker_open(const char *path, const struct media_source_info *input,
                             struct pace *pace, const struct session_state *state,
                             struct daub_error *error);
void speaker_close(struct speaker *speaker); /* accepts NULL */

void speaker_mute(struct speaker *speaker, bool mute);
/* Microseconds by which the audio is ahead of the picture, as measured by the clocks of
 * the computer. */
int64_t speaker_offset_us(const struct speaker *speaker);

#endif
