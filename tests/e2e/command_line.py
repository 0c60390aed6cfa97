"""Options, messages, progress, signals."""

import json
import os
import pty
import select
import signal
import subprocess
import time

import harness
from harness import ffmpeg, frames, packets, run, sine, testsrc, times


class Usage(harness.Case):
    def setUp(self):
        super().setUp()
        self.source = self.path("in.mp4")
        ffmpeg(*testsrc(0.4), "-c:v", "libx264", "-pix_fmt", "yuv420p", self.source)
        self.target = self.path("out.mp4")

    def test_help(self):
        for command in [], ["bench"], ["models"], ["devices"]:
            _, out = self.daub(*command, "--help")
            lines = out.decode().splitlines()
            self.assertIn("Usage: daub", lines[0])
            self.assertLessEqual(max(map(len, lines)), 80)
        _, out = self.daub("--version")
        self.assertTrue(out.startswith(b"daub "))

    def test_mistakes(self):
        for arguments, words in (
                ([], "no input"),
                ([self.source, self.source, "-o", self.target], "two inputs"),
                ([self.source, "-o"], "-o needs a value"),
                ([self.source, "-o", self.target, "--stlye", "x"], "did you mean --style?"),
                ([self.source, "-o", self.target, "--keep-colours"],
                 "did you mean --keep-colors?"),
                ([self.source, "-o", self.target, "-cfr", "3"], "did you mean -crf?"),
                ([self.source, "-o", self.target, "--zzzzzz"], "--help"),
                ([self.source, "-o", self.target, "--strength", "2"], "from 0 to 1"),
                ([self.source, "-o", self.target, "--strength", "nan"], "from 0 to 1"),
                ([self.source, "-o", self.target, "--frames", "0"], "from 1 to"),
                ([self.source, "-o", self.target, "-ss", "1:2:3:4"], "a time such as"),
                ([self.source, "-o", self.target, "-ss", "2", "-to", "1"], "later than -ss"),
                ([self.source, "-o", self.target, "--size", "720q"], "write WxH"),
                ([self.source, "-o", self.target, "--out-size", "0x5"], "write WxH"),
                ([self.source, "-o", self.target, "--precision", "fp8"], "fp16 or fp32"),
                ([self.source, "-o", self.target, "--progress", "yes"], "json or none"),
                ([self.source, "-o", self.target, "-y", "-n"], "exclude each other"),
                ([self.source, "-o", self.target, "--keep-colors", "--colors-only"],
                 "exclude each other"),
                ([self.source, "-o", self.target, "-crf", "3", "-b:v", "3M"],
                 "exclude each other"),
                ([self.source, "-o", self.target, "-an=3"], "yes or no"),
                ([self.source, "-o", self.target, "--layers"], "does not go with"),
                ([self.source, "-o", self.target, "-c:v", "libx265x"], "did you mean libx265?"),
                ([self.source, "-o", self.target, "-c:v", "aac"], "does not encode video"),
                ([self.source, "-o", self.target, "-pix_fmt", "rgb555le"], "accepts only"),
                ([self.source, "-o", self.target, "-preset", "warp"], "settings"),
                ([self.source, "-o", self.target, "-e", "nothing"], "KEY=VALUE"),
                ([self.source, "-o", self.target, "-e", "nosuch=1"], "no"),
                ([self.source, "-o", self.target, "-f", "mp5"], "no such format"),
                ([self.source, "-o", self.target, "-c:v", "png", "-crf", "3"], "every bit"),
                ([self.source, "-o", self.target, "-c:v", "huffyuv"], "cannot hold"),
                ([self.source, "-o", self.target, "-m", "no-such-model"], "model"),
                ([self.source, "-o", self.target, "-m", "liet"], ["did you mean", "lite"]),
                ([self.source, "-o", self.target, "--hwaccel", "warp"], "--hwaccel warp"),
                (["bench", "x"], "unexpected argument x"),
                (["bench", "-o", "x"], "does not go with"),
        ):
            self.fails(2, words, *arguments)

    def test_order_and_spelling(self):
        for i, arguments in enumerate((
                ["-o", "OUT", self.source, "--frames", "3"],
                ["--frames=3", "--output=OUT", "--", self.source],
                ["-i", self.source, "-frames", "3", "-o", "OUT"],
                ["--crf", "20", "-c:v=libx264", "-frames=3", self.source, "-o=OUT"])):
            target = self.path("%d.mp4" % i)
            self.daub(*[a.replace("OUT", target) for a in arguments])
            self.assertEqual(len(frames(target)), 3)

    def test_levels(self):
        text, _ = self.daub(self.source, "-o", self.target, "-q")
        self.assertEqual(text, "")
        text, _ = self.daub(self.source, "-o", self.target, "-y", "-v")
        self.assertIn("painting", text)
        text, _ = self.daub(self.source, "-o", self.target, "-y", "--log-level", "warning")
        self.assertEqual(text, "")

    def test_asking(self):
        for answer, code in (b"n\n", 5), (b"y\n", 0):
            with open(self.target, "wb") as f:
                f.write(b"precious")
            master, slave = pty.openpty()
            program = subprocess.Popen([harness.DAUB, self.source, "-o", self.target],
                                       stdin=slave, stdout=slave, stderr=slave)
            os.close(slave)
            seen = b""
            while b"[y/N]" not in seen and select.select([master], [], [], 20)[0]:
                seen += os.read(master, 1000)
            os.write(master, answer)
            try:
                while True:
                    seen += os.read(master, 1000)
            except OSError:
                pass
            os.close(master)
            self.assertEqual(program.wait(20), code, seen)
            with open(self.target, "rb") as f:
                self.assertEqual(f.read(8) == b"precious", code == 5)


