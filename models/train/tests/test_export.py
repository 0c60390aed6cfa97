import glob
import json
import os
import tempfile
import unittest

import numpy as np
import onnx
import torch

import catalogue
import export
import model as models
import numpy_onnx
from net import FIRST_SIZES, SIZES, Painter

try:
    import cv2
except ImportError:
    cv2 = None

STYLE = {'name': 'a', 'title': 'Ä', 'artist': 'B', 'year': 1900, 'licence': 'public domain',
         'content': 1.0, 'style': 1.0}


def random_model(size, styles, rows=None, shapes=SIZES):
    """A network whose every weight is random, the banks too. rows: of these; a style has one
    where it is not given."""
    torch.manual_seed(3)
    net = Painter(shapes[size], rows or styles)
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if 'norm' in name or name.startswith('last'):
                weight.add_(0.3 * torch.randn_like(weight))
    state = {'size': size, 'shape': list(net.shape), 'net': net.state_dict(), 'iteration': 5,
             'iterations': 5, 'seconds': 90.0, 'earlier': [], 'grown_from': '',
             'changed': {'style': ['a b.jpg'], 'style_px': [64, 96]},
             'styles': [dict(STYLE, name=f'style-{i}') for i in range(styles)],
             'options': {'seed': 4, 'threads': 2}}
    return models.from_state(state)


def psnr(one, other):
    return -10 * np.log10(np.mean((one.astype(np.float64) - other) ** 2))


class ExportTest(unittest.TestCase):
    def compare(self, run, styles, height, width, size='lite', least=80, shapes=SIZES):
        source = random_model(size, styles, shapes=shapes)
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
        self.compare(run, 3, 40, 88)
        self.compare(run, 2, 32, 48, 'quality', 55)  # stored in 16 bits
        self.compare(run, 3, 36, 92, shapes=FIRST_SIZES)
        self.compare(run, 2, 32, 48, 'quality', 55, shapes=FIRST_SIZES)

    def test_soft_and_bold_rows_are_mixed(self):
        source = random_model('lite', 3, rows=5)
        source.styles[1]['name'] = 'udnie'  # has a bold_share in paintings.json
        photo = torch.rand(1, 3, 40, 56)
        self.assertNotEqual(catalogue.bold_share('udnie'), 0.5)
        share = 0.6 * catalogue.bold_share('udnie')
        self.assertTrue(torch.allclose(source.row('udnie', 0.3),
                                       torch.tensor([[0, share, 0, 1 - share, 0]])))
        paintings = []
        for boldness in (0, 0.3, 1):
            mixed = source.one_row(boldness)
            self.assertEqual(mixed.net.rows, 3)
            self.assertIn(f'export --boldness {boldness:g}', mixed.recipe)
            file = export.onnx_model(mixed)
            for i, style in enumerate(source.styles):
                row = np.eye(3)[[i]]
                painting = numpy_onnx.run(file, image=photo.numpy(), style=row)
                expected = source.paint(photo, source.row(style['name'], boldness)).numpy()
                self.assertGreater(psnr(painting, expected), 80, (boldness, style))
            paintings.append(expected)
        for one, other in zip(paintings, paintings[1:]):
            self.assertLess(psnr(one, other), 40)
        self.assertIs(mixed.one_row(0.5), mixed)

    def test_read_onnx_is_the_inverse_of_export(self):
        for shapes in (SIZES, FIRST_SIZES):
            for size in shapes:
                source = random_model(size, 3, shapes=shapes)
                with tempfile.TemporaryDirectory() as folder:
                    path = os.path.join(folder, 'x.onnx')
                    export.export(source, path)
                    read = models.load(path)
                self.assertEqual((read.size, read.net.shape, read.recipe),
                                 (size, shapes[size], source.recipe))
                for name, weight in source.net.state_dict().items():
                    if size in export.STORED_HALF and name.endswith('.weight'):
                        weight = weight.half().float()
                    self.assertTrue(torch.equal(weight, read.net.state_dict()[name]), name)

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
        self.compare(run, 2, 40, 88)
        self.compare(run, 2, 32, 48, 'quality', 55)
        self.compare(run, 2, 36, 92, shapes=FIRST_SIZES)

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
                         '--style-px 64 96 --seed 4 --iterations 5; 1.5 minutes on 2 threads')
        shape = [d.dim_param or d.dim_value for d in
                 model.graph.input[0].type.tensor_type.shape.dim]
        self.assertEqual(shape, [1, 3, 'H', 'W'])
        self.assertEqual(model.opset_import[0].version, 13)

    def test_shipped_files(self):
        """As read by this folder's code, painted by NumPy alone."""
        files = glob.glob(os.path.join(os.path.dirname(__file__), '../../*.onnx'))
        self.assertLess(sum(map(os.path.getsize, files)), 16_000_000)
        paths = [path for path in files if os.path.basename(path) != 'encoder.onnx']
        self.assertTrue(paths)
        y, x = np.mgrid[0:64, 0:64] / 63
        image = np.stack([y, x, 1 - y])[None]
        for path in paths:
            model = onnx.load(path)
            onnx.checker.check_model(model, full_check=True)
            props = {p.key: p.value for p in model.metadata_props}
            names = [style['name'] for style in json.loads(props['daub.styles'])]
            rows = model.graph.input[1].type.tensor_type.shape.dim[1].dim_value
            one_hot = np.eye(rows)[[names.index(props['daub.default'])]]
            painting = numpy_onnx.run(model, image=image, style=one_hot)
            self.assertEqual(painting.shape, image.shape, path)
            self.assertGreater(painting.std(), 0.05, path)
            read = models.load(path)
            self.assertEqual([style['name'] for style in read.styles], names)
            expected = read.paint(torch.from_numpy(image).float(),
                                  read.row(props['daub.default'], 1)).numpy()
            self.assertGreater(psnr(painting, expected), 70, path)

    def test_file_is_written_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'x.onnx')
            size = export.export(random_model('lite', 2), path)
            self.assertEqual(os.listdir(folder), ['x.onnx'])
            self.assertEqual(os.path.getsize(path), size)
            onnx.checker.check_model(path)


if __name__ == '__main__':
    unittest.main()
