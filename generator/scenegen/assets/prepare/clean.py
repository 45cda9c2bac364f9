"""Mesh repair: doubled vertices and faces, degenerate faces, orientation, triangle budget, corner normals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import fast_simplification
import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import KDTree

from scenegen.assets.prepare.orient import orient_faces
from scenegen.core.compiled import compiled

Floats = NDArray[np.float64]
MERGE_DISTANCE = 1e-5  # metres: far below what a voxel or a pixel sees, above the rounding of float32 exports
MIN_AREA = 1e-12  # square metres
MOST_DRIFT = 0.01  # simplifying may change a model's size by this share of its longest side
LEAF_FACES = 16  # a connected part with no more faces counts as a leaf
LEAF_SHARE = 0.8  # share of the triangle budget for a tree's leaves
MOST_GROWTH = 2.5  # a kept leaf is enlarged at most so much to cover for dropped ones


@dataclass(frozen=True)
class Triangles:
    """A mesh under repair.

    vertices float64 (V, 3) in metres; faces int64 (F, 3); material_index int64 (F,); one UV and one normal per face
    corner: uvs (F, 3, 2) or None, normals (F, 3, 3) or None, NaN where unknown.
    """

    vertices: Floats
    faces: NDArray[np.int64]
    material_index: NDArray[np.int64]
    uvs: Floats | None
    normals: Floats | None

    def keep(self, chosen: NDArray[Any]) -> Triangles:
        """Only the chosen faces (mask or indices)."""
        return replace(
            self,
            faces=self.faces[chosen],
            material_index=self.material_index[chosen],
            uvs=None if self.uvs is None else self.uvs[chosen],
            normals=None if self.normals is None else self.normals[chosen],
        )


def drop_non_finite(mesh: Triangles) -> Triangles:
    """Drop faces with a vertex that is NaN, infinite or missing; set UVs that are not finite to 0."""
    known = ((mesh.faces >= 0) & (mesh.faces < len(mesh.vertices))).all(axis=1)
    mesh = mesh if known.all() else mesh.keep(known)
    finite = np.isfinite(mesh.vertices).all(axis=1)
    if not finite.all():
        mesh = mesh.keep(finite[mesh.faces].all(axis=1))
    return mesh if mesh.uvs is None else replace(mesh, uvs=np.nan_to_num(mesh.uvs, posinf=0.0, neginf=0.0))


def merge_vertices(mesh: Triangles, distance: float = MERGE_DISTANCE) -> tuple[Triangles, int]:
    """Merge vertices within about `distance` metres and drop unused ones; also return how many were merged."""
    used = np.zeros(len(mesh.vertices), dtype=bool)
    used[mesh.faces] = True
    points = mesh.vertices[used]
    cells = np.round((points - points.min(axis=0)) / distance).astype(np.int64)
    if cells.max() < 1 << 21:  # sorting one number per cell is far faster than three
        key = (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    else:
        _, first, inverse = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    number = np.full(len(mesh.vertices), -1, dtype=np.int64)
    number[used] = inverse.reshape(-1)
    merged = replace(mesh, vertices=points[first], faces=number[mesh.faces])
    return merged, len(points) - len(first)


def drop_bad_faces(mesh: Triangles) -> Triangles:
    """Drop degenerate faces, and all but one of the faces on the same three vertices.

    A front and a back copy are one face to a voxelizer, and they cause speckles in a path tracer.
    """
    area = trimesh.triangles.area(mesh.vertices[mesh.faces])
    f = mesh.faces
    apart = (f[:, 0] != f[:, 1]) & (f[:, 1] != f[:, 2]) & (f[:, 2] != f[:, 0])
    mesh = mesh.keep(np.flatnonzero(apart & (area > MIN_AREA)))
    if not len(mesh.faces):
        return mesh
    _, first = np.unique(np.sort(mesh.faces, axis=1), axis=0, return_index=True)
    return mesh.keep(np.sort(first)) if len(first) < len(mesh.faces) else mesh


def face_normals(vertices: Floats, faces: NDArray[Any]) -> Floats:
    """Unit normals (F, 3); zero for degenerate faces."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(np.divide(normals, length, out=np.zeros_like(normals), where=length > 0))


