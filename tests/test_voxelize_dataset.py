"""Other labels for a data set that is there: right, whole at any time, and said so in its files."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from box_scenes import FRUSTUM, write_box_dataset, write_box_library
from scenegen.dataset import Dataset, leftovers, read_dataset_json, remove_leftovers, scene_path
from scenegen.errors import ScenegenError, UsageError
from scenegen.verify import verify
from scenegen.voxelize_dataset import FrustumChange, voxelize_dataset


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box_dataset(tmp_path_factory.mktemp("boxes") / "set", 2)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    write_box_library(folder)
    return folder


@pytest.fixture
def copy(boxes: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(boxes, tmp_path / "set"))


def test_the_same_grids_give_the_labels_of_separating_axes(boxes: Path, copy: Path, library: Path) -> None:
    assert voxelize_dataset(copy, assets=library) == 2
    for ours, theirs in zip(Dataset(copy), Dataset(boxes), strict=True):
        assert np.array_equal(ours.masks, theirs.masks)
        assert np.array_equal(ours.occupancy, theirs.occupancy)
        for k in range(3):
            assert np.array_equal(ours.frustum(k), theirs.frustum(k))


def test_another_grid_over_the_same_room(copy: Path, library: Path) -> None:
    images = [(p.name, p.read_bytes()) for p in sorted(scene_path(copy, 1).glob("*.png"))]
    assert voxelize_dataset(copy, shape=(80, 96, 64), workers=2, assets=library) == 2
    stored = Dataset(copy)[1]
    assert stored.grid == read_dataset_json(copy).grid
    assert stored.grid
    assert stored.grid.voxel_size == pytest.approx(0.05)
    assert stored.occupancy.shape == (80, 96, 64)
    assert [(p.name, p.read_bytes()) for p in sorted(scene_path(copy, 1).glob("*.png"))] == images
    assert verify(copy, assets=library).faults == ()


def test_another_frustum(copy: Path, library: Path) -> None:
    voxelize_dataset(copy, frustum=FrustumChange(1.0, 6.0, 25, 70.0), assets=library)
    stored = Dataset(copy)[0]
    assert stored.frustum(0).shape == (FRUSTUM.size[0], FRUSTUM.size[1], 25)
    frustum = read_dataset_json(copy).frustum
    assert frustum
    assert (frustum.near, frustum.far, frustum.hfov_deg) == (1.0, 6.0, 70.0)
    assert {camera.frustum for camera in stored.cameras} == {frustum}
    assert verify(copy, assets=library).faults == ()


WORK = """
import sys
from pathlib import Path
from scenegen.voxelize_dataset import voxelize_dataset
if __name__ == "__main__":
    print(flush=True)
    while True:
        for shape in ((20, 24, 16), (40, 48, 32)):
            voxelize_dataset(Path(sys.argv[1]), shape, assets=Path(sys.argv[2]))
"""


def test_a_kill_leaves_scenes_that_read_and_the_same_call_goes_on(copy: Path, library: Path) -> None:
    for delay in (0.3, 0.47, 0.61):
        command = [sys.executable, "-c", WORK, str(copy), str(library)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout
            child.stdout.readline()
            time.sleep(delay)
            child.send_signal(signal.SIGKILL)
        remove_leftovers(copy)
        assert not leftovers(copy)
        for stored in Dataset(copy):
            assert stored.grid
            assert stored.masks.shape[:3] == stored.grid.shape
            assert stored.masks.any()
        assert len(Dataset(copy)) == 2
    voxelize_dataset(copy, shape=(40, 48, 32), assets=library)
    assert verify(copy, assets=library).faults == ()


def test_scenes_that_were_done_before_a_kill_are_not_done_again(copy: Path, library: Path) -> None:
    before = (copy / "dataset.json").read_text()
    voxelize_dataset(copy, shape=(20, 24, 16), assets=library)
    (copy / "dataset.json").write_text(before)
    assert {fault.check for fault in verify(copy).faults} == {"scene.json"}
    shutil.rmtree(scene_path(copy, 1))
    shutil.copytree(scene_path(copy, 0), scene_path(copy, 1))
    assert voxelize_dataset(copy, shape=(20, 24, 16), assets=library) == 0
    assert voxelize_dataset(copy, shape=(20, 24, 16), assets=library) == 2


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((80, 96, 63), "cells would not be cubes over 4 x 4.8 x 3.2 m; 80,96,64 would be"),
        ((0, 96, 64), "three numbers of cells"),
        ((80, 96), "three numbers of cells"),
        ((8000, 9600, 6400), "three numbers of cells"),
    ],
)
def test_impossible_grids(copy: Path, library: Path, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        voxelize_dataset(copy, shape=shape, assets=library)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (FrustumChange(2.0, 1.0, 10, 60.0), "NEAR < FAR"),
        (FrustumChange(0.0, 1.0, 10, 60.0), "0 < NEAR"),
        (FrustumChange(1.0, 2.0, 0, 60.0), "SLICES"),
        (FrustumChange(1.0, 2.0, 10, 180.0), "HFOV"),
    ],
)
def test_impossible_frusta(copy: Path, library: Path, change: FrustumChange, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        voxelize_dataset(copy, frustum=change, assets=library)


def test_what_is_missing_is_named(copy: Path, library: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match=r"no/library: no asset library here; .* --assets"):
        voxelize_dataset(copy)
    poor = Path(shutil.copytree(library, tmp_path / "poor"))
    shutil.rmtree(poor / "bag_box")
    with pytest.raises(ScenegenError, match="bag_box"):
        voxelize_dataset(copy, assets=poor)
    assert not leftovers(copy)
    gridless = write_box_dataset(tmp_path / "gridless", 1, grid=None)
    with pytest.raises(UsageError, match="has no box grid"):
        voxelize_dataset(gridless, shape=(80, 96, 64), assets=library)
    assert voxelize_dataset(gridless, frustum=FrustumChange(1.0, 6.0, 30, 90.0), assets=library) == 1
