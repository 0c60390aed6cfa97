"""daub metrics against the same scores in NumPy and OpenCV, with OpenCV's optical flow and
with the exact one of the rendered scene."""

import json
import os
import sys
import tempfile
import unittest

import harness
from harness import ffmpeg, run

try:
    import cv2
    import numpy as np
    import motion
except ImportError:
    print("skipped: no OpenCV for Python (python3-opencv)")
    sys.exit(harness.SKIPPED)

SCENE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../samples/scene.mp4")
SCENE_PROGRAM = os.environ.get("SCENE", "scene")
SIZE = WIDTH, HEIGHT = 160, 90
COUNT = 14


def pictures(path):
    raw = run(["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24",
               "-"]).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)


def sample(image, where):
    """Bilinear; unlike OpenCV's remap, it does not round the coordinates."""
    at = np.clip(where, 0, (WIDTH - 1, HEIGHT - 1))
    low = np.floor(at).astype(int)
    (x0, y0), f = np.moveaxis(low, -1, 0), at - low
    x1, y1 = np.minimum(x0 + 1, WIDTH - 1), np.minimum(y0 + 1, HEIGHT - 1)
    fx, fy = f[..., :1], f[..., 1:]
    return ((1 - fy) * ((1 - fx) * image[y0, x0] + fx * image[y0, x1]) +
            fy * ((1 - fx) * image[y1, x0] + fx * image[y1, x1]))


