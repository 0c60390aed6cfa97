import argparse
import json
import os
import tempfile
import unittest
from unittest import mock

import numpy as np
import onnx
import torch

import catalogue
import checkpoint
import cli
import data
import encoder
import export
import model as models
import numpy_onnx
import options
import patterns
import pictures
import predictor
import score_pictures
import teach
from net import is_bank
from test_export import cv2, psnr, random_model
from test_train import equal
from tiny import Data, command


def random_encoder():
    torch.manual_seed(5)
    result = encoder.Encoder()
    with torch.no_grad():
        for name, weight in result.named_parameters():
            if name.endswith('.bias'):
                weight.normal_(0, 0.1)
    return result


def with_pictures(styles=3, rows=5):
    """A random network of these styles with a basis for a random encoder."""
    source = random_model('lite', styles, rows)
    source.encoder = random_encoder()
    shown = np.random.default_rng(1).integers(0, 256, (styles - 1, 256, 256, 3), dtype=np.uint8)
    return predictor.extended(source, list(shown)), shown


def random_picture(seed=1, height=256, width=256):
    """[1,3,height,width] with large and small shapes."""
    random = np.random.default_rng(seed)
    coarse = torch.from_numpy(random.random((1, 3, 8, 8))).float()
    fine = torch.from_numpy(random.random((1, 3, height, width))).float()
    large = torch.nn.functional.interpolate(coarse, (height, width), mode='bilinear',
                                            align_corners=False)
    return 0.7 * large + 0.3 * fine


