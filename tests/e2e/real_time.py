"""Real time without a window: the governor changes the working size without a visible jump,
and the progress contains the delays."""

import json
import sys

import harness
from harness import run

try:
    import numpy as np
except ImportError:
    print("skipped: no NumPy for Python (python3-numpy)")
    sys.exit(harness.SKIPPED)

WIDTH, HEIGHT = 320, 180


class Governor(harness.Case):
    def test_sizes_fade(self):
        """The allowed delay cannot be reached, so the size goes down to the smallest one. The
        paintings of the still picture fade into one another without a jump."""
        target = self.path("out.mkv")
        text, _ = self.daub("lavfi:smptehdbars=s=%dx%d:r=25" % (WIDTH, HEIGHT), "--realtime",
                            "--max-latency", 1, "-t", 8, "-s", "great-wave", "-c:v", "ffv1", "-v",
                            "-o", target)
        sizes = [line.split()[-1] for line in text.splitlines() if "painting at" in line]
        self.assertEqual(sizes[-1:], ["80x45"], text)
        raw = run(["ffmpeg", "-v", "error", "-i", target, "-fps_mode", "passthrough", "-f", "rawvideo",
                   "-pix_fmt", "gray", "-"]).stdout
        shown = np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH).astype(float)
        apart = [abs(a - b).mean() for a, b in zip(shown, shown[1:])]
        total = abs(shown[0] - shown[-1]).mean()
        print("\nsizes %s; first and last painting %.1f levels apart, two frames at most %.1f" % (
            sizes, total, max(apart)))
        self.assertGreater(total, 5)
        self.assertLess(max(apart), total / 2)
        self.assertLess(abs(np.diff(shown.mean((1, 2)))).max(), 2)

    def test_delays_reported(self):
        text, _ = self.daub("lavfi:testsrc2=s=96x64:r=25", "--realtime", "--progress", "json", "-t", 3,
                            "-f", "null", "-o", "x")
        lines = [json.loads(line) for line in text.splitlines() if '"progress"' in line]
        self.assertGreater(len(lines), 3)
        last = lines[-1]
        self.assertGreater(last["delay_95_ms"], 0)
        self.assertLessEqual(last["delay_median_ms"], last["delay_95_ms"])
        self.assertGreaterEqual(last["dropped"], 0)
        text, _ = self.daub("lavfi:testsrc2=s=96x64:r=25", "--progress", "json", "-t", 3, "-f", "null",
                            "-o", "x")
        self.assertNotIn("delay", text)


if __name__ == "__main__":
    harness.main()
