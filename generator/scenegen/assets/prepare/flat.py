"""Dissolves flat patches: removes the vertices of a mesh that change neither its shape nor its texture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.clean import Triangles
from scenegen.assets.prepare.triangles import crosses
from scenegen.core.compiled import compiled

FLAT = 1e-4  # a vertex may lie so far from the plane of its patch, as a share of the mesh's longest side
LEAST_COSINE = float(np.cos(np.radians(0.5)))  # of the angle between a face and the plane of its patch
SAME_UV = 1 / 2048  # a corner's UV may differ so much from the patch's: half a texel of a texture of 1,024 pixels
LEAST_QUALITY = 1e-3  # twice a triangle's area over the square of its longest edge
MOST_NEIGHBOURS = 256  # a vertex with more faces stays
MOST_PASSES = 200

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def dissolve_flat(mesh: Triangles) -> Triangles:
    """Remove vertices inside flat patches and on straight borders between them; drop corner normals.

    A patch is a connected set of faces in one plane, with one material and one affine map from plane to UV. So the
    surface moves by at most FLAT of the mesh's longest side, and no texture moves. Vertices at the same place must be
    merged. Each step moves one vertex to a neighbour (a half-edge collapse); pieces and holes stay as they are.
    """
    extent = float(np.ptp(mesh.vertices, axis=0).max())
    if extent <= 0:
        return mesh
    uvs = np.zeros((len(mesh.faces), 3, 2)) if mesh.uvs is None else mesh.uvs.copy()
    across = crosses(mesh.vertices[mesh.faces])
    area = np.linalg.norm(across, axis=1)
    normals = across / np.maximum(area, 1e-300)[:, None]
    patch, planes = _patches(
        _Surface(mesh.vertices, mesh.faces, normals, mesh.material_index, uvs),
        _across_edges(mesh.faces, len(mesh.vertices)),
        np.argsort(-area, kind="stable"),
        FLAT * extent,
    )
    faces = mesh.faces.copy()
    alive = _collapse(mesh.vertices, faces, uvs, patch, planes, FLAT * extent)
    return replace(
        mesh,
        faces=faces[alive],
        material_index=mesh.material_index[alive],
        uvs=None if mesh.uvs is None else uvs[alive],
        normals=None,
    )


class _Neighbours(NamedTuple):
    """The faces across the edges of face f, where two faces alone share the edge: from start[f] to start[f + 1]."""

    start: Ints
    faces: Ints


def _across_edges(faces: Ints, vertices: int) -> _Neighbours:
    here, there = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    edge = np.minimum(here, there) * vertices + np.maximum(here, there)
    order = np.argsort(edge, kind="stable")
    ordered = edge[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    pairs = first[np.diff(np.append(first, len(ordered))) == 2]
    one, other = order[pairs] // 3, order[pairs + 1] // 3
    owner = np.concatenate([one, other])
    by_face = np.argsort(owner, kind="stable")
    start = np.searchsorted(owner[by_face], np.arange(len(faces) + 1)).astype(np.int64)
    return _Neighbours(start, np.concatenate([other, one])[by_face].astype(np.int64))


class _Surface(NamedTuple):
    """vertices (V, 3); per face (F, ...): corners, unit normal, material and UVs of the corners."""

    vertices: Floats
    faces: Ints
    normals: Floats
    material: Ints
    uvs: Floats


@compiled
def _patches(surface: _Surface, across: _Neighbours, order: Ints, reach: float) -> tuple[Ints, Floats]:
    """The patch of each face (F,), and the unit normal of each patch (patches, 3)."""
    vertices, faces, normals, material, uvs = surface
    start, neighbours = across
    count = len(faces)
    patch = np.full(count, -1, dtype=np.int64)
    planes = np.zeros((count, 3))
    queue = np.empty(count, dtype=np.int64)
    to_uv = np.zeros((2, 3))
    patches = 0
    for seed in order:
        if patch[seed] >= 0:
            continue
        n, o = normals[seed], vertices[faces[seed, 0]]
        # the affine map from the seed's plane to UV: the gradient of each UV coordinate
        e, g = vertices[faces[seed, 1]] - o, vertices[faces[seed, 2]] - o
        ee, eg, gg = (e * e).sum(), (e * g).sum(), (g * g).sum()
        determinant = ee * gg - eg * eg
        for d in range(2):
            a, b = uvs[seed, 1, d] - uvs[seed, 0, d], uvs[seed, 2, d] - uvs[seed, 0, d]
            if determinant > 0:
                to_uv[d] = (a * (gg * e - eg * g) + b * (ee * g - eg * e)) / determinant
        patch[seed] = patches
        planes[patches] = n
        queue[0] = seed
        done, size = 0, 1
        while done < size:
            face = queue[done]
            done += 1
            for at in range(start[face], start[face + 1]):
                other = neighbours[at]
                if patch[other] >= 0 or material[other] != material[seed]:
                    continue
                if (normals[other] * n).sum() < LEAST_COSINE:
                    continue
                fits = True
                for k in range(3):
                    away = vertices[faces[other, k]] - o
                    if abs((away * n).sum()) > reach:
                        fits = False
                    for d in range(2):
                        if abs(uvs[seed, 0, d] + (away * to_uv[d]).sum() - uvs[other, k, d]) > SAME_UV:
                            fits = False
                if fits:
                    patch[other] = patches
                    queue[size] = other
                    size += 1
        patches += 1
    return patch, planes[:patches]


@compiled
def _collapse(vertices: Floats, faces: Ints, uvs: Floats, patch: Ints, planes: Floats, reach: float) -> Any:
    """Collapse all edges that may go, in place; returns which faces are left (F,)."""
    count = len(vertices)
    alive = np.ones(len(faces), dtype=np.bool_)
    head, tail = np.full(count, -1, dtype=np.int64), np.full(count, -1, dtype=np.int64)
    following = np.full(3 * len(faces), -1, dtype=np.int64)  # the next corner at the same vertex
    for corner in range(3 * len(faces)):
        vertex = faces[corner // 3, corner % 3]
        if tail[vertex] < 0:
            head[vertex] = corner
        else:
            following[tail[vertex]] = corner
        tail[vertex] = corner
    drift = np.zeros(count)  # how far the border at a vertex has moved by now
    fixed = np.zeros(count, dtype=np.bool_)
    busy = np.full(count, -1, dtype=np.int64)  # the last pass that changed a face at the vertex
    mark, mark2 = np.full(count, -1, dtype=np.int64), np.full(count, -1, dtype=np.int64)
    corners = np.empty(MOST_NEIGHBOURS, dtype=np.int64)
    other_corners = np.empty(MOST_NEIGHBOURS, dtype=np.int64)
    near = np.empty(2 * MOST_NEIGHBOURS, dtype=np.int64)
    shared, seen_patch = near.copy(), near.copy()
    border = np.empty(2 * MOST_NEIGHBOURS, dtype=np.bool_)
    token = 0
    for turn in range(MOST_PASSES):
        removed = 0
        for u in range(count):
            if fixed[u] or busy[u] == turn:
                continue
            around = _gather(u, head, tail, following, alive, corners)
            if around <= 0:
                fixed[u] = True
                continue
            # the neighbours of u, and which of the edges to them are borders
            nears = 0
            one_patch, two_patches = patch[corners[0] // 3], -1
            for c in range(around):
                f, k = corners[c] // 3, corners[c] % 3
                if patch[f] != one_patch:
                    if two_patches < 0:
                        two_patches = patch[f]
                    elif patch[f] != two_patches:
                        fixed[u] = True
                for step in (1, 2):
                    v = faces[f, (k + step) % 3]
                    found = -1
                    for m in range(nears):
                        if near[m] == v:
                            found = m
                    if found < 0:
                        near[nears], shared[nears], seen_patch[nears], border[nears] = v, 1, patch[f], False
                        nears += 1
                    else:
                        shared[found] += 1
                        border[found] |= seen_patch[found] != patch[f]
            borders, first, second = 0, -1, -1
            for m in range(nears):
                if shared[m] > 2:
                    fixed[u] = True
                border[m] |= shared[m] != 2
                if border[m]:
                    borders += 1
                    first, second = (m, second) if first < 0 else (first, m)
            if fixed[u] or not (borders == 2 or (borders == 0 and two_patches < 0)):
                fixed[u] = True
                continue
            away = 0.0
            if borders == 2:
                p, q = vertices[near[first]] - vertices[u], vertices[near[second]] - vertices[u]
                length = np.sqrt(((q - p) * (q - p)).sum())
                x, y, z = p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]
                away = drift[u] + (np.sqrt(x * x + y * y + z * z) / length if length > 0 else reach)
                if away > reach or (p * q).sum() >= 0:
                    continue
            best, best_quality = -1, LEAST_QUALITY
            for m in range(nears):
                if borders == 2 and not border[m]:
                    continue
                v = near[m]
                # u and v may share only the corners opposite of their edge, else the surface would be pinched
                others = _gather(v, head, tail, following, alive, other_corners)
                if others < 0:
                    continue
                token += 1
                for other in range(nears):
                    mark[near[other]] = token
                common = 0
                for c in range(others):
                    f, k = other_corners[c] // 3, other_corners[c] % 3
                    for step in (1, 2):
                        w = faces[f, (k + step) % 3]
                        if mark[w] == token and mark2[w] != token:
                            mark2[w] = token
                            common += 1
                if common != shared[m]:
                    continue
                quality = 1.0
                for c in range(around):
                    f, k = corners[c] // 3, corners[c] % 3
                    v1, v2 = faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
                    if v in (v1, v2):
                        continue
                    quality = min(quality, _quality(vertices[v], vertices[v1], vertices[v2], planes[patch[f]]))
                    if quality <= best_quality:
                        break
                if quality > best_quality:
                    best, best_quality = m, quality
            if best < 0:
                continue
            v = near[best]
            uv1, uv2 = np.zeros(2), np.zeros(2)
            for c in range(around):
                f, k = corners[c] // 3, corners[c] % 3
                for step in (1, 2):
                    if faces[f, (k + step) % 3] == v:
                        alive[f] = False
                        if patch[f] == one_patch:
                            uv1 = uvs[f, (k + step) % 3].copy()
                        else:
                            uv2 = uvs[f, (k + step) % 3].copy()
            for c in range(around):
                f, k = corners[c] // 3, corners[c] % 3
                if alive[f]:
                    faces[f, k] = v
                    uvs[f, k] = uv1 if patch[f] == one_patch else uv2
            following[tail[v]] = head[u]
            tail[v] = tail[u]
            if borders == 2:
                for m in (first, second):
                    drift[near[m]] = max(drift[near[m]], away)
            for m in range(nears):
                busy[near[m]] = turn
            fixed[u] = True
            removed += 1
        if not removed:
            break
    return alive


@compiled
def _gather(
    vertex: int,
    head: Ints,
    tail: Ints,
    following: Ints,
    alive: NDArray[np.bool_],
    corners: Ints,
) -> int:
    """Write the corners of living faces at a vertex; returns their number, or -1 if they are too many."""
    count = 0
    corner, last = head[vertex], -1
    while corner >= 0:
        if alive[corner // 3]:
            if count == len(corners):
                return -1
            corners[count] = corner
            count += 1
            if last < 0:
                head[vertex] = corner
            else:
                following[last] = corner
            last = corner
        corner = following[corner]
    if last >= 0:
        following[last] = -1
        tail[vertex] = last
    return count


@compiled
def _quality(a: Floats, b: Floats, c: Floats, normal: Floats) -> float:
    """Twice the area of a triangle over its longest edge squared; negative where it looks away from the normal."""
    e, g = b - a, c - a
    x, y, z = e[1] * g[2] - e[2] * g[1], e[2] * g[0] - e[0] * g[2], e[0] * g[1] - e[1] * g[0]
    area = x * normal[0] + y * normal[1] + z * normal[2]
    h = c - b
    longest = max((e * e).sum(), (g * g).sum(), (h * h).sum())
    return float(area / longest) if longest > 0 else -1.0
