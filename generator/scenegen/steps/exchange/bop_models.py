"""BOP's object models: PLY files in millimetres, and their entries in models_info.json.

BOP's model frame has its origin in the middle of the bounding box, so each mesh is moved there; Z stays up. A pose in
BOP is a rotation and a translation without a scale, so an asset shown at two sizes is two models.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import cdist

from scenegen.core.asset_library import Asset, Mesh
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text
from scenegen.steps.library import load_asset

Array = NDArray[np.float64]

MM = 1000.0


@dataclass(frozen=True)
class BopObject:
    """One BOP object: an asset of the library at one size."""

    number: int
    asset: str
    scale: float


def centre(mesh: Mesh) -> Array:
    """The middle of a mesh's bounding box in the asset frame, (3,) metres: the origin of its BOP model."""
    vertices = mesh.vertices.astype(np.float64)
    middle: Array = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    return middle


def write_model(folder: Path, library: Path, model: BopObject) -> dict[str, float]:
    """Write obj_NNNNNN.ply with normals and colours; return its entry in models_info.json."""
    loaded = load_asset(library, model.asset)
    asset, mesh = loaded.asset, loaded.mesh
    # A vertex at the border of two materials becomes two, so that each has one colour.
    corners = np.stack([mesh.faces, np.broadcast_to(mesh.material_index[:, None], mesh.faces.shape)], axis=-1)
    pairs, numbers = np.unique(corners.reshape(-1, 2), axis=0, return_inverse=True)
    numbers = numbers.reshape(-1)
    points = (mesh.vertices[pairs[:, 0]].astype(np.float64) - centre(mesh)) * MM * model.scale
    shades = _corner_colours(asset, mesh)
    sums = [np.bincount(numbers, shades[:, channel], len(pairs)) for channel in range(3)]
    colours = np.rint(np.stack(sums, axis=1) / np.bincount(numbers)[:, None]).astype(np.uint8)
    # trimesh weights a vertex's face normals by their angle there, as BOP's own models have them.
    shape = trimesh.Trimesh(points, numbers.reshape(-1, 3), vertex_colors=colours, process=False)
    content = shape.export(file_type="ply", encoding="ascii", vertex_normal=True)
    write_text(folder / f"obj_{model.number:06d}.ply", content.decode("ascii"))
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    return {
        "diameter": _diameter(points),
        **{f"min_{axis}": float(v) for axis, v in zip("xyz", low, strict=True)},
        **{f"size_{axis}": float(v) for axis, v in zip("xyz", size, strict=True)},
    }


def _corner_colours(asset: Asset, mesh: Mesh) -> Array:
    """sRGB colour in [0, 255] of every face corner, (3F, 3): the texture's there, or else the material's."""
    kinds = np.repeat(mesh.material_index, 3)
    colours = np.array([_srgb(material.base_color) for material in asset.materials], np.float64)[kinds]
    for number, material in enumerate(asset.materials):
        corners = np.flatnonzero(kinds == number)
        if mesh.uvs is None or "base_color" not in material.textures or not len(corners):
            continue
        path = asset.folder / material.textures["base_color"]
        try:
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                texture = np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError) as error:
            raise ScenegenError(f"{path}: broken texture ({error}); prepare the asset again") from error
        height, width, _ = texture.shape
        u, v = (mesh.uvs.reshape(-1, 2)[corners] % 1.0).T  # from the lower left
        rows = np.clip(height - 1 - np.floor(v * height), 0, height - 1).astype(np.int64)
        columns = np.clip(np.floor(u * width), 0, width - 1).astype(np.int64)
        colours[corners] = texture[rows, columns]
    return colours


def _diameter(points: Array) -> float:
    """The largest distance between two points (N, 3); both lie on the convex hull."""
    try:
        points = points[ConvexHull(points).vertices]
    except QhullError:  # all in one plane
        points = np.unique(points, axis=0)
    return math.sqrt(
        max(float(cdist(points[k : k + 1024], points, "sqeuclidean").max()) for k in range(0, len(points), 1024))
    )


def _srgb(linear: tuple[float, float, float]) -> list[int]:
    shown = (
        12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in (min(max(v, 0), 1) for v in linear)
    )
    return [round(255 * v) for v in shown]
