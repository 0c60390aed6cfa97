"""flow.py FLOW_BENCH SCENE: end-point errors of daub's optical flow where the motion is known
exactly, beside OpenCV's DIS on the same frames in the same run: the rendered scene, photos
under homographies, and layers that move over each other."""
import os
import subprocess
import sys
import tempfile
import time

import cv2
import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
DATA = os.environ.get('DAUB_DATA') or os.path.join(ROOT, '../shared/data')
SIZE = WIDTH, HEIGHT = 640, 360
PRESETS = {'DIS ultrafast': cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
           'DIS fast': cv2.DISOPTICAL_FLOW_PRESET_FAST,
           'DIS medium': cv2.DISOPTICAL_FLOW_PRESET_MEDIUM}


def photos():
    folder = os.path.join(DATA, 'photos')
    if not os.path.isdir(folder):
        print('no photos at %s: only the scene is measured' % folder)
        return []
    return [cv2.resize(cv2.imread(os.path.join(folder, name)), (960, 640),
                       interpolation=cv2.INTER_AREA) for name in sorted(os.listdir(folder))]


def scene(program, numbers):
    """(previous frame, frame, backward flow, visible) of the rendered scene."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, '--flow', ','.join(map(str, numbers)), folder], check=True)
        for n in numbers:
            stream = subprocess.run([program, '--frames', '%d-%d' % (n - 1, n), '-o', '-'],
                                    check=True, stdout=subprocess.PIPE).stdout
            head = len(b'P6\n%d %d\n255\n' % SIZE)
            size = head + WIDTH * HEIGHT * 3
            frames = [np.frombuffer(stream[i * size + head:(i + 1) * size], np.uint8).reshape(
                HEIGHT, WIDTH, 3) for i in range(2)]
            flow = np.fromfile(os.path.join(folder, 'flow_%04d.flo' % n), np.float32)[3:]
            seen = cv2.imread(os.path.join(folder, 'visible_%04d.pgm' % n), 0) > 0
            yield frames[0], frames[1], flow.reshape(HEIGHT, WIDTH, 2), seen


def view(photo, matrix):
    """The photo as seen at SIZE: matrix maps a pixel of the view into the photo."""
    return cv2.warpPerspective(photo, matrix, SIZE, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                               borderMode=cv2.BORDER_REFLECT)


def grid():
    return np.mgrid[0:HEIGHT, 0:WIDTH][::-1].transpose(1, 2, 0).astype(np.float64)


def homographies(random, count=3):
    centre = np.array([[1, 0, 160], [0, 1, 140], [0, 0, 1]], float)
    for photo in photos():
        for _ in range(count):
            angle, zoom = random.normal(0, 0.02), 1 + random.normal(0, 0.02)
            cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
            dx, dy = random.normal(0, 6, 2)
            to = np.array([[1, 0, WIDTH / 2], [0, 1, HEIGHT / 2], [0, 0, 1]])
            move = to @ np.array([[cos, -sin, dx], [sin, cos, dy],
                                  [random.normal(0, 2e-5), random.normal(0, 2e-5), 1]]) @ \
                np.linalg.inv(to)
            # A point p of the current frame was at move(p) in the previous one.
            where = cv2.perspectiveTransform(grid().reshape(-1, 1, 2), move).reshape(
                HEIGHT, WIDTH, 2)
            flow = (where - grid()).astype(np.float32)
            yield view(photo, centre), view(photo, centre @ move), flow, inside(where)


def inside(where):
    return ((where >= 0) & (where <= (WIDTH - 1, HEIGHT - 1))).all(-1)


def layers(random, count=6):
    """Discs of one photo moving over another photo that moves as well."""
    pictures = photos()
    if len(pictures) < 2:
        return
    for k in range(count):
        back, front = pictures[k % len(pictures)], pictures[(k + 1) % len(pictures)]
        moves = random.normal(0, 5, (4, 2))
        offset = np.array([160, 140])
        discs = [(random.uniform((80, 60), (560, 300)), random.uniform(30, 80)) for _ in moves[1:]]

        def frame(time):
            """time 1: the current frame; its layers were at p + move in the previous one."""
            image = view(back, shift(offset + (1 - time) * -moves[0]))
            label = np.zeros((HEIGHT, WIDTH), int)
            for i, (centre, radius) in enumerate(discs, 1):
                at = centre + (1 - time) * moves[i]
                inside = ((grid() - at) ** 2).sum(-1) < radius ** 2
                layer = view(front, shift(offset - (1 - time) * moves[i]))
                image[inside], label[inside] = layer[inside], i
            return image, label

        (previous, old), (current, new) = frame(0), frame(1)
        flow = moves[new].astype(np.float32)
        where = grid() + flow
        x, y = (np.clip(np.rint(where[..., i]).astype(int), 0, n - 1)
                for i, n in enumerate(SIZE))
        yield previous, current, flow, inside(where) & (old[y, x] == new)


def shift(by):
    return np.array([[1, 0, by[0]], [0, 1, by[1]], [0, 0, 1]], float)


def daub(program, step, previous, current):
    done = subprocess.run([program, str(WIDTH), str(HEIGHT), str(step)], check=True,
                          input=previous.tobytes() + current.tobytes() + current.tobytes() * 3,
                          capture_output=True)
    w, h = -(-WIDTH // step), -(-HEIGHT // step)
    field = np.frombuffer(done.stdout, np.float32)[:w * h * 2].reshape(h, w, 2) * step
    # Pixel centres: (x + 1/2) / step - 1/2.
    full = cv2.resize(field, (w * step, h * step), interpolation=cv2.INTER_LINEAR)
    best = float(done.stderr.decode().split('best ')[1].split()[0])
    return full[:HEIGHT, :WIDTH], best


def measure(name, pairs, bench):
    errors, times = {}, {}
    for previous, current, flow, seen in pairs:
        grey = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in (previous, current)]
        found = {}
        for step in (4, 2):
            found['daub 1/%d' % step] = daub(bench, step, previous, current)
        for preset, number in PRESETS.items():
            search = cv2.DISOpticalFlow_create(number)
            search.calc(grey[1], grey[0], None)
            start = time.perf_counter()
            field = search.calc(grey[1], grey[0], None)
            found[preset] = field, 1e3 * (time.perf_counter() - start)
        found['rest'] = np.zeros_like(flow), 0
        for method, (field, took) in found.items():
            error = np.sqrt(((field - flow) ** 2).sum(-1))[seen]
            errors.setdefault(method, []).append((error.mean(), np.median(error),
                                                  (error > 3).mean()))
            times.setdefault(method, []).append(took)
    if errors:
        print('\n%s\n| method | mean error, px | median | over 3 px | ms (best pair) |\n'
              '|---|---|---|---|---|' % name)
    for method, values in errors.items():
        mean, median, over = np.mean(values, 0)
        print('| %s | %.3f | %.3f | %.1f %% | %.1f |' % (method, mean, median, 100 * over,
                                                        min(times[method])))


def main():
    bench, program = sys.argv[1:3]
    cv2.setNumThreads(2)
    measure('Rendered scene', scene(program, (10, 40, 70, 100, 130, 160)), bench)
    measure('Photos under homographies', homographies(np.random.default_rng(1)), bench)
    measure('Layers', layers(np.random.default_rng(2)), bench)
    print('\ndaub: one way and back, picture to field; OpenCV: one way.')


main()
