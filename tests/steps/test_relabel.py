"""New labels for an existing data set: correct, complete at any time, and recorded in its files."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.box_scenes import FRUSTUM, GRID, write_box_dataset
from helpers.planted_faults import one_cell
from helpers.planting import edit_array
from scenegen.cli.voxelize import voxelize
from scenegen.core.dataset.folders import leftovers, remove_leftovers, scene_path
from scenegen.core.dataset.info import check_dataset_json, read_dataset_json
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.run_lock import run_lock
from scenegen.core.dataset.writing import SceneWriter, replace_labels
from scenegen.core.errors import ScenegenError, SeveralErrors, UsageError
from scenegen.core.scene.scene import GridSpec, Scene, VoxelSpec
from scenegen.steps.pack import pack
from scenegen.steps.relabel import FrustumChange, GridChange, relabel
from scenegen.steps.verify.verify import verify


def test_the_same_grids_give_the_labels_of_separating_axes(box_set: Path, box_copy: Path, box_assets: Path) -> None:
    assert relabel(box_copy, assets=box_assets) == 2
    for ours, theirs in zip(Dataset(box_copy), Dataset(box_set), strict=True):
        assert np.array_equal(ours.masks, theirs.masks)
        assert np.array_equal(ours.occupancy, theirs.occupancy)
        for k in range(3):
            assert np.array_equal(ours.frustum(k), theirs.frustum(k))


def test_older_data_sets_get_objects_and_visibility(box_set: Path, box_copy: Path, box_assets: Path) -> None:
    older = Dataset(box_set)[0]
    assert older.scene.voxel_spec == VoxelSpec()
    with pytest.raises(ScenegenError, match="has no visibility of voxels; `scenegen voxelize` adds them"):
        older.frustum_visibility(0)
    relabel(box_copy, assets=box_assets)
    stored = Dataset(box_copy)[0]
    assert np.array_equal(stored.instances > 0, older.occupancy)
    for item in stored.objects:
        mine = stored.instances == item.id + 1
        assert mine.any()
        assert stored.masks[mine, stored.classes.index(item.class_name)].all()
    for k, camera in enumerate(stored.cameras):
        instances, seen = stored.frustum_instances(k), stored.frustum_visibility(k)
        assert np.array_equal(instances > 0, older.frustum(k) > 0)
        assert seen.shape == instances.shape == camera.frustum.size
        assert (seen[seen != 0] >= 1).all()
        assert stored.visibility_from(k).max() == 3
    assert verify(box_copy, assets=box_assets).faults == ()


def test_another_grid_over_the_same_room(box_copy: Path, box_assets: Path) -> None:
    images = [(p.name, p.read_bytes()) for p in sorted(scene_path(box_copy, 1).glob("*.png"))]
    assert relabel(box_copy, grids=[GridChange((80, 96, 64))], workers=2, assets=box_assets) == 2
    stored = Dataset(box_copy)[1]
    assert stored.grid == read_dataset_json(box_copy).grid
    assert stored.grid
    assert stored.grid.voxel_size == pytest.approx(0.05)
    assert stored.occupancy.shape == (80, 96, 64)
    assert [(p.name, p.read_bytes()) for p in sorted(scene_path(box_copy, 1).glob("*.png"))] == images
    assert verify(box_copy, assets=box_assets).faults == ()


def test_a_grid_over_another_volume(box_copy: Path, box_assets: Path) -> None:
    asked = read_dataset_json(box_copy)
    relabel(box_copy, grids=[GridChange((30, 30, 18), 0.16)], assets=box_assets)
    stored = Dataset(box_copy)[1]
    assert stored.grid == GridSpec((-2.4, -2.4, 0.0), 0.16, (30, 30, 18))
    assert stored.masks.shape == (30, 30, 18, 6)
    assert stored.visibility_from(2).shape == stored.instances.shape == (30, 30, 18)
    assert verify(box_copy, assets=box_assets).faults == ()
    with pytest.raises(ScenegenError, match=r"--grid 40,48,32@0\.1@-2\.0,-2\.4,0\.0` first") as caught:
        check_dataset_json(box_copy, asked)
    assert "@0.1@-2.0,-2.4,0.0" in str(caught.value)
    relabel(box_copy, grids=[GridChange(GRID.shape, 0.1, (-2.0, -2.4, 0.0))], assets=box_assets)
    check_dataset_json(box_copy, asked)


def test_grids_beside_one_another(box_set: Path, box_copy: Path, box_assets: Path, tmp_path: Path) -> None:
    cameras = len(Dataset(box_set)[0].cameras)
    same = GridChange(GRID.shape, GRID.voxel_size, GRID.origin, "same")
    relabel(box_copy, grids=[same, GridChange((24, 20, 16), 0.2, name="front", ego=True)], assets=box_assets)
    relabel(box_copy, grids=[GridChange((30, 30, 18), 0.16, name="ssc")], assets=box_assets)
    stored = Dataset(box_copy)[1]
    assert [named.name for named in stored.scene.grids] == ["same", "front", "ssc"]
    assert np.array_equal(stored.named_grid("same").instances, stored.instances)
    assert np.array_equal(stored.named_grid("same").visibility, stored.visibility)
    assert stored.named_grid("front", cameras - 1).labels.shape == (24, 20, 16)
    assert stored.named_grid("front", 0).labels.any()
    with pytest.raises(ScenegenError, match="has no grid fine; its grids: same, front, ssc"):
        stored.named_grid("fine")
    with pytest.raises(ScenegenError, match=r"grid front for each camera; name one, named_grid\('front', k\)"):
        stored.named_grid("front")
    with pytest.raises(ScenegenError, match="has no camera 3 for grid front; its cameras: 0 to 2"):
        stored.named_grid("front", 3)
    assert verify(box_copy, assets=box_assets).faults == ()
    pack(box_copy, tmp_path / "packed", Packing("jpeg", 95, True, 250))
    assert verify(tmp_path / "packed", assets=box_assets).faults == ()
    edit_array("grid_front_1.npz", one_cell(0), "instances")(scene_path(box_copy, 1))
    edit_array("grid_ssc.npz", one_cell(lambda v: v ^ 1), "visibility")(scene_path(box_copy, 0))
    (scene_path(box_copy, 0) / "grid_other.npz").write_bytes(b"")
    faults = [(f.scene, f.check, f.detail.split(":")[0]) for f in verify(box_copy).faults]
    assert {fault for fault in faults if fault[1] == "grids"} == {
        (0, "grids", "grid_ssc.npz"),
        (1, "grids", "grid_front_1.npz"),
    }
    assert (0, "files") in {fault[:2] for fault in faults}
    with pytest.raises(UsageError, match="a grid with a name needs the size of its cells"):
        relabel(box_copy, grids=[GridChange((30, 30, 18), name="ssc")], assets=box_assets)
    with pytest.raises(UsageError, match="need lower-case letters"):
        relabel(box_copy, grids=[GridChange((30, 30, 18), 0.1, name="../x")], assets=box_assets)
    with pytest.raises(UsageError, match="two grids have one name"):
        relabel(box_copy, grids=[same, same], assets=box_assets)
    with pytest.raises(UsageError, match="only one grid may be without NAME="):
        relabel(box_copy, grids=[GridChange((4, 4, 4)), GridChange((8, 8, 8))], assets=box_assets)


def test_grids_in_which_nothing_is_are_told(box_copy: Path, box_assets: Path) -> None:
    far = GridChange((4, 4, 4), 0.5, (100, 100, 100), "far")
    notes: list[str] = []
    grids = [far, GridChange((30, 30, 18), 0.16, name="ssc"), GridChange((4, 4, 4), 0.5, (90, 0, 0), "ahead", True)]
    relabel(box_copy, grids=grids, assets=box_assets, on_note=notes.append)
    assert notes == [
        "grid far: is empty in 2 of 2 scenes; it reaches from 100,100,100 to 102,102,102 m, "
        "the room from -2,-2.4,0 to 2,2.4,3.2 m",
        "grid ahead: is empty in 2 of 2 scenes; it reaches from 90,0,0 to 92,2,2 m before each camera",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *(
            (cells, "give three whole numbers of cells above 0, such as 80,96,64, not '.*'$")
            for cells in ("a=6.5,6,3@0.5", "a=", "a=0,1,1", "a=-1,4,4", "6,6@0.5")
        ),
        *((f"a=60,60,36@{size}", "give the size of a cell in metres, above 0") for size in ("nan", "0", "-1", "1,2")),
        ("a=6,6,3@0.5@1,2", "give the first corner as X0,Y0,Z0 in metres, .* not '1,2'"),
        ("=6,6,3@0.5", "give NAME="),
    ],
)
def test_a_grid_that_cannot_be_read_is_told_with_its_name(text: str, message: str, tmp_path: Path) -> None:
    error = CliRunner().invoke(voxelize, [str(tmp_path), "--grid", text]).exception
    assert isinstance(error, UsageError)
    assert re.match(rf"--grid {text}: {message}", str(error))


def test_a_grid_that_no_memory_holds_is_told_its_size(box_copy: Path, box_assets: Path) -> None:
    with pytest.raises(UsageError, match=r"10,000,000,000 cells would take 60\.0 GB per scene"):
        relabel(box_copy, grids=[GridChange((10000, 10000, 100))], assets=box_assets)
    with pytest.raises(UsageError, match="give the size of a cell in metres"):
        relabel(box_copy, grids=[GridChange((4, 4, 4), -0.1)], assets=box_assets)


def test_files_of_the_user_stay(box_copy: Path, box_assets: Path) -> None:
    (scene_path(box_copy, 0) / "notes.txt").write_text("mine")
    (scene_path(box_copy, 0) / "more").mkdir()
    (scene_path(box_copy, 0) / "more" / "flow_0.npy").write_bytes(b"mine too")
    relabel(box_copy, assets=box_assets)
    assert (scene_path(box_copy, 0) / "notes.txt").read_text() == "mine"
    assert (scene_path(box_copy, 0) / "more" / "flow_0.npy").read_bytes() == b"mine too"


def test_generate_says_how_to_get_the_presets_voxels_back(box_set: Path, box_copy: Path, box_assets: Path) -> None:
    asked = read_dataset_json(box_copy)
    relabel(box_copy, grids=[GridChange((20, 24, 16))], assets=box_assets)
    with pytest.raises(ScenegenError, match=rf"run `scenegen voxelize {box_copy} --grid 40,48,32` first, or name"):
        check_dataset_json(box_copy, asked)
    relabel(box_copy, grids=[GridChange((40, 48, 32))], frustum=FrustumChange(1.0, 6.0, 25, 70.0), assets=box_assets)
    spec = FRUSTUM
    text = f"--frustum {spec.near:g},{spec.far:g},{spec.size[2]},{spec.hfov_deg:g}"
    with pytest.raises(ScenegenError, match=f"run `scenegen voxelize {box_copy} {text}` first"):
        check_dataset_json(box_copy, asked)
    relabel(box_copy, frustum=FrustumChange(spec.near, spec.far, spec.size[2], spec.hfov_deg), assets=box_assets)
    check_dataset_json(box_copy, asked)


def test_another_frustum(box_copy: Path, box_assets: Path) -> None:
    relabel(box_copy, frustum=FrustumChange(1.0, 6.0, 25, 70.0), assets=box_assets)
    stored = Dataset(box_copy)[0]
    assert stored.frustum(0).shape == (FRUSTUM.size[0], FRUSTUM.size[1], 25)
    frustum = read_dataset_json(box_copy).frustum
    assert frustum
    assert (frustum.near, frustum.far, frustum.hfov_deg) == (1.0, 6.0, 70.0)
    assert {camera.frustum for camera in stored.cameras} == {frustum}
    assert verify(box_copy, assets=box_assets).faults == ()


WORK = """
import sys
from pathlib import Path
from scenegen.core.dataset.packing import Packing
from scenegen.steps.pack import pack
from scenegen.steps.relabel import GridChange, relabel
if __name__ == "__main__":
    print(flush=True)
    while True:
        for shape in ((20, 24, 16), (40, 48, 32)):
            relabel(Path(sys.argv[1]), grids=[GridChange(shape)], assets=Path(sys.argv[2]))
