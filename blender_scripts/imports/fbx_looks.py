"""What an FBX file says of its materials and Blender's importer does not follow: applied after it, or named.

The importer gives both directions one wrap mode, takes the first UV set for each texture, and heights for normals.
The names are those of FBX SDK 2020 (FbxSurfacePhong, FbxFileTexture).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from blender_scripts.imports.fbx_tree import Node, plain_name, read_fbx
from blender_scripts.imports.materials import LEADING

_NO_UV_SET = ("", "default")
_SMALL = 1e-6
_UNPLACED = (1.0, 1.0, 0.0, 0.0, 0.0)
_MAPPED = 0  # CurrentMappingType: by UVs; others project the image
_REPLACES = (0, 1, 2)  # CurrentTextureBlendMode: translucent, additive and modulate show a single texture alike


@dataclass
class Image:
    """A texture: the name of its file, how it is placed, and the properties of the material that it gives.

    `place`: scale u and v, rotation and offset u and v, where what Blender makes of them is not used.
    """

    file: str
    wrap: tuple[str, str]
    uv_set: str
    place: list[float] | None
    lost: list[str]
    uses: list[str] = field(default_factory=list)


def read_looks(file: Path) -> dict[str, list[Image]]:
    """The textures of each material, by its name; {} for a file that is not read."""
    try:
        root = read_fbx(file)
    except (OSError, ValueError):
        return {}
    objects = next(root.named("Objects"), Node(""))
    materials = [node for node in objects.named("Material") if node.values]
    names = {_key(node): plain_name(node.values[1 if len(node.values) > 2 else 0]) for node in materials}
    creator = " ".join(str(each.values[0]) for each in root.named("Creator") if each.values)
    by_blender = creator.startswith("Blender")  # it writes rotations of UVs in radians
    textures = {_key(node): _image(node, by_blender=by_blender) for node in objects.named("Texture") if node.values}
    layered = {
        _key(node): plain_name(node.values[1]) for node in objects.named("LayeredTexture") if len(node.values) > 1
    }
    looks: dict[str, list[Image]] = {name: [] for name in names.values()}
    links = [link.values for part in root.named("Connections") for link in part.nodes if len(link.values) > 2]
    for _, child, parent, *rest in links:
        use = str(rest[0]) if rest else ""
        if child in layered and parent in names:
            below = [textures[one] for _, one, other, *_ in links if other == child and one in textures]
            for each in below:
                lost = ["the other layers are not shown"] if len(below) > 1 else []
                looks[names[parent]].append(replace(each, lost=[*each.lost, *lost], uses=[use]))
        elif child in textures and parent in names:
            looks[names[parent]].append(replace(textures[child], uses=[use]))
    return looks


def followed(described: dict[str, Any], images: list[Image], uv_maps: set[str]) -> dict[str, Any]:
    """A material as `read_material` describes it, with the wrap modes and UV sets of its textures in the file.

    `uv_maps` are the names of all UV sets of the file's meshes. Its warnings name what is not shown.
    """
    name = described["name"]
    shown: set[str] = set()
    for slot, texture in described["textures"].items():
        image = next((each for each in images if each.file.lower() == texture["file"].lower()), None)
        if image is None:
            continue
        shown.add(image.file)
        texture["wrap"] = list(image.wrap)
        if image.place is not None:
            texture["uv_transform"] = image.place
            mapping = f"{name}: {slot} is shown without the Mapping node of its coordinates"
            described["warnings"] = [each for each in described["warnings"] if each != mapping]
        if image.uv_set in uv_maps:
            texture["uv_map"] = image.uv_set
        elif image.uv_set not in _NO_UV_SET and len(uv_maps) > 1:
            image.lost.append(f"its UV set {image.uv_set} is not there")
        if slot == "normal":
            texture["height"] = None  # many programs write heights as NormalMap and normals as Bump
        described["warnings"] += [f"{name}: of its {slot} texture {image.file} {lost}" for lost in image.lost]
    for image in images:
        if image.file not in shown:
            use = ", ".join(image.uses) or "layered"
            described["warnings"].append(f"{name}: its {use} texture {image.file} is not shown")
    leading = next((slot for slot in LEADING if slot in described["textures"]), None)
    if leading is not None:
        described |= {key: described["textures"][leading][key] for key in ("uv_map", "uv_transform")}
    return described


def _image(node: Node, *, by_blender: bool) -> Image:
    values = dict(_properties(node))
    named = [str(each.values[0]) for key in ("RelativeFilename", "FileName") for each in node.named(key) if each.values]
    file = next((re.split(r"[\\/]", name)[-1] for name in named if name), "")
    wrap = tuple("clamp" if values.get(key, [0])[0] == 1 else "repeat" for key in ("WrapModeU", "WrapModeV"))
    lost = []
    if values.get("CurrentMappingType", [_MAPPED])[0] != _MAPPED:
        lost.append("its projection is not applied")
    if values.get("CurrentTextureBlendMode", [1])[0] not in _REPLACES:
        lost.append("its blend mode is not applied")
    place = None
    if values.get("UVSwap", [0])[0]:  # Blender divides by zero
        lost.append("the exchange of its U and V is not applied")
        place = list(_UNPLACED)
    elif abs(values.get("Rotation", [0.0] * 3)[2]) > _SMALL and not by_blender:  # Blender takes degrees for radians
        lost.append("the rotation of its UVs is not applied")
        (su, sv, _), (u, v, _) = values.get("Scaling", [1.0] * 3), values.get("Translation", [0.0] * 3)
        place = [su, sv, 0.0, -su * u, -sv * v]
    for cropping in node.named("Cropping"):
        if any(cropping.values):
            lost.append("its cropping is not applied")
    return Image(file, (wrap[0], wrap[1]), str(values.get("UVSet", [""])[0]), place, lost)


def _properties(node: Node) -> Iterator[tuple[str, list[Any]]]:
    """Name and values of each property, as FBX 7 or 6 writes them."""
    for table, start in (("Properties70", 4), ("Properties60", 3)):
        for part in node.named(table):
            for each in part.nodes:
                if len(each.values) > start:
                    yield str(each.values[0]), each.values[start:]


def _key(node: Node) -> Any:
    """What connections call an object: its number, since FBX 7, else its name."""
    return node.values[0]
