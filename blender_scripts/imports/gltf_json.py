"""The JSON of a glTF file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_gltf_json(file: Path) -> tuple[dict[str, Any], int]:
    """The JSON of a .gltf or .glb file, and where it ends in a .glb file (0: the file is a .gltf file)."""
    with file.open("rb") as stream:
        start = stream.read(20)
        if start[:4] != b"glTF":
            return dict(json.loads(start + stream.read())), 0
        length = int.from_bytes(start[12:16], "little")
        return dict(json.loads(stream.read(length))), 20 + length
