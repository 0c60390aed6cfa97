"""models/train/run VERB ..."""
import argparse
import json
import os
import sys

import catalogue
import patterns
from problem import Problem

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, '../../../shared/data')
MINUTES = 10.0
# Options that say where things are and how long to train; all others decide the result.
FREE_ON_RESUME = ('data', 'content', 'loss_net', 'out', 'resume', 'threads', 'minutes',
                  'iterations')
STYLE_LAYERS = ['conv1', 'fire2', 'fire4', 'fire5', 'fire7']
LAYERS = ['conv1'] + [f'fire{i}' for i in range(2, 9)]


def bounded(kind, low, high):
    def parse(text):
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f'{text} is not from {low} to {high}')
        return value
    parse.__name__ = 'number'  # argparse names it when the text is no number
    return parse


def style_word(text):
    """A bare word is the name of a style; all else is a path."""
    bare = os.path.basename(text) == text and not os.path.splitext(text)[1]
    return text if bare else os.path.abspath(text)


def add_train(verbs):
    """Defaults that depend on other options are None here; see complete()."""
    verb = verbs.add_parser('train', help='train a network on pictures', allow_abbrev=False)

    def add(name, default=None, help='', **rest):
        if default is not None:
            help += ' (default: %(default)s)'
        verb.add_argument(name, default=default, help=help.strip(), **rest)

    path = os.path.abspath
    add('--data', type=path, default=os.environ.get('DAUB_DATA') or DATA,
        help='folder with styles/, content/ and squeezenet_v1_0.npz (environment: DAUB_DATA)')
    add('--style', type=style_word, nargs='+', metavar='STYLE', default=['starry_night'],
        help="paths of pictures, names in paintings.json, or 'all' of these; without a suffix "
        'styles/NAME.jpg of DATA or a pattern of our own (default: starry_night)')
    add('--content', type=path, metavar='FOLDER',
        help='photos to paint (default: content of DATA)')
    add('--loss-net', type=path, metavar='NPZ',
        help='SqueezeNet v1.0 (default: squeezenet_v1_0.npz of DATA)')
    add('--out', type=path, metavar='CHECKPOINT', help='checkpoint to write (default: SIZE.pt)')
    add('--resume', type=path, metavar='CHECKPOINT',
        help='continue this run with the options it had')
    add('--size', choices=('lite', 'standard', 'quality'), default='lite')
    length = verb.add_mutually_exclusive_group()
    length.add_argument('--minutes', type=bounded(float, 0.01, 1e5),
                        help='sets the iterations from the pace of the first ones '
                        f'(default: {MINUTES:g})')
    length.add_argument('--iterations', type=bounded(int, 1, 10**7),
                        help='exact length: with the same seed, the same network')
    add('--seed', type=bounded(int, 0, 2**31), default=1)
    add('--threads', type=bounded(int, 1, 1024), default=os.cpu_count() or 1)
    add('--batch', type=bounded(int, 1, 256), default=4)
    add('--crop', type=bounded(int, 64, 2048), default=256, help='pixels, a multiple of 4')
    add('--style-px', type=bounded(int, 64, 4096), default=384,
        help="the painting's short side; more makes smaller strokes")
    weight = bounded(float, 0, 1e9)
    add('--content-weight', type=weight, default=1.0)
    add('--style-weight', type=weight, default=5.0)
    add('--tv-weight', type=weight, default=2.0)
    add('--identity-weight', type=weight, default=60.0,
        help='of giving the photo back, in the identity style')
    add('--grid-weight', type=weight, default=5e4, help='against a dotted grid')
    add('--steady-weight', type=weight, default=200.0,
        help='0 trains without the steadiness loss')
    add('--steady-from', type=bounded(float, 0, 1), default=0.3,
        help='part of the run after which the steadiness loss sets in')
    add('--content-layers', nargs='+', choices=LAYERS, metavar='LAYER', default=['fire4'])
    add('--style-layers', nargs='+', choices=LAYERS, metavar='LAYER', default=STYLE_LAYERS)
    add('--rate', type=bounded(float, 0, 1), default=3e-3, help='learning rate of Adam')
    add('--name', help='name of the style (default: from the file name, like the next three)')
    add('--title')
    add('--artist')
    add('--year', type=bounded(int, -40000, 3000))
    add('--licence', help="of the painting's picture (default: public domain where it is known)")
    return verb


