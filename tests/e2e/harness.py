"""What the end-to-end tests share: running daub, ffmpeg and ffprobe in a temporary folder.

Every test file runs as `python3 FILE.py DAUB [unittest arguments]` with the program under
test as its first argument, linked with libdaub or with the fake painter of
tests/fake.
"""

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

DAUB = None
SKIPPED = 77
# The e2e tests are about conversion, not about painting: small pictures everywhere.
SIZE = "96x64"
# An emulated machine needs more time for everything.
PATIENCE = float(os.environ.get("DAUB_PATIENCE", 1))


def run(command, check=True, **more):
    if "input" not in more:
        more.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600 * PATIENCE,
                          **more)
    if check and done.returncode != 0:
        raise AssertionError("%s\nexit %d\n%s" % (
            " ".join(map(str, command)), done.returncode, done.stderr.decode(errors="replace")))
    return done


def ffmpeg(*arguments, **more):
    return run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], **more)


def turn(source, target):
    """Copies a clip with a display matrix that turns it by 90 degrees."""
    options = run(["ffmpeg", "-hide_banner", "-h", "full"]).stdout
    if b"display_rotation" in options:
        ffmpeg("-display_rotation", "90", "-i", source, "-c", "copy", target)
    else:  # before FFmpeg 6
        ffmpeg("-i", source, "-c", "copy", "-metadata:s:v:0", "rotate=90", target)


def probe(path, *arguments):
    done = run(["ffprobe", "-v", "error", "-of", "json", *arguments, str(path)])
    return json.loads(done.stdout)


def streams(path):
    return probe(path, "-show_streams")["streams"]


def stream(path, kind="video", index=0):
    return [s for s in streams(path) if s["codec_type"] == kind][index]


def frames(path):
    """Every picture of the first video stream as ffprobe decodes it."""
    return probe(path, "-select_streams", "v:0", "-show_frames", "-show_entries",
                 "frame=pts,best_effort_timestamp_time,width,height,interlaced_frame,"
                 "top_field_first,pix_fmt,side_data_list").get("frames", [])


def times(path):
    return [float(f["best_effort_timestamp_time"]) for f in frames(path)]


def packets(path, kind):
    """(size, pts in seconds, checksum) of every packet of the first such stream."""
    listed = probe(path, "-select_streams", kind, "-show_packets", "-show_data_hash", "md5")
    return [(int(p["size"]), float(p.get("pts_time", "nan")), p["data_hash"])
            for p in listed["packets"]]


def testsrc(seconds=2, rate=25, size=SIZE, more=""):
    return ["-f", "lavfi", "-i", "testsrc2=s=%s:r=%s:d=%s%s" % (size, rate, seconds, more)]


def sine(seconds=2, frequency=440, rate=48000):
    return ["-f", "lavfi", "-i", "sine=f=%d:r=%d:d=%s" % (frequency, rate, seconds)]


def psnr(a, b):
    """Of the first video streams, frame by frame, in dB; 1000 where they are equal."""
    done = run(["ffmpeg", "-v", "info", "-nostdin", "-i", str(a), "-i", str(b), "-lavfi",
                "[0:v]settb=1/25,setpts=N[a];[1:v]settb=1/25,setpts=N[b];[a][b]psnr", "-f", "null", "-"])
    words = done.stderr.decode().split("PSNR")[-1].split()
    value = [w for w in words if w.startswith("average:")][0].split(":")[1]
    return 1000.0 if value == "inf" else float(value)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="daub-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def daub(self, *arguments, code=0, **more):
        """Runs the program, checks its exit code, and returns stderr and stdout."""
        before = self.leftovers()
        done = run([DAUB, *map(str, arguments)], check=False, **more)
        text = done.stderr.decode(errors="replace")
        self.assertEqual(done.returncode, code, "%s\n%s" % (" ".join(map(str, arguments)), text))
        if code not in (1, 5):  # else something failed, and what was painted is kept
            self.assertEqual(self.leftovers(), before)
        return text, done.stdout

    def fails(self, code, words, *arguments, **more):
        """Runs the program, which must print one line that contains words and leave no file."""
        before = sorted(os.listdir(self.folder))
        text, _ = self.daub(*arguments, code=code, **more)
        errors = [line for line in text.splitlines() if line.startswith("daub: error: ")]
        self.assertEqual(len(errors), 1, text)
        for word in [words] if isinstance(words, str) else words:
            self.assertIn(word, errors[0])
        self.assertEqual(sorted(os.listdir(self.folder)), before)
        return text

    def leftovers(self):
        """Unfinished outputs."""
        return sorted(os.path.join(folder, n) for folder, folders, names in os.walk(self.folder)
                      for n in folders + names if ".partial" in n)

    def assert_same_times(self, a, b, tick=0.0):
        """Each frame has the same time in a and b; tick: the resolution of b's container."""
        ta, tb = times(a), times(b)
        self.assertEqual(len(ta), len(tb))
        self.assertGreater(len(ta), 0)
        worst = max(abs(x - y) for x, y in zip(ta, tb))
        self.assertLessEqual(worst, tick / 2 + 1e-6, "times differ by %g s" % worst)

    def assert_same_packets(self, a, b, kind, tick=1e-4):
        pa, pb = packets(a, kind), packets(b, kind)
        self.assertEqual([(p[0], p[2]) for p in pa], [(p[0], p[2]) for p in pb])
        self.assertGreater(len(pa), 0)
        for x, y in zip(pa, pb):
            self.assertAlmostEqual(x[1], y[1], delta=tick)


