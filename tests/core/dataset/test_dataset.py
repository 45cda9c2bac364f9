"""Writing scenes so that nothing is ever there by half, resuming, and reading."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.box_scenes import (
    CLASSES,
    FRUSTUM,
    GRID,
    PIXELS,
    box_asset,
    box_info,
    labelled_box_scene,
    write_box_dataset,
    write_box_library,
    write_images,
)
from helpers.labelled_scenes import SceneLabels, write_scene
from PIL import Image
from scenegen.core.asset_library import Asset, list_assets, read_asset, read_mesh, write_asset
from scenegen.core.dataset.credits import credit_entries, write_credits
from scenegen.core.dataset.fingerprints import write_fingerprints
from scenegen.core.dataset.folders import finished_indices, is_complete, leftovers, remove_leftovers, scene_path
from scenegen.core.dataset.info import (
    DatasetInfo,
    check_dataset_json,
    library_checksum,
    preset_checksum,
    read_dataset_json,
)
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.timings import append_timings
from scenegen.core.dataset.writing import SceneWriter, replace_labels
from scenegen.core.errors import ScenegenError
from scenegen.core.scene.scene import Scene

FILES = sorted(
    ["scene.json", "occupancy.npy", "masks.npy"]
    + [f"{kind}_{k}.{end}" for k in range(3) for kind, end in (("image", "png"), ("depth", "png"), ("instance", "png"))]
    + [f"frustum_{k}.npz" for k in range(3)]
)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, list[Path], SceneLabels]:
    """A scene with its pictures and labels, ready to be written."""
    scene, labels = labelled_box_scene(0)
    return scene, write_images(tmp_path_factory.mktemp("pictures"), labels), labels


@pytest.fixture
def out(tmp_path: Path) -> Path:
    check_dataset_json(tmp_path / "set", box_info(3))
    return tmp_path / "set"


def test_a_scene_folder_holds_what_the_format_says(out: Path, one: tuple[Scene, list[Path], SceneLabels]) -> None:
    scene, images, labels = one
    folder = write_scene(out, scene, images, labels)
    assert folder == out / "scenes" / "scene_000000"
    assert sorted(p.name for p in folder.iterdir()) == FILES
    with Image.open(folder / "image_1.png") as image:
        assert (image.mode, image.size) == ("RGB", (PIXELS, PIXELS))
    header = (folder / "depth_2.png").read_bytes()[16:26]
    assert header == PIXELS.to_bytes(4, "big") * 2 + bytes([16, 0])  # sixteen bits, one grey channel
    with np.load(folder / "frustum_0.npz") as arrays:
        assert arrays.files == ["labels"]
        assert arrays["labels"].dtype == np.uint8
        assert np.array_equal(arrays["labels"], labels.frusta[0])
    assert np.load(folder / "masks.npy").dtype == bool
    assert np.load(folder / "masks.npy").shape == (*GRID.shape, len(CLASSES))
    body = json.loads((folder / "scene.json").read_text())
    assert body["objects"][3]["visible_pixels"] == [int((m == 4).sum()) for m in labels.instances]
    assert body["credits"][0]["licence"] == "CC0"


def test_reading_gives_back_what_was_written(out: Path, one: tuple[Scene, list[Path], SceneLabels]) -> None:
    scene, images, labels = one
    depth = labels.depths[0].copy()
    depth[0, :2] = 0, 65535
    labels = dataclasses.replace(labels, depths=(depth, *labels.depths[1:]))
    for index in (0, 1):
        write_scene(out, dataclasses.replace(scene, index=index), images, labels)
    dataset = Dataset(str(out))
    assert len(dataset) == 2
    assert [s.index for s in dataset] == [0, 1]
    assert dataset[-1].index == 1
    with pytest.raises(IndexError):
        dataset[2]
    stored = dataset[0]
    assert stored.classes == CLASSES
    assert stored.grid == GRID
    assert [o.class_name for o in stored.objects] == [o.class_name for o in scene.objects]
    assert stored.cameras == scene.cameras
    assert stored.scene.look == scene.look
    assert np.array_equal(stored.masks, labels.masks)
    assert np.array_equal(stored.occupancy, labels.occupancy)
    for k in range(3):
        assert np.array_equal(stored.frustum(k), labels.frusta[k])
        assert np.array_equal(stored.instance(k), labels.instances[k])
        assert np.array_equal(stored.depth_mm(k), labels.depths[k])
        with Image.open(images[k]) as image:
            assert np.array_equal(stored.images[k], np.asarray(image))
    metres = stored.depth(0)
    assert metres.dtype == np.float32
    assert metres[0, 0] == 0
    assert np.isinf(metres[0, 1])
    assert metres[5, 5] == pytest.approx(depth[5, 5] / 1000)


def test_the_same_scene_is_the_same_bytes(tmp_path: Path, one: tuple[Scene, list[Path], SceneLabels]) -> None:
    folders: list[Path] = []
    for name in ("a", "b"):
        time.sleep(2.1 if folders else 0)  # a zip file's clock ticks every two seconds
        check_dataset_json(tmp_path / name, box_info(1))
        folders.append(write_scene(tmp_path / name, one[0], one[1], one[2]))
    for file in FILES:
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes(), file


def test_a_scene_that_is_there_stays(out: Path, one: tuple[Scene, list[Path], SceneLabels]) -> None:
    folder = write_scene(out, one[0], one[1], one[2])
    (folder / "mark").touch()
    assert write_scene(out, one[0], one[1], one[2]) == folder
    assert (folder / "mark").exists()
    assert not leftovers(out)
    assert is_complete(out, 0)
    assert not is_complete(out, 1)


def test_a_full_disk_leaves_one_line_and_nothing_else(out: Path, one: tuple[Scene, list[Path], SceneLabels]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ScenegenError, match=r"scene_000000: cannot be written \(File too large\); make room"):
            write_scene(out, one[0], one[1], one[2])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((out / "scenes").iterdir()) == []


WRITER = """
import dataclasses, pickle, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from scenegen.core.dataset.folders import finished_indices, remove_leftovers
from helpers.labelled_scenes import write_scene
out = Path(sys.argv[2])
scene, images, labels = pickle.loads(Path(sys.argv[3]).read_bytes())
remove_leftovers(out)
for index in range(400):
    if index not in finished_indices(out):
        print(index, flush=True)
        write_scene(out, dataclasses.replace(scene, index=index), images, labels)
