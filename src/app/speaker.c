#include "app/speaker.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <SDL.h>

#include "media/audio.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/thread.h"

enum {
    RATE = 48000,
    DEVICE_SAMPLES = RATE / 100,
    CHUNK = 1024,     /* samples of each channel that are read at once */
    RING = 16384,     /* samples of each channel that the queue holds */
    QUEUE_US = 80000, /* duration of the audio in the queue */
    PERIOD_MS = 5,    /* of the thread's loop */
    JUMP_US = 250000, /* a larger difference is corrected by a jump */
    NEAR_US = 4000,   /* a smaller difference is neither a gap nor an overlap */
    SECOND_US = 1000000
};
/* A proportional-integral controller of the playing speed. */
static const double STRETCH = 0.03, /* largest change of speed for a difference */
    DRIFT = 0.1,                    /* largest change of speed for a wrong device clock */
    GAIN = 1.5,                     /* change of speed for each second of difference */
    DRIFT_GAIN = 0.3,               /* the same again for each second that it lasts */
    STRETCH_STEP = 0.001,           /* smaller changes are not made */
    SMOOTHING = 0.01;               /* weight of a new value in a mean */

struct speaker {
    struct pace *pace;
    const struct session_state *state;
    struct media_audio *audio;
    SDL_AudioDeviceID device;
    int64_t device_us; /* duration of the audio in the device's own buffer */
    struct daub_thread thread;
    atomic_bool finished, mute;
    atomic_llong offset_us;

    /* SDL's own queue is not used: its thread has too small a stack where a library such
     * as OpenBLAS has much thread-local memory. */
    int16_t ring[RING * MEDIA_AUDIO_CHANNELS]; /* device lock */
    size_t read, count;                        /* device lock; samples */

    /* Only on the speaker's thread. */
    double delay_us; /* of painting, smoothed; 0: unknown */
    bool playing;
    int64_t next_us; /* time of the sample that is queued next */
    double speed;
    double ahead_us; /* by which the audio is ahead of the picture, smoothed */
    double drift; /* estimated relative error of the device's clock; positive: too fast */
};

static int64_t samples_us(int64_t samples)
{
    return samples * SECOND_US / RATE;
}

/* ---- the queue ---- */

static void SDLCALL on_samples(void *opaque, Uint8 *bytes, int length)
{
    struct speaker *s = opaque;
    int16_t *out = (int16_t *)(void *)bytes;
    size_t wanted = (size_t)length / (MEDIA_AUDIO_CHANNELS * sizeof(int16_t));
    size_t available = s->count < wanted ? s->count : wanted;
    for (size_t i = 0; i < available * MEDIA_AUDIO_CHANNELS; i++)
        out[i] = s->ring[(s->read * MEDIA_AUDIO_CHANNELS + i) %
                         ((size_t)RING * MEDIA_AUDIO_CHANNELS)];
    memset(out + available * MEDIA_AUDIO_CHANNELS, 0,
           (wanted - available) * MEDIA_AUDIO_CHANNELS * sizeof(int16_t));
    s->read = (s->read + available) % RING;
    s->count -= available;
}

static int64_t queued_us(struct speaker *s)
{
    SDL_LockAudioDevice(s->device);
    size_t count = s->count;
    SDL_UnlockAudioDevice(s->device);
    return samples_us((int64_t)count);
}

static void clear(struct speaker *s)
{
    SDL_LockAudioDevice(s->device);
    s->count = 0;
    SDL_UnlockAudioDevice(s->device);
}

/* samples NULL: silence. Samples that do not fit are dropped. */
static void queue(struct speaker *s, const int16_t *samples, int count)
{
    bool quiet = !samples || atomic_load(&s->mute);
    SDL_LockAudioDevice(s->device);
    for (int i = 0; i < count && s->count < RING; i++) {
        size_t to = (s->read + s->count++) % RING * MEDIA_AUDIO_CHANNELS;
        for (int c = 0; c < MEDIA_AUDIO_CHANNELS; c++)
            s->ring[to + (size_t)c] = quiet ? 0 : samples[i * MEDIA_AUDIO_CHANNELS + c];
    }
    SDL_UnlockAudioDevice(s->device);
}

/* ---- following the picture ---- */

/* The time in the input of the picture that is shown now; false while the video is paused
 * or not started. */
static bool shown_us(struct speaker *s, int64_t *time_us)
{
    double delay = (double)atomic_load(&s->state->delay_us);
    if (s->delay_us == 0)
        s->delay_us = delay;
    s->delay_us += SMOOTHING * (delay - s->delay_us);
    if (atomic_load(&s->state->painted) == 0 || !pace_now(s->pace, time_us))
        return false;
    *time_us -= (int64_t)s->delay_us;
    return true;
}

static double within(double value, double limit)
{
    return fmin(fmax(value, -limit), limit);
}

/* Queues the next samples of the file at their time: gaps become silence, late samples
 * are dropped. */
