"""The preview window under Xvfb: keys by xdotool, screenshots against what daub writes to
files with the same look; real time and its delays."""

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import harness
from harness import ffmpeg, frames, run

try:
    import numpy as np
    from PIL import Image
except ImportError:
    print("skipped: no Pillow or NumPy for Python (python3-pil, python3-numpy)")
    sys.exit(harness.SKIPPED)
for tool in "Xvfb", "xdotool", "import", "openbox":
    if not harness.shutil.which(tool):
        print("skipped: no %s (xvfb, xdotool, imagemagick, openbox)" % tool)
        sys.exit(harness.SKIPPED)

SCENE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../samples/scene.mp4")
WIDTH, HEIGHT = 320, 180
SCREEN = 800, 600
CLOSE = 33  # dB between a screenshot and a file


def psnr(a, b):
    if a.shape != b.shape:
        return 0
    error = ((a.astype(float) - b) ** 2).mean()
    return 10 * np.log10(255 ** 2 / max(error, 1e-9))


def read(path):
    return np.asarray(Image.open(path).convert("RGB"))


class Display(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["DISPLAY"] = harness.xvfb(cls.addClassCleanup, "%dx%d" % SCREEN)
        manager = subprocess.Popen(["openbox", "--sm-disable"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        cls.addClassCleanup(manager.wait)
        cls.addClassCleanup(manager.kill)
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        ffmpeg("-ss", 1, "-i", SCENE, "-frames:v", 1, "-vf", "scale=%d:%d" % (WIDTH, HEIGHT),
               cls.path("in.png"))

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    def start(self, *words):
        control = self.path("control-%d" % time.monotonic_ns())
        self.daub = subprocess.Popen([harness.DAUB, *words, "--control", control],
                                     cwd=self.folder.name, stdin=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE)
        self.addCleanup(self.daub.stderr.close)
        self.addCleanup(self.daub.wait)
        self.addCleanup(self.daub.kill)
        self.window = harness.window_with_keys(self.daub, control)

    def until(self, condition, seconds=60):
        end = time.monotonic() + harness.PATIENCE * seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "it did not happen in time")
            self.assertIsNone(self.daub.poll(), "daub ended")
            time.sleep(0.1)

    def shot(self):
        done = run(["import", "-window", self.window, "png:-"], check=False)
        return np.asarray(Image.open(io.BytesIO(done.stdout)).convert("RGB")) if done.stdout else \
            np.zeros((1, 1, 3))

    def shows(self, want, seconds=60, level=CLOSE):
        best = [0]

        def look():
            best.append(psnr(self.shot(), want))
            return best[-1] > level
        try:
            self.until(look, seconds)
        except AssertionError as error:
            raise AssertionError("%s; best %.1f dB" % (error, max(best))) from None

    def key(self, *names):
        run(["xdotool", "key", "--delay", "60", *names])

    def ends(self, code, within=10):
        start = time.monotonic()
        errors = self.daub.stderr.read().decode()
        self.assertEqual(self.daub.wait(timeout=30), code, errors)
        self.assertLess(time.monotonic() - start, within)
        return errors


class Keys(Display):
    def painted(self, *words):
        target = self.path("painted.png")
        run([harness.DAUB, self.path("in.png"), "-o", target, "-y", *words])
        return read(target)

    def test_keys(self):
        styles = ["great-wave", "ink-hatching"]
        paintings = [self.painted("-s", name) for name in styles]
        self.assertLess(psnr(*paintings), 20)
        source = read(self.path("in.png"))
        self.start("in.png", "-s", styles[0])
        self.shows(paintings[0])
        self.key("greater")
        self.shows(paintings[1])
        self.key("less")
        self.shows(paintings[0])
        self.key("h")
        self.shows(paintings[0][:, ::-1])
        self.key("h")
        self.shows(paintings[0])
        self.key("b")
        self.shows(source)
        self.key("b")
        self.shows(paintings[0])
        self.key("c")
        self.shows(self.painted("-s", styles[0], "--keep-colors"))
        self.key("c")
        self.key(*["bracketleft"] * 6)
        weaker = self.painted("-s", styles[0], "--strength", "0.7")
        self.assertLess(psnr(weaker, paintings[0]), CLOSE - 5)
        self.until(lambda: psnr(self.shot()[:120], weaker[:120]) > CLOSE)  # above the notice
        self.key(*["bracketright"] * 6)
        self.shows(paintings[0])
        self.splits(source, paintings[0])
        self.overlays(paintings[0])
        self.saves(paintings[0])
        self.sizes(paintings[0])
        self.key("q")
        self.ends(0)

    def splits(self, source, painting):
        """The input left of a line that the mouse drags."""
        def both(at):
            want = np.concatenate([source[:, :at], painting[:, at:]], 1)
            want[:, at - 1:at + 1] = 255
            return want
        self.key("Tab")
        self.shows(both(WIDTH // 2))
        mouse = ["xdotool", "mousemove", "--window", self.window]
        run([*mouse, "160", "90", "mousedown", "1", *mouse[1:], "240", "100", "mouseup", "1"])
        self.shows(both(240))
        self.key("Tab")
        self.shows(painting)

    def overlays(self, painting):
        """Text on dark boxes: statistics above, help below, everything else as it is."""
        top, bottom = (slice(0, 30), slice(0, 100)), (slice(150, 180), slice(0, 100))
        for key, box, other in ("i", top, bottom), ("question", bottom, top):
            self.key(key)
            self.until(lambda: psnr(self.shot()[box], painting[box]) < 20)
            self.until(lambda: psnr(self.shot()[other], painting[other]) > CLOSE)
            self.assertGreater((self.shot()[box] > 200).all(-1).sum(), 20)  # letters
            self.key(key)
            self.shows(painting)

    def saves(self, painting):
        def saved():
            return [name for name in os.listdir(self.folder.name) if name.startswith("daub-")]
        self.assertEqual(saved(), [])
        self.key("s")
        self.until(saved)
        self.assertGreater(psnr(read(self.path(saved()[0])), painting), 50)
        self.shows(painting)

    def letterboxed(self, painting, width, height):
        """The painting as large as fits, in the middle, black around."""
        scale = min(width / WIDTH, height / HEIGHT)
        size = round(WIDTH * scale), round(HEIGHT * scale)
        image = Image.new("RGB", (width, height))
        image.paste(Image.fromarray(painting).resize(size, Image.BILINEAR),
                    ((width - size[0]) // 2, (height - size[1]) // 2))
        return np.asarray(image)

    def sizes(self, painting):
        for size in (400, 300), (200, 300):
            run(["xdotool", "windowsize", self.window, *map(str, size)])
            self.shows(self.letterboxed(painting, *size), level=20)
        self.key("f")
        self.shows(self.letterboxed(painting, *SCREEN), level=20)
        self.key("f")
        self.shows(self.letterboxed(painting, 200, 300), level=20)


class RealTime(Display):
    def test_real_time(self):
        """A graph of 3 s is shown and recorded in 3 s, and the program ends by itself."""
        start = time.monotonic()
        self.start("lavfi:testsrc2=size=160x90:rate=30:duration=3", "--window", "-o", "out.mkv",
                   "--temporal", "off")
        errors = self.ends(0, within=30)
        self.assertGreater(time.monotonic() - start, 3)
        painted, dropped = [int(errors.split(word)[0].split()[-1]) for word in
                            (" frames painted in real time", " dropped; delay")]
        self.assertEqual(painted + dropped, 90)
        self.assertEqual(len(frames(self.path("out.mkv"))), painted)

    def test_stop(self):
        """By signal, or by the window's frame, in the middle: the recording is complete."""
        for number, code in (signal.SIGTERM, 130), (None, 0):
            self.start("lavfi:testsrc2=size=160x90:rate=30", "--window", "-o", "out.mkv", "-y")
            time.sleep(2)
            if number:
                self.daub.send_signal(number)
            else:
                self.key("alt+F4")
            self.ends(code)
            self.assertGreater(len(frames(self.path("out.mkv"))), 5)

    def test_pause(self):
        self.start("lavfi:testsrc2=size=160x90:rate=30", "-s", "great-wave", "--temporal", "off")
        self.until(lambda: self.shot().std() > 10)
        self.key("space")
        time.sleep(3)  # the notice has gone
        still = self.shot()
        time.sleep(1)
        self.assertTrue((self.shot() == still).all())
        self.key("space")
        self.until(lambda: psnr(self.shot(), still) < 30)
        self.key("Escape")
        self.ends(0)


    def test_steadiness(self):
        """The key t switches stability off and on: a still picture with noise boils without it."""
        self.start("lavfi:smptebars=size=320x180:rate=30,noise=alls=2:allf=t", "-s", "great-wave",
                   "--realtime")
        self.until(lambda: self.shot().std() > 10)

        def boils():
            time.sleep(2.5)  # the notice has gone
            shots = []
            for _ in range(4):
                shots.append(self.shot())
                time.sleep(0.3)
            return np.median([psnr(a, b) for a, b in zip(shots, shots[1:])])
        steady = boils()
        self.key("t")
        alone = boils()
        self.key("t")
        print("\n%.1f dB between shots, %.1f of frames by themselves" % (steady, alone))
        self.assertGreater(steady, alone + 2)
        self.assertGreater(boils(), alone + 2)
        self.key("q")
        self.ends(0)


class Headless(unittest.TestCase):
    def test_no_display(self):
        place = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
        done = run([harness.DAUB, SCENE], check=False, env=place)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("no display", done.stderr.decode())
        self.assertIn("-o", done.stderr.decode())


if __name__ == "__main__":
    harness.main()
