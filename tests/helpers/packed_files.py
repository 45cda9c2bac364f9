"""A box that the tools in packed/make.sh pack, and where the packed files lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from helpers.gltf_files import GltfFile

PACKED = Path(__file__).parent / "packed"
LOW, HIGH = (-0.25, 0.0, -0.5), (0.75, 2.0, 0.5)  # as glTF counts: Y is up
RED, BLUE = (0.8, 0.1, 0.05, 1.0), (0.1, 0.2, 0.9, 1.0)


def packed_box() -> GltfFile:
    """A box with normals, UVs from (0, 0) to (2, 1) on each side, and colours of vertices: RED below, BLUE above."""
    file = GltfFile()
    normals = np.zeros((6, 4, 3), np.float32)
    for side in range(6):
        normals[side, :, side // 2] = 2 * (side % 2) - 1
    uvs = np.tile(np.array([(0, 0), (2, 0), (2, 1), (0, 1)], np.float32), (6, 1))
    mesh = file.box(LOW, HIGH, NORMAL=normals.reshape(-1, 3), TEXCOORD_0=uvs)
    primitive = file.body["meshes"][mesh]["primitives"][0]
    heights = np.array(_corners(file, primitive["attributes"]["POSITION"]))[:, 1]
    primitive["attributes"]["COLOR_0"] = file.array(np.where(heights[:, None] > 1.0, BLUE, RED).astype(np.float32))
    primitive["material"] = 0
    file.body["materials"] = [{"name": "paint", "pbrMetallicRoughness": {"roughnessFactor": 0.25, "metallicFactor": 0}}]
    file.node(mesh=mesh, name="box")
    return file


def _corners(file: GltfFile, number: int) -> np.ndarray:
    view = file.body["bufferViews"][file.body["accessors"][number]["bufferView"]]
    content = file.data[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    return np.frombuffer(bytes(content), np.float32).reshape(-1, 3)
