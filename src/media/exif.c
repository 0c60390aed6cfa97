/* EXIF 2.32: a TIFF structure, in a chunk of PNG ("eXIf") or WebP ("EXIF"). */
#include "media/exif.h"

#include <string.h>

#include <libavutil/intreadwrite.h>

enum { TAG_ORIENTATION = 0x112, TYPE_SHORT = 3, ENTRY_BYTES = 12 };

struct bytes {
    const uint8_t *data;
    size_t size;
};

/* The chunk of that type: PNG has size, type, data, checksum; RIFF has type, size, data,
 * padding to an even size. */
static struct bytes find_chunk(struct bytes file, size_t start, const char *type,
                               bool png)
{
    size_t at = start;
    while (at + 8 <= file.size) {
        const uint8_t *chunk = file.data + at;
        size_t size = png ? AV_RB32(chunk) : AV_RL32(chunk + 4);
        if (size > file.size - at - 8)
            break;
        if (memcmp(chunk + (png ? 4 : 0), type, 4) == 0)
            return (struct bytes){chunk + 8, size};
        at += 8 + size + (png ? 4 : size & 1);
    }
    return (struct bytes){0};
}

static unsigned read16(const uint8_t *data, bool little)
{
    return little ? AV_RL16(data) : AV_RB16(data);
}

static size_t read32(const uint8_t *data, bool little)
{
    return little ? AV_RL32(data) : AV_RB32(data);
}

/* The entry of the first directory; 0: none. */
static unsigned orientation_of(struct bytes tiff)
{
    if (tiff.size >= 6 && memcmp(tiff.data, "Exif\0\0", 6) == 0)
        tiff = (struct bytes){tiff.data + 6, tiff.size - 6};
    if (tiff.size < 8)
        return 0;
    bool little = memcmp(tiff.data, "II\x2a\0", 4) == 0;
    if (!little && memcmp(tiff.data, "MM\0\x2a", 4) != 0)
        return 0;
    size_t at = read32(tiff.data + 4, little);
    if (at > tiff.size || tiff.size - at < 2)
        return 0;
    unsigned count = read16(tiff.data + at, little);
    for (at += 2; count > 0 && tiff.size - at >= ENTRY_BYTES; count--) {
        const uint8_t *entry = tiff.data + at;
        if (read16(entry, little) == TAG_ORIENTATION &&
            read16(entry + 2, little) == TYPE_SHORT)
            return read16(entry + 8, little);
        at += ENTRY_BYTES;
    }
    return 0;
}

struct media_turn media_exif_turn(const AVPacket *packet, enum AVCodecID codec)
{
    static const struct media_turn turns[9] = {
        [2] = {.mirror = true},
        [3] = {.quarters = 2},
        [4] = {.quarters = 2, .mirror = true},
        [5] = {.quarters = 3, .mirror = true},
        [6] = {.quarters = 1},
        [7] = {.quarters = 1, .mirror = true},
        [8] = {.quarters = 3},
    };
    struct bytes file = {packet->data, packet->size > 0 ? (size_t)packet->size : 0};
    struct bytes tiff = {0};
    if (codec == AV_CODEC_ID_PNG || codec == AV_CODEC_ID_APNG)
        tiff = find_chunk(file, 8, "eXIf", true);
    else if (codec == AV_CODEC_ID_WEBP)
        tiff = find_chunk(file, 12, "EXIF", false);
    else if (codec == AV_CODEC_ID_TIFF)
        tiff = file;
    unsigned orientation = orientation_of(tiff);
    return orientation <= 8 ? turns[orientation] : turns[0];
}
