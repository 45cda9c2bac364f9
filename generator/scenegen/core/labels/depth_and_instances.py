"""Depth, instance and normal maps: the triangles that each pixel's centre sees, exactly and without filtering.

Triangles are tested in homogeneous image coordinates, so that one crossing the camera's plane needs no clipping. The
two triangles of an edge compute it with opposite signs and no other difference, and a pixel centre exactly on it
belongs to one of them by a fixed rule: shared edges have no cracks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.core.compiled import compiled
from scenegen.core.labels.cut_outs import CutOut, OpaqueTexels, is_opaque, opaque_texels
from scenegen.core.labels.grids import affine
from scenegen.core.labels.triangle_meshes import mesh_arrays
from scenegen.core.scene.scene import FARTHEST_STEP, MOST_OBJECTS, Camera, Vector

Floats = NDArray[np.float64]


Drawn = tuple[int, ArrayLike, ArrayLike] | tuple[int, ArrayLike, ArrayLike, CutOut | None]
"""An object: its id, vertices (V, 3) in world metres, faces (F, 3) and, if there are any, its cut-out faces."""


def rasterize(
    objects: Sequence[Drawn], camera: Camera, room: Vector | None
) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Draw objects and a room as a camera sees them; of cut-out faces, the texels that are opaque.

    Returns depth, float32 (H, W), metres along the optical axis at pixel centres, 0 where nothing is hit, and instance,
    uint16 (H, W), id + 1 or 0. The nearest surface wins; of equally near ones, that of the lower id. `room` is the size
    of a box that stands on the world's origin, seen from inside: it is in the depth and has instance 0.

    ValueError for an id that is not from 0 to MOST_OBJECTS - 1.
    """
    return _rasterize(objects, camera, room, None)


def rasterize_normals(
    objects: Sequence[Drawn], camera: Camera, room: Vector | None
) -> tuple[NDArray[np.float32], NDArray[np.uint16], Floats]:
    """What `rasterize` returns, and the unit normal float64 (H, W, 3) of what each pixel's centre hits.

    It is that of the triangle, or of the room's surface, in the camera's axes (x right, y down, z forward), on the side
    that the camera sees; 0 where nothing is hit.
    """
    normals = np.zeros((camera.height, camera.width, 3))
    depth, instance = _rasterize(objects, camera, room, normals)
    return depth, instance, normals


def _rasterize(
    objects: Sequence[Drawn], camera: Camera, room: Vector | None, normals: Floats | None
) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Depth and instances; `normals` (H, W, 3) are filled in, if they are asked for."""
    if outside := [number for number, *_ in objects if not 0 <= number < MOST_OBJECTS]:
        raise ValueError(f"object id {outside[0]}: instance maps hold ids from 0 to {MOST_OBJECTS - 1}")
    distance = np.full((camera.height, camera.width), np.inf)
    instance = np.zeros((camera.height, camera.width), dtype=np.uint16)
    if room is not None:
        turn = None if normals is None else _Turn(np.array(camera.world_to_camera)[:3, :3], normals)
        _draw_room(np.array(room, dtype=np.float64), *ray_frame(camera), distance, turn)
    for number, vertices, faces, *cut in sorted(objects, key=lambda entry: entry[0]):
        points, triples = mesh_arrays(vertices, faces)
        corners = affine(camera.world_to_camera, points)
        places = affine(camera.K, corners)
        facing = None if normals is None else _Facing(corners, normals)
        _draw(places, triples, ALL_OPAQUE, number + 1, (distance, instance), facing)
        if cut and cut[0] is not None:
            paint = Paint(cut[0].places, cut[0].maps, cut[0].texels)
            _draw(places, cut[0].faces, paint, number + 1, (distance, instance), facing)
    return np.where(np.isinf(distance), 0, distance).astype(np.float32), instance


def depth_to_steps(depth: NDArray[np.float32], unit: int) -> NDArray[np.uint16]:
    """Depth in metres as stored, in steps of `unit` millimetres: 0 stays 0, a hit is from 1 to FARTHEST_STEP."""
    steps = np.clip(np.rint(depth.astype(np.float64) * (1000 / unit)), 1, FARTHEST_STEP)
    return np.where(depth > 0, steps, 0).astype(np.uint16)


def ray_frame(camera: Camera) -> tuple[Floats, Floats]:
    """The camera's centre, and the world direction of depth 1 through a pixel (u, v, 1): (3,) and (3, 3)."""
    (fx, skew, cx), (_, fy, cy), _ = camera.K
    from_pixels = np.array([[1 / fx, -skew / (fx * fy), (skew * cy / fy - cx) / fx], [0, 1 / fy, -cy / fy], [0, 0, 1]])
    rotation = np.array(camera.world_to_camera)[:3, :3]
    offset = np.array(camera.world_to_camera)[:3, 3]
    centre = -affine(rotation.T, offset[None])[0]
    return centre, affine(rotation.T, from_pixels.T).T