def complete(options):
    """The parsed options of train with those that depend on others filled in."""
    options = dict(options)
    for key, below in (('content', 'content'), ('loss_net', 'squeezenet_v1_0.npz')):
        options[key] = options[key] or os.path.join(options['data'], below)
    options['out'] = options['out'] or options['resume'] or f"{options['size']}.pt"
    options['minutes'] = options['minutes'] or MINUTES
    options['style'] = catalogue.expand(options['style'])
    options['paintings'] = [catalogue.describe(word) for word in options['style']]
    given = {key: options[key] for key in ('name', 'title', 'artist', 'year', 'licence')
             if options[key] is not None}
    if given and len(options['style']) > 1:
        raise Problem(f'--{next(iter(given))} describes one picture; give one --style with it')
    options['paintings'][0].update(given)
    names = ['identity'] + [style['name'] for style in options['paintings']]
    if len(set(names)) < len(names):
        raise Problem("two styles have the same name, or one is called 'identity'; rename a "
                      'picture or leave one out')
    if options['crop'] % 4:
        raise Problem(f"--crop {options['crop']} is not a multiple of 4; give "
                      f"{options['crop'] // 4 * 4}")
    return options


def resumed(verb, words, state):
    """The options of a stored run, except for those that do not change what it computes."""
    stored = state['options']
    if state['iterations'] is not None:
        stored = dict(stored, minutes=None, iterations=state['iterations'])
    verb.set_defaults(**{**stored, 'resume': None, 'out': None})
    options = vars(verb.parse_args(words))
    changed = [key for key in stored if key not in FREE_ON_RESUME and options[key] != stored[key]]
    if options['minutes'] and state['iterations'] is not None:
        changed.append('minutes')
    if changed:
        raise Problem('--resume continues with the options the run had (--iterations may change '
                      f"its length); leave out --{changed[0].replace('_', '-')}")
    return options


def train(verb, words):
    import checkpoint
    from train import Trainer

    defaults = vars(verb.parse_args([]))
    options = vars(verb.parse_args(words))
    state = None
    if options['resume']:
        state = checkpoint.load(options['resume'])
        options = resumed(verb, words, state)
    changed = {key: [os.path.basename(word) for word in value] if key == 'style' else value
               for key, value in options.items()
               if key not in FREE_ON_RESUME and key != 'seed' and value != defaults[key]}
    trainer = Trainer(complete(options), state)
    out = trainer.options['out']
    if not trainer.run(out, {'options': options, 'changed': changed}):
        print(f"\nstopped at iteration {trainer.iteration}; continue with "
              f'--resume {out}', file=sys.stderr)
        return 130
    content, style = trainer.score()
    print(f'{trainer.iteration} iterations, {trainer.seconds / 60:.1f} minutes; on '
          f'{len(trainer.photos.held_out)} held-out photos: content {content:.4f}, '
          f'style {style:.4f}; wrote {out}')
    return 0


def export(options):
    import checkpoint
    from export import export as write

    size = write(checkpoint.load(options.checkpoint), options.out)
    print(f'wrote {options.out}, {size} bytes')
    return 0


def main(words):
    parser = argparse.ArgumentParser(prog='models/train/run')
    verbs = parser.add_subparsers(dest='verb', required=True, metavar='VERB')
    train_verb = add_train(verbs)
    verb = verbs.add_parser('export', help='write the network of a checkpoint as ONNX')
    verb.add_argument('checkpoint', metavar='CHECKPOINT')
    verb.add_argument('out', metavar='OUT.onnx')
    verb = verbs.add_parser('patterns', help='draw the style pictures of our own as PNG files')
    verb.add_argument('folder', metavar='FOLDER')
    verbs.add_parser('test', help='run the tests on tiny data')
    options = parser.parse_args(words)
    try:
        if options.verb == 'train':
            return train(train_verb, words[1:])
        if options.verb == 'patterns':
            print('\n'.join(patterns.write(options.folder)))
            return 0
        return export(options)
    except Problem as problem:
        print(f'models/train/run: {problem}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
