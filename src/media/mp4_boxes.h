/* Reading and changing the boxes of MP4 files (ISO/IEC 14496-12), for mp4_index.c. */
#ifndef DAUB_MEDIA_MP4_BOXES_H
#define DAUB_MEDIA_MP4_BOXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libavformat/avio.h>

/* Media data of one track without a gap. */
struct mp4_range {
    int64_t offset, size;
};

struct mp4_track {
    uint32_t id;
    struct mp4_range *ranges; /* in the order of the samples */
    size_t count, capacity;
    size_t next;  /* range of the sample that mp4_write_moov places next */
    int64_t used; /* bytes of that range */
};

/* Where the samples of a fragmented file are. */
struct mp4_layout {
    struct mp4_track *tracks;
    size_t count, capacity;
    int64_t first; /* offset of the first fragment */
    int64_t end;   /* size of the file */
};
/* false: damaged, or not as libavformat writes it with default_base_moof. */
bool mp4_layout_read(struct mp4_layout *layout, int fd);
void mp4_layout_free(struct mp4_layout *layout);

/* Bytes that were at offset from and are now at to. */
struct mp4_moved {
    int64_t from, size, to;
};
enum { MP4_MOVED = 2 };

/* Writes the box moov anew with the samples at their places: those of moved where they
 * are in one of these parts, else the next ones of the track in layout. false: they do
 * not match. */
bool mp4_write_moov(AVIOContext *out, const uint8_t *moov, size_t size,
                    struct mp4_layout *layout, const struct mp4_moved *moved);

#endif
