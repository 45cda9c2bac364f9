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
    if suffix == ".glb" and head[:4] == b"glTF":
        _check_glb(head, file.stat().st_size)
    elif suffix == ".gltf" and head[:4] != b"glTF":
        _check_json(file)
    elif suffix == ".fbx" and _TEXT_FBX.search(head):
        return
    elif suffix in _STARTS and not head.startswith(_STARTS[suffix]):
        raise ImportFault(f"it is no {suffix} file, whatever its name says; {AGAIN}")


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
