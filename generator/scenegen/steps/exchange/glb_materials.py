"""Library materials as glTF 2.0 materials, with their textures as they are in the library.

trimesh's own PBRMaterial rounds colours to eight bits and compresses JPEG files a second time, so the material entries
are written here. Colours are linear RGB in both formats.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from scenegen.core.asset_library import Material
from scenegen.core.errors import ScenegenError
from scenegen.core.scene.scene import SurfaceLook

ALPHA_CUTOFF = 0.5
"""Of a texture's alpha, as in labels; game engines draw cut-out leaves and hair right in any order, and blended ones
not."""


@dataclass(frozen=True)
class GltfFile:
    """A glTF file in the making: its JSON `tree` and its buffer views, as trimesh hands them over."""

    tree: dict[str, Any]
    buffers: MutableMapping[Any, bytes]
    textures: dict[bytes, int] = field(default_factory=dict)

    def add_texture(self, content: bytes) -> dict[str, int]:
        """A reference to the texture of an image file; the same file is stored once."""
        if content not in self.textures:
            self.textures[content] = len(self.tree["textures"])
            self.tree["textures"].append({"source": len(self.tree["images"])})
            kind = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
            self.tree["images"].append({"bufferView": len(self.buffers), "mimeType": kind})
            # The view includes up to three bytes of padding, which image decoders skip.
            self.buffers["texture", len(self.textures)] = content + bytes(-len(content) % 4)
        return {"index": self.textures[content]}

    def use_extensions(self, names: Iterable[str]) -> None:
        """Name the extensions that a part of the file uses."""
        self.tree["extensionsUsed"] = sorted({*self.tree.get("extensionsUsed", ()), *names})


def surface_material(look: SurfaceLook, name: str) -> dict[str, Any]:
    """A floor, walls or ceiling in their main colour, seen from inside the room only."""
    numbers = {"baseColorFactor": [*look.color, 1.0], "metallicFactor": 0.0, "roughnessFactor": look.roughness}
    return {"name": name, "pbrMetallicRoughness": numbers}


def asset_material(material: Material, folder: Path, file: GltfFile) -> dict[str, Any]:
    """A material's entry; its images are added to `file`. `folder` is the asset's.

    Procedural kinds (wood, fabric ...) have their base colour: glTF has no node textures. ScenegenError when a texture
    file is damaged.
    """
    textures = {slot: folder / path for slot, path in file_textures(material).items()}
    base, alpha = textures.get("base_color"), textures.get("alpha")
    rough, metal = textures.get("roughness"), textures.get("metallic")
    numbers: dict[str, Any] = {
        "baseColorFactor": [*((1.0, 1.0, 1.0) if base else material.base_color), 1.0 if alpha else material.alpha],
        "metallicFactor": 1.0 if metal else _METALLIC.get(material.kind, material.metallic),
        "roughnessFactor": 1.0 if rough else material.roughness,
    }
    entry: dict[str, Any] = {"name": material.name, "pbrMetallicRoughness": numbers, "doubleSided": True}
    extensions: dict[str, Any] = {}

    if alpha:
        numbers["baseColorTexture"] = file.add_texture(_read(alpha) if alpha == base else _with_alpha(base, alpha))
        pane = not _has_opaque(alpha, "A" if alpha == base else "L")
        entry |= {"alphaMode": "BLEND"} if pane else {"alphaMode": "MASK", "alphaCutoff": ALPHA_CUTOFF}
    else:
        if base:
            numbers["baseColorTexture"] = file.add_texture(_read(base))
        if material.alpha < 1.0:
            entry["alphaMode"] = "BLEND"
    if rough or metal:
        numbers["metallicRoughnessTexture"] = file.add_texture(_metallic_roughness(rough, metal))
    if "normal" in textures:
        entry["normalTexture"] = file.add_texture(_read(textures["normal"]))
    if "emission" in textures:
        entry["emissiveTexture"] = file.add_texture(_read(textures["emission"]))
        entry |= _emission((1.0, 1.0, 1.0), max(material.emission_strength, 1.0), extensions)
    elif material.emission_strength > 0.0 and any(material.emission):
        entry |= _emission(material.emission, material.emission_strength, extensions)
    transmission = 1.0 if material.kind == "glass" else material.transmission
    if transmission > 0.0:
        extensions["KHR_materials_transmission"] = {"transmissionFactor": transmission}
        extensions["KHR_materials_ior"] = {"ior": material.ior}
    if extensions:
        entry["extensions"] = extensions
        file.use_extensions(extensions)
    return entry


def file_textures(material: Material) -> Mapping[str, str]:
    """Slot to path of the textures that a material shows: procedural kinds show none."""
    return material.textures if material.kind == "plain" else {}


_METALLIC = {"metal": 1.0, "plastic": 0.0}
"""Kinds that are metallic or not whatever their number says, as blender_scripts/build/materials.py builds them."""


def _emission(color: tuple[float, ...], strength: float, extensions: dict[str, Any]) -> dict[str, Any]:
    """emissiveFactor, which ends at 1; what is brighter is an extension's."""
    if strength <= 1.0:
        return {"emissiveFactor": [strength * c for c in color]}
    extensions["KHR_materials_emissive_strength"] = {"emissiveStrength": strength}
    return {"emissiveFactor": list(color)}


@lru_cache(maxsize=64)
def _read(path: Path) -> bytes:
    """A texture file as it is, PNG or JPEG."""
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            image.verify()
        return path.read_bytes()
    except (OSError, SyntaxError) as error:
        raise _damaged(path, error) from error


@lru_cache(maxsize=64)
def _has_opaque(alpha: Path, channel: str) -> bool:
    """Whether some texel is opaque; a mask would hide all of a pane of glass."""
    values = _open(alpha, "L") if channel == "L" else _open(alpha, "RGBA").getchannel("A")
    return bool((np.asarray(values) >= 255 * ALPHA_CUTOFF).any())


@lru_cache(maxsize=64)
def _with_alpha(base: Path | None, alpha: Path) -> bytes:
    """A PNG of the colours of `base` (white without one) and the grey values of `alpha`, in the larger size."""
    mask = _open(alpha, "L")
    color = _open(base, "RGB") if base else Image.new("RGB", mask.size, (255, 255, 255))
    size = max(color.size, mask.size)
    color, mask = color.resize(size), mask.resize(size)
    color.putalpha(mask)
    return _png(color)


@lru_cache(maxsize=64)
def _metallic_roughness(rough: Path | None, metal: Path | None) -> bytes:
    """A PNG with roughness in green and metallic in blue; 1 where there is no file, so that the factor counts alone."""
    images = [_open(path, "L") if path else None for path in (rough, metal)]
    size = max(image.size for image in images if image)
    white = Image.new("L", size, 255)
    return _png(Image.merge("RGB", [white, *(image.resize(size) if image else white for image in images)]))


def _open(path: Path, mode: str) -> Image.Image:
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            if image.mode.startswith("I;16"):
                return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert(mode)
            return image.convert(mode)
    except (OSError, SyntaxError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ScenegenError:
    return ScenegenError(f"{path}: cannot be read as an image ({error}); prepare the asset again")


def _png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()
