"""The PipeWire camera in a private PipeWire: the pixels that our own consumer and
GStreamer receive, several consumers, sleep, and peers that end."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import harness
from harness import frames, run

try:
    import numpy as np
except ImportError:
    print("skipped: no NumPy for Python (python3-numpy)")
    sys.exit(harness.SKIPPED)
WATCH = os.environ.get("WATCH_PIPEWIRE", "")
if not os.path.exists(WATCH):
    print("skipped: built without PipeWire (WATCH_PIPEWIRE names no program)")
    sys.exit(harness.SKIPPED)
for tool in "pipewire", "wireplumber", "dbus-daemon", "gst-launch-1.0":
    if not harness.shutil.which(tool):
        print("skipped: no %s (pipewire, wireplumber, dbus, gstreamer1.0-tools)" % tool)
        sys.exit(harness.SKIPPED)

WIDTH, HEIGHT, BARS = 320, 180, 7
SOURCE = "lavfi:smptebars=s=%dx%d:r=30" % (WIDTH, HEIGHT)
FORMATS = "YUY2", "I420", "NV12", "BGRx"


class Session(harness.Desk):
    """A private bus, PipeWire and WirePlumber."""

    def setUp(self):
        super().setUp()
        self.prepare()
        bus = self.start(["dbus-daemon", "--session", "--print-address", "--nofork"],
                         stdout=subprocess.PIPE)
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()
        bus.stdout.close()
        self.pipewire = self.start(["pipewire"])
        self.until(lambda: os.path.exists(self.path("pipewire-0")), 10)
        self.start(["wireplumber"])

    def prepare(self):
        """Called before the bus starts, to set what its programs will find."""

    def paint(self, *words, to="pipewire:", source=SOURCE):
        """Starts daub; returns once its camera is there."""
        self.log = open(self.path("log"), "w+b")
        self.addCleanup(self.log.close)
        daub = self.start([harness.DAUB, source, "--strength", "0", "--temporal", "off", "-o", to,
                           "--control", self.path("control"), "-v", *words], stderr=self.log)
        self.until(lambda: os.path.exists(self.path("control")) or daub.poll() is not None, 90)
        self.until(lambda: self.listed() or daub.poll() is not None, 10)
        self.assertIsNone(daub.poll(), self.said())
        return daub

    def said(self):
        with open(self.path("log"), errors="replace") as log:
            return log.read()

    def listed(self):
        """Whether programs can find the camera."""
        listed = run(["pw-dump"], env=self.environment, check=False).stdout
        nodes = [o.get("info", {}).get("props", {}) for o in json.loads(listed or b"[]")]
        return any(n.get("media.class") == "Video/Source" and n.get("media.role") == "Camera"
                   for n in nodes)

    def status(self):
        done = run([harness.DAUB, "ctl", self.path("control"), '{"status":true}'])
        return json.loads(done.stdout)

    def watch(self, pixels, count, node="daub"):
        """A consumer; what it got will be in the file .got."""
        got = tempfile.NamedTemporaryFile(dir=self.folder)
        self.addCleanup(got.close)
        process = self.start([WATCH, pixels, str(count), node], stdout=got, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        process.got = got
        return process

    def watched(self, process):
        """(bytes, line of what came) of a consumer that ended well."""
        told = process.stderr.read().decode()
        self.assertEqual(process.wait(), 0, told + self.said())
        with open(process.got.name, "rb") as got:
            return got.read(), told.strip().splitlines()[-1]

    def ends(self, daub, code, within=10):
        start = time.monotonic()
        self.assertEqual(daub.wait(timeout=30), code, self.said())
        self.assertLess(time.monotonic() - start, within)


def planes(data, pixels):
    """Y, U and V in the middle of each bar, or blue, green and red."""
    columns = (np.arange(BARS) * 2 + 1) * WIDTH // (2 * BARS) // 2 * 2
    row = HEIGHT // 4 // 2 * 2
    data = np.frombuffer(data, np.uint8).astype(int)
    if pixels == "BGRx":
        return data.reshape(HEIGHT, WIDTH, 4)[row, columns, :3]
    if pixels == "YUY2":
        line = data.reshape(HEIGHT, WIDTH // 2, 4)[row, columns // 2]
        return line[:, [0, 1, 3]]
    luma = data[:WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)[row, columns]
    chroma = data[WIDTH * HEIGHT:]
    if pixels == "NV12":
        both = chroma.reshape(HEIGHT // 2, WIDTH // 2, 2)[row // 2, columns // 2]
    else:
        both = chroma.reshape(2, HEIGHT // 2, WIDTH // 2)[:, row // 2, columns // 2].T
    return np.column_stack([luma, both])


def expected(pixels, bt709=False):
    """The bars' own samples, which are BT.601 of limited range; or blue, green, red of them, or
    BT.709's samples."""
    raw = run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", SOURCE[6:], "-frames:v", "1",
               "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]).stdout
    samples = planes(raw, "I420")
    if pixels != "BGRx" and not bt709:
        return samples
    y, u, v = (samples - (16, 128, 128)).T / np.array([[219], [224], [224]])
    rgb = np.array([y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u])
    if bt709:
        luma = np.array([0.2126, 0.7152, 0.0722]) @ rgb
        yuv = [16 + 219 * luma, 128 + 224 * (rgb[2] - luma) / 1.8556, 128 + 224 * (rgb[0] - luma) / 1.5748]
        return np.rint(yuv).astype(int).T
    return np.clip(np.rint(255 * rgb[::-1].T), 0, 255).astype(int)


