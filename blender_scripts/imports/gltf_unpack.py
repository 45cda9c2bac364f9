"""Replaces what a glTF file packs with Draco or meshopt by plain arrays, and its KTX2 images by PNG.

DracoPy is Google's own library, meshopt wraps that of meshoptimizer's author, opengl_basisu the transcoder of Basis
Universal's.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from blender_scripts.imports.faults import ImportFault

DRACO = "KHR_draco_mesh_compression"
MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")
BASIS = "KHR_texture_basisu"
LONGEST_EDGE = 4096  # pixels
# meshoptimizer packs 8 KB of vertices into a control byte for each 4 bytes of a vertex, or more: at most 1,024 to 1.
MESHOPT_MOST, MESHOPT_LEAST = 1024, 65536
_TYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_BROKEN = (LookupError, TypeError, AttributeError)  # what the JSON of a file with missing or odd parts leads to


@dataclass
class Buffers:
    """The data of a glTF file: `binary` is the chunk of a .glb, `folder` where the file's paths start.

    `body` is its JSON. What is unpacked collects in `unpacked`, which becomes one more buffer of the file.
    """

    body: dict[str, Any]
    binary: bytes
    folder: Path
    unpacked: bytearray = field(default_factory=bytearray)
    _read: dict[int, bytes] = field(default_factory=dict)

    def content(self, place: dict[str, Any]) -> bytes:
        """The bytes at a "buffer", "byteOffset" and "byteLength". ValueError where the buffer has fewer."""
        number = place["buffer"]
        if number not in self._read:
            self._read[number] = self._load(self.body["buffers"][number])
        start = place.get("byteOffset", 0)
        found = self._read[number][start : start + place["byteLength"]]
        if start < 0 or len(found) < place["byteLength"]:
            raise ImportFault(f"buffer {number} ends before its data; download or export the file again")
        return found

    def add(self, array: NDArray[Any]) -> dict[str, Any]:
        """Add an array; the "buffer", "byteOffset" and "byteLength" of its place."""
        content = np.ascontiguousarray(array).tobytes()
        self.unpacked.extend(bytes(-len(self.unpacked) % 4))
        place = {"buffer": len(self.body["buffers"]), "byteOffset": len(self.unpacked), "byteLength": len(content)}
        self.unpacked.extend(content)
        return place

    def save(self, folder: Path) -> None:
        """Write what was unpacked to `folder`, as a further buffer of the file."""
        if self.unpacked:
            (folder / "unpacked.bin").write_bytes(self.unpacked)
            uri = quote(str(folder / "unpacked.bin"))
            self.body["buffers"].append({"uri": uri, "byteLength": len(self.unpacked)})

    def _load(self, buffer: dict[str, Any]) -> bytes:
        uri = buffer.get("uri")
        if uri is None:
            return self.binary[: buffer["byteLength"]]
        if uri.startswith("data:"):
            return base64.b64decode(uri.partition(",")[2])
        return (self.folder / unquote(uri)).read_bytes()


def unpack_draco(buffers: Buffers) -> None:
    """Replace the meshes that Draco packs by plain arrays, in the file's JSON. ValueError: the data is damaged."""
    body = buffers.body

    def add(array: NDArray[Any], accessor: dict[str, Any]) -> None:
        body["bufferViews"].append(buffers.add(np.asarray(array, _TYPES[accessor["componentType"]])))
        accessor |= {"bufferView": len(body["bufferViews"]) - 1, "byteOffset": 0, "count": len(array)}

    try:
        for primitive in (p for mesh in body["meshes"] for p in mesh["primitives"]):
            packed = primitive.get("extensions", {}).pop(DRACO, None)
            if packed is None:
                continue
            faces, attributes = _decode_draco(buffers.content(body["bufferViews"][packed["bufferView"]]))
            indices = body["accessors"][primitive["indices"]]
            indices["componentType"] = 5125
            add(faces.reshape(-1), indices)
            for name, number in packed["attributes"].items():
                add(attributes[number], body["accessors"][primitive["attributes"][name]])
            primitive["mode"] = 4  # triangles, whatever they were before
    except _BROKEN as error:
        raise ImportFault(f"its Draco data is not as {DRACO} wants it; export it again") from error
    _forget(body, DRACO)


def _decode_draco(content: bytes) -> tuple[NDArray[np.uint32], dict[int, NDArray[Any]]]:
    """Faces (F, 3), and the attributes (V, components) by the number that the file gives them."""
    import DracoPy

    try:
        mesh = DracoPy.decode(content)
    except DracoPy.FileTypeException as error:
        raise ImportFault(f"its Draco data is damaged ({error}); export it again") from error
    return mesh.faces, {attribute["unique_id"]: attribute["data"] for attribute in mesh.attributes}


