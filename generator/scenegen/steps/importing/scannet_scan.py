"""One scan of ScanNet as it lies on disk: its labelled surfaces as meshes, and its axes.

SCAN/SCAN.sens                                    colour, depth and poses; or the exporter's folders (exported.py)
SCAN/SCAN_vh_clean_2.ply                          the surface
SCAN/SCAN_vh_clean_2.0.010000.segs.json           the segment of every vertex
SCAN/SCAN.aggregation.json                        the objects: their segments and labels
SCAN/SCAN.txt                                     axisAlignment, 16 numbers; may lack
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.decoding import read_file
from scenegen.core.errors import DamageError, UsageError
from scenegen.core.one_line import one_line
from scenegen.steps.importing.exported import has_exported, read_exported
from scenegen.steps.importing.meshes import LabelledMesh
from scenegen.steps.importing.recording import Recording, is_pose, read_matrix
from scenegen.steps.importing.sens import COPY_AGAIN, read_sens

LABELS = "scannetv2-labels.combined.tsv"
SURFACE, SEGMENTS, OBJECTS = "_vh_clean_2.ply", "_vh_clean_2.0.010000.segs.json", ".aggregation.json"
NYU40 = (
    "wall|floor|cabinet|bed|chair|sofa|table|door|window|bookshelf|picture|counter|blinds|desk|shelves|curtain|dresser|"
    "pillow|mirror|floor mat|clothes|ceiling|books|refrigerator|television|paper|towel|shower curtain|box|whiteboard|"
    "person|night stand|toilet|sink|lamp|bathtub|bag|otherstructure|otherfurniture|otherprop"
)
"""The names of NYU's 40 classes, in the order of their numbers from 1 on."""

FLOORS = ("floor",)
LOW = 1
"""Per cent of a scan's vertices that may lie below its floor where no floor is labelled."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LabelledScan:
    """A scan's objects in axes with Z up and the floor at height 0; `to_world` (4, 4) maps the scan's own axes there.

    `unlabelled` is the share of its triangles that belong to no class.
    """

    meshes: tuple[LabelledMesh, ...]
    to_world: Floats
    unlabelled: float


def missing_files(scan: Path) -> list[str]:
    """The files of a scan that are not there, by name; in place of the .sens, the exporter's folders will do."""
    needed = (*(() if has_exported(scan) else (".sens",)), SURFACE, SEGMENTS, OBJECTS)
    return [name for end in needed if not (scan / (name := scan.name + end)).is_file()]


def read_recording(scan: Path) -> Recording:
    """A scan's .sens, or what was exported of it where there is none. DamageError."""
    file = scan / f"{scan.name}.sens"
    return read_sens(file) if file.is_file() else read_exported(scan)


def nyu40_classes(file: Path) -> dict[str, str]:
    """The class of NYU's 40 of each label in ScanNet's table, "" for none. UsageError when it is no such table."""
    names = NYU40.split("|")
    try:
        rows = csv.DictReader(read_file(file).decode("utf-8").splitlines(), delimiter="\t")
        numbers = {row["raw_category"]: int(row["nyu40id"] or 0) for row in rows}
        return {label: names[number - 1] if 0 < number <= len(names) else "" for label, number in numbers.items()}
    except (OSError, KeyError, TypeError, ValueError) as error:
        why = f"has no column {error}" if isinstance(error, KeyError) else error
        raise UsageError(f"{file}: is not ScanNet's {LABELS} ({why}); {COPY_AGAIN}, or give --class-map") from error


def labels_of_scan(scan: Path) -> tuple[str, ...]:
    """The labels of a scan's objects. DamageError when the file is of another form."""
    return tuple(label for label, _, _ in _groups(scan))


