#include "media/container.h"

#include <string.h>

#include <libavutil/avstring.h>

/* clang-format off */
static const struct media_container table[] = {
    {"mp4,ipod,psp,f4v", .sound = {AV_CODEC_ID_AAC}, .text = AV_CODEC_ID_MOV_TEXT,
     .chapters = true, .edit_lists = true, .turns = true, .quicktime = true},
    {"ismv", .sound = {AV_CODEC_ID_AAC}, .text = AV_CODEC_ID_MOV_TEXT, .in_order = true,
     .turns = true},
    {"mov", .sound = {AV_CODEC_ID_AAC, AV_CODEC_ID_PCM_S16LE}, .text = AV_CODEC_ID_MOV_TEXT,
     .chapters = true, .edit_lists = true, .turns = true, .quicktime = true},
    {"3gp,3g2", .sound = {AV_CODEC_ID_AAC}, .text = AV_CODEC_ID_MOV_TEXT,
     .edit_lists = true, .turns = true},
    {"matroska", .sound = {AV_CODEC_ID_FLAC, AV_CODEC_ID_AAC}, .text = AV_CODEC_ID_SUBRIP,
     .chapters = true},
    {"webm", .sound = {AV_CODEC_ID_OPUS, AV_CODEC_ID_VORBIS}, .text = AV_CODEC_ID_WEBVTT,
     .chapters = true},
    {"ogg,ogv", .sound = {AV_CODEC_ID_VORBIS, AV_CODEC_ID_OPUS, AV_CODEC_ID_FLAC}},
    {"mpegts,hls", .sound = {AV_CODEC_ID_AAC, AV_CODEC_ID_AC3, AV_CODEC_ID_MP2},
     .playable = {AV_CODEC_ID_AAC, AV_CODEC_ID_AAC_LATM, AV_CODEC_ID_AC3, AV_CODEC_ID_EAC3,
                  AV_CODEC_ID_MP2, AV_CODEC_ID_MP3, AV_CODEC_ID_DTS, AV_CODEC_ID_TRUEHD,
                  AV_CODEC_ID_OPUS, AV_CODEC_ID_S302M, AV_CODEC_ID_DVB_SUBTITLE,
                  AV_CODEC_ID_DVB_TELETEXT, AV_CODEC_ID_HDMV_PGS_SUBTITLE,
                  AV_CODEC_ID_SMPTE_KLV, AV_CODEC_ID_TIMED_ID3}},
    {"mpeg,vcd,svcd,dvd,vob", .sound = {AV_CODEC_ID_MP2, AV_CODEC_ID_AC3},
     .playable = {AV_CODEC_ID_MP1, AV_CODEC_ID_MP2, AV_CODEC_ID_MP3, AV_CODEC_ID_AC3,
                  AV_CODEC_ID_DTS, AV_CODEC_ID_PCM_S16BE, AV_CODEC_ID_PCM_DVD,
                  AV_CODEC_ID_DVD_SUBTITLE}},
    {"avi", .sound = {AV_CODEC_ID_AC3, AV_CODEC_ID_PCM_S16LE}, .counts = true, .in_order = true,
     .playable = {AV_CODEC_ID_MP2, AV_CODEC_ID_MP3, AV_CODEC_ID_AC3, AV_CODEC_ID_DTS,
                  AV_CODEC_ID_AAC, AV_CODEC_ID_PCM_S16LE, AV_CODEC_ID_PCM_S24LE,
                  AV_CODEC_ID_PCM_S32LE, AV_CODEC_ID_PCM_F32LE, AV_CODEC_ID_PCM_U8,
                  AV_CODEC_ID_PCM_ALAW, AV_CODEC_ID_PCM_MULAW, AV_CODEC_ID_ADPCM_MS,
                  AV_CODEC_ID_ADPCM_IMA_WAV, AV_CODEC_ID_XSUB}},
    {"flv", .sound = {AV_CODEC_ID_AAC, AV_CODEC_ID_MP3}},
    {"asf,asf_stream,wtv", .chapters = true, .sound = {AV_CODEC_ID_WMAV2, AV_CODEC_ID_MP3, AV_CODEC_ID_MP2},
     .playable = {AV_CODEC_ID_WMAV1, AV_CODEC_ID_WMAV2, AV_CODEC_ID_WMAPRO, AV_CODEC_ID_MP2,
                  AV_CODEC_ID_MP3, AV_CODEC_ID_AC3, AV_CODEC_ID_AAC, AV_CODEC_ID_PCM_S16LE,
                  AV_CODEC_ID_PCM_U8, AV_CODEC_ID_ADPCM_MS}},
    {"mxf,mxf_d10,mxf_opatom,gxf", .sound = {AV_CODEC_ID_PCM_S16LE}, .counts = true, .in_order = true},
    {"rm", .sound = {AV_CODEC_ID_AC3}, .counts = true, .in_order = true},
    {"swf", .sound = {AV_CODEC_ID_MP3}, .counts = true, .in_order = true},
    {"dv", .sound = {AV_CODEC_ID_PCM_S16LE}, .counts = true, .in_order = true},
    {"nut", .sound = {AV_CODEC_ID_FLAC, AV_CODEC_ID_AAC}, .text = AV_CODEC_ID_SUBRIP,
     .chapters = true},
    {"dash", .sound = {AV_CODEC_ID_AAC}, .late_packets = true},
    {"gif", .tick = {1, 100}, .least_ticks = 2, .pictures = true},
    {"apng", .pictures = true, .summed = true},
    {"webp", .tick = {1, 1000}, .least_ticks = 1, .pictures = true},
    {"yuv4mpegpipe", .counts = true, .in_order = true, .timeless = true, .pictures = true},
    {"rawvideo,mjpeg,ivf,avif", .pictures = true},
};
/* clang-format on */

const struct media_container *media_container_of(const AVOutputFormat *format)
{
    static const struct media_container other;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (av_match_name(format->name, table[i].names))
            return &table[i];
    }
    return &other;
}

bool media_container_plays(const struct media_container *container, enum AVCodecID codec)
{
    if (container->playable[0] == AV_CODEC_ID_NONE)
        return true;
    for (int i = 0; i < CONTAINER_CODECS_MAX; i++) {
        if (container->playable[i] == codec)
            return true;
    }
    return false;
}
