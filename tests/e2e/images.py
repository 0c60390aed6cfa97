"""Images and sequences of images, in and out."""

import itertools
import json
import os
import shutil
import subprocess

import harness
from harness import ffmpeg, frames, psnr, stream, testsrc, turn


class Images(harness.Case):
    def image(self, name, *more):
        ffmpeg(*testsrc(1), "-frames:v", "1", *more, self.path(name))
        return self.path(name)

    def test_every_kind(self):
        source = self.image("in.png")
        for name in ("out.png", "out.jpg", "out.webp", "out.bmp", "out.ppm", "out.tiff",
                     "out.tga", "out.gif"):
            self.daub(source, "-o", self.path(name))
            made = stream(self.path(name))
            self.assertEqual((made["width"], made["height"]), (96, 64), name)

    def test_every_kind_is_read(self):
        for name in "in.png", "in.jpg", "in.webp", "in.bmp", "in.ppm", "in.tiff", "in.gif":
            source = self.image(name)
            self.daub(source, "-o", self.path("out.png"), "-y")
            made = stream(self.path("out.png"))
            self.assertEqual((made["width"], made["height"]), (96, 64), name)

    def test_lossless_round_trip(self):
        for name, fmt in (("in.png", "rgb24"), ("in.png", "gray"), ("in.png", "rgb48be"),
                          ("in.bmp", "bgr24")):
            source = self.image(name, "-pix_fmt", fmt)
            target = self.path("out" + name[2:])
            self.daub(source, "-o", target, "-y", "--strength", "0")
            self.assertEqual(stream(target)["pix_fmt"], fmt)
            self.assertGreater(psnr(source, target), 48, fmt)

    def test_jpeg_colours(self):
        source = self.image("in.png", "-pix_fmt", "rgb24")
        self.daub(source, "-o", self.path("out.jpg"), "--strength", "0", "-crf", "1")
        made = stream(self.path("out.jpg"))
        self.assertEqual((made["pix_fmt"], made["color_range"], made["color_space"]),
                         ("yuvj444p", "pc", "bt470bg"))
        self.assertGreater(psnr(source, self.path("out.jpg")), 33)

    def test_turned_photo(self):
        """EXIF orientation 6: the camera was held upright; a quarter turn clockwise."""
        source = self.image("plain.jpg")
        with open(source, "rb") as f:
            data = f.read()
        exif = (b"Exif\0\0II*\0\x08\0\0\0\x01\0" + b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" +
                b"\0\0\0\0")
        segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
        with open(self.path("in.jpg"), "wb") as f:
            f.write(data[:2] + segment + data[2:])
        self.daub(self.path("in.jpg"), "-o", self.path("out.jpg"), "--strength", "0")
        made = stream(self.path("out.jpg"))
        self.assertEqual((made["width"], made["height"]), (64, 96))
        ffmpeg("-noautorotate", "-i", source, "-vf", "transpose=clock", self.path("want.png"))
        self.assertGreater(psnr(self.path("want.png"), self.path("out.jpg")), 28)

    def test_sequence_to_sequence(self):
        ffmpeg(*testsrc(0.4), self.path("in%03d.png"))
        self.daub(self.path("in%03d.png"), "-o", self.path("out_%02d.jpg"))
        made = sorted(n for n in os.listdir(self.folder) if n.startswith("out_"))
        self.assertEqual(made, ["out_%02d.jpg" % i for i in range(1, 11)])

    def test_sequence_to_video(self):
        ffmpeg(*testsrc(0.4), "-start_number", "117", self.path("in%03d.png"))
        self.daub(self.path("in%03d.png"), "-o", self.path("out.mp4"), "-framerate", "10")
        made = frames(self.path("out.mp4"))
        self.assertEqual(len(made), 10)
        self.assertAlmostEqual(float(made[-1]["best_effort_timestamp_time"]), 0.9, places=3)
        self.assertEqual(stream(self.path("out.mp4"))["pix_fmt"], "yuv420p")
        self.assertEqual(stream(self.path("out.mp4"))["color_space"], "smpte170m")

    def test_video_to_sequence(self):
        ffmpeg(*testsrc(0.4), "-c:v", "libx264", "-pix_fmt", "yuv420p", self.path("in.mp4"))
        for extension in "png", "jpg", "webp", "ppm":
            self.daub(self.path("in.mp4"), "-o", self.path("o%02d." + extension))
            made = [n for n in os.listdir(self.folder) if n.endswith(extension)]
            self.assertEqual(len(made), 10)
        self.daub(self.path("in.mp4"), "-o", self.path("one.png"), "--frames", "1")

    def test_transparency(self):
        source = self.image("in.png", "-vf", "format=rgba,colorchannelmixer=aa=0.5", "-pix_fmt",
                            "rgba")
        text, _ = self.daub(source, "-o", self.path("out.png"))
        self.assertIn("transparency is dropped", text)
        self.assertEqual(stream(self.path("out.png"))["pix_fmt"], "rgb24")

    def test_name_with_percent(self):
        source = self.image("in.png")
        os.rename(source, self.path("100%d.png"))
        self.daub(self.path("100%d.png"), "-o", self.path("out.png"))


