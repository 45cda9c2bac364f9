"""Gives a simplified mesh the materials and UVs of the mesh that it was made from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.clean import Triangles, face_normals
from scenegen.assets.prepare.nearest_face import (
    DEEPEST,
    FaceTree,
    face_tree,
    nearest_point,
    squared_distance_to_box,
)
from scenegen.core.compiled import compiled

NEAR = 0.02  # a face that fits better may be farther than the nearest by so much of the mesh's longest side
SAME_UV = 1 / 65536
BEYOND = 4.0  # a texture is extended at most so far past a cut, in sides of a face

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def resample(mesh: Triangles, points: Floats, faces: Ints) -> Triangles:
    """The mesh (points, faces) with the materials and UVs of `mesh`, and without corner normals.

    A new face takes the material of the old face nearest to its centre that looks the same way, so that thin sheets
    keep their two sides. Each of its corners takes the UV of the nearest point on the same UV island, so that no
    texture smears across a seam.
    """
    if mesh.uvs is None and (mesh.material_index == mesh.material_index[0]).all():
        return Triangles(points, faces, np.full(len(faces), mesh.material_index[0]), None, None)
    tree = face_tree(mesh.vertices[mesh.faces])
    reach = NEAR * float(np.ptp(mesh.vertices, axis=0).max())
    normals = face_normals(mesh.vertices, mesh.faces), face_normals(points, faces)
    corners = points[faces]
    nearest = _facing(tree, corners, *normals, reach)
    uvs = None if mesh.uvs is None else _uvs(tree, mesh.uvs, _uv_islands(mesh.faces, mesh.uvs), corners, nearest, reach)
    return Triangles(points, faces, mesh.material_index[nearest], uvs, None)


@compiled
def _facing(tree: FaceTree, corners: Floats, old_normals: Floats, new_normals: Floats, reach: float) -> Ints:
    """For each new face (N, 3, 3), the old face nearest to its centre whose normal looks the same way."""
    result = np.empty(len(corners), np.int64)
    stack = np.empty(DEEPEST, np.int64)
    for n in range(len(corners)):
        place = (corners[n, 0] + corners[n, 1] + corners[n, 2]) / 3
        any_face, facing = -1, -1
        any_best, facing_best = np.inf, np.inf
        stack[0], size = 0, 1
        while size:
            size -= 1
            box = stack[size]
            away = squared_distance_to_box(place, tree.low[box], tree.high[box])
            if away >= facing_best or away > (np.sqrt(any_best) + reach) ** 2:
                continue
            if tree.below[box] >= 0:
                size = _push_nearer_last(tree, box, place, stack, size)
                continue
            for at in range(tree.first[box], tree.last[box]):
                f = tree.order[at]
                squared, _, _ = nearest_point(place, tree.corners[f])
                if squared < any_best:
                    any_best, any_face = squared, f
                if squared < facing_best:
                    cosine = 0.0
                    for d in range(3):
                        cosine += old_normals[f, d] * new_normals[n, d]
                    if cosine > 0:
                        facing_best, facing = squared, f
        found = facing >= 0 and np.sqrt(facing_best) <= np.sqrt(any_best) + reach
        result[n] = facing if found else any_face
    return result


@compiled
def _push_nearer_last(tree: FaceTree, box: int, place: Floats, stack: Ints, size: int) -> int:
    """Put the two boxes that a box is divided into on the stack, the nearer one on top; the new size of the stack."""
    one, other = tree.below[box], tree.below[box] + 1
    to_one = squared_distance_to_box(place, tree.low[one], tree.high[one])
    if to_one > squared_distance_to_box(place, tree.low[other], tree.high[other]):
        one, other = other, one
    stack[size], stack[size + 1] = other, one
    return size + 2


@compiled
def _uv_islands(faces: Ints, uvs: Floats) -> Ints:
    """The UV island of each face (F,): faces that share a vertex with the same UV are on one island."""
    parent = np.arange(len(faces))
    corner_at = np.argsort(faces.reshape(-1), kind="mergesort")
    vertices = faces.reshape(-1)[corner_at]
    begin = 0
    for end in range(1, len(vertices) + 1):
        if end < len(vertices) and vertices[end] == vertices[begin]:
            continue
        for one in range(begin, end):
            f, j = corner_at[one] // 3, corner_at[one] % 3
            for other in range(begin, one):
                g, k = corner_at[other] // 3, corner_at[other] % 3
                if abs(uvs[f, j, 0] - uvs[g, k, 0]) <= SAME_UV and abs(uvs[f, j, 1] - uvs[g, k, 1]) <= SAME_UV:
                    a, b = _root(parent, f), _root(parent, g)
                    parent[max(a, b)] = min(a, b)
                    break
        begin = end
    for f in range(len(faces)):
        parent[f] = _root(parent, f)
    return parent


@compiled
def _root(parent: Ints, face: int) -> int:
    while parent[face] != face:
        parent[face] = parent[parent[face]]
        face = parent[face]
    return face


@compiled
def _uvs(tree: FaceTree, uvs: Floats, island: Ints, corners: Floats, nearest: Ints, reach: float) -> Floats:
    """UV (N, 3, 2) of the corners (N, 3, 3) on the island of each new face's `nearest` old face (N,).

    A face of the island counts only where its UV is as far as its place is, so that no cut inside an island is
    crossed; beyond a cut the texture of the nearest face itself is extended.
    """
    middle = np.empty((len(uvs), 3))
    uv_middle = np.empty((len(uvs), 2))
    for f in range(len(uvs)):
        middle[f] = (tree.corners[f, 0] + tree.corners[f, 1] + tree.corners[f, 2]) / 3
        uv_middle[f] = (uvs[f, 0] + uvs[f, 1] + uvs[f, 2]) / 3
    result = np.empty((len(corners), 3, 2))
    stack = np.empty(DEEPEST, np.int64)
    for n in range(len(corners)):
        own = nearest[n]
        edge, uv_edge = 0.0, 0.0
        for k in range(3):
            edge += np.sqrt(((tree.corners[own, k] - tree.corners[own, k - 1]) ** 2).sum())
            uv_edge += np.sqrt(((uvs[own, k] - uvs[own, k - 1]) ** 2).sum())
        density = uv_edge / max(edge, 1e-12)
        for k in range(3):
            place = corners[n, k]
            best, face, u, v = np.inf, -1, 0.0, 0.0
            any_best = np.inf
            stack[0], size = 0, 1
            while size:
                size -= 1
                box = stack[size]
                away = squared_distance_to_box(place, tree.low[box], tree.high[box])
                if away >= best or away > (np.sqrt(any_best) + reach) ** 2:
                    continue
                if tree.below[box] >= 0:
                    size = _push_nearer_last(tree, box, place, stack, size)
                    continue
                for at in range(tree.first[box], tree.last[box]):
                    f = tree.order[at]
                    squared, fu, fv = nearest_point(place, tree.corners[f])
                    any_best = min(any_best, squared)
                    if squared < best and island[f] == island[own]:
                        jump = np.sqrt(((uv_middle[f] - uv_middle[own]) ** 2).sum())
                        way = np.sqrt(((middle[f] - middle[own]) ** 2).sum())
                        if jump <= 4 * density * way + 1e-9:
                            best, face, u, v = squared, f, fu, fv
            if face < 0 or np.sqrt(best) > np.sqrt(any_best) + reach:
                face = own
                u, v = _weights(place, tree.corners[own])
                u, v = min(max(u, -BEYOND), 1 + BEYOND), min(max(v, -BEYOND), 1 + BEYOND)
            for d in range(2):
                result[n, k, d] = (1 - u - v) * uvs[face, 0, d] + u * uvs[face, 1, d] + v * uvs[face, 2, d]
    return result


@compiled
def _weights(place: Floats, corners: Floats) -> tuple[float, float]:
    """The weights of the second and third corner of a triangle (3, 3) at a place, seen along its normal."""
    e, g, p = corners[1] - corners[0], corners[2] - corners[0], place - corners[0]
    ee, eg, gg = (e * e).sum(), (e * g).sum(), (g * g).sum()
    pe, pg = (p * e).sum(), (p * g).sum()
    determinant = ee * gg - eg * eg
    if determinant <= 0:
        return 0.0, 0.0
    return (gg * pe - eg * pg) / determinant, (ee * pg - eg * pe) / determinant
