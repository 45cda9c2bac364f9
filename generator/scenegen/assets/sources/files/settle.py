"""Settles what a file alone does not show by what the other files of its folder show: the up axis and the size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.raw_model import RawModel, Refused
from scenegen.assets.sources.files.agreement import FEWEST, agreed, undecided_last
from scenegen.assets.sources.files.guess import ODD, SizeGuess
from scenegen.assets.sources.files.importer import Imported
from scenegen.assets.sources.files.up_axis import UNTURNED, UpAxis
from scenegen.core.scene.classes import object_class

SAME_SCALE = 1.1  # scales that differ by less are one


@dataclass(frozen=True)
class ReadFile:
    """A file that was read: the name of its model, its content, its up axis, and what a warning says of that."""

    file: Path
    name: str
    imported: Imported
    up: UpAxis
    noticed: str | None = None


@dataclass(frozen=True)
class SizedModel:
    """A model of a file, and how its scale was found."""

    file: Path
    model: RawModel
    size: SizeGuess


def settle_up(read: Iterable[ReadFile | Refused], may_agree: Callable[[Path], bool]) -> Iterator[ReadFile | Refused]:
    """The files in their order, but those whose shape shows no up axis at the end, as the others of their folder.

    `may_agree` is whether a file has enough others to wait for.
    """
    votes: list[tuple[Path, str]] = []

    def is_decided(each: ReadFile | Refused) -> bool:
        if isinstance(each, Refused):
            return True
        if each.up.shown:
            votes.append((each.file, each.up.axis))
        return each.up.shown or not may_agree(each.file)

    for each in undecided_last(read, is_decided, _bytes_read):
        if isinstance(each, Refused):
            yield each
            continue
        common = None if each.up.shown else agreed(each.file, votes)
        if common is None or (common.answer == "z" and each.up.sure):
            yield each
        else:
            up = UpAxis(common.answer, sure=True, shown=False)
            kept = "" if up.axis == "z" else "; if that is wrong, give --up z"
            yield replace(each, up=up, noticed=f"up axis guessed: {up.axis}, {common}{kept}")


def notice_of(up: UpAxis, suffix: str) -> str | None:
    """The warning about an up axis that was found in a file of type `suffix`; None where there is no doubt."""
    if up.axis != "z":
        return f"up axis guessed: {up.axis}; if that is wrong, give --up z"
    if up.sure:
        return None
    other = "y" if suffix in UNTURNED else "-y"
    return f"up axis not certain: kept as in the file; if the model lies on its back, give --up {other}"


def in_one_scale(objects: Sequence[SizedModel]) -> list[SizedModel]:
    """The objects of one file in the scale that the middle one of them asks for: a file has one unit.

    Objects that fit in a unit decide before those that fit in none. A height that was given is that of the highest.
    """
    if not objects:
        return []
    text = None
    if all(each.size.given for each in objects):
        chosen = min((each.size for each in objects), key=lambda size: size.scale)
    else:
        sizes = [each.size for each in objects if not each.size.to_usual] or [each.size for each in objects]
        chosen = sorted(sizes, key=lambda size: size.scale)[len(sizes) // 2]
        guessed = "unknown" if chosen.to_usual else "guessed"
        text = f"units {guessed}: scaled by {chosen.scale:.3g}, as the middle one of the objects of its file; "
        text += "if that is wrong, give --height (of the highest)"
    return [
        each
        if each.size.scale == chosen.scale
        else replace(each, model=_scaled(each, chosen.scale, text), size=chosen._replace(warning=text))
        for each in objects
    ]


def settle_size(
    models: Iterable[SizedModel | Refused], may_agree: Callable[[Path], bool]
) -> Iterator[RawModel | Refused]:
    """The models in their order, but those that fit in no unit at the end, in the unit or scale of their folder.

    `may_agree` as for `settle_up`.
    """
    units: dict[Path, float] = {}  # of each file once, however many objects are split from it
    scales: dict[Path, float] = {}

    def is_decided(each: SizedModel | Refused) -> bool:
        if isinstance(each, Refused) or each.size.given:
            return True
        (scales if each.size.to_usual else units)[each.file] = each.size.scale
        return not each.size.to_usual or not may_agree(each.file)

    for each in undecided_last(models, is_decided, _bytes_sized):
        if isinstance(each, Refused):
            yield each
        elif each.size.given or not each.size.to_usual:
            yield each.model
        else:
            yield _in_scale_of_folder(each, units, scales)


def _in_scale_of_folder(each: SizedModel, units: Mapping[Path, float], scales: Mapping[Path, float]) -> RawModel:
    usual, extents = object_class(each.model.class_name).usual_size, each.model.file_size
    if usual is None or extents is None:
        return each.model
    common = agreed(each.file, units.items())
    advice = f"if that is wrong, give --height {usual.height[1]:g}"
    if common is not None and usual.fits((extents[0] * (s := common.answer), extents[1] * s, extents[2] * s), ODD):
        return _scaled(each, s, f"unit guessed: {s:g} m, {common}; its size is unusual: {advice}")
    mates = [
        scale
        for file, scale in scales.items()
        if file.parent == each.file.parent and file.suffix.lower() == each.file.suffix.lower()
    ]
    middle = float(np.median(mates))
    alike = sum(1 / SAME_SCALE < scale / middle < SAME_SCALE for scale in mates)
    if alike < FEWEST or 2 * alike <= len(mates):
        return each.model
    if not usual.fits((extents[0] * middle, extents[1] * middle, extents[2] * middle), ODD):
        return each.model
    mates_are = f"as most {each.file.suffix.lower()} files in {each.file.parent.name}"
    text = f"units unknown: scaled by {middle:.3g}, {mates_are}; {advice}"
    return _scaled(each, middle, text)


def _scaled(each: SizedModel, scale: float, warning: str | None) -> RawModel:
    """The model in another scale, with a warning, if any, in place of that about its scale."""
    old = each.size.warning
    warnings = tuple(warning if text == old and warning else text for text in each.model.warnings)
    warnings = (*warnings, warning) if warning and not old else warnings
    return replace(each.model, vertices=each.model.vertices * (scale / each.size.scale), warnings=warnings)


def _bytes_read(each: ReadFile | Refused) -> int:
    if isinstance(each, Refused):
        return 0
    imported = each.imported
    arrays = (imported.vertices, imported.faces, imported.uvs, imported.corner_normals)
    return _bytes(arrays, imported.textures.values())


def _bytes_sized(each: SizedModel | Refused) -> int:
    if isinstance(each, Refused):
        return 0
    model = each.model
    return _bytes((model.vertices, model.faces, model.uvs, model.corner_normals), model.textures.values())


def _bytes(arrays: Iterable[NDArray[Any] | None], files: Iterable[bytes]) -> int:
    return sum(each.nbytes for each in arrays if each is not None) + sum(map(len, files))