class Gallery(harness.Case):
    """Sheets of 120 px wide cells: labels of 10 px in bands of 20, gaps of 5."""
    WIDTH, HEIGHT, BAND, GAP = 120, 80, 20, 5

    def setUp(self):
        super().setUp()
        self.photo, self.sheet = self.path("in.png"), self.path("sheet.png")
        ffmpeg(*testsrc(1, size="96x64"), "-frames:v", "1", self.photo)
        _, listed = self.daub("models")
        lines = listed.decode().split("lite:")[1].splitlines()[1:]
        lines = itertools.takewhile(lambda line: line.startswith(" "), lines)
        names = [line.strip()[2:].split(":")[0] for line in lines
                 if line.startswith(("   - ", "   * "))]
        self.names = [name for name in names if name != "identity"]
        self.assertGreater(len(self.names), 0)

    def cell(self, index, columns):
        """The picture of that cell, and the sum of the brightness of its label."""
        x = self.GAP + index % columns * (self.WIDTH + self.GAP)
        y = self.GAP + index // columns * (self.HEIGHT + self.BAND + self.GAP)
        path = self.path("cell%d.png" % index)
        ffmpeg("-i", self.sheet, "-vf", "crop=%d:%d:%d:%d" % (self.WIDTH, self.HEIGHT, x, y),
               "-y", path)
        label = harness.run(["ffmpeg", "-v", "error", "-i", self.sheet, "-vf",
                             "crop=%d:%d:%d:%d" % (self.WIDTH, self.BAND, x, y + self.HEIGHT),
                             "-pix_fmt", "gray", "-f", "rawvideo", "-"]).stdout
        return path, sum(value > 100 for value in label)

    def test_every_style_in_its_place(self):
        self.daub("models", "--gallery", self.sheet, "--size", "120x80", "-m", "lite", self.photo)
        made = stream(self.sheet)
        columns = (made["width"] - self.GAP) // (self.WIDTH + self.GAP)
        rows = (made["height"] - self.GAP) // (self.HEIGHT + self.BAND + self.GAP)
        self.assertEqual(made["width"], self.GAP + columns * (self.WIDTH + self.GAP))
        self.assertGreaterEqual(columns * rows, 1 + len(self.names))
        self.assertLess(columns * (rows - 1), 1 + len(self.names))
        for index, name in enumerate(["photo", *self.names]):
            want = self.path("want.png")
            more = ["--strength", "0"] if name == "photo" else ["-s", name]
            self.daub(self.photo, "-m", "lite", "-y", "-o", want, "--size", "120x80",
                      "--out-size", "120x80", *more)
            cell, label = self.cell(index, columns)
            self.assertGreater(psnr(want, cell), 50, name)
            self.assertGreater(label, 20, name)
        last = 1 + len(self.names)
        if last < columns * rows:
            self.assertEqual(self.cell(last, columns)[1], 0)

    def test_mistakes(self):
        self.fails(2, "needs a picture", "models", "--gallery", self.sheet)
        self.fails(2, "--gallery", "models", self.photo)
        self.fails(2, "write WxH", "models", "--gallery", self.sheet, self.photo, "--size", "x")
        self.fails(2, "smaller --size", "models", "--gallery", self.sheet, self.photo, "--size",
                   "30000x20000")
        self.fails(2, "input itself", "models", "--gallery", self.photo, self.photo)
        self.fails(4, "cannot read", "models", "--gallery", self.sheet, self.path("none.png"))
        self.fails(5, "cannot write", "models", "--gallery", self.path("no/x.png"), self.photo)
        self.daub("models", "--gallery", self.sheet, self.photo)
        self.fails(5, "-y replaces", "models", "--gallery", self.sheet, self.photo,
                   stdin=subprocess.DEVNULL)
        self.daub("models", "--gallery", self.sheet, self.photo, "-y")

    def test_turned_photo(self):
        ffmpeg(*testsrc(1, size="96x64"), "-frames:v", "3", "-c:v", "libx264",
               self.path("in.mp4"))
        turn(self.path("in.mp4"), self.path("turned.mp4"))
        self.daub("models", "--gallery", self.sheet, self.path("turned.mp4"), "--size", "50%")
        made = stream(self.sheet)
        # Cells of 32x48: labels of 10 px at least.
        self.assertEqual((made["width"] - 5) % (32 + 5), 0)
        self.assertEqual((made["height"] - 5) % (48 + 20 + 5), 0)