class EncoderTest(unittest.TestCase):
    def compare(self, run):
        coder = random_encoder()
        picture = random_picture()
        with torch.no_grad():
            expected = coder(picture).numpy()
        z = run(export.onnx_encoder(coder), picture.numpy())
        self.assertEqual(z.shape, (1, encoder.LENGTH))
        self.assertGreater(expected.std(), 0.1)
        np.testing.assert_allclose(z, expected, rtol=1e-3, atol=1e-4)

    def test_numpy_agrees(self):
        self.compare(lambda model, picture: numpy_onnx.run(model, picture=picture))

    @unittest.skipIf(cv2 is None, 'python3-opencv is not installed')
    def test_opencv_agrees(self):
        def run(model, picture):
            net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
            net.setInput(picture, 'picture')
            return net.forward()
        self.compare(run)

    def test_file(self):
        coder = random_encoder()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'x.onnx')
            self.assertEqual(export.export_encoder(coder, path), os.path.getsize(path))
            file, read = onnx.load(path), models.load_encoder(path)
        self.assertTrue(equal(coder.state_dict(), read.state_dict()))
        props = {p.key: p.value for p in file.metadata_props}
        self.assertRegex(props['daub.encoder'], '^[0-9a-f]{16}$')
        self.assertEqual(props['daub.encoder'], export.identifier(coder))
        self.assertEqual((props['daub.range'], props['daub.licence']), ('1', 'MIT'))
        shape = [d.dim_value for d in file.graph.input[0].type.tensor_type.shape.dim]
        self.assertEqual(shape, [1, 3, 256, 256])
        with torch.no_grad():
            coder.last.bias[0] += 1
        self.assertNotEqual(props['daub.encoder'], export.identifier(coder))

    def test_colours_and_contrast_are_seen(self):
        """A normalization between the convolutions would hide them."""
        coder, picture = random_encoder(), random_picture()
        changed = torch.cat([picture, picture[:, [1, 2, 0]], 0.5 + 0.3 * (picture - 0.5)])
        with torch.no_grad():
            statistics = coder.statistics(changed)
        for other in statistics[1:]:
            self.assertGreater(float((other - statistics[0]).abs().mean()), 0.01)

    def test_becomes_linear(self):
        coder, picture = random_encoder(), torch.cat([random_picture(1), random_picture(2)])
        matrix, bias = torch.randn(640, encoder.LENGTH), torch.randn(encoder.LENGTH)
        coder.become_linear(matrix, bias)
        with torch.no_grad():
            expected = coder.statistics(picture) @ matrix + bias
            self.assertTrue(torch.allclose(coder(picture), expected, rtol=1e-3, atol=1e-3))

    def test_crops(self):
        def lefts(width):
            ramp = np.tile(np.arange(width)[:, None], (100, 1, 3))
            for crop in encoder.crops(ramp.transpose(1, 0, 2)):
                self.assertEqual(crop.shape, (100, 100, 3))
            return [int(crop[0, 0, 0]) for crop in encoder.crops(ramp)]
        self.assertEqual(lefts(100), [0])
        self.assertEqual(lefts(108), [4])
        self.assertEqual(lefts(150), [0, 25, 50])
        self.assertEqual(lefts(200), [0, 50, 100])
        self.assertEqual(lefts(500), [150, 200, 250])

    def test_z_is_the_mean_over_the_crops(self):
        coder = random_encoder()
        wide = (random_picture(2, 256, 384)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        with torch.no_grad():
            parts = [coder(data.to_tensor([wide[:, left:left + 256]])) for left in (0, 64, 128)]
        self.assertTrue(torch.allclose(coder.encode([wide]), sum(parts) / 3, atol=1e-4))


class BasisTest(unittest.TestCase):
    def test_starts_from_the_styles(self):
        """Without the ridge, the styles' own pictures get the styles' rows."""
        source = random_model('lite', 4, 7)
        z = torch.randn(3, encoder.LENGTH)
        source.encoder = mock.Mock(encode=lambda pictures: z)
        with mock.patch.object(predictor, 'RIDGE', 1e-6):
            model = predictor.extended(source, [None] * 3)
        rows = model.picture_rows(z, torch.tensor([1, 0, 0.3]))
        expected = source.style_rows(torch.tensor([1, 2, 3]), torch.tensor([1, 0, 0.3]))
        for name, bank in model.net.state_dict().items():
            if is_bank(name):
                old = source.net.state_dict()[name]
                self.assertTrue(torch.equal(bank[:7], old))
                self.assertTrue(torch.allclose(rows @ bank, expected @ old, atol=0.02), name)
        self.assertEqual(model.basis, (7, 136, 129, ''))
        self.assertEqual(model.net.rows, 265)

    def test_picture_rows(self):
        z = torch.tensor([[2.0, 3.0]])
        model = mock.Mock(basis=models.Basis(3, 6, 3), net=mock.Mock(rows=9))
        row = models.Model.picture_rows(model, z, torch.tensor([0.25]))
        self.assertEqual(row.tolist(), [[0, 0, 0, .25, .5, .75, .75, 1.5, 2.25]])
        model = mock.Mock(basis=models.Basis(2, None, 3), net=mock.Mock(rows=5))
        row = models.Model.picture_rows(model, z, torch.tensor([0.25]))
        self.assertEqual(row.tolist(), [[0, 0, 1, 2, 3]])

    def test_exported_network_paints_the_same(self):
        source, shown = with_pictures()
        mixed = source.one_row(0.5)
        file = export.onnx_model(mixed)
        props = {p.key: p.value for p in file.metadata_props}
        self.assertEqual(len(json.loads(props['daub.styles'])), 3)
        basis = json.loads(props['daub.basis'])
        self.assertEqual(basis, {'encoder': export.identifier(source.encoder), 'bold': 3,
                                 'soft': 132, 'rows': 129})
        z = source.encoder.encode(list(shown[:1]))
        photo = torch.rand(1, 3, 40, 56)
        style = np.zeros((1, 3 + 2 * 129))
        # As the format says, from the metadata alone.
        for first, weight in ((basis['bold'], 0.2), (basis['soft'], 0.8)):
            style[0, first] = weight
            style[0, first + 1:first + basis['rows']] = weight * z[0].numpy()
        expected = source.paint(photo, source.picture_rows(z, torch.tensor([0.2]))).numpy()
        painting = numpy_onnx.run(file, image=photo.numpy(), style=style)
        self.assertGreater(psnr(painting, expected), 80)
        known = numpy_onnx.run(file, image=photo.numpy(), style=np.eye(261)[[2]])
        expected = source.paint(photo, source.row('style-2')).numpy()
        self.assertGreater(psnr(known, expected), 80)

    def test_read_onnx_is_the_inverse_of_export(self):
        for rows in (3, 5):
            source = with_pictures(3, rows)[0].one_row()
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, 'x.onnx')
                export.export(source, path)
                read = models.load(path)
            self.assertTrue(equal(source.net.state_dict(), read.net.state_dict()))
            self.assertEqual(read.basis[:3], source.basis[:3])
            self.assertEqual(read.encoder_identifier(), source.encoder_identifier())
            self.assertEqual(read.basis.soft is None, rows == 3)


class PicturesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = Data()
        cls.addClassCleanup(cls.data.close)

    def test_groups(self):
        drawn = pictures.Pictures([self.data.path('styles_many'), self.data.path('styles')])
        self.assertEqual([os.path.basename(path) for path in drawn.held_out], ['ukiyoe_020.jpg'])
        names = [os.path.basename(path) for path in drawn.training]
        self.assertEqual(sorted(names), ['classics_001.jpg', 'classics_002.jpg', 'made_001.jpg',
                                         'mine.jpg', 'own.png', 'starry_night.jpg'])
        shares = dict(zip((os.path.basename(group) for group in drawn.groups), drawn.shares * 10))
        self.assertEqual({name: round(share, 6) for name, share in shares.items()},
                         {'classics': 3, 'made': 3, 'styles_many': 1, 'styles': 1, 'patterns': 2})

    def test_views(self):
        drawn = pictures.Pictures([self.data.path('styles_many')])
        with mock.patch.object(catalogue, 'pattern', lambda *_: data.Image.new('RGB', (90, 60))):
            views = [drawn.draw(np.random.default_rng(seed)) for seed in (0, 0, 1)]
        for view in views:
            self.assertEqual([part.shape for part in view],
                             [(288, 288, 3), (256, 256, 3), (256, 256, 3)])
        self.assertTrue(all(np.array_equal(*parts) for parts in zip(*views[:2])))
        self.assertFalse(np.array_equal(views[0].target, views[2].target))

    def test_the_encoder_sees_the_same_place(self):
        drawn = pictures.Pictures([self.data.path('styles_many')])
        drawn.shares = np.array([1.0] + [0] * (len(drawn.groups) - 1))
        nearer = 0
        for seed in range(6):
            view = drawn.draw(np.random.default_rng(seed))
            small = data.scaled(view.target, 256).astype(float)
            same, other = (np.abs(small - part).mean() for part in (view.same, view.other))
            nearer += same < other
        self.assertGreaterEqual(nearer, 5)

    def test_colours(self):
        """The angle turns around grey and keeps lengths."""
        turn = pictures.turned(0.5)
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)
        np.testing.assert_allclose(np.ones(3) @ turn, np.ones(3), atol=1e-6)
        self.assertAlmostEqual(float(np.trace(turn)), 1 + 2 * np.cos(0.5), places=5)
        grey = np.full((4, 4, 3), 128, np.uint8)
        ramp = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
        changed = [pictures.recolour(ramp, np.random.default_rng(seed)) for seed in range(40)]
        kept = sum(np.array_equal(ramp, one) for one in changed)
        self.assertTrue(4 <= kept <= 20, kept)
        for seed in range(10):
            painted = pictures.recolour(grey, np.random.default_rng(seed))
            self.assertTrue((painted == painted[..., :1]).all())

    def test_empty_crops_are_drawn_again(self):
        drawn = pictures.Pictures([self.data.path('styles_many')])
        empty = [np.full((300, 400, 3), 90, np.uint8)] * 3
        full = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
        with mock.patch.object(drawn, 'read', side_effect=[*empty, full]):
            self.assertGreater(drawn.draw(np.random.default_rng(0)).target.std(), 15)


class PredictorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = Data()
        cls.addClassCleanup(cls.data.close)
        # Drawing the real ones takes seconds.
        pattern = data.Image.open(cls.data.path('styles/own.png')).convert('RGB')
        for patch in (mock.patch.object(catalogue, 'pattern', lambda *_: pattern),
                      mock.patch.object(teach, 'VIEWS', 8)):
            patch.start()
            cls.addClassCleanup(patch.stop)
        cls.base = cls.data.path('base.pt')
        code, _, errors = cls.data.train('--style', 'starry_night', 'ink_hatching',
                                         '--iterations', '1', '--out', cls.base)
        assert code == 0, errors

    def words(self, *words):
        return ['predictor', *self.data.train_words(*words)[1:], '--style',
                'starry_night', 'ink_hatching']

    def train(self, out, *words):
        path = self.data.path(out)
        code, _, errors = command(*self.words('--grow', self.base, '--out', path, *words))
        self.assertEqual(code, 0, errors)
        return checkpoint.load(path)

    def trainer(self, *words):
        parser = options.add_predictor(argparse.ArgumentParser().add_subparsers())
        full = options.complete(vars(parser.parse_args(
            self.words('--grow', self.base, *words)[1:])))
        drawn, perceptual = pictures.Pictures(full['pictures']), catalogue.losses(full)
        model = predictor.prepared(full, cli.fresh(full), drawn, perceptual)
        return predictor.Predictor(full, model, data.Photos(full['content']), perceptual, drawn)

    def test_resumed_run_equals_uninterrupted_one(self):
        whole = self.train('whole.pt', '--iterations', '4', '--seed', '7')
        part = self.train('part.pt', '--iterations', '2', '--seed', '7')
        self.assertFalse(equal(whole['encoder'], part['encoder']))
        self.assertFalse(equal(whole['net'], part['net']))
        path = self.data.path('part.pt')
        code, _, errors = command('predictor', '--resume', path, '--iterations', '4')
        self.assertEqual(code, 0, errors)
        part = checkpoint.load(path)
        for key in ('net', 'encoder'):
            self.assertTrue(equal(whole[key], part[key]), key)
        self.assertIn('models/train/run predictor --crop 64 --grow base.pt --style starry_night '
                      'ink_hatching --style-px 64 96 --seed 7', checkpoint.recipe(part))
        code, _, errors = command('train', '--resume', path)
        self.assertEqual(code, 1)
        self.assertIn('models/train/run predictor', errors)

    def test_frozen_parts_stay(self):
        first = self.train('first.pt', '--iterations', '1')
        coder = self.data.path('encoder.onnx')
        code, _, errors = command('export', self.data.path('first.pt'),
                                  self.data.path('first.onnx'), '--encoder', coder)
        self.assertEqual(code, 0, errors)
        second = self.train('second.pt', '--iterations', '2', '--encoder', coder,
                            '--convolution-share', '0')
        self.assertTrue(equal(first['encoder'], second['encoder']))
        base = checkpoint.load(self.base)['net']
        for name, weight in second['net'].items():
            kept = torch.equal(weight[:len(base[name])], base[name])
            self.assertEqual(kept, not is_bank(name), name)
        grown = self.data.path('grown.pt')
        code, _, errors = command(*self.words(
            '--grow', self.data.path('first.pt'), '--size', 'standard', '--encoder', coder,
            '--iterations', '1', '--out', grown))
        self.assertEqual(code, 0, errors)
        self.assertTrue(equal(checkpoint.load(grown)['encoder'], first['encoder']))
        self.assertEqual(checkpoint.load(grown)['basis'], first['basis'])
        code, _, errors = command(*self.words(
            '--grow', self.data.path('first.pt'), '--encoder', self.data.path('whole2.pt'),
            '--iterations', '1', '--out', grown))
        self.assertEqual(code, 1)

    def test_samples(self):
        trainer = self.trainer('--batch', '100', '--style-weight', '16', '--soft-weight', '4')
        count, basis = 100, trainer.model.basis
        samples = trainer.draw_samples(np.random.default_rng(0))
        painted = samples.row[:, basis.bold] + samples.row[:, basis.soft]
        rehearsed = samples.row[:, 1:basis.bold].sum(1)
        self.assertTrue(torch.allclose(painted + rehearsed, samples.strength, atol=1e-5))
        self.assertTrue(torch.allclose(samples.row[:, 0], 1 - samples.strength))
        self.assertAlmostEqual(float((rehearsed > 0).float().mean()), 0.25, delta=0.15)
        bold = (samples.row[:, basis.bold] / painted)[(painted > 0.01)]
        self.assertTrue(torch.allclose(samples.style_weight[painted > 0.01],
                                       16 ** bold * 4 ** (1 - bold), rtol=1e-3))
        for name, grams in samples.grams.items():
            self.assertEqual(len(grams), count)
            for i in torch.nonzero(rehearsed > 0).flatten():
                known = trainer.perceptual.grams[name]
                self.assertLess(float((known - grams[i]).abs().amax((1, 2)).min()), 1e-6)

    def test_mixtures(self):
        """z and Gram matrices of the same two pictures are mixed alike."""
        trainer = self.trainer('--rehearsal', '0')
        with mock.patch.object(predictor, 'MIXED_SHARE', 1), \
                mock.patch.object(predictor, 'OTHER_SHARE', 0):
            samples = trainer.draw_samples(np.random.default_rng(3))
        random = np.random.default_rng(3)
        trainer.draw(random)
        random.random(2)
        numbers = predictor.WINDOW - random.integers(predictor.WINDOW, size=(2, 2))
        random.random(2)
        share = random.random(2)
        for i in range(2):
            targets = [trainer.target(int(number)) for number in numbers[i]]
            for name, grams in samples.grams.items():
                mixed = (1 - share[i]) * targets[0][1][name] + share[i] * targets[1][1][name]
                self.assertTrue(torch.allclose(grams[i], mixed[0], rtol=1e-4, atol=1e-6))
            with torch.no_grad():
                z = trainer.encoder(data.to_tensor([target[0].same for target in targets]))
            z = (1 - share[i]) * z[0] + share[i] * z[1]
            basis = trainer.model.basis
            row = sum(samples.row[i, first + 1:first + basis.rows]
                      for first in (basis.bold, basis.soft))
            self.assertTrue(torch.allclose(row, samples.strength[i] * z, atol=1e-3))

    def test_targets_are_used_several_times(self):
        trainer = self.trainer('--rehearsal', '0', '--batch', '8')
        drawn = []
        trainer.target = lambda number: drawn.append(number) or kept
        view = trainer.pictures.draw(np.random.default_rng(0))
        kept = (view, trainer.perceptual.picture_grams([data.to_tensor([view.target])]))
        for trainer.iteration in range(100):
            trainer.draw_samples(np.random.default_rng(trainer.iteration))
        # After the first window.
        later = [number for number in drawn if 64 < number <= 200]
        self.assertAlmostEqual(len(later) / 136, predictor.USES * 1.15, delta=0.8)

    def test_learns(self):
        """The loss on pictures falls, by what z says of them."""
        trainer = self.trainer('--rate', '3e-3', '--iterations', '80', '--batch', '4',
                               '--rehearsal', '0', '--soft-weight', '0')

        def loss():
            """On the same photos and pictures at each call."""
            trainer.iteration, result = 0, []
            for seed in range(3):
                random = np.random.default_rng(seed)
                photo = trainer.photos.batch(random, 4, 64)
                samples = trainer.draw_samples(random)
                with torch.no_grad():
                    painting = trainer.net(photo, samples.row)
                    result.append(trainer.perceptual.compare(painting, photo, samples.grams)[1])
            return float(torch.cat(result).log1p().mean())

        before = loss()
        for _ in range(80):
            trainer.step()
        self.assertLess(loss(), 0.8 * before)

    def test_verbs(self):
        self.train('verbs.pt', '--iterations', '1')
        model, file = self.data.path('verbs.pt'), self.data.path('verbs.onnx')
        coder = self.data.path('verbs-encoder.onnx')
        code, text, errors = command('export', model, file, '--encoder', coder)
        self.assertEqual(code, 0, errors)
        self.assertIn(coder, text)
        place = ['--data', self.data.folder.name, '--threads', '1', '--style-px', '64', '96',
                 '--crop', '64']
        result = self.data.path('scores.json')
        code, text, errors = command('score-pictures', model, *place, '--retrieval', '--photos',
                                     '2', '--json', result)
        self.assertEqual(code, 0, errors)
        self.assertIn('| ukiyoe_020.jpg |', text)
        self.assertRegex(text, 'nearest to its paintings in [01] of 1')
        code, again, errors = command('score-pictures', file, '--encoder', coder, *place,
                                      '--photos', '2')
        self.assertEqual(code, 0, errors)
        losses = [table.splitlines()[2].split('|')[2:4] for table in (text, again)]
        self.assertEqual(*losses)
        code, _, errors = command('score-pictures', file, *place)
        self.assertEqual(code, 1)
        self.assertIn('--encoder', errors)
        sheet = self.data.path('sheet.png')
        code, _, errors = command('gallery', file, self.data.path('content/0.png'), '--encoder',
                                  coder, '--picture', self.data.path('styles_many/mine.jpg'),
                                  '--px', '64', '--out', sheet)
        self.assertEqual(code, 0, errors)
        with data.Image.open(sheet) as image:
            self.assertGreater(image.height, 2 * 64)
        learned = self.data.path('learned.onnx')
        code, _, errors = command(
            'learn', self.data.path('styles_many/mine.jpg'), '--into', file, '--encoder', coder,
            *place, '--iterations', '1', '--out', learned)
        self.assertEqual(code, 0, errors)
        read = models.load(learned)
        self.assertEqual((read.styled, read.basis.bold, read.basis.soft), (4, 4, 133))
        old = models.load(file).one_row().net.photo
        self.assertTrue(torch.equal(read.net.photo[[0, 1, 2, *range(4, 262)]], old))

    def test_errors(self):
        def fails(words, text):
            code, _, errors = command(*words)
            self.assertEqual(code, 1, errors)
            self.assertIn(text, errors.splitlines()[-1])
        fails(self.words('--iterations', '1'), '--grow')
        fails(self.words('--grow', self.base, '--iterations', '1', '--pictures', '/nowhere'),
              '--pictures')
        fails(self.words('--grow', self.base, '--iterations', '1', '--encoder', self.base),
              'holds no encoder')
        fails(['export', self.base, self.data.path('x.onnx'), '--encoder',
               self.data.path('y.onnx')], 'leave out --encoder')
        self.train('one.pt', '--iterations', '1')
        with torch.no_grad():
            other = random_encoder()
        path = self.data.path('other.onnx')
        export.export_encoder(other, path)
        fails(self.words('--grow', self.data.path('one.pt'), '--encoder', path), 'another encoder')


