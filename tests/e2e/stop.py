"""From any state, a stop request ends the program within LIMIT seconds, and what was painted is
playable. Prints a table of states, requests, seconds and playable files. The limit is for a busy
machine; on an idle one DAUB_STOP_LIMIT=2 holds."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import harness
from harness import ffmpeg, frames, run, streams

LIMIT = float(os.environ.get("DAUB_STOP_LIMIT", 10))
HANGS = 60  # seconds that the fake painter needs where it hangs
NOISE = "color=gray:s=320x180:r=30,noise=alls=80:allf=t"
ROWS = []


def tearDownModule():
    print("\n%-44s %-8s %6s  %s" % ("state", "request", "s", "playable"))
    for row in ROWS:
        print("%-44s %-8s %6.2f  %s" % row)


class Stops(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.shared = folder.name
        cls.clip = os.path.join(cls.shared, "clip.mkv")
        ffmpeg("-f", "lavfi", "-i", NOISE + ",trim=duration=60", "-f", "lavfi", "-i", "sine=d=60", "-c:v", "mpeg2video", "-q:v", 4, "-c:a", "mp2", "-shortest", cls.clip)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *words, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stderr", subprocess.DEVNULL)
        daub = subprocess.Popen([harness.DAUB, *map(str, words)], cwd=self.folder, **more)
        self.addCleanup(daub.wait)
        self.addCleanup(daub.kill)
        if words[0] != "ctl":
            harness.wait_for_handler(daub)
        return daub

    def open(self, *words, **more):
        """Starts the program with a control socket."""
        control = os.path.join(self.shared, "control-%d" % time.monotonic_ns())
        daub = self.start(*words, "--control", control, **more)
        daub.control = control
        return daub

    def painted(self, daub, count=10):
        """Returns the program once it has painted so many frames."""
        def enough():
            done = run([harness.DAUB, "ctl", daub.control, '{"status":true}'], check=False)
            return done.returncode == 0 and json.loads(done.stdout)["frames"] >= count
        harness.wait_for(daub, enough)
        return daub

    def check(self, state, daub, request, files=(), code=None, name=None):
        """Requests the stop, which is a signal or a function, and measures."""
        self.assertIsNone(daub.poll(), "it ended before")
        start = time.monotonic()
        if callable(request):
            request()
        else:
            daub.send_signal(request)
        try:
            got = daub.wait(timeout=HANGS / 2)
        except subprocess.TimeoutExpired:
            got = None
        seconds = time.monotonic() - start
        played = {f: os.path.exists(self.path(f)) and len(frames(self.path(f))) for f in files}
        ROWS.append((state, name or signal.Signals(request).name, seconds,
                     ", ".join("%s: %s frames" % pair for pair in played.items()) or "-"))
        self.assertLess(seconds, LIMIT)
        for file, count in played.items():
            self.assertGreater(count, 0, file)
        if code is not None:
            self.assertEqual(got, code)
        left = [n for n in os.listdir(self.folder) if ".daub-" in n or ".partial" in n]
        self.assertEqual(left, [])

    def each(self, state, begin, *files, **more):
        """begin() starts the program and returns it in that state."""
        for request in signal.SIGINT, signal.SIGTERM:
            with self.subTest(state=state, request=request):
                self.check(state, begin(), request, files, **more)


class Peers(Stops):
    def test_stalled_reader(self):
        def begin():
            server, url = harness.small_server(self.addCleanup)
            daub = self.open(self.clip, "-o", url, "-o", "rec.mkv", "-y")
            peer, _ = server.accept()
            self.addCleanup(peer.close)
            self.painted(daub)
            time.sleep(3)  # the buffers fill
            return daub
        self.each("TCP reader stalls; sound, recording beside", begin, "rec.mkv")
        self.assertEqual([s["codec_type"] for s in streams(self.path("rec.mkv"))], ["video", "audio"])

    def test_stalled_pipe(self):
        def begin():
            daub = self.open(self.clip, "-o", "-", "-o", "rec.mkv", "-y", stdout=subprocess.PIPE)
            self.addCleanup(daub.stdout.close)
            self.painted(daub, 1)
            time.sleep(1)  # the pipe fills
            return daub
        self.each("-o - into a pipe that is not read", begin, "rec.mkv")

    def test_pipe_without_reader(self):
        os.mkfifo(self.path("fifo"))

        def begin():
            daub = self.start(self.clip, "-f", "y4m", "-o", "fifo", "-y")
            time.sleep(2)
            return daub
        self.each("named pipe as output, without a reader", begin, code=130)

    def test_silent_input(self):
        os.mkfifo(self.path("fifo"))
        keep = os.open(self.path("fifo"), os.O_RDWR)
        self.addCleanup(os.close, keep)

        def begin_stdin():
            daub = self.start("-", "-o", "out.mkv", stdin=subprocess.PIPE)
            self.addCleanup(daub.stdin.close)
            time.sleep(1)
            return daub

        def begin_pipe():
            daub = self.start("fifo", "-o", "out.mkv")
            time.sleep(1)
            return daub
        self.each("standard input that sends nothing", begin_stdin, code=130)
        self.each("named pipe that sends nothing", begin_pipe, code=130)

    def test_hung_input(self):
        with open(self.clip, "rb") as file:
            part = file.read(1000000)

        def begin_network():
            server, url = harness.small_server(self.addCleanup)
            daub = self.open(url, "-o", "out.mkv", "-y")
            peer, _ = server.accept()
            self.addCleanup(peer.close)
            peer.sendall(part)
            return self.painted(daub)

        def begin_stdin():
            daub = self.open("-", "-o", "out.mkv", "-y", stdin=subprocess.PIPE)
            self.addCleanup(daub.stdin.close)
            daub.stdin.write(part)
            daub.stdin.flush()
            return self.painted(daub)
        self.each("network input hangs in the middle", begin_network, "out.mkv", code=130)
        self.each("standard input hangs in the middle", begin_stdin, "out.mkv", code=130)

    def test_full_backlog(self):
        """A control socket whose queue of connections is full: daub ctl waits for a while, a new
        daub does not even begin."""
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(self.path("ctl"))
        server.listen(0)
        for _ in range(8):
            peer = socket.socket(socket.AF_UNIX)
            self.addCleanup(peer.close)
            peer.setblocking(False)
            try:
                peer.connect(self.path("ctl"))
            except BlockingIOError:
                break

        def begin():
            daub = self.start("ctl", "ctl", '{"status":true}')
            time.sleep(0.5)
            return daub
        self.each("daub ctl, queue of connections full", begin)
        start = time.monotonic()
        done = run([harness.DAUB, self.clip, "-o", self.path("x.mkv"), "--control", self.path("ctl")],
                   check=False)
        ROWS.append(("--control, queue of connections full", "none", time.monotonic() - start, "-"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("another daub listens", done.stderr.decode())
        self.assertTrue(os.path.exists(self.path("ctl")))


class Camera(Stops):
    @unittest.skipUnless(shutil.which("pipewire"), "no pipewire")
    def test_unwatched(self):
        environment = dict(os.environ, XDG_RUNTIME_DIR=self.folder, DISPLAY="")
        server = subprocess.Popen(["pipewire"], env=environment, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        end = time.monotonic() + 10 * harness.PATIENCE
        while not os.path.exists(self.path("pipewire-0")):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

        def begin():
            daub = self.open("lavfi:" + NOISE, "-o", "pipewire:", env=environment)
            harness.wait_for(daub, lambda: os.path.exists(daub.control))
            time.sleep(1)  # it falls asleep
            return daub
        self.each("PipeWire camera that nobody watches", begin, code=130)


class Work(Stops):
    def test_conversion(self):
        def begin():
            return self.painted(self.open("lavfi:" + NOISE, "-o", "out.mkv", "-o", "out.mp4", "-y"))
        self.each("conversion at full speed", begin, "out.mkv", "out.mp4", code=130)

    def threads(self, daub):
        names = []
        for task in os.listdir("/proc/%d/task" % daub.pid):
            try:
                with open("/proc/%d/task/%s/comm" % (daub.pid, task), encoding="ascii") as file:
                    names.append(file.read())
            except OSError:
                pass  # it has ended meanwhile
        return names

    def test_finishing(self):
        """The input has ended; the encoder holds most of it, and is slow."""
        def begin():
            daub = self.start("lavfi:" + NOISE, "-t", 8, "-preset", "veryslow", "-e", "rc-lookahead=250",
                              "-e", "threads=1", "-o", "out.mkv", "-y")
            harness.wait_for(daub, lambda: "daub-engine\n" in self.threads(daub))
            harness.wait_for(daub, lambda: "daub-engine\n" not in self.threads(daub))
            # More than a header is in the unfinished file.
            harness.wait_for(daub, lambda: any(
                ".partial" in name and os.path.getsize(self.path(name)) > 10000
                for name in os.listdir(self.folder)))
            return daub
        self.each("encoder is being drained", begin, "out.mkv", code=130)

    def test_same_request(self):
        """A closed terminal sends two signals, a wrapper forwards Ctrl-C: the output is kept."""
        def twice(daub, first, second):
            daub.send_signal(first)
            time.sleep(0.1)
            if daub.poll() is None:
                daub.send_signal(second)
        for first, second in (signal.SIGINT, signal.SIGINT), (signal.SIGHUP, signal.SIGTERM):
            daub = self.open("lavfi:" + NOISE, "-o", "-", "-o", "out.mkv", "-y", stdout=subprocess.PIPE)
            self.addCleanup(daub.stdout.close)
            self.painted(daub, 1)
            time.sleep(1)  # the pipe fills
            self.check("two signals at once, stalled pipe", daub, lambda: twice(daub, first, second),
                       ["out.mkv"], name="%s+%s" % (first.name[3:], second.name[3:]))

    def test_at_once(self):
        """A second signal later than that: what is on the disk is kept under another name."""
        daub = self.open("lavfi:" + NOISE, "-o", "-", "-o", "out.mkv", stdout=subprocess.PIPE)
        self.addCleanup(daub.stdout.close)
        while not any(".partial" in name and os.path.getsize(self.path(name)) > 10000
                      for name in os.listdir(self.folder)):
            self.assertTrue(daub.stdout.read1())
        time.sleep(1)  # the pipe fills
        daub.send_signal(signal.SIGINT)
        time.sleep(0.1)
        daub.send_signal(signal.SIGSTOP)  # a second passes without the program
        time.sleep(1.1)
        daub.send_signal(signal.SIGINT)
        daub.send_signal(signal.SIGCONT)
        self.assertEqual(daub.wait(timeout=5), 130)
        self.assertEqual(os.listdir(self.folder), ["out.partial.mkv"])


class Fake(Stops):
    """States that only the painter of tests/fake can be asked for."""

    def begin(self, *words, frames, **variables):
        """Starts the program; some time after it has painted so many frames, it is in the state."""
        daub = self.open("lavfi:" + NOISE, "-o", "out.mkv", "-y", *words,
                         env=dict(os.environ, **variables))
        if frames:
            self.painted(daub, frames)
        time.sleep(1)
        return daub

    def test_preparing(self):
        self.each("model is prepared, by a call that hangs",
                  lambda: self.begin(frames=0, DAUB_FAKE_PREPARE_AT="1"), code=130)

    def test_other_size(self):
        """The delay requires a smaller size, and creating it hangs while painting goes on."""
        self.each("another size is prepared, by a call that hangs",
                  lambda: self.begin("--realtime", "--max-latency", 1, frames=10,
                                     DAUB_FAKE_PREPARE_AT="2", DAUB_FAKE_DELAY_MS="30"),
                  "out.mkv", code=130)

    def test_hung_painter(self):
        self.each("painter hangs in the middle", lambda: self.begin(frames=10, DAUB_FAKE_HANG_AT="30"),
                  "out.mkv", code=130)


class Cold(Stops):
    """The real painter with an empty cache."""

    def test_preparing(self):
        for wait in 0.5, 1.5, 3:
            def begin():
                cache = tempfile.mkdtemp(dir=self.shared)
                daub = self.start("lavfi:testsrc2=s=1280x720:r=30", "-o", "out.mkv", "-y",
                                  env=dict(os.environ, XDG_CACHE_HOME=cache))
                time.sleep(wait)
                return daub
            self.each("empty cache, %.1f s after the start" % wait, begin, code=130)

    def test_cache_pipes(self):
        """Where named pipes stand for cache files, they are not opened."""
        words = [harness.DAUB, "lavfi:testsrc2=s=96x64:r=25", "--frames", "1", "-f", "null", "-o", "x"]
        environment = dict(os.environ, XDG_CACHE_HOME=self.folder)
        run(words, env=environment)
        replaced = 0
        for place, _, names in os.walk(self.folder):
            for name in names:
                os.unlink(os.path.join(place, name))
                os.mkfifo(os.path.join(place, name))
                replaced += name.endswith(".bin")
        self.assertGreater(replaced, 1)
        run(words, env=environment)


class Window(Stops):
    @classmethod
    def setUpClass(cls):
        for tool in "Xvfb", "xdotool", "openbox":
            if not shutil.which(tool):
                raise unittest.SkipTest("no %s (xvfb, xdotool, openbox)" % tool)
        super().setUpClass()
        os.environ["DISPLAY"] = harness.xvfb(cls.addClassCleanup, "800x600")
        manager = subprocess.Popen(["openbox", "--sm-disable"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        cls.addClassCleanup(manager.wait)
        cls.addClassCleanup(manager.kill)

    def begin(self, *actions, outputs=("-o", "out.mkv", "-y")):
        daub = self.open("lavfi:" + NOISE, "--window", *outputs)
        window = harness.window_with_keys(daub, daub.control)
        self.painted(daub)
        for action in actions:
            run(["xdotool", *[word.replace("WINDOW", window) for word in action]])
        time.sleep(1)
        return daub

    def every(self, state, *actions):
        self.each(state, lambda: self.begin(*actions), "out.mkv", code=130)
        daub = self.begin(*actions)
        self.check(state, daub, lambda: run(["xdotool", "key", "alt+F4"]), ["out.mkv"], code=0,
                   name="close")

    def test_frames_at_the_end(self):
        """Frames that come while the window closes do not end the program with an X error. Busy
        processors delay the X server, which makes the error likely where it is possible."""
        for _ in range(4):
            busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            self.addCleanup(busy.wait)
            self.addCleanup(busy.kill)
        for _ in range(8):
            with open(self.path("errors"), "w+") as errors:
                daub = self.open("lavfi:testsrc2=size=160x90:rate=240", "--window", stderr=errors)
                harness.window_with_keys(daub, daub.control)
                time.sleep(0.2)
                end = time.monotonic() + 30 * harness.PATIENCE
                run(["xdotool", "key", "alt+F4"])
                while daub.poll() is None:
                    self.assertLess(time.monotonic(), end)
                    time.sleep(0.1)
                errors.seek(0)
                self.assertEqual(daub.returncode, 0, errors.read())

    def test_painting(self):
        self.every("window, painting and recording")

    def test_paused(self):
        self.every("window, paused", ["key", "space"])

    def test_unwatched(self):
        """Nobody watches: nothing is painted."""
        self.each("window alone, minimized",
                  lambda: self.begin(["windowminimize", "WINDOW"], outputs=()), code=130)


if __name__ == "__main__":
    harness.main()
