"""Pictures as styles, with an encoder and basis rows of random weights, against PyTorch and
OpenCV; kept styles; the control socket; messages."""

import json
import os
import shutil
import sys
import tempfile
import time

import control
import harness
from harness import ffmpeg, run

try:
    import cv2
    import numpy as np
    import onnx
    from PIL import Image
    import random_nets
except ImportError as error:
    print("skipped: %s" % error)
    sys.exit(harness.SKIPPED)

LITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../models/lite.onnx")
LEAST = 40  # dB, as in models.py
SIDE = random_nets.SIDE


def psnr(a, b):
    error = np.mean((np.asarray(a, np.float64) - b) ** 2)
    return 99.0 if error == 0 else 10 * np.log10(255 ** 2 / error)


def texture(width, height, seed):
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([128 + 100 * np.sin(x / 9 + y / 5 + seed), (x * (3 + seed) + y) % 256,
                      y * 255 / height], -1)
    return (image + random.normal(0, 15, image.shape)).clip(0, 255).astype(np.uint8)


def crops(image):
    """Of a picture up to 2:1 without margins whose sides are 256 px at least."""
    height, width = image.shape[:2]
    short, long = min(width, height), max(width, height)
    length = round(SIDE * long / short)
    size = (length, SIDE) if width > height else (SIDE, length)
    small = cv2.resize(image.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA)
    starts = (0, (length - SIDE) // 2, length - SIDE)
    if long < 1.1 * short:
        starts = starts[1:2]
    cut = [small[:, at:at + SIDE] if width > height else small[at:at + SIDE] for at in starts]
    return np.stack(cut).transpose(0, 3, 1, 2)


def away(a, b):
    """Largest difference of two signals, relative to the larger one's largest element."""
    return np.abs(np.asarray(a) - b).max() / np.abs(b).max()


class Networks:
    """Files for all tests."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="daub-nets-")
        cls.addClassCleanup(folder.cleanup)
        cls.encoder = random_nets.Encoder(1)
        cls.nets = folder.name
        cls.encoder.write(cls.net("encoder.onnx"))
        cls.total, cls.first = random_nets.add_rows(
            LITE, cls.net("dial.onnx"), cls.encoder.identifier, 2)
        random_nets.add_rows(LITE, cls.net("bold.onnx"), cls.encoder.identifier, 3, soft=False)
        styles = json.loads(
            {p.key: p.value for p in onnx.load(LITE).metadata_props}["daub.styles"])
        cls.names = [style["name"] for style in styles]
        cls.bold_shares = [style["bold_share"] for style in styles]
        cls.image = texture(420, 300, 1)
        Image.fromarray(cls.image).save(cls.net("painting.png"))
        cls.photo = texture(128, 96, 2)
        Image.fromarray(cls.photo).save(cls.net("photo.png"))

    @classmethod
    def net(cls, name):
        return os.path.join(cls.nets, name)

    def row(self, z, boldness):
        """Style weights of a picture for dial.onnx."""
        weights = np.zeros(self.total, np.float32)
        vector = np.concatenate([[1], z])
        weights[self.first:self.first + len(vector)] = boldness * vector
        weights[self.first + len(vector):] = (1 - boldness) * vector
        return weights

    def style_row(self, name, boldness):
        weights = np.zeros(self.total, np.float32)
        index = self.names.index(name)
        share = np.interp(boldness, (0, 0.5, 1), (0, self.bold_shares[index], 1))
        weights[index] = share
        weights[len(self.names) + index - 1] = 1 - share
        return weights

    def opencv_paints(self, name, weights):
        file = onnx.load(self.net(name))
        for value in (file.graph.input[0], file.graph.output[0]):
            for axis, size in ((2, self.photo.shape[0]), (3, self.photo.shape[1])):
                value.type.tensor_type.shape.dim[axis].dim_value = size
        net = cv2.dnn.readNetFromONNX(np.frombuffer(file.SerializeToString(), np.uint8))
        net.setInput(self.photo.transpose(2, 0, 1)[None].astype(np.float32) / 255, "image")
        net.setInput(weights[None].astype(np.float32), "style")
        return net.forward()[0].transpose(1, 2, 0) * 255


class Pictures(Networks, harness.Case):
    def painted(self, name, *arguments):
        self.daub(self.net("photo.png"), "-m", self.net(name), "-o", self.path("out.png"),
                  "-y", *arguments)
        return np.asarray(Image.open(self.path("out.png")).convert("RGB"))

    def kept(self, picture, *more):
        """The signal that daub style finds."""
        self.daub("style", picture, "-m", self.net("dial.onnx"), "-o", self.path("row.json"),
                  "-y", *more)
        with open(self.path("row.json"), encoding="utf-8") as file:
            return json.load(file)

    def test_paintings(self):
        z = self.encoder.signal(crops(self.image))
        picture, identity = self.net("painting.png"), np.eye(self.total)[0]
        udnie = self.style_row("udnie", 0.5)
        made = []
        for arguments, weights in (
                (["-s", picture], self.row(z, 0.5)),
                (["-s", picture, "--boldness", "1"], self.row(z, 1)),
                (["-s", picture, "--boldness", "0"], self.row(z, 0)),
                (["-s", picture, "--strength", "0.6"], 0.6 * self.row(z, 0.5) + 0.4 * identity),
                (["-s", picture + "=0.6,udnie=0.4"], 0.6 * self.row(z, 0.5) + 0.4 * udnie),
                (["-s", "udnie", "--boldness", "0.25"], self.style_row("udnie", 0.25)),
                (["-s", "udnie"], udnie)):
            made.append(self.painted("dial.onnx", *arguments))
            want = self.opencv_paints("dial.onnx", weights)
            self.assertGreater(psnr(made[-1], want), LEAST, arguments)
            for other in made[:-1]:
                self.assertLess(psnr(made[-1], other), LEAST - 3, arguments)
        # Without soft rows the boldness has no effect, and daub says so.
        made = self.painted("bold.onnx", "-s", picture)
        weights = np.concatenate([np.zeros(len(self.names)), [1], z])
        self.assertGreater(psnr(made, self.opencv_paints("bold.onnx", weights)), LEAST)
        text, _ = self.daub(self.net("photo.png"), "-m", self.net("bold.onnx"), "-s", picture,
                            "--boldness", "0", "-o", self.path("soft.png"))
        self.assertEqual(text.count("--boldness has no effect"), 1)
        self.assertEqual(psnr(made, np.asarray(Image.open(self.path("soft.png")))), 99)

    def test_kept_styles(self):
        kept = self.kept(self.net("painting.png"))
        self.assertEqual((kept["daub-style"], kept["encoder"], kept["title"]),
                         (1, self.encoder.identifier, "painting"))
        self.assertLess(away(kept["z"], self.encoder.signal(crops(self.image))), 1e-3)
        same = self.painted("dial.onnx", "-s", self.net("painting.png"))
        self.assertEqual(psnr(same, self.painted("dial.onnx", "-s", self.path("row.json"))), 99)
        # It does not depend on the model: another one of the same encoder reads it, too.
        self.painted("bold.onnx", "-s", self.path("row.json") + "=2,udnie=1")
        _, out = self.daub("style", self.net("painting.png"), "-m", self.net("bold.onnx"), "-o",
                           "-")
        self.assertEqual(json.loads(out)["z"], kept["z"])
        self.fails(5, "exists", "style", self.net("painting.png"), "-m", self.net("dial.onnx"),
                   "-o", self.path("row.json"))

    def test_forms_of_pictures(self):
        """However a picture is stored, its signal is the same, or nearly so where the form
        loses something."""
        want = np.array(self.kept(self.net("painting.png"))["z"])
        picture = Image.fromarray(self.image)
        forms = []

        def form(name, most):
            forms.append((self.path(name), most))
            return self.path(name)

        exif = Image.Exif()
        exif[0x112] = 6  # shown turned right by 90 degrees
        picture.transpose(Image.Transpose.ROTATE_90).save(
            form("turned.jpg", 2e-3), quality=98, subsampling=0, exif=exif)
        picture.save(form("a.webp", 1e-4), lossless=True)
        picture.save(form("a.jpg", 2e-3), quality=98, subsampling=0)
        cv2.imwrite(form("deep.png", 2e-3), self.image[:, :, ::-1].astype(np.uint16) * 257)
        picture.convert("RGBA").save(form("opaque.png", 1e-4))
        framed = Image.new("RGB", (700, 500), (250, 248, 245))
        framed.paste(picture, (90, 33))
        framed.save(form("a,framed=1.png", 1e-4))
        frame = Image.fromarray(texture(500, 400, 7)).convert("RGBA")
        frame.putalpha(0)
        frame.paste(picture, (10, 20))
        frame.save(form("transparent.png", 1e-4))
        picture.resize((1680, 1200), Image.Resampling.NEAREST).save(form("large.png", 2e-3))
        for path, most in forms:
            self.assertLess(away(self.kept(path)["z"], want), most, path)
        other = self.path("other.png")
        Image.fromarray(texture(420, 300, 5)).save(other)
        self.assertGreater(away(self.kept(other)["z"], want), 0.02)
        # Gray and a palette of few colors are pictures, too.
        for mode in "L", "P":
            picture.convert(mode).save(self.path("few.png"))
            self.kept(self.path("few.png"))

    def test_gallery(self):
        self.kept(self.net("painting.png"))
        names = [self.path("%d.json" % i) for i in range(4)]
        for name in names:
            shutil.copy(self.path("row.json"), name)
        sheets = []
        for pictures in [], [self.net("painting.png"), *names]:
            self.daub("models", "--gallery", self.path("sheet.png"), self.net("photo.png"),
                      *pictures, "-m", self.net("dial.onnx"), "--size", "96x64", "-y")
            sheets.append(np.asarray(Image.open(self.path("sheet.png"))))
        self.assertGreater(sheets[1].size, sheets[0].size)
        self.assertIn(b"and any picture", run(
            [harness.DAUB, "models"], env=dict(os.environ, DAUB_MODELS=self.nets)).stdout)
        self.assertNotIn(b"encoder", run(
            [harness.DAUB, "models"], env=dict(os.environ, DAUB_MODELS=self.nets)).stdout)

    def test_mistakes(self):
        photo, target = self.net("photo.png"), self.path("out.png")
        Image.fromarray(self.image[:50]).save(self.path("small.png"))
        Image.new("RGB", (300, 200), (9, 9, 9)).save(self.path("plain.png"))
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x128:d=1", self.path("clip.mp4"))
        ffmpeg("-f", "lavfi", "-i", "sine=d=1", self.path("sound.wav"))
        with open(self.path("text.png"), "w", encoding="ascii") as file:
            file.write("no picture at all\n" * 20)
        Image.new("1", (16384, 8320)).save(self.path("huge.png"))
        kept = self.kept(self.net("painting.png"))
        for name, change in (("other.json", {"encoder": "0" * 16}), ("next.json", {"daub-style": 2}),
                             ("short.json", {"z": kept["z"][:5]})):
            with open(self.path(name), "w", encoding="utf-8") as file:
                json.dump(dict(kept, **change), file)
        for code, name, words in (
                (2, "small.png", "420 x 50 pixels; a style needs at least 64 x 64"),
                (2, "plain.png", "one color"), (2, "clip.mp4", "moves"),
                (4, "sound.wav", "no moving picture"), (4, "text.png", "text.png"),
                (4, "huge.png", "exceeds specified max pixel count"), (4, "missing.jpg", "No such file"),
                (2, "other.json", "another encoder"), (2, "next.json", "version 2"),
                (2, "short.json", "another encoder"), (4, "missing.json", "missing.json")):
            self.fails(code, words, photo, "-m", self.net("dial.onnx"), "-s", self.path(name), "-o",
                       target)
        self.fails(2, ["takes no pictures", "learn"], photo, "-m", "lite", "-s",
                   self.net("painting.png"), "-o", target)
        self.fails(2, "did you mean udnie", photo, "-m", self.net("dial.onnx"), "-s", "undie", "-o",
                   target)
        self.fails(2, "needs a picture", "style", self.net("painting.png"))
        os.mkdir(self.path("alone"))
        shutil.copy(self.net("dial.onnx"), self.path("alone"))
        words = [photo, "-m", self.path("alone/dial.onnx"), "-s", self.net("painting.png"), "-o",
                 target]
        self.fails(4, ["encoder.onnx", "put it there"], *words)
        random_nets.Encoder(9).write(self.path("alone/encoder.onnx"))
        self.fails(4, "encoder of other models", *words)
        os.remove(self.path("alone/encoder.onnx"))
        self.fails(4, "is an encoder", photo, "-m", self.net("encoder.onnx"), "-o", target)
        self.daub(*words, env=dict(os.environ, DAUB_MODELS=self.nets))


class Recording(control.Session):
    graph = "smptebars=size=128x96:rate=25"

    def check_last(self, *arguments):
        """The last frame of the recording is that which daub paints with these arguments."""
        run(["ffmpeg", "-v", "error", "-sseof", "-0.3", "-i", self.path("out.mkv"), "-frames:v", "1",
             self.path("last.png")])
        run([harness.DAUB, "lavfi:" + self.graph, "--frames", "1", *arguments, "-o",
             self.path("alone.mkv"), "-c:v", "ffv1"])
        run(["ffmpeg", "-v", "error", "-i", self.path("alone.mkv"), "-frames:v", "1",
             self.path("alone.png")])
        last, alone = (np.asarray(Image.open(self.path(name)).convert("RGB"))
                       for name in ("last.png", "alone.png"))
        self.assertEqual(psnr(last, alone), 99)


class Live(Networks, Recording):

    def test_changes(self):
        """Pictures by the control socket; the last frames are those painted with the last
        look."""
        Image.fromarray(texture(300, 420, 5)).save(self.path("second.png"))
        Image.fromarray(self.image[:50]).save(self.path("small.png"))
        self.start("-m", self.net("dial.onnx"), "--temporal", "off", "-s", "udnie")
        self.assertEqual(self.status()["boldness"], 0.5)
        self.ctl({"style": self.net("painting.png")})
        self.assertEqual(self.status()["style"], "painting")
        for wrong, words in ((self.path("small.png"), "420 x 50"),
                             (self.path("missing.png"), "No such file"),
                             (self.socket, "no image file")):
            answer, = self.ctl({"style": wrong, "boldness": 0}, code=1)
            self.assertIn(words, answer["error"])
        self.assertEqual((self.status()["style"], self.status()["boldness"]), ("painting", 0.5))
        self.ctl({"style": self.path("second.png") + "=3,udnie=1", "boldness": 0.8})
        self.assertEqual(self.status()["style"], "a mix of styles")
        self.ctl({"style": self.path("second.png")})
        self.assertEqual(self.status()["style"], "second")
        time.sleep(2)
        self.ctl({"quit": True})
        self.ends(0)
        self.check_last("-m", self.net("dial.onnx"), "-s", self.path("second.png"), "--boldness", "0.8")


if __name__ == "__main__":
    harness.main()
