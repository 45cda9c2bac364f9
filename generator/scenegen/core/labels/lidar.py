"""A lidar's points: where its beams first meet the objects' own triangles, exactly and without noise.

Each triangle is tested by the beams between its azimuths and elevations alone. Whether a beam meets it is decided as in
the depth maps: the two triangles of an edge compute it with opposite signs and no other difference, and a beam exactly
through it belongs to one of them by a fixed rule, so shared edges have no cracks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled
from scenegen.core.labels.depth_and_instances import ALL_OPAQUE, Paint, shows
from scenegen.core.labels.grids import Floats, affine
from scenegen.core.labels.lidar_points import COLUMNS, LidarPoints
from scenegen.core.labels.placed_meshes import PlacedMesh
from scenegen.core.scene.camera import rigid_inverse, rigid_product
from scenegen.core.scene.scene import Lidar, Matrix4

_DECIMALS = 12  # of sines and cosines: equal on every host
_MARGIN = 1e-6  # beams, and shares of a tangent: rounding of the bounds around a triangle; its edges decide


class _Beams(NamedTuple):
    """Unit vectors (azimuths, rings, 3) in the lidar's axes, and the tangents of the rings' elevations (rings,)."""

    directions: Floats
    tangents: Floats


def lidar_points(placed: Sequence[PlacedMesh], lidar: Lidar, ego_to_world: Matrix4) -> LidarPoints:
    """What a lidar on a vehicle at a pose measures of the objects' triangles; of cut-out faces, the opaque texels.

    The nearest surface wins; of equally near ones, that of the lower id.
    """
    to_lidar = rigid_inverse(rigid_product(ego_to_world, lidar.lidar_to_ego))
    beams = _beams(lidar.elevations, lidar.azimuths)
    distance = np.full(beams.directions.shape[:2], lidar.far)
    owner = np.zeros(distance.shape, dtype=np.int64)  # place in `placed` + 1
    for number, mesh in sorted(enumerate(placed, start=1), key=lambda entry: entry[1].id):
        if _apart(affine(to_lidar, mesh.corners)) > lidar.far:
            continue
        vertices = affine(to_lidar, mesh.vertices)
        _cast(vertices, mesh.faces, ALL_OPAQUE, number, beams, (distance, owner))
        if (cut := mesh.cut_out) is not None:
            _cast(vertices, cut.faces, Paint(cut.places, cut.maps, cut.texels), number, beams, (distance, owner))
    hit = (owner > 0) & (distance >= lidar.near)
    azimuths, rings = np.nonzero(hit)
    points = np.zeros((len(rings), len(COLUMNS)), np.float32)
    points[:, :3] = distance[hit][:, None] * beams.directions[azimuths, rings]
    points[:, 4] = rings
    labels = np.array([0, *(mesh.label for mesh in placed)], np.uint8)
    instances = np.array([0, *(mesh.id + 1 for mesh in placed)], np.uint16)
    return LidarPoints(points, labels[owner[hit]], instances[owner[hit]])


@cache
def _beams(elevations: tuple[float, ...], azimuths: int) -> _Beams:
    """The beams of a lidar, the first azimuth straight ahead (y), clockwise seen from above."""
    turns = [2 * math.pi * n / azimuths for n in range(azimuths)]
    sides = np.array([(_rounded(math.sin(turn)), _rounded(math.cos(turn))) for turn in turns])
    rises = [math.radians(angle) for angle in elevations]
    level = np.array([_rounded(math.cos(rise)) for rise in rises])
    up = np.array([_rounded(math.sin(rise)) for rise in rises])
    directions = np.empty((azimuths, len(elevations), 3))
    directions[..., :2] = sides[:, None, :] * level[None, :, None]
    directions[..., 2] = up
    return _Beams(directions, up / level)


def _rounded(value: float) -> float:
    return round(value, _DECIMALS)


def _apart(corners: Floats) -> float:
    """At most the metres from the origin to a box with these corners (8, 3)."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    return float(np.sqrt((np.maximum(np.maximum(low, -high), 0.0) ** 2).sum()))