def orient(mesh: Triangles) -> tuple[Triangles, float]:
    """Turn faces to look outward; also return the share of faces that already did (see orient_faces)."""
    faces, agreement = orient_faces(mesh.vertices, mesh.faces)
    turned = (faces != mesh.faces).any(axis=1)
    corners = np.where(turned[:, None], [0, 2, 1], [0, 1, 2])
    rows = np.arange(len(corners))[:, None]
    normals = mesh.normals
    if normals is not None:
        normals = normals[rows, corners]
        outward = face_normals(mesh.vertices, mesh.faces) * np.where(turned, -1.0, 1.0)[:, None]
        against = np.einsum("fij,fj->fi", normals, outward) < 0  # such normals render black
        normals = np.where(against[..., None], -normals, normals)
    uvs = None if mesh.uvs is None else mesh.uvs[rows, corners]
    return replace(mesh, faces=mesh.faces[rows, corners], uvs=uvs, normals=normals), float(agreement)


def decimate(mesh: Triangles, budget: int) -> Triangles:
    """Simplify a mesh to at most `budget` triangles; keep materials and UVs, drop corner normals.

    The whole mesh is simplified at once: one material at a time would tear it open along the borders. A new face takes
    the material of the old face nearest to its centre. Each of its corners takes the UV of the nearest point on the
    same UV island, so that no texture smears across a seam.
    """
    if len(mesh.faces) <= budget:
        return mesh
    loose = _loose_parts(mesh)
    if loose is not None:
        kept = _thin_out(mesh, loose, int(LEAF_SHARE * budget))
        body = mesh.keep(loose < 0)
        return _joined(decimate(body, budget - len(kept.faces)) if len(body.faces) else body, kept)
    points, faces = _simplify(mesh.vertices, mesh.faces, budget)
    places, owner = _samples(mesh)
    tree = KDTree(places)
    centres = points[faces].mean(axis=1)
    nearest = owner[_facing(tree, owner, centres, face_normals(points, faces), face_normals(mesh.vertices, mesh.faces))]
    uvs = None
    if mesh.uvs is not None:
        island = _uv_islands(mesh)
        uvs = np.stack([_uv_at(mesh, tree, owner, island, points[faces[:, k]], nearest) for k in range(3)], axis=1)
    return Triangles(points, faces, mesh.material_index[nearest], uvs, None)


def _simplify(vertices: Floats, faces: NDArray[np.int64], budget: int) -> tuple[Floats, NDArray[np.int64]]:
    """Collapse edges, the least harmful first; where slivers block every collapse, merge close vertices and go on."""
    extent = float(np.ptp(vertices, axis=0).max())
    mesh = Triangles(
        vertices / extent, faces, np.zeros(len(faces), dtype=np.int64), None, None
    )  # the library's thresholds are absolute
    size = np.ptp(mesh.vertices, axis=0)
    weld = 1 / 2000
    while len(mesh.faces) > budget:
        before = len(mesh.faces)
        for patience in (2, 3, 4):
            if len(mesh.faces) > budget:
                points, left = fast_simplification.simplify(
                    mesh.vertices, mesh.faces.astype(np.int32), 1.0 - budget / len(mesh.faces), agg=patience
                )
                simpler = _tidy(points.astype(np.float64), left.astype(np.int64), MERGE_DISTANCE)
                if np.abs(np.ptp(simpler.vertices, axis=0) - size).max() > MOST_DRIFT:
                    break  # slivers have moved vertices far away
                mesh = simpler
        if len(mesh.faces) > budget and len(mesh.faces) > 0.8 * before:
            mesh = _tidy(mesh.vertices, mesh.faces, weld)
            weld *= 2
    return mesh.vertices * extent, mesh.faces


def _tidy(vertices: Floats, faces: NDArray[np.int64], distance: float) -> Triangles:
    index = np.zeros(len(faces), dtype=np.int64)
    return drop_bad_faces(merge_vertices(Triangles(vertices, faces, index, None, None), distance)[0])


