"""A .blend file as its renders show it. Blender evaluates objects as the viewport shows them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy
from scenegen.core.own_files import outside, reaches_outside

from blender_scripts.imports.faults import ImportFault


def refuse_other_files(file: Path) -> None:
    """ImportFault when the open .blend file takes data from a file outside its folder.

    Blender has then read linked libraries, and none of their content is used. Caches and fonts are read later. Paths of
    images are only noted: image_files.py decides when one is read.
    """
    noted = [*bpy.data.images, *bpy.data.sounds, *bpy.data.movieclips, *bpy.data.texts]
    lazy = {_absolute(bpy.path.abspath(each.filepath, library=each.library)) for each in noted}
    for named in bpy.utils.blend_paths(absolute=True, packed=True, local=False):
        if _absolute(named) not in lazy and reaches_outside(named, file.parent):
            raise ImportFault(outside(named))
    if any(node.bl_idname.startswith("GeometryNodeImport") for group in bpy.data.node_groups for node in group.nodes):
        raise ImportFault("its geometry nodes import files; apply that modifier and save the file")


def all_hidden() -> str | None:
    """What to do where renders hide each mesh of the open .blend file; None where they show one, or there is none."""
    meshes = [each for each in bpy.context.scene.objects if each.type == "MESH" and len(each.data.polygons)]
    if not meshes or any(each.visible_get() for each in meshes):
        return None
    return (
        f"all of its meshes ({len(meshes)}) are hidden in renders; in Blender's outliner, turn on the camera of the "
        "objects and collections that belong to the model, and save the file"
    )


def _absolute(path: str) -> str:
    return os.path.normpath(path)


def show_as_rendered() -> None:
    """Give the viewport the settings of renders: hidden objects, modifiers and levels of subdivision."""
    for each in [*bpy.data.objects, *bpy.data.collections]:
        each.hide_viewport = each.hide_render
    layer = bpy.context.view_layer
    _open(layer.layer_collection)
    for each in layer.objects:
        each.hide_set(state=False)
    for each in bpy.data.objects:
        for modifier in each.modifiers:
            modifier.show_viewport = modifier.show_render
            for shown, rendered in (("levels", "render_levels"), ("steps", "render_steps")):
                if hasattr(modifier, shown) and hasattr(modifier, rendered):
                    setattr(modifier, shown, getattr(modifier, rendered))
    for curve in bpy.data.curves:
        curve.resolution_u = curve.render_resolution_u or curve.resolution_u
        curve.resolution_v = curve.render_resolution_v or curve.resolution_v
    for ball in bpy.data.metaballs:
        ball.resolution = ball.render_resolution


def _open(collection: Any) -> None:
    """Undo what hides a collection in the viewport alone."""
    collection.hide_viewport = False
    for child in collection.children:
        _open(child)
