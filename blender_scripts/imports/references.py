"""Refuses a model that names files outside its folder, before Blender's importer reads them.

Images are not looked for here where importers only note their paths (OBJ, FBX, Collada, .blend): image_files.py decides
when one is read. USD's importer reads images at once.
"""

from __future__ import annotations

import mmap
import re
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from scenegen.core.own_files import names_own, outside, reaches_outside

from blender_scripts.imports.faults import ImportFault
from blender_scripts.imports.gltf_json import read_gltf_json

USD_SUFFIXES = (".usd", ".usda", ".usdc", ".usdz")
MOST_TOKENS = 1 << 28  # bytes of a USD file's names
LONGEST_NAME = 4096
_MTLLIB = re.compile(rb"^[ \t]*mtllib[ \t]+([^\r\n]+?)[ \t\r]*$", re.MULTILINE)


def check_references(file: Path) -> None:
    """ValueError with one line when a file names a file outside its folder, or cannot be searched for names.

    OSError when it cannot be read.
    """
    check = _CHECKS.get(file.suffix.lower())
    if check:
        check(file)


def material_libraries(file: Path) -> list[str]:
    """The names that the mtllib lines of an OBJ give, in order."""
    if not file.stat().st_size:  # there is no memory map of nothing
        return []
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(b"\\\n") < 0 and content.find(b"\\\r\n") < 0:
            found = _MTLLIB.findall(content)
        else:  # Blender joins a line that ends in a backslash with the next one
            found = _MTLLIB.findall(content[:].replace(b"\\\r\n", b"  ").replace(b"\\\n", b"  "))
    return [name.decode(errors="replace") for name in dict.fromkeys(found)]


def _gltf(file: Path) -> None:
    try:
        body, _ = read_gltf_json(file)
    except (ValueError, TypeError):
        return  # the importer, which reads it in the same way, reports what is wrong
    for part in ("buffers", "images"):
        items = body.get(part)
        for item in items if isinstance(items, list) else []:
            named = item.get("uri") if isinstance(item, dict) else None
            if isinstance(named, str) and not names_own(named, file.parent):
                raise ImportFault(outside(named))


def _obj(file: Path) -> None:
    for named in material_libraries(file):
        if reaches_outside(named, file.parent):
            raise ImportFault(outside(named))


def _collada(file: Path) -> None:
    documents, seen = [file], {file}
    while documents:
        document = documents.pop()
        for named in _collada_names(document):
            if not names_own(named, file.parent, document.parent):
                raise ImportFault(outside(named))
            other = document.parent / re.split("[?#]", named)[0]
            if other not in seen and other.is_file():
                seen.add(other)
                documents.append(other)


def _collada_names(document: Path) -> Iterator[str]:
    """Other documents that elements refer to; Collada marks places of the same document with a #."""
    if b"<!ENTITY" in document.read_bytes().replace(b"\0", b""):  # in UTF-16, too
        raise ImportFault("declares XML entities, which no model needs; export it again")
    try:
        elements = ElementTree.parse(document).iter()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ImportFault(f"not readable as XML ({error}); export it again") from error
    for element in elements:
        for key in ("url", "source", "target", "href"):
            named = element.get(key, "#").strip()
            is_place = key == "target" and "#" not in named  # of an animated value: "node/transform"
            if named and not named.startswith("#") and not is_place:
                yield named


def _usd(file: Path) -> None:
    layers, seen = [file], {file}
    while layers:
        layer = layers.pop()
        for named in _usd_names(layer):
            if named.startswith("`"):
                raise ImportFault("computes the name of a file that it refers to; export it as one file")
            plain = re.split(r":SDF_FORMAT_ARGS:|\[", named)[0]
            if reaches_outside(plain, file.parent, layer.parent):
                raise ImportFault(outside(plain))
            other = layer.parent / plain
            if other.suffix.lower() in USD_SUFFIXES and other not in seen and other.is_file():
                seen.add(other)
                layers.append(other)


def _usd_names(layer: Path) -> Iterable[str]:
    """All that may be a file's name in a layer, or in the layers of an archive; more than there are."""
    content = layer.read_bytes()
    parts = _members(content) if content[:4] == b"PK\x03\x04" else [content]
    for part in parts:
        names = _tokens(part) if part[:8] == b"PXR-USDC" else part.decode("utf-8", errors="replace").split("@")
        yield from (name for name in dict.fromkeys(names) if name and len(name) < LONGEST_NAME and "\n" not in name)


def _members(content: bytes) -> Iterator[bytes]:
    """The layers of a .usdz archive as USD finds them: one local header after another, nothing compressed."""
    place = 0
    while content[place : place + 4] == b"PK\x03\x04" and len(content) >= place + 30:
        flags, method = struct.unpack_from("<HH", content, place + 6)
        size, _, name_length, extra_length = struct.unpack_from("<IIHH", content, place + 18)
        if method or flags & 0b1001:
            raise ImportFault("its archive is compressed or encrypted, which .usdz may not be; export it again")
        start = place + 30 + name_length + extra_length
        name = content[place + 30 : place + 30 + name_length].decode("utf-8", errors="replace").lower()
        if name.endswith(".usdz"):
            raise ImportFault("an archive inside the archive; export it as one file")
        if name.endswith(USD_SUFFIXES):
            yield content[start : start + size]
        place = start + size


def _tokens(content: bytes) -> list[str]:
    """The tokens of a crate file (.usdc): every name in it. ImportFault when its table is damaged.

    Format: pxr/usd/sdf/crateFile.cpp of OpenUSD; the compression is LZ4 in at most 127 chunks (TfFastCompression).
    """
    try:
        version = tuple(content[8:11])
        (table,) = struct.unpack_from("<q", content, 16)
        (sections,) = struct.unpack_from("<Q", content, table)
        starts = (table + 8 + 32 * number for number in range(min(sections, 64)))
        start = next(
            struct.unpack_from("<q", content, place + 16)[0]
            for place in starts
            if content[place : place + 16].rstrip(b"\0") == b"TOKENS"
        )
        if version < (0, 4, 0):
            (size,) = struct.unpack_from("<Q", content, start + 8)
            names = content[start + 16 : start + 16 + size]
        else:
            size, packed = struct.unpack_from("<QQ", content, start + 8)
            if size > MOST_TOKENS:
                raise ImportFault("more than 256 MB of names")
            names = b"".join(_chunks(content[start + 24 : start + 24 + packed], size))
    except ImportError as error:
        raise ImportFault("this Blender's Python has no lz4 to read its names; convert the file to .usda") from error
    except (struct.error, StopIteration, OverflowError, RuntimeError, ValueError, IndexError) as error:
        raise ImportFault(
            "it is cut off or damaged: its table of names is not whole; copy or download it again"
        ) from error
    return [name.decode("utf-8", errors="replace") for name in names.split(b"\0")]


def _chunks(packed: bytes, size: int) -> Iterator[bytes]:
    import lz4.block  # a user's own Blender may lack it

    count, place = packed[0], 1
    if not count:
        yield lz4.block.decompress(packed[1:], uncompressed_size=size)
    for _ in range(count):
        (length,) = struct.unpack_from("<i", packed, place)
        yield lz4.block.decompress(packed[place + 4 : place + 4 + length], uncompressed_size=size)
        place += 4 + length


_CHECKS: dict[str, Callable[[Path], None]] = {
    ".gltf": _gltf,
    ".glb": _gltf,
    ".obj": _obj,
    ".dae": _collada,
    **dict.fromkeys(USD_SUFFIXES, _usd),
}
