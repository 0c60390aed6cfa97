"""No output replaces an input, a device or a named pipe, whatever its name is; links are followed;
outputs of several files appear whole."""

import glob
import os
import stat
import subprocess

import harness
from harness import ffmpeg, frames, run, testsrc

DONE, USAGE, OUTPUT = 0, 2, 5


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, "/")
        ffmpeg(*testsrc(1), "-c:v", "libx264", "-pix_fmt", "yuv420p", "in.mp4")
        ffmpeg(*testsrc(1), "-c:v", "mpeg2video", "a.ts")
        self.before = {name: self.content(name) for name in ("in.mp4", "a.ts")}

    def content(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def refused(self, *words, code=USAGE, **more):
        """Refused, with every input as it was and nothing left."""
        text, _ = self.daub(*words, code=code, **more)
        self.assertIn("input itself", text)
        for name, content in self.before.items():
            self.assertEqual(self.content(name), content, words)
        self.assertFalse(glob.glob("*partial*") + glob.glob(".*partial*"))


class Inputs(Case):
    def spellings(self, name):
        os.makedirs("sub", exist_ok=True)
        for link, target in ("soft-" + name, name), ("abs-" + name, self.path(name)), ("two-" + name, "soft-" + name):
            if not os.path.lexists(link):
                os.symlink(target, link)
        if not os.path.exists("hard-" + name):
            os.link(name, "hard-" + name)
        return [name, "./" + name, "sub/../" + name, self.path(name), "file:" + name, "file:" + self.path(name),
                "soft-" + name, "abs-" + name, "two-" + name, "file:two-" + name, "hard-" + name]

    def test_every_spelling(self):
        names = self.spellings("in.mp4")
        for source in names:
            for target in names if source in ("in.mp4", "file:in.mp4") else ["in.mp4", "file:in.mp4"]:
                with self.subTest(source=source, target=target):
                    self.refused(source, "-y", "-o", target)

    def test_wrapped(self):
        for source in "concat:a.ts", "concat:a.ts|soft-a.ts", "cache:a.ts", "subfile,,start,0,end,0,,:a.ts":
            self.spellings("a.ts")
            with self.subTest(source):
                self.refused(source, "-y", "-o", "a.ts")
                self.refused(source, "-y", "-o", "file:hard-a.ts")
        self.refused("concat:in.mp4|a.ts", "-y", "-o", "a.ts")

    def test_standard_input(self):
        with open("a.ts", "rb") as file:
            self.refused("-", "-y", "-o", "a.ts", stdin=file)

    def test_playlist(self):
        ffmpeg(*testsrc(4), "-c:v", "mpeg2video", "-g", "25", "-f", "hls", "-hls_time", "1", "-hls_list_size", "0",
               "list.m3u8")
        for name in "list0.ts", "list2.ts", "list.m3u8":
            self.before[name] = self.content(name)
        self.refused("list.m3u8", "-y", "-o", "list0.ts")
        self.refused("list.m3u8", "-y", "-f", "mpegts", "-o", "list.m3u8")
        # the third segment is opened only while painting: the film is kept beside
        text, _ = self.daub("list.m3u8", "-y", "-o", "list2.ts", code=OUTPUT)
        self.assertIn("list2.partial.ts", text)
        self.assertEqual(self.content("list2.ts"), self.before["list2.ts"])
        self.assertEqual(len(frames("list2.partial.ts")), 100)

    def test_images(self):
        ffmpeg("-i", "in.mp4", "-frames:v", "5", "i%02d.png")
        for i in range(1, 6):
            self.before["i%02d.png" % i] = self.content("i%02d.png" % i)
        self.refused("i%02d.png", "-y", "-o", "file:i%02d.png")
        self.refused("i%02d.png", "-y", "-o", "./i%2d.png".replace("%2d", "%02d"))
        self.refused("i01.png", "-y", "-o", "i01.png")
        self.refused("file:i01.png", "-y", "-o", "./i%02d.png")
        # the fourth image of this sequence is an input
        os.symlink("i02.png", "o04.png")
        text, _ = self.daub("i%02d.png", "-y", "-o", "o%02d.png", code=USAGE)
        self.assertIn("input itself", text)
        self.assertEqual(self.content("i02.png"), self.before["i02.png"])

    def test_other_sinks(self):
        """The plot of metrics, the sheet of models, a style's file, and other inputs than the first."""
        ffmpeg("-i", "in.mp4", "-frames:v", "1", "photo.png")
        ffmpeg("-i", "in.mp4", "-c:v", "ffv1", "painted.mkv")
        for name in "photo.png", "painted.mkv":
            self.before[name] = self.content(name)
        for target in "in.mp4", "file:in.mp4", "painted.mkv":
            with self.subTest(target):
                self.refused("metrics", "in.mp4", "painted.mkv", "-y", "--plot", target)
        self.refused("models", "--gallery", "file:photo.png", "photo.png", "-y")
        self.refused("in.mp4", "-s", "photo.png", "-y", "-o", "photo.png", env=dict(os.environ, DAUB_FAKE_BASIS="1"))
        self.refused("style", "photo.png", "-y", "-o", "./photo.png", env=dict(os.environ, DAUB_FAKE_BASIS="1"))

    def test_two_outputs(self):
        os.symlink("new.mp4", "link.mp4")
        for other in "file:out.mp4", "./out.mp4", self.path("out.mp4"):
            text, _ = self.daub("in.mp4", "-o", "out.mp4", "-o", other, code=USAGE)
            self.assertIn("two outputs are one file", text)
        text, _ = self.daub("in.mp4", "-o", "new.mp4", "-o", "link.mp4", code=USAGE)
        self.assertIn("two outputs are one file", text)
        self.assertFalse(os.path.exists("new.mp4"))


class Targets(Case):
    def test_existing(self):
        """An existing file is kept without -y, whatever its name is."""
        with open("old.mp4", "wb") as file:
            file.write(b"precious")
        os.symlink("old.mp4", "link.mp4")
        for name in "old.mp4", "file:old.mp4", "link.mp4", "file:./link.mp4":
            text, _ = self.daub("in.mp4", "-o", name, code=OUTPUT)
            self.assertIn("is left as it is", text)
            self.assertEqual(self.content("old.mp4"), b"precious")

    def test_links(self):
        """The link stays, and the file to which it leads is written: by every kind of output."""
        os.mkdir("else")
        for name in "film.mp4", "photo.png", "i01.png":
            for exists in True, False:
                with self.subTest(name=name, exists=exists):
                    target = os.path.join("else", ("old-" if exists else "new-") + name)
                    link = ("old-" if exists else "new-") + name
                    if exists:
                        open(target, "wb").close()
                    os.symlink(target, link)
                    words = ["in.mp4", "-y", "-o", link.replace("01", "%02d"), "--frames", "1"]
                    self.daub(*words)
                    self.assertTrue(os.path.islink(link))
                    self.assertEqual(len(frames(target)), 1)

    def test_devices(self):
        """A device is written to, not replaced."""
        if os.geteuid() != 0:
            self.skipTest("making a device needs root")
        for name in "zero.png", "zero.mp4", "zero.mkv":
            if subprocess.run(["mknod", name, "c", "1", "3"], stderr=subprocess.DEVNULL).returncode != 0:
                self.skipTest("making a device is not allowed here")
            self.daub("in.mp4", "-y", "-o", name, "--frames", "1", "-f", "matroska" if name != "zero.png" else "image2")
            self.assertTrue(stat.S_ISCHR(os.stat(name).st_mode), name)

    def test_named_pipes(self):
        for name, more in ("p.mkv", []), ("p.png", ["--frames", "1"]):
            os.mkfifo(name)
            with subprocess.Popen(["cat", name], stdout=subprocess.PIPE) as reader:
                run([harness.DAUB, "in.mp4", "-y", "-o", name, *more])
                data = reader.stdout.read()
            self.assertTrue(stat.S_ISFIFO(os.stat(name).st_mode), name)
            with open("got-" + name, "wb") as file:
                file.write(data)
            self.assertEqual(len(frames("got-" + name)), 1 if more else 25)


class Several(Case):
    """Outputs of several files."""

    def film(self, name):
        done = run(["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-of", "csv=p=0",
                    "-show_entries", "stream=nb_read_frames", "file:" + self.path(name)])
        return int(done.stdout.split()[0].decode().strip(",\n"))

    def make(self):
        ffmpeg(*testsrc(6), "-f", "lavfi", "-i", "sine=d=6", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac",
               "long.mp4")
        os.mkdir("out")
        return ["long.mp4", "-e", "g=25"]

    def test_hls_cannot_get_its_name(self):
        """A segment's name is taken while the film is painted: the complete files are kept."""
        words = self.make()
        fifo = self.path("slow.y4m")
        os.mkfifo(fifo)
        daub = subprocess.Popen([harness.DAUB, fifo, "-e", "g=25", "-e", "hls_list_size=0", "-e", "hls_time=1", "-o",
                                 "out/film.m3u8"], stderr=subprocess.PIPE)
        self.addCleanup(daub.kill)
        with open(fifo, "wb") as pipe:
            made = harness.run(["ffmpeg", "-v", "error", "-i", words[0], "-f", "yuv4mpegpipe", "-pix_fmt", "yuv420p", "-"])
            half = len(made.stdout) // 2
            pipe.write(made.stdout[:half])
            pipe.flush()
            with open("out/film0.ts", "wb") as taken:
                taken.write(b"mine")
            pipe.write(made.stdout[half:])
        text = daub.communicate()[1].decode()
        self.assertEqual(daub.returncode, OUTPUT, text)
        self.assertIn("out/film.partial", text)
        self.assertEqual(self.content("out/film0.ts"), b"mine")
        self.assertEqual(self.film("out/film.partial/film.m3u8"), 150)

    def test_hls(self):
        words = self.make()
        text, _ = self.daub(*words, "-e", "hls_list_size=0", "-e", "hls_time=1", "-o", "out/film.m3u8")
        names = sorted(os.listdir("out"))
        self.assertIn("film.m3u8", names)
        self.assertEqual([n for n in names if n.endswith(".ts")], ["film%d.ts" % i for i in range(6)])
        self.assertEqual(len(names), 7, names)
        self.assertEqual(self.film("out/film.m3u8"), 150)
        self.assertNotIn("partial", self.content("out/film.m3u8").decode())
        # a segment or the playlist that exists is not replaced without -y
        os.remove("out/film.m3u8")
        before = self.content("out/film3.ts")
        text, _ = self.daub(*words, "-e", "hls_list_size=0", "-e", "hls_time=1", "-o", "out/film.m3u8", code=OUTPUT)
        self.assertIn("-y replaces it", text)
        self.assertFalse(os.path.exists("out/film.m3u8"))
        self.assertEqual(self.content("out/film3.ts"), before)
        self.assertEqual(len(os.listdir("out")), 6)
        self.daub(*words, "-e", "hls_list_size=0", "-e", "hls_time=1", "-y", "-o", "out/film.m3u8")
        self.assertEqual(self.film("out/film.m3u8"), 150)
        self.assertEqual(len(os.listdir("out")), 7)

    def test_own_names(self):
        words = self.make()
        os.mkdir("segments")
        self.daub(*words, "-e", "hls_list_size=0", "-e", "hls_segment_filename=segments/s%03d.m4s", "-e",
                  "hls_segment_type=fmp4", "-e", "hls_time=2", "-o", "out/film.m3u8")
        self.assertEqual(sorted(os.listdir("segments")), ["s000.m4s", "s001.m4s", "s002.m4s"])
        self.assertIn("film.m3u8", os.listdir("out"))

    def test_dash(self):
        words = self.make()
        self.daub(*words, "-f", "dash", "-e", "seg_duration=2", "-o", "out/film.mpd")
        names = os.listdir("out")
        self.assertIn("film.mpd", names)
        self.assertIn("init-stream0.m4s", names)
        self.assertFalse([n for n in names if "tmp" in n or "partial" in n], names)
        self.assertEqual(self.film("out/film.mpd"), 150)

    def test_segments(self):
        words = self.make()
        self.daub(*words, "-f", "segment", "-e", "segment_time=2", "-e", "segment_list=out/list.csv", "-o",
                  "out/film%02d.mkv")
        self.assertEqual(sorted(os.listdir("out")), ["film00.mkv", "film01.mkv", "film02.mkv", "list.csv"])
        self.assertEqual(sum(self.film("out/film%02d.mkv" % i) for i in range(3)), 150)

    def test_failure(self):
        """Nothing appears but the folder, which can be played."""
        words = self.make()
        text, _ = self.daub(*words, "-e", "hls_list_size=0", "-e", "hls_time=1", "-o", "out/film.m3u8", code=1,
                            env=dict(os.environ, DAUB_FAKE_FAIL_AT="101"))
        self.assertEqual(os.listdir("out"), ["film.partial"])
        self.assertIn("out/film.partial/film.m3u8", text)
        self.assertEqual(self.film("out/film.partial/film.m3u8"), 100)
        text, _ = self.daub(*words, "-e", "hls_list_size=0", "-o", "out/film.m3u8")
        self.assertIn("rm -r 'out/film.partial'", text.replace(self.folder + "/", ""))

    def test_others(self):
        """Formats that write files in other ways are refused in words."""
        self.make()
        for kind, name, words in (("tee", "out/a.mkv|out/b.mkv", "holds no video"),
                                  ("smoothstreaming", "out/s.ism", "files or devices of its own")):
            text, _ = self.daub("long.mp4", "-f", kind, "-o", name, code=USAGE)
            self.assertIn(words, text)
        self.assertEqual(os.listdir("out"), [])


if __name__ == "__main__":
    harness.main()
