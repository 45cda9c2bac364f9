"""What a file says about its look and what is not shown: each becomes a warning that names it."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from blender_scripts.imports.gltf_json import read_gltf_json

# Extensions of glTF whose effect is shown; all others, of a material or a texture, are named.
_SHOWN = {
    "KHR_materials_emissive_strength", "KHR_materials_ior", "KHR_materials_pbrSpecularGlossiness",
    "KHR_materials_transmission", "KHR_materials_unlit", "KHR_texture_transform", "EXT_texture_webp",
}  # fmt: skip
_MTL_IGNORED = {
    "disp",
    "decal",
    "refl",
    "map_ks",
    "map_ns",
    "map_ka",
    "map_tr",
    "map_ps",
    "map_pc",
    "map_pcr",
    "map_refl",
}
_MTL_OPTIONS = ("-clamp", "-mm", "-cc", "-texres", "-type", "-boost", "-blendu", "-blendv")
# Inputs of the Principled shader that a prepared material has no place for, and the value that shows nothing.
_UNSHOWN_INPUTS = {
    "Subsurface Weight": 0.0, "Anisotropic": 0.0, "Coat Weight": 0.0, "Sheen Weight": 0.0, "Thin Film Thickness": 0.0,
}  # fmt: skip


def file_warnings(file: Path) -> list[str]:
    """Warnings about what the file names and Blender's importer does not read."""
    suffix = file.suffix.lower()
    if suffix in (".gltf", ".glb"):
        return _gltf(file)
    if suffix == ".obj":
        return [text for materials in material_files(file) for text in _mtl(materials)]
    if suffix == ".ply":
        return _ply(file)
    return []


def shader_warnings(name: str, shader: Any) -> list[str]:
    """Warnings about inputs of a Principled shader that are set or linked and that no prepared material has."""
    found = []
    for key, nothing in _UNSHOWN_INPUTS.items():
        socket = shader.inputs.get(key)
        if socket is not None and (socket.is_linked or float(socket.default_value) != nothing):
            found.append(f"{name}: {key} is not shown")
    return found


def material_files(file: Path) -> list[Path]:
    """The paths of all MTL files that an OBJ names, whether they exist or not.

    Of one that names none, the file of its own name beside it, which Blender reads then.
    """
    if not file.stat().st_size:  # there is no memory map of nothing
        return []
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        named = re.findall(rb"^mtllib[ \t]+(.+?)[ \t\r]*$", content, re.MULTILINE)
    own = file.with_suffix(".mtl")
    if not named:
        return [own] if own.is_file() else []
    return [file.parent / name.decode(errors="replace").replace("\\", "/") for name in dict.fromkeys(named)]


def known_materials(file: Path) -> set[str]:
    """The names of all materials that the MTL files of an OBJ define."""
    names: set[str] = set()
    for materials in material_files(file):
        if materials.is_file():
            lines = materials.read_text(encoding="utf-8", errors="replace").splitlines()
            names |= {line.split(maxsplit=1)[1].strip() for line in lines if re.match(r"\s*newmtl\s+\S", line)}
    return names


def _mtl(file: Path) -> Iterable[str]:
    if not file.is_file():
        return [f"missing material file {file.name}"]
    rows = [line.split() for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    base_images = _base_images(rows)
    name = ""
    found = []
    for words in rows:
        key = words[0].lower()
        if key == "newmtl":
            name = " ".join(words[1:])
        if key in _MTL_IGNORED and not (key == "map_ka" and words[-1] == base_images.get(name)):
            found.append(f"{name}: {words[0]} {words[-1]} is not shown")
        if key.startswith(("map_", "bump")):
            found += [f"{name}: option {word} of {words[0]} is not applied" for word in words if word in _MTL_OPTIONS]
    return found


def _base_images(rows: Iterable[Sequence[str]]) -> dict[str, str]:
    """The image of map_Kd by material; it may stand before or after the material's other lines."""
    images: dict[str, str] = {}
    name = ""
    for words in rows:
        if words[0].lower() == "newmtl":
            name = " ".join(words[1:])
        elif words[0].lower() == "map_kd":
            images[name] = words[-1]
    return images


def _gltf(file: Path) -> list[str]:
    try:
        body, _ = read_gltf_json(file)
    except (OSError, ValueError):
        return []
    found = []
    for number, material in enumerate(body.get("materials") or ()):
        name = material.get("name", f"material {number}")
        for extension in material.get("extensions") or {}:
            if extension not in _SHOWN:
                found.append(f"{name}: {extension} is not shown")
        if "occlusionTexture" in material:
            found.append(f"{name}: occlusionTexture is not shown")
    for texture in body.get("textures") or ():
        for extension in texture.get("extensions") or {}:
            if extension not in _SHOWN:
                found.append(f"{extension} is not read; export the images as PNG or JPEG")
    return found


def _ply(file: Path) -> list[str]:
    with file.open("rb") as stream:
        head = stream.read(1 << 16).partition(b"end_header")[0].decode(errors="replace")
    found = [f"texture {name.strip()} of the PLY is not read" for name in re.findall(r"comment TextureFile (.+)", head)]
    face = head.partition("element face")[2].partition("element ")[0]
    if re.search(r"property \w+ (red|diffuse_red)\s", face):
        found.append("colours of faces of the PLY are not read; give the colours to vertices")
    return found
