"""E_warp: how much a painted clip changes beyond what moved. The flow is that of the input,
by OpenCV's DIS."""
import os

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from data import to_tensor
from problem import Problem

SUFFIXES = ('.mp4', '.mkv', '.webm', '.mov', '.avi')
LONG_SIDE = 640
# A pixel is occluded where the flow there and back misses its start by more than this part
# of their lengths (Sundaram 2010).
PART, SLACK = 0.01, 0.5


class Clip:
    """Frames of one video with the motion between them."""

    def __init__(self, path, count):
        self.name = os.path.splitext(os.path.basename(path))[0]
        frames = read_frames(path, count)
        grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
        flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self.frames = [to_tensor([frame]) for frame in frames]
        self.motions = [Backward(flow.calc(now, before, None), flow.calc(before, now, None))
                        for before, now in zip(grey, grey[1:])]

    def error(self, paintings):
        """Mean squared difference of each frame and the one before moved to it, over the
        channels and the pixels that are not occluded; mean over the clip."""
        return float(np.mean([motion.error(before, now) for motion, before, now in
                              zip(self.motions, paintings, paintings[1:])]))


class Backward:
    """Where each pixel of a frame was in the frame before, and where it was not hidden."""

    def __init__(self, backward, forward):
        height, width = backward.shape[:2]
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        there = np.stack([x, y], -1) + backward
        back = cv2.remap(forward, there[..., 0], there[..., 1], cv2.INTER_LINEAR)
        lengths = (backward ** 2).sum(-1) + (back ** 2).sum(-1)
        visible = ((backward + back) ** 2).sum(-1) <= PART * lengths + SLACK
        limit = np.array([width - 1, height - 1], np.float32)
        visible &= ((there >= 0) & (there <= limit)).all(-1)
        self.grid = torch.from_numpy(2 * there / limit - 1)[None]
        self.visible = torch.from_numpy(visible.astype(np.float32))[None, None]

    def error(self, before, now):
        moved = F.grid_sample(before, self.grid, 'bilinear', 'border', align_corners=True)
        difference = (now - moved) ** 2 * self.visible
        return float(difference.sum() / (self.visible.sum() * now.shape[1]).clamp(min=1))


def read_frames(path, count):
    """The first frames, RGB uint8 [H,W,3], no side above LONG_SIDE."""
    video, frames = cv2.VideoCapture(path), []
    while len(frames) < count:
        ok, frame = video.read()
        if not ok:
            break
        scale = min(1, LONG_SIDE / max(frame.shape[:2]))
        if scale < 1:
            frame = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    video.release()
    if len(frames) < 2:
        raise Problem(f'{path} holds no two frames that can be read; remove it or give '
                      'another folder with --clips')
    return frames


def read_clips(folder, count):
    try:
        names = sorted(n for n in os.listdir(folder) if n.lower().endswith(SUFFIXES))
    except OSError as error:
        raise Problem(f'no clips at {folder} ({error.strerror}); give a folder of videos '
                      'with --clips') from None
    if not names:
        raise Problem(f'no clips in {folder}; give a folder of videos with --clips')
    return [Clip(os.path.join(folder, name), count) for name in names]


def sharpness(image):
    """Energy of the Laplacian: [N]."""
    kernel = torch.tensor([[0., 1, 0], [1, -4, 1], [0, 1, 0]]).view(1, 1, 3, 3)
    grey = image.mean(1, keepdim=True)
    return (F.conv2d(grey, kernel) ** 2).mean((1, 2, 3))
