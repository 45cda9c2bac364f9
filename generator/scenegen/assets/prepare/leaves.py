"""Thins out the leaves of a tree: small loose cards that collapsing edges would remove until the tree is bare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.clean import Triangles, connected, merge_vertices

LEAF_FACES = 16  # a connected part with no more faces may be a leaf
LEAF_EXTENT = 0.1  # a leaf is no longer than this share of the model's longest side: a roof or a table top is
MOST_GROWTH = 2.5  # a kept leaf is enlarged at most so much to cover for dropped ones


def loose_leaves(mesh: Triangles) -> NDArray[np.int64] | None:
    """The leaf number of each face (F,), -1 for other faces; None unless the mesh is mostly leaves.

    A leaf is a connected part of a few faces that is small beside the model.
    """
    part = connected(mesh.faces, len(mesh.vertices))
    low, high = np.full((part.max() + 1, 3), np.inf), np.full((part.max() + 1, 3), -np.inf)
    np.minimum.at(low, part, mesh.vertices)
    np.maximum.at(high, part, mesh.vertices)
    small = (high - low).max(axis=1) <= LEAF_EXTENT * np.ptp(mesh.vertices, axis=0).max()
    part = part[mesh.faces[:, 0]]
    leaf = small[part] & (np.bincount(part)[part] <= LEAF_FACES)
    return np.where(leaf, part, -1) if leaf.mean() > 0.5 else None


def thin_out(mesh: Triangles, leaves: NDArray[np.int64], budget: int) -> Triangles:
    """Keep an even share of the leaves, enlarged so that together they cover about the same area."""
    numbers, index = np.unique(leaves[leaves >= 0], return_inverse=True)
    share = min(1.0, budget / len(index))
    steps = np.floor(np.arange(1, len(numbers) + 1) * share)
    chosen = np.diff(steps, prepend=0.0) > 0
    kept = mesh.keep(np.flatnonzero(leaves >= 0)[chosen[index.reshape(-1)]])
    part = np.unique(leaves[leaves >= 0][chosen[index.reshape(-1)]], return_inverse=True)[1].reshape(-1)
    corners = kept.vertices[kept.faces]
    count = np.bincount(part)[:, None]
    middle = np.stack([np.bincount(part, corners[..., d].mean(axis=1)) for d in range(3)], axis=1) / count
    grown = middle[part][:, None] + (corners - middle[part][:, None]) * min(share**-0.5, MOST_GROWTH)
    grown = np.clip(grown, mesh.vertices.min(axis=0), mesh.vertices.max(axis=0))
    faces = np.arange(3 * len(corners), dtype=np.int64).reshape(-1, 3)
    return merge_vertices(replace(kept, vertices=grown.reshape(-1, 3), faces=faces))[0]


def joined(first: Triangles, second: Triangles) -> Triangles:
    """Join two parts of one mesh; drop corner normals."""
    uvs = None if first.uvs is None or second.uvs is None else np.concatenate([first.uvs, second.uvs])
    vertices = np.concatenate([first.vertices, second.vertices])
    faces = np.concatenate([first.faces, second.faces + len(first.vertices)])
    return Triangles(vertices, faces, np.concatenate([first.material_index, second.material_index]), uvs, None)
