#include "media/mp4_boxes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/intreadwrite.h>
#include <libavutil/macros.h>

#include "util/alloc.h"

enum { HEADER = 8, LARGE_HEADER = 16, FULL_HEADER = 12, MOOF_MAX = 1 << 26 };

/* A part of memory that is read from the front. */
struct box {
    const uint8_t *data; /* after the header */
    size_t size;
    uint32_t type;
};

/* Takes the next box from rest. false: there is none, or it is damaged. */
static bool next_box(struct box *rest, struct box *box)
{
    if (rest->size < HEADER)
        return false;
    uint32_t size = AV_RB32(rest->data);
    if (size < HEADER || size > rest->size)
        return false;
    *box = (struct box){rest->data + HEADER, size - HEADER, AV_RB32(rest->data + 4)};
    rest->data += size;
    rest->size -= size;
    return true;
}

static bool find_box(struct box parent, uint32_t type, struct box *box)
{
    while (next_box(&parent, box)) {
        if (box->type == type)
            return true;
    }
    return false;
}

/* The next 32-bit number; 0 with *ok false where there is none. */
static uint32_t take(struct box *box, bool *ok)
{
    if (box->size < 4) {
        *ok = false;
        return 0;
    }
    uint32_t value = AV_RB32(box->data);
    box->data += 4;
    box->size -= 4;
    return value;
}

/* ---- fragments ---- */

static struct mp4_track *track_of(struct mp4_layout *layout, uint32_t id, bool add)
{
    for (size_t i = 0; i < layout->count; i++) {
        if (layout->tracks[i].id == id)
            return &layout->tracks[i];
    }
    if (!add || !daub_grow(&layout->tracks, &layout->capacity, layout->count + 1,
                           sizeof(*layout->tracks)))
        return NULL;
    layout->tracks[layout->count].id = id;
    return &layout->tracks[layout->count++];
}

static bool add_range(struct mp4_track *track, int64_t offset, int64_t size)
{
    struct mp4_range *last = track->count ? &track->ranges[track->count - 1] : NULL;
    if (size == 0)
        return true;
    if (last && last->offset + last->size == offset) {
        last->size += size;
        return true;
    }
    if (!daub_grow(&track->ranges, &track->capacity, track->count + 1,
                   sizeof(*track->ranges)))
        return false;
    track->ranges[track->count++] = (struct mp4_range){offset, size};
    return true;
}

/* Adds the samples of a run; *at is where they begin if the run does not say it. */
static bool read_run(struct box run, uint32_t default_size, int64_t moof, int64_t *at,
                     struct mp4_track *track)
{
    enum { OFFSET = 1, FIRST_FLAGS = 4, DURATION = 0x100, SIZE = 0x200, FLAGS = 0x400 };
    enum { COMPOSITION = 0x800 };
    bool ok = true;
    uint32_t flags = take(&run, &ok) & 0xffffff, count = take(&run, &ok);
    if (flags & OFFSET)
        *at = moof + (int32_t)take(&run, &ok);
    if (flags & FIRST_FLAGS)
        take(&run, &ok);
    int64_t size = 0;
    for (uint32_t i = 0; ok && i < count; i++) {
        if (flags & DURATION)
            take(&run, &ok);
        size += flags & SIZE ? take(&run, &ok) : default_size;
        if (flags & FLAGS)
            take(&run, &ok);
        if (flags & COMPOSITION)
            take(&run, &ok);
    }
    ok = ok && add_range(track, *at, size);
    *at += size;
    return ok;
}

