"""A labelled frustum as images: from its camera, as contours on the photograph, and from above in metres.

Shapes: w h d the frustum's axes (columns and rows of the image, slices of depth); labels are uint8 (w, h, d), 0 = air,
c + 1 = class c. Camera coordinates follow OpenCV (x right, y down, z forward).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scenegen.core.labels.grids import FrustumGrid
from scenegen.core.scene.classes import Color
from scenegen.steps.preview.faces import BACKGROUND

TEXT: Color = (214, 219, 229)
FAINT: Color = (139, 147, 163)
NEARER = 1.15
"""Two cells of one class that follow each other in the image are two surfaces if one is this many times as far."""
LOW_LIGHT, FAR_LIGHT = 0.65, 0.55
"""Brightness of the lowest cells from above, and of the farthest from the camera; the others are brighter, up to 1."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Labels = NDArray[np.uint8]
Floats = NDArray[np.float64]


class FirstCells(NamedTuple):
    """What every ray meets first; both (w, h)."""

    labels: Labels
    """0 where it meets air alone."""
    depth: Floats
    """Metres along the optical axis to the cell's near side; inf where the ray meets air alone."""


def first_cells(labels: Labels, near: float, far: float) -> FirstCells:
    """The first cell of every ray that is not air."""
    solid = labels > 0
    place = solid.argmax(axis=2)
    depth = near + (far - near) * place / labels.shape[2]
    found = np.take_along_axis(labels, place[..., None], axis=2)[..., 0]
    return FirstCells(found, np.where(solid.any(axis=2), depth, np.inf))


