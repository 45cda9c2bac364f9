"""Says what is wrong with the data of a glTF file at which Blender's importer stops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from blender_scripts.imports.faults import ImportFault
from blender_scripts.imports.gltf_json import read_gltf_json
from blender_scripts.imports.gltf_unpack import Buffers

_INDICES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32}
_BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


def explain(file: Path) -> None:
    """ImportFault where an accessor reaches behind its data, or a face names a vertex that is not there."""
    try:
        body, end = read_gltf_json(file)
        buffers = Buffers(body, file.read_bytes()[end + 8 :] if end else b"", file.parent)
        for number, accessor in enumerate(body.get("accessors") or ()):
            if "bufferView" in accessor:
                _content(number, accessor, buffers)
        for mesh in body.get("meshes") or ():
            for primitive in mesh["primitives"]:
                _check_indices(str(mesh.get("name", "a mesh")), primitive, buffers)
    except ImportFault:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, OSError):
        return  # what the importer says is as good


def _content(number: int, accessor: dict[str, Any], buffers: Buffers) -> bytes:
    view = buffers.body["bufferViews"][accessor["bufferView"]]
    row = _BYTES[accessor["componentType"]] * _WIDTH[accessor["type"]]
    stride = view.get("byteStride") or row
    size = (accessor["count"] - 1) * stride + row if accessor["count"] else 0
    start = accessor.get("byteOffset", 0)
    if start + size > view["byteLength"]:
        raise ImportFault(
            f"accessor {number} needs {start + size:,} bytes of buffer view {accessor['bufferView']}, which has "
            f"{view['byteLength']:,}; export it again"
        )
    return buffers.content({**view, "byteOffset": view.get("byteOffset", 0) + start, "byteLength": size})


def _check_indices(name: str, primitive: dict[str, Any], buffers: Buffers) -> None:
    if "indices" not in primitive:
        return
    accessors = buffers.body["accessors"]
    indices, points = accessors[primitive["indices"]], accessors[primitive["attributes"]["POSITION"]]
    if "bufferView" not in indices or not indices["count"]:
        return
    content = _content(primitive["indices"], indices, buffers)
    most = int(np.frombuffer(content, _INDICES[indices["componentType"]]).max())
    if most >= points["count"]:
        raise ImportFault(f"a face of {name} names vertex {most} of {points['count']}; export it again")