static bool read_track_fragment(struct mp4_layout *layout, struct box fragment,
                                int64_t moof)
{
    enum { BASE = 1, DESCRIPTION = 2, DURATION = 8, SIZE = 0x10, BASE_MOOF = 0x20000 };
    struct box header, box;
    bool ok = find_box(fragment, MKBETAG('t', 'f', 'h', 'd'), &header);
    uint32_t flags = ok ? take(&header, &ok) & 0xffffff : 0, id = take(&header, &ok);
    if (!ok || (flags & BASE) || !(flags & BASE_MOOF))
        return false;
    if (flags & DESCRIPTION)
        take(&header, &ok);
    if (flags & DURATION)
        take(&header, &ok);
    uint32_t default_size = flags & SIZE ? take(&header, &ok) : 0;
    struct mp4_track *track = ok ? track_of(layout, id, true) : NULL;
    int64_t at = moof;
    while (track && next_box(&fragment, &box)) {
        if (box.type == MKBETAG('t', 'r', 'u', 'n') &&
            !read_run(box, default_size, moof, &at, track))
            return false;
    }
    return track != NULL;
}

static bool read_fragment(struct mp4_layout *layout, int fd, int64_t offset, int64_t size)
{
    if (size > MOOF_MAX)
        return false;
    uint8_t *data = daub_alloc((size_t)size, 1);
    bool ok = data && pread(fd, data, (size_t)size, offset) == size;
    struct box rest = {data ? data + HEADER : NULL, (size_t)size - HEADER, 0}, box;
    while (ok && next_box(&rest, &box)) {
        if (box.type == MKBETAG('t', 'r', 'a', 'f'))
            ok = read_track_fragment(layout, box, offset);
    }
    free(data);
    return ok;
}

bool mp4_layout_read(struct mp4_layout *layout, int fd)
{
    struct stat info;
    *layout = (struct mp4_layout){0};
    if (fstat(fd, &info) != 0)
        return false;
    layout->end = info.st_size;
    int64_t offset = 0, size;
    for (; offset < layout->end; offset += size) {
        uint8_t header[LARGE_HEADER] = {0};
        if (pread(fd, header, sizeof(header), offset) < HEADER)
            return false;
        uint32_t type = AV_RB32(header + 4);
        size = AV_RB32(header);
        if (size == 1)
            size = (int64_t)AV_RB64(header + HEADER);
        if (size < HEADER || size > layout->end - offset)
            return false;
        if (type != MKBETAG('m', 'o', 'o', 'f'))
            continue;
        layout->first = layout->first ? layout->first : offset;
        if (!read_fragment(layout, fd, offset, size))
            return false;
    }
    return layout->first > 0;
}

void mp4_layout_free(struct mp4_layout *layout)
{
    for (size_t i = 0; i < layout->count; i++)
        free(layout->tracks[i].ranges);
    free(layout->tracks);
}

/* ---- the index ---- */

/* The new chunks of a track: runs of samples without a gap. */
struct chunk {
    int64_t offset, end;
    uint32_t samples;
};

struct places {
    struct mp4_track *track; /* NULL: it has no samples in the fragments */
    const struct mp4_moved *moved;
    struct chunk *list;
    size_t count, capacity;
};

static bool place(struct places *places, int64_t offset, int64_t size, uint32_t samples)
{
    struct chunk *last = places->count ? &places->list[places->count - 1] : NULL;
    if (last && last->end == offset && last->samples <= UINT32_MAX - samples) {
        last->end += size;
        last->samples += samples;
        return true;
    }
    if (!daub_grow(&places->list, &places->capacity, places->count + 1,
                   sizeof(*places->list)))
        return false;
    places->list[places->count++] = (struct chunk){offset, offset + size, samples};
    return true;
}

/* Places up to count samples of that size each; returns how many, 0: they do not match.
 */
static uint32_t place_next(struct places *places, int64_t size, uint32_t count)
{
    struct mp4_track *track = places->track;
    if (size == 0)
        return place(places, 0, 0, count) ? count : 0;
    if (track && track->next < track->count &&
        track->used == track->ranges[track->next].size) {
        track->next++;
        track->used = 0;
    }
    if (!track || track->next == track->count)
        return 0;
    const struct mp4_range *range = &track->ranges[track->next];
    int64_t fitting = (range->size - track->used) / size;
    uint32_t placed = fitting < count ? (uint32_t)fitting : count;
    if (!placed || !place(places, range->offset + track->used, placed * size, placed))
        return 0;
    track->used += placed * size;
    return placed;
}

