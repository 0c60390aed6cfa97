import glob
import json
import os
import tempfile
import unittest

import numpy as np
import onnx
import torch

import export
import model as models
import numpy_onnx
from net import Painter

try:
    import cv2
except ImportError:
    cv2 = None

STYLE = {'name': 'a', 'title': 'Ä', 'artist': 'B', 'year': 1900, 'licence': 'public domain',
         'content': 1.0, 'style': 1.0}


def random_model(size, styles):
    """A network whose every weight is random, the banks too."""
    torch.manual_seed(3)
    net = Painter(size, styles)
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if 'norm' in name or name.startswith('last'):
                weight.add_(0.3 * torch.randn_like(weight))
    state = {'size': size, 'net': net.state_dict(), 'iteration': 5, 'iterations': 5,
             'seconds': 90.0, 'earlier': [], 'grown_from': '', 'changed': {'style': 'a b.jpg'},
             'styles': [dict(STYLE, name=f'style-{i}') for i in range(styles)],
             'options': {'seed': 4, 'threads': 2}}
    return models.from_state(state)


def psnr(one, other):
    return -10 * np.log10(np.mean((one.astype(np.float64) - other) ** 2))


class ExportTest(unittest.TestCase):
    def compare(self, run, styles, height, width, size='lite', least=80):
        source = random_model(size, styles)
        model = export.onnx_model(source)
        random = np.random.default_rng(height)
        image = random.random((1, 3, height, width), dtype=np.float32)
        mix = random.random((1, styles), dtype=np.float32)
        with torch.no_grad():
            expected = source.net(torch.from_numpy(image), torch.from_numpy(mix)).numpy()
        painting = run(model, image, mix)
        self.assertEqual(painting.shape, expected.shape)
        self.assertGreater(expected.std(), 0.05)
        self.assertGreater(psnr(painting, expected), least)

    def test_numpy_agrees(self):
        def run(model, image, mix):
            return numpy_onnx.run(model, image=image, style=mix)
        self.compare(run, 2, 64, 64)
        self.compare(run, 3, 36, 92)
        self.compare(run, 2, 32, 48, 'quality', 55)  # stored in 16 bits

    @unittest.skipIf(cv2 is None, 'python3-opencv is not installed')
    def test_opencv_agrees(self):
        def run(model, image, mix):
            # OpenCV 4.6 imports SpaceToDepth at fixed sizes only.
            for value in (model.graph.input[0], model.graph.output[0]):
                for axis in (2, 3):
                    value.type.tensor_type.shape.dim[axis].dim_value = image.shape[axis]
            export.widen(model)
            net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
            net.setInput(image, 'image')
            net.setInput(mix, 'style')
            return net.forward()
        self.compare(run, 2, 64, 64)
        self.compare(run, 2, 36, 92)
        self.compare(run, 2, 32, 48, 'quality', 55)

    def test_metadata(self):
        model = export.onnx_model(random_model('standard', 2))
        props = {p.key: p.value for p in model.metadata_props}
        self.assertEqual(json.loads(props['daub.styles'])[1],
                         {'name': 'style-1', 'title': 'Ä', 'artist': 'B', 'year': 1900,
                          'licence': 'public domain'})
        self.assertEqual(props['daub.identity'], '0')
        self.assertEqual(props['daub.range'], '1')
        self.assertEqual(props['daub.default'], 'style-1')
        self.assertEqual(props['daub.licence'], 'weights: MIT; pictures: public domain')
        self.assertEqual(props['daub.recipe'], "models/train/run train --style 'a b.jpg' "
                         '--seed 4 --iterations 5; 1.5 minutes on 2 threads')
        shape = [d.dim_param or d.dim_value for d in
                 model.graph.input[0].type.tensor_type.shape.dim]
        self.assertEqual(shape, [1, 3, 'H', 'W'])
        self.assertEqual(model.opset_import[0].version, 13)

    def test_shipped_files(self):
        paths = glob.glob(os.path.join(os.path.dirname(__file__), '../../*.onnx'))
        self.assertTrue(paths)
        y, x = np.mgrid[0:64, 0:64] / 63
        image = np.stack([y, x, 1 - y])[None]
        for path in paths:
            self.assertLess(os.path.getsize(path), 8_000_000, path)
            model = onnx.load(path)
            onnx.checker.check_model(model, full_check=True)
            props = {p.key: p.value for p in model.metadata_props}
            names = [style['name'] for style in json.loads(props['daub.styles'])]
            one_hot = np.eye(len(names))[[names.index(props['daub.default'])]]
            painting = numpy_onnx.run(model, image=image, style=one_hot)
            self.assertEqual(painting.shape, image.shape, path)
            self.assertGreater(painting.std(), 0.05, path)

    def test_file_is_written_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'x.onnx')
            size = export.export(random_model('lite', 2), path)
            self.assertEqual(os.listdir(folder), ['x.onnx'])
            self.assertEqual(os.path.getsize(path), size)
            onnx.checker.check_model(path)


if __name__ == '__main__':
    unittest.main()
