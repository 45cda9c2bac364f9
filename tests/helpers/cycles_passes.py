"""Depth and object index as Cycles gives them, an oracle for the labels. Runs where there is bpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from blender_scripts.build.nodes import add
from blender_scripts.render.cycles import render_cameras


def cycles_passes(target: Any, eye: Any, folder: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cycles' depth and object index of one sample at each pixel's centre, written by the compositor as EXR files."""
    layer = target.view_layers[0]
    layer.use_pass_z = layer.use_pass_object_index = True
    target.cycles.samples = 1
    target.cycles.filter_width = 0.01
    target.render.use_compositing = True
    link_passes = link_passes_5 if bpy.app.version >= (5, 0, 0) else link_passes_4
    link_passes(target, folder)
    render_cameras(target, [eye], [folder / "image.png"], 0)
    return read_exr(next(folder.glob("*depth*.exr"))), read_exr(next(folder.glob("*index*.exr")))


def link_passes_4(target: Any, folder: Path) -> None:
    target.use_nodes = True
    tree = target.node_tree
    tree.nodes.clear()
    files = add(tree, "CompositorNodeOutputFile", base_path=str(folder))
    as_floats(files.format)
    files.file_slots.clear()
    layers = add(tree, "CompositorNodeRLayers")
    for name, output in (("depth", "Depth"), ("index", "IndexOB")):
        files.file_slots.new(name)
        tree.links.new(layers.outputs[output], files.inputs[name])


def link_passes_5(target: Any, folder: Path) -> None:
    """5.0 has no Scene.node_tree: the compositor is a node group, its file node has items, the pass another name."""
    tree = target.compositing_node_group = bpy.data.node_groups.new("passes", "CompositorNodeTree")
    files = add(tree, "CompositorNodeOutputFile", directory=str(folder), file_name="pass_")
    files.format.media_type = "IMAGE"
    as_floats(files.format)
    layers = add(tree, "CompositorNodeRLayers")
    for name, output in (("depth", "Depth"), ("index", "Object Index")):
        files.file_output_items.new("FLOAT", name)
        tree.links.new(layers.outputs[output], files.inputs[name])


def as_floats(image_format: Any) -> None:
    image_format.file_format = "OPEN_EXR"
    image_format.color_depth = "32"


def read_exr(path: Path) -> NDArray[np.float32]:
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    pixels = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(height, width, image.channels)[::-1, :, 0]
