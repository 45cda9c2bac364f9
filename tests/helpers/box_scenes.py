"""Scenes of plain boxes with labels worked out here by separating axes and ray casting, without any scenegen code.

A box's solid meets a convex cell iff no axis separates them, which is the contract's rule for a closed box exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scenegen.core.asset_library import Asset, Material, Mesh, Provenance, Support, read_asset, write_asset
from scenegen.core.dataset.credits import credit_entries, write_credits
from scenegen.core.dataset.info import DatasetInfo, check_dataset_json
from scenegen.core.dataset.request import Request
from scenegen.core.scene.scene import (
    Bounds,
    Camera,
    FrustumSpec,
    GridSpec,
    LightLook,
    Look,
    Matrix4,
    PlacedObject,
    Scene,
    SurfaceLook,
    Vector,
)

from helpers.labelled_scenes import SceneLabels, write_scene

CLASSES = ("chair", "table", "nightstand", "laptop", "bag", "human")
ROOM = (4.0, 4.8, 3.2)
GRID = GridSpec(origin=(-2.0, -2.4, 0.0), voxel_size=0.1, shape=(40, 48, 32))
FRUSTUM = FrustumSpec(near=0.5, far=7.0, size=(40, 40, 40), hfov_deg=90.0)
PIXELS = 96
SIZES: dict[str, Vector] = {
    "chair": (0.5, 0.5, 0.88),
    "table": (0.9, 0.6, 0.73),
    "nightstand": (0.45, 0.4, 0.52),
    "laptop": (0.34, 0.25, 0.22),
    "bag": (0.3, 0.15, 0.33),
    "human": (0.5, 0.35, 1.74),
}
CORNERS = np.array([[i, j, k] for i in (-0.5, 0.5) for j in (-0.5, 0.5) for k in (0, 1)])

Array = NDArray[np.float64]


def camera(name: str, eye: Vector, target: Vector = (0.0, 0.0, 0.8)) -> Camera:
    forward = np.subtract(target, eye)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    rotation = np.array([right, np.cross(forward, right), forward])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, -rotation @ eye
    focal = PIXELS / 2 / math.tan(math.radians(FRUSTUM.hfov_deg) / 2)
    K = ((focal, 0.0, PIXELS / 2), (0.0, focal, PIXELS / 2), (0.0, 0.0, 1.0))
    return Camera(name, PIXELS, PIXELS, K, as_matrix(matrix), FRUSTUM)


def as_matrix(matrix: Array) -> Matrix4:
    return tuple(tuple(float(v) for v in row) for row in matrix)  # type: ignore[return-value]


def placed(number: int, kind: str, at: Vector, yaw: float, parent: int | None = None) -> PlacedObject:
    c, s = math.cos(yaw), math.sin(yaw)
    matrix = np.array([[c, -s, 0, at[0]], [s, c, 0, at[1]], [0, 0, 1, at[2]], [0, 0, 0, 1.0]])
    nowhere = Bounds((0, 0, 0), (0, 0, 0))
    return with_bbox(PlacedObject(number, kind, f"{kind}_box", parent, as_matrix(matrix), nowhere, SIZES[kind]))


def with_bbox(item: PlacedObject) -> PlacedObject:
    """The object with the bbox that its matrix and size ask for."""
    corners = box_corners(item)
    return replace(item, bbox=Bounds(tuple(corners.min(axis=0).tolist()), tuple(corners.max(axis=0).tolist())))


def box_corners(item: PlacedObject) -> Array:
    """World corners (8, 3) of an object's box."""
    matrix = np.array(item.matrix)
    return CORNERS * item.size @ matrix[:3, :3].T + matrix[:3, 3]


def make_objects(index: int) -> tuple[PlacedObject, ...]:
    """Furniture on a ring, turned a little more in every scene, with two children on tops."""
    turn = 0.35 * index + 0.2
    spots = [(1.15 * math.cos(turn + a), 1.3 * math.sin(turn + a)) for a in (0.0, 1.5, 3.0, 4.5)]
    (tx, ty), (nx, ny), (cx, cy), (hx, hy) = spots
    return (
        placed(0, "table", (tx, ty, 0.0), turn),
        placed(1, "nightstand", (nx, ny, 0.0), 2 * turn),
        placed(2, "chair", (cx, cy, 0.0), 3 * turn),
        placed(3, "human", (hx, hy, 0.0), 5 * turn),
        placed(4, "laptop", (tx, ty, SIZES["table"][2]), turn + 0.3, parent=0),
        placed(5, "bag", (nx, ny, SIZES["nightstand"][2]), 2 * turn + 0.1, parent=1),
    )


