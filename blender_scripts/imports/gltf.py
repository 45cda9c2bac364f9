"""glTF that this Blender's importer reads wrongly or not at all, corrected in a copy: Draco, animations, hidden nodes.

The bpy packages of 5.2 and 5.3 have no library that unpacks Draco; DracoPy is Google's own. Other
compression is refused.
"""

from __future__ import annotations

import base64
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
from blender_scripts.imports.gltf_json import read_gltf_json

DRACO = "KHR_draco_mesh_compression"
# A file may name an extension that its readers can do without, as meshopt files with a fallback do. Blender's
# importer always unpacks Draco.
_PACKED = {
    "Draco": ("extensionsUsed", {DRACO}),
    "meshopt": ("extensionsRequired", {"EXT_meshopt_compression", "KHR_meshopt_compression"}),
}
# Extensions of the look and of the scene, by the beginning of their names: a file may require them, and the importer
# then refuses it; without them it still has its shape, and ledger.py names what is not shown.
_LOOKS = ("KHR_materials_", "KHR_texture_", "EXT_texture_", "MSFT_texture_", "KHR_animation_", "KHR_lights_", "KHR_xmp",
          "KHR_node_visibility", "MSFT_lod", "KHR_node_")  # fmt: skip
READ_IMAGES = {"EXT_texture_webp"}
_TYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}


def readable(file: Path, folder: Path) -> Path:
    """A .gltf or .glb file that this Blender reads right: the file itself, or a copy in `folder`.

    The copy is without Draco where Blender cannot unpack it, without animations (Blender would show the model as it is
    in their first frame, not as the nodes place it) and without the meshes of nodes that the file hides.
    Raises ValueError with one line for the user when the file cannot be unpacked here or its packed data is damaged,
    OSError when a file that it names is missing.
    """
    try:
        body, end = read_gltf_json(file)
    except (OSError, ValueError):
        return file  # the importer reports what is wrong
    changed = bool(body.pop("animations", None)) | _hide_nodes(body) | _require_less(body) | _bring_near(body)
    name = _packed_with(body)
    if name is None:
        return _copy(body, file, end, folder) if changed else file
    if name != "Draco" or not importlib.util.find_spec("DracoPy"):
        raise ImportFault(f"Blender {bpy.app.version_string} has no {name}: {missing_features()[name]}")
    binary = file.read_bytes()[end + 8 :] if end else b""
    try:
        _unpack(body, binary, file.parent)
    except (LookupError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ImportFault(f"its Draco data is not as {DRACO} wants it ({reason}); export it again") from error
    copy = folder / "unpacked.gltf"
    copy.write_text(json.dumps(body), encoding="utf-8")
    return copy


def _require_less(body: dict[str, Any]) -> bool:
    """Let the importer read a file without what it does not know of its look, in place; whether it changed.

    A texture whose only image is of a kind that is not read, as KTX2, keeps it as a missing image.
    """
    required = body.get("extensionsRequired") or []
    kept = [name for name in required if not name.startswith(_LOOKS)]
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
    ends = [end for accessor in accessors for end in (accessor["min"], accessor["max"])]
    return np.array(ends, dtype=np.float64).reshape(-1, 3)


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


def _packed_with(body: dict[str, Any]) -> str | None:
    """The name of the compression that this Blender cannot unpack; None when there is none."""
    for name, (key, extensions) in _PACKED.items():
        if extensions & set(body.get(key) or ()) and not unpacks_gltf(name):
            return name
    return None


def _unpack(body: dict[str, Any], binary: bytes, folder: Path) -> None:
    """Replace Draco's data by plain arrays, in place; `folder` is where the paths of the file start."""
    buffers = [_buffer(buffer, binary, folder) for buffer in body["buffers"]]
    unpacked = bytearray()

    def add(array: NDArray[Any], accessor: dict[str, Any]) -> None:
        kind = _TYPES[accessor["componentType"]]
        content = np.ascontiguousarray(array, kind).tobytes()
        unpacked.extend(bytes(-len(unpacked) % 4))
        view = {"buffer": len(buffers), "byteOffset": len(unpacked), "byteLength": len(content)}
        unpacked.extend(content)
        body["bufferViews"].append(view)
        accessor |= {"bufferView": len(body["bufferViews"]) - 1, "byteOffset": 0, "count": len(array)}

    for primitive in (p for mesh in body["meshes"] for p in mesh["primitives"]):
        packed = primitive.get("extensions", {}).pop(DRACO, None)
        if packed is None:
            continue
        faces, attributes = _decode(body["bufferViews"][packed["bufferView"]], buffers)
        indices = body["accessors"][primitive["indices"]]
        indices["componentType"] = 5125
        add(faces.reshape(-1), indices)
        for name, number in packed["attributes"].items():
            add(attributes[number], body["accessors"][primitive["attributes"][name]])
        primitive["mode"] = 4  # triangles, whatever they were before
    for key in ("extensionsUsed", "extensionsRequired"):
        others = [name for name in body.pop(key, ()) if name != DRACO]
        body |= {key: others} if others else {}
    for buffer, content in zip(body["buffers"], buffers, strict=True):
        buffer |= {"uri": _data_uri(content)}
    body["buffers"].append({"uri": _data_uri(unpacked), "byteLength": len(unpacked)})
    for image in body.get("images", ()):
        if "uri" in image and not image["uri"].startswith("data:"):
            image["uri"] = quote(str(folder / unquote(image["uri"])))


def _buffer(buffer: dict[str, Any], binary: bytes, folder: Path) -> bytes:
    uri = buffer.get("uri")
    if uri is None:
        return binary[: buffer["byteLength"]]
    if uri.startswith("data:"):
        return base64.b64decode(uri.partition(",")[2])
    return (folder / unquote(uri)).read_bytes()


def _decode(view: dict[str, Any], buffers: list[bytes]) -> tuple[NDArray[np.uint32], dict[int, NDArray[Any]]]:
    """Faces (F, 3), and the attributes (V, components) by the number that the file gives them."""
    import DracoPy

    start = view.get("byteOffset", 0)
    try:
        mesh = DracoPy.decode(buffers[view["buffer"]][start : start + view["byteLength"]])
    except DracoPy.FileTypeException as error:
        raise ImportFault(f"its Draco data is damaged ({error}); export it again") from error
    return mesh.faces, {attribute["unique_id"]: attribute["data"] for attribute in mesh.attributes}


def _data_uri(content: bytes | bytearray) -> str:
    return "data:application/octet-stream;base64," + base64.b64encode(content).decode()
