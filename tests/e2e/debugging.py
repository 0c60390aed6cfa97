"""Switches for developers: what the program shows of its inner parts and leaves out."""

import os

import harness
from harness import ffmpeg, testsrc

DEVICE, USAGE = 3, 2


class Picture(harness.Case):
    def setUp(self):
        super().setUp()
        self.source = self.path("in.png")
        ffmpeg(*testsrc(1), "-frames:v", "1", self.source)


class Switches(Picture):
    def test_no_verify(self):
        video, target = self.path("in.mp4"), self.path("out.mp4")
        ffmpeg(*testsrc(0.4), "-c:v", "libx264", "-pix_fmt", "yuv420p", video)
        reads = []
        for more in [], ["--no-verify"]:
            text, _ = self.daub(video, "-o", target, "-y", "--log-level", "debug", *more)
            reads.append(sum("out.partial" in line and "for reading" in line
                             for line in text.splitlines()))
        self.assertEqual(reads, [1, 0])

    def test_dump(self):
        self.fails(USAGE, "say which model", "model")
        self.fails(USAGE, "graph or plan", "model", "lite", "--dump", "all")
        _, out = self.daub("model", "lite", "--dump", "graph", "--size", "64x32")
        self.assertIn(b"64x32", out)

    def test_kernels_mistake(self):
        self.fails(USAGE, "shaders and host", self.source, "-o", self.path("out.png"),
                   "--kernels", "fast")


class Device(Picture):
    """On a real device."""

    def test_no_cache(self):
        folder = self.path("cache")
        env = dict(os.environ, XDG_CACHE_HOME=folder)
        paint = [self.source, "-m", "lite", "-o", self.path("out.png"), "-y"]
        self.daub(*paint, "--no-cache", env=env)
        self.assertFalse(os.path.exists(os.path.join(folder, "daub")))
        self.daub(*paint, env=env)
        self.assertTrue(os.listdir(os.path.join(folder, "daub")))

    def test_kernels(self):
        _, out = self.daub("model", "lite", "--dump", "plan", "--kernels", "shaders")
        self.assertTrue(out.startswith(b"plan shaders fp"), out[:40])
        self.assertIn(b"conv", out)

    def test_graph(self):
        _, out = self.daub("model", "lite", "--dump", "graph", "--size", "64x32")
        self.assertTrue(out.startswith(b"graph 64x32"), out[:40])

    def test_check_steps(self):
        _, out = self.daub("doctor", "-m", "lite", "--check-steps")
        self.assertIn(b"steps are right", out)

    def test_validation(self):
        env = dict(os.environ, VK_LAYER_PATH="/nonexistent")
        self.fails(1, "install vulkan-validationlayers", "bench", "--validation", "--frames",
                   "1", "--size", "64x64", "-m", "lite", env=env)


class Validation(Picture):
    """With the fake painter, which reports as many validation errors as the test asks for."""

    def test_errors(self):
        env = dict(os.environ, DAUB_FAKE_VALIDATION_ERRORS="2")
        text, _ = self.daub(self.source, "-o", self.path("out.png"), "--validation",
                            code=DEVICE, env=env)
        self.assertIn("reported 2 errors", text)


if __name__ == "__main__":
    harness.main()
