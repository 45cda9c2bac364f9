"""Contact sheets: each asset of a library alone, by class, with doubtful ones framed; and suspected twins in pairs."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from scenegen.assets.curate.check import check_asset
from scenegen.assets.identity.twins import Twins
from scenegen.blender.host import generate_script, own_environment
from scenegen.blender.setup import BACKGROUND, probe
from scenegen.core.asset_library import Asset
from scenegen.core.bpy_package import bpy_problem
from scenegen.core.errors import ScenegenError
from scenegen.core.import_path import child_environment

COLUMNS = 10
TWINS_SAMPLES = 8  # per pixel
_LABEL = 48  # pixels below an image: two lines of its name, its size, its findings
_HEAD = 22  # pixels of a class's heading
_BACKGROUND, _INK, _FAINT = (250, 250, 250), (20, 20, 20), (110, 110, 110)
_DOUBT, _BROKEN = (240, 140, 20), (210, 30, 30)


@dataclass(frozen=True)
class SheetLook:
    """Pixels per edge of an image, samples per pixel, and the user's own Blender that renders (None: bpy)."""

    size: int
    samples: int
    blender: str | None = None


def make_sheet(library: Path, assets: Sequence[Asset], out: Path, look: SheetLook) -> None:
    """Render `assets` of `library` and write the montage to `out`."""
    with tempfile.TemporaryDirectory(prefix="scenegen-sheet-") as folder:
        render(library, [asset.name for asset in assets], Path(folder), look)
        montage = compose(assets, Path(folder), look.size)
    out.parent.mkdir(parents=True, exist_ok=True)
    montage.save(out)


def make_twins_sheet(library: Path, assets: Sequence[Asset], pairs: Sequence[Twins], out: Path, size: int) -> None:
    """Render suspected twins and write them to `out` in pairs, the model for testing on the left."""
    known = {asset.name: asset for asset in assets}
    names = sorted({name for twins in pairs for name in (twins.test, twins.train)})
    with tempfile.TemporaryDirectory(prefix="scenegen-sheet-") as folder:
        render(library, names, Path(folder), SheetLook(size, TWINS_SAMPLES))
        montage = compose_twins([(known[t.test], known[t.train], t) for t in pairs], Path(folder), size)
    out.parent.mkdir(parents=True, exist_ok=True)
    montage.save(out)


def compose_twins(pairs: Sequence[tuple[Asset, Asset, Twins]], folder: Path, size: int) -> Image.Image:
    """The montage of folder/<name>.png: pairs (test, train) with their distance; red: the same shape."""
    columns = max(1, min(COLUMNS // 2, len(pairs)))
    row = size + _LABEL
    sheet = Image.new("RGB", (columns * 2 * size, -(-len(pairs) // columns) * row), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for number, (test, train, twins) in enumerate(pairs):
        left, top = number % columns * 2 * size, number // columns * row
        for x, asset in ((left, test), (left + size, train)):
            with Image.open(folder / f"{asset.name}.png") as image:
                sheet.paste(image.convert("RGB"), (x, top))
            draw.multiline_text((x + 3, top + size), _lines(asset.name, size, 2), fill=_INK, spacing=1)
            draw.text((x + 3, top + size + 22), asset.split, fill=_FAINT)
        colour = _BROKEN if twins.same_shape else _DOUBT
        draw.rectangle((left + 1, top, left + 2 * size - 2, top + size - 1), outline=colour, width=3)
        verdict = f"{'same shape' if twins.same_shape else 'alike'}, distance {twins.distance:.3f}"
        draw.text((left + 3, top + size + 33), verdict, fill=colour)
    return sheet


def render(library: Path, names: Sequence[str], folder: Path, look: SheetLook) -> None:
    """Render the named assets to folder/<name>.png in a Blender process of its own."""
    script = str(generate_script().parent / "render_asset_sheet.py")
    if look.blender:
        info = probe(look.blender)
        if info.problems:
            missing = ", ".join(info.problems)
            raise ScenegenError(
                f"{look.blender} misses {missing}: run `scenegen blender-setup --blender {look.blender}`"
            )
        command, environment = [info.executable, *BACKGROUND, "--python", script], own_environment()
    else:
        problem = bpy_problem("name a Blender with --blender EXE")
        if problem:
            raise ScenegenError(problem)
        command, environment = [sys.executable, script], child_environment()
    command += ["--", "--assets", str(library), "--out", str(folder)]
    command += ["--size", str(look.size), "--samples", str(look.samples), "--names", ",".join(names)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=environment)
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise ScenegenError(
            f"{library}: rendering the sheet failed: {lines[-1] if lines else 'Blender gave no reason'}"
        )


def compose(assets: Sequence[Asset], folder: Path, size: int) -> Image.Image:
    """The montage of folder/<name>.png, with one block of rows per class."""
    ordered = sorted(assets, key=lambda asset: (asset.class_name, asset.split, asset.name))
    groups = [(name, list(group)) for name, group in itertools.groupby(ordered, key=lambda asset: asset.class_name)]
    columns = min(COLUMNS, max(len(group) for _, group in groups))
    rows = [-(-len(group) // columns) for _, group in groups]
    height = sum(_HEAD + count * (size + _LABEL) for count in rows)
    sheet = Image.new("RGB", (columns * size, height), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    y = 0
    for (class_name, group), count in zip(groups, rows, strict=True):
        draw.text((4, y + 5), f"{class_name} ({len(group)})", fill=_INK)
        for number, asset in enumerate(group):
            left, top = number % columns * size, y + _HEAD + number // columns * (size + _LABEL)
            with Image.open(folder / f"{asset.name}.png") as image:
                sheet.paste(image.convert("RGB"), (left, top))
            found = check_asset(asset)
            if found:
                colour = _BROKEN if any(finding.broken for finding in found) else _DOUBT
                draw.rectangle((left + 1, top, left + size - 2, top + size - 1), outline=colour, width=3)
                kinds = ", ".join(dict.fromkeys(finding.kind for finding in found))
                draw.text((left + 3, top + size + 33), _lines(kinds, size, 1), fill=colour)
            draw.multiline_text((left + 3, top + size), _lines(asset.name, size, 2), fill=_INK, spacing=1)
            metres = " x ".join(f"{value:.2f}" for value in asset.size)
            draw.text((left + 3, top + size + 22), f"{metres} {asset.split}", fill=_FAINT)
        y += _HEAD + count * (size + _LABEL)
    return sheet


def _lines(text: str, width: int, lines: int) -> str:
    """`text` on one or two `lines` of `width` pixels; a text that is too long loses characters of its middle."""
    most = width // 6 - 1
    room = most * lines
    if len(text) > room:
        head = (room - 1) // 3
        text = f"{text[:head]}~{text[len(text) - (room - 1 - head) :]}"
    if len(text) <= most:
        return text
    cut = text.rfind("_", 0, most) + 1
    cut = cut if len(text) - cut <= most else most
    return f"{text[:cut]}\n{text[cut:]}"
