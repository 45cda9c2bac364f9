"""Pictures of rooms: photographs beside their voxels, in the colours of the paper's figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scenegen.core.scene.classes import Color, class_color
from scenegen.core.scene.scene import GridSpec
from scenegen.steps.preview.faces import BACKGROUND
from scenegen.steps.preview.voxels import VIEWS, draw_voxels

TILE = 148
GAP = 10
HEAD = 42
SIZE = 20
VOXELS = (560, 3 * TILE + 2 * GAP)
TEXT: Color = (214, 219, 229)
FAINT: Color = (139, 147, 163)

Masks = NDArray[np.bool_]


def scene_sheet(
    images: NDArray[np.uint8], volumes: Sequence[tuple[str, str, Masks]], grid: GridSpec, classes: Sequence[str]
) -> Image.Image:
    """Photographs uint8 (V, H, W, 3) in a column and one picture a volume (head, note, masks (X, Y, Z, C))."""
    colors = [class_color(name) for name in classes]
    pictures = [draw_voxels(masks, grid, colors, VIEWS[0], VOXELS) for _, _, masks in volumes]
    heads = [(head, note) for head, note, _ in volumes]
    return _sheet(images, pictures, heads)


def prediction_sheet(images: NDArray[np.uint8], masks: Masks, grid: GridSpec, classes: Sequence[str]) -> Image.Image:
    """Photographs uint8 (V, H, W, 3) as the network saw them, and the voxels from two sides under a legend."""
    colors = [class_color(name) for name in classes]
    pictures = [draw_voxels(masks, grid, colors, view, VOXELS) for view in VIEWS]
    sheet = _sheet(images, pictures, [("", ""), ("", "")])
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=SIZE)
    left = GAP + TILE + GAP
    for name, color, count in zip(classes, colors, masks.sum(axis=(0, 1, 2)).tolist(), strict=True):
        draw.rounded_rectangle((left, 14, left + 16, 30), 3, fill=color)
        draw.text((left + 24, 9), name, TEXT, font)
        left += 32 + round(draw.textlength(name, font))
        draw.text((left, 9), f"{count}", FAINT, font)
        left += 28 + round(draw.textlength(f"{count}", font))
    return sheet


def _sheet(images: NDArray[np.uint8], pictures: Sequence[Image.Image], heads: Sequence[tuple[str, str]]) -> Image.Image:
    """Photographs in columns of three, then the pictures, each under its head."""
    columns = -(-len(images) // 3)
    start = GAP + columns * (TILE + GAP)
    width = start + len(pictures) * (VOXELS[0] + GAP)
    sheet = Image.new("RGB", (width, HEAD + VOXELS[1] + GAP), BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=SIZE)
    draw.text((GAP, 9), "photos", TEXT, font)
    for k, image in enumerate(images):
        tile = Image.fromarray(image).resize((TILE, TILE), Image.Resampling.LANCZOS)
        sheet.paste(tile, (GAP + k // 3 * (TILE + GAP), HEAD + k % 3 * (TILE + GAP)))
    for n, (picture, (head, note)) in enumerate(zip(pictures, heads, strict=True)):
        left = start + n * (VOXELS[0] + GAP)
        sheet.paste(picture, (left, HEAD))
        draw.text((left, 9), head, TEXT, font)
        draw.text((left + draw.textlength(head, font) + 14, 9), note, FAINT, font)
    return sheet
