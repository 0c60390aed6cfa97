"""Scene cuts on a reel of 30 hard cuts, 10 fades, 5 flashes and 5 fast pans over photos, and
the painting right after a cut."""

import os
import re
import sys
import tempfile
import unittest

import harness
from harness import run

try:
    import cv2
    import numpy as np
except ImportError:
    print("skipped: no OpenCV for Python (python3-opencv)")
    sys.exit(harness.SKIPPED)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
DATA = os.environ.get("DAUB_DATA") or os.path.join(ROOT, "../shared/data")
RATE = 25
SIZE = WIDTH, HEIGHT = 320, 180
HARD, FADES, FLASHES, PANS = 30, 10, 5, 5
SHOT, FADE = 7, 10  # frames


def view(photo, left, top, zoom, random):
    """SIZE pixels of the photo, with the noise of a camera."""
    matrix = np.float32([[zoom, 0, left], [0, zoom, top]])
    seen = cv2.warpAffine(photo, matrix, SIZE, flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REFLECT)
    return np.clip(seen + random.normal(0, 2, seen.shape), 0, 255)


def shot(photo, length, random):
    """A slow move over a photo."""
    x, y = random.uniform(-1.5, 1.5, 2)
    zoom, rise = random.uniform(1.0, 1.2), random.uniform(-0.004, 0.004)
    return [view(photo, 20 + x * i, 20 + y * i, zoom + rise * i, random) for i in range(length)]


def reel(photos, random):
    """(frames, numbers of those after a hard cut, other events with first and last frame)."""
    frames, cuts, other = [], [], []
    kinds = ["cut"] * HARD + ["fade"] * FADES + ["flash"] * FLASHES + ["pan"] * PANS
    random.shuffle(kinds)
    frames += shot(next(photos), SHOT, random)
    photo = None
    for kind in kinds:
        start = len(frames)
        if kind == "cut":
            cuts.append(start)
            photo = next(photos)
            frames += shot(photo, SHOT, random)
        elif kind == "fade":
            last, following = frames[-1], shot(next(photos), FADE + SHOT, random)
            for i in range(FADE):
                share = (i + 1) / (FADE + 1)
                following[i] = (1 - share) * last + share * following[i]
            frames += following
        elif kind == "flash":
            # One frame, two stops brighter and clipped, in the middle of a shot.
            photo = next(photos)
            cuts.append(start)
            shown = shot(photo, 2 * SHOT, random)
            shown[SHOT] = np.clip(4 * shown[SHOT] + 40, 0, 255)
            frames += shown
            other.append(("flash", start + SHOT, start + SHOT + 1))
            continue
        else:
            cuts.append(start)
            photo = cv2.resize(next(photos), (3 * WIDTH, 2 * HEIGHT))
            frames += [view(photo, 10 + 22 * i, 90, 1, random) for i in range(24)]
        other.append((kind, start, len(frames) - 1))
    return frames, cuts, other


class Cuts(unittest.TestCase):
    def setUp(self):
        folder = os.path.join(DATA, "content")
        if not os.path.isdir(folder):
            self.skipTest("no photos at %s" % folder)
        random = np.random.default_rng(int(os.environ.get("SEED", 5)))
        names = sorted(os.listdir(folder))
        random.shuffle(names)
        photos = (cv2.resize(cv2.imread(os.path.join(folder, name)), (448, 280),
                             interpolation=cv2.INTER_AREA) for name in names)
        self.frames, self.cuts, self.other = reel(photos, random)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.reel = self.path("reel.mkv")
        raw = b"".join(f.astype(np.uint8).tobytes() for f in self.frames)
        run(["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s",
             "%dx%d" % SIZE, "-r", str(RATE), "-i", "-", "-c:v", "ffv1", self.reel], input=raw)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def paint(self, name, *options):
        done = run([harness.DAUB, self.reel, "-o", self.path(name), "-c:v", "ffv1", "-y", "-v",
                    *options])
        return done.stderr.decode()

    def read(self, name):
        raw = run(["ffmpeg", "-v", "error", "-i", self.path(name), "-f", "rawvideo", "-pix_fmt",
                   "bgr24", "-"]).stdout
        return np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)

    def test_finds_cuts(self):
        text = self.paint("flow.mkv", "--temporal", "flow")
        found = [round(float(s) * RATE)
                 for s in re.findall(r"a new scene begins at ([0-9.]+) s", text)]
        missed = sorted(set(self.cuts) - set(found))
        false = sorted(set(found) - set(self.cuts))
        print("\n%d of %d cuts found, missed %s, false %s" % (
            len(self.cuts) - len(missed), len(self.cuts), missed,
            [(n, [k for k, a, b in self.other if a <= n <= b]) for n in false]))
        self.assertEqual(missed, [])
        self.assertLessEqual(len(false), 2)

        # The frame after a cut equals the one without history. No other frame does, except the
        # first one and those in and right after a flash, which may count as cuts.
        self.paint("off.mkv", "--temporal", "off")
        steady, alone = (self.read(name) for name in ("flow.mkv", "off.mkv"))
        self.assertEqual(len(steady), len(self.frames))
        self.assertEqual(len(alone), len(self.frames))
        apart = [int(cv2.absdiff(a, b).max()) for a, b in zip(steady, alone)]
        print("levels apart after a cut %d, elsewhere %d in the mean" % (
            max(apart[n] for n in found), np.mean([d for n, d in enumerate(apart) if n not in found])))
        self.assertEqual(max(apart[n] for n in found), 0)
        in_flash = [n for kind, first, _ in self.other if kind == "flash"
                    for n in range(first, first + 3)]
        same = {n for n, d in enumerate(apart) if d == 0}
        self.assertLessEqual(same - set(found) - set(in_flash), {0})


class Threshold(unittest.TestCase):
    def test_threshold(self):
        """A higher one finds fewer cuts; no other frame of the two scenes is one."""
        both = ("lavfi:testsrc2=s=192x128:r=10:d=1[a];smptebars=s=192x128:r=10:d=1[b];"
                "[a][b]concat")
        for words, cuts in ([], 1), (["--scene-threshold", "1000"], 0):
            done = run([harness.DAUB, both, "--frames", "20", "-o", os.devnull, "-f", "null", "-v", *words])
            self.assertEqual(done.stderr.count(b"a new scene begins at"), cuts, done.stderr)


if __name__ == "__main__":
    harness.main()
