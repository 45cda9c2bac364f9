"""Labels of whole scenes: what is in them follows from the scene and the meshes, and from nothing else."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from helpers.labelled_scenes import SceneLabels, make_labels
from numpy.typing import NDArray
from scenegen.core.dataset.shards import pack_masks
from scenegen.core.labels.box_masks import grid_masks
from scenegen.core.labels.depth_and_instances import depth_to_steps, rasterize
from scenegen.core.labels.fruxels import frustum_labels
from scenegen.core.labels.grids import BoxGrid, FrustumGrid, cell_centres, frustum_grid
from scenegen.core.labels.placed_meshes import PlacedMesh, meshes_in_view, place_meshes
from scenegen.core.labels.voxelize import mark_cells, voxelize
from scenegen.core.scene.scene import (
    FARTHEST_STEP,
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
)

CLASSES = ("chair", "table", "bag")
GRID = GridSpec((-2.0, -2.4, 0.0), 0.05, (80, 96, 64))
CORNERS = np.array([[i, j, k] for i in (-1.0, 1.0) for j in (-1.0, 1.0) for k in (0.0, 1.0)])
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
FACES = np.array([t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))])


def box_mesh(x: float, y: float, z: float) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    return (CORNERS * [x / 2, y / 2, z]).astype(np.float32), FACES.astype(np.int32)


MESHES = {"chair": box_mesh(0.5, 0.5, 0.9), "table": box_mesh(1.2, 0.8, 0.75), "bag": box_mesh(0.3, 0.2, 0.4)}


def placed(number: int, name: str, x: float, y: float, z: float, yaw: float, parent: int | None) -> PlacedObject:
    c, s = math.cos(yaw), math.sin(yaw)
    matrix = ((c, -s, 0.0, x), (s, c, 0.0, y), (0.0, 0.0, 1.0, z), (0.0, 0.0, 0.0, 1.0))
    return PlacedObject(number, name, name, parent, matrix, Bounds((0, 0, 0), (0, 0, 0)), (0, 0, 0))


def camera(name: str, place: tuple[float, float, float]) -> Camera:
    forward = np.subtract((0.0, 0.0, 0.8), place)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = [right, np.cross(forward, right), forward]
    pose[:3, 3] = -pose[:3, :3] @ place
    matrix: Matrix4 = tuple(tuple(row) for row in pose.tolist())  # type: ignore[assignment]
    spec = FrustumSpec(0.5, 7.0, (64, 64, 64), math.degrees(2 * math.atan(112 / 160)))
    return Camera(name, 224, 224, ((160.0, 0, 112), (0, 160.0, 112), (0, 0, 1.0)), matrix, spec)


def scene() -> Scene:
    plain = SurfaceLook("paint", (1, 1, 1), (1, 1, 1), 0.5, 1.0)
    light = LightLook((0, 0, 3), (0, 0, 0), 1.0, 100.0, (1, 1, 1))
    return Scene(
        seed=0, index=0, preset="studio", split="train", classes=CLASSES, grid=GRID, room=(4.0, 4.8, 3.2),
        cameras=(camera("a", (1.8, -2.2, 2.6)), camera("b", (-1.8, 2.2, 2.6))),
        objects=(
            placed(0, "table", 0.2, 0.1, 0.0, 0.4, None),
            placed(1, "chair", -0.9, -0.8, 0.0, 1.1, None),
            placed(2, "bag", 0.2, 0.1, 0.75, 0.7, 0),
        ),
        skipped=(), look=Look(plain, plain, plain, (light,), "", 1.0, 0.0, 0.0),
    )  # fmt: skip


def test_shapes_types_and_counts() -> None:
    labels = make_labels(scene(), MESHES)
    assert labels.occupancy is not None and labels.masks is not None
    assert labels.occupancy.dtype == labels.masks.dtype == np.bool_
    assert labels.masks.shape == (80, 96, 64, 3)
    assert np.array_equal(labels.occupancy, labels.masks.any(axis=-1))
    assert [f.shape for f in labels.frusta] == [(64, 64, 64)] * 2 and labels.frusta[0].dtype == np.uint8
    assert [d.shape for d in labels.depths] == [(224, 224)] * 2 and labels.depths[0].dtype == np.uint16
    for number, counts in enumerate(labels.visible_pixels):
        assert counts == tuple(int((i == number + 1).sum()) for i in labels.instances)
        assert max(counts) > 100


def test_masks_hold_each_objects_solid_and_touching_objects_share_cells() -> None:
    labels = make_labels(scene(), MESHES)
    assert labels.masks is not None
    grid = BoxGrid(GRID.origin, GRID.voxel_size, GRID.shape)
    centres = cell_centres(grid)
    for placed_object in scene().objects:
        size = MESHES[placed_object.asset][0].max(axis=0).astype(float)
        own = (centres - np.array(placed_object.matrix)[:3, 3]) @ np.array(placed_object.matrix)[:3, :3]
        inside = (np.abs(own[..., :2]) <= size[:2]).all(axis=-1) & (own[..., 2] >= 0) & (own[..., 2] <= size[2])
        mask = labels.masks[..., CLASSES.index(placed_object.class_name)]
        assert inside.sum() > 100 and mask[inside].all()
        far = (np.abs(own[..., :2]) > size[:2] + 0.09).any(axis=-1) | (own[..., 2] > size[2] + 0.09)
        assert not mask[far].any()
    # The bag stands at a cell's boundary: on both sides of it cells belong to both.
    shared = labels.masks[..., 1] & labels.masks[..., 2]
    assert np.unique(np.nonzero(shared)[2]).tolist() == [14, 15]


def test_the_last_placed_wins_in_a_frustum() -> None:
    labels = make_labels(scene(), MESHES)
    grid = frustum_grid(scene().cameras[0])
    bag, table = (scene().objects[n] for n in (2, 0))
    cells = [
        voxelize((np.array(o.matrix)[:3, :3] @ MESHES[o.asset][0].T).T + np.array(o.matrix)[:3, 3], FACES, grid)
        for o in (bag, table)
    ]
    both = cells[0] & cells[1]
    assert both.sum() > 10
    assert (labels.frusta[0][both] == CLASSES.index("bag") + 1).all()
    assert (labels.frusta[0][cells[0]] == CLASSES.index("bag") + 1).mean() > 0.999


def test_labels_are_the_same_bytes_again() -> None:
    one, other = make_labels(scene(), MESHES), make_labels(scene(), MESHES)
    for member in dataclasses.fields(SceneLabels):
        a, b = getattr(one, member.name), getattr(other, member.name)
        pairs = zip(a, b, strict=True) if isinstance(a, tuple) else [(a, b)]
        assert all(np.array_equal(x, y) for x, y in pairs)


def test_without_a_box_grid_there_are_only_frusta() -> None:
    labels = make_labels(dataclasses.replace(scene(), grid=None), MESHES)
    assert labels.occupancy is None and labels.masks is None
    assert labels.frusta[0].any()


def test_voxel_labels_at_another_grid_and_another_frustum() -> None:
    coarse = GridSpec(GRID.origin, 0.1, (40, 48, 32))
    spec = FrustumSpec(1.0, 6.0, (32, 32, 24), 50.0)
    things = place_meshes(scene(), MESHES)
    occupancy = grid_masks(things, coarse, len(CLASSES)).any(axis=-1)
    frusta = [frustum_labels(things, view, spec) for view in scene().cameras]
    assert occupancy.shape == (40, 48, 32)
    fine = make_labels(scene(), MESHES).occupancy
    assert fine is not None
    assert not (fine.reshape(40, 2, 48, 2, 32, 2).any(axis=(1, 3, 5)) & ~occupancy).any()
    assert [f.shape for f in frusta] == [(32, 32, 24)] * 2


def test_a_narrower_field_of_view_keeps_pose_and_centre() -> None:
    view = scene().cameras[0]
    grid = frustum_grid(view, FrustumSpec(1.0, 6.0, (32, 32, 24), 50.0))
    assert isinstance(grid, FrustumGrid)
    K = np.asarray(grid.K)
    assert 2 * math.degrees(math.atan(view.width / 2 / K[0, 0])) == 50.0
    assert K[0, 0] == K[1, 1] and K[0, 2] == 112 and grid.world_to_camera == view.world_to_camera
    assert frustum_grid(view).K == view.K


def test_depth_in_millimetres_keeps_nothing_apart_from_near_and_far() -> None:
    stored = depth_to_steps(np.array([0.0, 0.0001, 1.2344, 1.2346, 65.534, 65.5351, 900.0], np.float32), 1)
    assert stored.tolist() == [0, 1, 1234, 1235, 65534, FARTHEST_STEP, FARTHEST_STEP]
    stored = depth_to_steps(np.array([0.0, 0.001, 1.2344, 1.236, 655.34, 655.36, 9000.0], np.float32), 10)
    assert stored.tolist() == [0, 1, 123, 124, 65534, FARTHEST_STEP, FARTHEST_STEP]


def test_leaving_out_what_a_view_cannot_show_changes_no_label(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables all around cameras that look along the floor: many behind, aside, beyond and across a plane."""
    around = [placed(n, "table", 1.3 * (n % 5) - 2.6, 1.3 * (n // 5) - 2.6, 0.0, 0.3 * n, None) for n in range(25)]
    views = tuple(camera(str(n), (0.65 * n - 1.9, -0.65, 0.7)) for n in range(7))
    crowd = dataclasses.replace(scene(), grid=None, room=None, objects=tuple(around), cameras=views)
    quick = make_labels(crowd, MESHES)
    left_out: list[int] = []

    def whole(things: Sequence[PlacedMesh], *rest: Any) -> list[PlacedMesh]:
        left_out.append(len(things) - len(meshes_in_view(things, *rest)))
        return list(things)

    monkeypatch.setattr("scenegen.core.labels.view_labels.meshes_in_view", whole)
    monkeypatch.setattr("scenegen.core.labels.fruxels.meshes_in_view", whole)
    slow = make_labels(crowd, MESHES)
    assert np.mean(left_out) > 8
    for name in ("frusta", "depths", "instances"):
        assert all(np.array_equal(a, b) for a, b in zip(getattr(quick, name), getattr(slow, name), strict=True))


def test_labels_refuse_what_they_have_no_numbers_for() -> None:
    one = scene()
    many = dataclasses.replace(one, classes=(*CLASSES, *(f"c{n}" for n in range(62))))
    with pytest.raises(ValueError, match="65 classes given, labels hold at most 64"):
        place_meshes(many, MESHES)
    open_air = dataclasses.replace(one, grid=None, classes=tuple(f"c{n}" for n in range(252)) + CLASSES)
    assert {mesh.label for mesh in place_meshes(open_air, MESHES)} == {253, 254, 255}
    with pytest.raises(ValueError, match="256 classes given, labels hold at most 255"):
        place_meshes(dataclasses.replace(open_air, classes=("more", *open_air.classes)), MESHES)
    vertices, faces = MESHES["chair"]
    last = rasterize([(65533, vertices, faces)], one.cameras[0], None)[1]
    assert last.max() == 65534
    with pytest.raises(ValueError, match="object id 65534: instance maps hold ids from 0 to 65533"):
        rasterize([(65534, vertices, faces)], one.cameras[0], None)
    grid = BoxGrid((-2.0, -2.4, 0.0), 0.1, (40, 48, 32))
    with pytest.raises(ValueError, match="value 256: a volume of uint8 holds 0 to 255"):
        mark_cells(np.zeros(grid.shape, np.uint8), vertices, faces, grid, value=256)
    with pytest.raises(ValueError, match="masks of 65 classes"):
        pack_masks(np.zeros((2, 2, 2, 65), bool))
