#include "media/mp4_index.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/intreadwrite.h>

#include "media/compat.h"
#include "media/mp4_boxes.h"
#include "media/mux.h"
#include "util/alloc.h"

/* the one of media_mux_start that changes no box but the tags' */
#define METADATA_FLAG "+use_metadata_tags"

enum phase { PHASE_HEADER = 1, PHASE_PACKETS, PHASE_TRAILER };

/* What the second muxer wrote before or after the packets. */
struct bytes {
    uint8_t *data;
    size_t size, capacity;
    int64_t offset; /* in its virtual file */
};

struct mp4_index {
    AVFormatContext *format; /* the second muxer */
    enum phase phase;
    int64_t position, length; /* of its virtual file */
    struct bytes header, trailer;
    bool failed;
};

/* ---- the virtual file ---- */

static bool keep_bytes(struct bytes *bytes, int64_t position, const uint8_t *data,
                       size_t size)
{
    size_t at = (size_t)(position - bytes->offset);
    if (!daub_grow(&bytes->data, &bytes->capacity, at + size, 1))
        return false;
    memcpy(bytes->data + at, data, size);
    bytes->size = at + size > bytes->size ? at + size : bytes->size;
    return true;
}

static int write_bytes(void *opaque, media_output_byte *data, int size)
{
    struct mp4_index *index = opaque;
    bool ok = true;
    if (index->phase == PHASE_HEADER)
        ok = keep_bytes(&index->header, index->position, data, (size_t)size);
    else if (index->phase == PHASE_TRAILER && index->position >= index->trailer.offset)
        ok = keep_bytes(&index->trailer, index->position, data, (size_t)size);
    index->position += size;
    if (index->position > index->length)
        index->length = index->position;
    return ok ? size : AVERROR(ENOMEM);
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence)
{
    struct mp4_index *index = opaque;
    if (whence & AVSEEK_SIZE)
        return index->length;
    whence &= ~AVSEEK_FORCE;
    if (whence == SEEK_CUR)
        offset += index->position;
    else if (whence == SEEK_END)
        offset += index->length;
    return index->position = offset;
}

static AVIOContext *open_virtual(struct mp4_index *index)
{
    enum { BUFFER = 1 << 15 };
    uint8_t *buffer = av_malloc(BUFFER);
    AVIOContext *io = buffer ? avio_alloc_context(buffer, BUFFER, 1, index, NULL,
                                                  write_bytes, seek_bytes)
                             : NULL;
    if (!io)
        av_free(buffer);
    return io;
}

/* ---- open ---- */

/* Codecs whose fragments were compared with the ordinary file (tests/e2e/mp4.py). */
static bool is_tested(const AVCodecParameters *par)
{
    static const enum AVCodecID codecs[] = {
        AV_CODEC_ID_H264,      AV_CODEC_ID_HEVC,      AV_CODEC_ID_AV1,
        AV_CODEC_ID_VP9,       AV_CODEC_ID_MPEG4,     AV_CODEC_ID_MJPEG,
        AV_CODEC_ID_PNG,       AV_CODEC_ID_PRORES,    AV_CODEC_ID_AAC,
        AV_CODEC_ID_MP3,       AV_CODEC_ID_AC3,       AV_CODEC_ID_OPUS,
        AV_CODEC_ID_ALAC,      AV_CODEC_ID_FLAC,      AV_CODEC_ID_PCM_S16LE,
        AV_CODEC_ID_PCM_S16BE, AV_CODEC_ID_PCM_S24LE, AV_CODEC_ID_PCM_F32LE,
        AV_CODEC_ID_MOV_TEXT};
    for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
        if (codecs[i] == par->codec_id)
            return true;
    }
    return false;
}