class TeachTest(unittest.TestCase):
    def test_components(self):
        """By NumPy: whitened principal components, times the root of their deviation."""
        random = np.random.default_rng(0)
        x = random.normal(size=(50, 6)) * (9, 4, 1, 1, 0.5, 0) @ np.linalg.qr(
            random.normal(size=(6, 6)))[0] + 3
        z = teach.components(torch.from_numpy(x).float()).numpy()
        self.assertEqual(z.shape, (50, encoder.LENGTH))
        self.assertAlmostEqual(float((z ** 2).mean()), 1, places=4)
        np.testing.assert_allclose(z[:, 5:], 0, atol=1e-3)
        values = np.sqrt(np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1][:5])
        covariance = np.cov(z[:, :5].T, bias=True)
        np.testing.assert_allclose(covariance / covariance[0, 0], np.diag(values / values[0]),
                                   atol=1e-3)

    def test_regression(self):
        random = torch.Generator().manual_seed(0)
        x = torch.randn(200, 5, generator=random) * torch.tensor([1, 10, 0.1, 1, 1]) + 4
        matrix = torch.randn(5, 3, generator=random)
        with mock.patch.object(teach, 'RIDGE', 1e-6):
            found, bias = teach.regression(x, x @ matrix + 7)
        self.assertTrue(torch.allclose(found, matrix, atol=1e-2))
        self.assertTrue(torch.allclose(bias, torch.full((3,), 7.0), atol=0.1))

    def test_pictures_of_one_style_get_one_z(self):
        """Bright and dark noise: what the loss network tells of them, the encoder tells."""
        def target(number):
            random = np.random.default_rng(number)
            level = 60 if number % 2 else 250
            crop = (random.random((256, 256, 3)) * level).astype(np.uint8)
            return pictures.View(crop, crop, crop), {'a': torch.full((1, 1, 1), float(level))}
        coder = random_encoder()
        teach.teach(coder, (target(number) for number in range(12)))
        with torch.no_grad():
            z = coder(data.to_tensor([target(number)[0].same for number in range(20, 24)]))
        one, other = ((z[i] - z[i + 2]).norm() for i in (0, 1))
        self.assertLess(float(one + other), 0.3 * float((z[0] - z[1]).norm()))

    def test_logarithms(self):
        grams = {'a': torch.tensor([[[1.0, 5], [5, np.e]]]), 'b': torch.full((1, 1, 1), np.e ** 2)}
        self.assertTrue(torch.allclose(teach.logarithms(grams), torch.tensor([[0.0, 1, 2]])))


class ScoreTest(unittest.TestCase):
    def test_distance(self):
        one = {'a': torch.eye(3)[None], 'b': torch.ones(1, 2, 2)}
        zero = {name: 0 * gram for name, gram in one.items()}
        self.assertEqual(score_pictures.bounded_distance(one, one), 0)
        self.assertEqual(score_pictures.bounded_distance(one, zero), 1)

    def test_grey(self):
        image = torch.tensor([1.0, 0, 0.5]).view(1, 3, 1, 1)
        expected = 0.299 + 0.5 * 0.114
        self.assertTrue(torch.allclose(score_pictures.grey(image), torch.full((1, 3, 1, 1),
                                                                              expected)))


if __name__ == '__main__':
    unittest.main()