/* Places the samples of a chunk of the index; sizes are behind *table. */
static bool place_chunk(struct places *places, int64_t offset, uint32_t samples,
                        uint32_t fixed_size, struct box *table)
{
    bool ok = true;
    const struct mp4_moved *moved = NULL;
    for (int i = 0; i < MP4_MOVED && !moved; i++) {
        const struct mp4_moved *m = &places->moved[i];
        /* samples that the fragments have as well are taken from there */
        if (offset >= m->from && offset < m->from + m->size && !places->track)
            moved = m;
    }
    while (ok && samples > 0) {
        int64_t size = fixed_size ? fixed_size : take(table, &ok);
        uint32_t count = fixed_size ? samples : 1;
        if (moved) {
            ok = ok &&
                 place(places, offset - moved->from + moved->to, size * count, count);
            offset += size * count;
        } else {
            count = ok ? place_next(places, size, count) : 0;
            ok = count > 0;
        }
        samples -= count;
    }
    return ok;
}

/* Reads the tables of a track's index and places all its samples. */
static bool place_all(struct places *places, struct box table)
{
    struct box sizes, runs, offsets;
    bool ok = true, large = find_box(table, MKBETAG('c', 'o', '6', '4'), &offsets);
    if ((!large && !find_box(table, MKBETAG('s', 't', 'c', 'o'), &offsets)) ||
        !find_box(table, MKBETAG('s', 't', 's', 'z'), &sizes) ||
        !find_box(table, MKBETAG('s', 't', 's', 'c'), &runs))
        return false;
    take(&sizes, &ok), take(&runs, &ok), take(&offsets, &ok); /* version and flags */
    uint32_t fixed_size = take(&sizes, &ok), all = take(&sizes, &ok), seen = 0;
    uint32_t run_count = take(&runs, &ok), chunks = take(&offsets, &ok), samples = 0;
    uint32_t first = run_count ? take(&runs, &ok) : UINT32_MAX;
    for (uint32_t i = 1; ok && i <= chunks; i++) {
        if (i == first) {
            samples = take(&runs, &ok);
            if (take(&runs, &ok) != 1) /* another sample description */
                return false;
            first = --run_count ? take(&runs, &ok) : UINT32_MAX;
        }
        int64_t offset = take(&offsets, &ok);
        if (large)
            offset = offset << 32 | take(&offsets, &ok);
        seen += samples;
        ok = ok && place_chunk(places, offset, samples, fixed_size, &sizes);
    }
    const struct mp4_track *track = places->track;
    bool used_up = !track || track->next == track->count ||
                   (track->next + 1 == track->count &&
                    track->used == track->ranges[track->next].size);
    return ok && seen == all && used_up;
}

static void write_places(AVIOContext *out, const struct places *places)
{
    int64_t last = 0;
    size_t runs = 0;
    for (size_t i = 0; i < places->count; i++) {
        runs += i == 0 || places->list[i].samples != places->list[i - 1].samples;
        last = places->list[i].offset > last ? places->list[i].offset : last;
    }
    bool large = last > UINT32_MAX;
    avio_wb32(out, (uint32_t)(FULL_HEADER + 4 + runs * 12));
    avio_wb32(out, MKBETAG('s', 't', 's', 'c'));
    avio_wb32(out, 0);
    avio_wb32(out, (uint32_t)runs);
    for (size_t i = 0; i < places->count; i++) {
        if (i > 0 && places->list[i].samples == places->list[i - 1].samples)
            continue;
        avio_wb32(out, (uint32_t)i + 1);
        avio_wb32(out, places->list[i].samples);
        avio_wb32(out, 1);
    }
    avio_wb32(out, (uint32_t)(FULL_HEADER + 4 + places->count * (large ? 8 : 4)));
    avio_wb32(out, large ? MKBETAG('c', 'o', '6', '4') : MKBETAG('s', 't', 'c', 'o'));
    avio_wb32(out, 0);
    avio_wb32(out, (uint32_t)places->count);
    for (size_t i = 0; i < places->count; i++) {
        if (large)
            avio_wb64(out, (uint64_t)places->list[i].offset);
        else
            avio_wb32(out, (uint32_t)places->list[i].offset);
    }
}

