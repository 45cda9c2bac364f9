"""Pictures of labels: voxels as shaded cubes, instances in class colours, depth as colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scenegen.core.scene.classes import Color
from scenegen.core.scene.scene import GridSpec

Array = NDArray[np.float64]

BACKGROUND: Color = (20, 22, 28)
FLOOR: Color = (52, 57, 68)
WALLS: tuple[Color, Color] = ((31, 34, 42), (27, 30, 37))
WIRE: Color = (58, 63, 76)
OVERSAMPLING = 3
LIGHT = (0.66, 0.84, 1.0)
"""Brightness of cube faces across x, y and z: the top is lit, the two visible sides differ."""

_NEAR_TO_FAR = np.array(
    [(252, 253, 191), (254, 187, 129), (248, 118, 92), (211, 67, 110), (148, 44, 128), (81, 18, 124), (20, 14, 54)]
)


@dataclass(frozen=True)
class View:
    """A look at a grid's middle from outside: degrees about Z from +X and above the floor, distance in diagonals."""

    azimuth_deg: float
    elevation_deg: float = 27.0
    distance: float = 1.7


VIEWS = (View(-122.0), View(58.0))


def draw_overlay(image: NDArray[np.uint8], instance: NDArray[np.uint16], colors: Sequence[Color]) -> Image.Image:
    """An image with each object in `colors[id]` and outlined, all else dimmed."""
    table = np.array([(0, 0, 0), *colors], float)
    label = instance.clip(0, len(colors))
    grey = image.mean(axis=-1, keepdims=True)
    picture = np.where(label[..., None] > 0, 0.45 * grey + 0.6 * table[label], 0.4 * grey + 0.05 * image)
    edge = np.zeros(label.shape, bool)
    edge[:, 1:] |= label[:, 1:] != label[:, :-1]
    edge[1:] |= label[1:] != label[:-1]
    picture[edge] = 0.3 * picture[edge] + 0.7 * 250
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def draw_depth(depth: NDArray[np.float32]) -> Image.Image:
    """Depth in metres, near bright and far dark, over the range that is there; black where nothing was hit."""
    hit = (depth > 0) & np.isfinite(depth)
    near, far = np.percentile(depth[hit], (0.5, 99.5)) if hit.any() else (0.0, 1.0)
    place = ((depth - near) / max(far - near, 1e-6)).clip(0, 1) * (len(_NEAR_TO_FAR) - 1)
    place = np.where(hit, place, 0)
    steps = np.arange(len(_NEAR_TO_FAR))
    colors = np.stack([np.interp(place, steps, _NEAR_TO_FAR[:, c]) for c in range(3)], axis=-1)
    return Image.fromarray(np.where(hit[..., None], colors, 0).astype(np.uint8))