def _loose_parts(mesh: Triangles) -> NDArray[np.int64] | None:
    """The leaf number of each face (F,), -1 for other faces; None unless the mesh is mostly leaves.

    A leaf is a connected part of a few faces. Collapsing edges would remove a tree's leaves until it is bare.
    """
    part = _connected(mesh.faces, len(mesh.vertices))[mesh.faces[:, 0]]
    leaf = np.bincount(part)[part] <= LEAF_FACES
    return np.where(leaf, part, -1) if leaf.mean() > 0.5 else None


def _connected(faces: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The number of each vertex's connected part (count,)."""
    edges = trimesh.geometry.faces_to_edges(faces)
    return np.asarray(trimesh.graph.connected_component_labels(edges, node_count=count), dtype=np.int64)


def _thin_out(mesh: Triangles, leaves: NDArray[np.int64], budget: int) -> Triangles:
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


def _joined(first: Triangles, second: Triangles) -> Triangles:
    """Join two parts of one mesh; drop corner normals."""
    uvs = None if first.uvs is None or second.uvs is None else np.concatenate([first.uvs, second.uvs])
    vertices, faces = trimesh.util.append_faces([first.vertices, second.vertices], [first.faces, second.faces])
    return Triangles(vertices, faces, np.concatenate([first.material_index, second.material_index]), uvs, None)


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
    _, near = tree.query(places, k=6)
    alike = np.einsum("fkx,fx->fk", old_normals[owner[near]], normals) > 0
    return near[np.arange(len(near)), np.argmax(alike, axis=1)]


def _uv_islands(mesh: Triangles) -> NDArray[np.int64]:
    """The UV island of each face: faces that share a vertex with the same UV are on one island."""
    assert mesh.uvs is not None
    uv = np.round(mesh.uvs.reshape(-1, 2) * 65536).astype(np.int64)
    _, node = np.unique(np.column_stack([mesh.faces.reshape(-1), uv]), axis=0, return_inverse=True)
    node = node.reshape(-1, 3)
    return np.asarray(_connected(node, int(node.max()) + 1)[node[:, 0]])


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
    _, near = tree.query(places, k=8)
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


def corner_normals(mesh: Triangles, smooth_angle_deg: float) -> NDArray[np.float32]:
    """Unit corner normals (F, 3, 3): those of the mesh where known, else smooth across edges flatter than the angle."""
    count = np.bincount(mesh.faces.reshape(-1), minlength=len(mesh.vertices))
    start = np.concatenate([[0], np.cumsum(count)])
    around = np.argsort(mesh.faces.reshape(-1), kind="stable") // 3
    flat = face_normals(mesh.vertices, mesh.faces)
    smooth = _smooth(mesh.vertices, mesh.faces, flat, start, around, np.cos(np.radians(smooth_angle_deg)))
    if mesh.normals is not None:
        length = np.linalg.norm(mesh.normals, axis=2, keepdims=True)
        known = np.isfinite(length) & (length > 1e-6)
        smooth = np.where(known, mesh.normals / np.where(known, length, 1.0), smooth)
    return smooth.astype(np.float32)


@compiled
def _smooth(
    vertices: Floats,
    faces: NDArray[np.int64],
    flat: Floats,
    start: NDArray[np.int64],
    around: NDArray[np.int64],
    least: float,
) -> Floats:
    result = np.zeros((len(faces), 3, 3))
    for f in range(len(faces)):
        for k in range(3):
            vertex = faces[f, k]
            total = np.zeros(3)
            for place in range(start[vertex], start[vertex + 1]):
                other = around[place]
                if flat[f, 0] * flat[other, 0] + flat[f, 1] * flat[other, 1] + flat[f, 2] * flat[other, 2] < least:
                    continue
                corner = 0 if faces[other, 0] == vertex else 1 if faces[other, 1] == vertex else 2
                e = vertices[faces[other, (corner + 1) % 3]] - vertices[vertex]
                g = vertices[faces[other, (corner + 2) % 3]] - vertices[vertex]
                size = np.sqrt((e * e).sum() * (g * g).sum())
                cosine = (e * g).sum() / size if size > 0 else 1.0
                total += flat[other] * np.arccos(min(1.0, max(-1.0, cosine)))
            length = np.sqrt((total * total).sum())
            result[f, k] = total / length if length > 0 else flat[f]
    return result
