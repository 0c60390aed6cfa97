"""Whatever ends a conversion, the frames painted until then are playable, under the output's name
or as NAME.partial.EXT, and one line says where. Prints a table of causes and frames kept."""

import errno
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import time
import unittest

import harness
from harness import ffmpeg, frames, streams, testsrc

DONE, FAILED, USAGE, INPUT, OUTPUT = 0, 1, 2, 4, 5
ROWS = []
OTHER_USER = 65534


def tearDownModule():
    print("\n| cause | output | painted | kept | where |\n|---|---|---|---|---|")
    for row in ROWS:
        print("| %s |" % " | ".join(map(str, row)))


def mount(case, *words):
    if os.geteuid() != 0 or subprocess.run(["mount", *words], stderr=subprocess.DEVNULL).returncode != 0:
        case.skipTest("mounting is not allowed here")
    case.addCleanup(subprocess.run, ["umount", "-l", words[-1]], check=True)


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        self.source = self.path("in.mkv")
        ffmpeg(*testsrc(4), "-f", "lavfi", "-i", "sine=d=4", "-c:v", "ffv1", "-c:a", "flac", self.source)

    def count(self, path):
        """Frames that ffprobe decodes, also of a file that is cut off."""
        done = harness.run(["ffprobe", "-v", "quiet", "-select_streams", "v:0", "-count_frames", "-of",
                            "csv=p=0", "-show_entries", "stream=nb_read_frames", path], check=False)
        words = done.stdout.split()
        return int(words[0]) if words and words[0].isdigit() else 0

    def start(self, *words, delay=20, cwd=None, user=None, **variables):
        command = [harness.DAUB, *map(str, words)]
        if user:
            command = ["setpriv", "--reuid=%d" % user, "--clear-groups", *command]
        daub = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=cwd,
                                env=dict(os.environ, DAUB_FAKE_DELAY_MS=str(delay), **variables))
        self.addCleanup(daub.wait)
        self.addCleanup(daub.stderr.close)
        self.addCleanup(daub.kill)
        return daub

    def wait_for(self, what):
        end = time.monotonic() + 30 * harness.PATIENCE
        while not what():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def size(self, path):
        return os.path.exists(path) and os.stat(path).st_size

    def end(self, daub, code):
        text = daub.stderr.read().decode(errors="replace")
        self.assertEqual(daub.wait(60), code, text)
        return text

    def check(self, cause, text, where, painted, least=None):
        """The text names the file, which holds that many frames; cause and numbers become a row."""
        kept = self.count(where)
        name = os.path.basename(where)
        ROWS.append((cause, re.sub(r"\.partial(-\d)?", "", name), painted, kept, name))
        self.assertGreaterEqual(kept, painted if least is None else least, text)
        if ".partial" in name:
            lines = [line for line in text.splitlines() if where in line or name in line]
            self.assertEqual(len(lines), 1, text)
        return text