def xvfb(cleanup, size="1024x768"):
    """Starts an X server, which cleanup (addCleanup's) ends, and returns its display."""
    out, into = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(into), "-screen", "0", size + "x24"],
                              pass_fds=[into], stderr=subprocess.DEVNULL)
    cleanup(server.wait)
    cleanup(server.kill)
    os.close(into)
    with os.fdopen(out) as told:
        return ":" + told.readline().strip()


def wait_for(daub, what):
    """Waits until what() is true and returns its result; daub must not end meanwhile."""
    end = time.monotonic() + 90 * PATIENCE
    while True:
        got = what()
        if got:
            return got
        if daub.poll() is not None or time.monotonic() > end:
            raise AssertionError("daub ended" if daub.poll() is not None else "waited in vain")
        time.sleep(0.05)


def wait_for_handler(daub):
    """Until it catches SIGTERM."""
    def caught():
        with open("/proc/%d/status" % daub.pid) as status:
            mask = next(line for line in status if line.startswith("SigCgt:")).split()[1]
        return int(mask, 16) >> (signal.SIGTERM - 1) & 1
    wait_for(daub, caught)


def window_with_keys(daub, control):
    """The window of a daub with that control socket, once it is complete and gets the keys. While
    SDL opens a window it may make it anew; the socket is made after that. A window manager that
    has just started may not listen."""
    def focus():
        if not os.path.exists(control):
            return ""
        found = run(["xdotool", "search", "--onlyvisible", "--name", " - daub$"],
                    check=False).stdout.decode().split("\n")[0]
        run(["xdotool", "windowactivate", found], check=False)
        active = run(["xdotool", "getactivewindow"], check=False).stdout.decode().strip()
        return found if found == active else ""
    return wait_for(daub, focus)


def small_server(cleanup):
    """Starts a TCP server with a small buffer, which cleanup (addCleanup's) closes.
    Returns its URL."""
    server = socket.socket()
    cleanup(server.close)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    server.settimeout(30)
    return server, "tcp://127.0.0.1:%d" % server.getsockname()[1]


class Desk(unittest.TestCase):
    """Other programs that run with daub; their files are in a temporary folder."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="daub-desk-", ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o700)
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=self.folder, DISPLAY="")
        for name in "DATA_HOME", "CONFIG_HOME", "STATE_HOME":
            self.environment["XDG_" + name] = self.path(name)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, command, **more):
        more.setdefault("stdout", subprocess.DEVNULL)
        more.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=self.environment,
                                   cwd=self.folder, **more)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def until(self, what, seconds):
        """Waits until what() is true, and returns its result; a failure shows self.seen. A minute at
        least: a busy machine may need long for other programs."""
        seconds = PATIENCE * max(60, seconds)
        end = time.monotonic() + seconds
        while True:
            got = what()
            if got:
                return got
            self.assertLess(time.monotonic(), end,
                            "waited %g s in vain: %s" % (seconds, getattr(self, "seen", "")))
            time.sleep(0.05)


def run_in_private_network():
    """Runs this program again in a network of its own, with nothing but the loopback."""
    if os.environ.get("DAUB_APART"):
        run(["ip", "link", "set", "lo", "up"], check=False)
        return
    alone = ["unshare", "-n" if os.geteuid() == 0 else "-rn"]
    if shutil.which("ip") and run([*alone, "true"], check=False).returncode == 0:
        os.execvpe("unshare", [*alone, sys.executable, *sys.argv], dict(os.environ, DAUB_APART="1"))


def main():
    global DAUB
    if len(sys.argv) < 2:
        sys.exit("usage: %s DAUB [unittest arguments]" % sys.argv[0])
    DAUB = os.path.abspath(sys.argv.pop(1))
    for tool in "ffmpeg", "ffprobe":
        if not shutil.which(tool):
            print("skipped: %s is not installed" % tool)
            sys.exit(SKIPPED)
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    os.environ["XDG_CONFIG_HOME"] = "/nonexistent"  # the user's configuration
    unittest.main(verbosity=2)
