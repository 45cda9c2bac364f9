"""Labelled meshes of a reconstruction: one file whose nodes are named by class, or a list of files with their poses.

A file (.glb, .gltf, .obj, .ply, .stl and whatever trimesh reads) has one object per node, placed where the file places
it in the model's own axes; the class is the node's name without its number: chair.001 and Chair_2 are chairs. A list is
a TOML file:

    [[objects]]
    class = "chair"
    mesh = "chair.obj"                                                           # beside the list
    matrix = [[1, 0, 0, 2.5], [0, 1, 0, 0], [0, 0, 1, 0.4], [0, 0, 0, 1]]        # mesh to model; left out: none
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.one_line import one_line
from scenegen.core.toml_table import TomlTable, read_toml
from scenegen.steps.importing.class_names import ClassNames

LARGEST = 1e9
"""Of a number in a pose, in units of the model."""


@dataclass(frozen=True)
class LabelledMesh:
    """An object: `matrix` (4, 4) maps its vertices (V, 3) to the axes of its model; faces are (F, 3).

    Objects of one `shape` have the same vertices and faces. `scanned`: its surface is as much as a scan saw of it.
    """

    name: str
    class_name: str
    shape: str
    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    matrix: NDArray[np.float64]
    scanned: bool = False


def read_meshes(file: Path, names: ClassNames) -> tuple[LabelledMesh, ...]:
    """The labelled objects of a file or a list, in the order of their names or of the list.

    UsageError: the file is missing, no such file or list, has no triangles, or a class that `names` lacks.
    """
    if file.suffix.lower() == ".toml":
        entries = list(_of_list(file))
    else:
        entries = [(_label(each.name), each) for each in _of_file(file, file.stem)]
    classes = names.of([label for label, _ in entries], file)
    found = tuple(
        LabelledMesh(each.name, classes[label], each.shape, each.vertices, each.faces, each.matrix)
        for label, each in entries
        if classes[label]
    )
    if not found:
        raise UsageError(f"{file}: has no triangle mesh with a class; give labelled meshes with --meshes")
    return found


@dataclass(frozen=True)
class _Node:
    name: str
    shape: str
    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    matrix: NDArray[np.float64]


def _label(name: str) -> str:
    """A node's name without its number, in small letters."""
    return re.sub(r"([\s._-]*\d+)+$", "", name).strip(" ._-").lower() or name.lower()


def _of_list(file: Path) -> Iterator[tuple[str, _Node]]:
    table = read_toml(file, "list of meshes")
    try:
        entries = table.tables("objects")
        table.done()
        for number, entry in enumerate(entries):
            label, mesh = entry.text("class"), file.parent / entry.text("mesh")
            pose = _matrix(entry) if "matrix" in entry.body else np.eye(4)
            entry.done()
            for node in _of_file(mesh, f"{label}_{number}"):
                yield label, _Node(f"{label}_{number}", node.shape, node.vertices, node.faces, pose @ node.matrix)
    except ScenegenError as error:  # the file is an argument of the command
        raise UsageError(str(error)) from error


def _matrix(entry: TomlTable) -> NDArray[np.float64]:
    rows = TomlTable({str(n): row for n, row in enumerate(_rows(entry))}, entry.file, f"{entry.prefix}matrix row ")
    matrix = np.array([rows.numbers(str(n), 4, -LARGEST, LARGEST) for n in range(4)])
    if matrix[3].tolist() != [0, 0, 0, 1] or abs(np.linalg.det(matrix)) < 1e-12:
        raise entry.error("matrix", "expected four rows, the last 0, 0, 0, 1, that can be inverted; is it transposed?")
    return matrix


def _rows(entry: TomlTable) -> list[Any]:
    rows = entry.body.pop("matrix")
    if not isinstance(rows, list) or len(rows) != 4:
        raise entry.error("matrix", "expected four rows of four numbers")
    return rows


def _of_file(file: Path, alone: str) -> Iterator[_Node]:
    """The nodes of a file with triangles, sorted by name; one that the file does not name is called `alone`."""
    import trimesh

    if not file.is_file():
        raise UsageError(f"{file}: there is no such file; name one with --meshes")
    options = {"split_objects": True, "group_material": False} if file.suffix.lower() == ".obj" else {}
    options |= {"merge_primitives": True} if file.suffix.lower() in (".glb", ".gltf") else {}
    try:
        scene = trimesh.load_scene(file, process=False, **options)
    except Exception as error:  # whatever a reader of some format raises
        why = one_line(str(error)) or type(error).__name__
        raise UsageError(f"{file}: trimesh cannot read it ({why}); export it again, best as .glb") from error
    for name in sorted(scene.graph.nodes_geometry):
        matrix, shape = scene.graph[name]
        mesh = scene.geometry[shape]
        if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
            continue
        vertices = np.array(mesh.vertices, dtype=np.float64)
        if not np.isfinite(vertices).all() or not np.isfinite(matrix).all():
            raise UsageError(f"{file}: {name}: its vertices are not finite; correct the mesh")
        called = alone if name == file.name else name
        faces = np.array(mesh.faces, dtype=np.int64)
        yield _Node(called, f"{file}:{shape}", vertices, faces, np.array(matrix, dtype=np.float64))
