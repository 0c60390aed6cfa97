/* Crash-safe MP4 and MOV files: while one is written, what is on the disk can be played;
 * when it is complete, it has one ordinary index.
 *
 * The file is written in fragments. A second muxer receives the same packets and writes
 * an ordinary file of which only the index is kept; at the end this index, with the
 * places that the samples have in the fragments, is appended to the file, and the
 * fragments' headers become part of the media data. Nothing is copied. */
#ifndef DAUB_MEDIA_MP4_INDEX_H
#define DAUB_MEDIA_MP4_INDEX_H

#include <stdbool.h>

#include <libavformat/avformat.h>

struct mp4_index;

/* For a context with all its streams, before its header is written. Takes over the
 * chapters and adds to *options what makes fragments. NULL, with nothing changed, where
 * the container, a codec or the user's options (movflags) do not allow it. */
struct mp4_index *mp4_index_open(AVFormatContext *fragments, AVDictionary **options);
/* A packet that the fragments receive as well; times in base. */
void mp4_index_add(struct mp4_index *index, const AVPacket *packet, AVRational base);
/* Writes the packets that wait for later ones of other streams. */
void mp4_index_flush(struct mp4_index *index);
/* Completes the index and adds it to the closed file of the fragments. false: the file is
 * unchanged and plays as fragments. */
bool mp4_index_finish(struct mp4_index *index, int fd);
/* Accepts NULL. */
void mp4_index_free(struct mp4_index *index);

#endif