class Configuration(harness.Case):
    """Options in ~/.config/daub/config: those before all sections, those of a preset, those of the
    command line, each stronger than the one before."""

    def setUp(self):
        super().setUp()
        self.source = self.path("in.mkv")
        ffmpeg(*testsrc(0.2), "-c:v", "ffv1", self.source)
        os.mkdir(self.path("daub"))
        self.environment = dict(os.environ, XDG_CONFIG_HOME=self.folder)

    def write(self, text):
        with open(self.path("daub/config"), "w") as file:
            file.write(text)

    def dump(self, *arguments):
        out = self.daub("--dump-config", self.source, *arguments, env=self.environment)[1].decode()
        return dict(line.split(" = ") for line in out.splitlines() if line[0] != "#")

    def test_sources(self):
        self.write("# a comment\n  strength=0.8 \ncolors-only = yes\npreset = \"fast\"\n-crf = 30\n\n"
                   "[stage]\nstyle = udnie\nmirror = yes\nstrength = 0.6\n[other]\nstyle = x\n")
        self.assertEqual(self.dump(), {"strength": "0.8", "colors-only": "yes", "preset": "fast", "crf": "30"})
        staged = self.dump("--preset", "stage")
        self.assertEqual((staged["style"], staged["mirror"], staged["strength"]), ("udnie", "yes", "0.6"))
        both = self.dump("--preset", "stage", "--strength", "0.4", "--mirror=no", "--keep-colors", "-b:v", "1M")
        self.assertEqual((both["strength"], both["mirror"], both["keep-colors"]), ("0.4", "no", "yes"))
        self.assertNotIn("colors-only", both)  # what the command line excludes
        self.assertNotIn("crf", both)
        self.assertEqual(self.dump("--no-config", "-s", "a"), {"style": "a"})

    def test_in_force(self):
        """What the configuration says is done: frames of half the size."""
        self.write("out-size = 50%\n[whole]\nout-size = native\n")
        for arguments, width in (([], 48), (["--preset", "whole"], 96), (["--out-size", "32x32"], 32),
                                 (["--no-config"], 96)):
            self.daub(self.source, "-o", self.path("out.mkv"), "-y", *arguments, env=self.environment)
            self.assertEqual(frames(self.path("out.mkv"))[0]["width"], width)

    def test_dump_is_a_configuration(self):
        self.write("strength = 0.8\n")
        out = self.daub("--dump-config", self.source, "-s", "udnie", "-e", "g=1", "--keep-colors",
                        env=self.environment)[1].decode()
        self.write(out)
        self.assertEqual(self.dump(), {"strength": "0.8", "style": "udnie", "encoder-option": "g=1",
                                       "keep-colors": "yes"})

    def test_mistakes(self):
        for text, words in (("style = x\nstlye = y\n", ["config:2:", "did you mean --style?"]),
                            ("strength = 2\n", ["config:1:", "from 0 to 1"]),
                            ("mirror = perhaps\n", ["config:1:", "yes or no"]),
                            ("input = a.mp4\n", ["config:1:", "cannot be set"]),
                            ("words\n", ["config:1:", "name = value"]),
                            ("style =\n", ["config:1:", "name = value"]),
                            ("[stage\n", ["config:1:", "[NAME]"])):
            self.write(text)
            self.fails(2, words, self.source, "-o", self.path("out.mkv"), env=self.environment)
            self.daub("devices", env=self.environment)  # which paints nothing
        self.write("[stage]\nstyle = x\n")
        self.fails(2, "did you mean stage?", self.source, "-o", self.path("out.mkv"), "--preset", "stags",
                   env=self.environment)
        self.fails(2, "-preset", self.source, "-o", self.path("out.mkv"), "--preset", "veryfast",
                   env=self.environment)
        os.unlink(self.path("daub/config"))
        os.mkdir(self.path("daub/config"))
        self.fails(2, "--no-config", self.source, "-o", self.path("out.mkv"), env=self.environment)


