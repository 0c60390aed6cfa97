import argparse
import os
import signal
import subprocess
import unittest

import numpy as np
import torch
from PIL import Image

import catalogue
import checkpoint
import cli
import data
import losses
import model as models
import options
from net import SIZES, Limit, Painter
from tiny import Data, command
from train import Trainer

RUN = os.path.join(os.path.dirname(__file__), '..', 'run')


def weights(path):
    return checkpoint.load(path)['net']


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


class TrainTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = Data()
        cls.addClassCleanup(cls.data.close)

    def train(self, out, *words):
        path = self.data.path(out)
        code, text, errors = self.data.train('--out', path, *words)
        self.assertEqual(code, 0, errors)
        return path, text

    def trainer(self, *words):
        parser = options.add_train(argparse.ArgumentParser().add_subparsers())
        full = options.complete(vars(parser.parse_args(self.data.train_words(*words)[1:])))
        torch.manual_seed(1)
        return Trainer(full, cli.fresh(full), data.Photos(full['content']),
                       catalogue.losses(full))

    def test_launcher_trains_and_exports(self):
        trained, exported = self.data.path('launched.pt'), self.data.path('launched.onnx')
        words = self.data.train_words('--iterations', '2', '--out', trained)
        result = subprocess.run([RUN, *words], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('2/2', result.stderr)
        self.assertRegex(result.stdout, r'2 iterations.*2 held-out.*content \d.*style \d')
        result = subprocess.run([RUN, 'export', trained, exported], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertGreater(os.path.getsize(exported), 800_000)

    def test_resumed_run_equals_uninterrupted_one(self):
        words = ['--seed', '7', '--palette-weight', '50', '--steady-weight', '200']
        whole, _ = self.train('whole.pt', '--iterations', '4', *words)
        part, _ = self.train('part.pt', '--iterations', '2', *words)
        self.assertFalse(equal(weights(whole), weights(part)))
        code, _, errors = command('train', '--resume', part, '--iterations', '4')
        self.assertEqual(code, 0, errors)
        self.assertTrue(equal(weights(whole), weights(part)))
        self.assertIn('--steady-weight 200.0 --style-px 64 96 --seed 7 --iterations 2 '
                      'then --resume --iterations 4;',
                      checkpoint.recipe(checkpoint.load(part)))

    def test_resume_keeps_the_options(self):
        path, _ = self.train('kept.pt', '--iterations', '1', '--style-weight', '3',
                             '--style-layers', 'conv1_2', 'conv2_2')
        for words in (['--style-weight', '4'], ['--size', 'standard'], ['--minutes', '1'],
                      ['--seed', '9'], ['--style-px', '96', '64'], ['--soft-weight', '1'],
                      ['--style-layers', 'conv1_2'], ['--loss-net', 'squeezenet'],
                      ['--style', 'starry_night', 'udnie']):
            code, _, errors = command('train', '--resume', path, *words)
            self.assertEqual(code, 1, errors)
            self.assertIn(f'leave out {words[0]}', errors)
        same = ['--style-px', '64', '96', '--style-layers', 'conv1_2', 'conv2_2']
        elsewhere = ['--content', self.data.path('content_more'), self.data.path('content'),
                     '--loss-weights', self.data.path('vgg16.npz')]
        for words in ([], same, elsewhere):
            code, _, errors = command('train', '--resume', path, *words)
            self.assertEqual(code, 0, errors)
        self.assertIn('train --crop 64 --style-layers conv1_2 conv2_2 --style-px 64 96 '
                      '--style-weight 3.0 --seed 1',
                      checkpoint.recipe(checkpoint.load(path)))

    def test_resume_needs_the_same_styles(self):
        """'all' may stand for more of them by then."""
        path, _ = self.train('styles.pt', '--iterations', '1')
        state = checkpoint.load(path)
        state['styles'][1]['name'] = 'a-night'
        checkpoint.save(path, state)
        code, _, errors = command('train', '--resume', path, '--iterations', '2')
        self.assertEqual(code, 1)
        self.assertIn('other styles', errors)

    def test_seed_decides(self):
        one, _ = self.train('one.pt', '--iterations', '1', '--seed', '1')
        same, _ = self.train('same.pt', '--iterations', '1', '--seed', '1')
        other, _ = self.train('other.pt', '--iterations', '1', '--seed', '2')
        self.assertTrue(equal(weights(one), weights(same)))
        self.assertFalse(equal(weights(one), weights(other)))

    def test_training_lowers_the_style_loss(self):
        def style(text):
            return float(text.split('style ')[1].split(';')[0])
        _, start = self.train('start.pt', '--iterations', '1')
        path, end = self.train('end.pt', '--iterations', '120', '--style-weight', '100',
                               '--soft-weight', '0.01')
        self.assertLess(style(end), 0.7 * style(start))
        self.compare_rows(models.load(path))

    def compare_rows(self, model):
        """The bold row is nearer to the picture, the soft one to the photo."""
        perceptual = self.trainer().perceptual
        photo = torch.cat(list(data.Photos([self.data.path('content')]).held_out_batches(1, 64)))
        with torch.no_grad():
            scores = [perceptual(model.paint(photo, model.row('starry-night', boldness)), photo,
                                 torch.zeros(len(photo), dtype=torch.int64))
                      for boldness in (0, 0.5, 1)]
        content, style = ([float(score[i].mean()) for score in scores] for i in (0, 1))
        self.assertLess(content[0], content[1])
        self.assertLess(content[1], content[2])
        self.assertGreater(style[0], 1.3 * style[2])

    def test_samples_have_soft_bold_and_mixed_rows(self):
        trainer = self.trainer('--batch', '200', '--style', 'starry_night', 'ink_hatching',
                               '--style-weight', '16', '--soft-weight', '4')
        samples = trainer.draw_samples(np.random.default_rng(0))
        row, strength, weight = samples.row, samples.strength, samples.style_weight
        self.assertEqual(row.shape, (200, 5))
        self.assertTrue(torch.allclose(row.sum(1), torch.ones(200)))
        self.assertTrue(torch.allclose(row[:, 0], 1 - strength))
        bold, soft = (row[range(200), samples.picture + first] for first in (1, 3))
        self.assertTrue(torch.allclose(bold + soft, strength))
        bold = (bold / strength)[strength > 0.01]
        expected = 16 ** bold * 4 ** (1 - bold)
        self.assertTrue(torch.allclose(weight[strength > 0.01], expected, rtol=1e-3))
        for share, part in ((bold == 0, 0.4), (bold == 1, 0.4)):
            self.assertAlmostEqual(float(share.float().mean()), part, delta=0.1)
        self.assertAlmostEqual(float((strength < 1).float().mean()), 0.1, delta=0.07)

    def test_one_row_a_style(self):
        trainer = self.trainer('--soft-weight', '0', '--style-weight', '16')
        samples = trainer.draw_samples(np.random.default_rng(0))
        self.assertEqual(samples.row.shape, (2, 2))
        self.assertEqual(samples.style_weight.tolist(), [16, 16])

    def test_gradient_is_clipped(self):
        trainer = self.trainer('--clip', '0.001')
        trainer.step()
        squares = sum(float((p.grad ** 2).sum()) for p in trainer.net.parameters())
        self.assertAlmostEqual(squares ** 0.5, 0.001, places=5)

    def test_other_loss_network(self):
        path, _ = self.train('squeezed.pt', '--iterations', '2', '--loss-net', 'squeezenet',
                             '--content-layers', 'fire3')
        self.assertIn('--content-layers fire3 --crop 64 --loss-net squeezenet --style-px',
                      checkpoint.recipe(checkpoint.load(path)))
        other, _ = self.train('vgg.pt', '--iterations', '2')
        self.assertFalse(equal(weights(path), weights(other)))

    def test_photos_of_several_folders(self):
        folders = [self.data.path('content'), self.data.path('content_more')]
        photos = data.Photos(folders)
        self.assertEqual(photos.held_out, [os.path.join(folders[0], '0.png'),
                                           os.path.join(folders[1], '0.png')])
        self.assertEqual(len(photos.training), 4)
        self.assertEqual(data.Photos(folders[:1]).held_out, photos.held_out[:1])

    def test_minutes_fix_the_iterations(self):
        path, _ = self.train('timed.pt', '--minutes', '0.05', '--steady-weight', '200',
                             '--steady-from', '0')
        state = checkpoint.load(path)
        self.assertEqual(state['iteration'], state['iterations'])
        self.assertGreaterEqual(state['iterations'], 40)

    def test_many_styles_beside_the_photo_itself(self):
        path, _ = self.train('many.pt', '--iterations', '2', '--style', 'starry_night',
                             'ink_hatching', self.data.path('styles/own.png'))
        state = checkpoint.load(path)
        self.assertEqual([style['name'] for style in state['styles']],
                         ['identity', 'starry-night', 'ink-hatching', 'own'])
        self.assertEqual([style['licence'] for style in state['styles']],
                         ['MIT', 'public domain', 'MIT', 'not stated'])
        self.assertEqual(len(state['net']['photo']), 7)
        self.assertIn('--style starry_night ink_hatching own.png --style-px 64 96',
                      checkpoint.recipe(state))

    def test_identity_is_the_photo_itself(self):
        path, _ = self.train('identity.pt', '--iterations', '3')
        net = checkpoint.painter(checkpoint.load(path))
        photo = torch.rand(1, 3, 64, 64)
        with torch.no_grad():
            self.assertTrue(torch.equal(net(photo, torch.tensor([[1.0, 0, 0]])), photo))
            half = net(photo, torch.tensor([[0.5, 0.5, 0]]))
            whole = net(photo, torch.tensor([[0.0, 1, 0]]))
        distance = [float((painting - photo).abs().mean()) for painting in (half, whole)]
        self.assertLess(distance[0], 0.8 * distance[1])

    def test_interrupt_saves(self):
        path = self.data.path('interrupted.pt')
        words = self.data.train_words('--iterations', '100000', '--out', path)
        with subprocess.Popen([RUN, *words], stderr=subprocess.PIPE, text=True) as process:
            self.addCleanup(process.kill)
            self.assertIn('training lite', process.stderr.readline())
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn('--resume', errors)
        self.assertGreaterEqual(checkpoint.load(path)['iteration'], 1)


class ErrorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = Data()
        cls.addClassCleanup(cls.data.close)

    def fails(self, words, *texts):
        code, _, errors = command(*words)
        self.assertEqual(code, 1, errors)
        for text in texts:
            self.assertIn(text, errors)
        self.assertEqual(len(errors.strip().splitlines()), 1, errors)

    def train_fails(self, words, *texts):
        self.fails(self.data.train_words('--out', self.data.path('x.pt'), '--iterations', '1',
                                         *words), *texts)

    def write(self, name, content):
        path = self.data.path(name)
        with open(path, 'wb') as file:
            file.write(content)
        return path

    def test_absent_data(self):
        self.train_fails(['--content', '/nowhere'], 'no pictures at /nowhere', '--content')
        self.train_fails(['--content', self.data.path('one')], 'at least 2', '--content')
        self.train_fails(['--loss-weights', '/nowhere.npz'], 'no loss network at /nowhere.npz',
                         '--loss-weights')
        self.train_fails(['--style', '/nowhere.jpg'], 'no picture at /nowhere.jpg', '--style')
        self.train_fails(['--style', 'nonsense'], "'nonsense' is no style", 'starry_night')
        self.train_fails(['--style', 'udnie', 'udnie'], 'the same name')
        self.train_fails(['--style', 'udnie', 'ink_hatching', '--title', 'x'], 'one --style')

    def test_damaged_data(self):
        text = self.write('text.jpg', b'no picture')
        self.train_fails(['--style', text], 'cannot read the picture', '--style')
        strip = self.data.path('strip.png')
        Image.new('RGB', (1, 64)).save(strip)
        self.train_fails(['--style', strip], 'times as long', '--style')
        self.train_fails(['--loss-weights', text], 'is not VGG-16', '--loss-weights')
        np.savez(self.data.path('empty.npz'))
        self.train_fails(['--loss-weights', self.data.path('empty.npz')], 'is not VGG-16')
        self.train_fails(['--loss-net', 'squeezenet', '--loss-weights',
                          self.data.path('vgg16.npz')], 'is not SqueezeNet v1.0')
        self.train_fails(['--content-layers', 'fire4'], 'vgg16 has no layer fire4', 'conv3_3')
        self.train_fails(['--loss-net', 'squeezenet', '--style-layers', 'fire4', 'conv1_2'],
                         'squeezenet has no layer conv1_2')
        self.train_fails(['--crop', '68'], 'not a multiple of 8', 'give 64')
        self.train_fails(['--rate', '1', '--out', '/nowhere/x.pt'], 'cannot write', '--out')

    def test_damaged_checkpoint(self):
        for name, content in (('text.pt', b'no checkpoint'), ('empty.pt', b'')):
            path = self.write(name, content)
            self.fails(['export', path, self.data.path('x.onnx')], 'not a readable checkpoint')
        self.fails(['export', '/nowhere.pt', 'x.onnx'], 'no checkpoint at /nowhere.pt')
        self.fails(['train', '--resume', '/nowhere.pt'], 'no checkpoint at /nowhere.pt')
        torch.save({'net': {}}, self.data.path('foreign.pt'))
        self.fails(['export', self.data.path('foreign.pt'), 'x.onnx'], 'not a checkpoint of this')


class PartsTest(unittest.TestCase):
    def test_phases_start_equal(self):
        torch.manual_seed(0)
        painting = Painter(SIZES['lite'], 2)(torch.rand(1, 3, 32, 32), torch.tensor([[0.0, 1.0]]))
        phases = torch.nn.functional.pixel_unshuffle(painting, 2).view(1, 3, 4, 16, 16)
        self.assertTrue(torch.allclose(phases, phases[:, :, :1].expand_as(phases), atol=1e-6))

    def test_limit_leads_back(self):
        x = torch.tensor([-1.0, -1.0, 0.5, 2.0, 2.0], requires_grad=True)
        y = Limit.apply(x)
        self.assertEqual(y.tolist(), [0, 0, 0.5, 1, 1])
        y.backward(torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0]))
        self.assertEqual(x.grad.tolist(), [0, -1, 1, 1, 0])

    def test_motion_compares_what_moved(self):
        random = np.random.default_rng(1)
        motion = data.Motion(random, 3, 96)
        smooth = torch.nn.functional.interpolate(torch.rand(3, 3, 12, 12), scale_factor=8,
                                                 mode='bicubic')
        self.assertEqual(float(motion.compare(smooth, motion.warp(smooth))), 0)
        self.assertGreater(float(motion.compare(smooth, smooth)), 1e-4)
        self.assertGreater(float(motion.mask.mean()), 0.3)

    def test_motion_is_small(self):
        side = 256
        pixel = 2 / side
        rest = torch.nn.functional.affine_grid(torch.eye(2, 3)[None], (1, 3, side, side),
                                               align_corners=False)
        for seed in range(5):
            motion = data.Motion(np.random.default_rng(seed), 4, side)
            centre = (motion.grid - rest)[:, side // 2, side // 2] / pixel
            self.assertLessEqual(float(centre.abs().max()), motion.SHIFT_PX + 0.1)
            self.assertGreater(float(centre.abs().max()), 0.1)

    def test_grid_energy_is_that_of_lines_of_the_spectrum(self):
        image = np.random.default_rng(4).random((1, 1, 32, 48))
        power = np.abs(np.fft.fft2(image[0, 0])) ** 2 / image.size ** 2
        for period in (2, 4):
            rows = sum(power[32 // period * i].sum() for i in range(1, period))
            columns = sum(power[:, 48 // period * i].sum() for i in range(1, period))
            self.assertAlmostEqual(float(losses.grid_energy(torch.from_numpy(image), period)),
                                   rows + columns, places=6)

    def test_lattice_energy_is_that_of_points_of_the_spectrum(self):
        image = np.random.default_rng(4).random((1, 1, 32, 48))
        power = np.abs(np.fft.fft2(image[0, 0])) ** 2 / image.size ** 2
        for period in (4, 8):
            points = power[::32 // period, ::48 // period]
            energy = losses.lattice_energy(torch.from_numpy(image), period)
            self.assertAlmostEqual(float(energy), points.sum() - points[0, 0], places=6)

    def test_rows(self):
        styles, boldness = torch.tensor([0, 1, 2, 2]), torch.tensor([0.5, 1, 0, 0.25])
        self.assertEqual(models.rows(styles, boldness, 3, 5).tolist(), [
            [1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0.25, 0, 0.75]])
        self.assertEqual(models.rows(styles, boldness, 3, 3).tolist(), [
            [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]])

    def test_relighting_adds_night_and_lamps(self):
        grey = torch.full((40, 3, 32, 32), 0.5)
        lit = data.relight(grey.clone(), np.random.default_rng(0))
        changed = [i for i in range(40) if not torch.equal(lit[i], grey[i])]
        self.assertGreater(len(changed), 4)
        self.assertLess(len(changed), 20)
        self.assertLess(float(lit[changed].median()), 0.45)
        self.assertGreater(float(lit.max()), 0.7)
        self.assertLessEqual(float(lit.max()), 1)

    def test_palette(self):
        """Own colours are not foreign, of others the squared distance counts; by NumPy."""
        random = np.random.default_rng(3)
        colours = random.normal((0.6, 0.4, 0.2), (0.1, 0.05, 0.08), (40 * 50, 3)) @ [
            [1, 0.3, 0], [0, 1, 0.2], [0, 0, 1]]
        picture = torch.from_numpy(colours.T.reshape(1, 3, 40, 50)).float()
        palette = losses.Palette([torch.rand(1, 3, 30, 30), picture])
        inverse = np.linalg.inv(np.cov(colours.T) + 1e-3 * np.eye(3))

        def squares(colours):
            d = colours - np.mean(picture.numpy(), axis=(0, 2, 3))
            return np.einsum('...i,ij,...j', d, inverse, d)
        limit = np.quantile(squares(colours), 0.995)
        self.assertLess(float(palette(picture, [1])), 0.01)
        foreign = random.random((2, 8, 9, 3))
        want = np.maximum(squares(foreign) / limit - 1, 0).mean((1, 2))
        got = palette(torch.from_numpy(foreign).permute(0, 3, 1, 2), torch.tensor([1, 1]))
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-3)
        self.assertGreater(want.min(), 1)

    def test_gram_and_error(self):
        random = np.random.default_rng(2)
        features = random.normal(size=(2, 3, 4, 5))
        expected = np.einsum('nchw,ndhw->ncd', features, features) / 20
        np.testing.assert_allclose(losses.gram(torch.from_numpy(features)).numpy(), expected,
                                   rtol=1e-5)
        target = random.normal(size=(2, 3, 4, 5))
        error = ((features - target) ** 2).mean((1, 2, 3)) / (target ** 2).mean((1, 2, 3))
        np.testing.assert_allclose(
            losses.relative_error(torch.from_numpy(features), torch.from_numpy(target)).numpy(),
            error, rtol=1e-6)


if __name__ == '__main__':
    unittest.main()
