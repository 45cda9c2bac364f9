"""Triangles of a glTF file whose coordinates are no numbers, which Blender's importer sets to 0, or whose corners name
vertices that are not there, at which it stops."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from blender_scripts.imports.faults import ImportFault, absent_vertices, no_numbers, no_numbers_left
from blender_scripts.imports.gltf_unpack import DRACO, Buffers

_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_INDICES: dict[int, type] = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32}


def leave_out_broken(buffers: Buffers, warnings: list[str]) -> bool:
    """Leave out the triangles with a coordinate that is NaN or infinite, or a vertex that is not there, in the JSON.

    Returns whether there were any; `warnings` gets how many of how many. ImportFault where none is left, or where a
    buffer ends before its data; else raises what a file with missing or odd parts leads to.
    """
    total = lost = absent = 0
    changed: list[tuple[dict[str, Any], NDArray[np.int64]]] = []
    finite: dict[int, NDArray[np.bool_]] = {}
    torn: dict[str, None] = {}  # names of meshes, in their order
    for number, mesh in enumerate(buffers.body.get("meshes") or ()):
        for primitive in mesh["primitives"]:
            place = primitive["attributes"].get("POSITION")
            mode = primitive.get("mode", _TRIANGLES)
            if place is None or mode not in (_TRIANGLES, _STRIP, _FAN) or DRACO in primitive.get("extensions", {}):
                continue
            if place not in finite:
                finite[place] = _finite(buffers.body["accessors"][place], buffers)
            corners = _corners(primitive, buffers) if "indices" in primitive else np.zeros(0, dtype=np.int64)
            if finite[place].all() and corners.max(initial=0) < len(finite[place]):
                total += _count(primitive, mode, buffers)
                continue
            faces = _faces(primitive, mode, buffers)
            there = (faces < len(finite[place])).all(axis=1)
            fine = there.copy()
            fine[there] = finite[place][faces[there]].all(axis=1)
            total += len(faces)
            lost += np.count_nonzero(there & ~fine)
            absent += np.count_nonzero(~there)
            if not there.all():
                torn[str(mesh.get("name", number))] = None
            if not fine.all():
                changed.append((primitive, faces[fine]))
    if total and lost + absent == total:
        raise ImportFault(no_numbers_left(total))  # of vertices that are not there, `explain` names one first
    body = buffers.body
    for primitive, faces in changed:
        if not len(faces):
            for mesh in body["meshes"]:
                mesh["primitives"] = [each for each in mesh["primitives"] if each is not primitive]
            continue
        body["bufferViews"].append(buffers.add(faces.astype(np.uint32).reshape(-1)))
        accessor = {"bufferView": len(body["bufferViews"]) - 1, "componentType": 5125, "type": "SCALAR"}
        body["accessors"].append(accessor | {"count": faces.size})
        primitive |= {"indices": len(body["accessors"]) - 1, "mode": _TRIANGLES}
    if lost:
        warnings.append(no_numbers(lost, total))
    if absent:
        warnings.append(f"{absent_vertices(absent, total)} (mesh {', '.join(torn)}): left out")
    return bool(changed)


def _count(primitive: dict[str, Any], mode: int, buffers: Buffers) -> int:
    number = primitive.get("indices", primitive["attributes"]["POSITION"])
    count = int(buffers.body["accessors"][number]["count"])
    return count // 3 if mode == _TRIANGLES else max(count - 2, 0)


def _finite(accessor: dict[str, Any], buffers: Buffers) -> NDArray[np.bool_]:
    """Which places (N,) of an accessor have three numbers."""
    count = accessor["count"]
    if accessor["componentType"] != 5126 or "bufferView" not in accessor:
        return np.ones(count, dtype=bool)
    view = buffers.body["bufferViews"][accessor["bufferView"]]
    stride = view.get("byteStride") or 12
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    size = (count - 1) * stride + 12 if count else 0
    content = buffers.content({"buffer": view["buffer"], "byteOffset": start, "byteLength": size})
    rows: NDArray[np.float32] = np.ndarray((count, 3), np.dtype("<f4"), content, strides=(stride, 4))
    return np.asarray(np.isfinite(rows).all(axis=1))


def _corners(primitive: dict[str, Any], buffers: Buffers) -> NDArray[np.int64]:
    """The vertices that a primitive names, one after the other."""
    accessors = buffers.body["accessors"]
    if "indices" not in primitive:
        return np.arange(accessors[primitive["attributes"]["POSITION"]]["count"], dtype=np.int64)
    accessor = accessors[primitive["indices"]]
    if "bufferView" not in accessor:
        return np.zeros(accessor["count"], dtype=np.int64)
    view = buffers.body["bufferViews"][accessor["bufferView"]]
    kind: np.dtype[Any] = np.dtype(_INDICES[accessor["componentType"]])
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    place = {"buffer": view["buffer"], "byteOffset": start, "byteLength": accessor["count"] * kind.itemsize}
    return np.frombuffer(buffers.content(place), kind).astype(np.int64)


def _faces(primitive: dict[str, Any], mode: int, buffers: Buffers) -> NDArray[np.int64]:
    """The triangles (F, 3) of a primitive."""
    corners = _corners(primitive, buffers)
    number = np.arange(max(len(corners) - 2, 0))
    order = np.stack([number + number % 2, number + 1 - number % 2, number + 2], axis=1)
    if mode == _TRIANGLES:
        order = np.arange(len(corners) // 3 * 3).reshape(-1, 3)
    elif mode == _FAN:
        order = np.stack([np.zeros_like(number), number + 1, number + 2], axis=1)
    faces: NDArray[np.int64] = corners[order]
    return faces
