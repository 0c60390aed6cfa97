"""Chromium and OBS show daub's virtual camera, /dev/video10, and its window a camera that is
unplugged, in the virtual machine; daub inverts every sample."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import harness
import viewers
from window import Display, np, psnr

PAINTED = 191, 127, 63
# Its samples, inverted: 255 less the luma is 4 more than the opposite in the range 16..235.
SEEN = 67, 134, 195


class Device(harness.Desk):
    def setUp(self):
        super().setUp()
        self.environment.update(HOME=self.folder, DISPLAY=harness.xvfb(self.addCleanup))

    def paint(self, source, *words):
        daub = self.start([harness.DAUB, source, "-o", "/dev/video10", "--control", self.path("control"),
                           *words])
        self.until(lambda: os.path.exists(self.path("control")) or daub.poll() is not None, 90)
        self.assertIsNone(daub.poll())
        return daub


class Browser(viewers.Chromium, Device):
    def test_device(self):
        self.paint(viewers.lavfi(PAINTED))
        self.look(self.browse(), "Loop", SEEN)


class Studio(viewers.Obs, Device):
    def test_device(self):
        self.paint(viewers.lavfi(PAINTED) + ",scale=out_color_matrix=bt709:out_range=tv,"
                   "format=yuv420p,setparams=colorspace=bt709:range=tv", "--vcam-matrix", "bt709")
        self.shows(self.run_obs("v4l2_input", {
            "device_id": "/dev/video10", "input": 0, "pixelformat": -1, "standard": -1,
            "dv_timing": -1, "resolution": -1, "framerate": -1, "buffering": False,
            "auto_reset": True}), SEEN)


class Window(Display):
    def plug(self, name):
        with open("/sys/bus/platform/drivers/vivid/" + name, "w") as file:
            file.write("vivid.0")

    def test_lost_camera(self):
        """The last picture stays, with words below, until the camera is back."""
        above, below = slice(0, 120), slice(140, 180)
        self.plug("bind")
        self.start("cam:0", "--camera-size", "320x180")
        self.until(lambda: self.shot().shape[:2] == (180, 320))
        before = self.shot()
        self.plug("unbind")
        self.until(lambda: psnr(self.shot()[below], before[below]) < 20)
        box = self.shot()[below]
        self.assertGreater((box > 200).all(-1).sum(), 50)  # letters
        still = self.shot()
        self.until(lambda: np.array_equal(self.shot()[above], still[above]))
        self.plug("bind")
        self.until(lambda: not np.array_equal(self.shot()[above], still[above]))
        self.until(lambda: psnr(self.shot()[below], before[below]) > 25)
        self.key("q")
        self.ends(0, within=10)


if __name__ == "__main__":
    harness.main()
