"""Sheets of labelled frusta: what a network makes of a photograph, or truth and predictions side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scenegen.core.labels.grids import frustum_grid
from scenegen.core.scene.classes import class_color
from scenegen.core.scene.scene import Camera
from scenegen.steps.preview.faces import BACKGROUND
from scenegen.steps.preview.frusta import draw_frustum
from scenegen.steps.preview.open_room import open_labels

from scenetrain.report.frusta import (
    FAINT,
    TEXT,
    Font,
    Labels,
    draw_contours,
    draw_from_above,
    draw_from_camera,
    first_cells,
)
from scenetrain.report.poses import SeenPose, draw_poses

PANEL, SMALL = 512, 384
"""Pixels along the edges of a panel: of one photograph's sheet, and of a comparison."""
MOST_POSES = 10
"""How many found objects are drawn, the largest first."""
GAP = 10
HEAD_HEIGHT = 36
FONT_SIZE = 19


@dataclass(frozen=True)
class Frustum:
    """Labels uint8 (w, h, d) under a head and a note."""

    head: str
    note: str
    labels: Labels


Panel = tuple[str, str, Image.Image]
"""Head, note, image."""


def photograph_sheet(
    image: NDArray[np.uint8], labels: Labels, camera: Camera, names: Sequence[str], poses: Sequence[SeenPose] = ()
) -> Image.Image:
    """What a network makes of one photograph uint8 (H, W, 3), in six panels over a legend, as in Figure 1 of SSZ.

    Without `poses` the view from behind takes two panels.
    """
    colors, grid = [class_color(name) for name in names], frustum_grid(camera)
    note = f"{_shown_of(poses)}; x red, y green, z blue"
    wide = PANEL if poses else 2 * PANEL + GAP
    rows: list[list[Panel]] = [
        [
            ("photograph", "", _square(image, PANEL)),
            ("contours of the labels", "", draw_contours(image, labels, grid, colors, PANEL)),
            ("labels from the camera", "darker with distance", draw_from_camera(labels, grid, colors, PANEL)),
        ],
        [
            *([("poses", note, draw_poses(image, grid, (), poses[:MOST_POSES], PANEL))] if poses else []),
            ("labels from behind", "", draw_frustum(open_labels(labels, names), camera, colors, (wide, PANEL))),
            ("labels from above", "the highest", draw_from_above(labels, grid, colors, PANEL)),
        ],
    ]
    sheet = _lay(rows)
    legend = _legend(labels, camera, names, sheet.width)
    whole = Image.new("RGB", (sheet.width, sheet.height + legend.height), BACKGROUND)
    whole.paste(sheet, (0, 0))
    whole.paste(legend, (0, sheet.height))
    return whole


def comparison_sheet(
    image: NDArray[np.uint8],
    frusta: Sequence[Frustum],
    camera: Camera,
    names: Sequence[str],
    poses: tuple[Sequence[SeenPose], Sequence[SeenPose]] | None = None,
) -> Image.Image:
    """A photograph uint8 (H, W, 3) and frusta of it, the truth first: from the camera, from behind and from above.

    The first column has the photograph, the true and the found poses (without them, the truth's contours), and the
    first prediction's contours.
    """
    colors, grid = [class_color(name) for name in names], frustum_grid(camera)
    truth, first = frusta[0], frusta[min(1, len(frusta) - 1)]
    if poses:
        true, found = poses
        second = ("poses", f"true white, {_shown_of(found)}", draw_poses(image, grid, true, found[:MOST_POSES], SMALL))
    else:
        second = (truth.head, "contours", draw_contours(image, truth.labels, grid, colors, SMALL))
    return _lay(
        [
            [
                ("image", "", _square(image, SMALL)),
                *((f.head, f.note, draw_from_camera(f.labels, grid, colors, SMALL)) for f in frusta),
            ],
            [
                second,
                *(
                    (f.head, "from behind", draw_frustum(open_labels(f.labels, names), camera, colors, (SMALL, SMALL)))
                    for f in frusta
                ),
            ],
            [
                (first.head, "contours", draw_contours(image, first.labels, grid, colors, SMALL)),
                *((f.head, "from above", draw_from_above(f.labels, grid, colors, SMALL)) for f in frusta),
            ],
        ]
    )


def _shown_of(poses: Sequence[SeenPose]) -> str:
    """How many of the found poses are drawn."""
    return f"{MOST_POSES} of {len(poses)} found" if len(poses) > MOST_POSES else f"{len(poses)} found"


def _square(image: NDArray[np.uint8], size: int) -> Image.Image:
    return Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS)


def _lay(rows: Sequence[Sequence[Panel]]) -> Image.Image:
    """Panels of one height in rows of one width, each under its head."""
    width = max(sum(panel.width + GAP for *_, panel in row) for row in rows) + GAP
    height = sum(HEAD_HEIGHT + row[0][2].height for row in rows) + GAP
    sheet = Image.new("RGB", (width, height), BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=FONT_SIZE)
    top = 0
    for row in rows:
        left = GAP
        for head, note, panel in row:
            head = _shortened(head, font, panel.width)
            draw.text((left, top + 7), head, TEXT, font)
            draw.text((left + draw.textlength(head, font) + 12, top + 7), note, FAINT, font)
            sheet.paste(panel, (left, top + HEAD_HEIGHT))
            left += panel.width + GAP
        top += HEAD_HEIGHT + row[0][2].height
    return sheet


def _shortened(text: str, font: Font, width: int) -> str:
    """A text that leaves room for its note."""
    if font.getlength(text) <= 0.7 * width:
        return text
    while text and font.getlength(f"{text}...") > 0.7 * width:
        text = text[:-1]
    return f"{text}..."


def _legend(labels: Labels, camera: Camera, names: Sequence[str], width: int) -> Image.Image:
    """Every class with its colour and how near it comes."""
    spec = camera.frustum
    first = first_cells(labels, spec.near, spec.far)
    font = ImageFont.load_default(size=FONT_SIZE)
    entries = []
    for number, name in enumerate(names):
        of_class = first.depth[first.labels == number + 1]
        entries.append((name, f"from {of_class.min():.1f} m" if len(of_class) else "none", class_color(name)))
    lines, x = [0], GAP
    places = []
    for name, note, _ in entries:
        wide = 24 + round(font.getlength(name) + 8 + font.getlength(note)) + 26
        if x + wide > width:
            x, lines = GAP, [*lines, len(lines)]
        places.append((x, 6 + 30 * lines[-1]))
        x += wide
    legend = Image.new("RGB", (width, 12 + 30 * len(lines)), BACKGROUND)
    draw = ImageDraw.Draw(legend)
    for (left, top), (name, note, color) in zip(places, entries, strict=True):
        draw.rounded_rectangle((left, top + 4, left + 16, top + 20), 3, fill=color)
        draw.text((left + 24, top), name, TEXT, font)
        draw.text((left + 32 + font.getlength(name), top), note, FAINT, font)
    return legend
