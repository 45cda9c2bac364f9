"""Writes camera places into the text of a preset; all its other lines stay, comments included."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scenegen.core.errors import ScenegenError
from scenegen.core.preset.preset import CameraPlace

HEAD = "[[cameras.places]]"
TABLE = re.compile(r"\s*\[\[\s*(cameras|\"cameras\"|'cameras')\s*\.\s*(places|\"places\"|'places')\s*\]\]\s*(#.*)?")


def with_places(text: str, places: Sequence[CameraPlace]) -> str:
    """A preset's TOML with these places instead of its own. ScenegenError where they are no tables of their own."""
    lines = text.splitlines()
    kept: list[str] = []
    first = None
    number = 0
    while number < len(lines):
        if not TABLE.fullmatch(lines[number]):
            kept.append(lines[number])
            number += 1
            continue
        first = len(kept) if first is None else first
        end = next((k for k in range(number + 1, len(lines)) if lines[k].lstrip().startswith("[")), len(lines))
        # comments and blank lines before the next table belong to it
        while end > number + 1 and lines[end - 1].split("#")[0].strip() == "":
            end -= 1
        number = end
        while number < len(lines) and not lines[number].strip():
            number += 1
    if first is None:
        raise ScenegenError(f"the preset gives its camera places in one line; write each as a table {HEAD}")
    blocks = [line for place in places for line in (*block(place), "")]
    return "\n".join([*kept[:first], *blocks, *kept[first:]]).rstrip() + "\n"


def block(place: CameraPlace) -> list[str]:
    """The lines of one place."""
    return [HEAD, f'name = "{place.name}"', f"position = {list(place.position)}", f"target = {list(place.target)}"]
