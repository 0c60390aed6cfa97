"""Devices that fail or lack something: tests/fake/device_faults.c gives Mesa's lavapipe their faults.

The environment names what CMake knows: DEVICE_FAULTS (the folder with the layer's description).
"""

import glob
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile

import harness
from harness import ffmpeg, frames, psnr, testsrc

DRIVERS = sorted(glob.glob("/usr/share/vulkan/icd.d/lvp_icd*.json"))
FRAMES = 6
PROCESSOR = "painting goes on more slowly on the processor"


class Case(harness.Case):
    @classmethod
    def setUpClass(cls):
        # Each test has a cache of daub's own; Mesa's, which takes long to fill, serves all.
        cls.shared = tempfile.mkdtemp(prefix="daub-e2e-mesa-")
        cls.addClassCleanup(shutil.rmtree, cls.shared, True)

    def setUp(self):
        super().setUp()
        self.cache = tempfile.mkdtemp(prefix="daub-e2e-cache-")
        self.addCleanup(shutil.rmtree, self.cache, True)

    def env(self, faults="", drivers=DRIVERS[0] if DRIVERS else ""):
        return dict(os.environ, VK_ICD_FILENAMES=drivers, VK_DRIVER_FILES=drivers, DAUB_FAULTS=faults,
                    VK_LAYER_PATH=os.environ["DEVICE_FAULTS"], VK_INSTANCE_LAYERS="VK_LAYER_DAUB_faults",
                    XDG_CACHE_HOME=self.cache, MESA_SHADER_CACHE_DIR=self.shared)

    def clip(self):
        ffmpeg(*testsrc(1), "-frames:v", FRAMES, "-c:v", "ffv1", self.path("in.mkv"))
        return self.path("in.mkv")

    def image(self):
        ffmpeg(*testsrc(1), "-frames:v", "1", self.path("in.png"))
        return self.path("in.png")

    def paint(self, faults, source, name, *more, env=None):
        """Paints and returns what was printed; the warnings are those lines' texts."""
        out = self.path(name)
        text, _ = self.daub(source, "-m", "lite", "-v", "-y", *more, "-o", out, env=env or self.env(faults))
        self.warnings = [l[len("daub: warning: "):] for l in text.splitlines() if l.startswith("daub: warning: ")]
        return text, out


class Failures(Case):
    """What fails on a card is painted on the processor, with one line that says why."""

    def falls_back(self, faults, words, clip):
        # Without flow, since a painting that is begun again has no history.
        text, out = self.paint(faults, clip, "out.mkv", "--temporal", "off")
        self.assertEqual(len(self.warnings), 1, text)
        for word in words:
            self.assertIn(word, self.warnings[0])
        self.assertEqual(len(frames(out)), FRAMES)
        _, expected = self.paint("", clip, "expected.mkv", "--temporal", "off", "--gpu",
                                 "processor")
        self.assertGreater(psnr(out, expected), 35)  # halves on the card, floats here

    def test_lost(self):
        """Frames painted before are kept, those in flight are painted again."""
        self.falls_back("card,lost=4", ["the device was lost", PROCESSOR], self.clip())

    def test_lost_at_once(self):
        self.falls_back("card,lost=0", ["the device was lost", PROCESSOR], self.clip())

    def test_memory(self):
        self.falls_back("card,memory=300000", ["MB free", "--size", PROCESSOR], self.clip())

    def test_compile(self):
        self.falls_back("card,compile", ["vkCreateComputePipelines", PROCESSOR], self.clip())

    def test_open(self):
        self.falls_back("card,open", ["vkCreateDevice", "the processor is used instead"], self.clip())

    def test_segment(self):
        """A segment has the bits of one device: it fails, and is painted by another one where the user
        allows that."""
        plan, parts = self.path("film.plan"), self.path("film.plan.parts")
        self.daub("plan", self.clip(), "-o", plan, "-m", "lite", "-f", "matroska", env=self.env("card"))
        text, _ = self.daub("segment", plan, "0", code=1, env=self.env("card,lost=4"))
        self.assertIn("the device was lost", text)
        self.assertNotIn(PROCESSOR, text)
        self.assertEqual(os.listdir(parts), [])
        text, _ = self.daub("segment", plan, "0", "--any-device", env=self.env("card,lost=4"))
        self.assertIn(PROCESSOR, text)
        self.assertEqual(os.listdir(parts), ["00000.nut"])

    def test_kernels_asked_for(self):
        """Then nothing else paints."""
        self.fails(1, ["the device was lost", "driver"], self.clip(), "-m", "lite", "--kernels", "shaders",
                   "-o", self.path("out.mkv"), env=self.env("card,lost=0"))


