"""Triangle meshes as they come in: arrays, or a trimesh.Trimesh or Scene, checked before any loop runs over them.

trimesh is not imported: its objects are known by their attributes, so that this runs where it is not installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.core.labels.grids import Floats, affine


class TriangleMesh(NamedTuple):
    """Vertices float64 (V, 3) and faces int64 (F, 3), each face three indices of vertices."""

    vertices: Floats
    faces: NDArray[np.int64]


@runtime_checkable
class MeshLike(Protocol):
    """A mesh with vertices (V, 3) and faces (F, 3), such as a trimesh.Trimesh."""

    @property
    def vertices(self) -> Any:
        """Places, (V, 3)."""

    @property
    def faces(self) -> Any:
        """Indices of vertices, (F, 3)."""


class SceneGraph(Protocol):
    """The graph of a trimesh.Scene."""

    @property
    def nodes_geometry(self) -> Iterable[Any]:
        """The nodes that place a geometry."""

    def __getitem__(self, node: Any) -> Any:
        """A node's 4x4 matrix to the world and the name of its geometry."""


@runtime_checkable
class SceneLike(Protocol):
    """Meshes placed by a graph, such as a trimesh.Scene: one geometry may stand in several places."""

    @property
    def geometry(self) -> Mapping[str, Any]:
        """The geometries by name."""

    @property
    def graph(self) -> Any:
        """A SceneGraph."""


def mesh_arrays(vertices: ArrayLike, faces: ArrayLike) -> TriangleMesh:
    """A mesh as contiguous arrays, fit for compiled loops. ValueError says what was given and what is needed."""
    points = _numbers("vertices", vertices, "fiu", "numbers")
    triples = _numbers("faces", faces, "iu", "integers")
    if not np.isfinite(points).all():
        raise ValueError(f"vertices: row {_first_row(~np.isfinite(points))} is not finite")
    if len(triples) and not 0 <= triples.min() <= triples.max() < len(points):
        outside = _first_row((triples < 0) | (triples >= len(points)))
        known = f"0 to {len(points) - 1}" if len(points) else "none, for there are no vertices"
        raise ValueError(f"faces: row {outside} is {triples[outside].tolist()}; the vertices' indices are {known}")
    return TriangleMesh(points.astype(np.float64, copy=False), np.ascontiguousarray(triples, dtype=np.int64))


def placed_meshes_of(scene: SceneLike) -> Iterator[TriangleMesh]:
    """Every mesh of a scene where its graph places it. ValueError when a geometry is no triangle mesh."""
    graph: SceneGraph = scene.graph
    for node in graph.nodes_geometry:
        matrix, name = graph[node]
        geometry = scene.geometry[name]
        if not isinstance(geometry, MeshLike):
            raise ValueError(f"geometry {name!r} of the scene is a {type(geometry).__name__}, not a triangle mesh")
        mesh = mesh_arrays(geometry.vertices, geometry.faces)
        yield TriangleMesh(affine(matrix, mesh.vertices), mesh.faces)


def _numbers(name: str, values: ArrayLike, kinds: str, called: str) -> NDArray[Any]:
    """An array (N, 3) of numbers of these numpy kinds; of nothing at all, (0, 3)."""
    needed = f"an array (N, 3) of {called} is needed"
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name}: rows of different lengths given, {needed}") from error
    if array.size == 0 and array.shape in ((0,), (0, 3)):
        return np.zeros((0, 3), dtype=np.int64)
    if array.dtype.kind not in kinds:
        raise ValueError(f"{name}: an array of {array.dtype} given, {needed}")
    if array.ndim != 2 or array.shape[1] != 3:
        hint = " (split quads into triangles)" if name == "faces" and array.shape[1:] == (4,) else ""
        raise ValueError(f"{name}: an array of shape {array.shape} given, {needed}{hint}")
    return array


def _first_row(wrong: NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(wrong.any(axis=1))[0])
