"""The program on older processors, emulated by QEMU, which ends it at an instruction that the processor lacks:
the best kernel set is chosen, and the painting is this processor's own. The host kernels' tests, named in
HOST_TESTS, run there, too."""

import os
import platform
import shutil
import sys
import unittest

import harness
from harness import ffmpeg, psnr, run

SCENE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../samples/scene.mp4")
QEMU = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
SSE2, SSE42 = "qemu64,-sse3", "Nehalem"
AVX2 = "max"  # QEMU emulates no AVX-512
LEAST = 50  # dB


class Processors(harness.Case):
    def setUp(self):
        super().setUp()
        # Frames with motion: flow and blend run as well.
        ffmpeg("-i", SCENE, "-frames:v", 3, "-vf", "scale=160:96", "-c:v", "ffv1", self.path("in.mkv"))

    def paint(self, name, processor=None, kernels=None):
        emulator = [QEMU, "-cpu", processor] if processor else []
        run([*emulator, harness.DAUB, "--gpu", "processor", "--no-cache", "-m", "lite", "-c:v", "ffv1",
             *(["--kernels", kernels] if kernels else []), self.path("in.mkv"), "-o", self.path(name)])
        return self.path(name)

    def set_of(self, processor):
        told = run([QEMU, "-cpu", processor, harness.DAUB, "devices"]).stdout.decode()
        return told.split("own kernels, ")[1].split("\n")[0]

    def check_generic(self, processor):
        self.assertEqual(self.set_of(processor), "SSE2")
        emulated = self.paint("emulated.mkv", processor)
        self.assertEqual(psnr(emulated, self.paint("own.mkv", kernels="host-generic")), 1000)
        decibels = psnr(emulated, self.paint("fused.mkv", AVX2))
        print("%s: %.1f dB from AVX2" % (processor, decibels))
        self.assertGreater(decibels, LEAST)

    def test_sse2(self):
        self.check_generic(SSE2)

    def test_sse42(self):
        self.check_generic(SSE42)

    def test_avx2_without_fma(self):
        self.check_generic(AVX2 + ",-fma")

    def test_avx2(self):
        self.assertEqual(self.set_of(AVX2), "AVX2")
        emulated = self.paint("emulated.mkv", AVX2)
        for kernels in "host-avx2", "host-avx512":
            own = self.paint_if_possible(kernels)
            if own:
                self.assertEqual(psnr(emulated, own), 1000, kernels)

    def paint_if_possible(self, kernels):
        try:
            return self.paint(kernels + ".mkv", kernels=kernels)
        except AssertionError as error:
            self.assertIn("this processor cannot run kernels", str(error))
            return None

    def test_refusal(self):
        done = run([QEMU, "-cpu", SSE42, harness.DAUB, "--kernels", "host-avx2", self.path("in.mkv"), "-o",
                    self.path("out.mkv")], check=False)
        self.assertIn(b"this processor cannot run kernels for 'avx2'", done.stderr)
        self.assertEqual(done.returncode, 2)

    def test_kernels(self):
        for program in os.environ["HOST_TESTS"].split(":"):
            run([QEMU, "-cpu", SSE2, program], env=dict(os.environ, DAUB_TEST_CASES="10"))


if platform.machine() != "x86_64" or not QEMU:
    print("skipped: needs an x86-64 processor and QEMU; .ci/install cross installs it")
    sys.exit(harness.SKIPPED)
harness.main()
