"""Images of a box grid: its cells as shaded cubes in a room, seen from outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scenegen.core.scene.classes import Color
from scenegen.core.scene.scene import GridSpec
from scenegen.steps.preview.faces import BACKGROUND, LIGHT, OVERSAMPLING, WIRE, Array, Faces

FLOOR: Color = (52, 57, 68)
WALLS: tuple[Color, Color] = ((31, 34, 42), (27, 30, 37))


@dataclass(frozen=True)
class View:
    """An eye that looks at a grid's middle: degrees about Z from +X and above the floor, distance in diagonals."""

    azimuth_deg: float
    elevation_deg: float = 27.0
    distance: float = 1.7


VIEWS = (View(-122.0), View(58.0))


def draw_voxels(
    masks: NDArray[np.bool_], grid: GridSpec, colors: Sequence[Color], view: View, size: tuple[int, int]
) -> Image.Image:
    """The cells of `masks` (X, Y, Z, C) as shaded cubes on a floor; `colors` one per class, `size` (width, height).

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
    image = Image.new("RGB", (wide, high), BACKGROUND)
    draw = ImageDraw.Draw(image)
    _draw_walls(draw, camera, extent)
    _draw_floor(draw, camera, labels, grid.voxel_size)
    faces = _visible_faces(labels, grid.voxel_size, camera.eye).far_to_near(camera.eye)
    points = camera.project(faces.corners)
    fills = faces.fills(colors)
    lines = (fills * 0.8).astype(int)
    for quad, fill, line in zip(
        points.reshape(-1, 8).tolist(), fills.astype(int).tolist(), lines.tolist(), strict=True
    ):
        draw.polygon(quad, fill=tuple(fill), outline=tuple(line))
    return image.resize(size, Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class _Camera:
    """A view's eye in metres from the grid's origin, and its projection to pixels."""

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
    """Class index of each cell (X, Y, Z), -1 for air; of several classes, the one with fewest cells."""
    labels = np.full(masks.shape[:3], -1, np.int16)
    for c in np.argsort(-masks.sum(axis=(0, 1, 2)), kind="stable"):
        labels[masks[..., c]] = c
    return labels


def _visible_faces(labels: NDArray[np.int16], step: float, eye: Array) -> Faces:
    """The faces between a cell and air that face the eye, in metres from the grid's origin."""
    solid = np.pad(labels >= 0, 1)
    solid[..., 0] = True  # the floor closes the room, so that cubes darken where they meet it
    facing = eye > np.array(labels.shape) * step / 2
    corners, shades, classes = [], [], []
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
        classes.append(labels[tuple(cells.T)])
    return Faces(np.concatenate(corners), np.concatenate(shades), np.concatenate(classes).astype(np.int64))


def _draw_floor(draw: ImageDraw.ImageDraw, camera: _Camera, labels: NDArray[np.int16], step: float) -> None:
    """The floor cell by cell, darker near and under objects, with a line every half metre."""
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
    """The two walls behind the objects, and their edges."""
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
