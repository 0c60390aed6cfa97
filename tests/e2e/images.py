"""Images and sequences of images, in and out."""

import os

import harness
from harness import ffmpeg, frames, psnr, stream, testsrc


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


if __name__ == "__main__":
    harness.main()
