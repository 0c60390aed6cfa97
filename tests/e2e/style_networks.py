"""Networks of others that take a style: as a second picture, as the vector that a second network
makes of a picture, as weights of styles that a file beside names. Against NumPy."""

import json
import os
import shutil
import sys
import tempfile
import time

import harness

try:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save
    from PIL import Image
    import pictures
    from pictures import crops, psnr, texture
except ImportError as error:
    print("skipped: %s" % error)
    sys.exit(harness.SKIPPED)

LEAST = 50  # dB; bytes that are rounded give 58.9
BANK = np.array([[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]], np.float32)


def write(path, nodes, inputs, constants=()):
    """A network of float inputs, which gives y, within 0 and 1 where clipped."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs]
    graph = helper.make_graph(
        [helper.make_node(op, given.split(), made.split(), **attributes)
         for op, given, made, attributes in nodes], "g", values,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array(value), name) for name, value in constants])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), path)


def statistics(x, name, small):
    return [("ReduceMean", x, name + "m", dict(axes=[2, 3])), ("Sub", f"{x} {name}m", name + "d", {}),
            ("Mul", f"{name}d {name}d", name + "q", {}),
            ("ReduceMean", name + "q", name + "v", dict(axes=[2, 3])),
            ("Add", f"{name}v {small}", name + "e", {}), ("Sqrt", name + "e", name + "s", {})]


def write_two(path):
    """Huang 2017, adaptive instance normalization, of the pictures themselves."""
    nodes = statistics("content", "a", "small") + statistics("style", "b", "small") + [
        ("Div", "ad as", "n", {}), ("Mul", "n bs", "k", {}), ("Add", "k bm", "p", {}),
        ("Clip", "p low high", "y", {})]
    write(path, nodes, [("content", [1, 3, "h", "w"]), ("style", [1, 3, "sh", "sw"])],
          [("small", np.float32(1e-3)), ("low", np.float32(0)), ("high", np.float32(1))])


def write_pair(folder, name, length=6):
    """The first network multiplies each color by a number and adds another."""
    numbers = [("low", np.float32(0)), ("high", np.float32(1))]
    write(f"{folder}/{name}_transform.onnx", [
        ("Reshape", "v shape", "r", {}), ("Split", "r", "a b" + " c" * (length > 6), dict(axis=1)),
        ("Mul", "x a", "k", {}), ("Add", "k b", "p", {}), ("Clip", "p low high", "y", {})],
        [("x", [1, 3, "h", "w"]), ("v", [1, 1, 1, length])],
        numbers + [("shape", np.array([1, length, 1, 1]))])
    write(f"{folder}/{name}_predict.onnx", [
        ("ReduceMean", "s", "m", dict(axes=[1, 2])), ("Mul", "m half", "h", {}),
        ("Concat", "m h", "y", dict(axis=3))],
        [("s", [1, 256, 256, 3])], [("half", np.float32(0.5))])


def moments(image):
    """Mean and deviation of a picture whose colors are 0 to 1."""
    x = np.asarray(image, np.float64) / 255
    return np.stack([x.mean((0, 1)), np.sqrt(x.var((0, 1)) + 1e-3)])


class Files:
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="daub-nets-")
        cls.addClassCleanup(folder.cleanup)
        cls.nets = folder.name
        write_two(cls.net("two.onnx"))
        write_pair(cls.nets, "small")
        cls.images = {"photo": texture(128, 96, 2), "a": texture(300, 200, 1),
                      "b": (texture(140, 250, 5) // 2 + [[[90, 10, 0]]]).astype(np.uint8)}
        for name, image in cls.images.items():
            Image.fromarray(image).save(cls.net(name + ".png"))

    @classmethod
    def net(cls, name):
        return os.path.join(cls.nets, name)

    def painted(self, *arguments):
        self.daub(self.net("photo.png"), "-o", self.path("out.png"), "-y", *arguments)
        return np.asarray(Image.open(self.path("out.png")).convert("RGB"))

    def normalized(self, mean, deviation):
        own_mean, own_deviation = moments(self.images["photo"])
        x = (self.images["photo"] / 255 - own_mean) / own_deviation * deviation + mean
        return x.clip(0, 1) * 255


class Networks(Files, harness.Case):
    def test_second_picture(self):
        a, b = (moments(self.images[name]) for name in "ab")
        for style, (mean, deviation) in (
                (self.net("a.png"), a), (self.net("b.png"), b),
                (f"{self.net('a.png')}=0.25,{self.net('b.png')}=0.75", a / 4 + 3 * b / 4)):
            have = self.painted("-m", self.net("two.onnx"), "-s", style)
            self.assertGreater(psnr(have, self.normalized(mean, deviation)), LEAST, style)
        half = self.painted("-m", self.net("two.onnx"), "-s", self.net("a.png"), "--strength", "0.5")
        want = (self.normalized(*a) + self.images["photo"]) / 2
        self.assertGreater(psnr(half, want), LEAST)
        # What was found in a picture can be kept.
        self.daub("style", self.net("a.png"), "-m", self.net("two.onnx"), "-o", self.path("a.json"))
        have = self.painted("-m", self.net("two.onnx"), "-s", self.path("a.json"))
        self.assertGreater(psnr(have, self.normalized(*a)), LEAST)

    def test_pair(self):
        def want(name):
            mean = crops(self.images[name]).mean((0, 2, 3))
            return ((self.images["photo"] / 255 * mean + mean / 2).clip(0, 1)) * 255

        model = self.net("small_transform.onnx")
        have = self.painted("-m", model, "-s", self.net("a.png"))
        self.assertGreater(psnr(have, want("a")), LEAST)
        os.mkdir(self.path("other"))
        shutil.copy(model, self.path("other/paints.onnx"))
        shutil.copy(self.net("small_predict.onnx"), self.path("other/reads.onnx"))
        have = self.painted("-m", self.path("other/paints.onnx"), "--style-model",
                            self.path("other/reads.onnx"), "-s", self.net("a.png"))
        self.assertGreater(psnr(have, want("a")), LEAST)

    def test_mistakes(self):
        photo, out, a = self.net("photo.png"), self.path("out.png"), self.net("a.png")
        two, pair = self.net("two.onnx"), self.net("small_transform.onnx")
        for code, words, arguments in (
                (2, "name one with -s", ["-m", two]), (2, "no path of one", ["-m", two, "-s", "a"]),
                (2, "name one with -s", ["-m", pair]),
                (2, "reads the style's picture itself",
                 ["-m", two, "-s", a, "--style-model", self.net("small_predict.onnx")]),
                (2, "another encoder", ["-m", two, "-s", self.path("kept.json")])):
            if "kept.json" in arguments[-1]:
                self.daub("style", a, "-m", pair, "-o", self.path("kept.json"))
            self.fails(code, words, photo, "-o", out, *arguments)
        write_pair(self.path(""), "wide", 9)
        self.fails(4, ["vectors of 6 numbers", "takes 9"], photo, "-o", out, "-s", a, "-m",
                   self.path("wide_transform.onnx"))
        self.fails(2, "gone.onnx", photo, "-o", out, "-s", a, "-m", pair, "--style-model",
                   self.path("gone.onnx"))

    def test_names_beside(self):
        """Styles by number, and by the names of a file."""
        path = self.path("bank.onnx")
        write(path, [("MatMul", "w bank", "v", {}), ("Reshape", "v shape", "r", {}), ("Add", "x r", "p", {}),
                     ("Clip", "p low high", "y", {})], [("x", [1, 3, "h", "w"]), ("w", [1, 4])],
              [("bank", BANK), ("shape", np.array([1, 3, 1, 1])), ("low", np.float32(0)),
               ("high", np.float32(1))])

        def check(style, weights):
            want = (self.images["photo"] / 255 + weights @ BANK).clip(0, 1) * 255
            self.assertGreater(psnr(self.painted("-m", path, "-s", style), want), LEAST, style)

        check("2", np.eye(4)[2])
        check("3=1,1=3", np.array([0, 0.75, 0, 0.25]))
        check("style-1", np.eye(4)[1])
        with open(self.path("bank.styles.json"), "w", encoding="utf-8") as file:
            json.dump([{"name": "plain"}, {"name": "red"}, {"name": "green"}], file)
        check("green=1,red=1", np.array([0, 0.5, 0.5, 0]))
        check("style-3", np.eye(4)[3])
        self.fails(2, "did you mean green", self.net("photo.png"), "-m", path, "-s", "gren", "-o",
                   self.path("x.png"))
        with open(self.path("bank.styles.json"), "w", encoding="utf-8") as file:
            file.write("{")
        self.fails(4, "no JSON list", self.net("photo.png"), "-m", path, "-o", self.path("x.png"))


class Model(Files, harness.Case):
    def test_description(self):
        _, out = self.daub("model", self.net("two.onnx"), "-g", "processor")
        for words in ("[1,3,H,W]", "opset 13", "a second picture, of which 6 numbers are kept",
                      "0..1, guessed from the values", "Clip 1", "1280x720", "largest size"):
            self.assertIn(words, out.decode())
        _, out = self.daub("model", self.net("small_transform.onnx"), "--model-range", "255")
        self.assertIn("a vector of 6 numbers", out.decode())
        self.assertIn("0..255, as was asked for", out.decode())

    def test_check(self):
        photo = self.net("photo.png")
        for name, style, code, words in (("right", "a", 0, "the same painting"),
                                         ("wrong", "b", 1, "another painting")):
            mean, deviation = moments(self.images[style])
            Image.fromarray(self.normalized(mean, deviation).round().astype(np.uint8)).save(
                self.path(name + ".png"))
            _, out = self.daub("model", self.net("two.onnx"), "-s", self.net("a.png"), "--check", photo,
                               self.path(name + ".png"), code=code)
            self.assertIn(words, out.decode())
        self.fails(2, "two pictures", "model", self.net("two.onnx"), "--check", photo)
        self.fails(2, "pixels", "model", self.net("two.onnx"), "-s", self.net("a.png"), "--check", photo,
                   self.net("a.png"))


class Live(Files, pictures.Recording):
    def test_changes(self):
        """The picture is changed while daub paints."""
        self.start("-m", self.net("two.onnx"), "--temporal", "off", "-s", self.net("a.png"))
        self.assertEqual(self.status()["style"], "a")
        self.ctl({"style": self.net("b.png")})
        self.assertEqual(self.status()["style"], "b")
        time.sleep(2)
        self.ctl({"quit": True})
        self.ends(0)
        self.check_last("-m", self.net("two.onnx"), "-s", self.net("b.png"))


if __name__ == "__main__":
    harness.main()
