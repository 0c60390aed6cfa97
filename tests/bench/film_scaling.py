"""film_scaling.py DAUB CLIP: how long a film of two hours takes on 1 to 512 machines.

Measures on CLIP what a machine needs: to start, to paint a frame, to look for scenes, to join a
frame. Then deals the segments of a film out to machines as a batch system does (the next segment to
the machine that is free first) and prints a table. The lengths of the takes are drawn: logarithmic
normal with means of 2.5, 4 and 8 s, as film studies find them, three films each."""

import heapq
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time

RATE, HOURS = 24, 2
LEAST = 240       # frames of a segment, the default of --segment-frames
SPREAD = 0.9      # standard deviation of the logarithm of a take's length
DISPATCH = 0.5    # seconds from the end of a segment to the start of the next on the same machine (Slurm takes 0.3 to 0.9)
MACHINES = 1, 8, 64, 512


def timed(*command):
    start = time.monotonic()
    subprocess.run([str(word) for word in command], check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def measure(daub, clip, folder):
    """Seconds: start of a segment, a painted frame, a planned frame, a joined frame."""
    plan, out = os.path.join(folder, "film.plan"), os.path.join(folder, "film.mkv")
    planned = timed(daub, "plan", clip, "-o", plan, "-f", "matroska", "--split", 40, "--warm-up", 1)
    with open(plan) as file:
        segments = json.load(file)["segments"]
    frames = sum(s["count"] for s in segments)
    few = timed(daub, "segment", plan, 0)
    many = timed(daub, "segment", plan, *range(1, len(segments)))
    painted = sum(s["count"] + s["warm_up"] for s in segments[1:])
    frame = (many - few) / (painted - segments[0]["count"])
    join = timed(daub, "join", plan, "-o", out)
    return max(few - frame * segments[0]["count"], 0), frame, planned / frames, join / frames


def film(mean, draw):
    """Lengths of the segments of a film, in frames."""
    left, segments, length = HOURS * 3600 * RATE, [], 0
    center = math.log(mean * RATE) - SPREAD ** 2 / 2
    while left > 0:
        take = min(max(int(draw.lognormvariate(center, SPREAD)), 4), left)
        left -= take
        length += take
        if length >= LEAST or left == 0:
            segments.append(length)
            length = 0
    return segments


def paint(segments, machines, start, frame):
    """Seconds until the last segment is painted."""
    free = [0.0] * machines
    end = 0.0
    for length in segments:
        at = heapq.heappop(free) + DISPATCH + start + length * frame
        end = max(end, at)
        heapq.heappush(free, at)
    return end


def main():
    daub, clip = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        start, frame, plan, join = measure(daub, clip, folder)
    print("start %.2f s, frame %.1f ms, planning %.2f ms and joining %.2f ms a frame\n" % (
        start, frame * 1e3, plan * 1e3, join * 1e3))
    frames = HOURS * 3600 * RATE
    print("| mean take | segments, longest | %s |" % " | ".join("%d machines" % n for n in MACHINES))
    print("|---|---|%s" % ("---|" * len(MACHINES)))
    for mean in 2.5, 4, 8:
        rows = [film(mean, random.Random(seed)) for seed in range(3)]
        cells = []
        for machines in MACHINES:
            total = sum(plan * frames + paint(r, machines, start, frame) + join * frames for r in rows) / 3
            cells.append("%s (%.0fx)" % (time.strftime("%H:%M:%S", time.gmtime(total)), frame * frames / total))
        print("| %g s | %.0f, %.0f s | %s |" % (mean, sum(map(len, rows)) / 3, max(map(max, rows)) / RATE,
                                               " | ".join(cells)))


if __name__ == "__main__":
    main()
