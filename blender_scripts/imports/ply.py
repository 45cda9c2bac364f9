"""PLY files, read with numpy: Blender's importer leaves out colours and coordinates of faces and textures.

It also keeps 32-bit coordinates, which far from the origin have not enough digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from blender_scripts.host.compat import node_tree, set_vertex_normals
from blender_scripts.imports.faults import ImportFault
from blender_scripts.imports.image_files import find_image
from blender_scripts.imports.text_files import moved_near

_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4",
    "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8",
}  # fmt: skip
MOST_HEADER = 1 << 20
_COORDINATES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"))
_UNSHOWN = ("ambient_", "specular_", "emissive_", "emission_")


@dataclass(frozen=True)
class Property:
    """`kind` is numpy's type of its values; `count_kind` that of the length of a list, None of a single value."""

    name: str
    kind: str
    count_kind: str | None = None


@dataclass
class Element:
    """A table of a PLY file with `count` rows; `lists` holds the values of all rows, and their number in each row."""

    name: str
    count: int
    properties: list[Property]
    values: dict[str, NDArray[Any]]
    lists: dict[str, tuple[NDArray[Any], NDArray[np.int64]]]


def read_ply(file: Path, warnings: list[str]) -> bool:
    """Put a PLY file into the scene; False where Blender's own importer has to (triangle strips).

    Adds to `warnings` what is not shown. ValueError, in one line, when the file is damaged.
    """
    content = file.read_bytes()
    end = content.find(b"end_header", 0, MOST_HEADER)
    start = content.find(b"\n", end) + 1
    if not content.startswith(b"ply") or end < 0 or not start:
        raise ImportFault("it has no PLY header; export it again")
    order, elements, textures = _header(content[:end].decode("latin-1"))
    if not {"vertex", "face"} <= set(elements):
        return False
    if order:
        _read_binary(content[start:], order, list(elements.values()))
    else:
        _read_text(content[start:], list(elements.values()))
    _build(file, elements["vertex"], elements["face"], textures, warnings)
    return True


def _header(text: str) -> tuple[str, dict[str, Element], list[str]]:
    """Byte order ("" of text), elements by name, and the names of textures."""
    order, textures = "", []
    elements: dict[str, Element] = {}
    current: Element | None = None
    for line in text.splitlines():
        words = line.split()
        try:
            if words[:1] == ["format"]:
                order = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}[words[1]]
            elif words[:1] == ["comment"] and words[1:2] and words[1].lower() == "texturefile":
                textures.append(" ".join(words[2:]))
            elif words[:1] == ["element"]:
                current = elements.setdefault(words[1], Element(words[1], int(words[2]), [], {}, {}))
            elif words[:2] == ["property", "list"] and current is not None:
                current.properties.append(Property(words[4], _TYPES[words[3]], _TYPES[words[2]]))
            elif words[:1] == ["property"] and current is not None:
                current.properties.append(Property(words[2], _TYPES[words[1]]))
        except (LookupError, ValueError):
            raise ImportFault(f"its header has the unknown line {line[:80]!r}; export it again") from None
    return order, elements, textures


def _read_text(content: bytes, elements: Sequence[Element]) -> None:
    values = np.fromstring(content, dtype=np.float64, sep=" ")
    place = 0
    for element in elements:
        counted = [each.count_kind is not None for each in element.properties]
        if not any(counted):
            size = element.count * len(counted)
            _check(element, complete=place + size <= len(values))
            table = values[place : place + size].reshape(element.count, -1)
            element.values.update((each.name, table[:, n]) for n, each in enumerate(element.properties))
            place += size
            continue
        place = _read_lists(element, values, place)


def _read_lists(element: Element, values: NDArray[np.float64], place: int) -> int:
    """Read an element with lists from the numbers of a text file, from `place` on; the place behind it."""
    start = place
    row: list[slice] = []
    for each in element.properties:  # as if all rows were like the first
        _check(element, complete=place < len(values) or not element.count)
        length = int(values[place]) if each.count_kind and element.count else 1
        place += 1 if each.count_kind else 0
        row.append(slice(place - start, place - start + length))
        place += length
    width = place - start
    table = values[start : start + element.count * width]
    if len(table) == element.count * width:
        table = table.reshape(element.count, width)
        lists = [n for n, each in enumerate(element.properties) if each.count_kind]
        if all((table[:, row[n].start - 1] == row[n].stop - row[n].start).all() for n in lists):
            for each, where in zip(element.properties, row, strict=True):
                if each.count_kind:
                    lengths = np.full(element.count, where.stop - where.start)
                    element.lists[each.name] = (table[:, where].reshape(-1), lengths)
                else:
                    element.values[each.name] = table[:, where.start]
            return start + element.count * width
    place = start
    found: list[list[Any]] = [[] for _ in element.properties]
    for _ in range(element.count):
        for each, into in zip(element.properties, found, strict=True):
            _check(element, complete=place < len(values))
            length = int(values[place]) if each.count_kind else 1
            _check(element, complete=length >= 0)
            place += 1 if each.count_kind else 0
            into.append(values[place : place + length])
            place += length
    _check(element, complete=place <= len(values))
    _keep(element, found)
    return place


