"""models/train/run VERB ..."""
import argparse
import json
import os
import sys
import time

import torch

import catalogue
import checkpoint
import encoder
import export
import gallery
import gatys
import grow
import learn
import options
import patterns
import predictor
import score
import score_pictures
from data import Photos, read_picture, to_tensor
from model import Model, from_state, load, load_encoder
from net import SIZES, Painter
from pictures import Pictures
from predictor import Predictor
from problem import Problem
from train import Trainer


def run_train(parser, words):
    def make(full, state):
        return Trainer(full, from_state(state) if state else fresh(full), Photos(full['content']),
                       catalogue.losses(full), state=state)
    return run_training('train', parser, words, make, report)


def run_predictor(parser, words):
    def make(full, state):
        pictures = Pictures(full['pictures'])
        if not state and not full['grow']:
            raise Problem('a predictor starts from a trained network; give it with --grow')
        perceptual = catalogue.losses(full)
        model = (from_state(state) if state else
                 predictor.prepared(full, fresh(full), pictures, perceptual))
        return Predictor(full, model, Photos(full['content']), perceptual, pictures, state=state)
    return run_training('predictor', parser, words, make, length)


def run_training(verb, parser, words, make, report):
    """make(options, checkpoint to resume or None) -> Trainer; report(Trainer) -> text"""
    given = vars(parser.parse_args(words))
    state = None
    if given['resume']:
        state = checkpoint.load(given['resume'])
        if state.get('verb', 'train') != verb:
            raise Problem(f"{given['resume']} was made by another verb; resume it with "
                          f"models/train/run {state.get('verb', 'train')}")
        given = options.resumed(parser, words, state)
    full = options.complete(given)
    out = full['out'] or full['resume'] or f"{full['size']}.pt"
    start(full)
    trainer = make(full, state)
    if state:
        check_styles(trainer.model, full, full['resume'])
    record = {'verb': verb, 'options': given,
              'grown_from': state['grown_from'] if state else trainer.model.recipe,
              'changed': state['changed'] if state else options.changed(parser, given)}
    if not trainer.run(lambda: checkpoint.save(out, {**trainer.state(), **record})):
        say(f'\nstopped at iteration {trainer.iteration}; continue with --resume {out}')
        return 130
    print(f'{report(trainer)}; wrote {out}')
    return 0


def check_styles(model, full, path):
    """That the pictures the losses are given are those of the network's styles."""
    given = [style['name'] for style in full['paintings']]
    if [style['name'] for style in model.styles[1:]] != given:
        raise Problem(f'{path} has other styles than --style gives; these must be the same, in the '
                      'same order')


def fresh(full):
    """The network that training starts with."""
    styles = [catalogue.IDENTITY] + full['paintings']
    if not full['grow']:
        rows = 1 + (2 if full['soft_weight'] else 1) * len(full['paintings'])
        return Model(full['size'], styles, Painter(SIZES[full['size']], rows))
    small = load(full['grow'])
    small = small.two_rows() if full['soft_weight'] else small.one_row(1)
    model = grow.grow(small, full['size'], full['seed'])
    check_styles(model, full, full['grow'])
    model.styles, model.recipe = styles, small.recipe
    return model


def run_learn(parser, words):
    given = vars(parser.parse_args(words))
    model = load(given['into']).one_row(given['boldness'])
    if given['encoder']:
        take_encoder(model, given)
    full = options.complete({**given, 'style': [given['picture']]}, model.styles)
    start(full)
    trainer, nearest = learn.learner(full, model)
    say(f'starting from {nearest}')
    done = trainer.run(lambda: None)
    trainer.model.recipe = '\n'.join([model.recipe, learn.recipe(
        trainer, options.changed(parser, given))])
    export.export(trainer.model, given['out'])
    print(f"{report(trainer)}; wrote {given['out']} with the style "
          f"{full['paintings'][0]['name']}")
    return 0 if done else 130


def take_encoder(model, given):
    """Gives the model the encoder that --encoder names, if it names one."""
    if given['encoder']:
        model.encoder = load_encoder(given['encoder'])
    if not (model.basis and model.encoder):
        raise Problem(f"{given['model']} has no rows for pictures or no encoder; name the "
                      "encoder's file with --encoder")


def start(given):
    torch.set_num_threads(given['threads'])
    torch.manual_seed(given.get('seed', 0))


def say(text):
    print(text, file=sys.stderr, flush=True)


def length(trainer):
    return f'{trainer.iteration} iterations, {trainer.seconds / 60:.1f} minutes'


def report(trainer):
    """How a run went, and its scores over all new styles."""
    painted = trainer.model.styles[trainer.first:]
    sums = {'content': 0.0, 'style': 0.0}
    for picture, style in enumerate(painted):
        row = trainer.model.row(style['name'])
        scores = score.on_photos(lambda photo: trainer.model.paint(photo, row),
                                 trainer.perceptual, picture, trainer.photos,
                                 trainer.options['batch'], trainer.options['crop'])
        for key in sums:
            sums[key] += scores[key] / len(painted)
    return (f'{length(trainer)}; on '
            f"{len(trainer.photos.held_out)} held-out photos: content {sums['content']:.4f}, "
            f"style {sums['style']:.4f}")


