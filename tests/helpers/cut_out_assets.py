"""Assets of cards with an alpha map, written straight into a library."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scenegen.core.asset_library import Asset, Material, Mesh, Provenance, write_asset
from scipy.spatial.transform import Rotation

CHECKER = 255 * (np.indices((8, 8)).sum(axis=0) % 2 == 1)
"""Alpha of 8 x 8 texels as in an image file, row 0 at the top: the lower left texel is opaque."""


@dataclass(frozen=True)
class Cards:
    """Rectangles: vertices (V, 3), faces (F, 3), uvs (F, 3, 2)."""

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    uvs: NDArray[np.float64]

    def joined(self, other: Cards) -> Cards:
        """Both, one after the other."""
        return Cards(
            np.concatenate([self.vertices, other.vertices]),
            np.concatenate([self.faces, other.faces + len(self.vertices)]),
            np.concatenate([self.uvs, other.uvs]),
        )


def card(
    width: float,
    height: float,
    *,
    x: float = 0.0,
    y: float = 0.0,
    turn: float = 0.0,
    tilt: float = 0.0,
    u: tuple[float, float] = (0.0, 1.0),
    v: tuple[float, float] = (0.0, 1.0),
    part: bool = False,
) -> Cards:
    """An upright card that looks toward -Y, its base at z = 0 and its middle at x, turned about z and its middle.

    The corners have these UVs; with `part` it is cut to the part of the card that these UVs cover.
    """
    share = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    uv = np.array([u[0], v[0]]) + share * [u[1] - u[0], v[1] - v[0]]
    flat = (uv if part else share) - [0.5, 0.5]
    corners = np.stack([x + flat[:, 0] * width, np.full(4, y), flat[:, 1] * height], axis=1)
    corners = Rotation.from_euler("xz", (tilt, turn), degrees=True).apply(corners) if turn or tilt else corners
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    return Cards(np.add(corners, (0.0, 0.0, height / 2)), faces, uv[faces])


def write_cut_out(
    library: Path, name: str, class_name: str, cards: Cards, alpha: NDArray[Any], material: Material | None = None
) -> Path:
    """Write cards with an alpha map (H, W), 0 to 255, row 0 at the top; the asset's folder."""
    content = io.BytesIO()
    Image.fromarray(np.asarray(alpha, dtype=np.uint8)).save(content, "PNG")
    textures = {"alpha": "textures/alpha.png"}
    material = replace(material or Material("leaf", base_color=(0.1, 0.5, 0.1), roughness=1.0), textures=textures)
    normals = np.cross(*(cards.vertices[cards.faces[:, n]] - cards.vertices[cards.faces[:, 0]] for n in (1, 2)))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    mesh = Mesh(
        cards.vertices.astype(np.float32),
        cards.faces.astype(np.int32),
        np.repeat(normals[:, None], 3, axis=1).astype(np.float32),
        cards.uvs.astype(np.float32),
        np.zeros(len(cards.faces), dtype=np.int32),
    )
    size = tuple(float(extent) for extent in np.ptp(mesh.vertices, axis=0))
    asset = Asset(
        name=name, class_name=class_name, split="train", family="cards", size=size,  # type: ignore[arg-type]
        triangles=len(mesh.faces), materials=(material,), supports=(),
        provenance=Provenance(name, "tests", "CC0", "none", "0"), findings={}, folder=library,
    )  # fmt: skip
    return write_asset(library, asset, mesh, {"textures/alpha.png": content.getvalue()})


def leaf_tree(count: int, seed: int = 0, *, soft: bool = False) -> tuple[Cards, NDArray[np.uint8]]:
    """A crown of `count` cards of .3 m around (0, 0, 1.5), and the alpha (64, 64) of four leaves, two by two.

    The leaves' edges are hard, or with `soft` as wide as the leaves.
    """
    random = np.random.default_rng(seed)
    share = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    flat = np.concatenate([share - 0.5, np.zeros((4, 1))], axis=1) * 0.3
    turned = np.stack([Rotation.random(random_state=random).apply(flat) for _ in range(count)])
    places = random.normal(0.0, 1.0, (count, 1, 3))
    places *= random.uniform(0.2, 1.0, (count, 1, 1)) / np.linalg.norm(places, axis=2, keepdims=True)
    corner = random.integers(0, 2, (count, 1, 2)) / 2
    faces = (np.array([[0, 1, 2], [0, 2, 3]]) + 4 * np.arange(count)[:, None, None]).reshape(-1, 3)
    uv = (corner + share / 2).reshape(-1, 2)
    cards = Cards((turned + places + [0.0, 0.0, 1.5]).reshape(-1, 3), faces, uv[faces])
    row, column = (np.indices((64, 64)) % 32 + 0.5) / 16 - 1
    inside = 1 - np.hypot(row / 0.9, column / 0.5)
    alpha = np.clip(0.5 + inside, 0, 1) if soft else inside > 0
    return cards, np.asarray(255 * alpha, dtype=np.uint8)