def make_box_scene(index: int, grid: GridSpec | None = GRID) -> Scene:
    surface = SurfaceLook("plain", (0.7, 0.7, 0.7), (0.6, 0.6, 0.6), 0.5, 1.0)
    light = LightLook((0.0, 0.0, 3.1), (0.0, 0.0, 0.0), 1.0, 100.0, (1.0, 1.0, 1.0))
    cameras = tuple(
        camera(f"camera_{k}", eye) for k, eye in enumerate([(-1.9, -2.3, 2.4), (1.9, -2.3, 2.4), (0.0, 2.3, 2.6)])
    )
    look = Look(surface, surface, surface, (light,), "none", 0.0, 0.0, 0.0)
    credit = {"credits": credit_entries(map(box_asset, CLASSES))}
    return Scene(0, index, "boxes", "train", CLASSES, grid, ROOM, cameras, make_objects(index), (), look, credit)


def box_asset(kind: str) -> Asset:
    """A closed box of its class's size, whose whole top carries where the class is a piece of furniture."""
    x, y, z = SIZES[kind]
    cells = (round(x / 0.05), round(y / 0.05))
    support = Support(z, (-x / 2, -y / 2), 0.05, np.ones(cells, bool))
    return Asset(
        name=f"{kind}_box",
        class_name=kind,
        split="train",
        family="box",
        size=SIZES[kind],
        triangles=12,
        materials=(Material("grey"),),
        supports=(support,) if kind in ("table", "nightstand") else (),
        provenance=Provenance(f"A {kind}", "nobody", "CC0", "tests", "0" * 64),
        findings={},
        folder=Path(),
    )


def write_box_library(library: Path) -> list[Asset]:
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], np.int32)
    for kind in CLASSES:
        vertices = (CORNERS * SIZES[kind]).astype(np.float32)
        normals = np.zeros((12, 3, 3), np.float32)
        mesh = Mesh(vertices, faces, normals, None, np.zeros(12, np.int32))
        write_asset(library, box_asset(kind), mesh, {})
    return [read_asset(library / f"{kind}_box") for kind in CLASSES]


def separated(box: Array, cells: Array, axes: Sequence[Array]) -> NDArray[np.bool_]:
    """Whether an axis, (3,) or (N, 3), parts the convex hulls of `box` (8, 3) and of each of `cells` (N, 8, 3)."""
    apart = np.zeros(len(cells), bool)
    for axis in axes:
        own = box @ np.broadcast_to(axis, (len(cells), 3)).T
        other = np.einsum("nci,ni->nc", cells, np.broadcast_to(axis, (len(cells), 3)))
        apart |= (own.max(axis=0) < other.min(axis=1)) | (own.min(axis=0) > other.max(axis=1))
    return apart