class Failures(Case):
    """Something fails in the middle; the film is FILM frames long."""
    FILM = 100

    def each(self, cause, run, painted, code, least=None, names=("out.mp4", "out.mkv", "out.mov", "out.avi", "out.ts")):
        for name in names:
            with self.subTest(cause=cause, output=name):
                folder = self.path("%d" % len(ROWS))
                os.mkdir(folder)
                target = os.path.join(folder, name)
                text = self.end(run(target), code)
                stem, ending = os.path.splitext(target)
                self.assertEqual(os.listdir(folder), [os.path.basename(stem) + ".partial" + ending], text)
                self.check(cause, text, stem + ".partial" + ending, painted, least)

    def test_device_lost(self):
        self.each("the device is lost", lambda target: self.start(
            self.source, "-o", target, delay=0, DAUB_FAKE_FAIL_AT="61"), 60, FAILED)

    def test_slow_encoder(self):
        """The encoder holds most of the film, and needs longer for it than a stop request allows."""
        text = self.end(self.start("lavfi:color=gray:s=320x180:r=30,noise=alls=80:allf=t", "-preset", "slower",
                                   "-e", "rc-lookahead=120", "-e", "threads=1", "-o", self.path("out.mkv"), delay=0,
                                   DAUB_FAKE_FAIL_AT="101"), FAILED)
        self.check("the device is lost, slow encoder", text, self.path("out.partial.mkv"), 100)

    def test_images(self):
        text = self.end(self.start(self.source, "-o", self.path("i%03d.png"), delay=0,
                                   DAUB_FAKE_FAIL_AT="61"), FAILED)
        images = [n for n in os.listdir(self.folder) if n.endswith(".png")]
        ROWS.append(("the device is lost", "images", 60, len(images), "i%03d.png"))
        self.assertEqual(len(images), 60)
        self.assertIn("60 images are kept", text)

    def test_disk_full(self):
        for name in "out.mkv", "out.mp4", "out.avi":
            with self.subTest(name):
                small = self.path("small-" + name)
                os.mkdir(small)
                mount(self, "-t", "tmpfs", "-o", "size=1m", "none", small)
                target = os.path.join(small, name)
                codec = ["-c:v", "mjpeg", "-crf", 1] if name != "out.mkv" else ["-c:v", "rawvideo"]
                text = self.end(self.start("lavfi:testsrc2=s=320x240:r=25,noise=alls=60:allf=t", "-t", 20,
                                           *codec, "-o", target, delay=0), OUTPUT)
                self.assertIn("No space left on device", text)
                self.assertEqual(text.count("error: "), 1, text)
                stem, ending = os.path.splitext(target)
                # a megabyte holds 9 raw frames, and more than 20 compressed ones
                self.check("the disk is full", text, stem + ".partial" + ending, 0, 5)

    def test_second_output(self):
        """One output fails; the other one is complete."""
        small = self.path("small")
        os.mkdir(small)
        mount(self, "-t", "tmpfs", "-o", "size=200k", "none", small)
        text = self.end(self.start(self.source, "-c:v", "ffv1", "-o", self.path("good.mkv"), "-o",
                                   os.path.join(small, "bad.mkv"), delay=0), OUTPUT)
        self.assertIn("No space left on device", text)
        self.check("the second output's disk is full", text, self.path("good.mkv"), self.FILM)
        self.assertEqual([s["codec_type"] for s in streams(self.path("good.mkv"))], ["video", "audio"])
        self.check("the second output's disk is full", text, os.path.join(small, "bad.partial.mkv"), 0, 1)

    def test_file_size_limit(self):
        """The limit of the shell (ulimit -f) ends writing, not the program."""
        for name in "out.mkv", "out.mp4":
            with self.subTest(name):
                daub = subprocess.run(
                    ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", harness.DAUB, self.source,
                     *(["-c:v", "ffv1"] if name == "out.mkv" else ["-crf", "0"]), "-y", "-o",
                     self.path(name)], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
                text = daub.stderr.decode()
                self.assertEqual(daub.returncode, OUTPUT, text)
                self.assertIn("File too large", text)
                stem, ending = os.path.splitext(self.path(name))
                self.check("file size limit", text, stem + ".partial" + ending, 0, 5)


