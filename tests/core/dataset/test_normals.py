"""A data set with normals: those of boxes, worked out from which side a ray enters, through all that reads them."""

from __future__ import annotations

import dataclasses
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.box_scenes import (
    CLASSES,
    ROOM,
    box_asset,
    box_info,
    make_box_scene,
    write_box_library,
    write_images,
)
from helpers.labelled_scenes import make_labels, write_scene
from numpy.typing import NDArray
from scenegen.core.asset_library import list_assets, read_mesh
from scenegen.core.dataset.credits import write_credits
from scenegen.core.dataset.fingerprints import write_fingerprints
from scenegen.core.dataset.info import check_dataset_json
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError
from scenegen.core.scene.scene import Camera, MapSpec, Scene
from scenegen.steps.exchange.export import export
from scenegen.steps.pack import pack
from scenegen.steps.relabel import GridChange, relabel
from scenegen.steps.verify.verify import verify

Array = NDArray[np.float64]
BOUND = 0.0016
SPEC = MapSpec(normals=True)


def meshes_of(library: Path) -> dict[str, Any]:
    assets = list_assets(library, "train")
    return {a.name: (read_mesh(a).vertices, read_mesh(a).faces) for a in assets}


def write_set(out: Path, library: Path, views: int = 3) -> Path:
    check_dataset_json(out, box_info(1, normals=True, assets=library))
    write_credits(out, map(box_asset, CLASSES))
    write_fingerprints(out, list_assets(library, "train"))
    scene = make_box_scene(0)
    cameras = [dataclasses.replace(scene.cameras[k % 3], name=f"camera_{k}") for k in range(views)]
    scene = dataclasses.replace(scene, cameras=tuple(cameras), map_spec=SPEC)
    labels = make_labels(scene, meshes_of(library))
    pictures = out.parent / f"pictures_of_{out.name}"
    pictures.mkdir()
    write_scene(out, scene, write_images(pictures, labels), labels)
    return out


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    write_box_library(folder)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Path:
    return write_set(tmp_path_factory.mktemp("made") / "set", library)


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def by_slabs(scene: Scene, camera: Camera) -> tuple[Array, NDArray[np.bool_]]:
    """Unit normals (H, W, 3) in the camera's axes, and where no rounding decides which side it is: the axis of a box
    along which its ray enters last, and of the room, leaves first.
    """
    pose = np.array(camera.world_to_camera)
    v, u = np.meshgrid(np.arange(camera.height) + 0.5, np.arange(camera.width) + 0.5, indexing="ij")
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(np.array(camera.K)).T @ pose[:3, :3]
    eye = -pose[:3, :3].T @ pose[:3, 3]

    def slabs(start: Array, step: Array, low: Array, high: Array) -> tuple[Array, Array]:
        ends = np.stack([(low - start) / step, (high - start) / step])
        return ends.min(axis=0), ends.max(axis=0)

    low, high = np.array([-ROOM[0] / 2, -ROOM[1] / 2, 0.0]), np.array([ROOM[0] / 2, ROOM[1] / 2, ROOM[2]])
    _, leave = slabs(eye, rays, low, high)
    depth, sure = leave.min(axis=-1), np.partition(leave, 1, axis=-1)[..., 1] - leave.min(axis=-1) > 1e-6
    world = np.eye(3)[leave.argmin(axis=-1)] * -np.sign(rays)
    for item in scene.objects:
        matrix = np.array(item.matrix)
        turn, size = matrix[:3, :3], np.array(item.size)
        step = rays @ turn
        first, last = slabs((eye - matrix[:3, 3]) @ turn, step, -size / 2 * [1, 1, 0], size / [2, 2, 1])
        enter = first.max(axis=-1)
        slack = last.min(axis=-1) - enter
        hit = (slack >= 0) & (enter > 0) & (enter < depth)
        side = (np.eye(3)[first.argmax(axis=-1)] * -np.sign(step)) @ turn.T
        close = (np.abs(slack) < 1e-6) | (np.sort(first, axis=-1)[..., 2] - np.sort(first, axis=-1)[..., 1] < 1e-6)
        sure = np.where(hit, ~close, sure & (np.abs(slack) > 1e-6)) & (np.abs(enter - depth) > 1e-6)
        depth, world = np.where(hit, enter, depth), np.where(hit[..., None], side, world)
    return world @ pose[:3, :3].T, sure


