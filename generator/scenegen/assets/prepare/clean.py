"""Mesh repair: doubled vertices and faces, degenerate faces, orientation, corner normals."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.linked import linked_parts
from scenegen.assets.prepare.orient import orient_faces
from scenegen.assets.prepare.triangles import face_areas
from scenegen.core.compiled import compiled

Floats = NDArray[np.float64]
MERGE_DISTANCE = 1e-5  # metres: far below what a voxel or a pixel sees, above the rounding of float32 exports
MIN_AREA = 1e-12  # square metres


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
    area = face_areas(mesh.vertices[mesh.faces])
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


def connected(faces: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The number of each vertex's connected part (count,)."""
    return linked_parts(faces[:, :2], faces[:, 1:], count)


def corner_normals(mesh: Triangles, smooth_angle_deg: float) -> NDArray[np.float32]:
    """Unit corner normals (F, 3, 3): those of the mesh where known, else smooth across edges flatter than the angle."""
    own = np.full((1, 1, 1), np.nan) if mesh.normals is None else mesh.normals
    length = np.linalg.norm(own, axis=2, keepdims=True)
    known = np.isfinite(length) & (length > 1e-6)
    own = own / np.where(known, length, 1.0)
    if known.all():
        return np.asarray(own, dtype=np.float32)
    count = np.bincount(mesh.faces.reshape(-1), minlength=len(mesh.vertices))
    start = np.concatenate([[0], np.cumsum(count)])
    around = np.argsort(mesh.faces.reshape(-1), kind="stable") // 3
    flat = face_normals(mesh.vertices, mesh.faces)
    smooth = np.zeros((len(mesh.faces), 3, 3))
    _smooth(mesh.vertices, mesh.faces, flat, start, around, np.cos(np.radians(smooth_angle_deg)), smooth)
    return np.where(known, own, smooth).astype(np.float32)


@compiled
def _smooth(  # noqa: PLR0913 (a compiled loop takes arrays, not records)
    vertices: Floats,
    faces: NDArray[np.int64],
    flat: Floats,
    start: NDArray[np.int64],
    around: NDArray[np.int64],
    least: float,
    result: Floats,
) -> None:
    """Fill `result` (F, 3, 3). Numbers, not arrays of three: those take numba five times as long to compile."""
    for f in range(len(faces)):
        for k in range(3):
            vertex = faces[f, k]
            x = y = z = 0.0
            for place in range(start[vertex], start[vertex + 1]):
                other = around[place]
                if flat[f, 0] * flat[other, 0] + flat[f, 1] * flat[other, 1] + flat[f, 2] * flat[other, 2] < least:
                    continue
                corner = 0 if faces[other, 0] == vertex else 1 if faces[other, 1] == vertex else 2
                angle = _angle(vertices, vertex, faces[other, (corner + 1) % 3], faces[other, (corner + 2) % 3])
                x += flat[other, 0] * angle
                y += flat[other, 1] * angle
                z += flat[other, 2] * angle
            length = math.sqrt(x * x + y * y + z * z)
            if length > 0:
                result[f, k, 0], result[f, k, 1], result[f, k, 2] = x / length, y / length, z / length
            else:
                result[f, k, 0], result[f, k, 1], result[f, k, 2] = flat[f, 0], flat[f, 1], flat[f, 2]


@compiled
def _angle(vertices: Floats, at: int, one: int, two: int) -> float:
    """The angle between the ways from a vertex to two others; 0 where one of them is at the same place."""
    ex, ey, ez = (
        vertices[one, 0] - vertices[at, 0],
        vertices[one, 1] - vertices[at, 1],
        vertices[one, 2] - vertices[at, 2],
    )
    gx, gy, gz = (
        vertices[two, 0] - vertices[at, 0],
        vertices[two, 1] - vertices[at, 1],
        vertices[two, 2] - vertices[at, 2],
    )
    size = math.sqrt((ex * ex + ey * ey + ez * ez) * (gx * gx + gy * gy + gz * gz))
    cosine = (ex * gx + ey * gy + ez * gz) / size if size > 0 else 1.0
    return math.acos(min(1.0, max(-1.0, cosine)))
