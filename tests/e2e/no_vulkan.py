"""Without the Vulkan loader the program starts, and says what is missing.

The environment names what CMake knows: NO_VULKAN (a library that hides the loader when it is
preloaded), LIBDAUB (libdaub.so) and PAINT_IMAGE (a program linked with nothing but it).
"""

import os

import harness
from harness import ffmpeg, run, testsrc

DEVICE = 3
HIDDEN = dict(os.environ, LD_PRELOAD=os.environ["NO_VULKAN"])
MISSING = ["no Vulkan device", "libvulkan.so.1", "cannot open", "install", "libvulkan1"]


class NoLoader(harness.Case):
    def test_paint(self):
        source = self.path("in.png")
        ffmpeg(*testsrc(1), "-frames:v", "1", source)
        self.fails(DEVICE, MISSING, source, "-m", "lite", "-o", self.path("out.png"), env=HIDDEN)

    def test_lists(self):
        for command in ["devices"], ["doctor", "-m", "lite"]:
            self.fails(DEVICE, ["no Vulkan device", "install"], *command, env=HIDDEN)
        text, _ = self.daub("devices", "-v", code=DEVICE, env=HIDDEN)
        for word in MISSING:
            self.assertIn(word, text)


class Library(harness.Case):
    def assert_refuses(self, words, env):
        source = self.path("in.ppm")
        ffmpeg(*testsrc(1), "-frames:v", "1", source)
        done = run([os.environ["PAINT_IMAGE"], source, self.path("out.ppm")], check=False, env=env)
        text = done.stderr.decode()
        self.assertEqual(done.returncode, 1, text)
        for word in words:
            self.assertIn(word, text)

    def test_missing(self):
        self.assert_refuses(MISSING, HIDDEN)

    def test_too_old(self):
        """A library of the loader's name that has none of its functions."""
        os.symlink(os.environ["NO_VULKAN"], self.path("libvulkan.so.1"))
        self.assert_refuses(["no Vulkan device", "libvulkan.so.1 is too old", "lacks vk", "install"],
                            dict(os.environ, LD_LIBRARY_PATH=self.folder))

    def test_not_linked(self):
        for path in harness.DAUB, os.environ["LIBDAUB"]:
            needed = run(["readelf", "--dynamic", "--wide", path]).stdout.decode()
            self.assertIn("[libc.so", needed)
            self.assertNotIn("[libvulkan", needed)


if __name__ == "__main__":
    harness.main()