class Renames(Case):
    """The film is complete, but cannot get its name."""

    def run_with(self, cause, act, words, name="out.mp4", more=(), user=None, where=None):
        daub = self.start(self.source, "-o", self.path(name), *more, user=user)
        partial = os.path.splitext(self.path(name))
        self.wait_for(lambda: self.size(partial[0] + ".partial" + partial[1]) or daub.poll() is not None)
        act()
        text = self.end(daub, OUTPUT)
        for word in [words] if isinstance(words, str) else words:
            self.assertIn(word, text)
        self.assertEqual(text.count("error: "), 1, text)
        self.check(cause, text, where or partial[0] + ".partial" + partial[1], 100)

    def test_became_a_folder(self):
        self.run_with("the name became a folder", lambda: os.mkdir(self.path("out.mp4")), "File exists")
        os.rmdir(self.path("out.mp4"))
        os.remove(self.path("out.partial.mp4"))
        self.run_with("the name became a folder, -y", lambda: os.mkdir(self.path("out.mp4")),
                      "Is a directory", more=["-y"])

    def test_created_meanwhile(self):
        def create():
            with open(self.path("out.mp4"), "wb") as file:
                file.write(b"precious")
        self.run_with("a file of the name was created", create, "File exists")
        with open(self.path("out.mp4"), "rb") as file:
            self.assertEqual(file.read(), b"precious")

    def test_folder_removed(self):
        os.mkdir(self.path("folder"))
        os.mkdir(self.path("temp"))
        where = self.path("temp/out.partial.mp4")
        daub = self.start(self.source, "-o", self.path("folder/out.mp4"), cwd="/proc", TMPDIR=self.path("temp"))
        self.wait_for(lambda: self.size(self.path("folder/out.partial.mp4")))
        shutil.rmtree(self.path("folder"))
        text = self.end(daub, OUTPUT)
        self.assertEqual(text.count("error: "), 1, text)
        self.check("the folder was removed", text, where, 100)

    def test_folder_moved(self):
        os.mkdir(self.path("folder"))
        daub = self.start(self.source, "-o", self.path("folder/out.mp4"))
        self.wait_for(lambda: self.size(self.path("folder/out.partial.mp4")))
        os.rename(self.path("folder"), self.path("moved"))
        text = self.end(daub, DONE)
        self.assertIn("was moved", text)
        self.check("the folder was moved", text, self.path("moved/out.mp4"), 100)

    @unittest.skipIf(os.geteuid() != 0 or not shutil.which("setpriv"), "needs root and setpriv")
    def test_folder_not_writable(self):
        os.chmod(self.folder, 0o777)
        self.addCleanup(os.chmod, self.folder, 0o777)
        self.run_with("the folder was made read-only", lambda: os.chmod(self.folder, 0o555),
                      "Permission denied", user=OTHER_USER)

    def test_link_to_nothing(self):
        """The file to which the link leads is created; where its folder is gone, nothing is painted."""
        os.mkdir(self.path("else"))
        os.symlink("else/real.mp4", self.path("link.mp4"))
        text = self.end(self.start(self.source, "-o", self.path("link.mp4"), delay=0), DONE)
        self.check("dangling link", text, self.path("else/real.mp4"), 100)
        self.assertTrue(os.path.islink(self.path("link.mp4")))
        os.symlink("gone/real.mp4", self.path("bad.mp4"))
        self.refused("No such file", "bad.mp4")

    def refused(self, words, name, *more, user=None):
        """Refused before anything is painted."""
        text = self.end(self.start(self.source, "-o", self.path(name), *more, delay=1000, user=user,
                                   DAUB_FAKE_FAIL_AT="1"), OUTPUT)
        self.assertIn(words, text)
        self.assertEqual(text.count("error: "), 1, text)
        self.assertFalse([n for n in os.listdir(self.folder) if ".partial" in n])

    def test_long_name(self):
        self.refused("give a shorter name", "n" * 300 + ".mp4")
        self.end(self.start(self.source, "-o", self.path("n" * 251 + ".mp4"), delay=0), DONE)

    @unittest.skipIf(os.geteuid() != 0 or not shutil.which("setpriv"), "needs root and setpriv")
    def test_sticky_folder(self):
        os.chmod(self.folder, 0o1777)
        with open(self.path("out.mp4"), "wb") as file:
            file.write(b"precious")
        os.chmod(self.path("out.mp4"), 0o666)
        self.refused("belongs to another user", "out.mp4", "-y", user=OTHER_USER)

    def test_mounted_file(self):
        """Containers mount single files; a rename would cross devices or find the file busy."""
        for name in "out.mp4", "other.mp4":
            with open(self.path(name), "wb"):
                pass
        mount(self, "--bind", self.path("other.mp4"), self.path("out.mp4"))
        self.refused("mounted", "out.mp4", "-y")