def draw_voxels(
    masks: NDArray[np.bool_], grid: GridSpec, colors: Sequence[Color], view: View, size: tuple[int, int]
) -> Image.Image:
    """The cells of `masks` (X, Y, Z, C) as shaded cubes on a floor; `colors` one a class, `size` (width, height).

    A cell of several classes takes the colour of the one with fewest cells: what stands on a table shows.
    Faces are painted from far to near, which is exact for equal cubes seen from outside the grid's span on each axis.
    """
    labels = _one_class(masks)
    wide, high = size[0] * OVERSAMPLING, size[1] * OVERSAMPLING
    extent = np.array(labels.shape) * grid.voxel_size
    # The upper part of a room is air: the frame ends a little above the highest cube.
    top = (np.flatnonzero((labels >= 0).any(axis=(0, 1))).max(initial=0) + 1) * grid.voxel_size
    extent[2] = min(extent[2], top + 0.05 * extent[0])
    camera = _Camera.around(extent, view, (wide, high))
    picture = Image.new("RGB", (wide, high), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    _draw_walls(draw, camera, extent)
    _draw_floor(draw, camera, labels, grid.voxel_size)
    corners, shades, kinds = _faces(labels, grid.voxel_size, camera.eye)
    order = np.argsort(-np.linalg.norm(corners.mean(axis=1) - camera.eye, axis=1), kind="stable")
    points = camera.project(corners[order])
    fills = (np.array(colors, float)[kinds[order]] * shades[order, None]).clip(0, 255)
    lines = (fills * 0.8).astype(int)
    for quad, fill, line in zip(
        points.reshape(-1, 8).tolist(), fills.astype(int).tolist(), lines.tolist(), strict=True
    ):
        draw.polygon(quad, fill=tuple(fill), outline=tuple(line))
    return picture.resize(size, Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class _Camera:
    """Where a view stands, in metres from the grid's origin, and how it projects."""

    eye: Array
    rotation: Array
    focal: float
    centre: Array

    @staticmethod
    def around(extent: Array, view: View, size: tuple[int, int]) -> _Camera:
        azimuth, elevation = math.radians(view.azimuth_deg), math.radians(view.elevation_deg)
        back = np.array(
            [
                math.cos(azimuth) * math.cos(elevation),
                math.sin(azimuth) * math.cos(elevation),
                math.sin(elevation),
            ]
        )
        eye = extent / 2 + back * np.linalg.norm(extent) * view.distance
        right = np.cross((0.0, 0.0, 1.0), back)
        right /= np.linalg.norm(right)
        rotation = np.array([right, -np.cross(back, right), -back])
        box = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * extent
        flat = _Camera(eye, rotation, 1.0, np.zeros(2)).project(box)
        span = flat.max(axis=0) - flat.min(axis=0)
        focal = float((np.array(size) * 0.97 / span).min())
        return _Camera(eye, rotation, focal, np.array(size) / 2 - focal * (flat.max(axis=0) + flat.min(axis=0)) / 2)

    def project(self, points: Array) -> Array:
        """Pixels (..., 2) of points (..., 3)."""
        seen = (points - self.eye) @ self.rotation.T
        return np.asarray(self.focal * seen[..., :2] / seen[..., 2:] + self.centre)


def _one_class(masks: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Class of each cell, -1 where none: of several that with fewest cells."""
    labels = np.full(masks.shape[:3], -1, np.int16)
    for c in np.argsort(-masks.sum(axis=(0, 1, 2)), kind="stable"):
        labels[masks[..., c]] = c
    return labels


def _faces(labels: NDArray[np.int16], step: float, eye: Array) -> tuple[Array, Array, NDArray[np.int16]]:
    """Corners (N, 4, 3), brightness (N,) and class (N,) of the faces between a cell and air that face the eye."""
    solid = np.pad(labels >= 0, 1)
    solid[..., 0] = True  # the floor closes the room, so that cubes darken where they meet it
    facing = eye > np.array(labels.shape) * step / 2
    corners, shades, kinds = [], [], []
    for axis in range(3):
        side = 1 if facing[axis] else -1
        outer = np.roll(solid, -side, axis)
        cells = np.argwhere(solid[1:-1, 1:-1, 1:-1] & ~outer[1:-1, 1:-1, 1:-1])
        a, b = [n for n in range(3) if n != axis]
        square = np.zeros((4, 3))
        square[:, axis] = facing[axis]
        square[:, [a, b]] = [(0, 0), (1, 0), (1, 1), (0, 1)]
        corners.append((cells[:, None] + square) * step)
        around = sum(np.roll(outer, (i, j), (a, b)).astype(float) for i in (-1, 0, 1) for j in (-1, 0, 1))
        hidden = np.asarray(around)[1:-1, 1:-1, 1:-1][tuple(cells.T)] / 8
        height = (cells[:, 2] + 1) / labels.shape[2]
        shades.append(LIGHT[axis] * (1 - 0.55 * hidden) * (0.92 + 0.16 * height))
        kinds.append(labels[tuple(cells.T)])
    return np.concatenate(corners), np.concatenate(shades), np.concatenate(kinds)


def _draw_floor(draw: ImageDraw.ImageDraw, camera: _Camera, labels: NDArray[np.int16], step: float) -> None:
    """The floor cell by cell, darker near and under what stands on it, with a line every half metre."""
    fade = np.exp(-np.arange(labels.shape[2]) * step / 0.5)
    cover = np.pad(((labels >= 0) * fade).max(axis=2), 8)
    radius = max(1, round(0.08 / step))
    for _ in range(3):
        for axis in (0, 1):
            cover = np.mean([np.roll(cover, n, axis) for n in range(-radius, radius + 1)], axis=0)
    cells = np.argwhere(np.ones(labels.shape[:2], bool))
    base = np.concatenate([cells, np.zeros((len(cells), 1))], axis=1)
    square = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)])
    quads = camera.project((base[:, None] + square) * step).reshape(-1, 8).tolist()
    dark = 1 - 0.8 * cover[8:-8, 8:-8].reshape(-1, 1)
    for quad, fill in zip(quads, (np.array(FLOOR) * dark).astype(int).tolist(), strict=True):
        draw.polygon(quad, fill=tuple(fill))
    wide, deep = labels.shape[0] * step, labels.shape[1] * step
    faint = tuple(round(c * 1.18) for c in FLOOR)
    for x in np.arange(0, wide + 1e-6, 0.5):
        _line(draw, camera, (x, 0, 0), (x, deep, 0), faint)
    for y in np.arange(0, deep + 1e-6, 0.5):
        _line(draw, camera, (0, y, 0), (wide, y, 0), faint)


def _draw_walls(draw: ImageDraw.ImageDraw, camera: _Camera, extent: Array) -> None:
    """The two walls behind what stands in the room, and their edges."""
    x, y = np.where(camera.eye > extent / 2, 0.0, extent)[:2]
    other_x, other_y, z = extent[0] - x, extent[1] - y, extent[2]
    for end, fill in (((other_x, y), WALLS[0]), ((x, other_y), WALLS[1])):
        wall = np.array([(x, y, 0), (*end, 0), (*end, z), (x, y, z)])
        draw.polygon(camera.project(wall).reshape(-1).tolist(), fill=fill)
        for n in range(4):
            _line(draw, camera, wall[n], wall[(n + 1) % 4], WIRE)


def _line(
    draw: ImageDraw.ImageDraw, camera: _Camera, a: Sequence[float], b: Sequence[float], color: Sequence[int]
) -> None:
    draw.line(camera.project(np.array([a, b], float)).reshape(-1).tolist(), fill=tuple(color), width=OVERSAMPLING)
