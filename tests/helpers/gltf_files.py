"""Writes small glTF files by hand, so that a test states each number itself."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

_TYPES = {"float32": 5126, "uint32": 5125, "uint16": 5123, "uint8": 5121}
_SHAPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


class GltfFile:
    """The body of a glTF file; `array` adds data, `box` a mesh, `write` writes it as .gltf with all data inside."""

    def __init__(self) -> None:
        self.body: dict[str, Any] = {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": []}],
            **{key: [] for key in ("nodes", "meshes", "accessors", "bufferViews", "buffers")},
        }
        self.data = bytearray()

    def array(self, values: np.ndarray) -> int:
        """Add an array and return the number of its accessor."""
        content = np.ascontiguousarray(values).tobytes()
        self.data.extend(bytes(-len(self.data) % 4))
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)}
        self.data.extend(content)
        self.body["bufferViews"].append(view)
        flat = values.reshape(len(values), -1)
        self.body["accessors"].append(
            {
                "bufferView": len(self.body["bufferViews"]) - 1,
                "componentType": _TYPES[str(values.dtype)],
                "count": len(values),
                "type": _SHAPES[flat.shape[1]],
                "min": flat.min(axis=0).tolist(),
                "max": flat.max(axis=0).tolist(),
            }
        )
        return len(self.body["accessors"]) - 1

    def box(self, low: tuple[float, ...], high: tuple[float, ...], **attributes: np.ndarray) -> int:
        """Add a box as a mesh; each of its 6 sides has 4 vertices, so `attributes` have 24 rows. Its number."""
        corners = []
        for axis in range(3):
            for side in (0, 1):
                for u, v in ((0, 0), (1, 0), (1, 1), (0, 1)):
                    at = [0, 0, 0]
                    at[axis], at[(axis + 1) % 3], at[(axis + 2) % 3] = side, u, v
                    corners.append([(low, high)[k][n] for n, k in enumerate(at)])
        faces = []
        for side in range(6):
            quad = [4 * side + k for k in ((0, 1, 2, 3) if side % 2 else (0, 3, 2, 1))]
            faces += [[quad[0], quad[1], quad[2]], [quad[0], quad[2], quad[3]]]
        primitive = {
            "attributes": {"POSITION": self.array(np.array(corners, np.float32))},
            "indices": self.array(np.array(faces, np.uint32).reshape(-1)),
        }
        for name, values in attributes.items():
            primitive["attributes"][name] = self.array(values)
        self.body["meshes"].append({"primitives": [primitive]})
        return len(self.body["meshes"]) - 1

    def node(self, *, root: bool = True, **node: Any) -> int:
        """Add a node and return its number."""
        self.body["nodes"].append(node)
        if root:
            self.body["scenes"][0]["nodes"].append(len(self.body["nodes"]) - 1)
        return len(self.body["nodes"]) - 1

    def write(self, path: Path) -> Path:
        """Write the file as .gltf, or as .glb where `path` says so."""
        body = {key: value for key, value in self.body.items() if value}
        if path.suffix == ".glb":
            body["buffers"] = [{"byteLength": len(self.data)}]
            text = json.dumps(body).encode()
            text += b" " * (-len(text) % 4)
            data = bytes(self.data) + bytes(-len(self.data) % 4)
            sizes = [n.to_bytes(4, "little") for n in (2, 28 + len(text) + len(data), len(text), len(data))]
            path.write_bytes(b"glTF" + sizes[0] + sizes[1] + sizes[2] + b"JSON" + text + sizes[3] + b"BIN\0" + data)
        else:
            uri = "data:application/octet-stream;base64," + base64.b64encode(self.data).decode()
            body["buffers"] = [{"byteLength": len(self.data), "uri": uri}]
            path.write_text(json.dumps(body))
        return path
