/* Numbered images, named by a pattern such as in%04d.png. */
#ifndef DAUB_MEDIA_SEQUENCE_H
#define DAUB_MEDIA_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>

#include <libavcodec/packet.h>

#include <daub/status.h>

struct media_sequence {
    char *pattern;
    int *numbers; /* of the images that are not empty, ascending */
    size_t count, capacity;
};

/* Lists the images. false with *error where there is none. */
bool media_sequence_open(struct media_sequence *sequence, const char *pattern,
                         struct daub_error *error);
/* How many numbers between the first and the last image have none. */
int media_sequence_missing(const struct media_sequence *sequence);
/* Reads a whole image. 0, or an AVERROR code. */
int media_sequence_read(const struct media_sequence *sequence, size_t index,
                        AVPacket *packet);
/* Accepts a zeroed sequence. */
void media_sequence_close(struct media_sequence *sequence);

#endif
