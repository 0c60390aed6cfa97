"""MP4 and MOV files play while they are written, and at the end are what FFmpeg's muxer makes of the
same packets without fragments (-e movflags=... switches them off)."""

import os
import struct

import harness
from harness import ffmpeg, probe, run, sine, testsrc

IGNORED = {"pos", "filename", "size", "bit_rate", "probe_score"}


def strip(value):
    if isinstance(value, dict):
        return {k: strip(v) for k, v in value.items() if k not in IGNORED}
    return [strip(v) for v in value] if isinstance(value, list) else value


def boxes(path):
    """(type, size) of the boxes at the top of a file."""
    found = []
    with open(path, "rb") as file:
        end = os.fstat(file.fileno()).st_size
        at = 0
        while at < end:
            file.seek(at)
            size, kind = struct.unpack(">I4s", file.read(8))
            if size == 1:
                size = struct.unpack(">Q", file.read(8))[0]
            found.append((kind.decode(), size))
            at += size
    assert at == end, found
    return found


class Ordinary(harness.Case):
    def make(self, *more, seconds=4, name="in.mkv"):
        ffmpeg(*testsrc(seconds), *sine(seconds), *more, self.path(name))
        return self.path(name)

    def compare(self, source, *more, name="out.mp4", whole=True):
        """Converts with and without fragments and compares everything that ffprobe shows."""
        target, reference = self.path(name), self.path("reference-" + name)
        text, _ = self.daub(source, *more, "-e", "threads=1", "-v", "-y", "-o", target)
        self.assertNotIn("stays fragmented", text)
        self.daub(source, *more, "-e", "threads=1", "-y", "-e", "movflags=use_metadata_tags-use_metadata_tags", "-o", reference)
        kinds = [kind for kind, _ in boxes(target)]
        if whole:
            self.assertEqual(kinds, ["ftyp", "mdat", "moov"])
        else:
            self.assertNotIn("moof", kinds)
        words = ["-show_format", "-show_streams", "-show_packets", "-show_chapters", "-show_data_hash", "md5"]
        got, want = strip(probe(target, *words)), strip(probe(reference, *words))
        for key in want:
            self.assertEqual(len(got[key]), len(want[key]), key)
        # players read the packets of different streams in another order of the file
        for file in got, want:
            file["packets"].sort(key=lambda p: (p["stream_index"], p.get("dts", 0), p.get("pts", 0)))
        self.assertEqual(got, want)
        run(["ffmpeg", "-v", "error", "-xerror", "-i", target, "-map", "0", "-dn", "-sn", "-f", "null", "-"])
        return got

    def test_usual(self):
        source = self.make("-c:v", "libx264", "-bf", "3", "-c:a", "aac", "-metadata", "title=Film",
                           "-metadata:s:a", "language=deu")
        for name in "out.mp4", "out.mov", "out.m4v":
            self.compare(source, name=name)

    def test_offset(self):
        """Sound that begins later, or earlier, than the picture."""
        for offset in "0.5", "-0.3":
            ffmpeg("-itsoffset", offset, *sine(3), *testsrc(3), "-c:v", "ffv1", "-c:a", "aac", self.path("in.mkv"))
            self.compare(self.path("in.mkv"))

    def test_uneven(self):
        source = self.make("-vf", "select='not(mod(n,3))+lt(n,30)'", "-fps_mode", "vfr", "-c:v", "ffv1", "-c:a", "mp3")
        self.compare(source)

    def test_chapters(self):
        with open(self.path("meta"), "w", encoding="utf-8") as file:
            file.write(";FFMETADATA1\n")
            for i in range(3):
                file.write("[CHAPTER]\nTIMEBASE=1/1\nSTART=%d\nEND=%d\ntitle=Part %d\n" % (i, i + 1, i))
        source = self.make("-i", self.path("meta"), "-map_metadata", "2", "-map", "0", "-map", "1", "-c:v", "ffv1",
                           "-c:a", "flac")
        got = self.compare(source)
        self.assertEqual([c["tags"]["title"] for c in got["chapters"]], ["Part 0", "Part 1", "Part 2"])

    def test_subtitles(self):
        with open(self.path("s.srt"), "w", encoding="utf-8") as file:
            file.write("1\n00:00:00,500 --> 00:00:01,000\nOne\n\n2\n00:00:02,000 --> 00:00:03,500\nTwo\n")
        source = self.make("-i", self.path("s.srt"), "-map", "0", "-map", "1", "-map", "2", "-c:v", "mpeg4",
                           "-c:a", "aac", "-c:s", "mov_text", name="in.mp4")
        self.compare(source)

    def test_cover_and_time_code(self):
        ffmpeg(*testsrc(1), "-frames:v", "1", self.path("cover.png"))
        source = self.make("-i", self.path("cover.png"), "-map", "0", "-map", "1", "-map", "2", "-c:v:0", "mpeg4",
                           "-c:v:1", "copy", "-c:a", "aac", "-disposition:v:1", "attached_pic", name="in.mp4")
        self.compare(source)
        source = self.make("-c:v", "mpeg4", "-c:a", "aac", "-timecode", "01:02:03:04", name="in.mov")
        self.compare(source, name="tc.mov")

    def test_sounds(self):
        for codec, name in (("ac3", "out.mp4"), ("libopus", "out.mp4"), ("flac", "out.mp4"), ("alac", "out.mp4"),
                            ("pcm_s16le", "out.mov"), ("pcm_s24le", "out.mov"), ("libmp3lame", "out.mp4")):
            with self.subTest(codec):
                self.compare(self.make("-c:v", "mpeg4", "-c:a", codec, "-ac", "2"), name=name)

    def test_pictures(self):
        for codec, name in (("libx265", "out.mp4"), ("libvpx-vp9", "out.mp4"), ("mpeg4", "out.mp4"),
                            ("prores_ks", "out.mov"), ("mjpeg", "out.mov"), ("libsvtav1", "out.mp4")):
            with self.subTest(codec):
                self.compare(self.make("-c:v", "ffv1", "-c:a", "aac", seconds=2), "-c:v", codec, name=name)

    def test_many(self):
        """Longer than a fragment many times, two sounds."""
        source = self.make(*sine(30, 880), "-map", "0", "-map", "1", "-map", "2", "-c:v", "mpeg4", "-c:a", "aac",
                           seconds=30)
        self.compare(source)

    def test_others(self):
        """What was not compared is written as before."""
        source = self.make("-c:v", "ffv1", "-c:a", "eac3")
        self.compare(source, whole=False)


if __name__ == "__main__":
    harness.main()