class Calls(Case):
    def test_calls(self):
        """The n-th call of Vulkan fails: the clip is whole, or one line says why it is not. Of all n,
        with DAUB_EVERY set; else of some."""
        clip, count = self.clip(), self.path("count")
        self.paint("card", clip, "out.mkv")
        self.paint("card", clip, "out.mkv", env=dict(self.env("card"), DAUB_CALL_COUNT=count))
        with open(count, encoding="ascii") as file:
            calls = int(file.read())
        self.assertGreater(calls, 100)
        step = 1 if os.environ.get("DAUB_EVERY") else max(1, calls // 8)
        for n in range(1, calls + 1, step):
            with self.subTest(n=n, calls=calls):
                done = harness.run([harness.DAUB, clip, "-m", "lite", "-y", "-o", self.path("out.mkv")], check=False,
                                   env=self.env("card,call=%d" % n))
                text = done.stderr.decode()
                self.assertIn(done.returncode, (0, 1, 3), text)
                self.assertEqual(text.count("error: "), int(done.returncode != 0), text)
                if done.returncode == 0:
                    self.assertEqual(len(frames(self.path("out.mkv"))), FRAMES, text)


class Check(Case):
    def test_wrong(self):
        """A failure is not remembered."""
        source = self.image()
        text, _ = self.paint("card,wrong", source, "out.png")
        self.assertEqual(len(self.warnings), 2, text)
        self.assertIn("using 32 bits", self.warnings[0])
        self.assertIn(PROCESSOR, self.warnings[1])
        text, _ = self.paint("card", source, "out.png")
        self.assertEqual(self.warnings, [])
        self.assertIn("agrees with the reference", text)
        # A check that was passed is, for this driver only.
        text, _ = self.paint("card", source, "out.png")
        self.assertNotIn("agrees with the reference", text)
        text, _ = self.paint("card,driver=next,wrong", source, "out.png")
        self.assertIn(PROCESSOR, self.warnings[-1])

    def test_wrong_where_asked_for(self):
        self.fails(3, ["paints lite wrongly", "update its driver"], self.image(), "-m", "lite", "--kernels",
                   "shaders", "--precision", "fp32", "-o", self.path("out.png"), env=self.env("card,wrong"))

    def test_doctor(self):
        text, out = self.daub("doctor", "-m", "lite", env=self.env("card,wrong"))
        self.assertIn(b"WRONG", out)
        self.assertIn(b"do not use it", out)
        self.assertRegex(out, rb"host-\w+ fp32  safe: [0-9.]+ dB from the reference, [0-9.]+ ms a frame")
        self.assertRegex(out, rb"chosen: device 1 .*because device 0 .* computes wrong pictures")
        text, out = self.daub("doctor", "-m", "lite", env=self.env("card"))
        self.assertRegex(out, rb"shaders fp16  safe: [0-9.]+ dB from the reference, [0-9.]+ ms a frame")
        self.assertRegex(out, rb"chosen: device 0 .*shaders.*graphics card")


class Missing(Case):
    def lacks(self, faults, words):
        source = self.image()
        _, out = self.daub("devices", env=self.env(faults))
        self.assertIn(b"not usable: " + words.encode(), out)
        text, _ = self.paint(faults, source, "out.png")
        self.assertIn("painting on the processor", text)
        self.fails(3, ["it lacks " + words], source, "-m", "lite", "--gpu", "0", "-o",
                   self.path("other.png"), env=self.env(faults))

    def test_timeline(self):
        self.lacks("card,no_timeline", "timeline semaphores")

    def test_groups(self):
        self.lacks("card,group=128", "work-groups of 256 invocations")

    def test_buffers(self):
        self.lacks("card,buffers=4", "eight storage buffers")

    def test_limits(self):
        """The least shared memory that Vulkan allows, and any size of subgroups."""
        source, painted = self.image(), []
        for faults in "", "shared=16384", "subgroup=1", "subgroup=32", "subgroup=64":
            _, out = self.paint(faults, source, "out.ppm", "--gpu", "0", "--kernels", "shaders")
            self.assertEqual(self.warnings, [])
            with open(out, "rb") as file:
                painted.append(file.read())
        self.assertEqual([p == painted[0] for p in painted], [True] * len(painted))


class Devices(Case):
    def test_none(self):
        """A loader without a driver."""
        text, _ = self.paint("", self.image(), "out.png", env=self.env(drivers=self.path("none.json")))
        self.assertIn("painting on the processor", text)

    def test_same_name(self):
        copy = self.path("copy.json")
        shutil.copy(DRIVERS[0], copy)
        env = self.env(drivers=DRIVERS[0] + ":" + copy)
        del env["VK_INSTANCE_LAYERS"]
        _, out = self.daub("devices", env=env)
        self.assertEqual(out.count(b"llvmpipe ("), 2)
        text, _ = self.paint("", self.image(), "out.png", "--gpu", "llvmpipe", env=env)
        self.assertIn("2 devices match --gpu 'llvmpipe'; using device 0", text)
        for number in "0", "1":
            text, _ = self.paint("", self.image(), "out.png", "--gpu", number, env=env)
            self.assertNotIn("devices match", text)


class MesaCache(Case):
    def test_folders(self):
        """Mesa's compiled shaders are in a folder of daub's, one for each width of vectors."""
        env = self.env()
        del env["MESA_SHADER_CACHE_DIR"]
        for width, name in ("", "mesa"), ("128", "mesa-128"):
            if width:
                env["LP_NATIVE_VECTOR_WIDTH"] = width
            self.paint("", self.image(), "out.png", "--gpu", "0", "--kernels", "shaders", env=env)
            folder = os.path.join(self.cache, "daub", name)
            self.assertTrue([n for _, _, names in os.walk(folder) for n in names], name)
        self.assertEqual(os.listdir(self.cache), ["daub"])


class Compiling(Case):
    def test_message(self):
        source = self.image()
        text, _ = self.paint("card,slow=400", source, "out.png")
        self.assertEqual(text.count("only the first start does"), 1)
        self.assertRegex(text, r"compiling \d+ kernels")

    def test_terminal(self):
        source, (terminal, other) = self.clip(), pty.openpty()
        process = subprocess.Popen([harness.DAUB, source, "-m", "lite", "-o", self.path("out.mkv")],
                                   env=self.env("card,slow=400"), stderr=other, stdin=subprocess.DEVNULL)
        os.close(other)
        text = b""
        try:
            while part := os.read(terminal, 4096):
                text += part
        except OSError:  # the program has ended
            pass
        os.close(terminal)
        self.assertEqual(process.wait(), 0)
        shown = [(int(done), int(total)) for done, total in
                 re.findall(rb"compiling kernels: (\d+) of (\d+) \(only the first time\)", text)]
        self.assertGreater(len(shown), 2, text)
        # Also where the kernels of the flow follow those of the check.
        self.assertEqual(shown, sorted(shown))
        self.assertGreater(shown[-1][1], shown[0][1])


if __name__ == "__main__":
    if not DRIVERS:
        print("skipped: mesa-vulkan-drivers is not installed")
        sys.exit(harness.SKIPPED)
    harness.main()
