"""Bad input and bad output: one line that names the cause, the right exit code, nothing
left behind."""

import os
import subprocess

import harness
from harness import ffmpeg, frames, probe, sine, testsrc, times

DONE, FAILED, USAGE, DEVICE, INPUT, OUTPUT = 0, 1, 2, 3, 4, 5


class Unreadable(harness.Case):
    def refuse(self, words, source, *more, code=INPUT):
        self.fails(code, words, source, "-o", self.path("out.mp4"), *more)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def test_missing(self):
        self.refuse(["gone.mp4", "No such file"], self.path("gone.mp4"))

    def test_empty(self):
        self.refuse("is empty", self.write("empty.mp4", b""))

    def test_folder(self):
        os.mkdir(self.path("folder"))
        self.refuse("is a folder without files", self.path("folder"))

    def test_text(self):
        text = b"Not a video, just words.\n" * 100
        self.refuse("no video", self.write("text.mp4", text))
        self.refuse("text file", self.write("text.txt", text))

    def test_noise(self):
        self.refuse("no video", self.write("noise.mp4", os.urandom(20000)))

    def test_header_only(self):
        ffmpeg(*testsrc(1), "-c:v", "libx264", self.path("whole.mp4"))
        with open(self.path("whole.mp4"), "rb") as f:
            head = f.read(3000)
        os.remove(self.path("whole.mp4"))
        self.refuse("moov atom not found", self.write("cut.mp4", head))

    def test_audio_only(self):
        ffmpeg(*sine(1), self.path("sound.m4a"))
        self.refuse("sound but no moving picture", self.path("sound.m4a"))

    def test_audio_with_cover(self):
        ffmpeg(*testsrc(1), "-frames:v", "1", self.path("cover.png"))
        ffmpeg(*sine(1), "-i", self.path("cover.png"), "-map", "0", "-map", "1", "-c:v", "copy",
               "-disposition:v", "attached_pic", self.path("sound.mp3"))
        self.refuse("cover image", self.path("sound.mp3"))

    def test_subtitles_only(self):
        self.refuse("no moving picture",
                    self.write("s.srt", b"1\n00:00:00,000 --> 00:00:01,000\nHello\n"))

    def test_missing_images(self):
        self.refuse("no image of that pattern", self.path("none%03d.png"))

    def test_empty_pipe(self):
        self.refuse("standard input", "-")

    def test_url(self):
        self.refuse("cannot read http://127.0.0.1:9/x.mp4", "http://127.0.0.1:9/x.mp4")