def solid_cells(item: PlacedObject, corners: Array) -> NDArray[np.bool_]:
    """Which cells, given by corners (..., 8, 3) in i, j, k binary order, meet the closed solid box."""
    flat = corners.reshape(-1, 8, 3)
    box = box_corners(item)
    near = np.flatnonzero(((flat.max(axis=1) >= box.min(axis=0)) & (flat.min(axis=1) <= box.max(axis=0))).all(axis=1))
    cells = flat[near]
    box_edges = list(np.array(item.matrix)[:3, :3].T)
    cell_edges = [cells[:, b] - cells[:, a] for a, b in ((0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (0, 4))]
    faces = [np.cross(cells[:, b] - cells[:, a], cells[:, c] - cells[:, a]) for a, b, c in CELL_FACES]
    crosses = [np.cross(edge, other) for edge in box_edges for other in cell_edges]
    met = np.zeros(len(flat), bool)
    met[near] = ~separated(box, cells, [*box_edges, *faces, *crosses])
    return met.reshape(corners.shape[:-2])


CELL_FACES = ((0, 2, 4), (0, 1, 2), (4, 5, 6), (0, 1, 4), (2, 3, 6))


def cell_corners(points: Array) -> Array:
    """Corners (X, Y, Z, 8, 3) of the cells of a lattice of points (X + 1, Y + 1, Z + 1, 3)."""
    n = points.shape
    return np.stack(
        [points[i : n[0] - 1 + i, j : n[1] - 1 + j, k : n[2] - 1 + k] for i in (0, 1) for j in (0, 1) for k in (0, 1)],
        axis=3,
    )


def box_lattice(grid: GridSpec) -> Array:
    steps = np.stack(np.meshgrid(*(np.arange(n + 1) for n in grid.shape), indexing="ij"), axis=-1)
    return np.array(grid.origin) + grid.voxel_size * steps


def frustum_lattice(view: Camera) -> Array:
    w, h, d = view.frustum.size
    i, j, k = np.meshgrid(np.arange(w + 1), np.arange(h + 1), np.arange(d + 1), indexing="ij")
    z = view.frustum.near + (view.frustum.far - view.frustum.near) * k / d
    x = (i / w * view.width - view.K[0][2]) / view.K[0][0] * z
    y = (j / h * view.height - view.K[1][2]) / view.K[1][1] * z
    matrix = np.array(view.world_to_camera)
    return (np.stack([x, y, z], axis=-1) - matrix[:3, 3]) @ matrix[:3, :3]


def cast(scene: Scene, view: Camera) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Depth in millimetres and instance map by intersecting every pixel's ray with every box and the room."""
    matrix = np.array(view.world_to_camera)
    v, u = np.meshgrid(np.arange(view.height) + 0.5, np.arange(view.width) + 0.5, indexing="ij")
    rays = np.stack([(u - view.K[0][2]) / view.K[0][0], (v - view.K[1][2]) / view.K[1][1], np.ones_like(u)], axis=-1)
    rays = rays @ matrix[:3, :3]
    eye = -matrix[:3, :3].T @ matrix[:3, 3]
    half = np.array([ROOM[0] / 2, ROOM[1] / 2, 0.0])
    planes = np.stack([(-half - eye) / rays, (np.array([half[0], half[1], ROOM[2]]) - eye) / rays])
    depth = planes.max(axis=0).min(axis=-1)
    instance = np.zeros(depth.shape, np.uint16)
    for item in scene.objects:
        pose = np.array(item.matrix)
        start, step = (eye - pose[:3, 3]) @ pose[:3, :3], rays @ pose[:3, :3]
        size = np.array(item.size)
        slabs = np.stack([(-size / 2 * (1, 1, 0) - start) / step, (size / (2, 2, 1) - start) / step])
        enter, leave = slabs.min(axis=0).max(axis=-1), slabs.max(axis=0).min(axis=-1)
        hit = (enter <= leave) & (enter > 0) & (enter < depth)
        depth[hit], instance[hit] = enter[hit], item.id + 1
    return np.rint(depth * 1000).astype(np.uint16), instance


def box_labels(scene: Scene) -> SceneLabels:
    masks = None
    if scene.grid:
        lattice = cell_corners(box_lattice(scene.grid))
        masks = np.zeros((*scene.grid.shape, len(scene.classes)), bool)
        for item in scene.objects:
            masks[..., scene.classes.index(item.class_name)] |= solid_cells(item, lattice)
    frusta = []
    for view in scene.cameras:
        cells = cell_corners(frustum_lattice(view))
        labels = np.zeros(view.frustum.size, np.uint8)
        for item in scene.objects:
            labels[solid_cells(item, cells)] = scene.classes.index(item.class_name) + 1
        frusta.append(labels)
    maps = [cast(scene, view) for view in scene.cameras]
    return SceneLabels(
        None if masks is None else masks.any(axis=-1),
        masks,
        tuple(frusta),
        tuple(depth for depth, _ in maps),
        tuple(instance for _, instance in maps),
        tuple(tuple(int((instance == o.id + 1).sum()) for _, instance in maps) for o in scene.objects),
    )


@cache
def labelled_box_scene(index: int, grid: GridSpec | None = GRID) -> tuple[Scene, SceneLabels]:
    """A scene and its labels, worked out once a test run."""
    scene = make_box_scene(index, grid)
    return scene, box_labels(scene)


def write_images(folder: Path, labels: SceneLabels) -> list[Path]:
    """A grey picture a camera, lighter where something is near."""
    paths = []
    for k, (depth, instance) in enumerate(zip(labels.depths, labels.instances, strict=True)):
        shade = (255 - depth / 32).clip(0, 255).astype(np.uint8)
        picture = np.stack([shade, shade // 2 + 20 * (instance % 7).astype(np.uint8), shade // 2], axis=-1)
        paths.append(folder / f"{k}.png")
        Image.fromarray(picture).save(paths[-1])
    return paths


def box_info(scenes: int, grid: GridSpec | None = GRID, **options: Any) -> DatasetInfo:
    """What dataset.json says of the scenes; `options` are fields of the request."""
    usual = {"preset": "boxes", "scenes": scenes, "quality": "draft", "assets": Path("no/library"), **options}
    return DatasetInfo(Request(**usual), "0" * 64, "1" * 64, CLASSES, grid, FRUSTUM, ("4.5.0",))


def write_box_dataset(out: Path, scenes: int, grid: GridSpec | None = GRID) -> Path:
    check_dataset_json(out, box_info(scenes, grid))
    write_credits(out, map(box_asset, CLASSES))
    for index in range(scenes):
        scene, labels = labelled_box_scene(index, grid)
        pictures = out.parent / f"pictures_{index}"
        pictures.mkdir(parents=True, exist_ok=True)
        write_scene(out, scene, write_images(pictures, labels), labels)
    return out
