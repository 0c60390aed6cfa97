"""The command line: which options each verb has, and what they mean together."""
import argparse
import os

import catalogue
import gatys
from losses import LOSS_NETS
from net import BOLDNESS
from net import SIZES, STRIDE
from problem import Problem

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, '../../../shared/data')
MINUTES = 10.0
LAYERS = [layer for net in LOSS_NETS.values() for layer in net.LAYERS]
# Options that say where things are and how long to train; all others decide the result.
FREE_ON_RESUME = ('data', 'content', 'pictures', 'loss_weights', 'out', 'resume', 'threads',
                  'minutes', 'iterations')
DESCRIPTION = ('name', 'title', 'artist', 'year', 'licence')


def bounded(kind, low, high):
    def parse(text):
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f'{text} is not from {low} to {high}')
        return value
    parse.__name__ = 'number'  # argparse names it when the text is no number
    return parse


WEIGHT = bounded(float, 0, 1e9)
PATH = os.path.abspath


def style_word(text):
    """A bare word is the name of a style; all else is a path."""
    bare = os.path.basename(text) == text and not os.path.splitext(text)[1]
    return text if bare else os.path.abspath(text)


class Verb:
    """A verb's parser under construction. Defaults that depend on other options are None
    here; see complete()."""

    def __init__(self, verbs, name, help):
        self.parser = verbs.add_parser(name, help=help, description=help, allow_abbrev=False)

    def add(self, name, default=None, help='', to=None, **rest):
        if default is not None and default is not False:
            shown = default if isinstance(default, list) else [default]
            help += f" (default: {' '.join(map(str, shown))})".replace('%', '%%')
        (to or self.parser).add_argument(name, default=default, help=help.strip(), **rest)

    def add_data(self, photos=True):
        add = self.add
        add('--data', type=PATH, default=os.environ.get('DAUB_DATA') or DATA,
            help='folder with styles/, content/, clips/ and the loss networks (environment: '
            'DAUB_DATA)')
        if photos:
            add('--content', type=PATH, nargs='+', metavar='FOLDER',
                help='photos to paint (default: content and content_more of DATA)')
        add('--loss-net', choices=tuple(LOSS_NETS), default='vgg16',
            help='the network whose features are compared')
        add('--loss-weights', type=PATH, metavar='NPZ',
            help='its weights (default: vgg16.npz or squeezenet_v1_0.npz of DATA)')
        add('--style-px', type=bounded(int, 64, 4096), nargs='+', default=[320, 512],
            help="the painting's short side; more makes smaller strokes; several are averaged")
        add('--content-layers', nargs='+', choices=LAYERS, metavar='LAYER',
            help='(default: conv3_3 of VGG-16, fire4 of SqueezeNet)')
        add('--style-layers', nargs='+', choices=LAYERS, metavar='LAYER',
            help='(default: conv1_2 conv2_2 conv3_3 conv4_3, or conv1 fire2 fire4 fire5 fire7)')
        add('--threads', type=bounded(int, 1, 1024), default=os.cpu_count() or 1)

    def add_styles(self, default):
        self.add('--style', type=style_word, nargs='+', metavar='STYLE', default=default,
                 help="paths of pictures, names in paintings.json, or 'all' of these; names are "
                 'pictures in DATA or patterns of our own')

    def add_boldness(self):
        self.add('--boldness', type=bounded(float, 0, 1), default=BOLDNESS,
                 help='mixes the soft (0) and the bold (1) row of each style into one, where a '
                 'network has both')

    def add_pictures(self):
        self.add('--pictures', type=PATH, nargs='+', metavar='FOLDER',
                 help='pictures to learn from (default: styles_many and styles of DATA)')

    def add_picture(self, default):
        self.add('--picture', type=PATH, nargs='+', help=f'pictures to paint in ({default})')

    def add_encoder(self):
        self.add('--encoder', type=PATH, metavar='ENCODER',
                 help='.onnx or checkpoint with the encoder, where MODEL has none')

    def add_batches(self):
        self.add('--batch', type=bounded(int, 1, 256), default=2)
        self.add_crop()

    def add_crop(self):
        self.add('--crop', type=bounded(int, 64, 2048), default=256,
                 help=f'pixels, a multiple of {STRIDE}')

    def add_checkpoints(self):
        self.add('--out', type=PATH, metavar='CHECKPOINT',
                 help='checkpoint to write (default: SIZE.pt)')
        self.add('--resume', type=PATH, metavar='CHECKPOINT',
                 help='continue this run with the options it had')
        self.add('--size', choices=tuple(SIZES), default='lite')

    def add_training(self, rate, steady_from, soft):
        add = self.add
        length = self.parser.add_mutually_exclusive_group()
        add('--minutes', type=bounded(float, 0.01, 1e5), to=length,
            help=f'sets the iterations from the pace of the first ones (default: {MINUTES:g})')
        add('--iterations', type=bounded(int, 1, 10**7), to=length,
            help='exact length: with the same seed, the same network')
        add('--seed', type=bounded(int, 0, 2**31), default=1)
        self.add_batches()
        add('--content-weight', type=WEIGHT, default=1.0)
        add('--style-weight', type=WEIGHT, default=15.0,
            help='of the bold row, or of the only one' if soft else '')
        if soft:
            add('--soft-weight', type=WEIGHT, default=4.0,
                help='style weight of the soft row; 0 trains no soft rows')
        add('--tv-weight', type=WEIGHT, default=1.0)
        add('--identity-weight', type=WEIGHT, default=10.0,
            help='of staying near the photo, the more the weaker the strength')
        add('--grid-weight', type=WEIGHT, default=1e4, help='against a dotted grid')
        add('--clip', type=bounded(float, 1e-6, 1e9), default=5.0,
            help='largest norm of the gradient')
        add('--steady-weight', type=WEIGHT, default=0.0, help='of the steadiness loss')
        add('--steady-from', type=bounded(float, 0, 1), default=steady_from,
            help='part of the run after which the steadiness loss sets in')
        add('--rate', type=bounded(float, 0, 1), default=rate, help='learning rate of Adam')

    def add_palette_and_description(self):
        add = self.add
        add('--palette-weight', type=WEIGHT, default=0.0, help="against colours that are foreign "
            'to the picture')
        add('--name', help='name of the style (default: from the file name, like the next three)')
        add('--title')
        add('--artist')
        add('--year', type=bounded(int, -40000, 3000))
        add('--licence', help="of the painting's picture (default: public domain where it is "
            'known)')


