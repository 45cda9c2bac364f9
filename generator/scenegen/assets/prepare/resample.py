"""Gives a simplified mesh the materials and UVs of the mesh that it was made from."""

from __future__ import annotations

from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import KDTree

from scenegen.assets.prepare.clean import Triangles, connected, face_normals

Floats = NDArray[np.float64]


def resample(mesh: Triangles, points: Floats, faces: NDArray[np.int64]) -> Triangles:
    """The mesh (points, faces) with the materials and UVs of `mesh`, and without corner normals.

    A new face takes the material of the old face nearest to its centre. Each of its corners takes the UV of the nearest
    point on the same UV island, so that no texture smears across a seam.
    """
    if mesh.uvs is None and (mesh.material_index == mesh.material_index[0]).all():
        return Triangles(points, faces, np.full(len(faces), mesh.material_index[0]), None, None)
    places, owner = _samples(mesh)
    tree = KDTree(places)
    centres = points[faces].mean(axis=1)
    nearest = owner[_facing(tree, owner, centres, face_normals(points, faces), face_normals(mesh.vertices, mesh.faces))]
    uvs = None
    if mesh.uvs is not None:
        island = _uv_islands(mesh)
        uvs = np.stack([_uv_at(mesh, tree, owner, island, points[faces[:, k]], nearest) for k in range(3)], axis=1)
    return Triangles(points, faces, mesh.material_index[nearest], uvs, None)


def _samples(mesh: Triangles) -> tuple[Floats, NDArray[np.int64]]:
    """Points on the surface (N, 3), several on a large triangle, and the face of each (N,)."""
    corners = mesh.vertices[mesh.faces]
    spread = float(np.ptp(mesh.vertices, axis=0).max()) / 100
    edge = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    steps = np.clip(np.ceil(edge / spread), 1, 30).astype(np.int64)
    places, owner = [corners.mean(axis=1)], [np.arange(len(corners))]
    for count in np.unique(steps[steps > 1]):
        u, v = np.meshgrid(np.arange(count + 1), np.arange(count + 1), indexing="ij")
        inside = (u + v) <= count
        weights = np.stack([u[inside], v[inside], count - u[inside] - v[inside]], axis=1) / count
        chosen = np.flatnonzero(steps == count)
        places.append(np.einsum("wk,fkx->fwx", weights, corners[chosen]).reshape(-1, 3))
        owner.append(np.repeat(chosen, len(weights)))
    return np.concatenate(places), np.concatenate(owner)


def _facing(tree: KDTree, owner: NDArray[np.int64], places: Floats, normals: Floats, old_normals: Floats) -> Any:
    """For each place, the nearest sample whose face looks the same way, so that thin sheets keep their two sides."""
    near = _nearest(tree, places, 6)
    alike = np.einsum("fkx,fx->fk", old_normals[owner[near]], normals) > 0
    return near[np.arange(len(near)), np.argmax(alike, axis=1)]


def _uv_islands(mesh: Triangles) -> NDArray[np.int64]:
    """The UV island of each face: faces that share a vertex with the same UV are on one island."""
    assert mesh.uvs is not None
    uv = np.round(mesh.uvs.reshape(-1, 2) * 65536).astype(np.int64)
    _, node = np.unique(np.column_stack([mesh.faces.reshape(-1), uv]), axis=0, return_inverse=True)
    node = node.reshape(-1, 3)
    return np.asarray(connected(node, int(node.max()) + 1)[node[:, 0]])


def _uv_at(
    mesh: Triangles,
    tree: KDTree,
    owner: NDArray[np.int64],
    island: NDArray[np.int64],
    places: Floats,
    nearest: NDArray[np.int64],
) -> Floats:
    """UV (N, 2) of each place (N, 3) on the island of its `nearest` face, without crossing a cut in that island."""
    assert mesh.uvs is not None
    near = _nearest(tree, places, 8)
    candidates = owner[near]
    corners = mesh.vertices[mesh.faces]
    jump, way = (
        np.linalg.norm(middle[candidates] - middle[nearest][:, None], axis=2)
        for middle in (mesh.uvs.mean(axis=1), corners.mean(axis=1))
    )
    uv_edge, edge = (np.linalg.norm(x - np.roll(x, 1, axis=1), axis=2).sum(axis=1) for x in (mesh.uvs, corners))
    density = (uv_edge / np.maximum(edge, 1e-12))[nearest][:, None]
    same = (island[candidates] == island[nearest][:, None]) & (jump <= 4 * density * way + 1e-9)
    found = same.any(axis=1)
    face = np.where(found, candidates[np.arange(len(near)), np.argmax(same, axis=1)], nearest)
    _, u, v = trimesh.triangles.points_to_barycentric(corners[face], places, method="cramer").T
    reach = np.where(found, 0.0, 4.0)  # beyond a cut, extend the texture of the face itself
    u, v = np.clip(u, -reach, 1 + reach), np.clip(v, -reach, 1 + reach)
    over = np.where(found, np.maximum(u + v, 1.0), 1.0)
    weights = np.stack([1 - (u + v) / over, u / over, v / over], axis=1)
    return np.asarray(np.einsum("fk,fkx->fx", weights, mesh.uvs[face]))


def _nearest(tree: KDTree, places: Floats, count: int) -> NDArray[np.int64]:
    """The nearest samples of each place, (N, count) or as many as there are."""
    near = tree.query(places, k=min(count, tree.n))[1]
    return np.asarray(near, dtype=np.int64).reshape(len(places), -1)
