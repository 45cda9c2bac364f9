"""The models of a scene where they stand, with few enough triangles to turn them by software GL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import fast_simplification
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import cKDTree

from scenegen.core.asset_library import Asset, Material
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.steps.library import check_sizes, load_asset

MOST_TRIANGLES = 24_000
"""Of a scene; its objects share them."""
LEAST_TRIANGLES, MOST_OF_OBJECT = 128, 2048

_Bytes = NDArray[np.uint8]


def scene_mesh(stored: StoredScene, library: Path) -> bytes:
    """All triangles of a scene: their number T as uint32; float32 (T, 3, 3), corners in the world in metres; uint16
    (T,), the object's place in the scene's list; uint8 (T, 3), the material's own colour. All little-endian.

    ScenegenError when the library lacks a model, or has another one under its name.
    """
    check_sizes(stored, library)
    share = MOST_TRIANGLES // max(len(stored.objects), 1)
    most = 1 << min(max(share, LEAST_TRIANGLES), MOST_OF_OBJECT).bit_length() - 1  # few different ones, to be kept
    corners, places, colors = [], [], []
    for place, item in enumerate(stored.objects):
        own, shades = _few_triangles(library, item.asset, most)
        matrix = np.array(item.matrix)
        corners.append(own @ matrix[:3, :3].T + matrix[:3, 3])
        places.append(np.full(len(own), place))
        colors.append(shades)
    count = sum(map(len, corners))
    parts = (np.array(count, "<u4"), _joined(corners, "<f4"), _joined(places, "<u2"), _joined(colors, "u1"))
    return b"".join(part.tobytes() for part in parts)


def _joined(arrays: Sequence[NDArray[Any]], kind: str) -> NDArray[Any]:
    return np.concatenate(arrays).astype(kind) if arrays else np.zeros(0, kind)


@lru_cache(maxsize=512)
def _few_triangles(library: Path, name: str, most: int) -> tuple[NDArray[np.float64], _Bytes]:
    """At most about `most` triangles of an asset, float64 (T, 3, 3) in its own axes, with their colours, (T, 3)."""
    loaded = load_asset(library, name)
    vertices, faces = loaded.mesh.vertices.astype(np.float64), loaded.mesh.faces
    materials = loaded.mesh.material_index
    if len(faces) > most:
        middles = vertices[faces].mean(axis=1)
        extent = float(np.ptp(vertices, axis=0).max())  # the library's thresholds are absolute
        points, faces = fast_simplification.simplify(
            (vertices / extent).astype(np.float32), faces.astype(np.int32), target_count=most
        )
        vertices = points.astype(np.float64) * extent
        materials = materials[cKDTree(middles).query(vertices[faces].mean(axis=1))[1]]
    palette = np.array([_color(loaded.asset, material) for material in loaded.asset.materials], np.uint8)
    return vertices[faces], palette[materials]


def _color(asset: Asset, material: Material) -> _Bytes:
    """A material's colour, sRGB: the mean of its texture, or its base colour."""
    texture = material.textures.get("base_color") if material.kind == "plain" else None
    if texture:
        with Image.open(asset.folder / texture) as image:
            return np.asarray(image.convert("RGB").resize((1, 1), Image.Resampling.BOX), np.uint8).reshape(3)
    linear = np.array(material.base_color)
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)
    return np.asarray((255 * np.clip(curve, 0, 1)).round(), np.uint8)
