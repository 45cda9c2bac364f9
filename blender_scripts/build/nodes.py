"""Short functions that build shader node trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bpy

from blender_scripts.host.compat import node_tree

Socket = Any
Rgb = Sequence[float]


def new_material(name: str) -> Any:
    """Make an empty node material."""
    material = bpy.data.materials.new(name)
    node_tree(material)
    return material


def add(tree: Any, kind: str, inputs: Mapping[Any, Any] | None = None, **settings: Any) -> Any:
    """Add node `kind`; each input is a value or another node's output."""
    node = tree.nodes.new(kind)
    for name, setting in settings.items():
        setattr(node, name, setting)
    for key, value in (inputs or {}).items():
        plug(tree, node.inputs[key], value)
    return node


def plug(tree: Any, socket: Socket, value: Any) -> None:
    """Set an input to a value (a colour may have three channels), or link it to an output."""
    if isinstance(value, bpy.types.NodeSocket):
        tree.links.new(value, socket)
    elif socket.type == "RGBA":
        socket.default_value = (*value[:3], 1.0)
    else:
        socket.default_value = value


def finish(tree: Any, surface: Socket) -> None:
    """Connect `surface` to the material's output."""
    add(tree, "ShaderNodeOutputMaterial", {"Surface": surface})


def math(tree: Any, operation: str, a: Any, b: Any = 0.0, c: Any = 0.0) -> Socket:
    """Add one arithmetic operation; `c` is the addend of MULTIPLY_ADD."""
    return add(tree, "ShaderNodeMath", {0: a, 1: b, 2: c}, operation=operation).outputs[0]


def ramp(tree: Any, factor: Socket, low: Rgb, high: Rgb, start: float = 0.0, end: float = 1.0) -> Socket:
    """Add a colour that goes from `low` to `high` while `factor` goes from `start` to `end`."""
    node = add(tree, "ShaderNodeValToRGB", {0: factor})
    for element, position, color in zip(node.color_ramp.elements, (start, end), (low, high), strict=True):
        element.position = position
        element.color = (*color[:3], 1.0)
    return node.outputs[0]


def steps(tree: Any, factor: Socket, colors: Sequence[Rgb], interpolation: str = "CONSTANT") -> Socket:
    """Add a colour that goes through `colors` in even steps while `factor` goes from 0 to 1."""
    node = add(tree, "ShaderNodeValToRGB", {0: factor})
    node.color_ramp.interpolation = interpolation
    elements = node.color_ramp.elements
    for _ in colors[2:]:
        elements.new(0.5)
    for number, color in enumerate(colors):
        elements[number].position = number / len(colors)
        elements[number].color = (*color[:3], 1.0)
    return node.outputs[0]


def mix(tree: Any, factor: Any, a: Any, b: Any, blend: str = "MIX") -> Socket:
    """Blend two colours."""
    return add(tree, "ShaderNodeMixRGB", {0: factor, 1: a, 2: b}, blend_type=blend).outputs[0]


def scaled(tree: Any, vector: Socket, scale: Sequence[float]) -> Socket:
    """Multiply a coordinate axis by axis."""
    return add(tree, "ShaderNodeMapping", {"Vector": vector, "Scale": tuple(scale)}).outputs[0]


def noise(tree: Any, vector: Socket, scale: float, detail: float = 2.0, distortion: float = 0.0) -> Socket:
    """Smooth noise in about [0.2, 0.8]; `scale` is features per unit."""
    inputs = {"Vector": vector, "Scale": scale, "Detail": detail, "Distortion": distortion}
    return add(tree, "ShaderNodeTexNoise", inputs).outputs[0]


def bump(tree: Any, height: Socket, strength: float, distance: float) -> Socket:
    """Add a normal that is bent by a height field whose full range is `distance` metres."""
    return add(tree, "ShaderNodeBump", {"Strength": strength, "Distance": distance, "Height": height}).outputs[0]
