/* A few bars of music from sums of sines and plucked strings: pads in four chords, a harp
 * melody over them, an echo, all computed. */
#include "sound.h"

#include <math.h>
#include <stddef.h>

#define PI  3.14159265358979
#define BAR 1.5 /* seconds a chord */

/* Equal temperament by MIDI number, A4 = 69 = 440 Hz. */
static double pitch(int note)
{
    return 440.0 * pow(2.0, (note - 69) / 12.0);
}

static void add(float *mix, int i, double sound, double pan)
{
    mix[2 * i] += (float)(sound * (1.0 - pan));
    mix[2 * i + 1] += (float)(sound * pan);
}

/* A soft chord tone: two slightly detuned voices with a few overtones, swelling. */
static void pad(float *mix, int frames, double at, double length, int note, double gain)
{
    double hz = pitch(note);
    int begin = (int)(at * SOUND_RATE);
    int end = begin + (int)((length + 0.9) * SOUND_RATE);
    for (int i = begin; i < end && i < frames; i++) {
        double t = (double)(i - begin) / SOUND_RATE;
        double rise = fmin(t / 0.45, 1.0), fall = fmin((length + 0.9 - t) / 0.9, 1.0);
        double swell = gain * rise * rise * (3 - 2 * rise) * fall * fall * (3 - 2 * fall);
        for (int voice = 0; voice < 2; voice++) {
            double a = 2 * PI * hz * (voice ? 1.0021 : 0.9979) * t + voice;
            double sound = sin(a) + 0.28 * sin(2 * a) + 0.10 * sin(3 * a) +
                           0.05 * (1 + sin(2 * PI * 0.3 * t)) * sin(4 * a);
            add(mix, i, swell * sound, voice ? 0.72 : 0.28);
        }
    }
}

/* A harp string: partials that die away the faster the higher they are, a little sharp as
 * on a stiff string. */
static void pluck(float *mix, int frames, double at, int note, double gain, double pan)
{
    double hz = pitch(note);
    int begin = (int)(at * SOUND_RATE);
    for (int i = begin; i < frames; i++) {
        double t = (double)(i - begin) / SOUND_RATE, sound = 0;
        if (t > 3.0)
            break;
        for (int n = 1; n <= 6; n++)
            sound += sin(2 * PI * hz * n * sqrt(1 + 0.0004 * n * n) * t) *
                     exp(-t * (1.5 + 1.1 * n)) / (n * sqrt(n));
        add(mix, i, gain * sound * fmin(t / 0.004, 1.0), pan);
    }
}

/* Two crossed echoes, each repeat darker than the last. */
static void echo(float *mix, int frames)
{
    const int delay[2] = {(int)(0.281 * SOUND_RATE), (int)(0.367 * SOUND_RATE)};
    float dark[2] = {0, 0};
    for (int i = 0; i < frames; i++) {
        for (int side = 0; side < 2; side++) {
            int from = i - delay[side];
            float heard = from >= 0 ? mix[2 * from + 1 - side] : 0.0f;
            dark[side] += 0.35f * (heard - dark[side]);
            mix[2 * i + side] += 0.36f * dark[side];
        }
    }
}

void scene_sound(int16_t *samples, float *mix, int frames)
{
    static const int chords[4][4] = {
        {50, 57, 62, 66}, /* D */
        {47, 57, 62, 66}, /* B minor 7 */
        {43, 55, 62, 66}, /* G major 7 */
        {45, 57, 61, 64}, /* A */
    };
    /* eighths of a bar; 0 rests */
    static const int melody[4][8] = {
        {74, 0, 78, 81, 0, 78, 76, 0},
        {74, 0, 78, 83, 0, 81, 78, 0},
        {79, 0, 78, 74, 0, 76, 78, 74},
        {76, 0, 73, 76, 0, 81, 0, 0},
    };
    for (int bar = 0; bar < 4; bar++) {
        for (int i = 0; i < 4; i++)
            pad(mix, frames, bar * BAR, BAR, chords[bar][i], i == 0 ? 0.075 : 0.042);
        for (int i = 0; i < 8; i++) {
            double at = bar * BAR + i * BAR / 8;
            if (melody[bar][i])
                pluck(mix, frames, at, melody[bar][i], i == 0 ? 0.24 : 0.18,
                      0.35 + 0.3 * (i % 2));
            if (i % 2 == 1)
                pluck(mix, frames, at, chords[bar][i / 2] + 12, 0.09, 0.6 - 0.1 * i / 2);
        }
    }
    echo(mix, frames);
    for (int i = 0; i < frames; i++) {
        double left = (double)(frames - i) / SOUND_RATE;
        double fade = fmin(left / 0.7, 1.0);
        for (int side = 0; side < 2; side++) {
            double value = tanh(1.9 * mix[2 * i + side]) * fade * fade;
            samples[2 * i + side] = (int16_t)lrint(32000 * value);
        }
    }
}