class Signals(Case):
    def test_two_signals(self):
        """At several moments; the second one comes at once and must not cost the film."""
        for moment in 0, 0.1, 0.3, 0.7, 1, 1.5:
            for first, second in (signal.SIGINT, signal.SIGTERM), (signal.SIGHUP, signal.SIGTERM):
                with self.subTest(moment=moment, signals=(first.name, second.name)):
                    daub = self.start("lavfi:testsrc2=s=96x64:r=25", "-o", self.path("out.mp4"), "-y")
                    self.wait_for(lambda: self.size(self.path("out.partial.mp4")))
                    time.sleep(moment)
                    daub.send_signal(first)
                    daub.send_signal(second)
                    text = self.end(daub, 130)
                    painted = int(re.search(r"stopped after (\d+) frames", text).group(1))
                    self.check("%s and %s" % (first.name, second.name), text, self.path("out.mp4"), painted)
                    self.assertFalse(os.path.exists(self.path("out.partial.mp4")))

    def test_kill(self):
        """What is on the disk plays, and the next run names it."""
        for name in "out.mp4", "out.mov", "out.mkv", "out.ts", "out.m4v":
            with self.subTest(name):
                stem, ending = os.path.splitext(self.path(name))
                partial = stem + ".partial" + ending
                # two key frames a second, so that the encoder's delay does not matter
                words = ["lavfi:testsrc2=s=96x64:r=25", "-e", "bf=0", "-e", "rc-lookahead=0", "-e", "g=12",
                         "-preset", "ultrafast", "-e", "threads=1", "-o", self.path(name)]
                daub = self.start(*words, "--progress", "json")
                self.wait_for(lambda: self.size(partial) > 20000)
                time.sleep(2)
                daub.kill()
                daub.wait()
                told = re.findall(r'"frames?":\s*(\d+)', daub.stderr.read().decode())
                painted = int(told[-1]) if told else 50
                self.check("kill -9", partial, partial, painted, max(20, painted - 60))
                self.assertFalse(os.path.exists(self.path(name)))
                text = self.end(self.start(*words, "-t", "1", delay=0), DONE)
                self.assertIn("rm '%s' removes it" % partial, text)
                self.assertIn("mv '%s'" % partial, text)
                self.assertEqual(self.count(self.path(name)), 25)
                self.assertGreater(self.count(partial), 0)

    def test_two_at_once(self):
        """Two runs that write one file: the second is refused, and the first is not disturbed."""
        first = self.start(self.source, "-o", self.path("out.mp4"))
        self.wait_for(lambda: self.size(self.path("out.partial.mp4")))
        text = self.end(self.start(self.source, "-o", self.path("out.mp4"), delay=0), OUTPUT)
        self.assertIn("is being written already", text)
        self.check("another run to the same name", self.end(first, DONE), self.path("out.mp4"), 100)


class Inputs(Case):
    def large(self, share):
        """60 good frames, one much larger, and good ones again: as concatenated MJPEG."""
        ffmpeg(*testsrc(2.4), "-c:v", "mjpeg", self.path("a.mjpeg"))
        ffmpeg("-f", "lavfi", "-i", "color=s=8000x8000:d=0.04:r=25", "-frames:v", "1", "-c:v", "mjpeg",
               self.path("b.mjpeg"))
        with open(self.path("bad.mjpeg"), "wb") as out:
            for name in ("a", "b", "a")[:share]:
                with open(self.path(name + ".mjpeg"), "rb") as file:
                    out.write(file.read())
        return self.path("bad.mjpeg")

    def test_bad_frame(self):
        """A frame of another, huge size is shown in the film's size, and the others are there."""
        for share, painted in (3, 121), (2, 61):
            text = self.end(self.start(self.large(share), "-o", self.path("out.mkv"), "-y", delay=0,
                                       DAUB_FAKE_PIXELS_MAX="1000000"), DONE)
            self.check("a frame of 8000x8000", text, self.path("out.mkv"), painted)
            self.assertIn("shape of the picture changes", text)

    def test_bad_time(self):
        """One frame has a time stamp far away, which the file's duration does not know."""
        for target in "out.mp4", "out.mkv", "out.avi":
            with self.subTest(target):
                source = self.path("time.mkv")
                ffmpeg(*testsrc(4), "-c:v", "mpeg4", "-bf", "0", "-bsf:v",
                       "setts=ts='if(eq(N,50),TS+400000000,TS)'", source)
                with open(source, "r+b") as file:
                    data = file.read()
                    at = data.index(b"\x44\x89\x88")  # Duration, in milliseconds
                    file.seek(at + 3)
                    file.write(struct.pack(">d", 4000.0))
                text = self.end(self.start(source, "-o", self.path(target), "-y", delay=0), DONE)
                self.check("a time stamp far away", text, self.path(target), 100)
                self.assertLess(float(harness.stream(self.path(target)).get("duration", 0)), 6)