def test_normals_are_those_of_the_boxes_and_the_room(made: Path) -> None:
    stored = Dataset(made)[0]
    for k, camera in enumerate(stored.cameras):
        expected, sure = by_slabs(stored.scene, camera)
        normals = stored.normals(k)
        assert normals.dtype == np.float32 and normals.shape == (96, 96, 3) and sure.mean() > 0.99
        chord = np.linalg.norm(normals - expected, axis=-1)[sure]
        assert np.degrees(2 * np.arcsin(chord / 2)).max() < BOUND


def test_numpy_alone_reads_the_file(made: Path) -> None:
    file = made / "scenes" / "scene_000000" / "normals_1.npz"
    normals = np.load(file)["normals"]
    assert normals.dtype == np.int16 and np.abs(np.linalg.norm(normals / 32767, axis=-1) - 1).max() < 3e-5
    assert json.loads((made / "dataset.json").read_text())["normals"] is True
    assert json.loads((file.parent / "scene.json").read_text())["map_spec"] == {"depth_unit": 1, "normals": True}


def test_the_other_files_are_those_without_normals(made: Path, library: Path, tmp_path: Path) -> None:
    scene = make_box_scene(0)
    labels = make_labels(scene, meshes_of(library))
    (tmp_path / "scenes").mkdir()
    (tmp_path / "pictures").mkdir()
    write_scene(tmp_path, scene, write_images(tmp_path / "pictures", labels), labels)
    without = {p.name: p.read_bytes() for p in (tmp_path / "scenes" / "scene_000000").iterdir()}
    with_normals = {p.name: p.read_bytes() for p in (made / "scenes" / "scene_000000").iterdir()}
    assert set(with_normals) - set(without) == {f"normals_{k}.npz" for k in range(3)}
    assert [name for name, content in without.items() if with_normals[name] != content] == ["scene.json"]


def test_a_data_set_without_them_says_how_to_get_them(box_set: Path) -> None:
    with pytest.raises(ScenegenError, match="has no normals; make a data set with `scenegen generate --normals`"):
        Dataset(box_set)[0].normals(0)


def test_verify_holds_with_and_without_the_library(made: Path, library: Path, tmp_path: Path) -> None:
    assert verify(made, assets=library).faults == ()
    assert verify(made, assets=tmp_path).faults == ()


Maps = NDArray[Any]


def only_objects(change: Callable[[Maps], Maps]) -> Callable[[Maps, Maps], Maps]:
    return lambda normals, instance: np.where((instance > 0)[..., None], change(normals), normals)


def turned(normals: NDArray[Any]) -> NDArray[Any]:
    """By five degrees about the optical axis."""
    c, s = np.cos(np.radians(5)), np.sin(np.radians(5))
    return np.rint(normals @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])).astype(np.int16)