def run_score(parser, words):
    given = options.located(vars(parser.parse_args(words)))
    given.update(gatys.WEIGHTS)
    start(given)
    models = [load(path).one_row(given['boldness']) for path in given['models']]
    held = {style['name'] for model in models for style in model.styles}
    given['style'] = [word for word in catalogue.expand(given['style'])
                      if catalogue.describe(word)['name'] in held]
    if not given['style']:
        raise Problem('no model holds one of the styles; name their pictures with --style')
    names = [catalogue.describe(word)['name'] for word in given['style']]
    photos, perceptual = Photos(given['content']), catalogue.losses(given)
    clips = []
    if given['frames']:
        from steadiness import read_clips  # OpenCV is needed for this alone
        clips = read_clips(given['clips'], given['frames'])
    results = score.score(models, names, perceptual, photos, clips, given)
    for path, result in zip(given['models'], results):
        print(f'## {os.path.basename(path)}\n\n{score.table(result)}\n')
    write_json(results, given['json'])
    return 0


def write_json(results, path):
    """Where a path is given."""
    if not path:
        return
    try:
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(results, file, indent=1)
    except OSError as error:
        raise Problem(f'cannot write {path} ({error.strerror}); choose another place with '
                      '--json') from None


def run_score_pictures(parser, words):
    given = options.located(vars(parser.parse_args(words)))
    start(given)
    model = load(given['model'])
    take_encoder(model, given)
    pictures = Pictures(given['pictures'])
    paths = given['picture'] or pictures.held_out
    if not paths:
        raise Problem('none of the pictures is held out; name some with --picture')
    others = sorted({*paths, *pictures.held_out, *pictures.training}) if given['retrieval'] else []
    perceptual = catalogue.losses({**given, 'style': paths})
    results = score_pictures.score(model, perceptual, paths, others, Photos(given['content']),
                                   given)
    print(score_pictures.table(results))
    write_json(results, given['json'])
    return 0


def run_gatys(parser, words):
    given = options.located(vars(parser.parse_args(words)))
    given['style'] = [given['style']]
    start(given)
    photo = to_tensor([read_picture(given['photo'], given['px'], 'give another CONTENT')])
    perceptual = catalogue.losses(given)
    begun, told = time.monotonic(), 0.0

    def progress(step, content, style):
        nonlocal told
        passed = time.monotonic() - begun
        if step == given['steps'] or passed - told > 5:
            told = passed
            say(f"{step}/{given['steps']}  content {content:.4f}  style {style:.4f}  "
                f"ETA {passed / step * (given['steps'] - step):.0f} s")

    painting = gatys.optimise(perceptual, photo, 0, given, progress)
    content, style = score.losses(perceptual, painting, photo, 0)
    save(gallery.to_image(painting[0]), given['out'])
    print(f"content {content:.4f}, style {style:.4f}; wrote {given['out']}")
    return 0


def run_gallery(parser, words):
    given = vars(parser.parse_args(words))
    model, bold = load(given['model']), given['boldness']
    columns = [(style['name'], model.row(style['name'], bold), None) for style in model.styles]
    if given['picture']:
        take_encoder(model, given)
        pictures = [encoder.read(path, 'give another --picture')
                    for path in given['picture']]
        rows = model.picture_rows(model.encoder.encode(pictures), torch.tensor([bold]))
        columns = [(os.path.basename(path), row[None], picture)
                   for path, row, picture in zip(given['picture'], rows, pictures)]
    save(gallery.sheet(model, given['photos'], columns, given['px']), given['out'])
    print(f"wrote {given['out']}")
    return 0


def save(image, path):
    try:
        image.save(path)
    except (OSError, ValueError) as error:
        raise Problem(f'cannot write {path} ({error}); give another name with --out') from None


def run_export(parser, words):
    given = parser.parse_args(words)
    model = load(given.model)
    if given.boldness is not None:
        model = model.one_row(given.boldness)
    size = export.export(model, given.out)
    print(f'wrote {given.out}, {size} bytes')
    if given.encoder and not model.encoder:
        raise Problem(f'{given.model} holds no encoder; leave out --encoder')
    if given.encoder:
        size = export.export_encoder(model.encoder, given.encoder)
        print(f'wrote {given.encoder}, {size} bytes')
    return 0


def run_patterns(parser, words):
    print('\n'.join(patterns.write(parser.parse_args(words).folder)))
    return 0


VERBS = {'train': run_train, 'predictor': run_predictor, 'learn': run_learn, 'export': run_export,
         'score': run_score, 'score-pictures': run_score_pictures, 'gatys': run_gatys,
         'gallery': run_gallery, 'patterns': run_patterns}


def main(words):
    parser = argparse.ArgumentParser(prog='models/train/run')
    verbs = parser.add_subparsers(dest='verb', required=True, metavar='VERB')
    parsers = options.add_verbs(verbs)
    verbs.add_parser('test', help='run the tests on tiny data')
    verb = parser.parse_args(words).verb
    try:
        return VERBS[verb](parsers[verb], words[1:])
    except Problem as problem:
        print(f'models/train/run: {problem}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
