"""The built-in models, painted by daub, against other runtimes on the same files."""

import glob
import os
import subprocess
import sys
import unittest

import harness

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
MODELS = sorted(path for path in glob.glob(os.path.join(ROOT, "models/*.onnx"))
                if not path.endswith("/encoder.onnx"))
sys.path.insert(0, os.path.join(ROOT, "models/train"))
try:
    import cv2
    import numpy as np
    import onnx
    import torch
    import export
    import model as trained
except ImportError as error:
    print("skipped: %s" % error)
    sys.exit(77)

# Two 8-bit roundings and fp16 storage lie between the runtimes: 40 dB at least.
LEAST = 40


def psnr(a, b):
    error = np.mean((np.asarray(a, np.float64) - b) ** 2)
    return 99.0 if error == 0 else 10 * np.log10(255 ** 2 / error)


def mixed(model, weights):
    """Row [1,K] of a mix by names; the weights add up to 1."""
    return sum(weight * model.row(name) for name, weight in weights.items()) / \
        sum(weights.values())


class Models(harness.Case):
    def setUp(self):
        super().setUp()
        self.assertTrue(MODELS)

    def photo(self, width, height):
        """A picture with edges, gradients, colours and some grain."""
        y, x = np.mgrid[0:height, 0:width]
        random = np.random.default_rng(width)
        image = np.stack([x * 255 / width, y * 255 / height, (x + y) % 64 * 4], -1)
        image[(x - width / 2) ** 2 + (y - height / 3) ** 2 < (height / 5) ** 2] = (250, 220, 90)
        image[(x // 12 + y // 9) % 7 == 0] *= 0.4
        image = (image + random.normal(0, 6, image.shape)).clip(0, 255).round().astype(np.uint8)
        path = self.path("%dx%d.png" % (width, height))
        cv2.imwrite(path, image[:, :, ::-1])
        return path, image

    def painted(self, photo, path, *arguments):
        self.daub(photo, "-m", path, "-o", self.path("out.png"), "-y", *arguments)
        return cv2.imread(self.path("out.png"))[:, :, ::-1]

    def torch_paints(self, model, image, row):
        tensor = torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 255
        return model.paint(tensor, row)[0].permute(1, 2, 0).numpy() * 255

    def test_every_style_as_pytorch_and_opencv_paint_it(self):
        photo, image = self.photo(136, 96)
        blob = image.transpose(2, 0, 1)[None].astype(np.float32) / 255
        for path in MODELS:
            model = trained.load(path)
            file = onnx.load(path)
            # OpenCV 4.6 imports SpaceToDepth at fixed sizes only.
            for value in (file.graph.input[0], file.graph.output[0]):
                for axis in (2, 3):
                    value.type.tensor_type.shape.dim[axis].dim_value = blob.shape[axis]
            export.widen(file)
            net = cv2.dnn.readNetFromONNX(np.frombuffer(file.SerializeToString(), np.uint8))
            for style in model.styles:
                name = style["name"]
                row = model.row(name)
                net.setInput(blob, "image")
                net.setInput(row.numpy(), "style")
                made = self.painted(photo, path, "-s", name)
                other = net.forward()[0].transpose(1, 2, 0) * 255
                self.assertGreater(psnr(made, other), LEAST, (path, name))
                self.assertGreater(psnr(made, self.torch_paints(model, image, row)), LEAST,
                                   (path, name))

    def test_odd_sizes(self):
        for path in MODELS:
            model = trained.load(path)
            name = model.styles[-1]["name"]
            for size in (131, 75), (66, 101):
                photo, image = self.photo(*size)
                want = self.torch_paints(model, image, model.row(name))
                self.assertGreater(psnr(self.painted(photo, path, "-s", name), want), LEAST,
                                   (path, size))

    def test_mixes(self):
        photo, image = self.photo(128, 72)
        for path in MODELS:
            model = trained.load(path)
            names = [style["name"] for style in model.styles if style["name"] != "identity"]
            for weights in ({names[0]: 0.7, names[1]: 0.3},
                            dict(zip(names[:5], (1, 2, 0.5, 3, 1.5)))):
                text = ",".join("%s=%g" % pair for pair in weights.items())
                made = self.painted(photo, path, "-s", text)
                want = self.torch_paints(model, image, mixed(model, weights))
                self.assertGreater(psnr(made, want), LEAST, (path, text))
                alone = self.torch_paints(model, image, model.row(names[0]))
                self.assertLess(psnr(made, alone), LEAST - 5, (path, text))

    def test_strength(self):
        """Less strength is more of the identity style; that one reproduces the photo."""
        identity_db = 30  # dB
        photo, image = self.photo(128, 72)
        for path in MODELS:
            model = trained.load(path)
            name = model.styles[-1]["name"]
            near = [psnr(self.painted(photo, path, "-s", name, "--strength", s), image)
                    for s in ("1", "0.5", "0.01", "0")]
            self.assertEqual(near, sorted(near), path)
            self.assertEqual(near[-1], 99, path)
            self.assertGreater(psnr(self.painted(photo, path, "-s", "identity"), image), identity_db)
            half = self.torch_paints(model, image, mixed(model, {"identity": 0.5, name: 0.5}))
            made = self.painted(photo, path, "-s", name, "--strength", "0.5")
            self.assertGreater(psnr(made, half), LEAST, path)


if __name__ == "__main__":
    harness.main()
