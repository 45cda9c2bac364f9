"""What the corners of a mesh's faces carry: UVs and colours, as its materials use them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blender_scripts.imports.polygons import values_of

WHITE = 0.99


def corner_uvs(
    mesh: Any, corners: NDArray[np.int32], material_index: NDArray[np.int32], materials: list[dict[str, Any]]
) -> NDArray[np.float32] | None:
    """UVs (F, 3, 2) of each face's corners from the map that its material's first image uses, with its transform.

    corners int32 (F, 3), material_index int32 (F,). An image of a material that lies on another map is left out, with a
    warning in the material, unless both maps are equal on its faces.
    """
    if not len(mesh.uv_layers):
        return None
    shown = next((layer for layer in mesh.uv_layers if layer.active_render), mesh.uv_layers[0])
    result = values_of(shown.uv, "vector", np.float32, 2)[corners]
    for chosen, material in _used(material_index, materials):
        own = mesh.uv_layers.get(material.get("uv_map") or "") or shown
        if own != shown:
            result[chosen] = values_of(own.uv, "vector", np.float32, 2)[corners[chosen]]
        for slot, texture in list(material.get("textures", {}).items()):
            other = mesh.uv_layers.get(texture["uv_map"] or "") or shown
            if other != own and not _agree(own, other, corners[chosen]):
                material["textures"].pop(slot)
                material["warnings"].append(
                    f"{material['name']}: its {slot} texture {texture['file']} is not shown, because it lies on the UV "
                    f"map {other.name} and another of its textures on {own.name}; bake it onto {own.name} to show it"
                )
        if material.get("uv_transform"):
            su, sv, turn, u, v = material["uv_transform"]
            cos, sin = np.cos(turn), np.sin(turn)
            scaled = result[chosen] * (su, sv)
            result[chosen] = scaled @ np.array([[cos, sin], [-sin, cos]]) + np.array([u, v])
    return result


def _agree(one: Any, other: Any, corners: NDArray[np.int32]) -> bool:
    first, second = (values_of(layer.uv, "vector", np.float32, 2)[corners] for layer in (one, other))
    return np.allclose(first, second, atol=1e-5)


def face_colors(
    mesh: Any,
    faces: NDArray[np.int32],
    corners: NDArray[np.int32],
    material_index: NDArray[np.int32],
    materials: list[dict[str, Any]],
) -> NDArray[np.float32] | None:
    """Mean linear colour (F, 3) of each face whose look comes from a colour attribute, NaN elsewhere.

    Where the material has an image, its texture's colours are to be multiplied by these; else they are the face's.
    """
    if not len(mesh.color_attributes):
        return None
    result = np.full((len(faces), 3), np.nan, dtype=np.float32)
    for chosen, material in _used(material_index, materials):
        bare = not material
        if not bare and "color_attribute" not in material:
            _name_unused(mesh, material, faces[chosen], corners[chosen])
            continue
        colors = _colors(mesh, material.get("color_attribute", ""), faces[chosen], corners[chosen])
        if colors is None:
            if not bare:
                named = material["color_attribute"]
                material["warnings"].append(f"{material['name']}: its mesh has no colours {named} of vertices")
            continue
        if not bare and material.get("alpha_attribute") is not None and colors[..., 3].min() < WHITE:
            material["warnings"].append(
                f"{material['name']}: the alpha of its colours of vertices is not shown; bake it into a texture"
            )
        colors = colors[..., :3]
        if "base_color" in material and colors.min() >= WHITE:  # as exporters write it: the material's own colour
            continue
        textured = "base_color" in material.get("textures", {})
        factor = (1.0, 1.0, 1.0) if textured else material.get("base_color", (1.0, 1.0, 1.0))
        result[chosen] = colors.mean(axis=1) * np.array(factor, dtype=np.float32)
    return result if np.isfinite(result).any() else None


def _name_unused(mesh: Any, material: dict[str, Any], faces: NDArray[np.int32], corners: NDArray[np.int32]) -> None:
    """Warn of colours that a file gives and no material of it uses."""
    if material.get("fallback_colors"):  # the format means them for meshes without a material
        return
    for attribute in mesh.color_attributes:
        colors = _colors(mesh, attribute.name, faces, corners)
        if colors is not None and colors[..., :3].min() < WHITE:
            material["warnings"].append(f"{material['name']}: the colours {attribute.name} of vertices are not shown")


def _colors(mesh: Any, name: str, faces: NDArray[np.int32], corners: NDArray[np.int32]) -> NDArray[np.float32] | None:
    """Linear RGBA (F, 3, 4) of the corners in a colour attribute; the first one's where `name` is empty."""
    found = mesh.color_attributes
    attribute = found.get(name) if name else found.get("displayColor") or found[0]  # USD's for meshes without material
    if attribute is None or attribute.domain not in ("CORNER", "POINT"):
        return None
    index = corners if attribute.domain == "CORNER" else faces
    return np.asarray(values_of(attribute.data, "color", np.float32, 4)[index], dtype=np.float32)


def _used(
    material_index: NDArray[np.int32], materials: list[dict[str, Any]]
) -> Iterator[tuple[NDArray[np.bool_], dict[str, Any]]]:
    """Which faces each used material has, and its description; {} of faces without one."""
    for number in np.unique(material_index):
        yield material_index == number, materials[number] if number >= 0 else {}
