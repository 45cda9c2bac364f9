"""A library Material as a Blender node material.

The procedural kinds look right at 224 pixels and cost little: one to three noise lookups a hit. They are painted in the
asset frame, in metres, so they need no UVs and do not stretch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
from scenegen.core.asset_library import Material
from scenegen.core.scene.scene import Vector

from blender_scripts.build.nodes import add, bump, finish, math, mix, new_material, noise, plug, ramp, scaled
from blender_scripts.host.compat import principled_socket

NEUTRAL_GREY: Vector = (0.5, 0.5, 0.5)
SHIFT, ROUGHNESS = "shift", "roughness"
"""Properties of an object that its materials read: hue, saturation and value to add to 0.5, 1 and 1; roughness."""
_DYED = ("fabric", "plastic", "paint")  # materials of any colour
_FREE_HUE, _BOUND_HUE = 1.0, 0.25  # shares of the shift: wood and skin keep their hue
_COLOR_SLOTS = ("base_color", "emission")


def make_material(name: str, material: Material, folder: Path) -> Any:
    """Build `material`; texture paths are below `folder`. A texture that cannot be read becomes neutral grey."""
    result = new_material(name)
    tree = result.node_tree
    if material.is_thin_glass:
        finish(tree, thin_glass(tree, material))
        return result
    inputs = _KINDS[material.kind](tree, material)
    if material.kind == "plain":
        inputs |= _textures(tree, material, folder)
    _shift(tree, inputs, _FREE_HUE if material.kind in _DYED else _BOUND_HUE)
    finish(tree, principled(tree, inputs))
    return result


def _shift(tree: Any, inputs: dict[str, Any], hue_share: float) -> None:
    """Let objects that share this material differ, without a copy of it. Objects without properties do not change."""
    shift = add(tree, "ShaderNodeAttribute", attribute_type="OBJECT", attribute_name=SHIFT).outputs["Vector"]
    factors = {0: shift, 1: (hue_share, 1.0, 1.0), 2: (0.5, 1.0, 1.0)}
    moved = add(tree, "ShaderNodeVectorMath", factors, operation="MULTIPLY_ADD").outputs[0]
    hue, saturation, value = add(tree, "ShaderNodeSeparateXYZ", {0: moved}).outputs
    sockets = {"Hue": hue, "Saturation": saturation, "Value": value, "Color": inputs["Base Color"]}
    inputs["Base Color"] = add(tree, "ShaderNodeHueSaturation", sockets).outputs[0]
    rougher = add(tree, "ShaderNodeAttribute", attribute_type="OBJECT", attribute_name=ROUGHNESS).outputs["Fac"]
    sum_of = add(tree, "ShaderNodeMath", {0: inputs["Roughness"], 1: rougher}, operation="ADD", use_clamp=True)
    inputs["Roughness"] = sum_of.outputs[0]


def principled(tree: Any, inputs: dict[str, Any]) -> Any:
    """A Principled shader; keys are the newest socket names or compat's names for renamed ones."""
    node = add(tree, "ShaderNodeBsdfPrincipled")
    for key, value in inputs.items():
        plug(tree, principled_socket(node, key), value)
    return node.outputs[0]


def thin_glass(tree: Any, material: Material) -> Any:
    """Glass without refraction: it lets light and shadow rays through, so it needs no caustics to look right."""
    clear = add(tree, "ShaderNodeBsdfTransparent", {"Color": material.base_color}).outputs[0]
    gloss = add(tree, "ShaderNodeBsdfGlossy", {"Roughness": min(material.roughness, 0.1)}).outputs[0]
    # A sheet has no inside: seen from behind it must not reflect totally.
    behind = add(tree, "ShaderNodeNewGeometry").outputs["Backfacing"]
    ior = math(tree, "POWER", material.ior, math(tree, "MULTIPLY_ADD", behind, -2.0, 1.0))
    fresnel = add(tree, "ShaderNodeFresnel", {"IOR": ior}).outputs[0]
    factor = math(tree, "ADD", fresnel, 0.03)  # a sheet stays visible head on
    return add(tree, "ShaderNodeMixShader", {0: factor, 1: clear, 2: gloss}).outputs[0]


def load_image(path: Path, *, color: bool) -> Any | None:
    """Return an image that Cycles can read; None for a missing or broken one, which Cycles would paint magenta."""
    if not path.is_file():
        return None
    image = bpy.data.images.load(str(path), check_existing=True)
    broken = 0 in image.size  # decodes the file
    image.buffers_free()  # Cycles reads the file by itself
    if broken:
        bpy.data.images.remove(image)
        return None
    image.colorspace_settings.name = "sRGB" if color else "Non-Color"
    return image


