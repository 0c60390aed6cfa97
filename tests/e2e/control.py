"""The control socket: what it changes, what it refuses, and hostile clients."""

import json
import os
import random
import signal
import socket
import stat
import subprocess
import tempfile
import time
import unittest

import harness
from harness import ffmpeg, run, streams

GRAPH = "testsrc2=size=96x64:rate=25"


class Session(unittest.TestCase):
    """A daub that listens on a control socket."""

    graph = GRAPH

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.socket = self.path("ctl")
        self.daub = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *words):
        self.daub = subprocess.Popen(
            [harness.DAUB, "lavfi:" + self.graph, "--realtime", "--control", self.socket, "-o",
             self.path("out.mkv"), "-c:v", "ffv1", "-y", *words], stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        for last in (self.daub.stderr.close, self.daub.wait, self.daub.kill):
            self.addCleanup(last)
        end = time.monotonic() + 60
        while not os.path.exists(self.socket) or self.status()["frames"] < 3:
            self.assertIsNone(self.daub.poll(), "daub ended")
            self.assertLess(time.monotonic(), end)
            time.sleep(0.1)

    def ctl(self, *messages, code=0):
        """Answers to the messages."""
        words = [m if isinstance(m, str) else json.dumps(m) for m in messages]
        done = run([harness.DAUB, "ctl", self.socket, *words], check=False)
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def status(self):
        done = run([harness.DAUB, "ctl", self.socket, '{"status":true}'], check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {"frames": 0}

    def ends(self, code):
        errors = self.daub.stderr.read().decode()
        self.assertEqual(self.daub.wait(timeout=20), code, errors)
        return errors


class Control(Session):
    def test_changes(self):
        self.start("-s", "great-wave")
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o600)
        self.assertEqual(self.status()["style"], "The Great Wave off Kanagawa")
        self.ctl({"style": "udnie", "strength": 0.75, "stability": 0.2, "colors": "keep"})
        now = self.status()
        self.assertEqual([now[k] for k in ("style", "strength", "stability", "colors", "bypass")],
                         ["Udnie", 0.75, 0.2, "keep", False])
        self.ctl({"style": "udnie=0.5,great-wave=0.5"})
        self.assertEqual(self.status()["style"], "a mix of styles")
        paused, = self.ctl({"pause": True, "status": True})
        time.sleep(1)
        self.assertLessEqual(self.status()["frames"], paused["frames"] + 3)
        self.ctl({"pause": False})
        time.sleep(1)
        self.assertGreater(self.status()["frames"], paused["frames"] + 3)
        # A message is applied completely or not at all.
        for wrong, words in (({"strength": 0.1, "style": "undie"}, "did you mean udnie?"),
                             ({"strength": 0.1, "stability": 1.1}, "from 0 to 1"),
                             ({"strength": "0.1"}, "from 0 to 1"), ({"strength": None}, "from 0 to 1"),
                             ({"colors": "red"}, "paint"), ({"pause": 1}, "true or false"),
                             ({"strngth": 0.1}, "unknown member"), ([1], "one object"), ({}, "one object"),
                             ("not json", "one object")):
            answer, = self.ctl(wrong, code=1)
            self.assertFalse(answer["ok"])
            self.assertIn(words, answer["error"])
        self.assertEqual(self.status()["strength"], 0.75)
        # From here on the recording is the input itself.
        self.ctl({"bypass": True})
        time.sleep(2)
        self.ctl({"quit": True})
        self.ends(0)
        self.assertFalse(os.path.exists(self.socket))
        self.assert_input_at_the_end()

    def assert_input_at_the_end(self):
        pixels = streams(self.path("out.mkv"))[0]["pix_fmt"]
        shot = run(["ffmpeg", "-v", "error", "-sseof", "-0.3", "-i", self.path("out.mkv"), "-frames:v",
                    "1", "-copyts", "-f", "rawvideo", "-"]).stdout
        ffmpeg("-f", "lavfi", "-i", GRAPH + ":duration=60", "-pix_fmt", pixels, "-f", "rawvideo",
               self.path("source"))
        with open(self.path("source"), "rb") as file:
            source = file.read()
        size = len(shot)
        self.assertIn(shot, [source[i:i + size] for i in range(0, len(source), size)])

    def test_files(self):
        """A picture, and two recordings, of which the second is ended by the end of the session."""
        self.start("--strength", "0")
        for message, words in (({"record": 5}, "true, false or the name"), ({"picture": ""}, "empty"),
                               ({"record": "/nowhere/a.mp4"}, "/nowhere"),
                               ({"picture": self.socket}, "exists"), ({"record": "-"}, "of a file"),
                               ({"record": "udp://127.0.0.1:9"}, "of a file")):
            answer, = self.ctl(message, code=1)
            self.assertIn(words, answer["error"])
        answer, = self.ctl({"picture": self.path("a.png"), "record": self.path("a.mp4"), "status": True})
        self.assertEqual([answer[k] for k in ("picture", "record", "recording")],
                         [self.path("a.png"), self.path("a.mp4"), True])
        answer, = self.ctl({"record": self.path("b.mp4")}, code=1)
        self.assertIn("runs already", answer["error"])
        time.sleep(2)
        self.ctl({"record": False})
        end = time.monotonic() + 10
        while not os.path.exists(self.path("a.mp4")):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.1)
        self.assertFalse(self.status()["recording"])
        self.ctl({"record": self.path("b.mkv")})
        time.sleep(1)
        self.ctl({"quit": True})
        errors = self.ends(0)
        self.assertIn("recorded " + self.path("a.mp4"), errors)
        for name, least in ("a.mp4", 1.8), ("b.mkv", 0.8):
            at = harness.times(self.path(name))
            self.assertEqual(at[0], 0)
            self.assertGreater(at[-1], least)
            self.assertEqual([s["codec_name"] for s in streams(self.path(name))], ["h264"])
        self.assertGreater(harness.psnr(self.path("a.png"), self.path("a.mp4")), 15)

    def test_hostile(self):
        self.start()
        dice = random.Random(1)
        lines = [b"{" * 3000 + b"\n", b"\0" * 500 + b"\n", b'{"strength":1e999}\n', b"[" * 4095,
                 b'{"style":"' + b"a=1," * 900 + b'"}\n', b'{"style":"\xff\xfe"}\n', b"\n" * 4000,
                 b'{"status":true}\n' * 3000, dice.randbytes(200000), b'{"quit":tru']
        peers = []
        for data in lines * 2:  # more clients than daub accepts, and none reads
            peer = socket.socket(socket.AF_UNIX)
            self.addCleanup(peer.close)
            peer.settimeout(2)
            try:
                peer.connect(self.socket)
                peer.sendall(data)
            except OSError:
                pass  # the queue of connections is full, or daub closed this one
            peers.append(peer)
        before = self.daub.poll()
        for peer in peers:
            peer.close()
        time.sleep(1)
        self.assertIsNone(before)
        first = self.status()["frames"]
        time.sleep(1)
        self.assertGreater(self.status()["frames"], first + 3)
        self.ctl({"quit": True})
        self.ends(0)

    def test_places(self):
        self.start()
        with open(self.path("file"), "w", encoding="ascii"):
            pass
        words = [harness.DAUB, "lavfi:" + GRAPH, "-o", self.path("x.mkv"), "--control"]
        for place, text in (self.socket, "another daub listens"), (self.path("file"), "is not a socket"), \
                ("/nowhere/ctl", "No such file"), (self.path("n" * 120), "at most 107 bytes"):
            done = run([*words, place], check=False)
            self.assertIn(done.returncode, (1, 2), place)
            self.assertIn(text, done.stderr.decode())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.bind(self.path("other"))  # another program's, which must not be removed
            done = run([*words, self.path("other")], check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("cannot be replaced", done.stderr.decode())
            self.assertTrue(os.path.exists(self.path("other")))
        self.daub.send_signal(signal.SIGKILL)
        self.daub.wait()
        self.assertTrue(os.path.exists(self.socket))
        done = run([harness.DAUB, "ctl", self.socket, "{}"], check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no daub listens", done.stderr.decode())
        self.start()
        self.daub.send_signal(signal.SIGTERM)
        self.ends(130)
        self.assertFalse(os.path.exists(self.socket))


class Fade(Session):
    """With the fake painter, which logs the parameters of every frame."""

    def setUp(self):
        super().setUp()
        os.environ["DAUB_FAKE_LOG"] = self.path("log")
        self.addCleanup(os.environ.pop, "DAUB_FAKE_LOG")

    def painted_with(self):
        """Strength, stability and style weights of each frame so far."""
        with open(self.path("log"), encoding="ascii") as file:
            return [tuple(map(float, line.split())) for line in file if line.endswith("\n")]

    def test_one_fade(self):
        """Style, strength and stability of one message change together, in one fade."""
        old, new = (1, 0.5, 1, 0), (0.5, 0.1, 0, 1)
        messages = [{"style": "wave", "strength": 0.5, "stability": 0.1},
                    {"style": "night", "strength": 1, "stability": 0.5}]
        self.start("-s", "night")
        between = []
        for i in range(20):  # a machine that stalls may paint no frame during a fade
            count = len(self.painted_with())
            self.ctl(messages[i % 2])
            end = time.monotonic() + 30
            while self.painted_with()[-1] != (new, old)[i % 2]:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.05)
            for frame in self.painted_with()[count:]:
                parts = [(value - a) / (b - a) for value, a, b in zip(frame, old, new)]
                self.assertLess(max(parts) - min(parts), 1e-5, frame)
                between += [frame] if 0 < parts[0] < 1 else []
            if between:
                break
        self.assertTrue(between, "no frame was painted on the way")
        self.ctl({"quit": True})
        self.ends(0)

    def test_fade_to_a_picture(self):
        """A mix with a picture, whose signal is its mean color, is faded to as a style is."""
        os.environ["DAUB_FAKE_BASIS"] = "1"
        self.addCleanup(os.environ.pop, "DAUB_FAKE_BASIS")
        with open(self.path("red.ppm"), "wb") as file:
            file.write(b"P6 80 80 255\n" + b"\xff\0\0" * 6400)
        self.start("-s", "night")
        count = len(self.painted_with())
        self.ctl({"style": self.path("red.ppm") + "=3,night=1", "strength": 0.5})
        old, new = (1, 0.5, 1, 0, 0, 0, 0, 0), (0.5, 0.5, 0.25, 0, 0.75, 0.75, 0, 0)

        def away(frame, part):
            return max(abs(a + part * (b - a) - value) for value, a, b in zip(frame, old, new))

        end = time.monotonic() + 30
        while away(self.painted_with()[-1], 1) > 0.01:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        for frame in self.painted_with()[count:]:
            self.assertLess(away(frame, 2 * (1 - frame[0])), 0.01, frame)
        self.ctl({"quit": True})
        self.ends(0)


if __name__ == "__main__":
    harness.main()