PLANTED = {
    "x and y swapped": only_objects(lambda n: n[..., [1, 0, 2]]),
    "x mirrored": only_objects(lambda n: n * np.array([-1, 1, 1], np.int16)),
    "y mirrored": only_objects(lambda n: n * np.array([1, -1, 1], np.int16)),
    "turned by 5 degrees": only_objects(turned),
    "of a camera that looks along -z": only_objects(lambda n: n * np.array([1, -1, -1], np.int16)),
    "inside out": only_objects(lambda n: -n),
    "half as long": only_objects(lambda n: n // 2),
    "all toward the camera": only_objects(lambda n: np.zeros_like(n) + np.array([0, 0, -32767], np.int16)),
    "nothing": only_objects(np.zeros_like),
    "a row of nothing": lambda n, _: np.concatenate([np.zeros_like(n[:1]), n[1:]]),
    "of the floor everywhere": lambda n, _: np.broadcast_to(n[-1, 48], n.shape).copy(),
    "upside down": lambda n, _: n[::-1].copy(),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_verify_finds_wrong_normals_without_a_library(copy: Path, tmp_path: Path, kind: str) -> None:
    stored = Dataset(copy)[0]
    for k in range(3):
        wrong = PLANTED[kind](stored.normal_steps(k), stored.instance(k))
        np.savez(copy / "scenes" / "scene_000000" / f"normals_{k}.npz", normals=wrong)
    faults = verify(copy, assets=tmp_path).faults
    assert faults and {fault.check for fault in faults} == {"normals"}


def test_verify_finds_one_wrong_value_with_the_library(copy: Path, library: Path) -> None:
    wrong = Dataset(copy)[0].normal_steps(2)
    wrong[50, 50, 1] += 1
    np.savez(copy / "scenes" / "scene_000000" / "normals_2.npz", normals=wrong)
    assert any(
        fault.check == "recast" and fault.detail.startswith("normals_2.npz: 1 values are not")
        for fault in verify(copy, assets=library).faults
    )


def test_verify_finds_files_that_are_missing_wrong_or_too_many(copy: Path, made: Path, box_copy: Path) -> None:
    folder = copy / "scenes" / "scene_000000"
    content = (folder / "normals_0.npz").read_bytes()
    (folder / "normals_0.npz").unlink()
    assert "normals_0.npz: missing" in verify(copy).faults[0].detail
    (folder / "normals_0.npz").write_bytes(content[:-9])
    assert "normals_0.npz: damaged" in verify(copy).faults[0].detail
    np.savez(folder / "normals_0.npz", normals=np.zeros((96, 96, 3), np.float32))
    assert "holds float32" in verify(copy).faults[0].detail
    (folder / "normals_0.npz").write_bytes(content)
    (folder / "normals_3.npz").write_bytes(content)
    assert "the scene has no camera 3" in verify(copy).faults[0].detail
    shutil.copy(made / "scenes" / "scene_000000" / "normals_0.npz", box_copy / "scenes" / "scene_000000")
    assert ["the scene has no normals" in fault.detail for fault in verify(box_copy).faults] == [True]


def test_shards_hold_the_same(made: Path, library: Path, tmp_path: Path) -> None:
    many = write_set(tmp_path / "many", library, views=9)
    for source in (made, many):
        out = tmp_path / f"packed_{source.name}"
        pack(source, out, Packing("png", 90, maps=True, shard_mb=1.0))
        folders, packed = Dataset(source)[0], Dataset(out)[0]
        for k in range(len(folders.cameras)):
            assert np.array_equal(folders.normal_steps(k), packed.normal_steps(k))
        assert verify(out, assets=library).faults == ()
    deleted = pack(many, tmp_path / "packed_many", Packing("png", 90, maps=True, shard_mb=1.0), delete=True)
    assert deleted.deleted == 1
    pack(made, tmp_path / "small", Packing("png", 90, maps=False, shard_mb=1.0))
    with pytest.raises(ScenegenError, match=r"holds no normals_0 \(packed without --maps\)"):
        Dataset(tmp_path / "small")[0].normals(0)


def test_new_voxel_labels_keep_the_normals(copy: Path, made: Path, library: Path) -> None:
    assert relabel(copy, grids=[GridChange((20, 24, 16))], assets=library) == 1
    assert np.array_equal(Dataset(copy)[0].normal_steps(1), Dataset(made)[0].normal_steps(1))
    assert verify(copy, assets=library).faults == ()


def test_hdf5_has_them_as_blenderproc_writes_them(made: Path, tmp_path: Path) -> None:
    """A camera of Blender looks along -z with y up; a component n is stored as (1 + n) / 2."""
    h5py = pytest.importorskip("h5py")
    export(made, tmp_path / "out", "hdf5")
    stored = Dataset(made)[0]
    with h5py.File(tmp_path / "out" / "scene_000000" / "1.hdf5") as file:
        normals = file["normals"][:]
    assert normals.dtype == np.float32 and normals.min() >= 0 and normals.max() <= 1
    pose = np.array(stored.cameras[1].world_to_camera)[:3, :3]
    floor = (stored.instance(1) == 0) & (np.abs(stored.normals(1) @ pose - [0, 0, 1]).max(axis=-1) < 1e-4)
    assert floor.sum() > 500
    up_in_blender = np.diag([1.0, -1.0, -1.0]) @ pose @ [0.0, 0.0, 1.0]
    assert up_in_blender[1] > 0 and up_in_blender[2] > 0, "the floor of a camera that looks down faces up and back"
    np.testing.assert_allclose(normals[floor], np.tile((1 + up_in_blender) / 2, (floor.sum(), 1)), atol=2e-5)


def test_the_same_normals_are_the_same_bytes(made: Path, library: Path, tmp_path: Path) -> None:
    again = write_set(tmp_path / "again", library)
    for k in range(3):
        name = f"scenes/scene_000000/normals_{k}.npz"
        assert (made / name).read_bytes() == (again / name).read_bytes()
        with zipfile.ZipFile(made / name) as archive:
            assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)