def draw_from_camera(labels: Labels, grid: FrustumGrid, colors: Sequence[Color], size: int) -> Image.Image:
    """What the camera would see of the cells, darker with distance; `size` pixels along both edges."""
    first = first_cells(labels, grid.near, grid.far)
    place = np.where(np.isfinite(first.depth), (first.depth - grid.near) / (grid.far - grid.near), 0.0)
    shown = _paint(first.labels, 1 - (1 - FAR_LIGHT) * place, colors)
    image = Image.fromarray(shown.transpose(1, 0, 2)).resize((size, size), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    for line, _ in contours(first, size):
        draw.line(line, fill=BACKGROUND, width=1)
    return image


def draw_contours(
    image: NDArray[np.uint8], labels: Labels, grid: FrustumGrid, colors: Sequence[Color], size: int
) -> Image.Image:
    """The outlines of the labels over the image uint8 (H, W, 3), each in the colour of the nearer class."""
    back = Image.fromarray(image).convert("L").convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
    back = Image.blend(back, Image.new("RGB", back.size, BACKGROUND), 0.35)
    draw = ImageDraw.Draw(back)
    for line, label in contours(first_cells(labels, grid.near, grid.far), size):
        draw.line(line, fill=colors[label - 1], width=max(2, size // 200))
    return back


def contours(first: FirstCells, size: int) -> list[tuple[tuple[int, int, int, int], int]]:
    """Where what rays meet first changes: (x0, y0, x1, y1) in an image of `size` pixels, and the nearer label.

    That is between two classes, beside air, and where one class stands in front of itself.
    """
    found = []
    for axis in (0, 1):
        before, after = np.delete(first.depth, -1, axis), np.delete(first.depth, 0, axis)
        one, other = np.delete(first.labels, -1, axis), np.delete(first.labels, 0, axis)
        steps = np.fmax(before, after) > NEARER * np.fmin(before, after)
        nearer = np.where(before <= after, one, other)
        for i, j in np.argwhere((one != other) | (steps & (one > 0))).tolist():
            left, top = (i + 1, j) if axis == 0 else (i, j + 1)
            ends = (left, top, left + axis, top + 1 - axis)
            scales = [size / n for n in first.labels.shape] * 2
            found.append((tuple(round(end * scale) for end, scale in zip(ends, scales, strict=True)), nearer[i, j]))
    return found


class Plan(NamedTuple):
    """How metres lie on a view from above: x right and z forward of the camera to pixels."""

    scale: float
    """Pixels per metre."""
    left: float
    """Where x = 0 is."""
    bottom: float
    """Where z = 0 is."""

    def pixel(self, x: float, z: float) -> tuple[float, float]:
        """Metres to a place in the image."""
        return self.left + self.scale * x, self.bottom - self.scale * z


def lay_plan(grid: FrustumGrid, size: int) -> Plan:
    """The view from above that shows the camera and the whole frustum in `size` pixels along both edges."""
    left, right = (grid.far * edge for edge in _edges(grid))
    margin = size / 12
    scale = min((size - 2 * margin) / (right - left), (size - 1.6 * margin) / grid.far)
    return Plan(scale, size / 2 - scale * (left + right) / 2, size - 0.8 * margin)


def draw_from_above(labels: Labels, grid: FrustumGrid, colors: Sequence[Color], size: int) -> Image.Image:
    """The highest cell over every place, darker where it is low, in metres, with near and far side and distances."""
    plan = lay_plan(grid, size)
    rows, columns = np.mgrid[:size, :size] + 0.5
    x, z = (columns - plan.left) / plan.scale, (plan.bottom - rows) / plan.scale
    top = labels_from_above(labels, grid, x, z)
    image = Image.fromarray(_paint(top.labels, LOW_LIGHT + (1 - LOW_LIGHT) * top.light, colors))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=max(10, size // 32))
    _draw_rings(draw, font, grid, plan)
    _draw_outline(draw, font, grid, plan)
    return image


class FromAbove(NamedTuple):
    """The highest cell over every place."""

    labels: Labels
    light: Floats
    """From 0, as low as any of them, to 1, as high."""


def labels_from_above(labels: Labels, grid: FrustumGrid, x: Floats, z: Floats) -> FromAbove:
    """What is highest at places x, z of any shape, metres in camera coordinates; air outside the frustum."""
    w, h, d = labels.shape
    K = np.asarray(grid.K, dtype=np.float64)
    ahead = np.where(z > 0, z, np.nan)
    u = (K[0, 0] * x / ahead + K[0, 2]) / grid.image_size[0]
    k = (ahead - grid.near) / (grid.far - grid.near)
    inside = (u >= 0) & (u < 1) & (k >= 0) & (k < 1)
    solid = labels > 0
    highest = solid.argmax(axis=1)  # (w, d): rows of the image count from the top
    column, slice_ = np.where(inside, u * w, 0).astype(int), np.where(inside, k * d, 0).astype(int)
    row = highest[column, slice_]
    found = np.where(inside, labels[column, row, slice_], 0).astype(np.uint8)
    height = (K[1, 2] - (row + 0.5) * grid.image_size[1] / h) / K[1, 1] * np.where(inside, ahead, 1.0)
    known = height[found > 0]
    low, span = (known.min(), max(float(np.ptp(known)), 1e-6)) if len(known) else (0.0, 1.0)
    return FromAbove(found, ((height - low) / span).clip(0, 1))


def _paint(labels: Labels, light: Floats, colors: Sequence[Color]) -> NDArray[np.uint8]:
    table = np.array([BACKGROUND, *colors], dtype=np.float64)
    return np.where((labels > 0)[..., None], table[labels] * light[..., None], table[0]).astype(np.uint8)


def _edges(grid: FrustumGrid) -> tuple[float, float]:
    """x / z along the left and the right edge of the image."""
    K = np.asarray(grid.K, dtype=np.float64)
    return float(-K[0, 2] / K[0, 0]), float((grid.image_size[0] - K[0, 2]) / K[0, 0])


def _draw_rings(draw: ImageDraw.ImageDraw, font: Font, grid: FrustumGrid, plan: Plan) -> None:
    """Arcs of equal distance from the camera, at round metres."""
    left, right = _edges(grid)
    step = next(s for s in (0.5, 1, 2, 5, 10, 20, 50, 100, 1e9) if grid.far / s <= 8)
    start, end = math.degrees(math.atan(left)) - 90, math.degrees(math.atan(right)) - 90
    eye = plan.pixel(0, 0)
    for n in range(1, math.floor(grid.far / step) + 1):
        radius = n * step * plan.scale
        box = (eye[0] - radius, eye[1] - radius, eye[0] + radius, eye[1] + radius)
        draw.arc(box, start, end, fill=FAINT)
        turn = math.atan(right)
        x, y = plan.pixel(n * step * math.sin(turn), n * step * math.cos(turn))
        draw.text((x + 6, y), f"{n * step:g} m", FAINT, font, anchor="lm")


def _draw_outline(draw: ImageDraw.ImageDraw, font: Font, grid: FrustumGrid, plan: Plan) -> None:
    """Near and far side, the sides' rays, the camera and its angle of view."""
    edges = _edges(grid)
    for edge in edges:
        draw.line((*plan.pixel(0, 0), *plan.pixel(edge * grid.near, grid.near)), fill=FAINT)
        draw.line((*plan.pixel(edge * grid.near, grid.near), *plan.pixel(edge * grid.far, grid.far)), fill=TEXT)
    for name, depth in (("near", grid.near), ("far", grid.far)):
        draw.line((*plan.pixel(edges[0] * depth, depth), *plan.pixel(edges[1] * depth, depth)), fill=TEXT)
        x, y = plan.pixel(edges[0] * depth, depth)
        # a wide frustum leaves no room beside its far side
        place, anchor = ((x, y - 5), "lb") if name == "far" else ((x - 6, y), "rm")
        draw.text(place, f"{name} {depth:g} m", TEXT, font, anchor=anchor)
    x, y = plan.pixel(0, 0)
    draw.polygon((x - 6, y + 8, x + 6, y + 8, x, y), fill=TEXT)
    angle = math.degrees(math.atan(edges[1]) - math.atan(edges[0]))
    draw.text((x + 12, y + 1), f"{angle:.0f} degrees", TEXT, font, anchor="lm")