"""


def test_a_kill_leaves_scenes_that_read_and_the_same_call_goes_on(box_copy: Path, box_assets: Path) -> None:
    for delay in (0.3, 0.47, 0.61):
        command = [sys.executable, "-c", WORK, str(box_copy), str(box_assets)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout
            child.stdout.readline()
            time.sleep(delay)
            child.send_signal(signal.SIGKILL)
        remove_leftovers(box_copy)
        assert not leftovers(box_copy)
        for stored in Dataset(box_copy):
            assert stored.grid
            assert stored.masks.shape[:3] == stored.grid.shape
            assert stored.masks.any()
        assert len(Dataset(box_copy)) == 2
    relabel(box_copy, grids=[GridChange((40, 48, 32))], assets=box_assets)
    assert verify(box_copy, assets=box_assets).faults == ()


def test_scenes_that_were_done_before_a_kill_are_not_done_again(box_copy: Path, box_assets: Path) -> None:
    before = (box_copy / "dataset.json").read_text()
    relabel(box_copy, grids=[GridChange((20, 24, 16))], assets=box_assets)
    (box_copy / "dataset.json").write_text(before)
    assert {fault.check for fault in verify(box_copy).faults} == {"scene.json"}
    shutil.rmtree(scene_path(box_copy, 1))
    shutil.copytree(scene_path(box_copy, 0), scene_path(box_copy, 1))
    assert relabel(box_copy, grids=[GridChange((20, 24, 16))], assets=box_assets) == 0
    assert relabel(box_copy, grids=[GridChange((20, 24, 16))], assets=box_assets) == 2


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((80, 96, 63), "cells would not be cubes over 4 x 4.8 x 3.2 m; 80,96,64 would be"),
        ((0, 96, 64), "three numbers of cells"),
        ((80, 96), "three numbers of cells"),
        ((8000, 9600, 6400), "491,520,000,000 cells would take"),
    ],
)
def test_impossible_grids(box_copy: Path, box_assets: Path, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        relabel(box_copy, grids=[GridChange(shape)], assets=box_assets)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (FrustumChange(2.0, 1.0, 10, 60.0), "NEAR < FAR"),
        (FrustumChange(0.0, 1.0, 10, 60.0), "0 < NEAR"),
        (FrustumChange(1.0, 2.0, 0, 60.0), "SLICES"),
        (FrustumChange(1.0, 2.0, 10, 180.0), "HFOV"),
    ],
)
def test_impossible_frusta(box_copy: Path, box_assets: Path, change: FrustumChange, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        relabel(box_copy, frustum=change, assets=box_assets)


def test_what_is_missing_is_named(box_copy: Path, box_assets: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match=r"no/library: there is no asset library here; .* --assets"):
        relabel(box_copy)
    poor = Path(shutil.copytree(box_assets, tmp_path / "poor"))
    shutil.rmtree(poor / "bag_box")
    with pytest.raises(ScenegenError, match=r"poor: has no asset bag_box; .* --assets"):
        relabel(box_copy, assets=poor)
    assert not leftovers(box_copy)
    gridless = write_box_dataset(tmp_path / "gridless", 1, grid=None)
    with pytest.raises(UsageError, match="has no box grid"):
        relabel(gridless, grids=[GridChange((80, 96, 64))], assets=box_assets)
    assert relabel(gridless, frustum=FrustumChange(1.0, 6.0, 30, 90.0), assets=box_assets) == 1


def test_another_asset_under_the_same_name_is_refused(box_copy: Path, box_assets: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(box_assets, tmp_path / "other"))
    shutil.rmtree(other / "bag_box")
    shutil.copytree(other / "chair_box", other / "bag_box")
    with pytest.raises(ScenegenError, match=r"object 5 is not the bag_box of .*; name the library .* --assets"):
        relabel(box_copy, grids=[GridChange((80, 96, 64))], assets=other)
    assert verify(box_copy, assets=box_assets).ok


def test_a_model_that_another_version_prepared_is_the_same_model(
    box_copy: Path, box_assets: Path, tmp_path: Path
) -> None:
    """Decimation may differ by a few micrometres from version to version; the labels still are proven bit by bit."""
    other = Path(shutil.copytree(box_assets, tmp_path / "other"))
    described = json.loads((other / "bag_box" / "asset.json").read_text())
    described["size"][0] += 1.5e-5
    (other / "bag_box" / "asset.json").write_text(json.dumps(described))
    assert relabel(box_copy, grids=[GridChange((40, 48, 32))], assets=other) > 0
    assert verify(box_copy, assets=other).ok


def test_a_packed_data_set_is_refused(box_set: Path, box_assets: Path, tmp_path: Path) -> None:
    pack(box_set, tmp_path / "packed", Packing("png", 95, True, 250))
    with pytest.raises(UsageError, match="is packed; make the labels of the folders"):
        relabel(tmp_path / "packed", grids=[GridChange((80, 96, 64))], assets=box_assets)


def test_a_data_set_that_is_being_made_is_left_alone(box_copy: Path, box_assets: Path) -> None:
    before = scene_path(box_copy, 0).stat().st_mtime_ns
    with run_lock(box_copy), pytest.raises(ScenegenError, match="another run is making it"):
        relabel(box_copy, grids=[GridChange((80, 96, 64))], assets=box_assets)
    assert scene_path(box_copy, 0).stat().st_mtime_ns == before


def test_a_damaged_scene_is_found_before_any_changes(box_copy: Path, box_assets: Path) -> None:
    """A data set that stops in between has two grids."""
    before = files(box_copy)
    (scene_path(box_copy, 1) / "scene.json").write_text("{")
    with pytest.raises(SeveralErrors, match="no scene was changed; the same command works once these files are whole"):
        relabel(box_copy, grids=[GridChange((20, 24, 16))], assets=box_assets)
    (scene_path(box_copy, 1) / "scene.json").write_bytes(before["scenes/scene_000001/scene.json"])
    assert files(box_copy) == before


def test_a_stop_in_between_says_that_the_same_command_continues(
    box_copy: Path, box_assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    through = replace_labels

    def full(out: Path, scene: Scene, write: Callable[[SceneWriter], None]) -> None:
        if scene.index == 1:
            raise ScenegenError("disk: is full")
        through(out, scene, write)

    monkeypatch.setattr("scenegen.steps.relabel.replace_labels", full)
    with pytest.raises(SeveralErrors) as caught:
        relabel(box_copy, grids=[GridChange((20, 24, 16))], assets=box_assets)
    assert str(caught.value).splitlines() == [
        "disk: is full",
        f"{box_copy}: some scenes have the new labels, others the old ones; the same command changes the others",
    ]
    monkeypatch.undo()
    assert relabel(box_copy, grids=[GridChange((20, 24, 16))], assets=box_assets) == 1
    assert verify(box_copy, assets=box_assets).ok


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}
