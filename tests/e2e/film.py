"""Films in segments: one run, many processes, several devices and a run that is broken off and
resumed give the same bytes; what a segment paints is what the whole run paints; everything else of
the input is kept; what does not fit together is refused in words. Long runs a film of 1500 segments."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
import unittest

import harness
from harness import ffmpeg, packets, run, times

DONE, FAILED, USAGE, INPUT, OUTPUT, INTERRUPTED = 0, 1, 2, 4, 5, 130
SEGMENTS = ["--segment-frames", "10"]
SEED = int(os.environ.get("DAUB_SEED", time.time()))
RANDOM = random.Random(SEED)
TAKES = [14, 11, 17, 23, 12]  # frames


def hashes(path):
    """Of every decoded picture."""
    done = run(["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough",
                "-f", "framemd5", "-"])
    return [line.split(",")[-1].strip() for line in done.stdout.decode().splitlines() if line[0] != "#"]


class Case(harness.Case):
    """film.mkv: takes of three scenes, with sound, subtitles and chapters."""
    SIZE = "256x144"
    RATE = "24000/1001"
    FORMAT = "yuv420p"
    TIMES = "N"  # of frame N in frames

    def setUp(self):
        super().setUp()
        self.film = self.path("film.mkv")
        self.make(self.film)

    def make(self, path, seconds=4):
        sources = ["testsrc2", "mandelbrot", "life=mold=10:life_color=#c83232:death_color=#3232c8:seed=3"]
        inputs, graph, names = [], "", ""
        for i, count in enumerate(TAKES):
            kind = sources[i % 3]
            inputs += ["-f", "lavfi", "-i", "%s%ss=%s:r=%s" % (kind, ":" if "=" in kind else "=", self.SIZE,
                                                              self.RATE)]
            graph += "[%d]trim=start_frame=%d:end_frame=%d,setpts=PTS-STARTPTS,format=%s,scale=%s,setsar=1[v%d];" % (
                i, 20 * i, 20 * i + count, self.FORMAT, self.SIZE.replace("x", ":"), i)
            names += "[v%d]" % i
        titles = self.path("titles.srt")
        with open(titles, "w") as file:
            file.write("1\n00:00:00,500 --> 00:00:01,200\nfirst\n\n2\n00:00:01,500 --> 00:00:02,400\nsecond\n")
        chapters = self.path("chapters.txt")
        with open(chapters, "w") as file:
            file.write(";FFMETADATA1\ntitle=A film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\ntitle=one\n"
                       "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1500\nEND=3000\ntitle=two\n")
        n = len(TAKES)
        ffmpeg(*inputs, "-f", "lavfi", "-i", "sine=440:d=%s" % seconds, "-i", titles, "-i", chapters,
               "-filter_complex", graph + names + "concat=n=%d:v=1:a=0,setpts='(%s)*1001/24000/TB'[v]" % (n, self.TIMES),
               "-map", "[v]", "-map", "%d:a" % n, "-map", "%d:s" % (n + 1), "-map_metadata", n + 2, "-map_chapters", n + 2,
               "-fps_mode", "passthrough", "-enc_time_base", "1/24000", "-c:v", "libx264", "-preset", "ultrafast",
               "-crf", "10", "-bf", "2", "-c:a", "aac", "-c:s", "srt", path)

    def plan(self, *options, source=None, code=DONE):
        self.daub("plan", source or self.film, "-o", self.path("film.plan"), *SEGMENTS, *options, code=code)
        with open(self.path("film.plan")) as file:
            return json.load(file)

    def same(self, a, b):
        with open(a, "rb") as one, open(b, "rb") as other:
            self.assertTrue(one.read() == other.read(), "%s and %s differ" % (a, b))

    def clean(self):
        self.assertFalse([n for n in os.listdir(self.folder) if ".plan" in n])


class Same(Case):
    def check(self, name, *options, tool=None):
        """One run; planned, painted by two processes and joined; the same resumed after kill -9."""
        one, joined, resumed = (self.path(n + name) for n in ("one", "joined", "resumed"))
        self.daub(self.film, "-o", one, "--segments", *SEGMENTS, *options)
        plan = self.plan("-f", {"mkv": "matroska", "ts": "mpegts"}.get(name[1:], name[1:]), *options)
        count = len(plan["segments"])
        self.assertEqual([s["count"] for s in plan["segments"]], TAKES)
        tasks = [subprocess.Popen([harness.DAUB, "segment", self.path("film.plan"), "--tasks", "2", str(i)],
                                  stderr=subprocess.DEVNULL) for i in range(2)]
        self.assertEqual([t.wait(timeout=600) for t in tasks], [DONE, DONE])
        self.daub("join", self.path("film.plan"), "-o", joined)
        self.same(one, joined)
        self.kill_and_resume(resumed, count, *options)
        self.same(one, resumed)
        self.assertEqual(len(times(one)), sum(TAKES))
        there, here = times(self.film), times(one)
        for x, y in zip(there, here):
            self.assertAlmostEqual(x - there[0], y - here[0], delta=0.0006)
        shutil.rmtree(self.path("film.plan.parts"))
        os.unlink(self.path("film.plan"))
        self.clean()
        return one

    def kill_and_resume(self, output, count, *options):
        """kill -9 as soon as some segments are there; then --resume."""
        command = [self.film, "-o", output, "--resume", *SEGMENTS, *options]
        parts = output + ".plan.parts"
        wanted = RANDOM.randrange(count - 1) + 1
        daub = subprocess.Popen([harness.DAUB, *map(str, command)], stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60 * harness.PATIENCE
        while daub.poll() is None and time.monotonic() < end:
            if os.path.isdir(parts) and len([n for n in os.listdir(parts) if len(n) == 9]) >= wanted:
                break
            time.sleep(0.002)
        daub.kill()
        daub.wait()
        if os.path.exists(output):
            print("the film was complete before kill -9 (DAUB_SEED=%d)" % SEED)
            return
        self.fails(OUTPUT, ["--resume", ".plan"], self.film, "-o", output, "--segments", *SEGMENTS, *options)
        kept = {n: os.stat(os.path.join(parts, n)).st_mtime_ns for n in os.listdir(parts) if len(n) == 9}
        self.assertGreater(len(kept), 0)
        text, _ = self.daub(*command)
        self.assertIn("%d of %d segments are painted" % (len(kept), count), text)

    def test_x264_mp4(self):
        one = self.check(".mp4", "-crf", "23")
        self.assert_same_packets(self.film, one, "a", 1e-3)

    def test_ffv1_mkv(self):
        """Lossless, so that the paintings can be compared with those of a plain run."""
        one, plain = self.check(".mkv", "-c:v", "ffv1"), self.path("plain.mkv")
        self.daub(self.film, "-o", plain, "-c:v", "ffv1")
        self.assertEqual(hashes(plain), hashes(one))
        self.assert_same_packets(self.film, one, "a", 1e-3)
        self.assert_same_packets(self.film, one, "s", 1e-3)
        told = [harness.probe(p, "-show_chapters", "-show_format") for p in (self.film, one)]
        for part in "chapters":
            self.assertEqual([(c["start_time"], c["end_time"], c["tags"]["title"]) for c in told[0]["chapters"]],
                             [(c["start_time"], c["end_time"], c["tags"]["title"]) for c in told[1]["chapters"]])
        self.assertEqual(told[1]["format"]["tags"]["title"], "A film")

    def test_vp9_webm(self):
        self.check(".webm", "-an", "-sn", "-c:v", "libvpx-vp9", "-e", "deadline=realtime", "-e", "cpu-used=8")

    def test_x265_ts(self):
        self.check(".ts", "-sn", "-c:v", "libx265", "-preset", "ultrafast", "-e", "x265-params=log-level=none")

    def test_devices_side_by_side(self):
        """Two devices of one process; here the processor twice."""
        self.daub(self.film, "-o", self.path("one.mp4"), "--segments", *SEGMENTS)
        self.daub(self.film, "-o", self.path("two.mp4"), "--segments", *SEGMENTS, "--gpu",
                  "processor,processor", "--threads", "1")
        self.same(self.path("one.mp4"), self.path("two.mp4"))

    def test_part_of_the_input(self):
        """-ss and --frames choose the film; sound ends with it."""
        options = ["-ss", "0.7", "--frames", "40"]
        self.daub(self.film, "-o", self.path("plain.mkv"), "-c:v", "ffv1", *options)
        self.daub(self.film, "-o", self.path("one.mkv"), "-c:v", "ffv1", "--segments", *SEGMENTS, *options)
        self.assertEqual(hashes(self.path("plain.mkv")), hashes(self.path("one.mkv")))
        self.assertEqual(packets(self.path("plain.mkv"), "a"), packets(self.path("one.mkv"), "a"))


    def test_after_another_clip(self):
        """A clip after 1 to 4 frames of another one is painted as by itself."""
        alone, both = self.path("alone.mkv"), self.path("both.mkv")
        kinds = ["-f", "lavfi", "-i", "mandelbrot=s=256x144", "-f", "lavfi", "-i", "testsrc2=s=256x144"]
        ffmpeg(*kinds, "-map", "1:v", "-frames:v", "20", "-c:v", "ffv1", self.path("b.mkv"))
        for n in range(1, 5):
            ffmpeg(*kinds, "-filter_complex", "[0]trim=end_frame=%d,format=yuv420p[a];[1]trim=end_frame=20,"
                   "format=yuv420p[b];[a][b]concat" % n, "-c:v", "ffv1", self.path("ab.mkv"))
            self.daub(self.path("ab.mkv"), "-o", both, "-c:v", "ffv1", "-y")
            self.daub(self.path("b.mkv"), "-o", alone, "-c:v", "ffv1", "-y")
            self.assertEqual(hashes(both)[n:], hashes(alone))


class Uneven(Same):
    """Variable rate, 10 bits, an odd size."""
    SIZE = "259x145"
    FORMAT = "yuv444p10le"
    TIMES = "N+mod(N*7\\,5)*0.1"

    test_vp9_webm = test_x265_ts = test_devices_side_by_side = test_part_of_the_input = None
    test_after_another_clip = None


class Plans(Case):
    def edit(self, change):
        with open(self.path("film.plan")) as file:
            plan = json.load(file)
        change(plan)
        with open(self.path("film.plan"), "w") as file:
            json.dump(plan, file)

    def test_numbers_of_batch_systems(self):
        self.plan("-an")
        for i, (name, first) in enumerate((("SLURM_ARRAY_TASK_ID", 0), ("AWS_BATCH_JOB_ARRAY_INDEX", 0),
                                           ("JOB_COMPLETION_INDEX", 0), ("PBS_ARRAY_INDEX", 0),
                                           ("LSB_JOBINDEX", 1))):
            clean = {k: v for k, v in os.environ.items() if "JOB" not in k and "ARRAY" not in k}
            self.daub("segment", self.path("film.plan"), env={**clean, name: str(i + first)})
            self.assertEqual(len([n for n in os.listdir(self.path("film.plan.parts"))]), i + 1)
        self.fails(USAGE, "no segment", "segment", self.path("film.plan"))
        self.fails(USAGE, "no segment 5", "segment", self.path("film.plan"), "5")

    def test_status(self):
        plan = self.plan("-an")
        self.daub("segment", self.path("film.plan"), "1", "3")
        parts = self.path("film.plan.parts")
        for name, age in (("00000.a.-.1.nut", 0), ("00004.b.-.2.nut", 10000)):
            with open(os.path.join(parts, name), "w"):
                pass
            os.utime(os.path.join(parts, name), (time.time() - age,) * 2)
        told = self.daub("plan", "--status", self.path("film.plan"))[1].decode()
        self.assertIn("done     2\n", told)
        self.assertIn("running  1: 0\n", told)
        self.assertIn("failed   1: 4\n", told)
        self.assertIn("waiting  1\n", told)
        painted = plan["segments"][1]["count"] + plan["segments"][3]["count"]
        self.assertIn("frames   %d of %d" % (painted, sum(TAKES)), told)

    def test_long_take(self):
        """A take is split on request only, and the place is named."""
        self.assertEqual(len(self.plan("-an", "-crf", "30")["segments"]), len(TAKES))
        os.unlink(self.path("film.plan"))
        text, _ = self.daub("plan", self.film, "-o", self.path("film.plan"), *SEGMENTS, "--split", "15", "--warm-up", "4")
        with open(self.path("film.plan")) as file:
            segments = json.load(file)["segments"]
        self.assertEqual([s["count"] for s in segments], [14, 11, 15, 15, 10, 12])
        self.assertEqual([s["warm_up"] for s in segments], [0, 0, 0, 4, 4, 0])
        self.assertEqual(text.count("a seam may show"), 2)
        self.daub("segment", self.path("film.plan"), "all")
        self.daub("join", self.path("film.plan"), "-o", self.path("out.mp4"))
        self.assertEqual(len(times(self.path("out.mp4"))), sum(TAKES))

    def test_changed_input(self):
        self.plan("-an")
        self.daub("segment", self.path("film.plan"), "0")
        with open(self.film, "r+b") as file:
            file.seek(-100, os.SEEK_END)
            file.write(b"changed")
        self.fails(INPUT, "changed since", "segment", self.path("film.plan"), "1")
        self.fails(INPUT, "changed since", "join", self.path("film.plan"), "-o", self.path("out.mp4"))

    def test_other_device(self):
        self.plan("-an")
        self.edit(lambda plan: plan["fingerprint"].update(device="a card, driver 1"))
        self.fails_but_folder(USAGE, ["a card, driver 1", "--any-device"], "segment", self.path("film.plan"), "0")
        text, _ = self.daub("segment", self.path("film.plan"), "0", "--any-device")
        self.assertIn("a card, driver 1", text)

    def fails_but_folder(self, code, words, *arguments):
        """As fails, where the folder of the parts may appear."""
        os.makedirs(self.path("film.plan.parts"), exist_ok=True)
        self.fails(code, words, *arguments)

    def test_other_options(self):
        self.daub(self.film, "-o", self.path("a.mp4"), "--segments", *SEGMENTS, "-an", code=DONE)
        command = [self.film, "-o", self.path("out.mp4"), *SEGMENTS, "-an"]
        daub = subprocess.Popen([harness.DAUB, *command, "--segments"], stderr=subprocess.DEVNULL)
        harness.wait_for(daub, lambda: os.path.exists(self.path("out.mp4.plan")))
        daub.send_signal(signal.SIGINT)
        self.assertEqual(daub.wait(), INTERRUPTED)
        self.fails(USAGE, "other options", *command, "-crf", "30", "--resume")
        self.daub(*command, "--resume")
        self.same(self.path("a.mp4"), self.path("out.mp4"))

    def test_parts(self):
        """Parts that are missing, of another segment, or damaged."""
        self.plan("-an")
        parts = self.path("film.plan.parts")
        self.daub("segment", self.path("film.plan"), "0", "1", "2", "3")
        join = ["join", self.path("film.plan"), "-o", self.path("out.mp4")]
        self.fails(INPUT, ["segment 4 is not there", "daub segment"], *join)
        shutil.copy(os.path.join(parts, "00003.nut"), os.path.join(parts, "00004.nut"))
        self.fails(INPUT, "frames, the plan has", *join)
        with open(os.path.join(parts, "00004.nut"), "wb") as file:
            file.write(b"nothing")
        self.fails(INPUT, "segment 4", *join)
        os.unlink(os.path.join(parts, "00004.nut"))
        self.daub("segment", self.path("film.plan"), "all")
        self.daub(*join)

    def test_refused(self):
        for words, arguments in (("-crf", ["-b:v", "1M"]), ("--control", ["--control", self.path("s")])):
            self.fails(USAGE, words, self.film, "-o", self.path("a.mp4"), "--segments", *arguments)
        self.fails(USAGE, "cannot be made of segments", self.film, "-o", self.path("a.gif"), "--segments")
        self.fails(USAGE, "one output", self.film, "-o", self.path("a.mp4"), "-o", self.path("b.mp4"), "--segments")
        self.fails(USAGE, "twice", "plan", "-", "-o", self.path("film.plan"))
        self.fails(USAGE, "input", "plan", self.film, "-o", self.film)
        ffmpeg("-i", self.film, "-frames:v", "1", self.path("still.png"))
        self.fails(USAGE, "is an image", "plan", self.path("still.png"), "-o", self.path("film.plan"))

    def test_damaged_plans(self):
        self.plan("-an")
        with open(self.path("film.plan")) as file:
            good = file.read()
        draw = random.Random(7)
        for i in range(60):
            text = bytearray(good.encode())
            for _ in range(draw.randrange(1, 4)):
                text[draw.randrange(len(text))] = draw.choice(b'0123456789-"{}[],.eE\x00\xff')
            if i % 5 == 0:
                text = text[:draw.randrange(len(text))]
            with open(self.path("film.plan"), "wb") as file:
                file.write(text)
            done = run([harness.DAUB, "plan", "--status", self.path("film.plan")], check=False)
            self.assertIn(done.returncode, (DONE, INPUT, USAGE), done.stderr)
            self.assertLessEqual(len(done.stderr.splitlines()), 1)

    def test_farm(self):
        """The printed commands, run one after another by a shell, and by GNU parallel."""
        self.plan("-an", "-crf", "30")
        self.daub(self.film, "-o", self.path("one.mp4"), "--segments", *SEGMENTS, "-an", "-crf", "30")
        for engine, output in (("print", "it's.mp4"), ("parallel", "p.mp4")):
            if engine == "parallel" and not shutil.which("parallel"):
                self.skipTest("GNU parallel is not installed")
            script = self.daub("farm", engine, self.path("film.plan"), "-o", self.path(output))[1].decode()
            self.assertEqual(len(script.splitlines()), len(TAKES) + 1 if engine == "print" else 1)
            run(["sh", "-e", "-c", script])
            self.same(self.path("one.mp4"), self.path(output))
            shutil.rmtree(self.path("film.plan.parts"))


class Long(Case):
    """A film of 1500 segments, with few files open at a time."""

    def setUp(self):
        harness.Case.setUp(self)
        self.film = self.path("film.mkv")
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25", "-frames:v", "3000", "-c:v", "libx264", "-g", "50",
               "-preset", "ultrafast", self.film)

    def test_1500_segments(self):
        plan = self.plan("-an", "--split", "2", "--warm-up", "1")
        self.assertEqual(len(plan["segments"]), 1500)
        few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
        for command in (["segment", self.path("film.plan"), "all"],
                        ["join", self.path("film.plan"), "-o", self.path("out.mp4")]):
            done = subprocess.run([harness.DAUB, *command], preexec_fn=few, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, DONE, done.stderr[-2000:])
        self.assertEqual(len(times(self.path("out.mp4"))), 3000)


if __name__ == "__main__":
    harness.main()
