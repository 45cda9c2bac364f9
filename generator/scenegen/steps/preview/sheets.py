"""Show a data set: one sheet per scene, a contact sheet, and an index page that opens offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.run_lock import read_lock, run_lock
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import DamageError, ScenegenError, SeveralErrors
from scenegen.core.files import write_text
from scenegen.core.scene.classes import Color, class_color
from scenegen.core.scene.scene import Scene
from scenegen.progress import OnProgress
from scenegen.steps.preview.around import cameras_around, draw_around
from scenegen.steps.preview.faces import BACKGROUND
from scenegen.steps.preview.frusta import draw_frustum
from scenegen.steps.preview.maps import draw_depth, draw_overlay
from scenegen.steps.preview.open_room import open_labels, open_masks
from scenegen.steps.preview.page import PageScene, page
from scenegen.steps.preview.voxels import VIEWS, draw_voxels

TILE = 224
GAP = 8
HEAD = 40
MOST_CAMERAS = 3
MOST_VIEWS = 6
LEAST_WIDTH = 940  # for the line of classes
SIDE = MOST_CAMERAS * TILE + (MOST_CAMERAS - 1) * GAP
VOXELS = (512, (SIDE - GAP) // 2)
CONTACT_COLUMNS = 2
CONTACT_VOXELS = (TILE * VOXELS[0] // VOXELS[1], TILE)
TEXT: Color = (214, 219, 229)
FAINT: Color = (139, 147, 163)


def write_preview(
    dataset_path: Path,
    out: Path | None = None,
    *,
    limit: int | None = None,
    title: str | None = None,
    on_progress: OnProgress | None = None,
) -> Path:
    """Draw the first `limit` scenes (None: all) into `out` (None: DIR/preview); return its index.html.

    Writes scene_000000.png ..., contact_sheet.png and index.html. ScenegenError: no data set, no scene, or a folder
    that cannot be written. SeveralErrors names all damaged files, once the page of the other scenes is written.
    """
    with read_lock(dataset_path, "preview"):
        dataset = Dataset(dataset_path)
        if not dataset.indices:
            raise ScenegenError(f"{dataset_path}: has no scenes yet; run `scenegen generate`")
        if not dataset.maps:
            raise ScenegenError(
                f"{dataset.path}: was packed without depth and instance maps; preview the folders it was packed from, "
                "or pack them with --maps"
            )
        folder = out or dataset.path / "preview"
        if not out and folder.is_symlink():  # of whoever made the data set, and it may lead anywhere
            raise ScenegenError(f"{folder}: is a link; remove it, or name a folder with --out")
        with run_lock(folder, doing="another preview is writing it"):
            return _write(dataset, folder, limit, title or dataset.path.name, on_progress)


def _write(dataset: Dataset, folder: Path, limit: int | None, title: str, on_progress: OnProgress | None) -> Path:
    chosen = [dataset[n] for n in range(len(dataset))][:limit]
    entries, thumbs, damage = [], [], list[str]()
    try:
        for done, stored in enumerate(chosen, start=1):
            if on_progress:
                on_progress(done, len(chosen))
            try:
                sheet, thumb = _draw_scene(stored)
            except DamageError as error:
                damage.append(str(error))
                continue
            name = f"scene_{stored.index:06d}.png"
            _save(sheet, folder / name)
            entries.append(PageScene(stored.scene, name, sheet.size))
            thumbs.append(thumb)
        if not entries:
            raise SeveralErrors(*damage)
        _save(_contact_sheet(thumbs), folder / "contact_sheet.png")
    except OSError as error:
        raise ScenegenError(f"{folder}: cannot be written ({error.strerror or error}); name another folder") from error
    write_text(folder / "index.html", page(title, dataset.info, len(dataset), entries))
    if damage:
        raise SeveralErrors(*damage, f"{folder / 'index.html'}: shows the other {len(entries)} scenes")
    return folder / "index.html"


def _save(image: Image.Image, path: Path) -> None:
    path.unlink(missing_ok=True)  # a link would be followed
    image.save(path)


def _draw_scene(stored: StoredScene) -> tuple[Image.Image, Image.Image]:
    """The sheet of a scene, and its part of the contact sheet: the first image beside the voxels.

    Of many views, some are shown, evenly chosen; of a rig, those of one key frame, with what is around it. Without a
    box grid, each has its frustum.
    """
    scene = stored.scene
    class_colors = [class_color(name) for name in scene.classes]
    most = MOST_CAMERAS if stored.grid else MOST_VIEWS
    key_frame = len(scene.rig.poses) // 2 if scene.rig else 0
    cameras = cameras_around(scene, key_frame) if scene.rig else range(len(scene.cameras))
    chosen = [cameras[n] for n in sorted(set(np.linspace(0, len(cameras) - 1, most).astype(int).tolist()))]
    columns = [_draw_view(stored, k) for k in chosen]
    voxels = []
    if stored.grid:
        masks, names = open_masks(stored.masks, scene.classes)
        colors = [class_color(name) for name in names]
        voxels = [draw_voxels(masks, stored.grid, colors, view, VOXELS) for view in VIEWS]
    else:
        for k, column in zip(chosen, columns, strict=True):
            column.append(
                draw_frustum(
                    open_labels(stored.frustum(k), scene.classes), scene.cameras[k], class_colors, (TILE, TILE)
                )
            )

    if scene.rig:
        columns.append(draw_around(stored, key_frame, class_colors, TILE))
    width = GAP + len(columns) * (TILE + GAP) + (VOXELS[0] + GAP if voxels else 0)
    sheet = Image.new("RGB", (max(width, LEAST_WIDTH), HEAD + len(columns[0]) * (TILE + GAP)), BACKGROUND)
    for k, column in enumerate(columns):
        for row, tile in enumerate(column):
            sheet.paste(tile, (GAP + k * (TILE + GAP), HEAD + row * (TILE + GAP)))
    for n, tile in enumerate(voxels):
        sheet.paste(tile, (width - VOXELS[0] - GAP, HEAD + n * (VOXELS[1] + GAP)))
    _draw_head(sheet, scene)

    beside = voxels[0].resize(CONTACT_VOXELS, Image.Resampling.LANCZOS) if voxels else columns[0][-1]
    thumb = Image.new("RGB", (TILE + beside.width, TILE), BACKGROUND)
    thumb.paste(columns[0][0], (0, 0))
    thumb.paste(beside, (TILE, 0))
    return sheet, thumb


def _draw_view(stored: StoredScene, k: int) -> list[Image.Image]:
    """A camera's image, its instances and its depth."""
    image = stored.image(k)
    colors = [class_color(item.class_name) for item in stored.objects]
    tiles = (Image.fromarray(image), draw_overlay(image, stored.instance(k), colors), draw_depth(stored.depth(k)))
    return [ImageOps.pad(tile, (TILE, TILE), Image.Resampling.LANCZOS, BACKGROUND) for tile in tiles]