class Stress(Case):
    def test_random_kills(self):
        """Two at a time, each killed at a random moment or never: nothing remains but whole films and
        playable .partial files. DAUB_STRESS: how many. The first one alone shows how long one takes here."""
        many, seed = int(os.environ.get("DAUB_STRESS", 12)), int(os.environ.get("DAUB_SEED", 17))
        chance = random.Random(seed)
        running, counts = [], {"whole": 0, "partial": 0, "nothing": 0}
        begun = time.monotonic()
        self.end(self.start(self.source, "-an", "-o", self.path("out.mp4"), delay=10), DONE)
        length = time.monotonic() - begun
        os.remove(self.path("out.mp4"))
        for i in range(many + 2):
            if i < many:
                name = "out%d.%s" % (i, chance.choice(["mp4", "mkv", "mov", "ts", "avi"]))
                daub = self.start(self.source, "-an", "-e", "rc-lookahead=0", "-o", self.path(name), delay=10)
                running.append((name, daub, time.monotonic() + chance.uniform(0, 2.5) * length))
            if len(running) < 2 and i < many:
                continue
            if not running:
                break
            name, daub, end = running.pop(0)
            while daub.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
            daub.kill()
            daub.wait()
            stem, ending = os.path.splitext(self.path(name))
            there = [p for p in (self.path(name), stem + ".partial" + ending) if os.path.exists(p)]
            self.assertLessEqual(len(there), 1, seed)
            if there and ".partial" not in there[0]:
                self.assertEqual(self.count(there[0]), 100, (seed, name))
                counts["whole"] += 1
            elif there:
                if self.size(there[0]) > 50000:  # less than a second may not have a frame
                    self.assertGreater(self.count(there[0]), 0, (seed, name))
                counts["partial"] += 1
            else:
                counts["nothing"] += 1
        self.assertGreater(counts["whole"] + counts["partial"], 0, seed)
        ROWS.append(("kill -9 at a random moment (seed %d)" % seed, "%d files" % many, "", counts, ""))
        self.assertFalse([n for n in os.listdir(self.folder) if not re.match(r"(out\d+(\.partial)?|in)\.\w+$", n)])


