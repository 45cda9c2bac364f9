"""FBX: of each group of levels of detail only the finest level, objects in a fixed order, and valid meshes."""

from __future__ import annotations

import re
from pathlib import Path

import bpy
import numpy as np

from blender_scripts.imports.fbx_tree import plain_name, read_fbx
from blender_scripts.imports.polygons import values_of


def keep_finest_levels(file: Path) -> None:
    """Remove all objects below the levels of an LOD group but the first, which is what it shows near by."""
    for group, levels in _lod_groups(file):
        for parent in [each for each in bpy.data.objects if without_number(each.name) == group]:
            children = [child for child in parent.children if without_number(child.name) in levels]
            ranked = sorted(children, key=lambda child: (levels.index(without_number(child.name)), child.name))
            for child in ranked[1:]:
                for each in [*child.children_recursive, child]:
                    bpy.data.objects.remove(each)


def validate() -> None:
    """Let Blender correct its meshes as its importer would, but keep the coordinates that are no numbers."""
    for mesh in bpy.data.meshes:
        places = values_of(mesh.vertices, "co", np.float32, 3)
        broken = ~np.isfinite(places).all(axis=1)
        mesh.validate(clean_customdata=False)
        if broken.any():  # it has set them to 0
            mesh.vertices.foreach_set("co", np.where(broken[:, None], np.float32(np.nan), places).reshape(-1))


def sort_objects() -> None:
    """Put the scene's objects in the order of their names; the importer's differs from process to process."""
    collection = bpy.context.scene.collection
    for each in sorted(collection.objects, key=lambda each: str(each.name)):
        collection.objects.unlink(each)
        collection.objects.link(each)


def without_number(name: str) -> str:
    """A name without the number that Blender adds to the second object of a name."""
    return re.sub(r"\.\d{3,}$", "", name)


def _lod_groups(file: Path) -> list[tuple[str, list[str]]]:
    """The name of each LOD group and of its levels, finest first."""
    try:
        root = read_fbx(file)
    except (OSError, ValueError):
        return []
    models = {
        node.values[0]: node for part in root.named("Objects") for node in part.named("Model") if len(node.values) > 2
    }
    names = {number: plain_name(model.values[1]) for number, model in models.items()}
    groups = {number for number, model in models.items() if model.values[2] == "LodGroup"}
    levels: dict[int, list[str]] = {number: [] for number in sorted(groups)}
    for link in (link.values for part in root.named("Connections") for link in part.nodes):
        if len(link) > 2 and link[0] == "OO" and link[2] in groups and link[1] in names:
            levels[link[2]].append(names[link[1]])
    return [(names[number], children) for number, children in levels.items()]
