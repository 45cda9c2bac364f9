"""Voxelizer against its peers: seconds and IoU on the same meshes in one run.

    python benchmarks/voxelizer.py [--json] [--repeat 5]

Processor seconds of one thread, the best of several runs, in a studio grid of 80 x 96 x 64 cells. Peers get the cell
centres cropped to the object's box; their inside cells are joined with the exact surface cells before they are
compared with the clean solid; otherwise the surface alone would decide.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "IGL_NUM_THREADS"), "1"))

import igl
import numpy as np
import open3d
import trimesh
from numpy.typing import NDArray
from scenegen.assets.prepare.orient import orient_faces
from scenegen.core.labels.grids import BoxGrid, FrustumGrid, Grid, cell_centres, depth_bounds, to_grid_space
from scenegen.core.labels.surface_cells import mark_surface, slab_bounds
from scenegen.core.labels.voxelize import voxelize, voxelize_part

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mesh = tuple[Floats, Ints]

STUDIO = BoxGrid((-2.0, -2.4, 0.0), 0.05, (80, 96, 64))
DAMAGE = {
    "clean": (0.0, 0.0),
    "2% missing": (0.02, 0.0),
    "10% flipped": (0.0, 0.1),
    "5% missing, 10% flipped": (0.05, 0.1),
    "30% flipped": (0.0, 0.3),
}


def surface_cells(mesh: Mesh) -> Bools:
    """Cells of the studio grid that a mesh's surface meets."""
    cells = np.zeros(STUDIO.shape, dtype=np.bool_)
    low = np.zeros(3, dtype=np.int64)
    mark_surface(to_grid_space(STUDIO, mesh[0]), mesh[1], low, *slab_bounds(depth_bounds(STUDIO)), cells)
    return cells


def _cropped(vertices: Floats) -> tuple[tuple[slice, ...], Floats]:
    low = np.maximum(np.floor((vertices.min(axis=0) - STUDIO.origin) / STUDIO.voxel_size), 0).astype(int)
    high = np.ceil((vertices.max(axis=0) - STUDIO.origin) / STUDIO.voxel_size).astype(int)
    part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return part, np.ascontiguousarray(CENTRES[part].reshape(-1, 3))


CENTRES = cell_centres(STUDIO)


def _centres_inside(vertices: Floats, test: Callable[[Floats], Bools]) -> Bools:
    cells = np.zeros(STUDIO.shape, dtype=np.bool_)
    part, points = _cropped(vertices)
    cells[part] = test(points).reshape(cells[part].shape)
    return cells


def by_libigl(mesh: Mesh) -> Bools:
    """Fast winding number, |w| > 1/2."""
    return _centres_inside(mesh[0], lambda p: np.asarray(np.abs(igl.fast_winding_number(*mesh, p)) > 0.5))


def by_open3d(mesh: Mesh) -> Bools:
    """RaycastingScene.compute_occupancy."""
    scene = open3d.t.geometry.RaycastingScene(nthreads=1)
    tensor: Any = open3d.core.Tensor
    scene.add_triangles(tensor(mesh[0].astype(np.float32)), tensor(mesh[1].astype(np.uint32)))
    return _centres_inside(
        mesh[0], lambda p: scene.compute_occupancy(tensor(p.astype(np.float32)), nthreads=1).numpy().astype(bool)
    )


def by_trimesh_fill(mesh: Mesh) -> Bools:
    """Voxelized surface, filled."""
    # Its cells lie around whole multiples of the pitch.
    places = mesh[0] - STUDIO.origin - STUDIO.voxel_size / 2
    grid = trimesh.Trimesh(places, mesh[1], process=False).voxelized(STUDIO.voxel_size).fill()
    index = np.rint(grid.points / STUDIO.voxel_size).astype(int)
    cells = np.zeros(STUDIO.shape, dtype=np.bool_)
    cells[tuple(index[((index >= 0) & (index < STUDIO.shape)).all(axis=1)].T)] = True
    return cells


def by_trimesh_contains(mesh: Mesh) -> Bools:
    """Mesh contains, through embree."""
    return _centres_inside(mesh[0], trimesh.Trimesh(*mesh, process=False).contains)


METHODS: dict[str, Callable[[Mesh], Bools]] = {
    "scenegen": lambda mesh: voxelize(*mesh, STUDIO),
    "libigl fast winding number": by_libigl,
    "Open3D occupancy": by_open3d,
    "trimesh contains (embree)": by_trimesh_contains,
    "trimesh fill": by_trimesh_fill,
}


def sphere(triangles: int) -> Mesh:
    """A sphere of 1.5 m radius: a UV sphere, so that any number of triangles can be had."""
    rings = int((triangles / 4) ** 0.5)
    return _arrays(trimesh.creation.uv_sphere(1.5, count=(rings, 2 * rings)), (0.1, -0.2, 1.6))


