"""The page that shows a data set's scenes: one HTML file that needs nothing from outside its folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from scenegen.core.dataset.info import DatasetInfo
from scenegen.core.scene.classes import class_color
from scenegen.core.scene.scene import Scene

MOST_COLUMNS = 8
"""Cameras with a column of their own; more are summed up."""


@dataclass(frozen=True)
class PageScene:
    """A scene on the page: its description, its sheet's file name and size (width, height) in pixels."""

    scene: Scene
    sheet: str
    size: tuple[int, int]


def page(title: str, info: DatasetInfo, available: int, entries: Sequence[PageScene]) -> str:
    """The HTML of a data set with `available` scenes, of which `entries` are shown; every text is escaped."""
    return _template().render(
        title=title,
        info=info,
        facts=_facts(info, available, len(entries)),
        counts=Counter(item.class_name for entry in entries for item in entry.scene.objects),
        entries=entries,
        most_columns=MOST_COLUMNS,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["class_color"] = class_color
    return environment.get_template("page.html.j2")


def _facts(info: DatasetInfo, available: int, shown: int) -> list[str]:
    facts = [
        f"{available} scenes" if shown == available else f"{shown} of {available} scenes",
        f"preset {info.request.preset}",
        f"seed {info.request.seed}",
        info.request.split,
        info.request.quality,
    ]
    if info.grid:
        x, y, z = info.grid.shape
        facts.append(f"{x} x {y} x {z} voxels of {100 * info.grid.voxel_size:.4g} cm")
    return facts