class Folders(harness.Case):
    def setUp(self):
        super().setUp()
        os.makedirs(self.path("in/more/deep"))
        for name in "a.png", "b.jpg", "more/c.bmp", "more/deep/d.png":
            ffmpeg(*testsrc(0.04, 25), "-frames:v", "1", self.path("in/" + name))
        ffmpeg(*testsrc(0.4), "-c:v", "libx264", self.path("in/clip.mp4"))
        ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", self.path("in/sound.mp3"))
        for name, text in (("notes.txt", "words"), ("broken.png", "no picture"), (".hidden.png", "x")):
            with open(self.path("in/" + name), "w") as file:
                file.write(text)

    def found(self, folder="out"):
        return sorted(os.path.relpath(os.path.join(where, n), self.path(folder))
                      for where, _, names in os.walk(self.path(folder)) for n in names)

    def test_folder(self):
        """Images and clips keep their names; what is neither has a line; a failure stops nothing."""
        text, _ = self.daub(self.path("in"), "-o", self.path("out/new"), code=1)
        self.assertEqual(self.found("out/new"), ["a.png", "b.jpg", "clip.mp4"])
        for words in ("skipped: notes.txt is neither", "skipped: sound.mp3 is neither", "broken.png",
                      "3 painted, 2 skipped, 1 failed"):
            self.assertIn(words, text)
        self.assertEqual(len(frames(self.path("out/new/clip.mp4"))), 10)
        self.assertEqual(frames(self.path("out/new/a.png"))[0]["width"], 96)

    def test_recursive(self):
        os.unlink(self.path("in/broken.png"))
        text, _ = self.daub(self.path("in/"), "-o", self.path("in/painted"), "--recursive")
        names = ["a.png", "b.jpg", "clip.mp4", "more/c.bmp", "more/deep/d.png"]
        self.assertEqual(self.found("in/painted"), names)
        self.assertIn("5 painted, 2 skipped, 0 failed", text)
        times = [os.stat(self.path("in/painted/" + n)).st_mtime_ns for n in names]
        text, _ = self.daub(self.path("in"), "-o", self.path("in/painted"), "--recursive")
        self.assertIn("0 painted, 7 skipped, 0 failed", text)
        self.assertEqual(times, [os.stat(self.path("in/painted/" + n)).st_mtime_ns for n in names])
        text, _ = self.daub(self.path("in"), "-o", self.path("in/painted"), "--recursive", "-y", "--progress", "json")
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        begun = [line["input"] for line in lines if line["event"] == "file"]
        self.assertEqual(begun, names)
        self.assertEqual(len([line for line in lines if line["event"] == "done"]), 5)

    def test_same_painting(self):
        """Endings that FFmpeg does not write get another one, which must not meet an input's name."""
        os.mkdir(self.path("two"))
        shutil.copy(self.path("in/a.png"), self.path("two/a.heic"))
        self.daub(self.path("two"), "-o", self.path("out"))
        self.assertEqual(self.found("out"), ["a.heic.png"])
        shutil.copy(self.path("in/b.jpg"), self.path("two/a.heic.png"))
        text, _ = self.daub(self.path("two"), "-o", self.path("again"), code=1)
        self.assertIn("a.heic and a.heic.png would have the same painting; rename one", text)
        self.assertIn("1 painted, 0 skipped, 1 failed", text)

    def test_mistakes(self):
        self.fails(2, "with -o", self.path("in"))
        self.fails(2, "itself", self.path("in"), "-o", self.path("in/../in"))
        self.fails(2, "--recursive", self.path("in/a.png"), "-o", self.path("x.png"), "--recursive")
        with open(self.path("file"), "w"):
            pass
        self.fails(5, "cannot make the folder", self.path("in"), "-o", self.path("file"))


if __name__ == "__main__":
    harness.main()
