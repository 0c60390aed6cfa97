"""The example programs: paint_image from the build and from an installed tree, and the job
script for folders.

The environment names what CMake knows: SCENE and PAINT_IMAGE (programs), BUILD (folder),
CMAKE, CC and SAMPLE_FLAGS (what a sanitized library needs of its users).
"""

import os
import shutil

import harness
from harness import ffmpeg, frames, run, sine, testsrc

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = os.path.join(HERE, "..", "..", "samples")
WIDTH, HEIGHT = 75, 50  # the network's input is padded


def picture(path):
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=%dx%d" % (WIDTH, HEIGHT), "-frames:v", "1", path)
    return path


def pixels(path):
    with open(path, "rb") as file:
        data = file.read()
    header = b"P6\n%d %d\n255\n" % (WIDTH, HEIGHT)
    if not data.startswith(header) or len(data) != len(header) + WIDTH * HEIGHT * 3:
        raise AssertionError("%s is not the picture expected" % path)
    return data[len(header):]


def difference(a, b):
    return sum(abs(x - y) for x, y in zip(a, b)) / len(a)


class PaintImage(harness.Case):
    program = os.environ["PAINT_IMAGE"]

    def paint(self, *arguments, code=0):
        done = run([self.program, *arguments], check=False)
        text = done.stderr.decode()
        if "no Vulkan device" in text or "no Vulkan driver" in text:
            self.skipTest(text.strip())
        self.assertEqual(done.returncode, code, text)
        return text

    def test_paints(self):
        source, out = picture(self.path("in.ppm")), self.path("out.ppm")
        self.assertEqual(self.paint(source, out), "")
        before, after = pixels(source), pixels(out)
        self.assertGreater(difference(before, after), 10)
        self.paint(source, self.path("named.ppm"), "lite", "starry-night")
        self.assertEqual(pixels(self.path("named.ppm")), after)
        # what daub makes of the same picture
        self.daub(source, "-m", "lite", "-o", self.path("daub.png"))
        ffmpeg("-i", self.path("daub.png"), self.path("daub.ppm"))
        self.assertLess(difference(pixels(self.path("daub.ppm")), after), 0.5)

    def test_comments_in_the_header(self):
        source, odd = picture(self.path("in.ppm")), self.path("odd.ppm")
        with open(odd, "wb") as file:
            file.write(b"P6 # made by hand\n#\n# two\n%d\t%d\n255 " % (WIDTH, HEIGHT))
            file.write(pixels(source))
        self.paint(source, self.path("a.ppm"))
        self.paint(odd, self.path("b.ppm"))
        self.assertEqual(pixels(self.path("a.ppm")), pixels(self.path("b.ppm")))

    def test_refusals(self):
        source, out = picture(self.path("in.ppm")), self.path("out.ppm")
        self.assertIn("usage", self.paint(code=1))
        self.assertIn("none.ppm", self.paint(self.path("none.ppm"), out, code=1))
        for name, data in (("short", b"P6\n75 50\n255\n" + bytes(75 * 50 * 3 - 1)),
                           ("text", b"P3\n1 1\n255\n0 0 0\n"), ("empty", b""),
                           ("deep", b"P6\n1 1\n65535\n" + bytes(6)),
                           ("none", b"P6\n0 5\n255\n"), ("minus", b"P6\n-5 5\n255\n" + bytes(99)),
                           ("huge", b"P6\n99999 99999\n255\n" + bytes(99))):
            with open(self.path(name), "wb") as file:
                file.write(data)
            self.assertIn("not 8-bit PPM", self.paint(self.path(name), out, code=1))
        self.assertIn("did you mean 'lite'", self.paint(source, out, "lit", code=1))
        self.assertIn("no such style", self.paint(source, out, "lite", "cubism", code=1))
        self.assertFalse(os.path.exists(out))
        self.assertIn("cannot be written",
                      self.paint(source, self.path("none/out.ppm"), "lite", code=1))


