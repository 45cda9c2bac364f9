"""The materials of a USD file, read with the library `pxr` that Blender brings; what is not shown becomes a warning.

Blender's importer gives both directions one wrap mode, and an opacity behind a scaled texture its colour. The inputs
are those of the UsdPreviewSurface specification 2.6.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy

from blender_scripts.imports.materials import ORDINARY_IOR, Images

_SURFACE = {
    "diffuseColor": (0.18, 0.18, 0.18), "emissiveColor": (0.0, 0.0, 0.0), "useSpecularWorkflow": 0,
    "specularColor": (0.0, 0.0, 0.0), "metallic": 0.0, "roughness": 0.5, "clearcoat": 0.0, "clearcoatRoughness": 0.01,
    "opacity": 1.0, "opacityThreshold": 0.0, "opacityMode": "transparent", "ior": 1.5, "normal": (0.0, 0.0, 1.0),
    "displacement": 0.0, "occlusion": 1.0,
}  # fmt: skip
_SLOTS = {
    "diffuseColor": "base_color", "emissiveColor": "emission", "metallic": "metallic", "roughness": "roughness",
    "opacity": "alpha", "normal": "normal",
}  # fmt: skip
_COLOURS = ("base_color", "emission")
_UNSHOWN = ("clearcoat", "displacement", "occlusion")
_CHANNELS = {"rgb": "RGB", "r": "R", "g": "G", "b": "B", "a": "A"}
_WRAPS = {"clamp": "clamp", "black": "clamp", "mirror": "mirror"}
_TEXTURE = "UsdUVTexture"
MOST_REFLECTANCE = 0.25  # of what is no metal


def read_usd(file: Path) -> tuple[dict[str, Callable[[Images], dict[str, Any]]], list[str]]:
    """What describes each material, by its name, and warnings about meshes.

    Materials that are no UsdPreviewSurface, or that share their name, are left to Blender's importer.
    """
    try:
        bpy.utils.expose_bundled_modules()
        from pxr import Usd, UsdShade
    except (AttributeError, ImportError):  # Blender 4.3 and older
        return {}, []
    stage = Usd.Stage.Open(str(file))
    looks: dict[str, Any] = {}
    warnings = []
    shared = set()
    for prim in Usd.PrimRange(stage.GetPseudoRoot(), Usd.TraverseInstanceProxies()):
        opacity = prim.GetAttribute("primvars:displayOpacity").Get() if prim.GetTypeName() == "Mesh" else None
        if opacity and min(opacity) < 1.0:
            warnings.append(f"{prim.GetName()}: displayOpacity is not shown")
        if prim.IsA(UsdShade.Material) and not prim.IsInstanceProxy():
            name = prim.GetName()
            shared |= {name} & set(looks)
            looks[name] = prim
            warnings += _other_outputs(UsdShade.Material(prim), name)
    found = {}
    for name, prim in looks.items():
        source = UsdShade.Material(prim).ComputeSurfaceSource()[0]
        if name in shared:
            warnings.append(f"{name}: several materials have this name, so their textures may wrap otherwise")
        elif source and source.GetShaderId() == "UsdPreviewSurface":
            found[name] = _describer(name, source, stage)
        elif source:
            warnings.append(f"{name}: {source.GetShaderId() or 'its surface'} may not be shown; use UsdPreviewSurface")
    return found, warnings


def _other_outputs(material: Any, name: str) -> Iterator[str]:
    for output in material.GetOutputs():
        kind = output.GetBaseName()
        if kind != "surface" and output.HasConnectedSource():
            yield f"{name}: its output {kind} is not shown"


def _describer(name: str, surface: Any, stage: Any) -> Callable[[Images], dict[str, Any]]:
    """What describes a material later; a shader lives as long as its stage."""
    return lambda images: _describe(name, surface, images) if stage else {}


def _describe(name: str, surface: Any, images: Images) -> dict[str, Any]:
    """A material as `read_material` describes one."""
    inputs = {key: _input(surface, key, default) for key, default in _SURFACE.items()}
    lost = [
        f"input {each.GetBaseName()} is not shown" for each in surface.GetInputs() if each.GetBaseName() not in _SURFACE
    ]
    lost += [f"{key} is not shown" for key in _UNSHOWN if inputs[key] != _SURFACE[key]]
    result: dict[str, Any] = {"name": name, "textures": {}, "transmission": 0.0, "fallback_colors": True}
    for key, slot in _SLOTS.items():
        value, source = inputs[key], None
        if isinstance(value, tuple) and hasattr(value[0], "GetShaderId"):
            source, channel = value
            value = _SURFACE[key]
        if slot != "normal":
            result[slot] = [float(each) for each in value] if slot in _COLOURS else float(value)
        if source is None:
            continue
        kind = source.GetShaderId() or ""
        if kind == _TEXTURE:
            result["textures"][slot] = _texture(source, _CHANNELS.get(channel, "RGB"), slot, images, lost)
        elif slot == "base_color" and kind.startswith("UsdPrimvarReader_"):
            result |= {"color_attribute": str(_input(source, "varname", "displayColor")), "base_color": [1.0] * 3}
        else:
            lost.append(f"{key} is shown without its {kind or source.GetPath().name}")
    cutoff = inputs["opacityThreshold"]
    if isinstance(cutoff, (int, float)) and cutoff > 0.0:
        result["alpha"] = 1.0 if result["alpha"] >= cutoff else 0.0
        if "alpha" in result["textures"]:
            result["textures"]["alpha"]["cutoff"] = float(cutoff)
    lit = any(result["emission"]) or "emission" in result["textures"]
    result["emission_strength"] = 1.0 if lit else 0.0
    result["ior"] = inputs["ior"] if isinstance(inputs["ior"], float) else ORDINARY_IOR
    if inputs["useSpecularWorkflow"] == 1:
        result |= _specular(result, inputs["specularColor"], lost)
    leading = next(iter(result["textures"].values()), None)
    if leading is not None:
        result |= {key: leading[key] for key in ("uv_map", "uv_transform")}
    return result | {"warnings": [f"{name}: {text}" for text in lost]}


def _input(shader: Any, key: str, default: Any) -> Any:
    """The value of a shader's input, or (shader, output name) that it is connected to."""
    each = shader.GetInput(key)
    attributes = each.GetValueProducingAttributes() if each else ()
    if not attributes:
        return default
    from pxr import UsdShade

    if UsdShade.Output.IsOutput(attributes[0]):
        output = UsdShade.Output(attributes[0])
        return UsdShade.Shader(output.GetPrim()), output.GetBaseName()
    value = attributes[0].Get()
    if value is None:
        return default
    return tuple(value) if isinstance(default, tuple) and hasattr(value, "__len__") else value


