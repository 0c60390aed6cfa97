"""The conversion contract: frames, times, sound and everything around the picture stay."""

import os
import unittest

import harness
from harness import (ffmpeg, frames, packets, probe, psnr, sine, stream, streams, testsrc, times,
                     turn)

OUTPUT = 5
# shifts every frame by another amount: no two steps are equal
UNEVEN = "settb=1/90000,setpts='N*3600+mod(N*N*577\\,1800)'"


class Formats(harness.Case):
    """One input of each kind; same count, same times, same sound."""

    def check(self, source, target, tick=0.0, sound=True):
        text, _ = self.daub(source, "-o", target)
        self.assertIn("frames in", text)
        self.assertNotIn("warning", text)
        self.assert_same_times(source, target, tick)
        if sound:
            self.assert_same_packets(source, target, "a:0", max(tick, 1e-4))
        return text

    def make(self, name, *codec, video=testsrc(), audio=("-c:a", "aac")):
        path = self.path(name)
        ffmpeg(*video, *sine(), *codec, *audio, "-shortest", path)
        return path

    def test_h264_with_b_frames(self):
        source = self.make("in.mp4", "-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p")
        text = self.check(source, self.path("out.mp4"))
        self.assertIn("pts error 0.000 ms", text)
        self.assertIn("A/V offset error 0.000 ms", text)
        made = stream(self.path("out.mp4"))
        self.assertEqual(made["codec_name"], "h264")
        self.assertEqual(made["pix_fmt"], "yuv420p")
        self.assertEqual(made["r_frame_rate"], "25/1")
        self.assertEqual(made["nb_frames"], "50")
        self.assertAlmostEqual(float(made["duration"]), 2.0, places=3)

    def test_h264_without_b_frames(self):
        source = self.make("in.mkv", "-c:v", "libx264", "-bf", "0", "-pix_fmt", "yuv420p")
        self.check(source, self.path("out.mkv"), tick=0.001)

    def test_h264_of_uneven_rate(self):
        source = self.make("in.mp4", "-c:v", "libx264", "-vf", UNEVEN, "-fps_mode", "vfr",
                           "-enc_time_base", "1:90000", "-video_track_timescale", "90000",
                           "-pix_fmt", "yuv420p")
        steps = [b - a for a, b in zip(times(source), times(source)[1:])]
        self.assertGreater(len({round(s, 5) for s in steps}), 10)
        self.check(source, self.path("out.mp4"))

    def test_uneven_rate_into_matroska(self):
        source = self.make("in.mp4", "-c:v", "libx264", "-vf", UNEVEN, "-fps_mode", "vfr",
                           "-enc_time_base", "1:90000", "-video_track_timescale", "90000",
                           "-pix_fmt", "yuv420p", audio=("-c:a", "flac", "-strict", "-2"))
        self.check(source, self.path("out.mkv"), tick=0.001)

    def test_uneven_rate_into_avi(self):
        source = self.make("in.mp4", "-c:v", "libx264", "-vf", UNEVEN, "-fps_mode", "vfr",
                           "-enc_time_base", "1:90000", "-video_track_timescale", "90000",
                           "-pix_fmt", "yuv420p")
        text, _ = self.daub(source, "-o", self.path("out.avi"))
        self.assertIn("counts frames and keeps no times", text)
        self.assertEqual(len(frames(self.path("out.avi"))), len(frames(source)))

    def test_hevc_10_bit(self):
        source = self.make("in.mp4", "-c:v", "libx265", "-x265-params", "log-level=none",
                           "-pix_fmt", "yuv420p10le")
        self.check(source, self.path("out.mp4"))
        self.assertEqual(stream(self.path("out.mp4"))["pix_fmt"], "yuv420p10le")

    def test_vp9_webm(self):
        source = self.make("in.webm", "-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline",
                           "realtime", audio=("-c:a", "libopus"))
        self.check(source, self.path("out.webm"), tick=0.001)
        self.assertEqual(stream(self.path("out.webm"))["codec_name"], "vp9")

    def test_mpeg4_avi(self):
        source = self.make("in.avi", "-c:v", "mpeg4", "-bf", "0",
                           audio=("-c:a", "libmp3lame"))
        self.check(source, self.path("out.mkv"), tick=0.001)

    def test_mpeg4_with_b_frames(self):
        source = self.make("in.mp4", "-c:v", "mpeg4", "-bf", "2")
        self.check(source, self.path("out.mp4"))

    def test_mjpeg(self):
        source = self.make("in.mov", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p",
                           audio=("-c:a", "pcm_s16le"))
        self.check(source, self.path("out.mov"), sound=False)
        made = stream(self.path("out.mov"))
        self.assertEqual(made["color_range"], "pc")
        self.assertEqual([p[2] for p in self.pcm(source)],
                         [p[2] for p in self.pcm(self.path("out.mov"))])

    def pcm(self, path):
        ffmpeg("-i", path, "-map", "0:a", "-f", "s16le", path + ".pcm")
        ffmpeg("-f", "s16le", "-ar", "48000", "-i", path + ".pcm", "-c", "copy", path + ".wav")
        return packets(path + ".wav", "a:0")

    def test_ffv1_odd_size(self):
        source = self.make("in.mkv", "-c:v", "ffv1", "-vf", "format=yuv444p,crop=95:61",
                           "-pix_fmt", "yuv444p", audio=("-c:a", "flac"))
        text, _ = self.daub(source, "-o", self.path("out.mkv"))
        self.assertIn("odd size 95x61 is kept", text)
        self.assert_same_times(source, self.path("out.mkv"))
        made = stream(self.path("out.mkv"))
        self.assertEqual((made["width"], made["height"]), (95, 61))
        self.assert_same_packets(source, self.path("out.mkv"), "a:0")
        self.daub(source, "-o", self.path("vp9.webm"), "-an")
        made = stream(self.path("vp9.webm"))
        self.assertEqual((made["width"], made["height"], made["pix_fmt"]), (95, 61, "yuv420p"))

    def test_transport_stream(self):
        source = self.make("in.ts", "-c:v", "libx264", "-pix_fmt", "yuv420p",
                           audio=("-c:a", "mp2"))
        target = self.path("out.mkv")
        self.daub(source, "-o", target)
        a, b = times(source), times(target)
        self.assertEqual(len(a), len(b))
        for x, y in zip(a, b):
            self.assertAlmostEqual(x - a[0], y - b[0], delta=0.0011)
        pa, pb = packets(source, "a:0"), packets(target, "a:0")
        self.assertEqual([p[2] for p in pa], [p[2] for p in pb])
        self.assertAlmostEqual(pa[0][1] - a[0], pb[0][1] - b[0], delta=0.0011)
        self.assertLess(min(b[0], pb[0][1]), 0.001)

    def test_joined_transport_streams(self):
        one = self.make("one.ts", "-c:v", "libx264", "-pix_fmt", "yuv420p",
                        audio=("-c:a", "mp2"))
        with open(one, "rb") as f:
            data = f.read()
        with open(self.path("two.ts"), "wb") as f:
            f.write(data + data)
        text, _ = self.daub(self.path("two.ts"), "-o", self.path("out.mp4"))
        self.assertIn("clock", text)
        t = times(self.path("out.mp4"))
        self.assertEqual(len(t), len(frames(self.path("two.ts"))))
        steps = [b - a for a, b in zip(t, t[1:])]
        self.assertGreater(min(steps), 0.0)
        self.assertLess(max(steps), 0.3)

    def test_offset_of_audio(self):
        source = self.path("in.mkv")
        ffmpeg(*testsrc(2), "-itsoffset", "0.53", *sine(2), "-c:v", "libx264", "-c:a", "aac",
               "-pix_fmt", "yuv420p", source)
        for name, tick in (("out.mp4", 1e-4), ("out.mkv", 0.001)):
            self.daub(source, "-o", self.path(name))
            self.assert_same_times(source, self.path(name), tick)
            self.assert_same_packets(source, self.path(name), "a:0", tick)

    def test_late_picture(self):
        source = self.path("in.mkv")
        ffmpeg("-itsoffset", "0.7", *testsrc(2), *sine(2), "-c:v", "libx264", "-c:a", "aac",
               "-pix_fmt", "yuv420p", source)
        self.daub(source, "-o", self.path("out.mp4"))
        self.assert_same_times(source, self.path("out.mp4"), 1e-4)
        self.assert_same_packets(source, self.path("out.mp4"), "a:0")

    def test_raw_stream_without_times(self):
        source = self.path("in.h264")
        ffmpeg(*testsrc(2), "-c:v", "libx264", "-pix_fmt", "yuv420p", source)
        self.daub(source, "-o", self.path("out.mp4"))
        t = times(self.path("out.mp4"))
        self.assertEqual(len(t), 50)
        for i, x in enumerate(t):
            self.assertAlmostEqual(x - t[0], i / 25, delta=1e-3)

    def test_repeated_times(self):
        plain, source = self.path("plain.mkv"), self.path("in.mkv")
        ffmpeg(*testsrc(1), "-c:v", "ffv1", plain)
        ffmpeg("-i", plain, "-c", "copy", "-bsf:v", "setts=pts='if(eq(mod(N,5),4),PREV_OUTPTS,"
               "PTS)':dts='if(eq(mod(N,5),4),PREV_OUTDTS,DTS)'", source)
        self.assertEqual(len(set(times(source))), 20)
        text, _ = self.daub(source, "-o", self.path("out.mkv"))
        self.assertIn("moved just behind it: 5", text)
        t = times(self.path("out.mkv"))
        self.assertEqual(len(t), 25)
        self.assertEqual(t, sorted(set(t)))