def unpack_meshopt(buffers: Buffers) -> None:
    """Replace the views that meshopt packs by plain ones, in the file's JSON. ValueError: the data is damaged.

    A view's own buffer may be a fallback without data, for readers that know the extension.
    """
    import meshopt

    body = buffers.body
    try:
        for view in body.get("bufferViews") or ():
            extensions = view.get("extensions", {})
            packed = [extensions.pop(name) for name in MESHOPT if name in extensions]
            if not packed:
                continue
            place = packed[0]
            content = buffers.content(place)
            _check_count(place, view, len(content))
            try:
                plain = meshopt.decode_gltf_buffer(
                    content, place["count"], place["byteStride"], place["mode"], place.get("filter")
                )
            except (ValueError, RuntimeError) as error:
                raise ImportFault(f"its meshopt data is damaged ({error}); export it again") from error
            except TypeError as error:
                raise ImportFault(f"its {MESHOPT[0]} has a value of the wrong type; export it again") from error
            view |= buffers.add(plain)
    except _BROKEN as error:
        raise ImportFault(f"its meshopt data is not as {MESHOPT[0]} wants it; export it again") from error
    for name in MESHOPT:
        _forget(body, name)


def _check_count(place: dict[str, Any], view: dict[str, Any], packed: int) -> None:
    """ImportFault where packed data counts more than its view has room for, or than so few bytes can hold.

    The library makes room for what is counted before it reads.
    """
    count, stride, room = place["count"], place["byteStride"], view["byteLength"]
    if not all(isinstance(each, int) for each in (count, stride, room)):
        raise ImportFault(f"its {MESHOPT[0]} has a value of the wrong type; export it again")
    if count < 0 or stride < 1 or count * stride > min(room, MESHOPT_LEAST + MESHOPT_MOST * packed):
        raise ImportFault(
            f"its meshopt data counts {count:,} elements of {stride:,} bytes in {packed:,} bytes, unpacked {room:,}; "
            "export it again"
        )


def unpack_images(buffers: Buffers, folder: Path) -> Iterator[str]:
    """Write the KTX2 images that textures use as PNG files to `folder`; yields a warning for each that is not read.

    A texture that names another image beside the KTX2 one keeps that.
    """
    body = buffers.body
    found: dict[int, int] = {}
    for texture in body.get("textures") or ():
        extension = (texture.get("extensions") or {}).get(BASIS, {})
        number = extension.get("source")
        if "source" in texture or not isinstance(number, int) or not 0 <= number < len(body.get("images") or ()):
            continue
        if number not in found:
            image = body["images"][number]
            name = str(image.get("name") or texture.get("name") or f"image {number}")
            try:
                file = folder / f"{number}_{re.sub('[^A-Za-z0-9.-]', '_', name)[:60]}.png"
                file.write_bytes(_png_of_ktx2(_image_content(image, buffers)))
            except (ValueError, OSError, *_BROKEN) as error:
                yield f"{name}: its KTX2 image is not read ({_in_words(error, image)})"
                found[number] = number  # a missing image: the material becomes grey
            else:
                found[number] = len(body["images"])
                body["images"].append({"uri": quote(str(file)), "mimeType": "image/png", "name": name})
        texture["source"] = found[number]


def _in_words(error: Exception, image: dict[str, Any]) -> str:
    if isinstance(error, OSError):
        return f"{Path(unquote(str(image.get('uri', '')))).name} is missing: copy it beside the model"
    return str(error) if isinstance(error, ValueError) else "the file does not say where it is"


def _image_content(image: dict[str, Any], buffers: Buffers) -> bytes:
    if "bufferView" in image:
        return buffers.content(buffers.body["bufferViews"][image["bufferView"]])
    uri = image["uri"]
    if uri.startswith("data:"):
        return base64.b64decode(uri.partition(",")[2])
    return (buffers.folder / unquote(uri)).read_bytes()


def _png_of_ktx2(content: bytes) -> bytes:
    """A KTX2 image of Basis Universal (ETC1S, UASTC) as a PNG file. ValueError: it is another or damaged.

    Of its levels, the largest that is not larger than what is decoded of any image; the largest where all are.
    """
    import opengl_basisu
    from PIL import Image

    texture = opengl_basisu.open(content)
    levels = range(texture.levels)
    level = next((level for level in levels if max(texture.level_size(level)) <= LONGEST_EDGE), 0)
    pixels = texture.transcode("rgba8", level).data
    if not texture.has_alpha:
        pixels = np.ascontiguousarray(pixels[..., :3])
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _forget(body: dict[str, Any], extension: str) -> None:
    """Take an extension from the lists of those that the file uses and requires."""
    for key in ("extensionsUsed", "extensionsRequired"):
        others = [name for name in body.pop(key, ()) if name != extension]
        body |= {key: others} if others else {}