static void queue_next(struct speaker *s)
{
    int16_t samples[CHUNK * MEDIA_AUDIO_CHANNELS];
    int64_t time_us;
    media_audio_read(s->audio, samples, 0, &time_us);
    int64_t gap =
        (int64_t)within((double)(time_us - s->next_us) * RATE / SECOND_US, RING);
    int count = 0;
    /* Nothing is read where timestamps jump back by a second: all later samples would be
     * late. */
    if (time_us - s->next_us <= NEAR_US && time_us - s->next_us > -SECOND_US)
        count = media_audio_read(s->audio, samples, CHUNK, &time_us);
    if (count == 0) { /* a gap, or the end of the file */
        int quiet = gap > 0 && gap < CHUNK ? (int)gap : CHUNK;
        queue(s, NULL, quiet);
        s->next_us += samples_us(quiet);
        return;
    }
    int late = time_us - s->next_us < -NEAR_US ? (int)(gap < -count ? count : -gap) : 0;
    queue(s, samples + late * MEDIA_AUDIO_CHANNELS, count - late);
    int64_t end_us = time_us + (int64_t)((double)samples_us(count) * s->speed);
    s->next_us = end_us > s->next_us ? end_us : s->next_us;
}

static void jump(struct speaker *s, int64_t time_us)
{
    clear(s);
    s->speed = 1 - s->drift;
    media_audio_stretch(s->audio, -s->drift);
    media_audio_seek(s->audio, time_us > 0 ? time_us : 0);
    s->next_us = time_us;
}

/* Keeps the audio in time with the picture: sets the speed from the smoothed difference.
 */
static void follow(struct speaker *s, int64_t time_us)
{
    int64_t heard_us = s->next_us - queued_us(s) - s->device_us;
    int64_t ahead_us = heard_us - time_us;
    if (!s->playing || llabs(ahead_us) > JUMP_US) {
        jump(s, time_us + s->device_us);
        s->ahead_us = 0;
        return;
    }
    s->ahead_us += SMOOTHING * ((double)ahead_us - s->ahead_us);
    atomic_store(&s->offset_us, (int64_t)s->ahead_us);
    double ahead = s->ahead_us / SECOND_US;
    s->drift = within(s->drift + DRIFT_GAIN * ahead * PERIOD_MS / 1000, DRIFT);
    double speed = 1 - s->drift - within(GAIN * ahead, STRETCH);
    if (fabs(speed - s->speed) > STRETCH_STEP) {
        media_audio_stretch(s->audio, speed - 1);
        s->speed = speed;
    }
}

static void *run(void *opaque)
{
    struct speaker *s = opaque;
    while (!atomic_load(&s->finished)) {
        int64_t time_us;
        bool playing = shown_us(s, &time_us);
        if (playing) {
            follow(s, time_us);
            while (queued_us(s) < QUEUE_US && !atomic_load(&s->finished))
                queue_next(s);
        } else if (s->playing) {
            clear(s);
        }
        if (playing != s->playing)
            SDL_PauseAudioDevice(s->device, !playing);
        s->playing = playing;
        SDL_Delay(PERIOD_MS);
    }
    return NULL;
}

/* Opens the audio device with standard error closed, because ALSA's library writes many
 * lines to it where there is no device. */
static void open_device(struct speaker *s, const SDL_AudioSpec *wanted,
                        SDL_AudioSpec *got)
{
    int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int stderr_copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (null_fd >= 0 && stderr_copy >= 0)
        dup2(null_fd, STDERR_FILENO);
    if (SDL_InitSubSystem(SDL_INIT_AUDIO) == 0)
        s->device = SDL_OpenAudioDevice(NULL, 0, wanted, got, 0);
    if (null_fd >= 0 && stderr_copy >= 0)
        dup2(stderr_copy, STDERR_FILENO);
    if (null_fd >= 0)
        close(null_fd);
    if (stderr_copy >= 0)
        close(stderr_copy);
}

struct speaker *speaker_open(const char *path, const struct media_source_info *input,
                             struct pace *pace, const struct session_state *state,
                             struct daub_error *error)
{
    struct speaker *s = daub_alloc(1, sizeof(*s));
    if (!s) {
        daub_no_memory(error, "the speaker");
        return NULL;
    }
    s->pace = pace;
    s->state = state;
    s->speed = 1;
    SDL_AudioSpec wanted = {.freq = RATE,
                            .format = AUDIO_S16SYS,
                            .channels = MEDIA_AUDIO_CHANNELS,
                            .samples = DEVICE_SAMPLES,
                            .callback = on_samples,
                            .userdata = s},
                  got;
    s->audio = media_audio_open(path, input->start_us, RATE, &s->finished, error);
    if (s->audio)
        open_device(s, &wanted, &got);
    if (s->audio && s->device == 0)
        daub_fail(error, DAUB_ERROR_FAILED, "cannot play sound: %s", SDL_GetError());
    s->device_us = s->device ? samples_us(got.samples) : 0;
    if (s->device && daub_thread_start(&s->thread, "daub-speaker", run, s, error))
        return s;
    speaker_close(s);
    return NULL;
}

void speaker_close(struct speaker *s)
{
    if (!s)
        return;
    atomic_store(&s->finished, true);
    daub_thread_join(&s->thread);
    if (s->device)
        SDL_CloseAudioDevice(s->device);
    media_audio_close(s->audio);
    free(s);
}

void speaker_mute(struct speaker *s, bool mute)
{
    atomic_store(&s->mute, mute);
}

int64_t speaker_offset_us(const struct speaker *s)
{
    return atomic_load(&s->offset_us);
}
