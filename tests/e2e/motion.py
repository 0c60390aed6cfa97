"""Optical flow of videos as .flo files, by OpenCV or exact, for daub metrics."""
import os

import cv2
import numpy as np

OUTSIDE = np.float32(1e4)  # where what is seen was hidden before


def grid(width, height):
    return np.mgrid[0:height, 0:width][::-1].transpose(1, 2, 0).astype(np.float32)


def write_flo(path, flow):
    with open(path, "wb") as file:
        file.write(b"PIEH" + np.int32(flow.shape[1]).tobytes() + np.int32(flow.shape[0]).tobytes())
        file.write(np.ascontiguousarray(flow, np.float32).tobytes())


def read_flo(path):
    width, height = np.fromfile(path, np.int32, 2, offset=4)
    return np.fromfile(path, np.float32, offset=12).reshape(height, width, 2)


def dis_medium(before, now):
    """Flow from grey picture now to the one before, hidden pixels leading outside (Sundaram,
    Brox, Keutzer 2010)."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back, forth = dis.calc(now, before, None), dis.calc(before, now, None)
    there = cv2.remap(forth, grid(*now.shape[::-1]) + back, None, cv2.INTER_LINEAR,
                      borderMode=cv2.BORDER_REPLICATE)
    miss = ((back + there) ** 2).sum(-1)
    back[miss > 0.01 * ((back ** 2).sum(-1) + (there ** 2).sum(-1)) + 0.5] = OUTSIDE
    return back


def exact(folder, number):
    """Of what `scene --flow` wrote to the folder."""
    flow = read_flo(os.path.join(folder, "flow_%04d.flo" % number))
    seen = cv2.imread(os.path.join(folder, "visible_%04d.pgm" % number), 0) > 0
    return np.where(seen[..., None], flow, OUTSIDE)
