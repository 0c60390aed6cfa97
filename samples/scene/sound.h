/* The sample scene's sound track. */
#ifndef SAMPLES_SCENE_SOUND_H
#define SAMPLES_SCENE_SOUND_H

#include <stdint.h>

#define SOUND_RATE 48000

/* Fills frames stereo frames (left, right, 16 bit), fading out at the end. mix: 2 x
 * frames floats of zeros to work in. */
void scene_sound(int16_t *samples, float *mix, int frames);

#endif
