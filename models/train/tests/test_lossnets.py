import os
import unittest

import numpy as np
import torch

import catalogue
import losses
import numpy_onnx
import options
import patterns
import tiny

DATA = os.environ.get('DAUB_DATA') or options.DATA
FLOAT_ERROR = 1e-5  # root mean square over that of the features
BFLOAT_ERROR = 0.02  # likewise: roundings to 8 bits, which add up from layer to layer


def conv(x, arrays, name, stride=1):
    weight, bias = (arrays[f'{name}_{part}'].astype(np.float64) for part in ('w', 'b'))
    around = weight.shape[2] // 2
    x = np.pad(x, [(0, 0), (0, 0), (around, around), (around, around)])
    return np.maximum(numpy_onnx.conv(x, weight, bias, (stride, stride)), 0)


def pooled(x, side, ceil):
    """Maxima of windows side x side, 2 apart; ceil: of those that reach over the border, too."""
    if ceil:
        over = [(0, -(size - side) % 2) for size in x.shape[2:]]
        x = np.pad(x, [(0, 0), (0, 0), *over], constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), (2, 3))
    return windows[:, :, ::2, ::2].max((4, 5))


def vgg16(x, arrays):
    """Features from the pixels, by the table of the paper (configuration D)."""
    features = {}
    for stage, count in ((1, 2), (2, 2), (3, 3), (4, 3)):
        if stage > 1:
            x = pooled(x, 2, ceil=False)
        for i in range(1, count + 1):
            x = features[f'conv{stage}_{i}'] = conv(x, arrays, f'conv{stage}_{i}')
    return features


def squeezenet(x, arrays):
    x = conv(x, arrays, 'conv1', stride=2)
    features = {'conv1': x}
    for fire in range(2, 9):
        if fire in (2, 5):
            x = pooled(x, 3, ceil=True)
        squeezed = conv(x, arrays, f'fire{fire}/conv1x1_1')
        x = np.concatenate([conv(squeezed, arrays, f'fire{fire}/conv{part}')
                            for part in ('1x1_2', '3x3_2')], 1)
        features[f'fire{fire}'] = x
    return features


REFERENCES = {'vgg16': (vgg16, (103.939, 116.779, 123.68)),
              'squeezenet': (squeezenet, (104, 117, 123))}