@compiled
def _cast(
    vertices: Floats,
    faces: NDArray[np.int64],
    paint: Paint,
    number: int,
    beams: _Beams,
    found: tuple[Floats, NDArray[np.int64]],
) -> None:
    """Put triangles, in the lidar's axes, where beams meet them nearer than the first of `found`.

    These are distance and owner (azimuths, rings).
    """
    distance, owner = found
    count = distance.shape[0]
    turns, radii = np.empty(len(vertices)), np.empty(len(vertices))  # azimuth, in beams; distance from the axis
    for v in range(len(vertices)):
        turns[v] = math.atan2(vertices[v, 0], vertices[v, 1]) / (2 * math.pi) * count
        radii[v] = math.sqrt(vertices[v, 0] * vertices[v, 0] + vertices[v, 1] * vertices[v, 1])
    for f in range(len(faces)):
        a, b, c = faces[f]
        to_b, to_c = _turned(turns[b] - turns[a], count), _turned(turns[c] - turns[a], count)
        left, right = min(0.0, to_b, to_c), max(0.0, to_b, to_c)
        if right - left > count / 2 - _MARGIN or min(radii[a], radii[b], radii[c]) < _MARGIN:  # around the axis
            first, last = 0, count - 1
        else:
            first, last = math.ceil(turns[a] + left - _MARGIN), math.floor(turns[a] + right + _MARGIN)
        if first > last:
            continue
        ax, ay, az = vertices[a, 0], vertices[a, 1], vertices[a, 2]
        bx, by, bz = vertices[b, 0], vertices[b, 1], vertices[b, 2]
        cx, cy, cz = vertices[c, 0], vertices[c, 1], vertices[c, 2]
        near, far = _axis_distance(ax, ay, bx, by, cx, cy), max(radii[a], radii[b], radii[c])
        lowest, highest = _rings_between(beams.tangents, near, far, min(az, bz, cz), max(az, bz, cz))
        if lowest > highest:
            continue
        # Edge functions: the planes through the lidar and an edge.
        ab_x, ab_y, ab_z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        bc_x, bc_y, bc_z = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
        ca_x, ca_y, ca_z = cy * az - cz * ay, cz * ax - cx * az, cx * ay - cy * ax
        ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        plane = nx * ax + ny * ay + nz * az
        for turn in range(first, last + 1):
            azimuth = turn % count
            for ring in range(lowest, highest + 1):
                x, y, z = beams.directions[azimuth, ring]
                of_ab = ab_x * x + ab_y * y + ab_z * z
                of_bc = bc_x * x + bc_y * y + bc_z * z
                of_ca = ca_x * x + ca_y * y + ca_z * z
                side = _side(of_ab, ab_x, ab_y, ab_z)
                if _side(of_bc, bc_x, bc_y, bc_z) != side or _side(of_ca, ca_x, ca_y, ca_z) != side:
                    continue
                slope = nx * x + ny * y + nz * z
                if slope == 0:
                    continue
                length = plane / slope
                if 0 < length < distance[azimuth, ring]:
                    if len(paint.maps) and not shows(paint, f, of_bc, of_ca, of_ab):
                        continue
                    distance[azimuth, ring] = length
                    owner[azimuth, ring] = number


@compiled
def _turned(difference: float, count: int) -> float:
    """A difference of azimuths, in beams, the shorter way around."""
    if difference > count / 2:
        return difference - count
    return difference + count if difference < -count / 2 else difference


@compiled
def _side(value: float, x: float, y: float, z: float) -> bool:
    """Which side of the plane through an edge a beam is on; in the plane, the first part of its normal decides."""
    if value != 0:
        return value > 0
    if x != 0:
        return x > 0
    return y > 0 or (y == 0 and z > 0)


@compiled
def _rings_between(tangents: Floats, near: float, far: float, low: float, high: float) -> tuple[int, int]:
    """The lowest and the highest ring that may meet what is between two distances from the axis and two heights."""
    near, far = max(near - _MARGIN, 1e-9), far + _MARGIN
    bottom, top = low / (near if low < 0 else far), high / (near if high > 0 else far)
    bottom, top = bottom - _MARGIN * (1 + abs(bottom)), top + _MARGIN * (1 + abs(top))
    return _count_below(tangents, bottom), _count_below(tangents, top) - 1


@compiled
def _count_below(tangents: Floats, limit: float) -> int:
    """How many of rising numbers are below a limit."""
    first, last = 0, len(tangents)
    while first < last:
        middle = (first + last) // 2
        if tangents[middle] < limit:
            first = middle + 1
        else:
            last = middle
    return first


@compiled
def _axis_distance(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> float:
    """Metres from the lidar's axis to a triangle, seen from above; 0 where the axis goes through it."""
    ab, bc, ca = ax * by - ay * bx, bx * cy - by * cx, cx * ay - cy * ax
    if (ab >= 0 and bc >= 0 and ca >= 0) or (ab <= 0 and bc <= 0 and ca <= 0):
        return 0.0
    nearest = min(_edge_distance(ax, ay, bx, by), _edge_distance(bx, by, cx, cy), _edge_distance(cx, cy, ax, ay))
    return math.sqrt(nearest)


@compiled
def _edge_distance(ax: float, ay: float, bx: float, by: float) -> float:
    """The square of the distance from the origin to a stretch of a line."""
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    along = min(max(-(ax * dx + ay * dy) / length, 0.0), 1.0) if length > 0 else 0.0
    x, y = ax + along * dx, ay + along * dy
    return x * x + y * y
