"""glTF that this Blender's importer reads wrongly or not at all, corrected in a copy.

What is packed, KTX2 images (gltf_unpack.py), animations, hidden nodes, nodes far from the origin.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import bpy
import numpy as np
from numpy.typing import NDArray

from blender_scripts.host.compat import missing_features, unpacks_gltf
from blender_scripts.imports.far import near_locals
from blender_scripts.imports.faults import ImportFault
from blender_scripts.imports.gltf_broken import leave_out_broken
from blender_scripts.imports.gltf_check import explain
from blender_scripts.imports.gltf_json import read_gltf_json
from blender_scripts.imports.gltf_links import LOOKS, forget_absent
from blender_scripts.imports.gltf_unpack import (
    BASIS,
    DRACO,
    MESHOPT,
    Buffers,
    unpack_draco,
    unpack_images,
    unpack_meshopt,
)

# What packs the data of a file, the extensions that name it, and the library that unpacks it where Blender cannot.
_PACKED = {"Draco": ({DRACO}, "DracoPy"), "meshopt": (set(MESHOPT), "meshopt")}
READ_IMAGES = {"EXT_texture_webp"}
_LARGEST = {5120: 127.0, 5121: 255.0, 5122: 32767.0, 5123: 65535.0}  # of a component type: 1 where it is normalized


def readable(file: Path, folder: Path, warnings: list[str]) -> Path:
    """A .gltf or .glb file that this Blender reads right: the file itself, or a copy in `folder`.

    The copy is without Draco where Blender cannot unpack it, without meshopt, with PNG instead of KTX2 images, without
    animations (Blender would show the model as it is in their first frame, not as the nodes place it) and without the
    meshes of nodes that the file hides. Adds to `warnings` what is lost.
    Raises ValueError with one line for the user when the file cannot be unpacked here or its packed data is damaged,
    OSError when a file that it names is missing.
    """
    try:
        body, end = read_gltf_json(file)
    except (OSError, ValueError):
        return file  # the importer reports what is wrong
    before = len(warnings)
    packed = _packed_with(body)
    images = BASIS in (body.get("extensionsUsed") or ()) and reads_basis()
    buffers = Buffers(body, file.read_bytes()[end + 8 :] if end else b"", file.parent)
    if "Draco" in packed:
        unpack_draco(buffers)
    if "meshopt" in packed:
        unpack_meshopt(buffers)
    forget_absent(body, warnings)
    if images:
        warnings += unpack_images(buffers, folder)
    try:
        leave_out_broken(buffers, warnings)
    except ImportFault:
        explain(file)
        raise
    except (LookupError, TypeError, AttributeError, ValueError, OSError):
        pass  # explain() says what is wrong with the data when the importer stops at it
    buffers.save(folder)
    changed = bool(packed) or images or len(warnings) > before
    changed |= bool(body.pop("animations", None))
    changed |= _hide_nodes(body) | _require_less(body) | _bring_near(body)
    return _copy(body, file, end, folder) if changed else file


def reads_basis() -> bool:
    """Whether KTX2 images can be read."""
    return importlib.util.find_spec("opengl_basisu") is not None


def _require_less(body: dict[str, Any]) -> bool:
    """Let the importer read a file without what it does not know of its look, in place; whether it changed.

    A texture whose only image is of a kind that is not read, as KTX2, keeps it as a missing image.
    """
    required = body.get("extensionsRequired") or []
    kept = [name for name in required if not name.startswith(LOOKS)]
    if len(kept) == len(required):
        return False
    body["extensionsRequired"] = kept
    if not kept:
        del body["extensionsRequired"]
    for texture in body.get("textures") or ():
        for name, extension in (texture.get("extensions") or {}).items():
            if name not in READ_IMAGES and "source" in extension:
                texture.setdefault("source", extension["source"])
    return True


def _hide_nodes(body: dict[str, Any]) -> bool:
    """Take the meshes of hidden nodes and of the nodes below them away, in place; whether there were any.

    Hidden are nodes that are not visible, and the coarser levels of detail that MSFT_lod lists.
    """
    nodes = body.get("nodes") or []
    extensions = [node.get("extensions", {}) for node in nodes]
    hidden = [n for n, e in enumerate(extensions) if e.get("KHR_node_visibility", {}).get("visible", True) is False]
    hidden += [number for each in extensions for number in each.get("MSFT_lod", {}).get("ids", ())]
    changed = False
    seen: set[int] = set()
    while hidden:
        number = hidden.pop()
        if number not in seen and 0 <= number < len(nodes):
            seen.add(number)
            changed |= nodes[number].pop("mesh", None) is not None
            hidden += nodes[number].get("children", ())
    return changed


def _bring_near(body: dict[str, Any]) -> bool:
    """Move nodes that are far from the origin near it, in place; whether there were any. Skinned meshes stay."""
    nodes = body.get("nodes") or []
    if body.get("skins"):
        return False
    above = {child: number for number, node in enumerate(nodes) for child in node.get("children", ())}
    order: list[int] = []
    waiting = [number for number in range(len(nodes)) if number not in above]
    while waiting:
        number = waiting.pop()
        order.append(number)
        waiting += [child for child in nodes[number].get("children", ()) if above.get(child) == number]
    place = {number: n for n, number in enumerate(order)}
    try:
        matrices = near_locals(
            [place[above[number]] if number in above else -1 for number in order],
            [_node_matrix(nodes[number]) for number in order],
            [_mesh_corners(body, nodes[number]) for number in order],
        )
    except (LookupError, TypeError, ValueError):
        return False  # the importer reports what is wrong
    for number, matrix in zip(order, matrices or (), strict=False):
        for key in ("translation", "rotation", "scale"):
            nodes[number].pop(key, None)
        nodes[number]["matrix"] = matrix.T.reshape(-1).tolist()
    return matrices is not None


def _node_matrix(node: dict[str, Any]) -> NDArray[np.float64]:
    """The matrix (4, 4) of a node, in the 64 bits of the file's numbers."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= np.array(node.get("scale", (1.0, 1.0, 1.0)), dtype=np.float64)
    matrix[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return matrix


def _mesh_corners(body: dict[str, Any], node: dict[str, Any]) -> NDArray[np.float64] | None:
    """The least and the greatest corner of a node's mesh (2 each primitive, 3), by what its accessors say."""
    if "mesh" not in node:
        return None
    accessors = [body["accessors"][p["attributes"]["POSITION"]] for p in body["meshes"][node["mesh"]]["primitives"]]
    ends = []
    for accessor in accessors:  # KHR_mesh_quantization: the numbers of "min" and "max" are those of the file
        largest = _LARGEST.get(accessor["componentType"], 1.0) if accessor.get("normalized") else 1.0
        ends.append(np.array([accessor["min"], accessor["max"]], dtype=np.float64) / largest)
    corners: NDArray[np.float64] = np.concatenate(ends).reshape(-1, 3)
    return corners


def _copy(body: dict[str, Any], file: Path, end: int, folder: Path) -> Path:
    """The file with another JSON, in `folder`; paths in it are made whole, because they start at the file's folder."""
    for item in [*(body.get("buffers") or ()), *(body.get("images") or ())]:
        if "uri" in item and not item["uri"].startswith("data:"):
            item["uri"] = quote(str(file.parent / unquote(item["uri"])))
    text = json.dumps(body).encode()
    copy = folder / f"readable{file.suffix.lower()}"
    if not end:
        copy.write_bytes(text)
        return copy
    text += b" " * (-len(text) % 4)
    rest = file.read_bytes()[end:]
    head = b"glTF" + (2).to_bytes(4, "little") + (20 + len(text) + len(rest)).to_bytes(4, "little")
    copy.write_bytes(head + len(text).to_bytes(4, "little") + b"JSON" + text + rest)
    return copy


def _packed_with(body: dict[str, Any]) -> list[str]:
    """The names of what packs the file and has to be unpacked here. ValueError where that cannot be done.

    Blender's importer always unpacks Draco, and refuses meshopt where the file requires it.
    """
    found = []
    for name, (extensions, module) in _PACKED.items():
        if not extensions & set(body.get("extensionsUsed") or ()) or (name == "Draco" and unpacks_gltf(name)):
            continue
        if importlib.util.find_spec(module):
            found.append(name)
        elif not unpacks_gltf(name) and (name == "Draco" or extensions & set(body.get("extensionsRequired") or ())):
            raise ImportFault(f"Blender {bpy.app.version_string} has no {name}: {missing_features()[name]}")
    return found