class Installed(harness.Case):
    """A tree installed elsewhere is enough to build and run the example."""

    def test_build_with_pkg_config(self):
        prefix, program = self.path("usr"), self.path("paint_image")
        run([os.environ["CMAKE"], "--install", os.environ["BUILD"], "--prefix", prefix])
        found = [os.path.join(folder, "daub.pc") for folder, _, names in os.walk(prefix)
                 if "daub.pc" in names]
        self.assertEqual(len(found), 1)
        moved = self.path("moved")  # daub.pc must not contain the folder of the build
        os.rename(prefix, moved)
        folder = os.path.dirname(found[0]).replace(prefix, moved, 1)
        words = run(["pkg-config", "--cflags", "--libs", "daub"],
                    env=dict(os.environ, PKG_CONFIG_PATH=folder)).stdout.decode().split()
        version = run(["pkg-config", "--modversion", "daub"],
                      env=dict(os.environ, PKG_CONFIG_PATH=folder)).stdout.decode().strip()
        self.assertRegex(version, r"^\d+\.\d+\.\d+$")
        source = os.path.join(self.folder, "paint_image.c")
        shutil.copy(os.path.join(SAMPLES, "paint_image.c"), source)
        run([*os.environ["CC"].split(), *os.environ.get("SAMPLE_FLAGS", "").split(), "-std=c17",
             "-Wall", "-Wextra", "-Werror", source, *words, "-o", program])
        picture(self.path("in.ppm"))
        done = run([program, self.path("in.ppm"), self.path("out.ppm")], check=False,
                   env=dict(os.environ, LD_LIBRARY_PATH=os.path.dirname(folder),
                            DAUB_MODELS=os.path.join(moved, "share", "daub", "models")))
        text = done.stderr.decode()
        if "no Vulkan device" in text or "no Vulkan driver" in text:
            self.skipTest(text.strip())
        self.assertEqual(done.returncode, 0, text)
        self.assertGreater(difference(pixels(self.path("in.ppm")), pixels(self.path("out.ppm"))),
                           10)

    def test_example_is_small_and_uses_the_public_header_alone(self):
        with open(os.path.join(SAMPLES, "paint_image.c")) as file:
            lines = file.read().splitlines()
        self.assertLess(len(lines), 80)
        own = [line for line in lines if line.startswith("#include") and
               line not in ("#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>")]
        self.assertEqual(own, ["#include <daub/daub.h>"])


class Folder(harness.Case):
    def convert(self, code, *arguments):
        done = run([os.path.join(SAMPLES, "convert_folder.sh"), *arguments], check=False,
                   env=dict(os.environ, DAUB=harness.DAUB))
        text = done.stdout.decode() + done.stderr.decode()
        self.assertEqual(done.returncode, code, text)
        return text

    def test_a_folder(self):
        clips, out = self.path("my clips"), self.path("painted ones")
        os.mkdir(clips)
        for name in "-one.mp4", "two b.mkv":
            ffmpeg(*testsrc(0.2), *sine(0.2), "-shortest", os.path.join(clips, name))
        for name in "notes.txt", "broken.mp4":
            with open(os.path.join(clips, name), "w") as file:
                file.write("no clip")
        text = self.convert(1, clips, out, "--strength", "0.5")
        self.assertIn("2 painted, 0 were there already, 1 failed", text)
        self.assertIn("broken.mp4 was not painted (exit code 4)", text)
        self.assertEqual(sorted(os.listdir(out)), ["-one.mp4", "two b.mkv"])
        self.assertEqual(len(frames(os.path.join(out, "two b.mkv"))), 5)
        os.remove(os.path.join(clips, "broken.mp4"))
        os.remove(os.path.join(out, "two b.mkv"))
        self.assertIn("1 painted, 1 were there already, 0 failed", self.convert(0, clips, out))

    def test_refusals(self):
        self.assertIn("usage", self.convert(2, self.folder))
        self.assertIn("usage", self.convert(2, self.path("none"), self.path("out")))
        self.assertIn("same folder", self.convert(2, self.folder, self.folder + "/."))


if __name__ == "__main__":
    harness.main()