class LossNetTest(unittest.TestCase):
    def compare(self, folder, dtype, limit):
        """Our features beside those by NumPy in float64."""
        image = np.asarray(tiny.picture(np.random.default_rng(6), 59, 45)) / 255
        for name, (reference, mean) in REFERENCES.items():
            kind = losses.LOSS_NETS[name]
            path = os.path.join(folder, kind.FILE)
            ours = kind(path, kind.LAYERS, dtype)(
                torch.from_numpy(image.transpose(2, 0, 1)[None]))
            pixels = image[:, :, ::-1] * 255 - mean
            with np.load(path) as arrays:
                expected = reference(pixels.transpose(2, 0, 1)[None], arrays)
            self.assertEqual(list(expected), list(ours))
            for layer, features in expected.items():
                error = ours[layer].float().numpy() - features
                relative = np.sqrt((error ** 2).mean() / (features ** 2).mean())
                self.assertLess(relative, limit, (name, layer))

    def need_data(self):
        for kind in losses.LOSS_NETS.values():
            path = os.path.join(DATA, kind.FILE)
            if not os.path.exists(path):
                self.skipTest(f'no loss network at {path}')

    def test_features_of_random_weights(self):
        with tiny.Data() as data:
            self.compare(data.folder.name, torch.float32, FLOAT_ERROR)

    def test_features(self):
        self.need_data()
        self.compare(DATA, torch.float32, FLOAT_ERROR)

    @unittest.skipIf(losses.compute_type() != torch.bfloat16,
                     'bfloat16 is not used on a processor without instructions for it')
    def test_features_in_bfloat16(self):
        self.need_data()
        self.compare(DATA, torch.bfloat16, BFLOAT_ERROR)

    def test_first_filter_is_the_published_one(self):
        """As in the weights of Keras (keras-applications, VGG16, layer block1_conv1), which
        were converted from those of the authors and keep their order blue, green, red."""
        self.need_data()
        with np.load(os.path.join(DATA, losses.Vgg16.FILE)) as arrays:
            weight, bias = arrays['conv1_1_w'], arrays['conv1_1_b']
        # The file holds 16 bits of them.
        np.testing.assert_allclose(weight[0, 0].ravel(), [
            0.42947057, 0.373467, -0.061360113, 0.27476987, 0.038680777, -0.36722335,
            -0.05746817, -0.26224968, -0.35009676], rtol=2 ** -10)
        np.testing.assert_allclose([weight[0, 1, 0, 0], weight[1, 0, 0, 0], weight[2, 0, 0, 0]],
                                   [0.55037946, 0.117273867, 0.0340129584], rtol=2 ** -10)
        np.testing.assert_allclose(bias[:6], [0.73429835, 0.093403675, 0.06775674, 0.8862966,
                                              0.25994542, 0.66426694], rtol=2 ** -10)

    def test_up_to(self):
        with tiny.Data() as data:
            net = losses.Vgg16(data.path(losses.Vgg16.FILE), ['conv3_1', 'conv2_1'])
        image = torch.rand(1, 3, 32, 32)
        self.assertEqual(list(net(image)), list(losses.Vgg16.LAYERS[:5]))
        short = net.up_to('conv2_1')(image)
        self.assertEqual(list(short), list(losses.Vgg16.LAYERS[:3]))
        self.assertTrue(torch.equal(short['conv2_1'], net(image)['conv2_1']))

    def test_losses(self):
        """Against pictures at two sizes; 0 where the features are the same."""
        torch.manual_seed(2)
        with tiny.Data() as data:
            net = losses.Vgg16(data.path(losses.Vgg16.FILE), ['conv2_2'], torch.float32)
        layers = ['conv1_2', 'conv2_2']
        small, large, alone, photo = (torch.rand(1, 3, side, 64) for side in (48, 96, 64, 64))
        perceptual = losses.Perceptual(net, ['conv2_1'], layers, [[small, large], [alone]])
        content, style = perceptual(torch.cat([photo, alone]), torch.cat([photo, photo]),
                                    torch.tensor([0, 1]))
        self.assertEqual(float(content[0]), 0)
        self.assertGreater(float(content[1]), 0.01)
        self.assertLess(float(style[1]), 1e-9)
        expected = 0
        for layer in layers:
            sizes = [losses.gram(net(picture)[layer])[0] for picture in (small, large)]
            mean = (sizes[0] + sizes[1]) / 2
            own = losses.gram(net(photo)[layer])[0]
            expected += float(((own - mean) ** 2).sum() / (mean ** 2).sum()) / len(layers)
        self.assertAlmostEqual(float(style[0]), expected, places=6)


class GramTest(unittest.TestCase):
    def test_gradient_is_that_of_the_plain_product(self):
        torch.manual_seed(1)
        start, weight = torch.randn(2, 5, 4, 6), torch.randn(2, 5, 5)
        gradients = []
        for function in (losses.gram, self.plain):
            features = start.clone().requires_grad_(True)
            result = function(features)
            # Not symmetric, as a loss of the Gram matrix need not be.
            (weight * result ** 2).sum().backward()
            gradients.append((result.detach(), features.grad))
        for ours, expected in zip(*gradients):
            torch.testing.assert_close(ours, expected)

    @staticmethod
    def plain(features):
        flat = features.flatten(2)
        return flat @ flat.transpose(1, 2) / flat.shape[2]

    def test_bfloat16_is_summed_in_float32(self):
        features = torch.full((1, 2, 64, 64), 1.0, dtype=torch.bfloat16)
        self.assertEqual(losses.gram(features).tolist(), [[[1, 1], [1, 1]]])
        self.assertEqual(losses.gram(features).dtype, torch.float32)
        features.requires_grad_(True)
        losses.gram(features).sum().backward()
        self.assertEqual(features.grad.dtype, torch.bfloat16)


class PaintingsTest(unittest.TestCase):
    def test_files_exist(self):
        if not os.path.isdir(DATA):
            self.skipTest(f'no data folder at {DATA}')
        for word in set(catalogue.known()) - set(patterns.PATTERNS):
            self.assertEqual(min(catalogue.picture(word, DATA, 64).shape[:2]), 64, word)


if __name__ == '__main__':
    unittest.main()
