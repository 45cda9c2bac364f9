"""Says what is wrong with the data of a glTF file at which Blender's importer stops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from blender_scripts.imports.faults import ImportFault
from blender_scripts.imports.gltf_json import read_gltf_json
from blender_scripts.imports.gltf_links import BYTES, WIDTH, check_links
from blender_scripts.imports.gltf_unpack import Buffers

_INDICES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32}


def check_gltf(file: Path) -> None:
    """ImportFault, before anything follows them, where parts of a glTF file name what is not there (`check_links`)."""
    if file.suffix.lower() in (".gltf", ".glb"):
        try:
            body, _ = read_gltf_json(file)
        except (OSError, ValueError):
            return  # the importer reports what is wrong
        except RecursionError:
            raise ImportFault("its JSON is nested too deep; download or export it again") from None
        check_links(body, file)


def explain(file: Path) -> None:
    """ImportFault where an accessor reaches behind its data, or a face names a vertex that is not there."""
    try:
        body, end = read_gltf_json(file)
        buffers = Buffers(body, file.read_bytes()[end + 8 :] if end else b"", file.parent)
        for number, accessor in enumerate(body.get("accessors") or ()):
            if "bufferView" in accessor:
                _content(f"accessor {number}", accessor, buffers)
            if "sparse" in accessor:
                _check_sparse(number, accessor, buffers)
        for mesh in body.get("meshes") or ():
            for primitive in mesh["primitives"]:
                _check_indices(str(mesh.get("name", "a mesh")), primitive, buffers)
    except ImportFault:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, OSError):
        return  # what the importer says is as good


def _check_sparse(number: int, accessor: dict[str, Any], buffers: Buffers) -> None:
    """ImportFault where the numbers that replace some of an accessor's are not there, or replace none of it."""
    sparse = accessor["sparse"]
    named = f"sparse accessor {number}"
    content = _content(named, {**sparse["indices"], "type": "SCALAR", "count": sparse["count"]}, buffers)
    _content(named, {**accessor, **sparse["values"], "count": sparse["count"]}, buffers)
    places = np.frombuffer(content, _INDICES[sparse["indices"]["componentType"]])
    if len(places) and int(places.max()) >= accessor["count"]:
        raise ImportFault(f"{named} replaces element {places.max()} of {accessor['count']}; export it again")


def _content(named: str, accessor: dict[str, Any], buffers: Buffers) -> bytes:
    view = buffers.body["bufferViews"][accessor["bufferView"]]
    row = BYTES[accessor["componentType"]] * WIDTH[accessor["type"]]
    stride = view.get("byteStride") or row
    size = (accessor["count"] - 1) * stride + row if accessor["count"] else 0
    start = accessor.get("byteOffset", 0)
    if start + size > view["byteLength"]:
        raise ImportFault(
            f"{named} needs {start + size:,} bytes of buffer view {accessor['bufferView']}, which has "
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
    content = _content(f"accessor {primitive['indices']}", indices, buffers)
    most = int(np.frombuffer(content, _INDICES[indices["componentType"]]).max())
    if most >= points["count"]:
        raise ImportFault(f"a face of {name} names vertex {most} of {points['count']}; export it again")
