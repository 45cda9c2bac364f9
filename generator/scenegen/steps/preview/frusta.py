"""Images of a camera's fruxel model: its cells as shaded blocks, seen from behind and above the camera."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scenegen.core.scene.classes import Color
from scenegen.core.scene.scene import Camera
from scenegen.steps.preview.faces import BACKGROUND, LIGHT, OVERSAMPLING, WIRE, Array, Faces

MOST_CELLS = 64
"""Blocks along an axis; of finer labels several cells make one block."""

_BACK, _RIGHT, _UP = -0.75, 0.55, 0.62  # where the eye is, in depths of the frustum from its middle


def draw_frustum(
    labels: NDArray[np.uint8], camera: Camera, colors: Sequence[Color], size: tuple[int, int]
) -> Image.Image:
    """The cells of `labels` (w, h, d), 0 = air, else class index + 1, in `colors` by class; `size` (width, height).

    Blocks are painted from far to near.
    """
    coarse = _coarser(labels)
    lattice = _lattice(camera, coarse.shape)
    middle = np.array([0.0, 0.0, (camera.frustum.near + camera.frustum.far) / 2])
    long = camera.frustum.far - camera.frustum.near
    eye = middle + long * np.array([_RIGHT, -_UP, _BACK])
    faces = _visible_faces(coarse, lattice, eye).far_to_near(eye)
    hull = lattice[[0, 0, 0, 0, -1, -1, -1, -1], [0, 0, -1, -1, 0, 0, -1, -1], [0, -1, 0, -1, 0, -1, 0, -1]]
    view = _look(eye, middle)
    wide, high = size[0] * OVERSAMPLING, size[1] * OVERSAMPLING
    frame = _flat(hull, eye, view)
    low, span = frame.min(axis=0), np.ptp(frame, axis=0)
    zoom = float((np.array([wide, high]) * 0.94 / span).min())
    shift = np.array([wide, high]) / 2 - zoom * (low + span / 2)

    image = Image.new("RGB", (wide, high), BACKGROUND)
    draw = ImageDraw.Draw(image)
    edges = [(a, b) for a in range(8) for b in range(a) if (a ^ b) in (1, 2, 4)]
    ends = zoom * frame + shift
    for a, b in edges:
        draw.line([*ends[a].tolist(), *ends[b].tolist()], fill=WIRE, width=OVERSAMPLING)
    points = zoom * _flat(faces.corners, eye, view) + shift
    fills = faces.fills(colors).astype(int).tolist()
    for quad, fill in zip(points.reshape(-1, 8).tolist(), fills, strict=True):
        draw.polygon(quad, fill=tuple(fill))
    return image.resize(size, Image.Resampling.LANCZOS)


def _coarser(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels with at most MOST_CELLS along each axis: the smallest of several cells' labels, so ground (last) loses."""
    labels = labels - np.uint8(1)  # air becomes the largest
    for axis in range(3):
        step = math.ceil(labels.shape[axis] / MOST_CELLS)
        labels = np.minimum.reduceat(labels, np.arange(0, labels.shape[axis], step), axis=axis)
    return labels + np.uint8(1)


def _lattice(camera: Camera, shape: tuple[int, ...]) -> Array:
    """Corners of the cells (w + 1, h + 1, d + 1, 3) in camera coordinates."""
    half = math.tan(math.radians(camera.frustum.hfov_deg) / 2)
    fx = camera.width / (2 * half)
    fy = fx * camera.K[1][1] / camera.K[0][0]
    u, v, k = (np.linspace(0, 1, n + 1) for n in shape)
    z = camera.frustum.near + (camera.frustum.far - camera.frustum.near) * k
    x = (u * camera.width - camera.K[0][2]) / fx
    y = (v * camera.height - camera.K[1][2]) / fy
    a, b, c = np.meshgrid(x, y, z, indexing="ij")
    return np.stack([a * c, b * c, c], axis=-1)


def _visible_faces(labels: NDArray[np.uint8], lattice: Array, eye: Array) -> Faces:
    """The faces between a cell and air that face the eye, in camera coordinates."""
    solid = np.pad(labels > 0, 1)
    corners, shades, classes = [], [], []
    for axis in range(3):
        a, b = [n for n in range(3) if n != axis]
        for side in (0, 1):
            outer = np.roll(solid, 1 - 2 * side, axis)
            cells = np.argwhere(solid[1:-1, 1:-1, 1:-1] & ~outer[1:-1, 1:-1, 1:-1])
            steps = np.zeros((4, 3), int)
            steps[:, axis] = side
            steps[:, [a, b]] = [(0, 0), (1, 0), (1, 1), (0, 1)]
            quads = lattice[tuple(np.moveaxis(cells[:, None] + steps, -1, 0))]
            normal = np.cross(quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0])
            outward = 1 if (side == 1) == (axis != 1) else -1
            facing = outward * np.einsum("nk,nk->n", normal, eye - quads[:, 0]) > 0
            corners.append(quads[facing])
            shades.append(np.full(int(facing.sum()), LIGHT[(0, 2, 1)[axis]]))
            classes.append(labels[tuple(cells[facing].T)].astype(np.int64) - 1)
    return Faces(np.concatenate(corners), np.concatenate(shades), np.concatenate(classes))


def _look(eye: Array, target: Array) -> Array:
    """A view from `eye` to `target` as rows right, down and ahead (3, 3), in camera coordinates (y down)."""
    ahead = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross((0.0, 1.0, 0.0), ahead)
    right /= np.linalg.norm(right)
    return np.array([right, np.cross(ahead, right), ahead])


def _flat(points: Array, eye: Array, view: Array) -> Array:
    seen = (points - eye) @ view.T
    return np.asarray(seen[..., :2] / seen[..., 2:])