class _Turn(NamedTuple):
    """The rotation from the world to the camera, and the normals (H, W, 3) to fill in."""

    rotation: Floats
    normals: Floats


class _Facing(NamedTuple):
    """An object's vertices (V, 3) in the camera's axes, and the normals (H, W, 3) to fill in."""

    corners: Floats
    normals: Floats


# Where no normals are asked for, `turn` and `facing` are None, for which numba compiles these branches away.
@compiled
def _draw_room(size: Floats, centre: Floats, directions: Floats, distance: Floats, turn: _Turn | None) -> None:
    """Put the room's walls, floor and ceiling into `distance` (H, W)."""
    height, width = distance.shape
    low = np.array([-size[0] / 2, -size[1] / 2, 0.0])
    high = np.array([size[0] / 2, size[1] / 2, size[2]])
    for row in range(height):
        for column in range(width):
            enter, leave = -math.inf, math.inf
            enter_axis, leave_axis = 0, 0
            for axis in range(3):
                step = directions[axis, 0] * (column + 0.5) + directions[axis, 1] * (row + 0.5) + directions[axis, 2]
                if step == 0:
                    if not low[axis] <= centre[axis] <= high[axis]:
                        enter = math.inf
                    continue
                one, other = (low[axis] - centre[axis]) / step, (high[axis] - centre[axis]) / step
                if turn is not None:
                    enter_axis = axis if min(one, other) > enter else enter_axis
                    leave_axis = axis if max(one, other) < leave else leave_axis
                enter, leave = max(enter, min(one, other)), min(leave, max(one, other))
            if enter <= leave and leave > 0:
                distance[row, column] = enter if enter > 0 else leave
                if turn is not None:
                    axis = enter_axis if enter > 0 else leave_axis
                    step = directions[axis, 0] * (column + 0.5) + directions[axis, 1] * (row + 0.5)
                    side = -1.0 if step + directions[axis, 2] > 0 else 1.0
                    for own in range(3):
                        turn.normals[row, column, own] = side * turn.rotation[own, axis]


class Paint(NamedTuple):
    """Where the corners of cut-out faces lie in their maps, in texels (C, 3, 2), and their maps (C,) in `texels`."""

    places: Floats
    maps: NDArray[np.int64]
    texels: OpaqueTexels


ALL_OPAQUE = Paint(np.zeros((0, 3, 2)), np.zeros(0, dtype=np.int64), opaque_texels([np.ones((1, 1), dtype=np.bool_)]))