/* Writes the boxes of a track's sample table, with new chunks. */
static bool write_table(AVIOContext *out, struct box table, struct mp4_track *track,
                        const struct mp4_moved *moved)
{
    struct places places = {.track = track, .moved = moved};
    struct box box;
    bool ok = place_all(&places, table);
    while (ok && next_box(&table, &box)) {
        if (box.type == MKBETAG('s', 'a', 'i', 'o')) /* encrypted */
            ok = false;
        else if (box.type != MKBETAG('s', 't', 's', 'c') &&
                 box.type != MKBETAG('s', 't', 'c', 'o') &&
                 box.type != MKBETAG('c', 'o', '6', '4'))
            avio_write(out, box.data - HEADER, (int)box.size + HEADER);
    }
    if (ok)
        write_places(out, &places);
    free(places.list);
    return ok;
}

static bool is_container(uint32_t type)
{
    return type == MKBETAG('t', 'r', 'a', 'k') || type == MKBETAG('m', 'd', 'i', 'a') ||
           type == MKBETAG('m', 'i', 'n', 'f') || type == MKBETAG('s', 't', 'b', 'l');
}

/* The track that a box trak describes; NULL: the fragments have none of that number. */
static struct mp4_track *track_of_box(struct mp4_layout *layout, struct box trak)
{
    struct box header;
    bool ok = find_box(trak, MKBETAG('t', 'k', 'h', 'd'), &header);
    uint32_t version = ok ? take(&header, &ok) >> 24 : 0;
    for (int i = 0; ok && i < (version ? 4 : 2); i++) /* times */
        take(&header, &ok);
    uint32_t id = take(&header, &ok);
    return ok ? track_of(layout, id, false) : NULL;
}

/* Writes the boxes inside a container. */
static bool write_inside(AVIOContext *out, struct box inside, struct mp4_layout *layout,
                         struct mp4_track *track, const struct mp4_moved *moved)
{
    struct box box;
    bool ok = true;
    if (inside.type == MKBETAG('s', 't', 'b', 'l'))
        return write_table(out, inside, track, moved);
    while (ok && next_box(&inside, &box)) {
        if (!is_container(box.type)) {
            avio_write(out, box.data - HEADER, (int)box.size + HEADER);
            continue;
        }
        int64_t start = avio_tell(out);
        avio_wb32(out, 0);
        avio_wb32(out, box.type);
        if (box.type == MKBETAG('t', 'r', 'a', 'k'))
            track = track_of_box(layout, box);
        ok = write_inside(out, box, layout, track, moved);
        int64_t end = avio_tell(out);
        avio_seek(out, start, SEEK_SET);
        avio_wb32(out, (uint32_t)(end - start));
        avio_seek(out, end, SEEK_SET);
    }
    return ok && inside.size == 0;
}

bool mp4_write_moov(AVIOContext *out, const uint8_t *moov, size_t size,
                    struct mp4_layout *layout, const struct mp4_moved *moved)
{
    struct box rest = {moov, size, 0}, box;
    if (!next_box(&rest, &box) || rest.size != 0 ||
        box.type != MKBETAG('m', 'o', 'o', 'v'))
        return false;
    int64_t start = avio_tell(out);
    avio_wb32(out, 0);
    avio_wb32(out, box.type);
    if (!write_inside(out, box, layout, NULL, moved))
        return false;
    int64_t end = avio_tell(out);
    avio_seek(out, start, SEEK_SET);
    avio_wb32(out, (uint32_t)(end - start));
    avio_seek(out, end, SEEK_SET);
    return out->error >= 0;
}
