"""Labelled meshes as models of a prepared library, and where they stand: objects of a scene.

A model stands in its own frame as all prepared ones do: metres, Z up, the origin at the centre of the base of its box.
So everything that reads a library of prepared models reads an imported data set's too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.core.asset_library import Asset, Material, Mesh, Provenance, write_asset
from scenegen.core.errors import ScenegenError
from scenegen.core.fingerprint import fingerprint, to_text
from scenegen.core.labels.grids import affine
from scenegen.core.labels.label_meshes import SCANNED
from scenegen.core.scene.classes import class_color
from scenegen.core.scene.scene import FARTHEST, MOST_OBJECTS, Bounds, PlacedObject, Vector
from scenegen.steps.importing.meshes import LabelledMesh
from scenegen.steps.importing.photographs import matrix4

Floats = NDArray[np.float64]

SIMILAR = 1e-6
"""How far from rotation and one scale a matrix may be and still be taken for it."""
THINNEST = 1e-6
"""Metres: a flat mesh has a box of this height."""
_UNIT_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])


@dataclass(frozen=True)
class ImportedModel:
    """A model that is not in a library yet."""

    asset: Asset
    mesh: Mesh


def shapes_of(
    meshes: Sequence[LabelledMesh], to_world: Floats, split: str, source: str
) -> tuple[tuple[ImportedModel, ...], tuple[PlacedObject, ...]]:
    """Every shape once, as a model, and the objects in the order of `meshes`.

    `to_world` (4, 4) maps a model's axes to the world's: rotation, one scale, shift. `source` names where the meshes
    are from. ScenegenError for more objects than labels have numbers, and for one that is farther than any scene.
    """
    if len(meshes) > MOST_OBJECTS:
        raise ScenegenError(f"{source}: has {len(meshes)} objects, and labels hold {MOST_OBJECTS}; leave some out")
    shapes: dict[tuple[object, ...], ImportedModel] = {}
    objects = []
    for number, mesh in enumerate(meshes):
        scale, turn, place = _frame(to_world @ mesh.matrix)
        key = (mesh.shape, mesh.class_name, *np.round(scale, 9).reshape(-1).tolist(), *_up_axis(turn))
        vertices, matrix = _own_frame(mesh.vertices, scale, turn, place)
        if key not in shapes:
            shapes[key] = _shape(f"{len(shapes):04d}_{_file_name(mesh.name)}", mesh, vertices, split, source)
        asset = shapes[key].asset
        corners = affine(matrix, _UNIT_CORNERS * asset.size)
        if not np.abs(corners).max() < FARTHEST:
            raise ScenegenError(f"{source}: {mesh.name} is more than {FARTHEST:g} m away; check poses and scale")
        box = Bounds(_vector(corners.min(axis=0)), _vector(corners.max(axis=0)))
        objects.append(PlacedObject(number, mesh.class_name, asset.name, None, matrix4(matrix), box, asset.size))
    return tuple(shapes.values()), tuple(objects)


def write_shapes(shapes: Sequence[ImportedModel], library: Path) -> tuple[Asset, ...]:
    """Write models into a library; return them."""
    for shape in shapes:
        write_asset(library, shape.asset, shape.mesh, {})
    return tuple(shape.asset for shape in shapes)


def shifted(item: PlacedObject, by: Floats) -> PlacedObject:
    """An object in a world that is moved by so many metres."""
    matrix = np.array(item.matrix)
    matrix[:3, 3] += by
    box = Bounds(_vector(np.array(item.bbox.min) + by), _vector(np.array(item.bbox.max) + by))
    return replace(item, matrix=matrix4(matrix), bbox=box)


def _frame(matrix: Floats) -> tuple[Floats, Floats, Floats]:
    """A matrix (4, 4) as what changes the shape (3, 3), then a rotation (3, 3), then a place (3,).

    One that bends right angles, or mirrors, changes the shape by all it does, and turns nothing.
    """
    linear, place = matrix[:3, :3], matrix[:3, 3]
    scale = np.cbrt(np.linalg.det(linear))
    if scale > 0 and np.allclose(linear @ linear.T, scale**2 * np.eye(3), rtol=0, atol=SIMILAR * scale**2):
        return np.asarray(scale * np.eye(3)), linear / scale, place
    return linear, np.eye(3), place


def _up_axis(turn: Floats) -> tuple[int, int]:
    """Which of a shape's axes points up the most in the world, and whether it does so forwards or backwards."""
    axis = int(np.argmax(np.abs(turn[2])))
    return axis, 1 if turn[2, axis] >= 0 else -1


def _own_frame(vertices: Floats, scale: Floats, turn: Floats, place: Floats) -> tuple[Floats, Floats]:
    """Vertices with Z up and the origin at the centre of their base, and where that frame is in the world (4, 4)."""
    axis, sign = _up_axis(turn)
    stand = np.zeros((3, 3))  # from the shape's axes to those with Z up, by quarter turns
    stand[2, axis] = sign
    stand[0, (axis + 1) % 3], stand[1, (axis + 2) % 3] = 1, sign
    points = vertices @ (stand @ scale).T
    low, high = points.min(axis=0), points.max(axis=0)
    base = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    matrix = np.eye(4)
    matrix[:3, :3] = np.round(turn @ stand.T, 12)
    matrix[:3, 3] = np.round(place + turn @ stand.T @ base, 9)
    return points - base, matrix


def _shape(name: str, mesh: LabelledMesh, vertices: Floats, split: str, source: str) -> ImportedModel:
    points = vertices.astype(np.float32)
    faces = mesh.faces.astype(np.int32)
    size = np.maximum(2 * np.abs(points).max(axis=0), THINNEST)  # around the origin, as rounded points lie
    size[2] = max(float(points[:, 2].max()), THINNEST)
    color = np.array(class_color(mesh.class_name)) / 255
    asset = Asset(
        name=name,
        class_name=mesh.class_name,
        split=split,
        family="imported",
        size=_vector(size),
        triangles=len(faces),
        materials=(Material(mesh.class_name, base_color=_vector(color**2.2)),),
        supports=(),
        provenance=Provenance(mesh.name, "unknown", "as of its source", source, _checksum(points, faces)),
        findings={SCANNED: True} if mesh.scanned else {},
        folder=Path(name),
        fingerprint=to_text(fingerprint(points, faces)),
    )
    normals = np.repeat(_normals(points, faces)[:, None], 3, axis=1)
    return ImportedModel(asset, Mesh(points, faces, normals, None, np.zeros(len(faces), dtype=np.int32)))


def _normals(points: NDArray[np.float32], faces: NDArray[np.int32]) -> NDArray[np.float32]:
    a, b, c = (points[faces[:, n]].astype(np.float64) for n in range(3))
    across = np.cross(b - a, c - a)
    lengths = np.linalg.norm(across, axis=1, keepdims=True)
    return np.divide(across, lengths, out=np.tile([0.0, 0.0, 1.0], (len(faces), 1)), where=lengths > 0).astype(
        np.float32
    )


def _checksum(points: NDArray[np.float32], faces: NDArray[np.int32]) -> str:
    return hashlib.sha256(points.tobytes() + faces.tobytes()).hexdigest()


def _file_name(name: str) -> str:
    return re.sub(r"[^\w-]+", "_", name)[:80]


def _vector(values: Floats) -> Vector:
    x, y, z = np.asarray(values, dtype=np.float64).tolist()
    return x, y, z
