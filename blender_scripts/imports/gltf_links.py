"""Checks what the parts of a glTF file name before anything follows it: numbers of other parts, counts and types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from blender_scripts.imports.faults import ImportFault

BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}  # of a component type
WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
MOST_ELEMENTS = 12_000_000  # the corners of four million triangles
_LISTS = (
    "accessors", "bufferViews", "buffers", "images", "materials", "meshes", "nodes", "samplers", "scenes", "skins",
    "textures",
)  # fmt: skip
_SIZES = {"matrix": 16, "translation": 3, "rotation": 4, "scale": 3}
# Extensions that are read, and, by the beginning of their names, those of the look: without them a file has its shape.
_READ = {
    "KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression", "KHR_mesh_quantization",
    "EXT_mesh_gpu_instancing",
}  # fmt: skip
LOOKS = ("KHR_materials_", "KHR_texture_", "EXT_texture_", "MSFT_texture_", "KHR_animation_", "KHR_lights_", "KHR_xmp",
         "KHR_node_visibility", "MSFT_lod", "KHR_node_")  # fmt: skip
Json = dict[str, Any]


def check_links(body: Json, file: Path) -> None:
    """ImportFault where a part of the file names another one that is not there, or has a count or a type that none has.

    Images and what a material names are left to `forget_absent`, since the shape does not depend on them.
    """
    for key in _LISTS:
        _dicts(body.get(key), f"its {key}")
    unknown = [str(each) for each in body.get("extensionsRequired") or () if str(each) not in _READ]
    unknown = [each for each in unknown if not each.startswith(LOOKS)]
    if unknown:
        raise ImportFault(f"it requires {', '.join(unknown)}, which is not read; export it without that extension")
    for where, kind, number in _links(body):
        count = len(body.get(kind) or ())
        if not _whole(number) or number >= count:
            raise ImportFault(f"{where} names number {number!r} of its {count} {kind}; export it again")
    for number, view in enumerate(body.get("bufferViews") or ()):
        for key in ("byteOffset", "byteLength"):
            if not _whole(view.get(key, 0)):
                raise ImportFault(f"{key} of buffer view {number} is {view[key]!r}; export it again")
    for number, accessor in enumerate(body.get("accessors") or ()):
        _check_accessor(f"accessor {number}", accessor)
    for number, node in enumerate(body.get("nodes") or ()):
        for key, size in _SIZES.items():
            values = node.get(key, [0.0] * size)
            if not isinstance(values, list) or len(values) != size or not all(map(_is_number, values)):
                raise ImportFault(f"{key} of node {number} is no list of {size} numbers; export it again")
    for number, buffer in enumerate(body.get("buffers") or ()):
        uri = buffer.get("uri")
        if isinstance(uri, str) and not uri.startswith("data:") and not (file.parent / unquote(uri)).is_file():
            raise ImportFault(f"its data {Path(unquote(uri)).name} is missing; copy it beside the model")
        if uri is not None and not isinstance(uri, str):
            raise ImportFault(f"uri of buffer {number} is {uri!r}; export it again")
    _check_tree(body.get("nodes") or ())


def forget_absent(body: Json, warnings: list[str]) -> bool:
    """Take out, in place, what materials, textures and faces name of the look and is not there; whether it changed.

    `warnings` gets each.
    """
    before = len(warnings)
    for mesh in body.get("meshes") or ():
        for primitive in mesh["primitives"]:
            _forget(primitive, "material", "materials", body, f"a face of {mesh.get('name', 'a mesh')}", warnings)
    for number, texture in enumerate(body.get("textures") or ()):
        named = f"texture {texture.get('name', number)}"
        _forget(texture, "source", "images", body, named, warnings)
        _forget(texture, "sampler", "samplers", body, named, warnings)
        for extension in (texture.get("extensions") or {}).values():
            if isinstance(extension, dict):
                _forget(extension, "source", "images", body, named, warnings)
    for number, material in enumerate(body.get("materials") or ()):
        _forget_textures(material, body, f"material {material.get('name', number)}", warnings)
    return len(warnings) > before


def _forget_textures(part: Json, body: Json, named: str, warnings: list[str]) -> None:
    for key, value in list(part.items()):
        if isinstance(value, dict) and key.endswith("Texture"):
            _forget(value, "index", "textures", body, f"{named}: {key}", warnings)
            if "index" not in value:
                del part[key]
        elif isinstance(value, dict):
            _forget_textures(value, body, named, warnings)


def _forget(part: Json, key: str, kind: str, body: Json, named: str, warnings: list[str]) -> None:
    count = len(body.get(kind) or ())
    if key in part and not (_whole(part[key]) and part[key] < count):
        warnings.append(f"{named} names number {part[key]!r} of its {count} {kind}: not shown")
        del part[key]


def _links(body: Json) -> Iterator[tuple[str, str, Any]]:
    """Who names something, of which list, and its number there."""
    if "scene" in body:
        yield "its scene", "scenes", body["scene"]
    for number, scene in enumerate(body.get("scenes") or ()):
        yield from ((f"scene {number}", "nodes", each) for each in _list(scene.get("nodes"), f"scene {number}"))
    for number, node in enumerate(body.get("nodes") or ()):
        yield from ((f"node {number}", "nodes", each) for each in _list(node.get("children"), f"node {number}"))
        if "skin" in node:
            yield f"node {number}", "skins", node["skin"]
    for number, mesh in enumerate(body.get("meshes") or ()):
        where = f"mesh {mesh.get('name', number)}"
        for primitive in _dicts(mesh.get("primitives"), f"the primitives of {where}"):
            attributes = primitive.setdefault("attributes", {})
            if not isinstance(attributes, dict):
                raise ImportFault(f"attributes of {where} are no object; export it again")
            yield from ((f"{key} of {where}", "accessors", each) for key, each in attributes.items())
            if "indices" in primitive:
                yield f"indices of {where}", "accessors", primitive["indices"]
            place = attributes.get("POSITION")
            accessors = body.get("accessors") or []
            if (
                isinstance(place, int)
                and _whole(place)
                and place < len(accessors)
                and accessors[place].get("type") != "VEC3"
            ):
                raise ImportFault(f"places of {where} are {accessors[place].get('type')}, not VEC3; export it again")
    for number, accessor in enumerate(body.get("accessors") or ()):
        if "bufferView" in accessor:
            yield f"accessor {number}", "bufferViews", accessor["bufferView"]
        sparse = accessor.get("sparse", {"indices": {"bufferView": 0}, "values": {"bufferView": 0}})
        for part in ("indices", "values") if "sparse" in accessor else ():
            inner = sparse.get(part) if isinstance(sparse, dict) else None
            yield (
                f"sparse accessor {number}",
                "bufferViews",
                inner.get("bufferView") if isinstance(inner, dict) else None,
            )
    for number, view in enumerate(body.get("bufferViews") or ()):
        yield f"buffer view {number}", "buffers", view.get("buffer")
        for name, extension in (view.get("extensions") or {}).items():
            if isinstance(extension, dict) and "buffer" in extension:
                yield f"{name} of buffer view {number}", "buffers", extension["buffer"]
    for number, skin in enumerate(body.get("skins") or ()):
        yield from ((f"skin {number}", "nodes", each) for each in _list(skin.get("joints"), f"skin {number}"))


def _check_accessor(named: str, accessor: Json) -> None:
    count = accessor.get("count")
    if not isinstance(count, int) or not _whole(count):
        raise ImportFault(f"{named} counts {count!r} elements; export it again")
    if "bufferView" not in accessor and count > MOST_ELEMENTS:
        raise ImportFault(f"{named} counts {count:,} elements, which is more than {MOST_ELEMENTS:,}; export it again")
    for key, known in (("componentType", [*BYTES]), ("type", [*WIDTH])):
        if not any(accessor.get(key) == each for each in known):
            raise ImportFault(f"{named} has the {key} {accessor.get(key)!r}, which glTF does not know; export it again")


def _check_tree(nodes: Any) -> None:
    """ImportFault where a node is below itself."""
    state = [0] * len(nodes)  # 1: on the way down to the node at hand, 2: done
    for root in range(len(nodes)):
        waiting = [root]
        while waiting:
            number = waiting[-1]
            if state[number]:
                waiting.pop()
                state[number] = 2
                continue
            state[number] = 1
            for child in nodes[number].get("children") or ():
                if state[child] == 1:
                    raise ImportFault(f"node {child} is a child of itself; export it again")
                if not state[child]:
                    waiting.append(child)


def _dicts(value: Any, named: str) -> list[Json]:
    found = _list(value, named)
    if not all(isinstance(each, dict) for each in found):
        raise ImportFault(f"{named} are no list of objects; export it again")
    return found


def _list(value: Any, named: str) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise ImportFault(f"{named} has {value!r:.40} where a list belongs; export it again")
    return value or []


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