def _read_binary(content: bytes, order: str, elements: Sequence[Element]) -> None:
    place = 0
    for element in elements:
        first = _row_type(element, content, place, order)
        rows = content[place : place + element.count * first.itemsize]
        if len(rows) == element.count * first.itemsize:
            table = np.frombuffer(rows, first)
            if all((table[f"{n} length"] == table[n].shape[1]).all() for n in _list_names(element)):
                for each in element.properties:
                    if each.count_kind:
                        lengths = table[f"{each.name} length"].astype(np.int64)
                        element.lists[each.name] = (table[each.name].reshape(-1), lengths)
                    else:
                        element.values[each.name] = table[each.name].reshape(-1)
                place += len(rows)
                continue
        _check(element, complete=bool(_list_names(element)))
        found: list[list[Any]] = [[] for _ in element.properties]
        for _ in range(element.count):
            for each, into in zip(element.properties, found, strict=True):
                length = 1
                if each.count_kind:
                    counted = np.dtype(order + each.count_kind)
                    _check(element, complete=place + counted.itemsize <= len(content))
                    length = int(np.frombuffer(content, counted, 1, place)[0])
                    place += counted.itemsize
                kind = np.dtype(order + each.kind)
                _check(element, complete=length >= 0 and place + length * kind.itemsize <= len(content))
                into.append(np.frombuffer(content, kind, length, place))
                place += length * kind.itemsize
        _keep(element, found)


def _list_names(element: Element) -> list[str]:
    return [each.name for each in element.properties if each.count_kind]


def _row_type(element: Element, content: bytes, place: int, order: str) -> np.dtype[Any]:
    """The type of an element's first row, whose lists have the lengths that the file gives there."""
    fields: list[Any] = []
    for each in element.properties:
        length = 1
        if each.count_kind:
            counted = np.dtype(order + each.count_kind)
            if element.count and place + counted.itemsize <= len(content):
                length = max(int(np.frombuffer(content, counted, 1, place)[0]), 0)
            fields.append((f"{each.name} length", counted))
            place += counted.itemsize
        _check(element, complete=length <= len(content))
        fields.append((each.name, order + each.kind, (length,)))
        place += np.dtype(each.kind).itemsize * length
    return np.dtype(fields)


def _keep(element: Element, found: Sequence[Sequence[Any]]) -> None:
    for each, rows in zip(element.properties, found, strict=True):
        joined = np.concatenate(rows) if rows else np.zeros(0)
        if each.count_kind:
            element.lists[each.name] = (joined, np.array([len(row) for row in rows], dtype=np.int64))
        else:
            element.values[each.name] = joined


def _check(element: Element, *, complete: bool) -> None:
    if not complete:
        raise ImportFault(f"it ends before its {element.count:,} rows of {element.name}; copy or export it again")