class Progress(harness.Case):
    def setUp(self):
        super().setUp()
        self.source = self.path("in.mp4")
        ffmpeg(*testsrc(6), *sine(6), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac",
               self.source)

    def test_json(self):
        env = dict(os.environ, DAUB_FAKE_DELAY_MS="10")
        text, _ = self.daub(self.source, "-o", self.path("out.mp4"), "--progress", "json",
                            "--size", "1280x720",
                            env=env)
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        self.assertEqual(lines[-1]["event"], "done")
        self.assertEqual(lines[-1]["frames_in"], 150)
        self.assertEqual(lines[-1]["frames_out"], 150)
        self.assertEqual(lines[-1]["pts_error_us"], 0)
        self.assertEqual(lines[-1]["av_offset_error_us"], 0)
        self.assertTrue(lines[-1]["read_back"])
        self.assertEqual(lines[-1]["bytes"], os.stat(self.path("out.mp4")).st_size)
        for line in lines[:-1]:
            self.assertEqual(line["event"], "progress")
            self.assertEqual(line["frames"], 150)
            self.assertGreaterEqual(line["percent"], 0)
            self.assertLessEqual(line["percent"], 100)
        self.assertGreater(len(lines), 1)

    def test_line_on_a_terminal(self):
        master, slave = pty.openpty()
        env = dict(os.environ, DAUB_FAKE_DELAY_MS="10")
        program = subprocess.Popen([harness.DAUB, self.source, "-o", self.path("out.mp4"),
                                    "--size", "1280x720"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=slave, env=env)
        os.close(slave)
        seen = b""
        try:
            while True:
                seen += os.read(master, 1000)
        except OSError:
            pass
        os.close(master)
        self.assertEqual(program.wait(60), 0)
        self.assertRegex(seen.decode(),
                         r"frame \d+/150 +\d+%  [\d.]+ fps  [\d.]+x  .+  ETA \d+:\d\d")

    def test_none(self):
        text, _ = self.daub(self.source, "-o", self.path("out.mp4"), "--progress", "none")
        self.assertNotIn("ETA", text)


class Signals(harness.Case):
    def setUp(self):
        super().setUp()
        self.source = self.path("in.mp4")
        ffmpeg(*testsrc(60), *sine(60), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt",
               "yuv420p", "-c:a", "aac", self.source)

    def start(self, *arguments, **more):
        env = dict(os.environ, DAUB_FAKE_DELAY_MS="20")
        return subprocess.Popen([harness.DAUB, *arguments, "--progress", "json"],
                                stdin=more.get("stdin", subprocess.DEVNULL),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)

    def wait_for_frames(self, program):
        """Until some frames are painted."""
        while True:
            line = program.stderr.readline()
            self.assertTrue(line, "ended too early")
            if line.startswith(b"{") and json.loads(line)["frame"] > 5:
                return

    def end(self, program, code):
        _, text = program.communicate(timeout=60)
        self.assertEqual(program.returncode, code, text.decode())
        self.assertEqual(self.leftovers(), [])
        return text.decode()

    def test_stop(self):
        for number, name in ((signal.SIGTERM, "out.mp4"), (signal.SIGINT, "out.mkv"),
                             (signal.SIGHUP, "out.ts")):
            target = self.path(name)
            program = self.start(self.source, "-o", target)
            self.wait_for_frames(program)
            self.assertFalse(os.path.exists(target))
            program.send_signal(number)
            text = self.end(program, 130)
            self.assertIn("what was painted is kept", text)
            done = json.loads(text.splitlines()[-1])
            self.assertTrue(done["interrupted"])
            made = len(frames(target))
            self.assertGreater(made, 5)
            self.assertLess(made, 1500)
            self.assertEqual(made, done["frames_out"])
            sound = packets(target, "a:0")
            video_end = times(target)[-1]
            self.assertLess(abs(sound[-1][1] - video_end), 1.0)

    def test_stop_images(self):
        program = self.start(self.source, "-o", self.path("o%04d.png"))
        self.wait_for_frames(program)
        program.send_signal(signal.SIGTERM)
        self.end(program, 130)
        made = sorted(n for n in os.listdir(self.folder) if n.endswith(".png"))
        self.assertGreater(len(made), 5)
        self.assertEqual(len(frames(self.path("o%04d.png"))), len(made))

    def test_second_signal(self):
        """Two signals at once are one request: a wrapper forwards Ctrl-C."""
        program = self.start(self.source, "-o", self.path("out.mp4"), "-e",
                             "rc-lookahead=60")
        self.wait_for_frames(program)
        os.kill(program.pid, signal.SIGSTOP)
        os.kill(program.pid, signal.SIGTERM)
        os.kill(program.pid, signal.SIGINT)
        os.kill(program.pid, signal.SIGCONT)
        self.end(program, 130)
        self.assertGreater(len(frames(self.path("out.mp4"))), 5)

    def test_stop_while_waiting_for_input(self):
        read, write = os.pipe()
        program = self.start("-", "-o", self.path("out.mp4"), stdin=read)
        os.close(read)
        harness.wait_for_handler(program)
        time.sleep(0.5)
        program.send_signal(signal.SIGTERM)
        self.end(program, 130)
        os.close(write)
        self.assertFalse(os.path.exists(self.path("out.mp4")))

    def test_stop_between_frames_of_a_pipe(self):
        read, write = os.pipe()
        y4m = ffmpeg(*testsrc(1), "-f", "yuv4mpegpipe", "-").stdout
        program = self.start("-", "-o", self.path("out.mkv"), stdin=read)
        os.close(read)
        with open(write, "wb") as f:
            f.write(y4m)
            f.flush()
            self.wait_for_frames(program)
            time.sleep(0.5)
            program.send_signal(signal.SIGTERM)
            self.end(program, 130)
        made = len(frames(self.path("out.mkv")))
        self.assertGreater(made, 5)
        self.assertLessEqual(made, 25)

    def test_lost_device(self):
        if b"fake" not in run([harness.DAUB, "--version"]).stdout:
            self.skipTest("only the fake painter can lose its device on demand")
        env = dict(os.environ, DAUB_FAKE_FAIL_AT="20")
        text, _ = self.daub(self.source, "-o", self.path("out.mp4"), code=1, env=env)
        self.assertIn("device was lost", text)
        self.assertEqual(len(frames(self.path("out.partial.mp4"))), 19)


class Tools(harness.Case):
    def test_bench(self):
        _, out = self.daub("bench", "--frames", "3", "--size", "64x48", "--layers")
        told = json.loads(out)
        for key in ("daub", "device", "driver", "model", "precision", "width", "height",
                    "frames", "wall_ms", "fps", "gflops", "memory", "stages", "layers"):
            self.assertIn(key, told)
        self.assertEqual((told["width"], told["height"], told["frames"]), (64, 48, 3))
        self.assertGreater(told["fps"], 0)
        self.assertGreater(told["memory"]["peak_resident_bytes"], 1000000)
        self.assertGreater(len(told["layers"]), 1)
        _, out = self.daub("bench", "--frames", "3", "--size", "64x48")
        self.assertNotIn("layers", json.loads(out))
        _, out = self.daub("bench", "--frames", "16", "--size", "64x48", "--switch-styles")
        told = json.loads(out)["switch_styles"]
        self.assertGreater(told["styles"], 1)
        self.assertAlmostEqual(told["ratio"], told["every_frame_ms"] / told["one_style_ms"])

    def test_lists(self):
        _, out = self.daub("models")
        self.assertIn(b"lite", out)
        _, out = self.daub("devices")
        self.assertIn(b"UUID", out)


class Styles(harness.Case):
    def test_styles(self):
        if b"fake" not in run([harness.DAUB, "--version"]).stdout:
            self.skipTest("only the fake painter has known styles")
        source = self.path("in.mp4")
        ffmpeg(*testsrc(0.2), "-c:v", "libx264", "-pix_fmt", "yuv420p", source)
        for style in "night", "Wave", "night,wave", "night=0.3,wave=0.7", "night=2":
            self.daub(source, "-o", self.path("out.mp4"), "-y", "-s", style)
        for style, words in (("nigth", "did you mean night?"), ("night=x", "weight"),
                             ("night=0", "every weight is 0"), ("night,", "no style"),
                             ("night=-1", "weight")):
            self.fails(2, words, source, "-o", self.path("x.mp4"), "-s", style)


if __name__ == "__main__":
    harness.main()