def _texture(shader: Any, channel: str, slot: str, images: Images, lost: list[str]) -> dict[str, Any]:
    path = _input(shader, "file", None)
    named = str(getattr(path, "path", "") or "")
    scale, bias = _input(shader, "scale", (1.0,) * 4), _input(shader, "bias", (0.0,) * 4)
    wraps = [str(_input(shader, key, "repeat")) for key in ("wrapS", "wrapT")]
    label = f"texture {Path(named).name}"
    if "black" in wraps:
        lost.append(f"{label}: wrap mode black is shown as clamp")
    if slot == "normal":
        strength = abs(scale[0]) / 2.0 if any(bias[:3]) else 1.0
        if min(scale[:2]) < 0.0:
            lost.append(f"{label}: the negative scale of its normals is not applied")
    else:
        strength = 1.0
        if any(bias):
            lost.append(f"{label}: bias is not applied")
    space = str(_input(shader, "sourceColorSpace", "auto"))
    if space == ("raw" if slot in _COLOURS else "sRGB"):
        lost.append(f"{label}: sourceColorSpace {space} is not applied")
    uv_map, transform = _coordinates(shader, label, lost)
    return {
        **_image(path, named, images),
        "file": Path(named).name,
        "channel": channel,
        "factor": [float(scale["RGBA".index(one)]) for one in ("RGB" if channel == "RGB" else channel * 3)],
        "inverted": False,
        "cutoff": None,
        "height": False,
        "strength": strength,
        "wrap": [_WRAPS.get(wrap, "repeat") for wrap in wraps],
        "uv_map": uv_map,
        "uv_transform": transform,
    }


def _coordinates(shader: Any, label: str, lost: list[str]) -> tuple[str, list[float] | None]:
    """The primvar that places a texture, and the transform on the way."""
    transform = None
    source = _input(shader, "st", None)
    if isinstance(source, tuple) and source[0].GetShaderId() == "UsdTransform2d":
        node = source[0]
        scale, moved = _input(node, "scale", (1.0, 1.0)), _input(node, "translation", (0.0, 0.0))
        turn = math.radians(float(_input(node, "rotation", 0.0)))
        transform = [float(scale[0]), float(scale[1]), turn, float(moved[0]), float(moved[1])]
        source = _input(node, "in", None)
    if isinstance(source, tuple) and (source[0].GetShaderId() or "").startswith("UsdPrimvarReader_"):
        return str(_input(source[0], "varname", "st")), transform
    if source is not None:
        lost.append(f"{label}: the coordinates that place it are not read")
    return "st", transform


def _image(path: Any, named: str, images: Images) -> dict[str, Any]:
    """`image` and `outside` of a texture: of a file, or of one inside a .usdz."""
    resolved = str(getattr(path, "resolvedPath", "") or "")
    package, _, inner = resolved.rpartition("[")
    if not inner.endswith("]"):
        return images.load(resolved or named, images.search)
    try:
        with zipfile.ZipFile(package) as archive:
            stored = archive.getinfo(inner[:-1]).compress_type == zipfile.ZIP_STORED  # the format allows no other
            return {"image": images.put(inner[:-1], archive.read(inner[:-1])) if stored else None, "outside": False}
    except (OSError, KeyError, zipfile.BadZipFile):
        return {"image": None, "outside": False}


def _specular(result: dict[str, Any], colour: Any, lost: list[str]) -> dict[str, Any]:
    """What the specular workflow changes: a metal where only the reflection has a colour, else the reflectance."""
    if not all(isinstance(each, float) for each in colour):
        lost.append("the texture of specularColor is not shown")
        return {"metallic": 0.0}
    mean = sum(colour) / 3
    if max(result["base_color"]) < 0.1 < mean and "base_color" not in result["textures"]:
        return {"metallic": 1.0, "base_color": list(colour)}
    root = math.sqrt(min(mean, MOST_REFLECTANCE))
    if max(colour) - min(colour) > 0.02 or mean > MOST_REFLECTANCE:
        lost.append("specularColor is not shown in full")
    return {"metallic": 0.0, "ior": (1.0 + root) / (1.0 - root)}
