"""A scene's images beside the voxels of its box grid, in the colours of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scenegen.core.scene.classes import Color, class_color
from scenegen.core.scene.scene import GridSpec
from scenegen.steps.preview.faces import BACKGROUND
from scenegen.steps.preview.open_room import open_masks
from scenegen.steps.preview.voxels import VIEWS, View, draw_voxels

from scenetrain.metrics.outputs import Output

TILE = 148
GAP = 10
HEAD_HEIGHT = 42
FONT_SIZE = 20
VOXELS = (560, 3 * TILE + 2 * GAP)
"""Width and height of an image of voxels: as high as three photographs."""
TEXT: Color = (214, 219, 229)
FAINT: Color = (139, 147, 163)

Masks = NDArray[np.bool_]


@dataclass(frozen=True)
class Volume:
    """Voxels under a head and a note: `masks` (X, Y, Z, C), C named by `names`."""

    head: str
    note: str
    masks: Masks
    names: tuple[str, ...]


def volume_names(output: Output, classes: Sequence[str]) -> tuple[str, ...]:
    """What an output's channels are called."""
    return ("occupied",) if output.kind == "occupancy" else tuple(classes)


def scene_sheet(images: NDArray[np.uint8], volumes: Sequence[Volume], grid: GridSpec) -> Image.Image:
    """Images uint8 (V, H, W, 3) in columns and one image per volume."""
    panels = [_draw(volume.masks, volume.names, grid, VIEWS[0]) for volume in volumes]
    return _sheet(images, panels, [(volume.head, volume.note) for volume in volumes])


def prediction_sheet(images: NDArray[np.uint8], masks: Masks, grid: GridSpec, names: Sequence[str]) -> Image.Image:
    """Photographs uint8 (V, H, W, 3) as the network saw them, and the voxels from two sides under a legend."""
    panels = [_draw(masks, names, grid, view) for view in VIEWS]
    sheet = _sheet(images, panels, [("", "")] * len(panels))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=FONT_SIZE)
    left = sheet.width - sum(panel.width + GAP for panel in panels)
    for name, count in zip(names, masks.sum(axis=(0, 1, 2)).tolist(), strict=True):
        draw.rounded_rectangle((left, 14, left + 16, 30), 3, fill=class_color(name))
        draw.text((left + 24, 9), name, TEXT, font)
        left += 32 + round(draw.textlength(name, font))
        draw.text((left, 9), f"{count}", FAINT, font)
        left += 28 + round(draw.textlength(f"{count}", font))
    return sheet


def _draw(masks: Masks, names: Sequence[str], grid: GridSpec, view: View) -> Image.Image:
    shown, classes = open_masks(masks, names)
    return draw_voxels(shown, grid, [class_color(name) for name in classes], view, VOXELS)


def _sheet(images: NDArray[np.uint8], panels: Sequence[Image.Image], heads: Sequence[tuple[str, str]]) -> Image.Image:
    """Images in columns of three, one alone as high as the voxels; then the panels, each under its head."""
    height = panels[0].height
    tile, rows = (height, 1) if len(images) == 1 else (TILE, 3)
    columns = -(-len(images) // rows)
    start = GAP + columns * (tile + GAP)
    sheet = Image.new("RGB", (start + sum(p.width + GAP for p in panels), HEAD_HEIGHT + height + GAP), BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=FONT_SIZE)
    draw.text((GAP, 9), "image" if len(images) == 1 else "images", TEXT, font)
    for k, image in enumerate(images):
        small = Image.fromarray(image).resize((tile, tile), Image.Resampling.LANCZOS)
        sheet.paste(small, (GAP + k // rows * (tile + GAP), HEAD_HEIGHT + k % rows * (tile + GAP)))
    left = start
    for panel, (head, note) in zip(panels, heads, strict=True):
        sheet.paste(panel, (left, HEAD_HEIGHT))
        draw.text((left, 9), head, TEXT, font)
        draw.text((left + draw.textlength(head, font) + 14, 9), note, FAINT, font)
        left += panel.width + GAP
    return sheet
