"""Without the Vulkan loader the program and the library paint on the processor.

The environment names what CMake knows: NO_VULKAN (a library that hides the loader when it is
preloaded), LIBDAUB (libdaub.so) and PAINT_IMAGE (a program linked with nothing but it).
"""

import os

import harness
from harness import ffmpeg, run, testsrc

HIDDEN = dict(os.environ, LD_PRELOAD=os.environ["NO_VULKAN"])


class NoLoader(harness.Case):
    def test_paint(self):
        source = self.path("in.png")
        ffmpeg(*testsrc(1), "-frames:v", "1", source)
        text, _ = self.daub(source, "-m", "lite", "-o", self.path("out.png"), env=HIDDEN)
        self.assertIn("painting on the processor", text)
        self.assertTrue(os.path.getsize(self.path("out.png")) > 0)

    def test_cause(self):
        """Why there is no graphics card is told to who asks for details."""
        text, out = self.daub("devices", "-v", env=HIDDEN)
        for word in "no Vulkan device", "libvulkan.so.1", "install", "libvulkan1":
            self.assertIn(word, text)
        self.assertIn(b"the processor", out)

    def test_doctor(self):
        _, out = self.daub("doctor", "-m", "lite", env=HIDDEN)
        self.assertIn(b"fp32  safe", out)
        self.assertNotIn(b"llvmpipe", out)


class Library(harness.Case):
    def paints(self, env):
        source = self.path("in.ppm")
        ffmpeg(*testsrc(1), "-frames:v", "1", source)
        run([os.environ["PAINT_IMAGE"], source, self.path("out.ppm")], env=env)
        self.assertEqual(os.path.getsize(self.path("out.ppm")), os.path.getsize(source))

    def test_missing(self):
        self.paints(HIDDEN)

    def test_too_old(self):
        """A library of the loader's name that has none of its functions."""
        os.symlink(os.environ["NO_VULKAN"], self.path("libvulkan.so.1"))
        self.paints(dict(os.environ, LD_LIBRARY_PATH=self.folder))

    def test_not_linked(self):
        for path in harness.DAUB, os.environ["LIBDAUB"]:
            needed = run(["readelf", "--dynamic", "--wide", path]).stdout.decode()
            self.assertIn("[libc.so", needed)
            self.assertNotIn("[libvulkan", needed)


if __name__ == "__main__":
    harness.main()