class Damaged(harness.Case):
    """The readable part is painted, and the warning counts what is missing."""

    def make(self, name, *more):
        ffmpeg(*testsrc(4), *sine(4), "-c:v", "libx264", "-g", "12", "-bf", "2", "-pix_fmt",
               "yuv420p", "-c:a", "aac", *more, self.path(name))
        return self.path(name)

    def cut(self, source, share):
        with open(source, "rb") as f:
            data = f.read()
        target = self.path("cut" + os.path.splitext(source)[1])
        with open(target, "wb") as f:
            f.write(data[:int(len(data) * share)])
        return target

    def check_cut(self, source):
        cut = self.cut(source, 0.5)
        there = len(frames(cut))
        self.assertLess(there, 80)
        text, _ = self.daub(cut, "-o", self.path("out.mkv"))
        self.assertIn("is cut short: it ends at ", text)
        self.assertIn(" s of 4.0", text)
        self.assertIn("painted the %d frames that were there" % there, text)
        self.assertEqual(len(frames(self.path("out.mkv"))), there)

    def test_cut_mp4(self):
        self.check_cut(self.make("in.mp4", "-movflags", "+faststart"))

    def test_cut_mkv(self):
        self.check_cut(self.make("in.mkv"))

    def test_damaged_packets(self):
        source = self.make("in.ts", "-x264-params", "slices=1")
        with open(source, "rb") as f:
            data = bytearray(f.read())
        video = [at for at in range(0, len(data), 188)
                 if (data[at + 1] & 0x1f) << 8 | data[at + 2] == 0x100]
        for at in video[len(video) // 4:len(video) * 3 // 4:12]:
            for i in range(at + 40, at + 150):
                data[i] ^= 0x5a
        with open(self.path("bad.ts"), "wb") as f:
            f.write(data)
        text, _ = self.daub(self.path("bad.ts"), "-o", self.path("out.mp4"))
        self.assertIn("is damaged: packets that could not be decoded: ", text)
        count = len(frames(self.path("out.mp4")))
        self.assertGreater(count, 80)
        self.assertEqual(count, len(frames(self.path("bad.ts"))))
        t = times(self.path("out.mp4"))
        self.assertEqual(t, sorted(set(t)))

    def test_unknown_duration(self):
        source = self.make("in.mkv", "-live", "1")
        self.assertNotIn("duration", probe(source, "-show_format")["format"])
        text, _ = self.daub(source, "-o", self.path("out.mp4"), "--progress", "json")
        self.assertNotIn("warning", text)
        self.assertEqual(len(frames(self.path("out.mp4"))), 100)


class Unwritable(harness.Case):
    def setUp(self):
        super().setUp()
        self.source = self.path("in.mp4")
        ffmpeg(*testsrc(2), "-c:v", "libx264", "-pix_fmt", "yuv420p", self.source)

    def content(self, path):
        with open(path, "rb") as f:
            return f.read()

    def test_missing_folder(self):
        self.fails(OUTPUT, ["cannot write", "No such file"], self.source, "-o",
                   self.path("no/where/out.mp4"))
        self.fails(OUTPUT, ["cannot write", "No such file"], self.source, "-o",
                   self.path("no/where/out%03d.png"))

    def test_forbidden_folder(self):
        # root may write anywhere but in /proc and /sys
        self.fails(OUTPUT, "cannot write", self.source, "-o", "/proc/out.mp4")

    def test_folder_as_output(self):
        os.mkdir(self.path("folder.mp4"))
        self.fails(OUTPUT, "is a folder", self.source, "-o", self.path("folder.mp4"))

    def test_output_is_input(self):
        before = self.content(self.source)
        os.symlink(self.source, self.path("soft.mp4"))
        os.link(self.source, self.path("hard.mp4"))
        for name in "in.mp4", "soft.mp4", "hard.mp4", "./in.mp4":
            self.fails(USAGE, "is the input itself", self.source, "-y", "-o", self.path(name))
        self.assertEqual(self.content(self.source), before)

    def test_one_output_twice(self):
        self.fails(USAGE, "two outputs are one file", self.source, "-o", self.path("o.mp4"),
                   "-o", self.path("o.mp4"))

    def test_images_over_themselves(self):
        ffmpeg("-i", self.source, "-frames:v", "3", self.path("i%03d.png"))
        before = self.content(self.path("i001.png"))
        self.fails(USAGE, "is the input itself", self.path("i%03d.png"), "-y", "-o",
                   self.path("./i%03d.png"))
        self.assertEqual(self.content(self.path("i001.png")), before)

    def test_existing_file(self):
        target = self.path("out.mp4")
        with open(target, "wb") as f:
            f.write(b"precious")
        os.chmod(target, 0o600)
        for more in [], ["-n"]:
            self.fails(OUTPUT, "exists and is left as it is", self.source, "-o", target, *more)
            self.assertEqual(self.content(target), b"precious")
        self.daub(self.source, "-o", target, "-y")
        self.assertEqual(len(frames(target)), 50)
        self.assertEqual(os.stat(target).st_mode & 0o777, 0o600)

    def test_existing_image(self):
        with open(self.path("i01.png"), "wb") as f:
            f.write(b"precious")
        self.fails(OUTPUT, "exists", self.source, "-o", self.path("i%02d.png"))

    def test_link_to_elsewhere(self):
        os.mkdir(self.path("else"))
        real = self.path("else/real.mp4")
        open(real, "wb").close()
        os.symlink(real, self.path("link.mp4"))
        self.daub(self.source, "-o", self.path("link.mp4"), "-y")
        self.assertTrue(os.path.islink(self.path("link.mp4")))
        self.assertEqual(len(frames(real)), 50)

    def test_full_disk(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        small = self.path("small")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small],
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("mounting is not allowed here")
        try:
            # the same when the disk fills up while painting and when the end is written
            for name, more in (("out.mkv", ["-c:v", "rawvideo"]), ("out.mp4", ["-crf", "0"]),
                               ("out%03d.ppm", [])):
                text, _ = self.daub(self.source, "-o", os.path.join(small, name), *more,
                                    code=OUTPUT)
                self.assertIn("No space left on device", text)
                self.assertEqual(text.count("error: "), 1, text)
                left = [n for n in os.listdir(small) if not n.endswith(".ppm")]
                self.assertLessEqual(set(left), {"out.partial.mkv", "out.partial.mp4"})
                for n in left:
                    os.remove(os.path.join(small, n))
                for n in os.listdir(small):
                    self.assertEqual(os.stat(os.path.join(small, n)).st_size,
                                     96 * 64 * 3 + len("P6\n96 64\n255\n"))
                    os.remove(os.path.join(small, n))
        finally:
            subprocess.run(["umount", small], check=True)

    def test_closed_pipe(self):
        program = subprocess.Popen([harness.DAUB, self.source, "-o", "-"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL)
        program.stdout.read(10)
        program.stdout.close()
        text = program.stderr.read().decode()
        program.stderr.close()
        self.assertEqual(program.wait(60), OUTPUT, text)
        self.assertIn("Broken pipe", text)

    def test_full_device(self):
        self.daub(self.source, "-o", "/dev/full", "-f", "matroska", code=OUTPUT)

    def test_one_image_for_a_video(self):
        self.fails(USAGE, ["is one image", "%04d", "--frames 1"], self.source, "-o",
                   self.path("out.png"))

    def test_name_without_format(self):
        self.fails(USAGE, "does not determine a format", self.source, "-o", self.path("out"))
        self.fails(USAGE, "does not determine a format", self.source, "-o", self.path("out.xyz"))
        self.daub(self.source, "-o", self.path("out"), "-f", "mp4")
        self.assertEqual(len(frames(self.path("out"))), 50)


class Models(harness.Case):
    """Real painter only: what the importer refuses, and how it is said."""

    def setUp(self):
        super().setUp()
        self.source = self.path("in.y4m")
        ffmpeg(*testsrc(1), "-frames:v", "1", "-pix_fmt", "yuv420p", self.source)

    def refuse(self, words, model, code=INPUT):
        self.fails(code, words, self.source, "-o", self.path("out.mp4"), "-m", model)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def network(self, name, nodes, image=(1, 3, "h", "w"), constants=(), opset=13):
        from onnx import TensorProto, helper
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, image)
        out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
        nodes = [helper.make_node(*node[:3], name=name) for node in nodes]
        graph = helper.make_graph(nodes, "network", [image], [out], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        return self.write(name + ".onnx", model.SerializeToString())

    def test_damaged(self):
        whole = self.network("whole", [("Relu", ["image"], ["out"])])
        self.daub(self.source, "-o", self.path("out.mp4"), "-m", whole)
        os.remove(self.path("out.mp4"))
        with open(whole, "rb") as f:
            data = f.read()
        for name, bad in (("cut", data[:len(data) * 2 // 3]), ("empty", b""),
                          ("text", b"not a network\n"), ("noise", os.urandom(5000))):
            with self.subTest(name):
                self.refuse([name + ".onnx", "no ONNX file, or a damaged one"],
                            self.write(name + ".onnx", bad))

    def test_unknown_operator(self):
        from onnx import TensorProto, helper
        k = helper.make_tensor("k", TensorProto.INT64, [1], [1])
        self.refuse(["sorter", "TopK", "opset 13"],
                    self.network("sorter", [("TopK", ["image", "k"], ["out", "i"])], constants=[k]))

    def test_old_opset(self):
        self.refuse(["opset 6", "7 and later"],
                    self.network("old", [("Relu", ["image"], ["out"])], opset=6))

    def test_no_image_network(self):
        self.refuse("no image-to-image network",
                    self.network("words", [("Relu", ["image"], ["out"])], image=(1, 512)))
        self.refuse("no classifier",
                    self.network("classes", [("GlobalAveragePool", ["image"], ["out"])]))

    def test_missing(self):
        self.refuse("did you mean 'lite'?", "lyte", code=USAGE)
        self.refuse(["gone.onnx", "No such file"], self.path("gone.onnx"), code=USAGE)


class NoDevice(harness.Case):
    def test_no_device(self):
        source = self.path("in.mp4")
        ffmpeg(*testsrc(1), "-c:v", "libx264", "-pix_fmt", "yuv420p", source)
        # the first hides every driver from the Vulkan loader, the second is the fake's
        env = dict(os.environ, VK_ICD_FILENAMES="/nonexistent.json",
                   VK_DRIVER_FILES="/nonexistent.json", DAUB_FAKE_NO_DEVICE="1")
        if "fake" in os.path.basename(harness.DAUB):
            self.fails(DEVICE, ["Vulkan", "install"], source, "-o", self.path("out.mp4"), env=env)
            self.daub("devices", code=DEVICE, env=env)
        else:
            text, _ = self.daub(source, "-o", self.path("out.mp4"), env=env)
            self.assertIn("painting on the processor", text)
        self.fails(DEVICE, "", source, "-o", self.path("other.mp4"), "-g", "no such card")


if __name__ == "__main__":
    harness.main()
