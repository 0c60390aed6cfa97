"""desktop.py DAUB FOLDER: Chromium and OBS Studio show daub's virtual camera, and its window a
camera that is unplugged, in a virtual machine, which takes minutes. FOLDER keeps the kernel. DAUB is
linked with the fake painter."""
import sys
import unittest

import machine

DAUB, FOLDER = sys.argv[1:3]
TOOLS = {"chromium": "chromium", "obs": "obs-studio", "Xvfb": "xvfb", "dbus-run-session": "dbus",
         "xdotool": "xdotool", "import": "imagemagick", "openbox": "openbox"}


class Desktop(machine.Guest):
    @classmethod
    def setUpClass(cls):
        # Chromium and OBS crash on what the emulator makes of AVX.
        cls.boot(FOLDER, "desktop.sh", DAUB, ("tests/e2e", "tests/qemu", "samples"), cpu="Nehalem",
                 limit_s=1200)

    def good(self, name):
        log = self.ended(name, 0)
        print("".join("\n" + line for line in log.splitlines() if " sees " in line))

    def test_chromium(self):
        self.good("Browser")

    def test_obs(self):
        self.good("Studio")

    def test_window(self):
        self.good("Window")


if __name__ == "__main__":
    machine.need(TOOLS)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2, warnings="ignore")
