import unittest

import torch

import catalogue
from grow import grow
from model import Model
from net import FIRST_SIZES, SIZES, Painter
from problem import Problem
from tiny import Data, command
import checkpoint


def trained(size, styles=3, rows=3, shapes=SIZES):
    """A network with no value left as it begins."""
    torch.manual_seed(5)
    net = Painter(shapes[size], rows)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return Model(size, [catalogue.IDENTITY] + [{'name': f'style{i}'} for i in range(1, styles)],
                 net)


class GrowTest(unittest.TestCase):
    def test_paints_the_same_at_first(self):
        photo, row = torch.rand(2, 3, 40, 48), torch.tensor([[0.2, 0.7, 0.1], [0.0, 0.0, 1.0]])
        small = trained('lite')
        for size in ('lite', 'standard', 'quality'):
            big = grow(small, size, seed=3)
            self.assertEqual(big.size, size)
            self.assertLess((big.net(photo, row) - small.net(photo, row)).abs().max(), 1e-4)
        self.assertGreater((small.net(photo, row)[0] - small.net(photo, row)[1]).abs().max(), 0.1)

    def test_two_rows_stay(self):
        big = grow(trained('lite', 2), 'standard', seed=3)
        self.assertTrue(big.has_soft_rows())
        self.assertEqual(big.net.rows, 3)

    def test_soft_rows_start_as_the_bold_ones(self):
        one = trained('lite')
        two = one.two_rows()
        photo = torch.rand(1, 3, 40, 48)
        self.assertEqual(two.net.rows, 5)
        self.assertIs(two.two_rows(), two)
        for name in ('identity', 'style1', 'style2'):
            for boldness in (0.0, 0.5, 1.0):
                self.assertTrue(torch.allclose(two.paint(photo, two.row(name, boldness)),
                                               one.paint(photo, one.row(name)), atol=1e-6))

    def test_copies_part_ways(self):
        big = grow(trained('lite'), 'standard', seed=3).net
        (big(torch.rand(1, 3, 32, 32), torch.tensor([[0.0, 1.0, 0.0]])) ** 2).mean().backward()
        gradient = big.blocks[0].first.conv.weight.grad.flatten(1)
        distance = torch.cdist(gradient, gradient) / gradient.norm(dim=1).mean()
        distance.fill_diagonal_(1)
        self.assertGreater(distance.min(), 1e-3)

    def test_does_not_shrink(self):
        for small in (trained('standard'), trained('lite', shapes=FIRST_SIZES)):
            with self.assertRaisesRegex(Problem, 'cannot grow to'):
                grow(small, 'lite', seed=1)

    def test_train_grows(self):
        with Data() as data:
            small, big = data.path('small.pt'), data.path('big.pt')
            code, _, errors = data.train('--out', small, '--iterations', '1')
            self.assertEqual(code, 0, errors)
            words = ['--grow', small, '--size', 'standard', '--iterations', '1']
            code, _, errors = data.train('--out', big, *words)
            self.assertEqual(code, 0, errors)
            self.assertRegex(checkpoint.recipe(checkpoint.load(big)),
                             '(?s)iterations 1.*\n.*--grow small.pt')
            code, _, errors = command('train', '--resume', big, '--iterations', '2')
            self.assertEqual(code, 0, errors)
            exported, again = data.path('small.onnx'), data.path('again.pt')
            code, _, errors = command('export', small, exported)
            self.assertEqual(code, 0, errors)
            for source in (small, exported):
                for soft_weight, rows in (('4', 3), ('0', 2)):
                    code, _, errors = data.train('--grow', source, '--iterations', '1', '--out',
                                                 again, '--soft-weight', soft_weight)
                    self.assertEqual(code, 0, errors)
                    self.assertEqual(len(checkpoint.load(again)['net']['photo']), rows)
            code, _, errors = data.train('--style', data.path('styles/own.png'), *words)
            self.assertEqual(code, 1)
            self.assertIn('other styles', errors)


if __name__ == '__main__':
    unittest.main()
