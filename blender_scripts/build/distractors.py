"""Wall art and rugs as painted rectangles; what is painted on them is made of nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from scenegen.core.scene.scene import DistractorLook, Vector

from blender_scripts.build.materials import principled
from blender_scripts.build.nodes import add, bump, finish, math, mix, new_material, noise, scaled, steps

_MOUNT: Vector = (0.72, 0.71, 0.68)  # the paper between a frame and what hangs in it


def build_distractor(name: str, look: DistractorLook) -> Any:
    """Make the rectangle with UVs in [0, 1] and its material."""
    center, u, v = (np.asarray(vector) for vector in (look.center, look.u, look.v))
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(center + a * u + b * v).tolist() for a, b in signs], [], [(0, 1, 2, 3)])
    mesh.uv_layers.new(name="UVMap").data.foreach_set("uv", [0.5 + 0.5 * sign for pair in signs for sign in pair])
    mesh.materials.append(_material(name, look, 2 * float(np.linalg.norm(u)), 2 * float(np.linalg.norm(v))))
    return bpy.data.objects.new(name, mesh)


def _material(name: str, look: DistractorLook, width: float, height: float) -> Any:
    result = new_material(name)
    tree = result.node_tree
    place = add(tree, "ShaderNodeTexCoord").outputs["UV"]
    x, y, _ = add(tree, "ShaderNodeSeparateXYZ", {0: place}).outputs
    edge, *colors = look.colors
    across, up = (_from_middle(tree, part) for part in (x, y))
    # metres from the nearest edge
    inside = math(tree, "MINIMUM", _to_edge(tree, across, width), _to_edge(tree, up, height))
    seeded = add(tree, "ShaderNodeVectorMath", {0: place, 1: (0.0, 0.0, 40.0 * look.seed)}).outputs[0]
    art = _PATTERNS[look.pattern](tree, _Canvas(seeded, x, y, across, up, look.seed), colors)
    if look.kind == "rug":
        metres = scaled(tree, place, (width, height, 1.0))
        pile = noise(tree, metres, 120.0, detail=1.0)
        woven = mix(tree, 0.5, _framed(tree, inside, look.border, edge, art), pile, "OVERLAY")
        inputs = {"Base Color": woven, "Roughness": 1.0, "sheen": 0.2, "Normal": bump(tree, pile, 0.6, 0.008)}
    else:
        if look.border and look.seed > 0.4:
            art = _framed(tree, inside, look.border + 0.12 * min(width, height), _MOUNT, art)
        gloss = 0.15 if look.border else 0.6  # glass, or bare paper
        inputs = {"Base Color": _framed(tree, inside, look.border, edge, art), "Roughness": gloss, "specular": 0.4}
    finish(tree, principled(tree, inputs))
    return result


@dataclass(frozen=True)
class _Canvas:
    """Sockets to paint with: `place` (x, y in [0, 1], z another for every seed), x, y, and both from the middle."""

    place: Any
    x: Any
    y: Any
    across: Any
    up: Any
    seed: float


_Colors = list[Vector]


def _from_middle(tree: Any, part: Any) -> Any:
    """0 in the middle, 1 at both edges."""
    return math(tree, "ABSOLUTE", math(tree, "MULTIPLY_ADD", part, 2.0, -1.0))


def _to_edge(tree: Any, from_middle: Any, length: float) -> Any:
    return math(tree, "MULTIPLY_ADD", from_middle, -length / 2, length / 2)


def _framed(tree: Any, inside: Any, border: float, color: Vector, art: Any) -> Any:
    return mix(tree, math(tree, "GREATER_THAN", inside, border), color, art) if border else art


def _blocks(tree: Any, canvas: _Canvas, colors: _Colors) -> Any:
    inputs = {"Vector": canvas.place, "Scale": 2.0 + 4.0 * canvas.seed}
    cells = add(tree, "ShaderNodeTexVoronoi", inputs, distance="CHEBYCHEV").outputs["Color"]
    return steps(tree, add(tree, "ShaderNodeSeparateXYZ", {0: cells}).outputs[0], colors)


def _bands(tree: Any, canvas: _Canvas, colors: _Colors) -> Any:
    bands = 4.0 + 8.0 * canvas.seed
    return steps(tree, math(tree, "FRACT", math(tree, "MULTIPLY", canvas.y, bands / len(colors))), colors)


def _landscape(tree: Any, canvas: _Canvas, colors: _Colors) -> Any:
    hills = noise(tree, scaled(tree, canvas.place, (1.0, 0.15, 1.0)), 2.5, detail=4.0)
    height = math(tree, "MULTIPLY_ADD", math(tree, "SUBTRACT", hills, 0.5), 0.7, canvas.y)
    return steps(tree, height, [colors[1], colors[2], colors[0]])


def _clouds(tree: Any, canvas: _Canvas, colors: _Colors) -> Any:
    strokes = noise(tree, scaled(tree, canvas.place, (1.0, 1.6, 1.0)), 2.0, detail=4.0, distortion=1.5)
    spread = math(tree, "MULTIPLY_ADD", strokes, 2.4, -0.7)
    return steps(tree, spread, colors, "LINEAR")


def _rings(tree: Any, canvas: _Canvas, colors: _Colors) -> Any:
    middle = (0.3 + 0.4 * canvas.seed, 0.6 - 0.3 * canvas.seed)
    off = [math(tree, "SUBTRACT", part, place) for part, place in zip((canvas.x, canvas.y), middle, strict=True)]
    flat = add(tree, "ShaderNodeCombineXYZ", {0: off[0], 1: off[1]}).outputs[0]
    radius = add(tree, "ShaderNodeVectorMath", {0: flat}, operation="LENGTH").outputs["Value"]
    return steps(tree, math(tree, "FRACT", math(tree, "MULTIPLY", radius, 1.2 + canvas.seed)), colors)


def _plain(tree: Any, canvas: _Canvas, colors: _Colors) -> Any:
    return steps(tree, noise(tree, canvas.place, 6.0), [colors[0], [0.85 * channel for channel in colors[0]]], "LINEAR")


def _diamonds(tree: Any, canvas: _Canvas, colors: _Colors) -> Any:
    count = 3.0 + 4.0 * canvas.seed
    sides = [
        math(tree, "ABSOLUTE", math(tree, "SUBTRACT", math(tree, "FRACT", math(tree, "MULTIPLY", part, times)), 0.5))
        for part, times in ((canvas.x, 1.5 * count), (canvas.y, count))
    ]
    return steps(tree, math(tree, "ADD", *sides), colors)


def _medallion(tree: Any, canvas: _Canvas, colors: _Colors) -> Any:
    rings = math(tree, "MULTIPLY", math(tree, "ADD", canvas.across, canvas.up), 0.8 + canvas.seed)
    return steps(tree, math(tree, "FRACT", rings), colors)


_PATTERNS: dict[str, Callable[[Any, _Canvas, _Colors], Any]] = {
    "blocks": _blocks,
    "bands": _bands,
    "landscape": _landscape,
    "clouds": _clouds,
    "rings": _rings,
    "plain": _plain,
    "diamonds": _diamonds,
    "medallion": _medallion,
}