def _build(file: Path, vertex: Element, face: Element, textures: Sequence[str], warnings: list[str]) -> None:
    """Make the object of the file's vertices and faces."""
    indices, lengths = face.lists.get("vertex_indices") or face.lists.get("vertex_index") or (np.zeros(0), np.zeros(0))
    try:
        points = np.stack([vertex.values[axis] for axis in "xyz"], axis=1).astype(np.float64)
    except KeyError:
        raise ImportFault("its vertices have no x, y and z; export it again") from None
    corners = indices.astype(np.int64)
    if len(corners) and (corners.min() < 0 or corners.max() >= len(points)):
        raise ImportFault(f"a face names vertex {corners.max()} of {len(points)}; export it again")
    lengths = lengths.astype(np.int64)
    whole = lengths >= 3
    kept = np.repeat(whole, lengths)
    mesh = bpy.data.meshes.new(file.stem)
    mesh.vertices.add(len(points))
    mesh.vertices.foreach_set("co", moved_near(points).astype(np.float32).reshape(-1))
    mesh.loops.add(int(lengths[whole].sum()))
    mesh.loops.foreach_set("vertex_index", corners[kept].astype(np.int32))
    mesh.polygons.add(int(whole.sum()))
    starts = np.concatenate([[0], np.cumsum(lengths[whole])[:-1]]) if whole.any() else np.zeros(0)
    mesh.polygons.foreach_set("loop_start", starts.astype(np.int32))
    mesh.update(calc_edges=True)
    uvs = _uvs(vertex, face, corners, lengths)
    if uvs is not None:
        mesh.uv_layers.new(name="UVMap").uv.foreach_set("vector", uvs[kept].astype(np.float32).reshape(-1))
    colors = _colors(face, file, warnings)
    if colors is not None:
        colors = np.repeat(colors, lengths, axis=0)
    elif (painted := _colors(vertex, file, warnings)) is not None:
        colors = painted[corners]
    if colors is not None:
        layer = mesh.color_attributes.new("Color", "FLOAT_COLOR", "CORNER")
        layer.data.foreach_set("color", colors[kept].astype(np.float32).reshape(-1))
    if {"nx", "ny", "nz"} <= set(vertex.values):
        set_vertex_normals(mesh, np.stack([vertex.values[n] for n in ("nx", "ny", "nz")], axis=1).astype(np.float32))
    if textures and uvs is not None:
        number = face.values.get("texnumber", np.zeros(len(lengths)))[whole]
        for name in textures:
            mesh.materials.append(_material(name, file.parent))
        places = np.clip(number, 0, len(textures) - 1).astype(np.int32)
        mesh.polygons.foreach_set("material_index", places)
    elif textures:
        warnings.append(f"texture {textures[0]} is not shown, because no vertex or face has coordinates for it")
    for element in (vertex, face):
        for each in element.properties:
            if each.name.startswith(_UNSHOWN):
                warnings.append(f"{each.name} of {element.name} is not shown")
    bpy.context.scene.collection.objects.link(bpy.data.objects.new(file.stem, mesh))


def _uvs(
    vertex: Element, face: Element, corners: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """UVs (corners, 2), of faces or of vertices."""
    flat, counts = face.lists.get("texcoord", (np.zeros(0), np.zeros(0, dtype=np.int64)))
    if len(counts) and (counts == 2 * lengths).all():
        return flat.astype(np.float64).reshape(-1, 2)
    for names in _COORDINATES:
        if set(names) <= set(vertex.values):
            places: NDArray[np.float64] = np.stack([vertex.values[name] for name in names], axis=1).astype(np.float64)
            return places[corners]
    return None


def _colors(element: Element, file: Path, warnings: list[str]) -> NDArray[np.float64] | None:
    """Linear RGBA (N, 4) of an element; whole numbers are sRGB of 8 or 16 bits, floats are shares of 1."""
    kinds = {each.name: np.dtype(each.kind) for each in element.properties}
    prefix = next((p for p in ("", "diffuse_") if f"{p}red" in element.values), None)
    if prefix is None or not {f"{prefix}{n}" for n in ("red", "green", "blue")} <= set(element.values):
        return None
    result = np.ones((element.count, 4))
    for place, name in enumerate(("red", "green", "blue", "alpha")):
        values = element.values.get(prefix + name)
        if values is not None:
            kind = kinds[prefix + name]
            result[:, place] = values / (np.iinfo(kind).max if kind.kind in "iu" else 1.0)
    if len(result) and result[:, 3].min() < 0.99:
        warnings.append(f"{file.name}: the alpha of its {element.name} colours is not shown")
    low = result[:, :3] <= 0.04045
    result[:, :3] = np.where(low, result[:, :3] / 12.92, ((result[:, :3] + 0.055) / 1.055) ** 2.4)
    return result


def _material(name: str, folder: Path) -> Any:
    """A material that shows the image that a file in `folder` calls `name`, or an image without content."""
    material = bpy.data.materials.new(name)
    tree = node_tree(material)
    path = find_image(name, folder)
    try:
        image = bpy.data.images.load(str(path), check_existing=True)
    except RuntimeError:
        image = bpy.data.images.new(name, 1, 1)
        image.source = "FILE"
        image.filepath_raw = name
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = image
    shader = tree.nodes.new("ShaderNodeBsdfPrincipled")
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    tree.links.new(shader.outputs[0], output.inputs["Surface"])
    return material