def _base(material: Material) -> dict[str, Any]:
    inputs: dict[str, Any] = {
        "Base Color": material.base_color,
        "Metallic": material.metallic,
        "Roughness": material.roughness,
        "IOR": material.ior,
        "Alpha": material.alpha,
    }
    if material.emission_strength > 0.0 and any(material.emission):
        inputs |= {"emission": material.emission, "Emission Strength": material.emission_strength}
    return inputs


def _plain(_tree: Any, material: Material) -> dict[str, Any]:
    return _base(material)


def _textures(tree: Any, material: Material, folder: Path) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    for slot, path in material.textures.items():
        shared = path == material.textures.get("base_color")  # the alpha channel is in the colour's file
        image = load_image(folder / path, color=shared or slot in _COLOR_SLOTS)
        if image is None:
            if slot == "base_color":
                inputs["Base Color"] = NEUTRAL_GREY
            continue
        # A texel is there or not: labels ask for the alpha of one texel, too (scenegen.core.labels.cut_outs).
        interpolation = "Closest" if slot == "alpha" else "Linear"
        node = add(tree, "ShaderNodeTexImage", image=image, interpolation=interpolation)
        color, alpha = node.outputs[0], node.outputs[1]
        if slot == "normal":
            inputs["Normal"] = add(tree, "ShaderNodeNormalMap", {"Color": color}).outputs[0]
        elif slot == "alpha":
            inputs["Alpha"] = alpha if shared else color
        elif slot == "emission":
            inputs |= {"emission": color, "Emission Strength": max(material.emission_strength, 1.0)}
        else:
            inputs[{"base_color": "Base Color", "roughness": "Roughness", "metallic": "Metallic"}[slot]] = color
    return inputs


def _object_metres(tree: Any, material: Material) -> Any:
    """Asset-frame coordinates divided by the length of a repeat."""
    coordinates = add(tree, "ShaderNodeTexCoord").outputs["Object"]
    return scaled(tree, coordinates, (1.0 / max(material.scale, 1e-3),) * 3)


def _wood(tree: Any, material: Material) -> dict[str, Any]:
    # Grain runs along X on boards that lie and along Z on what stands.
    place = _object_metres(tree, material)
    lying, standing = scaled(tree, place, (1.0, 12.0, 12.0)), scaled(tree, place, (12.0, 12.0, 1.0))
    normal = add(tree, "ShaderNodeTexCoord").outputs["Normal"]
    upward = math(tree, "ABSOLUTE", add(tree, "ShaderNodeSeparateXYZ", {0: normal}).outputs[2])
    along = mix(tree, math(tree, "GREATER_THAN", upward, 0.7), standing, lying)
    grain = noise(tree, along, 1.0, detail=5.0, distortion=0.4)
    color = ramp(tree, grain, material.base_color, material.color_2, 0.35, 0.68)
    gloss = math(tree, "MULTIPLY_ADD", grain, 0.25, max(material.roughness - 0.12, 0.05))
    return _base(material) | {"Base Color": color, "Roughness": gloss, "Normal": bump(tree, grain, 0.25, 0.002)}


def _fabric(tree: Any, material: Material) -> dict[str, Any]:
    place = _object_metres(tree, material)
    weave = noise(tree, place, 14.0, detail=1.0)
    patches = noise(tree, place, 1.5)
    color = ramp(tree, math(tree, "MULTIPLY", math(tree, "ADD", weave, patches), 0.5), material.base_color,
                 material.color_2, 0.38, 0.66)  # fmt: skip
    look = {"Base Color": color, "Roughness": 0.9, "specular": 0.2, "sheen": 0.25}
    return _base(material) | look | {"Normal": bump(tree, weave, 0.5, 0.003)}


def _leather(tree: Any, material: Material) -> dict[str, Any]:
    place = _object_metres(tree, material)
    cells = add(tree, "ShaderNodeTexVoronoi", {"Vector": place, "Scale": 16.0}).outputs["Distance"]
    color = ramp(tree, noise(tree, place, 2.0, detail=3.0), material.base_color, material.color_2, 0.4, 0.7)
    return _base(material) | {"Base Color": color, "Normal": bump(tree, cells, 0.35, 0.002)}


def _metal(tree: Any, material: Material) -> dict[str, Any]:
    smudges = noise(tree, _object_metres(tree, material), 4.0)
    gloss = math(tree, "MULTIPLY_ADD", smudges, 0.2, max(material.roughness - 0.1, 0.03))
    return _base(material) | {"Metallic": 1.0, "Roughness": gloss}


def _plastic(_tree: Any, material: Material) -> dict[str, Any]:
    return _base(material) | {"Metallic": 0.0}