def add_train(verbs):
    verb = Verb(verbs, 'train', 'train a network on pictures')
    verb.add_data()
    verb.add_styles(['starry_night'])
    verb.add('--grow', type=PATH, metavar='MODEL',
             help='start from this network of the same styles and stages, as large or smaller, '
             'instead of from nothing; soft rows it lacks start as copies of the bold ones')
    verb.add_checkpoints()
    verb.add_training(rate=2e-3, steady_from=0.3, soft=True)
    verb.add_palette_and_description()
    return verb.parser


def add_predictor(verbs):
    verb = Verb(verbs, 'predictor', 'train a network further so that any picture is a style, and '
                'an encoder that describes the picture')
    verb.add_data()
    verb.add_styles(['all'])
    verb.add('--grow', type=PATH, metavar='MODEL',
             help='the network of these styles to start from, as large or smaller')
    verb.add('--encoder', type=PATH, metavar='MODEL',
             help='an encoder made before (.onnx, .pt), which is left as it is: networks with the '
             'same encoder take the same description of a picture (default: that of --grow, '
             'trained on, or a new one)')
    verb.add_pictures()
    verb.add('--rehearsal', type=bounded(float, 0, 1), default=0.25,
             help="part of the samples that are painted in the network's own styles")
    verb.add('--convolution-share', type=bounded(float, 0, 1), default=0.3,
             help='of the learning rate, for the convolutions; 0 leaves them as they are')
    verb.add('--encoder-share', type=bounded(float, 0, 1), default=0.1,
             help='of the learning rate, for the encoder')
    verb.add_checkpoints()
    verb.add_training(rate=1e-3, steady_from=0.3, soft=True)
    return verb.parser


