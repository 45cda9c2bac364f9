"""Finds surfaces that lie in one place: renderers show one or the other there, or the shadow of one on the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.clean import Triangles
from scenegen.assets.prepare.nearest_face import FaceTree, face_tree, nearest_point, squared_distance_to_box
from scenegen.assets.prepare.triangles import crosses
from scenegen.core.asset_library import Material
from scenegen.core.compiled import compiled

NOTICED = 0.02  # of the surface; of 98 real models, none has more than 0.008
SAMPLES = 3000
TOUCHING = 2e-5  # of the longest extent, about what 32-bit numbers and a ray's start can tell apart
PARALLEL = 0.9999  # cosine of 0.8 degrees
WITHIN = 1e-3  # weights of corners: a point so near to an edge lies on the neighbour, too
_STEEP = math.sqrt(0.5)
# Where a surface is seen from, in its own frame: along its normal and at 45 degrees.
_VIEWS = np.array([(0, 0, 1), (_STEEP, 0, _STEEP), (-_STEEP, 0, _STEEP), (0, _STEEP, _STEEP), (0, -_STEEP, _STEEP)])

Floats = NDArray[np.float64]


def notice_of(mesh: Triangles, materials: Sequence[Material]) -> str | None:
    """What to say of a model with surfaces that lie in one place, or None where it has next to none."""
    found = coincident(mesh.vertices, mesh.faces)
    if found.share < NOTICED:
        return None
    pairs, counts = np.unique(np.sort(mesh.material_index[found.pairs], axis=1), axis=0, return_counts=True)
    one, other = (materials[number].name for number in pairs[counts.argmax()])
    of = f"both of {one}" if one == other else f"{one} and {other}"
    return (
        f"{found.share:.0%} of its surface lies where another part of it lies, too (most: {of}), and renders black or "
        "speckled; move one of them by 1 mm, or delete it, and export it again"
    )


class Coincident(NamedTuple):
    """The share of the surface that is seen and lies in one place with another, and the pairs of faces found (P, 2)."""

    share: float
    pairs: NDArray[np.int64]


def coincident(vertices: Floats, faces: NDArray[np.int64]) -> Coincident:
    """What of a surface, vertices (V, 3) and faces (F, 3), is seen from outside and lies where another face does.

    Judged at points that are spread evenly by area, the same ones in each run.
    """
    corners = np.ascontiguousarray(vertices[faces], dtype=np.float64)
    across = crosses(corners)
    length = np.sqrt((across**2).sum(axis=1))
    whole = np.cumsum(length)
    if not whole[-1] > 0:
        return Coincident(0.0, np.empty((0, 2), dtype=np.int64))
    number = np.arange(SAMPLES) + 0.5
    own = np.searchsorted(whole, number / SAMPLES * whole[-1])
    # A point of each face: two steps without a period (Roberts, 2018), folded into the triangle.
    u, v = (number * 0.7548776662466927) % 1.0, (number * 0.5698402909980532) % 1.0
    u, v = np.where(u + v > 1.0, 1.0 - u, u), np.where(u + v > 1.0, 1.0 - v, v)
    at = corners[own]
    places = at[:, 0] + u[:, None] * (at[:, 1] - at[:, 0]) + v[:, None] * (at[:, 2] - at[:, 0])
    normals = across / np.where(length > 0, length, 1.0)[:, None]
    reach = TOUCHING * float(np.ptp(corners.reshape(-1, 3), axis=0).max())
    other = _others(face_tree(corners), normals, places, own, reach)
    met = other >= 0
    return Coincident(float(met.mean()), np.stack([own[met], other[met]], axis=1))


@compiled
def _others(tree: FaceTree, normals: Floats, places: Floats, own: NDArray[np.int64], reach: float) -> NDArray[np.int64]:
    """A face (N,) that lies at each of `places` (N, 3) beside its own, where that is seen; else -1."""
    other = np.full(len(places), -1, np.int64)
    boxes = np.empty(256, np.int64)
    start, along = np.empty(3), np.empty(3)
    for k in range(len(places)):
        found = _face_at(tree, normals, places[k], own[k], reach, boxes)
        if found < 0:
            continue
        n = normals[own[k]]
        # two vectors across the normal: Duff et al., Building an Orthonormal Basis, Revisited, 2017
        sign = 1.0 if n[2] >= 0 else -1.0
        a = -1.0 / (sign + n[2])
        b = n[0] * n[1] * a
        for side in (1.0, -1.0):
            for view in range(len(_VIEWS)):
                x, y, z = _VIEWS[view, 0], _VIEWS[view, 1], _VIEWS[view, 2] * side
                along[0] = x * (1.0 + sign * n[0] * n[0] * a) + y * b + z * n[0]
                along[1] = x * sign * b + y * (sign + n[1] * n[1] * a) + z * n[1]
                along[2] = -x * sign * n[0] - y * n[1] + z * n[2]
                for d in range(3):
                    start[d] = places[k, d] + 10.0 * side * reach * n[d]
                if not _meets(tree, start, along, boxes):
                    other[k] = found
                    break
            if other[k] >= 0:
                break
    return other


@compiled
def _face_at(tree: FaceTree, normals: Floats, place: Floats, own: int, reach: float, boxes: NDArray[np.int64]) -> int:
    """A face other than `own` within `reach` of a place of it, as good as parallel, and not only by its edge; or -1."""
    waiting = 1
    boxes[0] = 0
    while waiting:
        waiting -= 1
        box = boxes[waiting]
        if squared_distance_to_box(place, tree.low[box], tree.high[box]) > reach * reach:
            continue
        if tree.below[box] >= 0:
            boxes[waiting], boxes[waiting + 1] = tree.below[box], tree.below[box] + 1
            waiting += 2
            continue
        for at in range(tree.first[box], tree.last[box]):
            f = tree.order[at]
            if f == own:
                continue
            cosine = 0.0
            for d in range(3):
                cosine += normals[f, d] * normals[own, d]
            if abs(cosine) < PARALLEL:
                continue
            away, u, v = nearest_point(place, tree.corners[f])
            if away <= reach * reach and u > WITHIN and v > WITHIN and u + v < 1.0 - WITHIN:
                return int(f)
    return -1


@compiled
def _meets(tree: FaceTree, start: Floats, along: Floats, boxes: NDArray[np.int64]) -> bool:
    """Whether a ray meets a face: Moller and Trumbore, Fast, Minimum Storage Ray/Triangle Intersection, 1997."""
    waiting = 1
    boxes[0] = 0
    while waiting:
        waiting -= 1
        box = boxes[waiting]
        near, far = 0.0, np.inf
        for d in range(3):
            if along[d] == 0.0:
                if start[d] < tree.low[box, d] or start[d] > tree.high[box, d]:
                    far = -1.0
                continue
            one, two = (tree.low[box, d] - start[d]) / along[d], (tree.high[box, d] - start[d]) / along[d]
            near, far = max(near, min(one, two)), min(far, max(one, two))
        if near > far * (1.0 + 1e-9):
            continue
        if tree.below[box] >= 0:
            boxes[waiting], boxes[waiting + 1] = tree.below[box], tree.below[box] + 1
            waiting += 2
            continue
        for at in range(tree.first[box], tree.last[box]):
            c = tree.corners[tree.order[at]]
            e0, e1, e2 = c[1, 0] - c[0, 0], c[1, 1] - c[0, 1], c[1, 2] - c[0, 2]
            g0, g1, g2 = c[2, 0] - c[0, 0], c[2, 1] - c[0, 1], c[2, 2] - c[0, 2]
            p0, p1, p2 = along[1] * g2 - along[2] * g1, along[2] * g0 - along[0] * g2, along[0] * g1 - along[1] * g0
            det = e0 * p0 + e1 * p1 + e2 * p2
            if det == 0.0:
                continue
            t0, t1, t2 = start[0] - c[0, 0], start[1] - c[0, 1], start[2] - c[0, 2]
            u = (t0 * p0 + t1 * p1 + t2 * p2) / det
            if u < 0.0 or u > 1.0:
                continue
            q0, q1, q2 = t1 * e2 - t2 * e1, t2 * e0 - t0 * e2, t0 * e1 - t1 * e0
            v = (along[0] * q0 + along[1] * q1 + along[2] * q2) / det
            if v >= 0.0 and u + v <= 1.0 and (g0 * q0 + g1 * q1 + g2 * q2) / det > 0.0:
                return True
    return False