def _paint(tree: Any, material: Material) -> dict[str, Any]:
    strokes = noise(tree, _object_metres(tree, material), 6.0, detail=3.0)
    look = {"coat": 0.3, "coat_roughness": 0.2, "Normal": bump(tree, strokes, 0.15, 0.001)}
    return _base(material) | look


def _stone(tree: Any, material: Material) -> dict[str, Any]:
    place = _object_metres(tree, material)
    body = noise(tree, place, 2.0, detail=5.0, distortion=1.2)
    vein = math(tree, "ABSOLUTE", math(tree, "SUBTRACT", noise(tree, place, 1.3, detail=4.0, distortion=2.0), 0.5))
    ground = ramp(tree, body, material.base_color, [0.75 * c for c in material.base_color], 0.35, 0.75)
    color = mix(tree, ramp(tree, vein, (1, 1, 1), (0, 0, 0), 0.0, 0.045), ground, material.color_2)
    return _base(material) | {"Base Color": color}


def _wall_metres(tree: Any) -> Any:
    """Metres along and up any wall, slope or floor that runs along an axis, for courses of bricks and tiles."""
    coordinates = add(tree, "ShaderNodeTexCoord")
    x, y, z = add(tree, "ShaderNodeSeparateXYZ", {0: coordinates.outputs["Object"]}).outputs[:3]
    normal = add(tree, "ShaderNodeSeparateXYZ", {0: coordinates.outputs["Normal"]}).outputs
    across, ahead, upward = (math(tree, "ABSOLUTE", part) for part in normal[:3])
    along_y = math(tree, "GREATER_THAN", math(tree, "SUBTRACT", across, ahead), 1e-3)
    level = math(tree, "GREATER_THAN", upward, 0.95)
    u = _pick(tree, along_y, x, y)
    return add(tree, "ShaderNodeCombineXYZ", {0: _pick(tree, level, u, x), 1: _pick(tree, level, z, y)}).outputs[0]


def _pick(tree: Any, which: Any, first: Any, second: Any) -> Any:
    """`second` where `which` is 1, else `first`."""
    return math(tree, "MULTIPLY_ADD", which, math(tree, "SUBTRACT", second, first), first)


def _courses(tree: Any, material: Material, height: float, gap: float, offset: float, shades: float) -> dict[str, Any]:
    metres = _wall_metres(tree)
    inputs = {
        "Vector": metres,
        "Scale": 1.0,
        "Color1": material.base_color,
        "Color2": [shades * c for c in material.base_color],
        "Mortar": material.color_2,
        "Mortar Size": gap,
        "Mortar Smooth": 0.2,
        "Bias": 0.0,
        "Brick Width": material.scale,
        "Row Height": height,
    }
    laid = add(tree, "ShaderNodeTexBrick", inputs, offset=offset)
    dirt = ramp(tree, noise(tree, metres, 1.2, detail=4.0), (0.75, 0.75, 0.75), (1.1, 1.1, 1.1), 0.3, 0.7)
    color = mix(tree, 0.8, laid.outputs["Color"], dirt, "MULTIPLY")
    return _base(material) | {
        "Base Color": color,
        "specular": 0.3,
        "Normal": bump(tree, laid.outputs["Fac"], -0.5, 0.008),
    }


def _brick(tree: Any, material: Material) -> dict[str, Any]:
    return _courses(tree, material, 0.32 * material.scale, 0.035 * material.scale, 0.5, 0.72)


def _tiles(tree: Any, material: Material) -> dict[str, Any]:
    return _courses(tree, material, material.scale, max(0.004, 0.014 * material.scale), 0.0, 0.9)


def _concrete(tree: Any, material: Material) -> dict[str, Any]:
    """Materials without a pattern: clouds of two colours under a fine grain."""
    metres = add(tree, "ShaderNodeTexCoord").outputs["Object"]
    clouds = noise(tree, metres, 1.0 / max(material.scale, 1e-3), detail=6.0)
    grain = noise(tree, metres, 40.0, detail=2.0)
    both = math(tree, "MULTIPLY", math(tree, "ADD", clouds, grain), 0.5)
    color = ramp(tree, both, material.base_color, material.color_2, 0.36, 0.64)
    return _base(material) | {"Base Color": color, "specular": 0.25, "Normal": bump(tree, grain, 0.3, 0.004)}


_KINDS: dict[str, Callable[[Any, Material], dict[str, Any]]] = {
    "plain": _plain,
    "wood": _wood,
    "fabric": _fabric,
    "leather": _leather,
    "metal": _metal,
    "plastic": _plastic,
    "paint": _paint,
    "stone": _stone,
    "brick": _brick,
    "tiles": _tiles,
    "concrete": _concrete,
}
