"""style_content.py OUT.svg LABEL=FILE.json...: draws the style loss over the content loss.

FILE.json: what `models/train/run score MODEL --gatys N --json FILE.json` wrote. Files of one
label are joined by a line in the order given (such as those of several --boldness); the means
over the styles that all files have. The curve of Gatys' optimisation is taken from the first.
"""
import json
import sys

import numpy as np

STEPS = (20, 50, 100, 300)
COLORS = ('#1d4ed8', '#c2410c', '#15803d', '#7e22ce', '#b45309', '#0e7490')
WIDTH, HEIGHT, LEFT, TOP = 520, 360, 60, 20


def read(word):
    label, path = word.split('=', 1)
    with open(path, encoding='utf-8') as file:
        return label, json.load(file)[0]['styles']


def mean(styles, names, value):
    return np.mean([value(styles[name]['gatys']) for name in names], 0)


def main():
    out, files = sys.argv[1], [read(word) for word in sys.argv[2:]]
    names = sorted(set.intersection(*(set(styles) for _, styles in files)))
    lines = {}
    for label, styles in files:
        lines.setdefault(label, []).append(mean(styles, names, lambda g: g['network']))
    first = files[0][1]
    length = min(len(first[name]['gatys']['curve']) for name in names)
    steps = [step for step in STEPS if step <= length]
    gatys = [mean(first, names, lambda g, step=step: g['curve'][step - 1]) for step in steps]
    lines['Gatys'] = gatys
    points = np.concatenate([np.stack(line) for line in lines.values()])
    most = points.max(0) * 1.1

    def place(point):
        return (LEFT + WIDTH * point[0] / most[0], TOP + HEIGHT * (1 - point[1] / most[1]))
    svg = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-size="13" '
           'font-family="sans-serif"><rect width="100%%" height="100%%" fill="white"/>' %
           (LEFT + WIDTH + 150, TOP + HEIGHT + 50),
           '<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#888"/>' %
           (LEFT, TOP, WIDTH, HEIGHT),
           '<text x="%d" y="%d">content loss</text>' % (LEFT + WIDTH - 90, TOP + HEIGHT + 38),
           '<text x="8" y="%d">style loss</text>' % (TOP - 6)]
    for i in range(6):
        x, y = LEFT + WIDTH * i / 5, TOP + HEIGHT * (1 - i / 5)
        svg += ['<text x="%.0f" y="%d" text-anchor="middle">%.2f</text>' %
                (x, TOP + HEIGHT + 18, most[0] * i / 5),
                '<text x="%d" y="%.0f" text-anchor="end">%.2f</text>' %
                (LEFT - 6, y + 4, most[1] * i / 5)]
    for color, (label, line) in zip(COLORS, lines.items()):
        places = [place(point) for point in line]
        svg.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' %
                   (' '.join('%.1f,%.1f' % at for at in places), color))
        svg += ['<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>' % (*at, color) for at in places]
        svg.append('<text x="%.1f" y="%.1f" fill="%s">%s</text>' %
                   (places[-1][0] + 8, places[-1][1] + 4, color, label))
        if label == 'Gatys':
            svg += ['<text x="%.1f" y="%.1f" fill="%s">%d</text>' %
                    (at[0] - 4, at[1] - 8, color, step) for at, step in zip(places, steps)]
    with open(out, 'w', encoding='utf-8') as file:
        file.write('\n'.join(svg + ['</svg>\n']))
    for label, line in lines.items():
        print(label, ' '.join('%.3f/%.3f' % tuple(point) for point in line))


if __name__ == '__main__':
    main()
