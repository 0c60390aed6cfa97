"""The steady painting of complete clips: a still scene under a camera's noise neither drifts nor
blurs nor boils, memory stays, and the same input gives the same painting."""

import os
import sys
import tempfile
import unittest

import harness
from harness import ffmpeg, run

try:
    import cv2
    import numpy as np
except ImportError:
    print("skipped: no OpenCV for Python (python3-opencv)")
    sys.exit(harness.SKIPPED)

SCENE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../samples/scene.mp4")
LIKE = 0.55  # correlation
COLOURS = 0.35  # part of the change that the light makes
NOISE = 6  # of FFmpeg's filter: a standard deviation of about 2 levels


def frames_of(path, width, height):
    raw = run(["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "bgr24",
               "-"]).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def sharpness(frame):
    return float((cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.CV_32F) ** 2).mean())


class Steady(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, frames):
        height, width = frames[0].shape[:2]
        raw = b"".join(np.clip(np.rint(f), 0, 255).astype(np.uint8).tobytes() for f in frames)
        run(["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s",
             "%dx%d" % (width, height), "-r", "25", "-i", "-", "-c:v", "ffv1", "-g", "1",
             self.path(name)], input=raw)
        return self.path(name)

    def paint(self, source, name, *options):
        """(path of the painting, largest resident memory in MB)."""
        target = self.path(name)
        child = os.spawnlp(os.P_NOWAIT, harness.DAUB, harness.DAUB, source, "-o", target, "-c:v",
                           "ffv1", "-y", "-q", *options)
        _, status, usage = os.wait4(child, 0)
        self.assertEqual(status, 0)
        return target, usage.ru_maxrss / 1024

    def test_still_scene(self):
        width, height, count = 256, 144, 1000
        # A child starts with the largest memory its parent had: no pictures in here yet.
        sources = [self.path("still%d.mkv" % n) for n in (100, count)]
        for n, source in zip((100, count), sources):
            ffmpeg("-i", SCENE, "-vf", "select=eq(n\\,60),scale=%d:%d,loop=-1:1,noise=alls=%d:allf=t,"
                   "setpts=N/30/TB" % (width, height, NOISE), "-frames:v", n, "-c:v", "ffv1", source)
        _, memory_of_100 = self.paint(sources[0], "steady100.mkv")
        steady, memory = self.paint(sources[1], "steady.mkv")
        alone, _ = self.paint(sources[0], "alone.mkv", "--temporal", "off")
        steady, alone = frames_of(steady, width, height), frames_of(alone, width, height)
        self.assertEqual(len(steady), count)

        luma = [float(cv2.cvtColor(f, cv2.COLOR_BGR2GRAY).mean()) for f in steady]
        slope = float(np.polyfit(np.arange(count), luma, 1)[0]) * 1000
        kept = (np.mean([sharpness(f) for f in steady[-10:]]) /
                np.mean([sharpness(f) for f in steady[5:15]]))
        crisp = (np.mean([sharpness(f) for f in steady[-10:]]) /
                 np.mean([sharpness(f) for f in alone]))
        # Of the temporal differences: what noise makes of the painting.
        boils, rests = (float(np.mean([((a.astype(np.float32) - b) ** 2).mean()
                                       for a, b in zip(f[20:99], f[21:100])]))
                        for f in (alone, steady))
        print("\nluma %.2f levels in 1000 frames; sharpness %.3f of frame 10, %.3f of each frame "
              "by itself; boiling %.2f -> %.3f; memory %.1f MB, %.1f at 100 frames" % (
                  slope, kept, crisp, boils, rests, memory, memory_of_100))
        self.assertLess(abs(slope), 1)
        self.assertGreater(kept, 0.95)
        self.assertGreater(crisp, 0.85)
        self.assertLess(crisp, 1.25)
        self.assertLess(rests, 0.12 * boils)
        self.assertLess(memory, 1.1 * memory_of_100)

    def test_flat_scene(self):
        """Noise has no motion, though patches of it alone find some: a wall must not boil."""
        width, height = 256, 144
        source = self.path("flat.mkv")
        ffmpeg("-f", "lavfi", "-i", "color=0x282420:s=%dx%d:r=30,noise=alls=%d:allf=t" % (
            width, height, NOISE), "-frames:v", 40, "-c:v", "ffv1", source)
        boils, rests = (
            float(np.mean([((a.astype(np.float32) - b) ** 2).mean() for a, b in zip(f[20:], f[21:])]))
            for f in (frames_of(self.paint(source, name, "--temporal", how)[0], width, height)
                      for name, how in (("alone.mkv", "off"), ("steady.mkv", "flow"))))
        print("\nboiling %.2f -> %.3f" % (boils, rests))
        self.assertLess(rests, 0.4 * boils)

    def test_true_strokes(self):
        """Under a moving camera, strokes stay similar to what the network paints."""
        width, height, count = 320, 180, 90
        source = self.path("scene.mkv")
        ffmpeg("-i", SCENE, "-vf", "scale=%d:%d" % (width, height), "-frames:v", count, "-c:v", "ffv1",
               source)
        pair = []
        for how in "off", "flow":
            frames = frames_of(self.paint(source, how + ".mkv", "--temporal", how)[0], width, height)
            last = frames[-10:].astype(np.float32)
            pair.append([f - cv2.GaussianBlur(f, (0, 0), 8) for f in last])
        alike = [float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())) for a, b in zip(*pair)]
        print("\nstrokes after %d frames: correlation %.3f" % (count, np.mean(alike)))
        self.assertGreater(np.mean(alike), LIKE)

    def test_light(self):
        """Light that moves over a still scene: the colours follow what the network paints."""
        width, height, count = 256, 144, 60
        still = cv2.resize(frames_of(SCENE, 640, 360)[60], (width, height),
                           interpolation=cv2.INTER_AREA).astype(np.float32)
        across = np.linspace(-0.4, 0.4, width)[None, :, None]
        source = self.write("light.mkv", [0.7 * still * (1 + across * np.sin(2 * np.pi * t / 100))
                                          for t in range(count)])
        alone, steady = (np.stack([cv2.GaussianBlur(f, (0, 0), 8).astype(np.float32) for f in frames_of(
            self.paint(source, how + ".mkv", "--temporal", how)[0], width, height)])
            for how in ("off", "flow"))
        change, off = (float(np.sqrt(((alone - other) ** 2).mean())) for other in (alone[:1], steady))
        print("\ncolours %.1f levels off each frame by itself, which change by %.1f" % (off, change))
        self.assertLess(off, COLOURS * change)

    def test_same_twice(self):
        """Odd sizes, one and two frames, and a longer clip: each twice."""
        moving = frames_of(SCENE, 640, 360)
        for width, height, count in (97, 61, 1), (33, 50, 2), (161, 90, 12):
            frames = [cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA)
                      for f in moving[:count]]
            source = self.write("in.mkv", frames)
            painted = [frames_of(self.paint(source, name)[0], width, height)
                       for name in ("one.mkv", "two.mkv")]
            self.assertEqual(len(painted[0]), count)
            self.assertTrue(np.array_equal(*painted), (width, height, count))
            alone = frames_of(self.paint(source, "a.mkv", "--temporal", "off")[0], width, height)
            self.assertTrue(np.array_equal(painted[0][0], alone[0]))
            if count > 2:
                self.assertFalse(np.array_equal(painted[0][-1], alone[-1]))


if __name__ == "__main__":
    harness.main()