@unittest.skipUnless(os.environ.get("CALL_FAULTS"), "the module of call_faults.c is not built")
class Faults(Case):
    """The n-th call of a kind fails. Of all n, with DAUB_EVERY set; else of some."""

    def convert(self, target, fault, *more):
        count = self.path("count")
        done = harness.run([harness.DAUB, self.source, "-y", "-o", target, *more], check=False,
                           env=dict(os.environ, LD_PRELOAD=os.environ["CALL_FAULTS"], DAUB_FAILING_CALL=fault,
                                    DAUB_CALL_COUNT=count))
        with open(count, encoding="ascii") as file:
            return done.returncode, done.stderr.decode(), int(file.read())

    def each(self, kind, code, name, *more, later=""):
        folder = self.path("f")
        os.mkdir(folder)
        target = os.path.join(folder, name)
        stem, ending = os.path.splitext(target)
        partial = stem + ".partial" + ending
        _, text, calls = self.convert(target, kind + ":0:0", *more)
        self.assertGreater(calls, 0, kind)
        self.assertEqual(self.count(target), 100, text)
        os.remove(target)
        kept = failures = 0
        step = 1 if os.environ.get("DAUB_EVERY") else max(1, calls // 20)
        for n in [*range(1, calls + 1, step), calls]:
            got, text, _ = self.convert(target, "%s:%d:%d%s" % (kind, n, code, later), *more)
            failures += got != DONE
            with self.subTest(kind=kind, name=name, n=n, calls=calls):
                self.assertIn(got, (DONE, OUTPUT), text)
                self.assertEqual(text.count("error: "), got != DONE, text)
                if got == DONE:
                    self.assertEqual(os.listdir(folder), [name], text)
                    self.assertEqual(self.count(target), 100, text)
                elif os.listdir(folder):
                    self.assertEqual(os.listdir(folder), [os.path.basename(partial)], text)
                    now = self.count(partial)
                    self.assertGreater(now, 0, text)
                    # a call later in the film costs no more than one before
                    self.assertGreaterEqual(now, kept, text) if kind != "write" or later else None
                    kept = max(kept, now)
                else:
                    self.assertEqual(kept, 0, text)
            for left in os.listdir(folder):
                os.remove(os.path.join(folder, left))
        self.assertGreater(failures, 0, "no failed %s did anything" % kind)
        ROWS.append(("%s %d of %d fails%s" % (kind, n, calls, ", and all later" if later else ""), name, 100, kept,
                     os.path.basename(partial)))
        os.rmdir(folder)

    def test_writes(self):
        for name in "out.mkv", "out.mp4", "out.avi":
            self.each("write", errno.EIO, name)

    def test_full_disk(self):
        for name in "out.mkv", "out.mp4":
            self.each("write", errno.ENOSPC, name, later=":+")

    def test_end(self):
        for kind in "rename", "fsync":
            for name in "out.mkv", "out.mp4":
                self.each(kind, errno.EIO, name)

    def test_open(self):
        self.each("open", errno.EMFILE, "out.mp4")

    def memory(self, kind):
        """What is painted when the memory runs out is kept; the program does not crash."""
        target, partial = self.path("out.mkv"), self.path("out.partial.mkv")
        more = "-c:v", "mpeg4", "--no-verify"
        _, _, calls = self.convert(target, kind + ":0:0", *more)
        self.assertGreater(calls, 100, kind)
        step = 1 if os.environ.get("DAUB_EVERY") else max(1, calls // 25)
        last, painted = 0, 0
        for n in range(1, calls + 1, step):
            with self.subTest(kind=kind, n=n, calls=calls):
                got, text, _ = self.convert(target, "%s:%d:%d" % (kind, n, errno.ENOMEM), *more)
                self.assertIn(got, (DONE, FAILED, 3, INPUT, OUTPUT), text)
                told = text.count("error: ") == int(got != DONE)
                # the input could not be read to its end: the film is whole up to there
                self.assertTrue(told or (got == FAILED and "warning: reading" in text), text)
                if got == DONE:
                    # FFmpeg's demuxer takes a lack of memory for damage, and goes on with the next
                    # cluster of the file without a word
                    whole = self.count(target) >= (100 if kind == "memory" else 75)
                    self.assertTrue(whole or "warning: " in text, "%d frames\n%s" % (self.count(target), text))
                elif os.path.exists(partial):
                    painted = self.count(partial)
                    last = max(last, painted)
            for path in target, partial:
                if os.path.exists(path):
                    os.remove(path)
        self.assertGreater(last, 0, "no run kept frames")
        ROWS.append(("allocation %d of %d fails (%s)" % (n, calls, kind), "out.mkv", 100, last, "out.partial.mkv"))

    def test_memory(self):
        self.memory("memory")

    def test_memory_of_ffmpeg(self):
        self.memory("av_memory")


if __name__ == "__main__":
    harness.main()