class Properties(harness.Case):
    """What describes the picture and the file."""

    def test_all_properties(self):
        source, target = self.path("in.mkv"), self.path("out.mkv")
        with open(self.path("s.srt"), "w") as f:
            f.write("1\n00:00:00,200 --> 00:00:00,900\nHello\n\n"
                    "2\n00:00:01,000 --> 00:00:01,700\nWorld\n")
        with open(self.path("m.txt"), "w") as f:
            f.write(";FFMETADATA1\ntitle=A title\nartist=Somebody\n"
                    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle=First\n"
                    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=900\nEND=2000\ntitle=Second\n")
        with open(self.path("font.ttf"), "wb") as f:
            f.write(bytes(range(256)) * 8)
        ffmpeg(*testsrc(), *sine(), *sine(2, 880), "-i", self.path("s.srt"), "-i",
               self.path("m.txt"), "-map", "0", "-map", "1", "-map", "2", "-map", "3",
               "-map", "3", "-map_metadata", "4", "-map_chapters", "4", "-attach",
               self.path("font.ttf"), "-metadata:s:t", "mimetype=font/ttf", "-c:v", "libx264",
               "-pix_fmt", "yuv420p", "-c:a:0", "aac", "-c:a:1", "flac", "-c:s:0", "srt",
               "-c:s:1", "ass", "-metadata:s:a:0", "language=deu", "-metadata:s:a:1",
               "language=fra", "-metadata:s:a:1", "title=Commentary", "-disposition:a:1",
               "comment", "-metadata:s:s:0", "language=eng", "-disposition:s:0", "forced",
               source)
        self.daub(source, "-o", target)
        self.assertEqual([s["codec_type"] for s in streams(source)],
                         [s["codec_type"] for s in streams(target)])
        for kind in "a:0", "a:1", "s:0", "s:1":
            self.assert_same_packets(source, target, kind, 0.001)
        for a, b in zip(streams(source)[1:], streams(target)[1:]):
            self.assertEqual(a["codec_name" if "codec_name" in a else "codec_type"],
                             b["codec_name" if "codec_name" in b else "codec_type"])
            self.assertEqual(a["disposition"], b["disposition"])
            for tag in "language", "title", "filename", "mimetype":
                self.assertEqual(a.get("tags", {}).get(tag), b.get("tags", {}).get(tag))
        def chapters(path):
            return [(c["start_time"], c["end_time"], c["tags"]["title"])
                    for c in probe(path, "-show_chapters")["chapters"]]
        self.assertEqual(chapters(source), chapters(target))
        self.assertEqual(len(chapters(target)), 2)
        tags = probe(target, "-show_format")["format"]["tags"]
        self.assertEqual(tags["title"], "A title")
        self.assertEqual(tags["ARTIST"], "Somebody")

    def test_what_mp4_cannot_hold(self):
        """Sound and text are encoded again, attachments are left out, each in one line; with --strict
        nothing is painted."""
        source, target = self.path("in.mkv"), self.path("out.mp4")
        with open(self.path("s.srt"), "w") as f:
            f.write("1\n00:00:00,200 --> 00:00:00,900\nHello\n\n2\n00:00:01,000 --> 00:00:01,500\nWorld\n")
        ffmpeg(*testsrc(), *sine(), "-i", self.path("s.srt"), "-map", "0", "-map", "1", "-map", "2", "-attach",
               self.path("s.srt"), "-metadata:s:t", "mimetype=text/plain", "-c:v", "libx264", "-pix_fmt",
               "yuv420p", "-c:a", "pcm_s16le", "-c:s", "srt", source)
        lines = ("audio stream 1 (pcm_s16le) cannot be stored in mp4 and is encoded as aac",
                 "subtitle stream 2 (subrip) cannot be stored in mp4 and is encoded as mov_text",
                 "attachment stream 3 (none) cannot be stored in mp4 and is left out")
        text, _ = self.daub(source, "-o", target)
        for line in lines:
            self.assertEqual(text.count(line), 1, text)
            self.assertIn(".mkv", [each for each in text.splitlines() if line in each][0])
        self.assertEqual([s["codec_name"] for s in streams(target)], ["h264", "aac", "mov_text"])
        self.assertAlmostEqual(float(stream(target, "audio")["duration"]), 2, delta=0.05)
        self.assertAlmostEqual(float(stream(target, "audio")["start_time"]), 0, delta=0.001)
        def texts(path):
            return ffmpeg("-i", path, "-map", "s:0", "-f", "srt", "-").stdout.strip()
        self.assertEqual(texts(source), texts(target))
        text, _ = self.daub(source, "-o", self.path("no.mp4"), "--strict", code=OUTPUT)
        for line in lines:
            self.assertIn("error: " + line, text)
        self.assertFalse(os.path.exists(self.path("no.mp4")))
        text, _ = self.daub(source, "-o", self.path("quiet.mp4"), "-sn", "-an")
        self.assertNotIn("encoded", text)
        self.assertEqual([s["codec_type"] for s in streams(self.path("quiet.mp4"))], ["video"])

    def test_sound_the_container_cannot_take(self):
        """It has the same length, pitch and place."""
        for codec, name, made in (("pcm_s16le", "out.mp4", "aac"), ("aac", "out.webm", "opus"),
                                  ("pcm_s16le", "out.ogv", "vorbis"), ("aac", "out.mpg", "mp2"),
                                  ("libopus", "out.mov", "aac"), ("flac", "out.ts", "aac"),
                                  ("libvorbis", "out.flv", "aac"), ("flac", "out.avi", "ac3"),
                                  ("flac", "out.mxf", "pcm_s16le")):
            with self.subTest(codec=codec, name=name):
                source, target = self.path("in.mkv"), self.path(name)
                # a click at 1 s
                ffmpeg(*testsrc(), "-f", "lavfi", "-i", "aevalsrc='if(between(t,1,1.02),sin(t*6000),0)':d=2:s=44100",
                       "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", codec, "-ac", "2", *(
                           ["-ar", "48000"] if codec == "libopus" else []), source)
                text, _ = self.daub(source, "-o", target)
                self.assertIn("(%s)" % codec.replace("lib", ""), text)
                self.assertEqual(stream(target, "audio")["codec_name"], made)
                offset = self.click(target) - self.click(source)
                self.assertLess(abs(offset), 0.008, "the sound moved by %g s against the picture" % offset)

    def click(self, path):
        """When sound begins, counted from the first picture."""
        done = harness.run(["ffmpeg", "-v", "info", "-nostdin", "-copyts", "-i", path, "-map", "a:0", "-af",
                            "silencedetect=n=-30dB:d=0.1", "-f", "null", "-"]).stderr.decode()
        ends = [float(line.split("silence_end: ")[1].split()[0]) for line in done.splitlines()
                if "silence_end: " in line]
        first = frames(path)[0].get("best_effort_timestamp_time", 0)  # AVI has no times
        return ends[0] - float(first)

    def test_cover_image(self):
        ffmpeg(*testsrc(), "-frames:v", "1", self.path("cover.png"))
        source, target = self.path("in.mp4"), self.path("out.mp4")
        ffmpeg(*testsrc(), *sine(), "-i", self.path("cover.png"), "-map", "0", "-map", "1",
               "-map", "2", "-c:v:0", "libx264", "-pix_fmt:v:0", "yuv420p", "-c:v:1", "png",
               "-c:a", "aac", "-disposition:v:1", "attached_pic", source)
        self.daub(source, "-o", target)
        covers = [s for s in streams(target) if s["disposition"]["attached_pic"]]
        self.assertEqual(len(covers), 1)
        self.assertEqual(packets(source, "v:1")[0][2], packets(target, "v:1")[0][2])
        for a, b in (source, "a.mkv"), (self.path("a.mkv"), "b.mkv"), (self.path("b.mkv"), "c.mp4"):
            self.daub(a, "-o", self.path(b))
            covers = [s for s in streams(self.path(b)) if s["disposition"]["attached_pic"]]
            self.assertEqual([s["codec_name"] for s in covers], ["png"])
            self.assertEqual(packets(source, "v:1")[0][2], packets(self.path(b), "v:1")[0][2])

    def rotated(self):
        plain, source = self.path("plain.mp4"), self.path("in.mp4")
        ffmpeg(*testsrc(1), *sine(1), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac",
               plain)
        turn(plain, source)
        self.assertEqual(self.rotation(source), 90)
        return source

    def rotation(self, path):
        return [d.get("rotation") for d in stream(path).get("side_data_list", [])
                if "rotation" in d][0]

    def test_rotation_is_kept(self):
        source, target = self.rotated(), self.path("out.mp4")
        self.daub(source, "-o", target)
        self.assertEqual(self.rotation(target), 90)
        self.assertEqual(stream(target)["width"], 96)
        self.assert_same_times(source, target)

    def test_rotation_where_it_cannot_be_kept(self):
        source = self.rotated()
        for name in "out.mkv", "out%02d.png":
            target = self.path(name)
            self.daub(source, "-o", target, "--strength", "0", "-c:v",
                      "ffv1" if name == "out.mkv" else "png")
            made = stream(target)
            self.assertEqual((made["width"], made["height"]), (64, 96))
            if name == "out.mkv":  # ffmpeg turns the input upright by itself
                self.assertGreater(psnr(source, target), 40)

    def test_shape_and_colours(self):
        source = self.path("in.mkv")
        ffmpeg(*testsrc(1), "-vf", "setsar=4/3", "-c:v", "libx264", "-pix_fmt",
               "yuv420p10le", "-colorspace", "bt2020nc", "-color_primaries", "bt2020",
               "-color_trc", "smpte2084", "-color_range", "tv", "-chroma_sample_location",
               "topleft", source)
        for name in "out.mkv", "out.mp4":
            self.daub(source, "-o", self.path(name))
            a, b = stream(source), stream(self.path(name))
            for key in ("sample_aspect_ratio", "display_aspect_ratio", "color_space",
                        "color_primaries", "color_transfer", "color_range", "pix_fmt",
                        "chroma_location"):
                self.assertEqual(a.get(key), b.get(key), key)

    def test_hdr(self):
        source = self.path("in.mp4")
        ffmpeg(*testsrc(0.2), "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params",
               "log-level=none:hdr10=1:colorprim=bt2020:transfer=smpte2084:"
               "colormatrix=bt2020nc:master-display=G(13250,34500)B(7500,3000)R(34000,16000)"
               "WP(15635,16450)L(10000000,1):max-cll=1000,400", source)
        for name in "out.mp4", "out.mkv":
            self.daub(source, "-o", self.path(name))
            told = {d["side_data_type"]: d for d in stream(self.path(name))["side_data_list"]}
            self.assertEqual(told["Content light level metadata"]["max_content"], 1000)
            self.assertIn("Mastering display metadata", told)

    def test_full_range_is_kept(self):
        source = self.path("in.mkv")
        ffmpeg(*testsrc(1), "-vf", "scale=out_range=pc", "-c:v", "libx264", "-pix_fmt",
               "yuvj420p", "-colorspace", "bt709", source)
        self.daub(source, "-o", self.path("out.mp4"), "--strength", "0", "-crf", "1")
        made = stream(self.path("out.mp4"))
        self.assertEqual(made["color_range"], "pc")
        self.assertEqual(made["color_space"], "bt709")
        self.assertGreater(psnr(source, self.path("out.mp4")), 38)

    def test_interlacing(self):
        source = self.path("in.mkv")
        ffmpeg(*testsrc(1), "-vf", "tinterlace=interleave_top,fieldorder=tff", "-flags",
               "+ilme+ildct", "-c:v", "libx264", "-pix_fmt", "yuv420p", source)
        self.assertEqual({f["interlaced_frame"] for f in frames(source)}, {1})
        self.daub(source, "-o", self.path("out.mkv"), "--deinterlace", "off")
        made = frames(self.path("out.mkv"))
        self.assertEqual({(f["interlaced_frame"], f["top_field_first"]) for f in made},
                         {(1, 1)})

    def test_deinterlacing(self):
        """The combs are gone: the result is nearer to the film before it was interlaced."""
        film, source = self.path("film.mkv"), self.path("in.mkv")
        ffmpeg(*testsrc(1, rate=50, more=",gblur=2,scroll=horizontal=0.03"), "-c:v", "ffv1", "-pix_fmt", "yuv420p", film)
        ffmpeg("-i", film, "-vf", "tinterlace=interleave_top,fieldorder=tff", "-flags", "+ilme+ildct", "-c:v",
               "libx264", "-crf", "1", source)
        ffmpeg("-i", film, "-vf", "select='not(mod(n,2))',setpts=N/25/TB", "-r", "25", "-c:v", "ffv1", self.path("even.mkv"))
        values = []
        for more in ("--deinterlace", "off"), ():
            text, _ = self.daub(source, "-o", self.path("out.mkv"), "-y", "--strength", "0", "-c:v", "ffv1", *more)
            values.append(psnr(self.path("even.mkv"), self.path("out.mkv")))
        self.assertIn("is deinterlaced", text)
        self.assertEqual({f["interlaced_frame"] for f in frames(self.path("out.mkv"))}, {0})
        self.assertEqual(len(frames(self.path("out.mkv"))), 25)
        self.assertGreater(values[1], values[0] + 3, values)

    def test_depth(self):
        for fmt, out, made in (("yuv422p10le", "out.mkv", "yuv420p10le"),
                               ("yuv420p12le", "out.mkv", "yuv420p10le"),
                               ("gbrp10le", "out.mkv", "yuv420p10le"),
                               ("yuv422p10le", "keep.mkv", "yuv422p10le"),
                               ("yuv444p12le", "keep.mkv", "yuv444p12le"),
                               ("bgr0", "keep.mkv", "bgr0"),
                               ("gray", "keep.mkv", "gray"),
                               ("rgb48le", "keep.mkv", "gbrp16le")):
            source = self.path("in.mkv")
            ffmpeg(*testsrc(0.2), "-c:v", "ffv1", "-pix_fmt", fmt, source)
            more = ["-c:v", "ffv1"] if out == "keep.mkv" else []
            text, _ = self.daub(source, "-o", self.path(out), "-y", *more)
            self.assertEqual(stream(self.path(out))["pix_fmt"], made, fmt)
            self.assertEqual("12-bit input is stored with 10 bits" in text,
                             fmt == "yuv420p12le", text)

    def test_formats_the_painter_does_not_read(self):
        for fmt, codec in (("pal8", "png"), ("rgb555le", "rawvideo"), ("yuv410p", "ffv1"),
                           ("yuv411p", "ffv1"), ("nv21", "rawvideo"), ("ya8", "png"),
                           ("yuva420p", "ffv1"), ("monob", "png"), ("bgr24", "rawvideo"),
                           ("uyvy422", "rawvideo"), ("gbrp9le", "ffv1")):
            source, target = self.path("in.nut"), self.path("out.mkv")
            ffmpeg(*testsrc(0.2), "-c:v", codec, "-pix_fmt", fmt, source)
            text, _ = self.daub(source, "-o", target, "-y", "--strength", "0", "-c:v", "ffv1")
            self.assertNotIn("transparency", text)  # there is alpha, but it is opaque
            if fmt != "pal8":
                self.assertGreater(psnr(source, target), 35, fmt)

    def test_strength_0_is_the_input(self):
        for fmt, out in (("yuv420p", "yuv420p"), ("yuv422p", "yuv422p"),
                         ("yuv444p10le", "yuv444p10le"), ("gbrp", "bgr0")):
            source, target = self.path("in.mkv"), self.path("out.mkv")
            ffmpeg(*testsrc(0.4, size="98x50"), "-c:v", "ffv1", "-pix_fmt", fmt, source)
            self.daub(source, "-o", target, "-y", "--strength", "0", "-c:v", "ffv1",
                      "-pix_fmt", out)
            self.assertGreater(psnr(source, target), 45, fmt)
            self.daub(source, "-o", target, "-y", "-c:v", "ffv1", "-pix_fmt", out)
            self.assertLess(psnr(source, target), 30, fmt)

    def test_keep_colours(self):
        source, target = self.path("in.mkv"), self.path("out.mkv")
        # pale, so that painted colours at the input's brightness stay inside RGB's cube
        ffmpeg(*testsrc(0.2), "-vf", "eq=contrast=0.4:saturation=0.4", "-c:v", "ffv1",
               "-pix_fmt", "yuv444p", source)
        def planes(path):
            done = ffmpeg("-i", path, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt",
                          "yuv444p", "-")
            third = len(done.stdout) // 3
            return [done.stdout[i * third:(i + 1) * third] for i in range(3)]
        def difference(a, b):
            return sum(abs(x - y) for x, y in zip(a, b)) / len(a)
        before = planes(source)
        for option, kept, changed in (("--keep-colors", 1, 0), ("--colors-only", 0, 1)):
            self.daub(source, "-o", target, "-y", option, "-c:v", "ffv1")
            after = planes(target)
            self.assertLess(difference(before[kept], after[kept]), 2.5, option)
            self.assertGreater(difference(before[changed], after[changed]), 2.5, option)

    def test_sizes(self):
        source = self.path("in.mkv")
        ffmpeg(*testsrc(0.2), "-vf", "setsar=1", "-c:v", "libx264", "-pix_fmt", "yuv420p",
               source)
        for size, width, height in (("192x128", 192, 128), ("50%", 48, 32), ("32p", 48, 32),
                                    ("native", 96, 64)):
            self.daub(source, "-o", self.path("out.mp4"), "-y", "--out-size", size,
                      "--size", "50%")
            made = stream(self.path("out.mp4"))
            self.assertEqual((made["width"], made["height"]), (width, height))
            self.assertEqual(made["sample_aspect_ratio"], "1:1")
        self.daub(source, "-o", self.path("out.mp4"), "-y", "--out-size", "64x64")
        self.assertEqual(stream(self.path("out.mp4"))["display_aspect_ratio"], "3:2")


class Trimming(harness.Case):
    def setUp(self):
        super().setUp()
        self.source = self.path("in.mp4")
        ffmpeg(*testsrc(4), *sine(4), "-c:v", "libx264", "-g", "30", "-pix_fmt", "yuv420p",
               "-c:a", "aac", self.source)

    def check(self, first, last, *arguments):
        target = self.path("out.mkv")
        self.daub(self.source, "-o", target, "-y", "--strength", "0", "-c:v", "ffv1",
                  *arguments)
        self.assertEqual(len(times(target)), last - first)
        ffmpeg("-i", self.source, "-vf", "trim=start_frame=%d:end_frame=%d,setpts=PTS-STARTPTS"
               % (first, last), "-c:v", "ffv1", "-an", self.path("want.mkv"))
        self.assertGreater(psnr(self.path("want.mkv"), target), 40)
        return target

    def audio_end(self, path):
        """Start of the last packet of sound, from the first picture on."""
        return packets(path, "a:0")[-1][1] - times(path)[0]

    def test_start(self):
        target = self.check(40, 100, "-ss", "1.6")
        want = [p[2] for p in packets(self.source, "a:0") if p[1] >= 1.6]
        self.assertEqual([p[2] for p in packets(target, "a:0")], want)
        first = [p[1] for p in packets(self.source, "a:0") if p[1] >= 1.6][0] - 1.6
        offset = packets(target, "a:0")[0][1] - times(target)[0]
        self.assertAlmostEqual(offset, first, delta=0.0011)

    def test_start_between_key_frames(self):
        """Transport streams are searched by packet, not by key frame."""
        for name, more in (("in.ts", ["-c:a", "mp2"]), ("in.mkv", ["-c:a", "aac"]),
                           ("in.flv", ["-c:a", "aac"])):
            source, target = self.path(name), self.path("out.nut")
            ffmpeg(*testsrc(8), *sine(8), "-c:v", "libx264", "-x264-params",
                   "open-gop=1:keyint=45:scenecut=0", "-pix_fmt", "yuv420p", *more, source)
            every = times(source)
            for start in 0.5, 1.8, 3.333, 7.93:
                self.daub(source, "-ss", start, "-o", target, "-y", "-c:v", "ffv1", "-an",
                          "--strength", "0")
                begin = float(probe(source, "-show_format")["format"]["start_time"])
                want = [t for t in every if t >= begin + start - 1e-4]
                self.assertEqual(len(frames(target)), len(want), (name, start))
        self.fails(4, "no frame in the part", source, "-o", self.path("x.mp4"), "-ss", "9")

    def test_end(self):
        target = self.check(0, 30, "-to", "1.2")
        self.assertLess(self.audio_end(target), 1.2)
        self.assertGreater(self.audio_end(target), 1.1)

    def test_part(self):
        self.check(25, 50, "-ss", "1", "-t", "1")
        self.check(25, 50, "-ss", "0:01", "-to", "0:02.0")
        self.check(25, 35, "-ss", "1s", "--frames", "10")

    def test_frames(self):
        target = self.check(0, 10, "--frames", "10")
        self.assertLess(self.audio_end(target), 0.4)
        self.assertGreater(self.audio_end(target), 0.3)

    def test_nothing_left(self):
        self.fails(4, "no frame in the part", self.source, "-o", self.path("out.mp4"), "-ss",
                   "100")


class Outputs(harness.Case):
    def setUp(self):
        super().setUp()
        self.source = self.path("in.mp4")
        ffmpeg(*testsrc(1), *sine(1), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac",
               self.source)

    def test_encoders(self):
        for name, codec in (("out.avi", "h264"), ("out.mov", "h264"), ("out.ts", "h264"),
                            ("out.flv", "h264"), ("out.mp4", "h264"), ("out.gif", "gif"),
                            ("out.nut", "h264"), ("out.ogv", "theora")):
            self.daub(self.source, "-o", self.path(name))
            self.assertEqual(stream(self.path(name))["codec_name"], codec)
            self.assertEqual(len(frames(self.path(name))), 25, name)

    def test_animations(self):
        # FFmpeg 5 writes animated WebP but cannot read it: the file sizes show it
        self.daub(self.source, "-o", self.path("one.webp"), "--frames", "1")
        self.daub(self.source, "-o", self.path("all.webp"))
        one, many = (os.stat(self.path(n)).st_size for n in ("one.webp", "all.webp"))
        self.assertGreater(many, 2 * one)
        self.daub(self.source, "-o", self.path("out.apng"))
        self.assertEqual(len(frames(self.path("out.apng"))), 25)

    def test_pipe_that_cannot_be_searched(self):
        self.fails(2, "seekable", self.source, "-f", "mp4", "-o", "-")
        _, out = self.daub(self.source, "-f", "mp4", "-o", "-", "-e",
                           "movflags=frag_keyframe+empty_moov")
        with open(self.path("out.mp4"), "wb") as f:
            f.write(out)
        self.assertEqual(len(frames(self.path("out.mp4"))), 25)

    def test_chosen_encoder(self):
        for codec, name, more in (("libx265", "hevc", ["-crf", "30", "-preset", "ultrafast"]),
                                  ("mpeg4", "mpeg4", ["-b:v", "500k"]),
                                  ("prores_ks", "prores", []),
                                  ("h264", "h264", ["-e", "tune=zerolatency", "-e",
                                                    "movflags=+faststart"])):
            target = self.path("out.mov")
            self.daub(self.source, "-o", target, "-y", "-c:v", codec, *more)
            self.assertEqual(stream(target)["codec_name"], name)
            self.assert_same_times(self.source, target, 1e-4)

    def test_several_outputs(self):
        text, _ = self.daub(self.source, "-o", self.path("a.mp4"), "-o", self.path("b.mkv"),
                            "-o", self.path("c%02d.jpg"))
        self.assertEqual(text.count("25 frames in, 25 out"), 3)
        self.assertEqual(len(frames(self.path("a.mp4"))), 25)
        self.assertEqual(len(frames(self.path("b.mkv"))), 25)
        self.assertTrue(os.path.exists(self.path("c25.jpg")))

    def test_y4m_in_and_out(self):
        with open(self.path("in.y4m"), "wb") as f:
            f.write(ffmpeg("-i", self.source, "-f", "yuv4mpegpipe", "-").stdout)
        with open(self.path("in.y4m"), "rb") as f:
            _, out = self.daub("-", "-o", "-", "--strength", "0", stdin=f)
        with open(self.path("out.y4m"), "wb") as f:
            f.write(out)
        self.assertTrue(out.startswith(b"YUV4MPEG2 W96 H64 F25:1"))
        self.assertEqual(len(frames(self.path("out.y4m"))), 25)
        self.assertGreater(psnr(self.path("in.y4m"), self.path("out.y4m")), 45)

    def test_y4m_of_10_bits(self):
        _, out = self.daub(self.source, "-o", "-", "-pix_fmt", "yuv420p10le")
        self.assertIn(b"C420p10", out[:100])

    def test_matroska_through_pipes(self):
        with open(self.source, "rb") as f:
            _, out = self.daub("-", "-o", "-", "-f", "matroska", stdin=f)
        with open(self.path("out.mkv"), "wb") as f:
            f.write(out)
        self.assert_same_times(self.source, self.path("out.mkv"), 0.05)
        self.assertEqual([p[2] for p in packets(self.source, "a:0")],
                         [p[2] for p in packets(self.path("out.mkv"), "a:0")])

    def test_null(self):
        text, out = self.daub(self.source, "-o", "-", "-f", "null")
        self.assertIn("25 frames in, 25 out", text)
        self.assertEqual(out, b"")

    def test_size_change(self):
        a, b, joined = self.path("a.ts"), self.path("b.ts"), self.path("in.ts")
        for path, size in ((a, "96x64"), (b, "144x96")):
            ffmpeg(*testsrc(0.6, size=size), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g",
                   "5", path)
        with open(joined, "wb") as f:
            for path in a, b:
                with open(path, "rb") as part:
                    f.write(part.read())
        text, _ = self.daub(joined, "-o", self.path("out.mp4"))
        self.assertIn("the input changes from 96x64 to 144x96", text)
        made = frames(self.path("out.mp4"))
        self.assertEqual(len(made), 30)
        self.assertEqual({(f["width"], f["height"]) for f in made}, {(96, 64)})

    def test_special_names(self):
        for name in "a:b.mp4", "100%.mp4", "with space.mp4", "-dash.mp4", "ä.mp4":
            os.link(self.source, self.path("x" + name))
            self.daub(self.path("x" + name), "-o", self.path(name))
            self.assertEqual(len(frames("file:" + self.path(name))), 25)


if __name__ == "__main__":
    harness.main()
