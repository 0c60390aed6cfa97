"""Which styles there are: paintings of the data folder, our own patterns, other pictures."""
import functools
import json
import os

import patterns
from data import read_picture, scaled, to_tensor
from losses import LOSS_NETS, Perceptual
from problem import Problem

HERE = os.path.dirname(os.path.abspath(__file__))
IDENTITY = {'name': 'identity', 'title': 'The photo itself', 'artist': '', 'year': 0,
            'licence': 'MIT'}
PUBLISHED = tuple(IDENTITY)  # what an exported file says of each style


def known():
    with open(os.path.join(HERE, 'paintings.json'), encoding='utf-8') as file:
        return json.load(file)


def bold_share(name):
    """Of a style: the share of its bold row at boldness 0.5, as chosen by eye."""
    return known().get(name.replace('-', '_'), {}).get('bold_share', 0.5)


def expand(words):
    """The words of --style with 'all' replaced by everything paintings.json knows."""
    return [w for word in words for w in (sorted(known()) if word == 'all' else [word])]


def describe(word):
    """What is known of one style. content, style: factors of its loss weights."""
    stem = os.path.splitext(os.path.basename(word))[0]
    entry = {'name': stem.replace('_', '-'), 'title': stem.replace('_', ' '),
             'artist': 'unknown', 'year': 0, 'licence': 'not stated', 'content': 1.0,
             'style': 1.0}
    if stem in known():
        entry.update({'licence': 'public domain', **known()[stem]})
    return entry


@functools.lru_cache(maxsize=None)
def pattern(name, seed=patterns.SEED):
    """A pattern of our own, which takes seconds to draw."""
    return patterns.draw(name, seed)


def picture(word, data, short_side):
    """The style picture RGB uint8 [H,W,3]: a file, a pattern, or a painting of data/styles."""
    if os.path.basename(word) != word or os.path.splitext(word)[1]:
        return read_picture(word, short_side, 'give the painting with --style')
    if word in patterns.PATTERNS:
        return scaled(pattern(word), short_side)
    if word not in known():
        raise Problem(f"'{word}' is no style; give the path of a picture or one of "
                      f"all {' '.join(sorted(known()))}")
    below = known()[word].get('file', os.path.join('styles', f'{word}.jpg'))
    return read_picture(os.path.join(data, below), short_side, 'give the painting with --style')


def losses(options):
    """The losses against the pictures of options['style']."""
    pictures = [[to_tensor([picture(word, options['data'], short_side)])
                 for short_side in options['style_px']] for word in options['style']]
    net = LOSS_NETS[options['loss_net']](options['loss_weights'],
                                         options['content_layers'] + options['style_layers'])
    return Perceptual(net, options['content_layers'], options['style_layers'], pictures)