def add_learn(verbs):
    verb = Verb(verbs, 'learn', 'add a style to a network, its other styles unchanged; the result '
                'has one row a style')
    verb.parser.add_argument('picture', metavar='PICTURE', type=style_word)
    verb.add('--into', type=PATH, metavar='MODEL', required=True,
             help='model (.onnx) or checkpoint (.pt) to start from')
    verb.add('--out', type=PATH, metavar='MODEL.onnx', required=True)
    verb.add_boldness()
    verb.add_encoder()
    verb.add_data()
    verb.add_training(rate=1e-2, steady_from=0.3, soft=False)
    verb.add_palette_and_description()
    return verb.parser


def add_score(verbs):
    verb = Verb(verbs, 'score', 'measure networks, style by style')
    verb.parser.add_argument('models', metavar='MODEL', nargs='+', type=PATH)
    verb.add_boldness()
    verb.add_data()
    verb.add_styles(['all'])
    verb.add_batches()
    verb.add('--beside', type=PATH, metavar='FOLDER',
             help='folder of nets of one style, SIZE-NAME.pt or .onnx, to compare with')
    verb.add('--clips', type=PATH, metavar='FOLDER', help='videos (default: clips of DATA)')
    verb.add('--frames', type=bounded(int, 0, 10000), default=40,
             help='of each clip; 0 leaves the clips out')
    verb.add('--gatys', type=bounded(int, 0, 1000), default=0, metavar='PHOTOS',
             help="photos that are also painted by Gatys' optimisation, and after how many of its "
             'steps it is as good as the network')
    verb.add('--steps', type=bounded(int, 1, 100000), default=300, help='of the optimisation')
    verb.add('--json', type=PATH, metavar='FILE', help='write everything there, too')
    return verb.parser


def add_score_pictures(verbs):
    verb = Verb(verbs, 'score-pictures', 'measure a network on pictures that it was not trained on')
    verb.parser.add_argument('model', metavar='MODEL', type=PATH)
    verb.add_encoder()
    verb.add_picture('default: those held out')
    verb.add_pictures()
    verb.add_boldness()
    verb.add_data()
    verb.add_crop()
    verb.add('--photos', type=bounded(int, 1, 10000), default=6, help='held-out photos to paint')
    verb.add('--retrieval', action='store_true',
             help="also rank all pictures by how near they are to each one's paintings")
    verb.add('--json', type=PATH, metavar='FILE', help='write everything there, too')
    return verb.parser


def add_gatys(verbs):
    verb = Verb(verbs, 'gatys', 'paint one picture by optimisation, slowly')
    verb.parser.add_argument('photo', metavar='CONTENT', type=PATH)
    verb.parser.add_argument('style', metavar='STYLE', type=style_word)
    verb.add('--out', type=PATH, metavar='IMAGE', default='gatys.png')
    verb.add_data(photos=False)
    verb.add('--px', type=bounded(int, 64, 4096), default=512, help="the photo's short side")
    verb.add('--steps', type=bounded(int, 1, 100000), default=300)
    for name, of in (('alpha', 'the content'), ('beta', 'the style'), ('tv', 'smoothness')):
        verb.add(f'--{name}', type=WEIGHT, default=gatys.WEIGHTS[name], help=f'weight of {of}')
    return verb.parser


def add_gallery(verbs):
    verb = Verb(verbs, 'gallery', 'paint photos in every style of a network, or in any '
                'pictures, into one sheet')
    verb.parser.add_argument('model', metavar='MODEL', type=PATH)
    verb.parser.add_argument('photos', metavar='PHOTO', nargs='+', type=PATH)
    verb.add('--out', type=PATH, metavar='IMAGE', default='gallery.png')
    verb.add('--px', type=bounded(int, 32, 4096), default=256, help="the photos' short side")
    verb.add_boldness()
    verb.add_picture("default: the network's own styles")
    verb.add_encoder()
    return verb.parser


def add_export(verbs):
    verb = Verb(verbs, 'export', 'write the network of a checkpoint as ONNX')
    verb.parser.add_argument('model', metavar='CHECKPOINT', type=PATH)
    verb.parser.add_argument('out', metavar='OUT.onnx', type=PATH)
    verb.add('--encoder', type=PATH, metavar='ENCODER.onnx', help='write its encoder there, too')
    verb.add('--boldness', type=bounded(float, 0, 1), metavar='B',
             help='one row a style, mixed of its soft (0) and its bold (1) row (default: both '
             'rows are kept, and the program mixes them)')
    return verb.parser


