"""FBX whose vertices are far from the origin: moved near it in the 64 bits of the file, in a copy.

Blender's importer makes 32-bit numbers of them first. All meshes must be turned and scaled alike: then one and the same
step in their own axes moves all of them together. Others stay, and lose digits.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blender_scripts.imports.far import FAR_AWAY, FAR_NODES
from blender_scripts.imports.fbx_tree import BINARY, Node, read_fbx
from blender_scripts.imports.text_files import far_middle

_TURNS = {
    "Lcl Rotation",
    "Lcl Scaling",
    "PreRotation",
    "PostRotation",
    "RotationOrder",
    "InheritType",
    "GeometricRotation",
    "GeometricScaling",
}
_TEXT = re.compile(rb'(Geometry:[^{}]*"Mesh"\s*\{.*?\bVertices:\s*\*\d+\s*\{\s*a:)([^}]*)(\})', re.DOTALL)
Points = NDArray[np.float64]
Change = Callable[[Points], Points]


def near_fbx(file: Path, folder: Path, warnings: list[str]) -> Path:
    """The file, or a copy of it in `folder` whose vertices are near the origin. What is damaged stays as it is.

    A warning says that digits are lost, where vertices are far and stay.
    """
    try:
        content = file.read_bytes()
        found: list[Points] = []

        def keep(points: Points) -> Points:
            found.append(points)
            return points

        _with_vertices(content, keep)
        middle = far_middle(np.concatenate(found), FAR_NODES) if found else None
        if middle is None:
            return file
        if not _move_alike(read_fbx(file), float(np.abs(middle).max())):
            warnings.append(FAR_AWAY)
            return file
        copy = folder / "readable.fbx"
        copy.write_bytes(_with_vertices(content, lambda points: points - middle))
    except (OSError, ValueError, struct.error, LookupError, zlib.error, RecursionError):
        return file  # the importer reports what is wrong
    return copy


def _move_alike(root: Node, far: float) -> bool:
    """Whether all meshes have the same rotations and scales, no bones move them, and no model stands far away itself.

    `far` is how far the vertices are; models that stand about as far may bring them back.
    """
    objects = [node for part in root.named("Objects") for node in part.nodes if node.values]
    if any(node.name == "Deformer" for node in objects):
        return False
    models = {node.values[0]: node for node in objects if node.name == "Model"}
    places = [row.values[4:] for each in models.values() for row in _rows(each) if row.values[0] == "Lcl Translation"]
    if any(abs(value) > 0.01 * far for place in places for value in place):
        return False
    meshes = {node.values[0] for node in objects if node.name == "Geometry" and node.values[-1] == "Mesh"}
    links = [node.values for part in root.named("Connections") for node in part.nodes]
    above: dict[Any, list[Any]] = {}
    for link in links:
        if len(link) > 2 and link[0] == "OO":
            above.setdefault(link[1], []).append(link[2])
    chains = {tuple(_chain(number, above, models)) for mesh in meshes for number in above.get(mesh, ())}
    return len(chains) == 1


def _chain(number: Any, above: dict[Any, list[Any]], models: dict[Any, Node]) -> Iterator[tuple[Any, ...]]:
    """The turns and scales of a model and of those above it that have any."""
    seen = set()
    while number in models and number not in seen:
        seen.add(number)
        turns = {row.values[0]: tuple(row.values[4:]) for row in _rows(models[number]) if row.values[0] in _TURNS}
        plain = ((0, 0, 0), (1, 1, 1), (0,), (1,))
        if own := tuple(sorted((name, value) for name, value in turns.items() if value not in plain)):
            yield own
        number = next((each for each in above.get(number, ()) if each in models), None)


def _rows(model: Node) -> Iterator[Node]:
    return (row for table in model.named("Properties70") for row in table.nodes if len(row.values) > 4)


def _with_vertices(content: bytes, change: Change) -> bytes:
    """The file with the vertices (N, 3) of each of its meshes changed."""
    if not content.startswith(BINARY):
        return _TEXT.sub(lambda found: found[1] + _numbers(found[2], change) + found[3], content)
    head = "<QQQ" if int.from_bytes(content[23:27], "little") >= 7500 else "<III"
    out = bytearray(content[:27])
    place = 27
    while place >= 0:
        place = _copy_node(content, place, out, head, (), change)
    return bytes(out) + content[-place - 1 :]


def _numbers(text: bytes, change: Change) -> bytes:
    values = np.array([float(each) for each in text.split(b",")]).reshape(-1, 3)
    return ",".join(repr(float(each)) for each in change(values).reshape(-1)).encode()


def _copy_node(content: bytes, place: int, out: bytearray, head: str, path: tuple[str, ...], change: Change) -> int:
    """Add the node at `place` to `out`; the place behind it, or -1 less the place of the mark behind the last node."""
    size = struct.calcsize(head)
    end, count, length = struct.unpack_from(head, content, place)
    if not end:
        return -place - 1
    if not place < end <= len(content):
        raise ValueError("a node that ends outside the file")
    name_end = place + size + 1 + content[place + size]
    name = content[place + size + 1 : name_end].decode("utf-8", errors="replace")
    properties = content[name_end : name_end + length]
    is_mesh = name != "Vertices" or path[-2:] != ("Objects", "Geometry")
    changed = properties if is_mesh else _changed(properties, change)
    start = len(out)
    out += bytes(size) + content[place + size : name_end] + changed
    inside = name_end + length
    if name == "Geometry" and b"Mesh" not in properties[-12:]:  # the shapes of a face, which are differences
        name = "Shape"
    while inside < end:
        following = _copy_node(content, inside, out, head, (*path, name), change)
        if following < 0:
            out += bytes(size + 1)
            following = -following - 1 + size + 1
        inside = following
    struct.pack_into(head, out, start, len(out), count, len(changed))
    return int(end)


def _changed(properties: bytes, change: Change) -> bytes:
    """An array of 64-bit numbers, changed; others, as they are."""
    if properties[:1] != b"d":
        return properties
    count, packed, length = struct.unpack_from("<III", properties, 1)
    data = properties[13 : 13 + length]
    if packed:
        opened = zlib.decompressobj()
        data = opened.decompress(data, 8 * count)
    values = np.frombuffer(data, "<f8", count).reshape(-1, 3)
    plain = np.ascontiguousarray(change(values), dtype="<f8").tobytes()
    return b"d" + struct.pack("<III", count, 0, len(plain)) + plain
