"""steadiness.py DAUB SCENE [OUT]: steadiness, sharpness and style distance of videos that daub
paints, for each mode of --temporal and several stabilities; `daub metrics` with
OpenCV's DIS medium as the motion, or the exact one of the rendered scene. Prints a table; writes
the trade-off curve and stills of the rendered scene to folder OUT."""
import json
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
sys.path[:0] = [os.path.join(ROOT, 'tests/e2e'), os.path.join(ROOT, 'models/train')]
import motion  # noqa: E402

DATA = os.environ.get('DAUB_DATA') or os.path.join(ROOT, '../shared/data')
SCENE = os.path.join(ROOT, 'samples/scene.mp4')
FRAMES = int(os.environ.get('FRAMES', 60))
DIALS = (0, 0.1, 0.25, 0.5, 1)
MODES = [('off', None)] + [('stats', d) for d in (0.25, 0.5, 0.75)] + [('flow', d) for d in DIALS]
COLUMNS = (('E_warp', 'e_warp', '%.5f'), ('ratio', 'e_warp_ratio', '%.3f'),
           ('sharpness', 'sharpness_ratio', '%.3f'), ('style distance', 'gram', '%.3f'),
           ('long range', 'long_range', '%.5f'), ('drift', 'drift', '%.0f'),
           ('ghosting', 'ghosting', '%.5f'))
COLORS = ('#c2410c', '#1d4ed8', '#15803d', '#7e22ce')


def clips():
    folder = os.path.join(DATA, 'clips')
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    if not names:
        print('no clips at %s: only the scene is measured' % folder)
    return [(name.split('.')[0], os.path.join(folder, name)) for name in names] + [('scene', SCENE)]


def pictures(path):
    video = cv2.VideoCapture(path)
    frames = []
    while len(frames) < FRAMES:
        ok, frame = video.read()
        if not ok:
            break
        frames.append(frame)
    return frames


def write_motion(scene, name, path, folder):
    """.flo files of the clip's motion; returns their pattern."""
    frames = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in pictures(path)]
    if name == 'scene':
        numbers = ','.join(map(str, range(1, len(frames))))
        subprocess.run([scene, '--flow', numbers, folder], check=True)
    for t in range(1, len(frames)):
        flow = motion.exact(folder, t) if name == 'scene' else motion.dis_medium(
            frames[t - 1], frames[t])
        motion.write_flo(os.path.join(folder, 'motion_%04d.flo' % t), flow)
    return os.path.join(folder, 'motion_%04d.flo')


def style_distance():
    """A function of two videos: mean relative squared difference of the Gram matrices of the
    training loss network's features; None without PyTorch or that network."""
    weights = os.path.join(DATA, 'squeezenet_v1_0.npz')
    try:
        import torch
        import losses
    except ImportError:
        print('no PyTorch: no style distance')
        return None
    if not os.path.isfile(weights):
        print('no loss network at %s: no style distance' % weights)
        return None
    layers = ('conv1', 'fire2', 'fire3', 'fire4', 'fire5')
    net = losses.LOSS_NETS['squeezenet'](weights, layers)

    def grams(frame):
        image = torch.from_numpy(frame[..., ::-1].astype(np.float32) / 255).permute(2, 0, 1)
        with torch.no_grad():
            return [losses.gram(f) for name, f in net(image[None]).items() if name in layers]

    def distance(painted, alone):
        pairs = list(zip(pictures(painted), pictures(alone)))[5::10]
        return float(np.mean([float(losses.relative_error(a, b)) for p, s in pairs
                              for a, b in zip(grams(p), grams(s))]))
    return distance


