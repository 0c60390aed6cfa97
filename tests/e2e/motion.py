"""Optical flow of videos as .flo files, by OpenCV or exact, for daub metrics."""
import os

import cv2
import numpy as np

OUTSIDE = np.float32(1e4)  # vector of pixels that were hidden in the previous frame


def grid(width, height):
    return np.mgrid[0:height, 0:width][::-1].transpose(1, 2, 0).astype(np.float32)


def write_flo(path, flow):
    with open(path, "wb") as file:
        file.write(b"PIEH" + np.int32(flow.shape[1]).tobytes() + np.int32(flow.shape[0]).tobytes())
        file.write(np.ascontiguousarray(flow, np.float32).tobytes())


def read_flo(path):
    width, height = np.fromfile(path, np.int32, 2, offset=4)
    return np.fromfile(path, np.float32, offset=12).reshape(height, width, 2)


def dis_medium(previous, current):
    """Flow from the gray picture current to previous; hidden pixels lead outside (Sundaram,
    Brox, Keutzer 2010)."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    backward, forward = dis.calc(current, previous, None), dis.calc(previous, current, None)
    there = cv2.remap(forward, grid(*current.shape[::-1]) + backward, None, cv2.INTER_LINEAR,
                      borderMode=cv2.BORDER_REPLICATE)
    miss = ((backward + there) ** 2).sum(-1)
    backward[miss > 0.01 * ((backward ** 2).sum(-1) + (there ** 2).sum(-1)) + 0.5] = OUTSIDE
    return backward


def exact(folder, number):
    """The exact flow of a frame that `scene --flow` wrote to the folder."""
    flow = read_flo(os.path.join(folder, "flow_%04d.flo" % number))
    seen = cv2.imread(os.path.join(folder, "visible_%04d.pgm" % number), 0) > 0
    return np.where(seen[..., None], flow, OUTSIDE)