def add_patterns(verbs):
    verb = Verb(verbs, 'patterns', 'draw the style pictures of our own as PNG files')
    verb.parser.add_argument('folder', metavar='FOLDER')
    return verb.parser


def add_verbs(verbs):
    """Parsers by verb."""
    return {'train': add_train(verbs), 'predictor': add_predictor(verbs),
            'learn': add_learn(verbs), 'export': add_export(verbs), 'score': add_score(verbs),
            'score-pictures': add_score_pictures(verbs), 'gatys': add_gatys(verbs),
            'gallery': add_gallery(verbs), 'patterns': add_patterns(verbs)}


def located(options):
    """A copy with the files of the data folder filled in."""
    options = dict(options)
    if 'loss_net' in options:
        net = LOSS_NETS[options['loss_net']]
        options['loss_weights'] = options['loss_weights'] or os.path.join(options['data'], net.FILE)
        for key, default in (('content_layers', net.CONTENT_LAYERS),
                             ('style_layers', net.STYLE_LAYERS)):
            options[key] = options[key] or list(default)
            foreign = [layer for layer in options[key] if layer not in net.LAYERS]
            if foreign:
                raise Problem(f"{options['loss_net']} has no layer {foreign[0]}; its layers are "
                              f"{' '.join(net.LAYERS)}")
    if 'content' in options and not options['content']:
        content, more = (os.path.join(options['data'], name)
                         for name in ('content', 'content_more'))
        options['content'] = [content, more] if os.path.isdir(more) else [content]
    if 'pictures' in options and not options['pictures']:
        options['pictures'] = [os.path.join(options['data'], name)
                               for name in ('styles_many', 'styles')]
    if 'clips' in options:
        options['clips'] = options['clips'] or os.path.join(options['data'], 'clips')
    crop = options.get('crop', STRIDE)
    if crop % STRIDE:
        raise Problem(f'--crop {crop} is not a multiple of {STRIDE}; give '
                      f'{crop // STRIDE * STRIDE}')
    return options


def complete(options, taken=(catalogue.IDENTITY,)):
    """The parsed options of train and learn with those that depend on others filled in.
    taken: styles whose names are used already."""
    options = {'palette_weight': 0.0, **located(options)}
    options['minutes'] = options['minutes'] or MINUTES
    options['style'] = catalogue.expand(options['style'])
    options['paintings'] = [catalogue.describe(word) for word in options['style']]
    given = {key: options[key] for key in DESCRIPTION if options.get(key) is not None}
    if given and len(options['style']) > 1:
        raise Problem(f'--{next(iter(given))} describes one picture; give one --style with it')
    options['paintings'][0].update(given)
    names = [style['name'] for style in [*taken, *options['paintings']]]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise Problem(f"two styles have the same name, '{twice[0]}'; rename a picture, give "
                      'another --name, or leave one out')
    return options


def changed(parser, options):
    """The options that differ from the defaults, with file names instead of paths."""
    defaults = {name: parser.get_default(name) for name in options}
    return {key: [os.path.basename(word) for word in value] if key == 'style' else
            os.path.basename(value) if key in ('into', 'grow', 'encoder') else value
            for key, value in options.items()
            if key not in (*FREE_ON_RESUME, 'seed', 'picture') and value != defaults[key]}


def resumed(parser, words, state):
    """The options of a stored run, except for those that do not change what it computes."""
    stored = state['options']
    if state['iterations'] is not None:
        stored = dict(stored, minutes=None, iterations=state['iterations'])
    parser.set_defaults(**{**stored, 'resume': None, 'out': None})
    options = vars(parser.parse_args(words))
    different = [key for key in stored
                 if key not in FREE_ON_RESUME and options[key] != stored[key]]
    if options['minutes'] and state['iterations'] is not None:
        different.append('minutes')
    if different:
        raise Problem('--resume continues with the options the run had (--iterations may change '
                      f"its length); leave out --{different[0].replace('_', '-')}")
    return options