@compiled
def _draw(
    places: Floats,
    faces: NDArray[np.int64],
    paint: Paint,
    label: int,
    maps: tuple[Floats, NDArray[np.uint16]],
    facing: _Facing | None,
) -> None:
    """Draw triangles over homogeneous image points (u * z, v * z, z) where they are nearer than the first of `maps`.

    These are distance and instance (H, W).
    """
    distance, instance = maps
    height, width = distance.shape
    image = np.empty((len(places), 2))
    for v in range(len(places)):
        image[v, 0] = places[v, 0] / places[v, 2] - 0.5
        image[v, 1] = places[v, 1] / places[v, 2] - 0.5
    for f in range(len(faces)):
        a, b, c = faces[f]
        left, right, top, bottom = 0, width - 1, 0, height - 1
        nearest = min(places[a, 2], places[b, 2], places[c, 2])
        if nearest > 0:
            u_min, u_max = min(image[a, 0], image[b, 0], image[c, 0]), max(image[a, 0], image[b, 0], image[c, 0])
            v_min, v_max = min(image[a, 1], image[b, 1], image[c, 1]), max(image[a, 1], image[b, 1], image[c, 1])
            if u_max < 0 or v_max < 0 or u_min > right or v_min > bottom:
                continue
            # A margin of rounding: the edges decide.
            left, right = math.ceil(max(u_min - 1e-6, 0)), math.floor(min(u_max + 1e-6, right))
            top, bottom = math.ceil(max(v_min - 1e-6, 0)), math.floor(min(v_max + 1e-6, bottom))
            if left > right or top > bottom:
                continue
        elif max(places[a, 2], places[b, 2], places[c, 2]) <= 0:
            continue
        ax, ay, az = places[a]
        bx, by, bz = places[b]
        cx, cy, cz = places[c]
        # Edge functions: the planes through the camera and an edge.
        ab_x, ab_y, ab_1 = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        bc_x, bc_y, bc_1 = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
        ca_x, ca_y, ca_1 = cy * az - cz * ay, cz * ax - cx * az, cx * ay - cy * ax
        ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
        nx, ny, n1 = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        plane = nx * ax + ny * ay + n1 * az
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                side = _side(ab_x * x + ab_y * y + ab_1, ab_x, ab_y)
                if _side(bc_x * x + bc_y * y + bc_1, bc_x, bc_y) != side:
                    continue
                if _side(ca_x * x + ca_y * y + ca_1, ca_x, ca_y) != side:
                    continue
                slope = nx * x + ny * y + n1
                depth = plane / slope if slope != 0 else nearest
                if nearest > 0:
                    depth = max(depth, nearest)
                if 0 < depth < distance[row, column]:
                    if len(paint.maps):
                        # Shares of the corners: the ray is their sum with these weights.
                        weight_a = bc_x * x + bc_y * y + bc_1
                        weight_b = ca_x * x + ca_y * y + ca_1
                        weight_c = ab_x * x + ab_y * y + ab_1
                        if not shows(paint, f, weight_a, weight_b, weight_c):
                            continue
                    distance[row, column] = depth
                    instance[row, column] = label
                    if facing is not None:
                        _face(facing, a, b, c, row, column)


@compiled
def _face(facing: _Facing, a: int, b: int, c: int, row: int, column: int) -> None:
    """Put the normal of the triangle of three vertices into a pixel; of one without area, the way to the camera."""
    corners = facing.corners
    ux, uy, uz = corners[b, 0] - corners[a, 0], corners[b, 1] - corners[a, 1], corners[b, 2] - corners[a, 2]
    vx, vy, vz = corners[c, 0] - corners[a, 0], corners[c, 1] - corners[a, 1], corners[c, 2] - corners[a, 2]
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    if nx == 0 and ny == 0 and nz == 0:
        nx, ny, nz = -corners[a, 0], -corners[a, 1], -corners[a, 2]
    length = math.sqrt(nx * nx + ny * ny + nz * nz)
    if nx * corners[a, 0] + ny * corners[a, 1] + nz * corners[a, 2] > 0:
        length = -length
    facing.normals[row, column, 0] = nx / length
    facing.normals[row, column, 1] = ny / length
    facing.normals[row, column, 2] = nz / length


@compiled
def shows(paint: Paint, f: int, a: float, b: float, c: float) -> bool:
    """Whether cut-out face f is opaque at the point that is the mean of its corners with these weights."""
    total = a + b + c
    if total == 0:
        return False
    corners = paint.places[f]
    s = (a * corners[0, 0] + b * corners[1, 0] + c * corners[2, 0]) / total
    t = (a * corners[0, 1] + b * corners[1, 1] + c * corners[2, 1]) / total
    return is_opaque(paint.texels, paint.maps[f], s, t)


@compiled
def _side(value: float, slope_x: float, slope_y: float) -> bool:
    """Which side of an edge a point is on; on the edge itself, that toward +x, else +y, counts as the positive one."""
    if value != 0:
        return value > 0
    return slope_x > 0 or (slope_x == 0 and slope_y > 0)
