"""FBX: of each group of levels of detail only the finest level, and objects in a fixed order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import bpy


def keep_finest_levels(file: Path) -> None:
    """Remove all objects below the levels of an LOD group but the first, which is what it shows near by."""
    for group, levels in _lod_groups(file):
        for parent in [each for each in bpy.data.objects if _plain(each.name) == group]:
            children = [child for child in parent.children if _plain(child.name) in levels]
            ranked = sorted(children, key=lambda child: (levels.index(_plain(child.name)), child.name))
            for child in ranked[1:]:
                for each in [*child.children_recursive, child]:
                    bpy.data.objects.remove(each)


def sort_objects() -> None:
    """Put the scene's objects in the order of their names; the importer's differs from process to process."""
    collection = bpy.context.scene.collection
    for each in sorted(collection.objects, key=lambda each: str(each.name)):
        collection.objects.unlink(each)
        collection.objects.link(each)


def _plain(name: str) -> str:
    """A name without the number that Blender adds to the second object of a name."""
    return re.sub(r"\.\d{3,}$", "", name)


def _lod_groups(file: Path) -> list[tuple[str, list[str]]]:
    """The name of each LOD group and of its levels, finest first; [] for text files, which Blender's parser refuses."""
    from io_scene_fbx import parse_fbx

    try:
        root, _ = parse_fbx.parse(str(file))
    except (OSError, AssertionError, ValueError, LookupError):
        return []
    sections = {element.id: element for element in root.elems if element is not None}
    if b"Objects" not in sections or b"Connections" not in sections:
        return []
    models = {e.props[0]: e for e in sections[b"Objects"].elems if e is not None and e.id == b"Model"}
    names = {number: _name(model) for number, model in models.items()}
    groups = {number for number, model in models.items() if model.props[2] == b"LodGroup"}
    levels: dict[int, list[str]] = {number: [] for number in sorted(groups)}
    for link in sections[b"Connections"].elems:
        if link is not None and link.props[0] == b"OO" and link.props[2] in groups and link.props[1] in names:
            levels[link.props[2]].append(names[link.props[1]])
    return [(names[number], children) for number, children in levels.items()]


def _name(model: Any) -> str:
    return str(model.props[1].split(b"\x00\x01", 1)[0].decode("utf-8", errors="replace"))