def _draw_head(sheet: Image.Image, scene: Scene) -> None:
    """The line above a sheet: the scene, and its classes with their colours and counts, the most numerous of many."""
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=15)
    draw.text((GAP, 11), f"scene {scene.index}", TEXT, font)
    origin = f"seed {scene.seed}, {scene.preset}, {scene.split}"
    draw.text((GAP + 96, 11), origin, FAINT, font)
    counts = Counter(item.class_name for item in scene.objects)
    entries = {name: f"{counts[name]} {name}" for name in scene.classes if counts[name]}
    room = sheet.width - GAP - (GAP + 96 + draw.textlength(origin, font) + 14)
    left_out = 0
    while sum(draw.textlength(text, font) + 34 for text in entries.values()) + 40 * (left_out > 0) > room and entries:
        del entries[min(reversed(entries), key=lambda name: counts[name])]
        left_out += 1
    right = sheet.width - GAP
    if left_out:
        right -= round(draw.textlength(f"+ {left_out}", font))
        draw.text((right, 11), f"+ {left_out}", FAINT, font)
        right -= 14
    for name, text in reversed(entries.items()):
        right -= round(draw.textlength(text, font))
        draw.text((right, 11), text, TEXT, font)
        right -= 20
        draw.rounded_rectangle((right, 14, right + 13, 27), 3, fill=class_color(name))
        right -= 14


def _contact_sheet(thumbs: Sequence[Image.Image]) -> Image.Image:
    """All scenes in a table."""
    columns = min(CONTACT_COLUMNS, len(thumbs))
    rows = -(-len(thumbs) // columns)
    wide, high = max(t.width for t in thumbs) + GAP, TILE + GAP
    sheet = Image.new("RGB", (GAP + columns * wide, GAP + rows * high), (10, 11, 14))
    for n, thumb in enumerate(thumbs):
        sheet.paste(thumb, (GAP + n % columns * wide, GAP + n // columns * high))
    return sheet