"""


def test_a_kill_at_any_time_leaves_whole_scenes(out: Path, one: tuple[Scene, list[Path], SceneLabels]) -> None:
    (out.parent / "scene").write_bytes(pickle.dumps(one))
    for delay in (0.003, 0.007, 0.011, 0.019, 0.027, 0.052):
        command = [sys.executable, "-c", WRITER, str(Path(__file__).parents[2]), str(out), str(out.parent / "scene")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout
            child.stdout.readline()
            time.sleep(delay)
            child.send_signal(signal.SIGKILL)
    done = finished_indices(out)
    assert done == set(range(len(done)))
    for stored in Dataset(out):
        assert sorted(p.name for p in Path(stored.name).iterdir()) == FILES
        assert stored.masks.any()
        assert all(stored.frustum(k).any() and stored.images[k].any() for k in range(3))
    remove_leftovers(out)
    assert not leftovers(out)


def test_leftovers_of_dead_runs_go_and_those_of_living_ones_stay(out: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    scenes, host = out / "scenes", socket.gethostname()
    kept = [scenes / f".writing-000001-{host}-{os.getppid()}", scenes / f".writing-000002-elsewhere-{dead.pid}"]
    gone = [scenes / f".writing-000003-{host}-{dead.pid}", scenes / f".retired-000004-{host}-{dead.pid}"]
    lost = scenes / f".retired-000005-{host}-{dead.pid}"
    for folder in (*kept, *gone, lost, scene_path(out, 4)):
        folder.mkdir()
    (lost / "scene.json").write_text("whole")
    assert leftovers(out) == sorted([*kept, *gone, lost])
    remove_leftovers(out)
    assert leftovers(out) == sorted(kept)
    assert (scene_path(out, 5) / "scene.json").read_text() == "whole"


def test_replacing_labels_keeps_the_pictures(out: Path, one: tuple[Scene, list[Path], SceneLabels]) -> None:
    scene, images, labels = one
    folder = write_scene(out, scene, images, labels)
    before = (folder / "image_0.png").read_bytes()
    smaller = dataclasses.replace(scene, grid=dataclasses.replace(GRID, shape=(2, 3, 4)))
    masks = np.zeros((2, 3, 4, 6), bool)

    def write(writer: SceneWriter) -> None:
        writer.masks(masks)
        for k in range(3):
            writer.frustum(k, {"labels": np.zeros((4, 4, 4), np.uint8)})

    replace_labels(out, smaller, write)
    stored = Dataset(out)[0]
    assert stored.masks.shape == (2, 3, 4, 6)
    assert stored.grid == smaller.grid
    assert (folder / "image_0.png").read_bytes() == before
    assert sorted(p.name for p in folder.iterdir()) == FILES
    assert not leftovers(out)


def test_the_same_request_resumes_and_may_grow(out: Path) -> None:
    check_dataset_json(out, box_info(2))
    assert read_dataset_json(out) == box_info(3)
    check_dataset_json(out, dataclasses.replace(box_info(9, assets=Path("moved")), blender=("5.0.1",)))
    assert read_dataset_json(out).request.scenes == 9
    assert read_dataset_json(out).blender == ("4.5.0", "5.0.1")
    check_dataset_json(out.with_name("street"), box_info(1, grid=None))
    assert read_dataset_json(out.with_name("street")).grid is None


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("preset", "street", 'made with preset "boxes", now asked for "street"'),
        ("preset_checksum", "q", 'preset_checksum "000000000000", now asked for "q"'),
        ("seed", 7, "made with seed 0, now asked for 7"),
        ("split", "test", 'made with split "train", now asked for "test"'),
        ("quality", "high", 'quality "draft"'),
        ("library_checksum", "f" * 64, 'now asked for "ffffffffffff"'),
        ("classes", CLASSES[1:], "made with classes"),
        ("grid", dataclasses.replace(GRID, voxel_size=0.05), '"voxel_size": 0.1'),
        ("frustum", dataclasses.replace(FRUSTUM, far=9.0), '"far": 9.0'),
        ("scenegen", "99.0", '"99.0"'),
    ],
)
def test_another_request_is_refused_by_name(out: Path, key: str, value: object, shown: str) -> None:
    with pytest.raises(ScenegenError) as refused:
        check_dataset_json(out, changed(box_info(3), key, value))
    message = str(refused.value)
    assert shown in message
    assert key in message
    assert "--out" in message
    assert "\n" not in message
    assert read_dataset_json(out) == box_info(3)


def changed(info: DatasetInfo, key: str, value: Any) -> DatasetInfo:
    """The same data set but for one key of its dataset.json."""
    if hasattr(info, key):
        return dataclasses.replace(info, **{key: value})
    return dataclasses.replace(info, request=dataclasses.replace(info.request, **{key: value}))


def test_impossible_places_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ScenegenError, match="is a file"):
        check_dataset_json(file, box_info(1))
    with pytest.raises(ScenegenError, match="cannot be made"):
        check_dataset_json(file / "below", box_info(1))
    (tmp_path / "lost/scenes/scene_000000").mkdir(parents=True)
    with pytest.raises(ScenegenError, match=r"no dataset\.json"):
        check_dataset_json(tmp_path / "lost", box_info(1))
    with pytest.raises(ScenegenError, match="no data set here"):
        Dataset(tmp_path / "nowhere")
    (tmp_path / "dataset.json").write_text('{"format": "scenegen-dataset/1"}')
    with pytest.raises(ScenegenError, match=r"dataset\.json: damaged \(preset: is missing\); copy it again"):
        Dataset(tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    stored = Dataset(write_box_dataset(tmp_path / "set", 1))[0]
    folder = Path(stored.name)
    readers = {
        "image_0.png": lambda: stored.images,
        "depth_1.png": lambda: stored.depth(1),
        "instance_2.png": lambda: stored.instance(2),
        "occupancy.npy": lambda: stored.occupancy,
        "masks.npy": lambda: stored.masks,
        "frustum_0.npz": lambda: stored.frustum(0),
        "scene.json": lambda: Dataset(tmp_path / "set")[0].scene,
    }
    for file, read in readers.items():
        content = (folder / file).read_bytes()
        for damaged in (content[: len(content) // 2], content[:20], b""):
            (folder / file).write_bytes(damaged)
            with pytest.raises(ScenegenError, match=f"{file}: damaged") as error:
                read()
            assert "\n" not in str(error.value)
        (folder / file).unlink()
        with pytest.raises(ScenegenError, match=f"{file}: missing"):
            read()


def test_checksums_see_every_change() -> None:
    assets = [box_asset(kind) for kind in CLASSES]
    base = library_checksum(assets)
    assert library_checksum(reversed(assets)) == base
    assert library_checksum(assets[1:]) != base
    other = dataclasses.replace(assets[0], provenance=dataclasses.replace(assets[0].provenance, checksum="1" * 64))
    assert library_checksum([other, *assets[1:]]) != base
    assert preset_checksum(GRID) != preset_checksum(dataclasses.replace(GRID, voxel_size=0.2))


def test_credits_name_every_asset_once(tmp_path: Path) -> None:
    assets = [box_asset("table"), box_asset("chair"), box_asset("table")]
    assert [c["asset"] for c in credit_entries(assets)] == ["chair_box", "table_box"]
    write_credits(tmp_path, assets)
    assert 'chair_box: "A chair" by nobody, CC0, tests\n' in (tmp_path / "CREDITS.txt").read_text()


def test_timings_add_up(tmp_path: Path) -> None:
    append_timings(tmp_path, 0, {"render": 1.5, "labels": 0.25})
    append_timings(tmp_path, 1, {"render": 2.0})
    assert (tmp_path / "timings.csv").read_text().splitlines() == [
        "index,stage,seconds",
        "0,render,1.5000",
        "0,labels,0.2500",
        "1,render,2.0000",
    ]


def test_the_module_needs_only_numpy() -> None:
    code = "import sys, scenegen.core.dataset.reading; print(*{m.split('.')[0] for m in sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in found
    assert not {"PIL", "scipy", "numba", "rich", "click", "trimesh", "skimage", "distributed", "bpy"} & set(found)


def named_box(library: Path, name: str, stretch: float = 1.0) -> Asset:
    """The first box of a library once more, under another name and as often as high."""
    first = list_assets(library)[0]
    mesh = read_mesh(first)
    taller = dataclasses.replace(mesh, vertices=mesh.vertices * np.array([1, 1, stretch], np.float32))
    return read_asset(write_asset(library, dataclasses.replace(first, name=name, fingerprint=""), taller, {}))


def test_a_library_that_grew_and_shrank_is_said_by_name(tmp_path: Path) -> None:
    library, out = tmp_path / "library", tmp_path / "set"
    write_box_library(library)
    before = [named_box(library, name) for name in ("bent", "gone", "kept")]
    info = dataclasses.replace(box_info(3, assets=library), library_checksum=library_checksum(before))
    check_dataset_json(out, info, before)
    write_fingerprints(out, before)
    after = [named_box(library, "bent", 3.0), before[2], named_box(library, "new")]
    with pytest.raises(ScenegenError) as refused:
        check_dataset_json(out, dataclasses.replace(info, library_checksum="f" * 64), after)
    message = str(refused.value)
    assert "1 added since (new), 1 removed (gone), 1 of another shape now (bent)." in message
    assert "--assets" in message and "--out" in message
    check_dataset_json(out, info, before)
    many = [*before, *(named_box(library, f"box_{n}") for n in range(9))]
    with pytest.raises(ScenegenError, match=r"9 added since \(box_0, box_1, box_2, box_3, box_4 and 4 more\)"):
        check_dataset_json(out, dataclasses.replace(info, library_checksum="e" * 64), many)
