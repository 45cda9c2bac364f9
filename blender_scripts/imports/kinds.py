"""Tells files that are not of the format that their names say before Blender reads them, in words of our own."""

from __future__ import annotations

import json
import re
from pathlib import Path

from blender_scripts.imports.faults import ImportFault

AGAIN = "download or export it again"
# How files of a format begin; formats that may begin with anything are left out.
_STARTS: dict[str, tuple[bytes, ...]] = {
    ".glb": (b"glTF",),
    ".fbx": (b"Kaydara FBX Binary  \x00",),
    ".blend": (b"BLENDER", b"\x28\xb5\x2f\xfd", b"\x1f\x8b"),  # the latter two: compressed
    ".usda": (b"#usda",),
    ".usdc": (b"PXR-USDC",),
    ".usdz": (b"PK\x03\x04",),
    ".usd": (b"#usda", b"PXR-USDC", b"PK\x03\x04"),
    ".ply": (b"ply",),
}
_HEAD = 4096
# How other files begin, what they are, and what to do with them.
_OTHERS = (
    (b"\x1f\x8b", "is packed with gzip", "unpack it first"),
    (b"PK\x03\x04", "is a ZIP archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive", "unpack it first"),
    (b"Rar!\x1a\x07", "is a RAR archive", "unpack it first"),
    (b"\xfd7zXZ\x00", "is packed with xz", "unpack it first"),
    (b"BZh", "is packed with bzip2", "unpack it first"),
    (b"\x89PNG\r\n", "is a PNG image, no model", AGAIN),
    (b"\xff\xd8\xff", "is a JPEG image, no model", AGAIN),
    (b"%PDF-", "is a PDF, no model", AGAIN),
    (b"glTF", "is a .glb file", "rename it"),
    (b"Kaydara FBX Binary", "is an .fbx file", "rename it"),
    (b"BLENDER", "is a .blend file", "rename it"),
    (b"PXR-USDC", "is a .usdc file", "rename it"),
    (b"#usda", "is a .usda file", "rename it"),
)
_OWN = {".gltf": b"glTF", ".blend": b"\x1f\x8b"}  # which a file of this type may begin with, too
_LINE_OF_OBJ = re.compile(rb"^[ \t]*v[ \t]", re.MULTILINE)
_TEXT_FBX = re.compile(rb"^[ \t]*(;[ \t]*FBX|FBXHeaderExtension[ \t]*:|Objects[ \t]*:)", re.MULTILINE)


def check_kind(file: Path) -> None:
    """ImportFault, with what to do, when a file is a web page, a Git LFS pointer, cut off, or of another format."""
    suffix = file.suffix.lower()
    with file.open("rb") as stream:
        head = stream.read(_HEAD)
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if re.match(rb"<(!doctype\s+html|html[\s>])", plain, re.IGNORECASE):
        raise ImportFault(f"it is a web page, no model: the download failed; {AGAIN}")
    if plain.startswith(b"version https://git-lfs.github.com/spec/"):
        raise ImportFault("it is a pointer of Git LFS, no model; run `git lfs pull` in its repository")
    for start, what, advice in _OTHERS:
        own = (*_STARTS.get(suffix, ()), _OWN.get(suffix, b""))
        if head.startswith(start) and not any(each and head.startswith(each) for each in own):
            raise ImportFault(f"it {what}, whatever its name says; {advice}")
    if suffix != ".gltf" and plain[:1] in (b"{", b"["):
        _refuse_json(file)
    if suffix == ".glb" and head[:4] == b"glTF":
        _check_glb(head, file.stat().st_size)
    elif suffix == ".gltf" and head[:4] != b"glTF":
        _check_json(file)
    elif suffix == ".obj":
        _check_obj(file, head)
    elif suffix == ".fbx" and _TEXT_FBX.search(head):
        return
    elif suffix in _STARTS and not head.startswith(_STARTS[suffix]):
        raise ImportFault(f"it is no {suffix} file, whatever its name says; {AGAIN}")


def _check_obj(file: Path, head: bytes) -> None:
    """An OBJ is text with at least one line of a vertex; most files show that with their beginning."""
    if b"\0" in head:
        raise ImportFault(f"it is no text, as every .obj is; {AGAIN}")
    if not _LINE_OF_OBJ.search(head) and not _LINE_OF_OBJ.search(file.read_bytes()):
        raise ImportFault(f"it is text without a line `v X Y Z`, so it is no .obj, or holds no vertex; {AGAIN}")


def _refuse_json(file: Path) -> None:
    try:
        body = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return
    if isinstance(body, dict) and isinstance(body.get("asset"), dict) and "version" in body["asset"]:
        raise ImportFault("it is a .gltf file, whatever its name says; rename it")
    raise ImportFault(f"it is JSON, no model, as servers send it with an error; {AGAIN}")


def _check_glb(head: bytes, size: int) -> None:
    version, length = (int.from_bytes(head[at : at + 4], "little") for at in (4, 8))
    if version == 1:
        raise ImportFault("it is glTF 1, only 2 is read; export it as glTF 2")
    if size < length:
        raise ImportFault(f"it is cut off: {size:,} of {length:,} bytes; {AGAIN}")


def _check_json(file: Path) -> None:
    try:
        body = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        why = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "not text"
        raise ImportFault(f"its JSON cannot be read ({why}); {AGAIN}") from error
    asset = body.get("asset") if isinstance(body, dict) else None
    version = str(asset.get("version", "")) if isinstance(asset, dict) else ""
    if not version.startswith("2."):
        raise ImportFault(f"it is no glTF 2 file (version {version or 'not given'}); export it as glTF 2")
