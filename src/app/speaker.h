/* Plays a file's sound to its painted picture: follows the beat of the pace and the delay
 * of the painting, whatever it does. Small differences are made up for by playing up
 * to three hundredths faster or slower (more where the device's clock goes wrong), large
 * ones, as after a seek, by a jump. */
#ifndef DAUB_APP_SPEAKER_H
#define DAUB_APP_SPEAKER_H

#include "app/pace.h"
#include "app/state.h"
#include "media/source.h"

struct speaker; /* opaque; main thread */

/* Starts its thread. NULL with *error where the input has no sound, or the computer. The
 * rest must outlive the speaker. */
struct speaker *speaker_open(const char *path, const struct media_source_info *input,
                             struct pace *pace, const struct session_state *state,
                             struct daub_error *error);
void speaker_close(struct speaker *speaker); /* accepts NULL */

void speaker_mute(struct speaker *speaker, bool mute);
/* Microseconds by which the sound is ahead of the picture, as far as can be known here.
 */
int64_t speaker_offset_us(const struct speaker *speaker);

#endif
