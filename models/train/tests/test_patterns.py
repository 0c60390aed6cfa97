import os
import tempfile
import unittest

import numpy as np
from PIL import Image

import patterns
from tiny import command


class PatternsTest(unittest.TestCase):
    def test_pictures_have_tones_and_colours(self):
        with tempfile.TemporaryDirectory() as folder:
            code, text, errors = command('patterns', folder)
            self.assertEqual(code, 0, errors)
            self.assertEqual(len(text.split()), len(patterns.PATTERNS))
            for path in text.split():
                picture = np.asarray(Image.open(path)).astype(float)
                self.assertEqual(picture.shape, (768, 768, 3))
                low, high = np.percentile(picture.mean(2), (2, 98))
                self.assertGreater(high - low, 100, path)
                self.assertGreater((picture.max(2) - picture.min(2)).mean(), 20, path)

    def test_same_picture_every_time(self):
        one, other = (np.asarray(patterns.draw('pixel_mosaic')) for _ in range(2))
        self.assertTrue(np.array_equal(one, other))

    def test_folder_that_cannot_be_written(self):
        code, _, errors = command('patterns', os.path.join(os.devnull, 'x'))
        self.assertEqual(code, 1)
        self.assertIn('cannot write patterns', errors)


if __name__ == '__main__':
    unittest.main()