def read_scan(scan: Path, classes: Mapping[str, str]) -> LabelledScan:
    """The labelled surfaces of a scan, each object a mesh; `classes` has the class of each label, "" to leave it out.

    A triangle belongs to the object of most of its vertices. DamageError when a file is damaged or of another scan.
    """
    vertices, faces = _surface(scan / (scan.name + SURFACE))
    segments = _segments(scan, len(vertices))
    owner = np.full(len(vertices), -1)
    groups = _groups(scan)
    for number, (_, _, members) in enumerate(groups):
        owner[np.isin(segments, members)] = number
    a, b, c = owner[faces].T
    of_face = np.where(b == c, b, a)
    align = _alignment(scan / f"{scan.name}.txt")
    points = vertices @ align[:3, :3].T + align[:3, 3]
    chosen = {n: name for n, (label, _, _) in enumerate(groups) if (name := classes.get(label, ""))}
    floor = points[faces[np.isin(of_face, [n for n, name in chosen.items() if name in FLOORS])].reshape(-1), 2]
    height = np.median(floor) if len(floor) else np.percentile(points[:, 2], LOW)
    points[:, 2] -= height
    align[2, 3] -= height
    meshes = []
    for n, name in chosen.items():
        own = faces[of_face == n]
        if len(own):
            used, corners = np.unique(own, return_inverse=True)
            called = f"{scan.name}_{groups[n][1]:03d}_{groups[n][0]}"
            shape = corners.reshape(-1, 3).astype(np.int64)
            meshes.append(LabelledMesh(called, name, called, points[used], shape, np.eye(4), scanned=True))
    labelled = np.isin(of_face, [int(n) for n in chosen]).sum()
    return LabelledScan(tuple(meshes), align, 1 - labelled / max(len(faces), 1))


def _surface(file: Path) -> tuple[Floats, NDArray[np.int64]]:
    import trimesh

    try:
        mesh = trimesh.load_mesh(file, process=False)
        vertices, faces = np.array(mesh.vertices, dtype=np.float64), np.array(mesh.faces, dtype=np.int64)
    except Exception as error:  # whatever trimesh raises for a file that is no mesh
        raise DamageError(f"{file}: damaged ({one_line(str(error)) or type(error).__name__}); {COPY_AGAIN}") from error
    if not len(faces) or not np.isfinite(vertices).all():
        raise DamageError(f"{file}: damaged (has no triangles, or vertices that are not finite); {COPY_AGAIN}")
    return vertices, faces


def _segments(scan: Path, vertices: int) -> NDArray[np.int64]:
    file = scan / (scan.name + SEGMENTS)
    body = _json(file)
    try:
        segments = np.array(body["segIndices"], dtype=np.int64)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DamageError(f"{file}: damaged (segIndices: {error}); {COPY_AGAIN}") from error
    if segments.shape != (vertices,):
        raise DamageError(f"{file}: has {segments.size} vertices, but {scan.name}{SURFACE} {vertices}; {COPY_AGAIN}")
    return segments


def _groups(scan: Path) -> list[tuple[str, int, list[int]]]:
    """Label, number and segments of each object."""
    file = scan / (scan.name + OBJECTS)
    body = _json(file)
    try:
        if not isinstance(body, dict) or not isinstance(body["segGroups"], list):
            raise ValueError("is no list of objects")
        return [
            (str(group["label"]), int(group["objectId"]), [int(segment) for segment in group["segments"]])
            for group in body["segGroups"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise DamageError(f"{file}: damaged (segGroups: {error}); {COPY_AGAIN}") from error


def _json(file: Path) -> Any:
    try:
        return json.loads(read_file(file))
    except (OSError, ValueError, RecursionError) as error:
        raise DamageError(f"{file}: damaged ({error}); {COPY_AGAIN}") from error


def _alignment(file: Path) -> Floats:
    """The scan's own axes to those along its walls (4, 4), rotation and translation; none where the file lacks it."""
    if not file.is_file():
        return np.eye(4)
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "axisAlignment":
            matrix = read_matrix(value)
            if matrix is None or not is_pose(matrix):
                why = "is no rotation and translation, 16 numbers"
                raise DamageError(f"{file}: damaged (axisAlignment {why}); {COPY_AGAIN}")
            return rigid(matrix)
    return np.eye(4)


def rigid(matrix: Floats) -> Floats:
    """The rotation and translation nearest to a matrix (4, 4) of few digits."""
    u, _, vt = np.linalg.svd(matrix[:3, :3])
    near = np.eye(4)
    near[:3, :3] = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    near[:3, 3] = matrix[:3, 3]
    return near