def boxes(triangles: int) -> Mesh:
    """Six overlapping boxes, tilted."""
    parts = []
    for step in range(6):
        low, high = np.array([-1.2, -1.2, -1.4]) + 0.35 * step * np.array([1, 1, 0.8]), np.array([1.0, 1.1, 1.2])
        part = trimesh.creation.box(bounds=[low, low + 0.6 * high])
        while len(part.faces) * 12 < triangles:
            part = part.subdivide()
        parts.append(part)
    union = trimesh.util.concatenate(parts)
    union.apply_transform(trimesh.transformations.euler_matrix(0.3, 0.5, 0.7))
    return _arrays(union, (0.0, 0.0, 1.6))


def _arrays(mesh: Any, offset: tuple[float, float, float]) -> Mesh:
    return np.ascontiguousarray(mesh.vertices + np.array(offset)), np.ascontiguousarray(mesh.faces, dtype=np.int64)


def damaged(mesh: Mesh, missing: float, flipped: float) -> Mesh:
    """The mesh without some faces and with some of the rest turned around, chosen by a fixed hash."""
    rank = np.argsort((np.arange(len(mesh[1])) * 2654435761) % 2**32, kind="stable")
    faces = mesh[1][rank].copy()
    turned, gone = int(flipped * len(faces)), int(missing * len(faces))
    faces[:turned] = faces[:turned, ::-1]
    return mesh[0], np.ascontiguousarray(faces[: len(faces) - gone])


def scaled(mesh: Mesh, factor: float) -> Mesh:
    """A smaller copy, standing in the room."""
    return np.ascontiguousarray(mesh[0] * factor + np.array([0.6, 0.4, 0.2])), mesh[1]


def camera_grid(place: tuple[float, float, float], cells: int = 128) -> FrustumGrid:
    """The fruxel model of a camera in a room's corner, looking at its middle."""
    forward = np.array([0.0, 0.0, 1.0]) - place
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = [right, np.cross(forward, right), forward]
    pose[:3, 3] = -pose[:3, :3] @ place
    K = np.array([[190.0, 0.0, 112.0], [0.0, 190.0, 112.0], [0.0, 0.0, 1.0]])
    return FrustumGrid(K, pose, (224, 224), 0.5, 7.0, (cells, cells, cells))


def best(task: Callable[[], object], repeat: int) -> float:
    """Least processor seconds, all threads of this process counted."""
    task()
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        task()
        seconds.append(time.process_time() - start)
    return min(seconds)


def scene_seconds(repeat: int) -> float:
    """Ten objects of about 20,000 triangles in the box grid and three frusta."""
    small = [scaled(sphere(20_000), 0.2), scaled(boxes(20_000), 0.3)]
    shift = [np.array([-1.8 + 0.65 * (n % 5), -1.6 if n < 5 else 0.9, 0.0]) for n in range(10)]
    objects = [(small[n % 2][0] + shift[n], small[n % 2][1]) for n in range(10)]
    corners = ((1.9, -2.3, 2.6), (-1.9, 2.3, 2.6), (1.9, 2.3, 2.6))
    grids: list[Grid] = [STUDIO, *(camera_grid(c) for c in corners)]
    return best(lambda: [voxelize_part(*mesh, grid) for mesh in objects for grid in grids], repeat)


def measure(repeat: int) -> dict[str, Any]:
    """Every figure of this benchmark."""
    speed = {}
    for triangles in (20_000, 300_000):
        for name, mesh in {"boxes, 3 m": boxes(triangles), "boxes, 0.9 m": scaled(boxes(triangles), 0.3)}.items():
            row = {m: best(lambda f=f, mesh=mesh: f(mesh), repeat) for m, f in METHODS.items()}  # type: ignore[misc]
            speed[f"{name}, {len(mesh[1])} triangles"] = row
    quality: dict[str, dict[str, float]] = {}
    for name, mesh in {"sphere": sphere(20_000), "boxes": boxes(20_000)}.items():
        clean = by_libigl(mesh) | surface_cells(mesh)
        for damage, (missing, flipped) in DAMAGE.items():
            bad = damaged(mesh, missing, flipped)
            shown = surface_cells(bad)
            row = {m: _iou(f(bad) | shown, clean) for m, f in METHODS.items()}
            row["scenegen, prepared"] = _iou(voxelize(mesh[0], orient_faces(*bad)[0], STUDIO), clean)
            quality[f"{name}, {damage}"] = row
    return {"seconds": speed, "iou": quality, "scene_seconds": scene_seconds(repeat)}


def _iou(a: Bools, b: Bools) -> float:
    return float((a & b).sum() / (a | b).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the best counts")
    options = parser.parse_args()
    figures = measure(options.repeat)
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    for title, unit in (("seconds", "seconds (times as slow as scenegen)"), ("iou", "IoU with the clean solid")):
        print(f"\n{unit}")
        for case, row in figures[title].items():
            print(f"  {case}")
            for method, figure in row.items():
                ratio = f"  {figure / row['scenegen']:7.1f}x" if title == "seconds" else ""
                print(f"    {method:28s} {figure:9.4f}{ratio}")
    print(f"\nten objects of about 20,000 triangles, box grid and three frusta: {figures['scene_seconds']:.3f} s")


if __name__ == "__main__":
    main()
