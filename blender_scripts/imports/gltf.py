"""Which compressed glTF files this Blender cannot read, found out before its importer fails on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy

from blender_scripts.host.compat import missing_features

# A file may name an extension that its readers can do without, as meshopt files with a fallback do. Blender's
# importer always unpacks Draco.
_PACKED = {
    "Draco": ("extensionsUsed", {"KHR_draco_mesh_compression"}),
    "meshopt": ("extensionsRequired", {"EXT_meshopt_compression", "KHR_meshopt_compression"}),
}


def packed_problem(file: Path) -> str | None:
    """Why a .gltf or .glb file cannot be unpacked here, in one line; None when it can, or is no glTF at all."""
    try:
        head = _json(file)
    except (OSError, ValueError):
        return None  # the importer reports what is wrong
    missing = missing_features()
    for name, (key, extensions) in _PACKED.items():
        if name in missing and extensions & set(head.get(key) or ()):
            return f"Blender {bpy.app.version_string} has no {name}: {missing[name]}"
    return None


def _json(file: Path) -> dict[str, Any]:
    """The JSON of a .gltf file, or of the first chunk of a .glb file."""
    with file.open("rb") as stream:
        start = stream.read(20)
        if start[:4] != b"glTF":
            return dict(json.loads(start + stream.read()))
        return dict(json.loads(stream.read(int.from_bytes(start[12:16], "little"))))
