"""Reads the JSON of a glTF file without loading its data: its number of triangles, and its origin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scenegen.core.errors import ScenegenError

MOST_JSON = 64 << 20


def read_description(file: Path) -> dict[str, Any]:
    """The JSON of a .gltf or .glb; {} when it cannot be read."""
    try:
        with file.open("rb") as stream:
            if file.suffix.lower() == ".glb":
                head = stream.read(20)
                length = int.from_bytes(head[12:16], "little") if head[:4] == b"glTF" else 0
            else:
                length = file.stat().st_size
            body = json.loads(stream.read(length)) if length <= MOST_JSON else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def named_origin(file: Path) -> dict[str, str]:
    """Title, author, licence and source that a glTF names: Sketchfab's `asset.extras`, or `copyright`."""
    if file.suffix.lower() not in (".gltf", ".glb"):
        return {}
    asset = read_description(file).get("asset")
    asset = asset if isinstance(asset, dict) else {}
    extras = asset.get("extras")
    extras = extras if isinstance(extras, dict) else {}
    named = {"author": asset.get("copyright"), **{key: extras.get(key) for key in ("title", "source")}}
    named["author"] = extras.get("author") or named["author"]
    named["licence"] = extras.get("license") or extras.get("licence")
    return {key: value.strip() for key, value in named.items() if isinstance(value, str) and value.strip()}


def count_triangles(file: Path) -> int:
    """The number of triangles of all nodes together; 0 when it is not known."""
    body = read_description(file)
    try:
        sizes = [sum(_triangles(body, p) for p in mesh["primitives"]) for mesh in body.get("meshes", [])]
        return sum(sizes[node["mesh"]] for node in body.get("nodes", []) if "mesh" in node)
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError):
        return 0


def _triangles(body: dict[str, Any], primitive: dict[str, Any]) -> int:
    mode = primitive.get("mode", 4)
    accessor = primitive["indices"] if "indices" in primitive else primitive["attributes"]["POSITION"]
    count = int(body["accessors"][accessor]["count"])
    return count // 3 if mode == 4 else max(0, count - 2) if mode in (5, 6) else 0


def find_gltf(folder: Path) -> Path:
    """The glTF file of an unpacked model, best scene.gltf; ScenegenError when there is none."""
    found = [path for path in folder.rglob("*") if path.suffix.lower() in (".gltf", ".glb")]
    if not found:
        raise ScenegenError("the archive holds no glTF file")
    return min(found, key=lambda path: (path.name.lower() != "scene.gltf", len(path.parts), str(path)))