def inside(where):
    return ((where >= 0) & (where <= (WIDTH - 1, HEIGHT - 1))).all(-1)


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        random = np.random.default_rng(1)
        ffmpeg("-i", SCENE, "-frames:v", COUNT, "-vf", "scale=%d:%d" % SIZE, "-c:v", "ffv1",
               "-pix_fmt", "bgr0", cls.path("input.mkv"))
        frames = pictures(cls.path("input.mkv"))
        # Stand-ins for paintings: one boils, one boils less and is softer.
        boiling = [np.clip(f + random.normal(0, 12, f.shape), 0, 255) for f in frames]
        calmer = [cv2.GaussianBlur(0.7 * f + 0.3 * b, (3, 3), 0) for f, b in zip(frames, boiling)]
        cls.videos = {"input": frames}
        for name, made in ("alone", boiling), ("painted", calmer):
            raw = b"".join(np.rint(f).astype(np.uint8).tobytes() for f in made)
            run(["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
                 "%dx%d" % SIZE, "-r", "30", "-i", "-", "-c:v", "ffv1", "-pix_fmt", "bgr0",
                 cls.path(name + ".mkv")], input=raw)
            cls.videos[name] = pictures(cls.path(name + ".mkv"))

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    def scores(self, *options, names=("input", "painted", "alone")):
        done = run([harness.DAUB, "metrics", *(self.path(n + ".mkv") for n in names), *options])
        self.assertIn("| E_warp |", done.stderr.decode())
        return json.loads(done.stdout)

    def reference(self, flows):
        """The scores of temporal differences by NumPy; vectors of hidden pixels lead outside."""
        video = {k: [f.astype(np.float32) / 255 for f in v] for k, v in self.videos.items()}
        sums = {}

        def add(key, value):
            sums.setdefault(key, []).append(value)

        chain = []  # flows from the newest frame to earlier ones, and the pixels visible there
        for t in range(1, COUNT):
            where = motion.grid(*SIZE) + flows[t]
            seen = inside(where)
            for key, name in (("e_warp", "painted"), ("e_warp_input", "input"),
                              ("e_warp_per_frame", "alone")):
                d = ((video[name][t] - sample(video[name][t - 1], where)) ** 2).mean(-1)
                add(key, d[seen].mean())
                if name == "painted":
                    add("all", d.mean())
            add("ghosting", ((video["painted"][t] - video["alone"][t]) ** 2).mean(-1)[~seen].mean())
            # Visible where all of the four pixels around are that have a weight.
            at = np.clip(where, 0, (WIDTH - 1, HEIGHT - 1))
            low, high = np.floor(at).astype(int), np.ceil(at).astype(int)
            corners = [(y, x) for y in (low[..., 1], high[..., 1])
                       for x in (low[..., 0], high[..., 0])]
            chain = [(np.zeros_like(where), np.ones(seen.shape, bool))] + chain[:9]
            chain = [(flows[t] + sample(way, where),
                      seen & np.all([old[corner] for corner in corners], axis=0) &
                      inside(where + sample(way, where))) for way, old in chain]
            if t >= 10:
                far = motion.grid(*SIZE) + chain[9][0]
                d = ((video["painted"][t] - sample(video["painted"][t - 10], far)) ** 2).mean(-1)
                add("long_range", d[chain[9][1]].mean())
        found = {key: float(np.mean(values)) for key, values in sums.items()}
        found["e_stab"] = found.pop("all") ** 0.5
        found["e_warp_ratio"] = found["e_warp"] / found["e_warp_per_frame"]
        found["flicker"] = float(np.std(video["painted"], axis=0).mean())
        weights = np.float32([0.2126, 0.7152, 0.0722])
        luma = [float((f @ weights).mean()) for f in video["painted"]]
        found["drift"] = float(np.polyfit(np.arange(COUNT), luma, 1)[0]) * 255000
        energy = {name: np.mean([(cv2.Laplacian(f @ weights, cv2.CV_32F)[1:-1, 1:-1] ** 2).mean()
                                 for f in video[name]]) for name in ("painted", "alone")}
        found["sharpness_ratio"] = float(energy["painted"] / energy["alone"])
        return found

    def assert_same(self, flows):
        for t, flow in flows.items():
            motion.write_flo(self.path("flow_%04d.flo" % t), flow)
        got = self.scores("--flow", self.path("flow_%04d.flo"))
        self.assertEqual(got["frames"], COUNT)
        self.assertEqual(got["flow"], "given")
        for key, value in self.reference(flows).items():
            self.assertLess(abs(got[key] - value), 0.005 * abs(value) + 1e-7, (key, got[key], value))
        return got

    def test_opencv_flow(self):
        grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in self.videos["input"]]
        given = self.assert_same({t: motion.dis_medium(grey[t - 1], grey[t])
                                  for t in range(1, COUNT)})
        own = self.scores()
        self.assertEqual(own["flow"], "daub")
        self.assertLess(abs(own["e_warp"] / given["e_warp"] - 1), 0.35)
        self.assertLess(abs(own["e_warp_ratio"] / given["e_warp_ratio"] - 1), 0.35)

    def test_exact_flow(self):
        numbers = ",".join(map(str, range(1, COUNT)))
        run([SCENE_PROGRAM, "--size", "%dx%d" % SIZE, "--flow", numbers, self.folder.name])
        self.assert_same({t: motion.exact(self.folder.name, t) for t in range(1, COUNT)})

    def test_baselines(self):
        """A painting compared with itself, and the input as its own painting."""
        same = self.scores(names=("input", "alone", "alone"))
        self.assertEqual((same["e_warp_ratio"], same["sharpness_ratio"], same["style_distance"],
                          same["ghosting"]), (1, 1, 0, 0))
        other = self.scores()
        self.assertGreater(other["style_distance"], 0.05)
        self.assertLess(other["e_warp_ratio"], 0.5)
        alone = self.scores(names=("input", "input"))
        self.assertEqual(alone["e_warp"], alone["e_warp_input"])
        self.assertIsNone(alone["e_warp_ratio"])

    def test_plot(self):
        target = self.path("plot.svg")
        self.scores("--plot", target)
        with open(target, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(text.count("<polyline"), 3)
        self.assertEqual(text.count(",") , 3 * (COUNT - 1))

    def fails(self, code, words, *arguments):
        done = run([harness.DAUB, "metrics", *arguments], check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(words, done.stderr.decode())

    def test_what_is_wrong(self):
        two = self.path("input.mkv"), self.path("painted.mkv")
        self.fails(2, "two or three videos", two[0])
        self.fails(4, "missing.mkv", two[0], self.path("missing.mkv"))
        self.fails(4, "one frame", *two, "--frames", "1")
        self.fails(2, "%d", *two, "--flow", self.path("flow.flo"))
        self.fails(2, "%d", *two, "--flow", self.path("%s%n.flo"))
        self.fails(4, "cannot read", *two, "--flow", self.path("none_%d.flo"))
        for name, data, words in (
                ("bad", b"P6\n1 1\n255\n000", "no .flo file"),
                ("size", b"PIEH" + np.int32([WIDTH + 1, HEIGHT]).tobytes(), "161 x 90"),
                ("short", b"PIEH" + np.int32(SIZE).tobytes() + b"1234", "shorter than its header")):
            with open(self.path(name + "_1.flo"), "wb") as file:
                file.write(data)
            self.fails(4, words, *two, "--flow", self.path(name + "_%d.flo"))


if __name__ == "__main__":
    harness.main()
