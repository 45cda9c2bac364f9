"""Floor, wall and ceiling materials for scenegen's SurfaceLook kinds.

They are painted on UVs in metres (u along the surface, v across or up). `scale` is the length of a repeat in metres: a
board's width, the edge of a tile or a parquet block, a brick's length, a stripe's pitch, or the size of the largest
blotch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scenegen.core.scene.scene import SurfaceLook, Vector

from blender_scripts.build.materials import principled
from blender_scripts.build.nodes import add, bump, finish, math, mix, new_material, noise, ramp, scaled

SKIRTING_HEIGHT = 0.09
_SKIRTING_COLOR: Vector = (0.75, 0.74, 0.71)
_BARE = ("brick", "concrete", "tiles")  # walls of these kinds have no skirting board


def make_surface(name: str, look: SurfaceLook, *, skirting: bool = False) -> Any:
    """Make the node material of a room surface; `skirting` paints a board along v = 0."""
    result = new_material(name)
    tree = result.node_tree
    metres = add(tree, "ShaderNodeTexCoord").outputs["UV"]
    inputs = {"Roughness": look.roughness, "specular": 0.3} | _KINDS[look.kind](tree, metres, look)
    if skirting and look.kind not in _BARE:
        height = add(tree, "ShaderNodeSeparateXYZ", {0: metres}).outputs[1]
        board = math(tree, "LESS_THAN", height, SKIRTING_HEIGHT)
        inputs["Base Color"] = mix(tree, board, inputs["Base Color"], _SKIRTING_COLOR)
    finish(tree, principled(tree, inputs))
    return result


def _bricks(tree: Any, metres: Any, look: SurfaceLook, size: tuple[float, float], gap: float, offset: float) -> Any:
    """Bricks of `size` (along u, along v); each row is shifted by `offset` of a brick against the one below."""
    width, height = size
    inputs = {
        "Vector": metres,
        "Scale": 1.0,
        "Color1": look.color,
        "Color2": look.color_2,
        "Mortar": [0.35 * c for c in look.color],
        "Mortar Size": gap,
        "Mortar Smooth": 0.2,
        "Bias": 0.0,
        "Brick Width": width,
        "Row Height": height,
    }
    return add(tree, "ShaderNodeTexBrick", inputs, offset=offset)


def _grain(tree: Any, metres: Any, color: Any, width: float, along: tuple[float, float, float]) -> Any:
    """Wood streaks over boards of one `width`."""
    streaks = noise(tree, scaled(tree, metres, along), 4.0 / width, detail=4.0, distortion=0.3)
    return mix(tree, 0.55, color, ramp(tree, streaks, (0.55, 0.5, 0.46), (1.15, 1.12, 1.1), 0.3, 0.7), "MULTIPLY")


def _planks(tree: Any, metres: Any, look: SurfaceLook) -> dict[str, Any]:
    width = look.scale
    boards = _bricks(tree, metres, look, (8.0 * width, width), 0.0025, 0.37)
    color = _grain(tree, metres, boards.outputs["Color"], width, (0.08, 1.0, 1.0))
    return {"Base Color": color, "Normal": bump(tree, boards.outputs["Fac"], -0.3, 0.003)}


def _parquet(tree: Any, metres: Any, look: SurfaceLook) -> dict[str, Any]:
    width = look.scale / 4.0  # four boards per block, every second block turned
    turned = add(tree, "ShaderNodeMapping", {"Vector": metres, "Rotation": (0.0, 0.0, 1.5707963)}).outputs[0]
    chessboard = add(tree, "ShaderNodeTexChecker", {"Vector": metres, "Scale": 1.0 / look.scale}).outputs["Fac"]
    colors = []
    for place in (metres, turned):
        boards = _bricks(tree, place, look, (look.scale, width), 0.002, 0.0)
        colors.append(_grain(tree, place, boards.outputs["Color"], width, (0.1, 1.0, 1.0)))
    return {"Base Color": mix(tree, chessboard, *colors)}


def _tiles(tree: Any, metres: Any, look: SurfaceLook) -> dict[str, Any]:
    tiles = _bricks(tree, metres, look, (look.scale, look.scale), max(0.004, 0.012 * look.scale), 0.0)
    for slot, color in (("Color2", [0.92 * c for c in look.color]), ("Mortar", look.color_2)):
        tiles.inputs[slot].default_value = (*color, 1.0)
    return {"Base Color": tiles.outputs["Color"], "Normal": bump(tree, tiles.outputs["Fac"], -0.4, 0.003)}


def _brick(tree: Any, metres: Any, look: SurfaceLook) -> dict[str, Any]:
    wall = _bricks(tree, metres, look, (look.scale, 0.32 * look.scale), 0.006, 0.5)
    wall.inputs["Mortar"].default_value = (0.45, 0.43, 0.4, 1.0)
    dirt = ramp(tree, noise(tree, metres, 9.0, detail=3.0), (0.7, 0.7, 0.7), (1.15, 1.15, 1.15), 0.3, 0.7)
    color = mix(tree, 0.8, wall.outputs["Color"], dirt, "MULTIPLY")
    return {"Base Color": color, "Normal": bump(tree, wall.outputs["Fac"], -0.6, 0.008)}


def _carpet(tree: Any, metres: Any, look: SurfaceLook) -> dict[str, Any]:
    pile = noise(tree, metres, 90.0, detail=1.0)
    blotches = noise(tree, metres, 1.0 / look.scale, detail=2.0)
    both = math(tree, "ADD", math(tree, "MULTIPLY", pile, 0.6), math(tree, "MULTIPLY", blotches, 0.4))
    color = ramp(tree, both, look.color, look.color_2, 0.35, 0.7)
    return {"Base Color": color, "Roughness": 1.0, "sheen": 0.2, "Normal": bump(tree, pile, 0.6, 0.01)}


def _concrete(tree: Any, metres: Any, look: SurfaceLook) -> dict[str, Any]:
    clouds = noise(tree, metres, 1.0 / look.scale, detail=6.0)
    return {
        "Base Color": ramp(tree, clouds, look.color, look.color_2, 0.35, 0.68),
        "Normal": bump(tree, noise(tree, metres, 25.0, detail=3.0), 0.2, 0.003),
    }


def _paint(tree: Any, metres: Any, look: SurfaceLook) -> dict[str, Any]:
    clouds = noise(tree, metres, 1.0 / look.scale, detail=2.0)
    return {"Base Color": ramp(tree, clouds, [0.97 * c for c in look.color], look.color, 0.3, 0.7)}


def _plaster(tree: Any, metres: Any, look: SurfaceLook) -> dict[str, Any]:
    strokes = noise(tree, metres, 6.0 / look.scale, detail=4.0, distortion=0.6)
    color = ramp(tree, strokes, [0.9 * c for c in look.color], look.color, 0.3, 0.65)
    return {"Base Color": color, "Normal": bump(tree, strokes, 0.35, 0.006)}


def _wallpaper(tree: Any, metres: Any, look: SurfaceLook) -> dict[str, Any]:
    across = add(tree, "ShaderNodeSeparateXYZ", {0: metres}).outputs[0]
    phase = math(tree, "FRACT", math(tree, "DIVIDE", across, look.scale))
    stripe = math(tree, "LESS_THAN", phase, 0.5)
    return {"Base Color": mix(tree, stripe, look.color, look.color_2)}


_KINDS: dict[str, Callable[[Any, Any, SurfaceLook], dict[str, Any]]] = {
    "planks": _planks,
    "parquet": _parquet,
    "tiles": _tiles,
    "carpet": _carpet,
    "concrete": _concrete,
    "paint": _paint,
    "plaster": _plaster,
    "brick": _brick,
    "wallpaper": _wallpaper,
}
