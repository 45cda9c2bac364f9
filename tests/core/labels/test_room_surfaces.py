"""Floor, walls and ceiling as classes of cells."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scenegen.core.dataset.folders import scene_path
from scenegen.core.dataset.info import read_dataset_json
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.request import Request
from scenegen.core.errors import UsageError
from scenegen.core.labels.depth_and_instances import rasterize
from scenegen.core.labels.grids import box_grid, cell_edges
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene.scene import ROOM_SURFACES
from scenegen.steps.relabel import GridChange, relabel
from scenegen.steps.verify.verify import verify


@pytest.fixture
def with_room(box_copy: Path, box_assets: Path) -> Path:
    relabel(box_copy, with_room=True, grids=[GridChange((9, 7, 5), 0.77, (-3.3, -2.9, -0.4), "odd")], assets=box_assets)
    return box_copy


def met(edges: tuple[NDArray[np.float64], ...], low: tuple[float, ...], high: tuple[float, ...]) -> NDArray[np.bool_]:
    """The closed cells that meet a closed box, every cell tried."""
    cells = np.zeros([len(e) - 1 for e in edges], bool)
    for cell in itertools.product(*map(range, cells.shape)):
        ends = zip(cell, edges, low, high, strict=True)
        cells[cell] = all(e[n] <= b + 1e-9 and e[n + 1] >= a - 1e-9 for n, e, a, b in ends)
    return cells


def test_box_cells_are_those_that_meet_the_surfaces(with_room: Path) -> None:
    stored = Dataset(with_room)[0]
    assert stored.scene.room
    assert stored.grid
    x, y, z = stored.scene.room[0] / 2, stored.scene.room[1] / 2, stored.scene.room[2]
    sides = [((s, -y, 0), (s, y, z)) for s in (-x, x)] + [((-x, s, 0), (x, s, z)) for s in (-y, y)]
    named = stored.scene.grids[0]
    for grid in (stored.grid, named.grid):
        edges = cell_edges(box_grid(grid))
        right = {
            "floor": met(edges, (-x, -y, 0), (x, y, 0)),
            "wall": np.any([met(edges, *side) for side in sides], axis=0),
            "ceiling": met(edges, (-x, -y, z), (x, y, z)),
        }
        assert all(cells.any() for cells in right.values())
        if grid == stored.grid:
            for name, cells in right.items():
                assert np.array_equal(stored.masks[..., stored.classes.index(name)], cells), name
            continue
        found = stored.named_grid("odd")
        expected = np.zeros(grid.shape, np.uint8)
        for name in reversed(ROOM_SURFACES):
            expected[right[name]] = stored.classes.index(name) + 1
        of_no_object = found.instances == 0
        assert np.array_equal(found.labels[of_no_object], expected[of_no_object])


def test_what_a_camera_sees_of_an_empty_room_lies_in_labelled_fruxels(with_room: Path) -> None:
    scene = Dataset(with_room)[0].scene
    for k, camera in enumerate(scene.cameras):
        labels = Dataset(with_room)[0].frustum(k)
        depth, _ = rasterize([], camera, scene.room)
        w, h, d = camera.frustum.size
        v, u = np.mgrid[: camera.height, : camera.width] + 0.5
        place = (depth - camera.frustum.near) / (camera.frustum.far - camera.frustum.near) * d
        inside = (place > 0) & (place < d)
        cells = tuple(np.floor(a[inside]).astype(int) for a in (u * w / camera.width, v * h / camera.height, place))
        assert inside.any()
        assert (labels[cells] > 0).all()


def test_without_room_everything_is_as_before(box_set: Path, box_copy: Path, box_assets: Path) -> None:
    relabel(box_copy, assets=box_assets)
    before = {p: p.read_bytes() for p in box_copy.rglob("*.np*")}
    relabel(box_copy, with_room=True, assets=box_assets)
    stored = Dataset(box_copy)[1]
    assert stored.classes[-3:] == ROOM_SURFACES == read_dataset_json(box_copy).classes[-3:]
    assert read_dataset_json(box_copy).request.with_room
    assert np.array_equal(stored.instances > 0, Dataset(box_set)[1].occupancy)
    relabel(box_copy, assets=box_assets)
    assert read_dataset_json(box_copy).request.with_room  # kept
    relabel(box_copy, with_room=False, assets=box_assets)
    assert {p: p.read_bytes() for p in box_copy.rglob("*.np*")} == before
    assert not read_dataset_json(box_copy).request.with_room


def test_one_wrong_cell_is_found_without_the_library(with_room: Path, box_assets: Path, tmp_path: Path) -> None:
    assert verify(with_room, assets=box_assets).faults == ()
    wall = Dataset(with_room).info.classes.index("wall")
    path = scene_path(with_room, 0) / "masks.npy"
    masks = np.load(path)
    masks[tuple(np.argwhere(masks[..., wall])[100])][wall] = False
    np.save(path, masks)
    found = [fault for fault in verify(with_room, assets=tmp_path / "none").faults if fault.check == "masks"]
    assert [str(fault.detail) for fault in found] == [
        "masks.npy: 1 wall cells are not those that the wall of the room meets"
    ]


def test_presets_that_cannot_have_them_are_refused(tmp_path: Path, box_assets: Path) -> None:
    asked = Request(with_room=True)
    studio = load_preset("studio")
    assert asked.classes_of(studio) == (*studio.classes, "floor", "wall", "ceiling")
    with pytest.raises(UsageError, match="are in the open"):
        asked.classes_of(load_preset("street"))
    rules = tuple(dataclasses.replace(rule, name="floor") if n == 0 else rule for n, rule in enumerate(studio.rules))
    with pytest.raises(UsageError, match="has objects of the class floor"):
        asked.classes_of(dataclasses.replace(studio, rules=rules))