static bool is_possible(const AVFormatContext *format, const AVDictionary *options)
{
    static const char *const names[] = {"mp4", "mov", "ipod", "3gp", "3g2", "psp", "f4v"};
    static const char *const own[] = {"frag_duration",     "frag_size",
                                      "min_frag_duration", "moov_size",
                                      "encryption_scheme", "frag_interleave"};
    const AVDictionaryEntry *flags = av_dict_get(options, "movflags", NULL, 0);
    bool known = false;
    if (flags && strcmp(flags->value, METADATA_FLAG) != 0)
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        known = known || strcmp(format->oformat->name, names[i]) == 0;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        known = known && !av_dict_get(options, own[i], NULL, 0);
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVCodecParameters *par = format->streams[i]->codecpar;
        /* ADTS: with damaged packets, the two muxers' filters get out of step */
        bool adts = par->codec_id == AV_CODEC_ID_AAC && par->extradata_size == 0;
        known = known && is_tested(par) && !adts;
    }
    return known && format->pb && (format->pb->seekable & AVIO_SEEKABLE_NORMAL);
}

/* Writes the second muxer's header. */
static bool start(struct mp4_index *index, AVFormatContext *from, AVDictionary **options)
{
    AVDictionary *mine = NULL;
    if (avformat_alloc_output_context2(&index->format, from->oformat, NULL, NULL) < 0)
        return false;
    AVFormatContext *format = index->format;
    format->strict_std_compliance = from->strict_std_compliance;
    format->flags |= AVFMT_FLAG_CUSTOM_IO;
    format->pb = open_virtual(index);
    bool ok = format->pb && av_dict_copy(&format->metadata, from->metadata, 0) >= 0;
    for (unsigned i = 0; ok && i < from->nb_streams; i++)
        ok = mux_clone_stream(format, from->streams[i]);
    format->chapters = from->chapters;
    format->nb_chapters = from->nb_chapters;
    ok = ok && av_dict_copy(&mine, *options, 0) >= 0 &&
         avformat_write_header(format, &mine) >= 0;
    if (ok) {
        avio_flush(format->pb);
        from->chapters = NULL;
        from->nb_chapters = 0;
    } else {
        format->chapters = NULL;
        format->nb_chapters = 0;
    }
    av_dict_free(&mine);
    return ok;
}

struct mp4_index *mp4_index_open(AVFormatContext *fragments, AVDictionary **options)
{
    struct mp4_index *index =
        is_possible(fragments, *options) ? daub_alloc(1, sizeof(*index)) : NULL;
    if (!index)
        return NULL;
    index->phase = PHASE_HEADER;
    if (!start(index, fragments, options)) {
        mp4_index_free(index);
        return NULL;
    }
    index->phase = PHASE_PACKETS;
    /* delay_moov: the header is written with the first fragment, when the edit lists are
     * known. A second is what a kill may cost. */
    av_dict_set(options, "movflags", "+empty_moov+delay_moov+default_base_moof",
                AV_DICT_APPEND);
    av_dict_set(options, "frag_duration", "1000000", 0);
    return index;
}

void mp4_index_add(struct mp4_index *index, const AVPacket *packet, AVRational base)
{
    AVPacket *copy = index->failed ? NULL : av_packet_clone(packet);
    index->failed = !copy;
    if (copy) {
        AVRational to = index->format->streams[copy->stream_index]->time_base;
        av_packet_rescale_ts(copy, base, to);
        index->failed = av_interleaved_write_frame(index->format, copy) < 0;
    }
    av_packet_free(&copy);
}

void mp4_index_flush(struct mp4_index *index)
{
    if (!index->failed)
        index->failed = av_interleaved_write_frame(index->format, NULL) < 0;
}

/* ---- finish ---- */

/* Position of the box moov in the trailer, plus 1; 0: there is none that ends the
 * trailer. */
static size_t find_moov(const struct bytes *trailer)
{
    for (size_t i = 0; i + 8 <= trailer->size; i++) {
        if (memcmp(trailer->data + i + 4, "moov", 4) == 0 &&
            AV_RB32(trailer->data + i) == trailer->size - i)
            return i + 1;
    }
    return 0;
}

