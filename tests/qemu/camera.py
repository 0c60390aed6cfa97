"""camera.py DAUB FOLDER: daub's camera source against a real driver (vivid) and a virtual camera
that sends MJPEG (v4l2loopback), in a virtual machine, and its own virtual camera. FOLDER keeps
the kernel. DAUB is linked with the fake painter, which inverts every sample."""
import re
import sys
import unittest

import machine

DAUB, FOLDER = sys.argv[1:3]
# Bars of 75 % as R G B: vivid's, without the last SMPTE's.
BARS = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0),
        (0, 0, 191), (0, 0, 0)]


class Camera(machine.Guest):
    @classmethod
    def setUpClass(cls):
        cls.boot(FOLDER, "camera.sh", DAUB)

    def frames(self, name, bars=8, top=0.7):
        """[[R, G, B of each bar] of each frame] in a strip from top on, the right way round
        again."""
        width, height = 10 * bars, 8
        raw = machine.shell(["ffmpeg", "-v", "error", "-i", self.path(name + ".mkv"), "-vf",
                             "negate,crop=iw:ih/8:0:ih*%g,scale=%d:%d:flags=area" % (top, width, height),
                             "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]).stdout
        size = width * height * 3
        return [[tuple(f[(4 * width + x) * 3:(4 * width + x) * 3 + 3]) for x in range(5, width, 10)]
                for f in (raw[i:i + size] for i in range(0, len(raw), size))]

    def assert_bars(self, got, want, name):
        for a, b in zip(got, want):
            self.assertLessEqual(max(abs(x - y) for x, y in zip(a, b)), 6, (name, got))

    def painted(self, name):
        """(painted, dropped) frames by daub's last words."""
        found = re.search(r"(\d+) frames painted in real time, (\d+) dropped", self.text(name + ".log"))
        return tuple(map(int, found.groups()))

    def gap(self, name):
        """Longest time in seconds between two frames that were recorded."""
        listed = machine.shell(["ffprobe", "-v", "error", "-show_entries", "frame=pts_time", "-of", "csv=p=0",
                                self.path(name + ".mkv")]).stdout.decode().replace(",", "").split()
        times = list(map(float, listed))
        return max(b - a for a, b in zip(times, times[1:]))

    def test_formats(self):
        for name in "yuyv", "uyvy", "nv12", "yu12", "rgb3", "grey":
            self.ended(name, 0)
            frames = self.frames(name)
            self.assertEqual(sum(self.painted(name)), 12, name)
            self.assertEqual(len(frames), self.painted(name)[0], name)
            if name == "grey":
                luma = [bar[0] for bar in frames[-1]]
                self.assertEqual(luma, sorted(luma, reverse=True))
            else:
                self.assert_bars(frames[-1], BARS, name)

    def test_devices(self):
        lines = self.text("devices.log")
        self.assertRegex(lines, r"cam:0  vivid.* \(/dev/video0, platform:vivid-000\)")
        self.assertRegex(lines, r"yuyv .*640x360@[2-6]")

    def test_choice(self):
        self.ended("auto", 0, "1280x720")

    def test_mjpeg(self):
        self.ended("mjpg", 0)
        self.assert_bars(self.frames("mjpg", bars=7, top=0.2)[-1], BARS[:7], "mjpg")

    def test_words(self):
        self.ended("missing", 4, "there is no camera /dev/video7")
        self.ended("unknown", 4, 'there is no camera with "nobody"')
        self.ended("output", 4, "is no camera")
        self.ended("wrong", 2, "does not have this format")
        self.ended("forbidden", 4, "no permission", "group video")
        self.ended("busy", 4, "in use by another program", "fuser")

    def test_virtual_camera(self):
        """ffmpeg sees the bars in its own way of reading YUYV, which is BT.601."""
        self.assertNotIn("Video Output\n", self.text("before.log").split("Device Caps")[-1])
        self.assertIn('painting into the camera "Loop" (/dev/video10)', self.text("vcam.log"))
        frames = self.frames("vcam", bars=7, top=0.2)
        self.assertEqual(len(frames), 10, self.text("vcam.ffmpeg"))
        self.assert_bars(frames[-1], BARS[:7], "vcam")
        self.ended("again", 130)
        other = self.frames("again", bars=7, top=0.2)
        self.assertEqual(len(other), 10, self.text("again.ffmpeg"))
        self.assert_bars(other[-1], BARS[:7], "again")
        self.assertIn("Video Output\n", self.text("after.log").split("Device Caps")[-1])

    def test_virtual_camera_words(self):
        self.ended("second", 5, "another program is writing to /dev/video10 (Loop)")
        self.ended("real", 5, "is a real camera", "v4l2loopback")
        self.ended("absent", 5, "there is no free virtual camera /dev/video7")
        self.ended("locked", 5, "no permission", "group video")

    def test_replug(self):
        self.ended("replug", 130, "was unplugged; waiting for it to come back", "is back as /dev/video")
        self.assertGreater(self.gap("replug"), 1.5)

    def test_fault(self):
        self.ended("fault", 130, "starting it again", "is back")
        self.assertLess(self.gap("fault"), 3)

    def test_refusals(self):
        """Buffers lost, one damaged, one refused, and the device gone while its file stays, each
        a second apart."""
        self.ended("refusals", 130)
        log = self.text("refusals.log")
        self.assertEqual(log.count("starting it again"), 1, log)
        self.assertEqual(log.count("was unplugged; waiting"), 1, log)
        self.assertEqual(log.count("is back as"), 2, log)
        self.assertLess(self.gap("refusals"), 6)
        self.assert_bars(self.frames("refusals")[-1], BARS, "refusals")
        self.ended("buffers", 4, "get buffers")
        self.ended("starting", 4, "start it")

    def test_stop_while_away(self):
        self.ended("away", 130)
        self.assertLess(int(self.text("away.ms")), 2000)
        self.assertGreater(len(self.frames("away")), 5)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2, warnings="ignore")
