"""Files that are made to do harm: what they cost is bounded, and what they contain does not reach the
terminal."""

import json
import os
import re
import struct
import subprocess
import zlib

import harness
from harness import ffmpeg, frames, streams, testsrc

DONE, INPUT = 0, 4


def element(number, data):
    """An element of Matroska: its number, its length in eight bytes, its data."""
    if isinstance(data, int):
        data = data.to_bytes(max(1, (data.bit_length() + 7) // 8), "big")
    return bytes.fromhex(number) + b"\x01" + len(data).to_bytes(7, "big") + data


def matroska(tracks, blocks, duration_ms):
    """A file of tracks (elements) and blocks (track, time in ms, data)."""
    head = element("1a45dfa3", element("4282", b"matroska") + element("4287", 4) + element("4285", 2))
    info = element("1549a966", element("2ad7b1", 1000000) + element("4489", struct.pack(">d", duration_ms)))
    body = element("e7", 0)
    for track, at, data in blocks:
        body += element("a3", bytes([0x80 | track]) + struct.pack(">h", at) + b"\x80" + data)
    return head + element("18538067", info + element("1654ae6b", b"".join(tracks)) + element("1f43b675", body))


def track(number, kind, codec, more=b""):
    return element("ae", element("d7", number) + element("73c5", number) + element("83", kind) +
                   element("86", codec.encode()) + more)


class Cost(harness.Case):
    def run_limited(self, *words, code=DONE, megabytes=700, seconds=10):
        """Runs daub to its end; checks the memory and the time of the processor that it took."""
        text = open(self.path("stderr"), "w+", encoding="utf-8", errors="replace")
        self.addCleanup(text.close)
        daub = subprocess.Popen([harness.DAUB, *words], stdin=subprocess.DEVNULL, stderr=text)
        _, status, usage = os.wait4(daub.pid, 0)
        daub.returncode = os.waitstatus_to_exitcode(status)
        text.seek(0)
        text = text.read()
        self.assertEqual(daub.returncode, code, text)
        with open(harness.DAUB, "rb") as file:
            sanitized = re.search(b"__[at]san_init", file.read())
        if not sanitized:
            self.assertLess(usage.ru_maxrss / 1024, megabytes, text)
            self.assertLess(usage.ru_utime + usage.ru_stime, seconds, text)
        return text

    def test_packed_packets(self):
        """Packets of 9 MB that are some kB in the file, 1.3 GB in all, of one moment."""
        pixels = element("e0", element("b0", 32) + element("ba", 24) + element("2eb524", b"RGB\x18"))
        packed = element("6d80", element("6240", element("5034", element("4254", 0))))
        data = zlib.compress(b"words " * 1500000, 9)
        ffmpeg(*testsrc(1), "-frames:v", "1", "-s", "32x24", self.path("picture.jpg"))
        with open(self.path("picture.jpg"), "rb") as file:
            picture = file.read()
        blocks = [(1, 0, picture)] + [(2, 0, data)] * 150 + [(1, 40 * i, picture) for i in range(1, 25)]
        with open(self.path("packed.mkv"), "wb") as file:
            file.write(matroska([track(1, 1, "V_MJPEG", pixels), track(2, 0x11, "S_TEXT/UTF8", packed)], blocks, 1000))
        self.run_limited(self.path("packed.mkv"), "--no-verify", "-o", self.path("out.mkv"))
        self.assertEqual(len(frames(self.path("out.mkv"))), 25)

    def test_many_attachments(self):
        with open(self.path("font"), "wb") as file:
            file.write(os.urandom(200000))
        attach = []
        for i in range(400):
            attach += ["-attach", self.path("font"), "-metadata:s:t:%d" % i, "mimetype=application/octet-stream"]
        ffmpeg(*testsrc(1), "-s", "32x24", *attach, "-c:v", "mpeg4", self.path("many.mkv"))
        self.run_limited(self.path("many.mkv"), "-o", self.path("out.mkv"), "--no-verify", seconds=8)
        self.assertEqual(sum(s["codec_type"] == "attachment" for s in streams(self.path("out.mkv"))), 400)

    def test_many_streams(self):
        tracks = [track(i, 0x11, "S_TEXT/UTF8") for i in range(2, 2000)]
        with open(self.path("many.mkv"), "wb") as file:
            file.write(matroska([track(1, 1, "V_MJPEG"), *tracks], [], 1000))
        text = self.run_limited(self.path("many.mkv"), "-o", self.path("out.mkv"), code=INPUT)
        self.assertIn("more streams than FFmpeg opens", text)

    def test_playlist_of_itself(self):
        with open(self.path("list.m3u8"), "w", encoding="utf-8") as file:
            file.write("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nlist.m3u8\n")
        text = self.run_limited(self.path("list.m3u8"), "-o", self.path("out.mkv"), code=INPUT)
        self.assertIn("a playlist that contains itself?", text)
        with open(self.path("list.ffconcat"), "w", encoding="utf-8") as file:
            file.write("ffconcat version 1.0\nfile list.ffconcat\n")
        self.run_limited(self.path("list.ffconcat"), "-o", self.path("out.mkv"), code=INPUT)

    def test_times_out_of_range(self):
        """Times near the ends of 64 bits: nothing is lost but the times."""
        for what in "9e18", "if(mod(N\\,2)\\,9e18\\,N)":
            ffmpeg(*testsrc(1), "-c:v", "mjpeg", "-bsf:v", "setts=pts='%s':dts='N'" % what, "-y", self.path("times.nut"))
            self.run_limited(self.path("times.nut"), "-o", self.path("out.mkv"), "-y", "--no-verify")
            self.assertEqual(len(frames(self.path("out.mkv"))), 25)


class Words(harness.Case):
    """Escapes and bytes that are no UTF-8, from every place that a message may quote."""

    def clean(self, data):
        text = data.decode("utf-8")  # fails where it is none
        self.assertIsNone(re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text), repr(text))
        return text

    def run_raw(self, *words):
        done = subprocess.run([harness.DAUB, *words], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.clean(done.stdout)
        return done.returncode, self.clean(done.stderr)

    def name(self, tail):
        return os.path.join(os.fsencode(self.folder), b"a\x1b[31m\xff\xc2\x9b\xe2\x80\xae" + tail)

    def test_names(self):
        self.run_raw(self.name(b"gone.mkv"), "-o", self.path("out.mkv"))
        ffmpeg(*testsrc(1), "-frames:v", "5", "-c:v", "mpeg4", self.path("in.mkv"))
        code, text = self.run_raw(self.path("in.mkv"), "-o", self.name(b".mkv"))
        self.assertEqual(code, DONE, text)
        self.assertIn("a?[31m", text)
        self.run_raw(self.path("in.mkv"), "-o", self.name(b"/none.mkv"))
        self.run_raw(b"--\x1b[31m\xff")
        self.run_raw("-m", b"\x1b[31m\xff", self.path("in.mkv"), "-o", self.path("out2.mkv"))
        self.run_raw("-s", b"\x1b[31m\xff\n", self.path("in.mkv"), "-o", self.path("out2.mkv"))

    def test_json(self):
        ffmpeg(*testsrc(1), "-frames:v", "5", "-c:v", "mpeg4", self.path("in.mkv"))
        _, text = self.run_raw(self.path("in.mkv"), "-o", self.name(b".mkv"), "--progress", "json")
        done = [json.loads(line) for line in text.splitlines() if line.startswith("{")][-1]
        self.assertEqual(done["event"], "done")
        self.assertIn("[31m???.mkv", done["output"])

    def test_messages_of_ffmpeg(self):
        """A playlist quotes what it does not find."""
        with open(self.path("list.ffconcat"), "wb") as file:
            file.write(b"ffconcat version 1.0\nfile '\x1b[31m\xff\xc2\x9b'\n")
        code, text = self.run_raw(self.path("list.ffconcat"), "-o", self.path("out.mkv"), "-v")
        self.assertEqual(code, INPUT, text)


if __name__ == "__main__":
    harness.main()
