"""viewers.py DAUB FOLDER: Chromium and OBS Studio show daub's virtual camera, and its window a
camera that is unplugged, in a virtual machine, which takes minutes. FOLDER keeps the kernel. DAUB is
linked with the fake painter."""
import os
import shutil
import sys
import tempfile
import unittest

import machine

DAUB, FOLDER = sys.argv[1:3]
TOOLS = {"chromium": "chromium", "obs": "obs-studio", "Xvfb": "xvfb", "dbus-run-session": "dbus",
         "xdotool": "xdotool", "import": "imagemagick", "openbox": "openbox"}


class Viewers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.shared = folder.name
        shutil.copy(DAUB, os.path.join(cls.shared, "daub"))
        for part in "tests/e2e", "tests/qemu", "samples":
            shutil.copytree(os.path.join(machine.HERE, "../..", part), os.path.join(cls.shared, part))
        # Both crash on what the emulator makes of AVX.
        machine.boot(FOLDER, cls.shared, "viewers.sh", cpu="Nehalem", limit_s=1200)

    def ended(self, name):
        log = machine.text(self.shared, name + ".log")
        self.assertEqual(machine.text(self.shared, name + ".code").strip(), "0", log)
        print("".join("\n" + line for line in log.splitlines() if " sees " in line))

    def test_chromium(self):
        self.ended("Browser")

    def test_obs(self):
        self.ended("Studio")

    def test_window(self):
        self.ended("Window")


if __name__ == "__main__":
    machine.need(TOOLS)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2, warnings="ignore")