/* The second muxer's last packets and its trailer. */
static bool write_trailer(struct mp4_index *index)
{
    AVFormatContext *format = index->format;
    if (av_interleaved_write_frame(format, NULL) < 0)
        return false;
    avio_flush(format->pb);
    index->phase = PHASE_TRAILER;
    index->trailer.offset = index->position;
    if (av_write_trailer(format) < 0)
        return false;
    avio_flush(format->pb);
    return format->pb->error >= 0;
}

static bool write_at(int fd, const uint8_t *data, size_t size, int64_t offset)
{
    while (size > 0) {
        ssize_t count = pwrite(fd, data, size, offset);
        if (count <= 0)
            return false;
        data += count;
        size -= (size_t)count;
        offset += count;
    }
    return true;
}

/* Appends to the file the samples that only the second muxer wrote (titles of chapters)
 * and the index. Then writes the header of a box mdat over the first fragment's header:
 * all fragments become the content of that box, which players do not read by itself. */
static bool append(struct mp4_index *index, int fd, struct mp4_layout *layout,
                   AVIOContext *out, size_t moov)
{
    enum { MDAT_HEADER = 16 };
    const struct bytes *header = &index->header, *trailer = &index->trailer;
    size_t type = header->size >= 8 ? AV_RB32(header->data) : 0; /* the box ftyp */
    if (type < 8 || type > header->size || (int64_t)(type + MDAT_HEADER) > layout->first)
        return false;
    const struct mp4_moved moved[MP4_MOVED] = {
        {0, (int64_t)header->size, layout->end},
        {trailer->offset, (int64_t)moov, layout->end + (int64_t)header->size}};
    avio_write(out, header->data, (int)header->size);
    avio_write(out, trailer->data, (int)moov);
    int64_t index_at = layout->end + avio_tell(out);
    if (!mp4_write_moov(out, trailer->data + moov, trailer->size - moov, layout, moved))
        return false;
    uint8_t *data = NULL, *start = daub_alloc(type + MDAT_HEADER, 1);
    int size = avio_get_dyn_buf(out, &data);
    bool ok = start && size > 0 && write_at(fd, data, (size_t)size, layout->end) &&
              fsync(fd) == 0;
    if (!ok && start && ftruncate(fd, layout->end) != 0)
        ok = false; /* it still plays: what follows the fragments is ignored */
    if (ok) {
        memcpy(start, header->data, type);
        AV_WB32(start + type, 1); /* the size follows in 64 bits */
        memcpy(start + type + 4, "mdat", 4);
        AV_WB64(start + type + 8, (uint64_t)(index_at - (int64_t)type));
        ok = write_at(fd, start, type + MDAT_HEADER, 0);
    }
    free(start);
    return ok;
}

bool mp4_index_finish(struct mp4_index *index, int fd)
{
    struct mp4_layout layout = {0};
    AVIOContext *out = NULL;
    bool ok = !index->failed && write_trailer(index);
    size_t moov = ok ? find_moov(&index->trailer) : 0;
    ok = moov > 0 && mp4_layout_read(&layout, fd) && avio_open_dyn_buf(&out) >= 0 &&
         append(index, fd, &layout, out, moov - 1);
    if (out) {
        uint8_t *data = NULL;
        avio_close_dyn_buf(out, &data);
        av_free(data);
    }
    mp4_layout_free(&layout);
    return ok;
}

void mp4_index_free(struct mp4_index *index)
{
    if (!index)
        return;
    if (index->format) {
        AVIOContext *io = index->format->pb;
        index->format->pb = NULL;
        avformat_free_context(index->format);
        if (io)
            av_freep(&io->buffer);
        avio_context_free(&io);
    }
    free(index->header.data);
    free(index->trailer.data);
    free(index);
}
