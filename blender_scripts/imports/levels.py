"""Levels of detail that only their names tell (`Chair_LOD0`, `Chair_LOD1`): the finest stays."""

from __future__ import annotations

import mmap
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import bpy

_LEVEL = re.compile(r"(?:^|[ _.-])lod[ _-]?(\d+)(?=$|[ _.-])", re.IGNORECASE)
_GROUP_OF_OBJ = re.compile(rb"^g[ \t]+.*lod[ _-]?\d", re.IGNORECASE | re.MULTILINE)
MOST_NAMED = 5


def keep_finest_named() -> list[str]:
    """Of objects of one parent whose names differ in their level alone, remove all but the lowest level.

    Returns a warning that names what was removed.
    """
    groups: dict[tuple[Any, str], dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for each in bpy.data.objects:
        name = re.sub(r"\.\d{3,}$", "", each.name)  # the number that Blender adds to the second object of a name
        found = _LEVEL.search(name)
        if found:
            key = name[: found.start()] + name[found.end() :]
            groups[each.parent, key.lower()][int(found.group(1))].append(each.name)
    removed = []
    for levels in groups.values():
        for level in sorted(levels)[1:]:
            for each in filter(None, map(bpy.data.objects.get, levels[level])):
                removed.append(each.name)
                for below in [*each.children_recursive, each]:
                    bpy.data.objects.remove(below)
    if not removed:
        return []
    others = f" and {len(removed) - MOST_NAMED} more" if len(removed) > MOST_NAMED else ""
    return [f"coarser levels of detail were left out: {', '.join(sorted(removed)[:MOST_NAMED])}{others}"]


def groups_are_levels(file: Path) -> bool:
    """Whether the groups of an OBJ are levels of detail, which then have to be objects."""
    with file.open("rb") as stream:
        if not file.stat().st_size:
            return False
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _GROUP_OF_OBJ.search(content) is not None
