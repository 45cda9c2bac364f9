"""Reads a .sens with scenezoo: `python scenezoo_reader.py FILE OUT.npz`. Not a test: test_scannet.py runs it."""

from __future__ import annotations

import sys

import numpy as np
from scenezoo.io.sens import read_sens_frames, read_sens_index

index = read_sens_index(sys.argv[1])
found = read_sens_frames(index, range(index.frame_count), rgb=True, depth=True)
np.savez(sys.argv[2], poses=index.camera_to_world, colour_K=index.color_intrinsic, K=index.depth_intrinsic, **found)