def measure(daub, scene, name, source, folder, distance):
    """{(mode, dial): scores} of one clip."""
    pattern = write_motion(scene, name, source, folder)
    alone, result = None, {}
    for mode, dial in MODES:
        target = os.path.join(folder, '%s-%s.mkv' % (mode, dial))
        subprocess.run([daub, source, '-o', target, '-c:v', 'ffv1', '-y', '-q', '-m', 'lite',
                        '--frames', str(FRAMES), '--temporal', mode] +
                       (['--stability', str(dial)] if dial is not None else []), check=True)
        alone = alone or target
        done = subprocess.run([daub, 'metrics', source, target, alone, '--flow', pattern,
                               '--frames', str(FRAMES)], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
        result[mode, dial] = dict(json.loads(done.stdout),
                                  gram=distance(target, alone) if distance else None)
        if mode == 'stats':
            os.remove(target)
    return result


def table(name, result):
    print('\n%s\n| mode | stability | %s |' % (name, ' | '.join(title for title, _, _ in COLUMNS)))
    print('|---|---|' + '---|' * len(COLUMNS))
    for (mode, dial), scores in result.items():
        cells = [fmt % scores[key] if scores[key] is not None else '-' for _, key, fmt in COLUMNS]
        print('| %s | %s | %s |' % (mode, '' if dial is None else dial, ' | '.join(cells)))
    sys.stdout.flush()


def panel(left, title, key, results, least, most):
    """One diagram of the curve: ratio of E_warp to the right, key upwards."""
    size, top = 300, 50

    def place(scores):
        x, y = scores['e_warp_ratio'], scores[key]
        return left + size * min(x, 1.1) / 1.1, top + size * (most - min(y, most)) / (most - least)
    out = ['<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#888"/>' %
           (left, top, size, size),
           '<text x="%d" y="%d">%s</text>' % (left, top - 10, title),
           '<text x="%d" y="%d">E_warp, of the frames by themselves</text>' %
           (left, top + size + 36)]
    for i in range(5):
        x, y = left + size * i * 0.25 / 1.1, top + size * (1 - i / 4)
        out += ['<text x="%.1f" y="%d" text-anchor="middle">%g</text>' % (x, top + size + 18, i / 4),
                '<text x="%d" y="%.1f" text-anchor="end">%.3g</text>' % (left - 6, y + 4, least + (most - least) * i / 4)]
    for color, (name, result) in zip(COLORS, results.items()):
        dots = [(dial, place(result['flow', dial])) for dial in DIALS]
        out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' %
                   (' '.join('%.1f,%.1f' % at for _, at in dots), color))
        out += ['<circle cx="%.1f" cy="%.1f" r="%d" fill="%s"><title>%s at %s</title></circle>' %
                (*at, 6 if dial == 0.5 else 3, color, name, dial) for dial, at in dots]
    return out


def curve(results):
    most = max(0.1, *(result['flow', d]['gram'] or 0 for result in results.values() for d in DIALS))
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 430" font-size="13" '
           'font-family="sans-serif"><rect width="780" height="430" fill="white"/>']
    out += panel(60, 'sharpness, of the frames by themselves', 'sharpness_ratio', results, 0.6,
                 1.2)
    if all(result['flow', 0.5]['gram'] is not None for result in results.values()):
        out += panel(440, 'style distance from the frames by themselves', 'gram', results, 0, most)
    for i, (color, name) in enumerate(zip(COLORS, results)):
        out.append('<text x="%d" y="418" fill="%s">&#9679; %s</text>' % (60 + 150 * i, color, name))
    return '\n'.join(out + ['</svg>\n'])


def stills(folder):
    """A frame, and how it differs from the previous one warped along the exact motion: painted by
    itself above, steady below."""
    rows, number = [], 31
    flow = motion.read_flo(os.path.join(folder, 'motion_%04d.flo' % number))
    where = (motion.grid(*flow.shape[1::-1]) + flow).astype(np.float32)
    seen = flow[..., :1] < 1000
    for name in 'off-None.mkv', 'flow-0.5.mkv':
        frames = pictures(os.path.join(folder, name))
        moved = cv2.remap(frames[number - 1], where, None, cv2.INTER_LINEAR)
        change = 3 * (cv2.absdiff(frames[number], moved) * seen).max(-1, keepdims=True).astype(int)
        white = 255 - change.clip(0, 255).astype(np.uint8).repeat(3, -1)
        rows.append(np.hstack([frames[number], white]))
    return np.vstack(rows)


def main():
    daub, scene = sys.argv[1:3]
    out = sys.argv[3] if len(sys.argv) > 3 else None
    if out:
        os.makedirs(out, exist_ok=True)
    distance, results = style_distance(), {}
    for name, source in clips():
        with tempfile.TemporaryDirectory() as folder:
            results[name] = measure(daub, scene, name, source, folder, distance)
            table(name, results[name])
            if out and name == 'scene':
                cv2.imwrite(os.path.join(out, 'steadiness.jpg'), stills(folder),
                            [cv2.IMWRITE_JPEG_QUALITY, 85])
    if out:
        with open(os.path.join(out, 'steadiness.svg'), 'w', encoding='utf-8') as file:
            file.write(curve(results))


if __name__ == '__main__':
    main()