class Camera(Session):
    def test_matrix(self):
        self.paint("--vcam-matrix", "bt709")
        got, _ = self.watched(self.watch("YUY2", 1))
        apart = planes(got, "YUY2") - expected("YUY2", bt709=True)
        self.assertLessEqual(abs(apart).max(), 2)
        self.assertGreater(abs(planes(got, "YUY2") - expected("YUY2")).max(), 8)

    def test_pixels(self):
        self.paint()
        bytes_of = {"YUY2": 2, "I420": 1.5, "NV12": 1.5, "BGRx": 4}
        for pixels in FORMATS:
            size = int(bytes_of[pixels] * WIDTH * HEIGHT)
            got, told = self.watched(self.watch(pixels, 30))
            self.assertTrue(told.startswith("%s %dx%d count 30" % (pixels, WIDTH, HEIGHT)), told)
            target = self.path("gst.raw")
            # The time limit is for versions of GStreamer that do not end by themselves.
            run(["timeout", "30", "gst-launch-1.0", "-q", "pipewiresrc", "target-object=daub",
                 "num-buffers=10", "!", "video/x-raw,format=%s,width=%d,height=%d"
                 % (pixels, WIDTH, HEIGHT), "!", "filesink", "location=" + target],
                env=self.environment)
            with open(target, "rb") as file:
                by_gst = file.read()
            self.assertEqual([len(got), len(by_gst)], [30 * size, 10 * size])
            for data, count in (got, 30), (by_gst, 10):
                for i in range(count):
                    apart = planes(data[i * size:(i + 1) * size], pixels) - expected(pixels)
                    self.assertLessEqual(abs(apart).max(), 2, pixels)

    def test_two_consumers(self):
        self.paint()
        both = [self.watch("YUY2", 60), self.watch("YUY2", 60)]
        for process in both:
            got, told = self.watched(process)
            self.assertEqual(len(got), 60 * 2 * WIDTH * HEIGHT, told)

    def test_sleeps_and_wakes(self):
        """Nothing is painted while nobody watches; a consumer that is killed counts as gone,
        and the next one finds a camera."""
        self.paint()
        for _ in range(2):
            self.until(lambda: self.status()["asleep"], 5)
            asleep = self.status()["frames"]
            time.sleep(1)
            self.assertEqual(self.status()["frames"], asleep)
            consumer = self.watch("I420", 100000)
            self.until(lambda: self.status()["frames"] > asleep, 2)
            self.assertFalse(self.status()["asleep"])
            consumer.kill()
        self.assertIn("nobody watches; sleeping", self.said())

    @unittest.skipUnless(harness.shutil.which("pw-v4l2"), "no pw-v4l2 (pipewire-v4l2)")
    def test_camera_sleeps(self):
        """A camera whose painting nobody watches is released: here it is another daub's,
        which pw-v4l2 shows as /dev/video0, and which then sleeps as well."""
        self.paint()
        second = self.start(["pw-v4l2", harness.DAUB, "/dev/video0", "--temporal", "off",
                             "-o", "pipewire:second"])
        self.until(lambda: not self.status()["asleep"], 90)
        self.until(lambda: self.status()["asleep"], 10)
        second.send_signal(signal.SIGTERM)
        self.ends(second, 130)

    def test_stop_while_watched(self):
        """A consumer that stalls delays neither the recording nor the end."""
        daub = self.paint("-o", self.path("record.mkv"))
        consumer = self.watch("YUY2", 100000)
        self.until(lambda: os.path.getsize(consumer.got.name) > 0, 20)
        consumer.send_signal(signal.SIGSTOP)
        stalled = self.status()["frames"]
        self.until(lambda: self.status()["frames"] > stalled + 20, 20)
        daub.send_signal(signal.SIGTERM)
        self.ends(daub, 130)
        self.assertGreater(len(frames(self.path("record.mkv"))), stalled + 20)

    def test_pipewire_ends(self):
        """The recording goes on."""
        daub = self.paint("-o", self.path("record.mkv"))
        self.until(lambda: self.status()["frames"] > 10, 20)
        self.pipewire.terminate()
        self.until(lambda: "the other outputs go on" in self.said(), 5)
        before = self.status()["frames"]
        self.until(lambda: self.status()["frames"] > before + 10, 10)
        daub.send_signal(signal.SIGTERM)
        self.ends(daub, 5)
        self.assertIn("PipeWire has stopped", self.said())
        self.assertGreater(len(frames(self.path("record.mkv"))), before)

    def test_name_and_odd_size(self):
        self.paint(to="pipewire:my easel", source="lavfi:testsrc2=s=161x91:r=30")
        _, told = self.watched(self.watch("YUY2", 5, "my easel"))
        self.assertIn("YUY2 160x90", told)

    def test_vcam(self):
        """Without the kernel's module, --vcam is this camera; without a display, no window."""
        if os.path.exists("/sys/module/v4l2loopback"):
            self.skipTest("v4l2loopback is loaded here")
        self.environment.pop("SDL_VIDEODRIVER", None)
        log = open(self.path("log"), "w+b")
        self.addCleanup(log.close)
        daub = self.start([harness.DAUB, SOURCE, "--vcam", "--strength", "0", "-v"], stderr=log)
        self.until(lambda: self.listed() or daub.poll() is not None, 90)
        self.watched(self.watch("I420", 5))
        daub.send_signal(signal.SIGTERM)
        self.ends(daub, 130)


class Absent(unittest.TestCase):
    def test_no_pipewire(self):
        with tempfile.TemporaryDirectory() as folder:
            environment = dict(os.environ, XDG_RUNTIME_DIR=folder)
            done = run([harness.DAUB, SOURCE, "-o", "pipewire:"], check=False, env=environment)
        self.assertEqual(done.returncode, 5)
        self.assertIn(b"systemctl --user start pipewire", done.stderr)


if __name__ == "__main__":
    harness.main()
