"""Boxes and balls as assets, and a preset with images and grids small enough for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from scenegen.core.asset_library import Asset, Material, Mesh, Provenance, Support, write_asset
from scenegen.core.preset.preset_file import PRESETS


def write_box(
    library: Path,
    name: str,
    class_name: str,
    size: tuple[float, float, float],
    material: Material,
    family: str = "box",
) -> Asset:
    solid = trimesh.creation.box(size)
    solid.apply_translation((0, 0, size[2] / 2))
    cell = 0.05
    cells = (int(size[0] / cell), int(size[1] / cell))
    top = Support(float(np.float32(size[2])), (-cells[0] * cell / 2, -cells[1] * cell / 2), cell, np.ones(cells, bool))
    return _write(library, name, class_name, solid, material, smooth=False, supports=(top,), family=family)


def write_ball(library: Path, name: str, class_name: str, radius: float, material: Material) -> Asset:
    solid = trimesh.creation.icosphere(3, radius)
    solid.apply_translation((0, 0, radius))
    return _write(library, name, class_name, solid, material, smooth=True)


def _write(
    library: Path,
    name: str,
    class_name: str,
    solid: trimesh.Trimesh,
    material: Material,
    smooth: bool,
    supports: tuple[Support, ...] = (),
    family: str = "box",
) -> Asset:
    vertices, faces = solid.vertices.astype(np.float32), solid.faces.astype(np.int32)
    flat = np.repeat(solid.face_normals[:, None], 3, axis=1)
    normals = (solid.vertex_normals[faces] if smooth else flat).astype(np.float32)
    mesh = Mesh(vertices, faces, normals, vertices[faces][..., :2].copy(), np.zeros(len(faces), np.int32))
    size = tuple(float(v) for v in vertices.max(axis=0) - vertices.min(axis=0))
    asset = Asset(
        name=name,
        class_name=class_name,
        split="train",
        family=family,
        size=(size[0], size[1], size[2]),
        triangles=len(faces),
        materials=(material,),
        supports=supports,
        provenance=Provenance(name, "tests", "CC0-1.0", "tests", "0" * 64),
        findings={},
        folder=library / name,
    )
    write_asset(library, asset, mesh, {})
    return asset


def write_preset(path: Path) -> Path:
    text = (PRESETS / "studio.toml").read_text(encoding="utf-8")
    for old, new in (
        ("image_size = [224, 224]", "image_size = [40, 40]"),
        ("voxel_size = 0.05", "voxel_size = 0.2"),
        ("shape = [80, 96, 64]", "shape = [20, 24, 16]"),
        ("size = [128, 128, 128]", "size = [16, 16, 16]"),
    ):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path
