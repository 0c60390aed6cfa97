"""Checkpoints: everything needed to resume a run or to export its network.

On disk only tensors and strings, so that reading a stranger's file runs no code of it
(torch.load's weights_only); all else is one JSON text.
"""
import json
import os
import pickle
import shlex
import zipfile

import torch

from encoder import Encoder
from net import Painter, Shape
from problem import Problem

FORMAT = 'daub-train-4'
TENSORS = ('net', 'encoder', 'moments')


def save(path, state):
    """Replaces path in one step, so that a crash leaves the old checkpoint whole.

    state: what TENSORS names holds tensors, everything else plain JSON values.
    """
    tensors = {key: state[key] for key in TENSORS}
    plain = {key: value for key, value in state.items() if key not in tensors}
    temporary = f'{path}.part'
    try:
        with open(temporary, 'wb') as file:
            torch.save({'format': FORMAT, 'json': json.dumps(plain), **tensors}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise Problem(f'cannot write the checkpoint {path} ({error}); choose another place '
                      'with --out') from None


def load(path):
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
    except FileNotFoundError:
        raise Problem(f'no checkpoint at {path}; make one with models/train/run train') from None
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError,
            zipfile.BadZipFile) as error:
        # PyTorch's own words are a paragraph that advises to load the file without safety.
        cause = error.strerror if isinstance(error, OSError) else 'damaged, or of another kind'
        raise Problem(f'{path} is not a readable checkpoint ({cause}); make a new one with '
                      'models/train/run train') from None
    if not isinstance(state, dict) or state.get('format') != FORMAT:
        raise Problem(f'{path} is not a checkpoint of this version; make a new one with '
                      'models/train/run train')
    try:
        return {**json.loads(state['json']), 'net': state['net'], 'moments': state['moments'],
                'encoder': state.get('encoder')}
    except (KeyError, TypeError, ValueError) as error:
        raise Problem(f'{path} is damaged ({error}); make a new one with '
                      'models/train/run train') from None


def painter(state):
    """The network of a checkpoint."""
    try:
        net = Painter(Shape(*state['shape']), len(state['net']['photo']))
        net.load_state_dict(state['net'])
    except (KeyError, TypeError, RuntimeError) as error:
        raise Problem(f'the checkpoint holds no network of ours ({error}); train anew') from None
    return net


def encoder(state):
    """The encoder of a checkpoint, None where it has none."""
    if not state.get('encoder'):
        return None
    result = Encoder()
    try:
        result.load_state_dict(state['encoder'])
    except (TypeError, RuntimeError, AttributeError) as error:
        raise Problem(f'the checkpoint holds no encoder of ours ({error}); train anew') from None
    return result


def words(changed):
    """Options as words of a command line."""
    result = []
    for name, value in sorted(changed.items()):
        value = value if isinstance(value, list) else [value]
        result += [f"--{name.replace('_', '-')}"] + [shlex.quote(str(v)) for v in value]
    return result


def recipe(state):
    """The commands that make this network again, one a line, with file names instead of
    paths."""
    parts = ['models/train/run', state.get('verb', 'train'), *words(state['changed']),
             '--seed', str(state['options']['seed'])]
    for length in state['earlier'] + [state['iterations']]:
        parts += ['--iterations', str(length), 'then --resume']
    minutes = state['seconds'] / 60
    stopped = ''
    if state['iteration'] != state['iterations']:
        stopped = f"stopped at iteration {state['iteration']}, "
    before = state['grown_from'] + '\n' if state['grown_from'] else ''
    return (before + ' '.join(parts[:-1]) +
            f"; {stopped}{minutes:.1f} minutes on {state['options']['threads']} threads")
