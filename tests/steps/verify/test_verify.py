"""Correct data passes; every kind of planted fault is found, by the check that is meant for it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.box_scenes import GRID, box_asset, write_box_dataset
from helpers.box_scenes import with_bbox as boxed
from helpers.planting import Plant, cut, edit_array, everywhere, set_where, swap
from PIL import Image
from scenegen.core.asset_library import read_asset, read_mesh, write_asset
from scenegen.core.dataset.folders import scene_path
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError
from scenegen.core.scene.scene import PlacedObject, Scene
from scenegen.core.scene.scene_json import scene_from_json, scene_to_json
from scenegen.steps.verify.verify import VerifyReport, verify

PLANTED = 1


def edit_scene(change: Callable[[Scene], Scene]) -> Plant:
    def plant(folder: Path) -> None:
        path = folder / "scene.json"
        path.write_text(scene_to_json(change(scene_from_json(path.read_text()))))

    return plant


def edit_object(number: int, change: Callable[[PlacedObject], PlacedObject]) -> Plant:
    def replaced(scene: Scene) -> Scene:
        objects = tuple(change(o) if o.id == number else o for o in scene.objects)
        return dataclasses.replace(scene, objects=objects)

    return edit_scene(replaced)


def moved(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Callable[[PlacedObject], PlacedObject]:
    def move(item: PlacedObject) -> PlacedObject:
        matrix = np.array(item.matrix)
        matrix[:3, 3] += (x, y, z)
        return boxed(with_matrix(item, matrix))

    return move


def with_matrix(item: PlacedObject, matrix: Any) -> PlacedObject:
    return dataclasses.replace(item, matrix=tuple(map(tuple, np.asarray(matrix).tolist())))


def times(factors: Any) -> Callable[[PlacedObject], PlacedObject]:
    return lambda item: boxed(with_matrix(item, np.array(item.matrix) @ np.array(factors)))


def add_cell(masks: Any) -> Any:
    masks[1, 1, 30, 2] = True
    return masks


def both(change: Callable[[Any], Any]) -> Plant:
    """The same change to masks, and occupancy kept their union."""

    def plant(folder: Path) -> None:
        masks = change(np.load(folder / "masks.npy"))
        np.save(folder / "masks.npy", masks)
        np.save(folder / "occupancy.npy", masks.any(axis=-1))

    return plant


def all_frusta(change: Callable[[Any], Any]) -> Plant:
    return everywhere(*(edit_array(f"frustum_{k}.npz", change) for k in range(3)))


def rolled(labels: Any) -> Any:
    return np.roll(labels, 1, axis=0)


def drop_credits(scene: Scene) -> Scene:
    return dataclasses.replace(scene, extra={"credits": scene.extra["credits"][1:]})


def scaled_camera(scene: Scene) -> Scene:
    matrix = np.array(scene.cameras[0].world_to_camera)
    matrix[:3, :3] *= 1.01
    first = dataclasses.replace(scene.cameras[0], world_to_camera=tuple(map(tuple, matrix.tolist())))
    return dataclasses.replace(scene, cameras=(first, *scene.cameras[1:]))


def flat_camera(scene: Scene) -> Scene:
    first = dataclasses.replace(scene.cameras[0], K=scene.cameras[0].K[:2])  # type: ignore[arg-type]
    return dataclasses.replace(scene, cameras=(first, *scene.cameras[1:]))


def chair_in_human(scene: Scene) -> Scene:
    chair, human = scene.objects[2], scene.objects[3]
    matrix = np.array(chair.matrix)
    matrix[:2, 3] = np.array(human.matrix)[:2, 3] + (0.3, 0.0)
    objects = (*scene.objects[:2], boxed(with_matrix(chair, matrix)), *scene.objects[3:])
    return dataclasses.replace(scene, objects=objects)


def first_object_pixel(instance: Any) -> Any:
    return np.arange(instance.size).reshape(instance.shape) == np.flatnonzero(instance)[0]


def corner_pixel(array: Any) -> Any:
    return np.indices(array.shape).sum(axis=0) == 0


def all_depths(change: Callable[[Any], Any]) -> Plant:
    return everywhere(*(edit_array(f"depth_{k}.png", change) for k in range(3)))


def aside(item: PlacedObject) -> PlacedObject:
    return with_matrix(item, np.array(item.matrix) + np.eye(4, k=3) * 0.01)


def background_of(millimetres: int) -> Plant:
    def plant(folder: Path) -> None:
        with Image.open(folder / "instance_0.png") as image:
            background = np.array(image) == 0
        edit_array("depth_0.png", set_where(lambda _: background, millimetres))(folder)

    return plant


def moved_camera(scene: Scene) -> Scene:
    matrix = np.array(scene.cameras[0].world_to_camera)
    matrix[0, 3] += 0.01
    first = dataclasses.replace(scene.cameras[0], world_to_camera=tuple(map(tuple, matrix.tolist())))
    return dataclasses.replace(scene, cameras=(first, *scene.cameras[1:]))


SHEAR = np.eye(4) + np.diag([0.05, 0, 0], k=1)
TILT = [[1, 0, 0, 0], [0, np.cos(0.05), -np.sin(0.05), 0], [0, np.sin(0.05), np.cos(0.05), 0], [0, 0, 0, 1]]

FAULTS: dict[str, tuple[str, Plant]] = {
    "image missing": ("files", lambda f: (f / "image_1.png").unlink()),
    "image cut": ("files", cut("image_0.png")),
    "depth cut": ("files", cut("depth_0.png")),
    "masks cut": ("files", cut("masks.npy")),
    "frustum cut": ("files", cut("frustum_2.npz")),
    "occupancy of bytes": ("files", edit_array("occupancy.npy", lambda a: a.astype(np.uint8))),
    "masks short of a class": ("files", edit_array("masks.npy", lambda a: a[..., :5])),
    "frustum of another size": ("files", edit_array("frustum_0.npz", lambda a: a[:-1])),
    "depth of eight bits": ("files", edit_array("depth_0.png", lambda a: (a // 256).astype(np.uint8))),
    "grey image": ("files", edit_array("image_0.png", lambda a: a[..., 0])),
    "small image": ("files", edit_array("image_0.png", lambda a: a[:50])),
    "scene.json missing": ("scene.json", lambda f: (f / "scene.json").unlink()),
    "scene.json cut": ("scene.json", cut("scene.json")),
    "scene.json of another kind": ("scene.json", lambda f: (f / "scene.json").write_text('{"a": 1}') and None),
    "another index": ("scene.json", edit_scene(lambda s: dataclasses.replace(s, index=7))),
    "another seed": ("scene.json", edit_scene(lambda s: dataclasses.replace(s, seed=7))),
    "another grid": ("scene.json", edit_scene(lambda s: dataclasses.replace(s, grid=None))),
    "unknown class": ("scene.json", edit_object(2, lambda o: dataclasses.replace(o, class_name="sofa"))),
    "ids that skip": ("scene.json", edit_object(5, lambda o: dataclasses.replace(o, id=9))),
    "parent placed later": ("scene.json", edit_object(1, lambda o: dataclasses.replace(o, parent=3))),
    "counts for two cameras": ("scene.json", edit_object(1, lambda o: dataclasses.replace(o, visible_pixels=(1, 2)))),
    "pose of words": ("scene.json", edit_object(1, lambda o: dataclasses.replace(o, matrix="turned"))),  # type: ignore
    "size of words": ("scene.json", edit_object(1, lambda o: dataclasses.replace(o, size="big"))),  # type: ignore
    "camera without K": ("scene.json", edit_scene(flat_camera)),
    "sheared pose": ("poses", edit_object(2, times(SHEAR))),
    "stretched pose": ("poses", edit_object(2, times(np.diag([1, 1, 1.02, 1])))),
    "mirrored pose": ("poses", edit_object(2, times(np.diag([-1, 1, 1, 1])))),
    "pose of nan": ("scene.json", edit_object(2, lambda o: with_matrix(o, np.array(o.matrix) * np.nan))),
    "bbox not moved along": (
        "poses",
        edit_object(2, aside),
    ),
    "camera that scales": ("poses", edit_scene(scaled_camera)),
    "outside the room": ("room", edit_object(3, moved(x=5.0))),
    "through the floor": ("room", edit_object(3, moved(z=-0.01))),
    "overlapping boxes": ("boxes", edit_scene(chair_in_human)),
    "child sunk into its parent": ("boxes", edit_object(4, moved(z=-0.02))),
    "floating": ("supports", edit_object(2, moved(z=0.02))),
    "child above its support": ("supports", edit_object(5, moved(z=0.01))),
    "child over the edge": ("supports", edit_object(4, moved(x=0.35))),
    "leaning": ("supports", edit_object(2, times(TILT))),
    "asset without credit": ("sources", edit_scene(drop_credits)),
    "black image": ("images", edit_array("image_2.png", lambda a: a * 0)),
    "pixel lost": (
        "instances",
        edit_array("instance_0.png", set_where(first_object_pixel, 0)),
    ),
    "instance of nobody": (
        "instances",
        edit_array("instance_0.png", set_where(corner_pixel, 60)),
    ),
    "object without depth": ("instances", all_depths(lambda a: a * 0)),
    "occupancy of one cell more": (
        "occupancy",
        edit_array("occupancy.npy", set_where(lambda a: np.cumsum(~a).reshape(a.shape) == 5, True)),
    ),
    "a class erased": ("masks", both(lambda m: m * (np.arange(6) != 4))),
    "a cell far away": ("masks", both(add_cell)),
    "classes exchanged": ("masks", both(lambda m: m[..., [1, 0, 2, 3, 4, 5]])),
    "depth fifteen centimetres long": ("depth", all_depths(lambda a: a + np.uint16(150))),
    "depths times ten": ("surfaces", all_depths(lambda a: a * np.uint16(10))),
    "all depths 65.531 m": ("surfaces", all_depths(lambda a: a * 0 + np.uint16(65531))),
    "all depths far": ("surfaces", all_depths(lambda a: a * 0 + np.uint16(65535))),
    "background of a millimetre": ("surfaces", background_of(1)),
    "camera moved by a centimetre": ("surfaces", edit_scene(moved_camera)),
    "depth of another camera": ("depth", swap("depth_0.png", "depth_1.png")),
    "voxels mirrored": ("depth", both(lambda m: m[::-1])),
    "voxels one cell off": ("depth", both(lambda m: np.roll(m, 1, axis=1))),
    "voxels upside down": ("depth", both(lambda m: m[:, :, ::-1])),
    "frustum empty": ("frusta", all_frusta(lambda a: a * 0)),
    "frustum mirrored": ("frusta", all_frusta(lambda a: a[::-1])),
    "frustum one column off": ("frusta", all_frusta(rolled)),
    "frustum axes exchanged": ("frusta", all_frusta(lambda a: a.transpose(1, 0, 2))),
    "frustum of another camera": ("frusta", swap("frustum_0.npz", "frustum_1.npz")),
    "frustum classes exchanged": ("frusta", all_frusta(lambda a: np.array([0, 2, 1, 3, 4, 5, 6], np.uint8)[a])),
    "frustum without its first class": ("frusta", all_frusta(set_where(lambda a: a == 1, 0))),
    "frustum label of no class": ("frusta", all_frusta(set_where(lambda a: a == 6, 200))),
    "frustum one slice off": ("depth", all_frusta(lambda a: np.roll(a, 1, axis=2))),
}


def test_right_data_passes(box_set: Path, box_assets: Path) -> None:
    assert verify(box_set).faults == ()
    assert verify(box_set, workers=2, assets=box_assets).faults == ()


def test_right_data_without_a_box_grid_passes(tmp_path: Path) -> None:
    assert verify(write_box_dataset(tmp_path / "set", 1, grid=None)).faults == ()


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(box_copy: Path, name: str) -> None:
    check, plant = FAULTS[name]
    plant(scene_path(box_copy, PLANTED))
    report = verify(box_copy)
    assert check in {fault.check for fault in report.faults}
    assert {fault.scene for fault in report.faults} == {PLANTED}
    assert all("\n" not in fault.detail and fault.check in report.checks for fault in report.faults)


def test_faults_of_the_folder(box_copy: Path) -> None:
    shutil.rmtree(scene_path(box_copy, 0))
    (box_copy / "scenes/.writing-000000-host-1").mkdir()
    (box_copy / "CREDITS.txt").unlink()
    details = [fault.detail for fault in verify(box_copy).faults if fault.check == "folder"]
    assert len(details) == 3
    assert details[0].startswith("1 of 2 scenes are missing (0)")


def test_what_only_the_library_tells(box_copy: Path, box_assets: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(box_assets, other)
    for kind, change in (
        ("chair", {"split": "test"}),
        ("bag", {"size": (0.3, 0.15, 0.34)}),
        ("table", {"supports": (punched(box_asset("table")),)}),
    ):
        asset = read_asset(box_assets / f"{kind}_box")
        write_asset(other, dataclasses.replace(asset, **change), read_mesh(asset), {})  # type: ignore[arg-type]
    faults = [fault for fault in verify(box_copy, assets=other).faults if fault.scene == PLANTED]
    assert {fault.check for fault in faults} == {"sources", "poses", "supports"}
    assert len(faults) == 3


def punched(asset: Any) -> Any:
    """The asset's support with one cell missing under where the laptop stands."""
    mask = asset.supports[0].mask.copy()
    mask[mask.shape[0] // 2, mask.shape[1] // 2] = False
    return dataclasses.replace(asset.supports[0], mask=mask)


def test_a_report_can_be_read_by_programs(box_copy: Path) -> None:
    FAULTS["black image"][1](scene_path(box_copy, PLANTED))
    report = verify(box_copy)
    body = json.loads(json.dumps(report.to_json()))
    assert (body["ok"], body["scenes"]) == (False, 2)
    assert body["faults"][0]["check"] == "images"
    assert isinstance(report, VerifyReport)
    assert not report.ok


def test_progress_counts_scenes(box_set: Path) -> None:
    seen: list[tuple[int, int]] = []
    verify(box_set, on_progress=lambda done, total, _failed=0: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


def test_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match="no data set here"):
        verify(tmp_path)


def test_the_fixture_is_what_it_says(box_set: Path) -> None:
    stored = Dataset(box_set)[PLANTED]
    assert stored.masks.shape[:3] == GRID.shape
    assert stored.masks.any(axis=(0, 1, 2)).all()
    assert all(sum(o.visible_pixels) > 30 for o in stored.objects)


def test_scenes_are_counted_not_listed(box_copy: Path) -> None:
    """A dataset.json that asks for 10**15 scenes."""
    body = json.loads((box_copy / "dataset.json").read_text())
    (box_copy / "dataset.json").write_text(json.dumps({**body, "scenes": 10**15}))
    (fault,) = [each for each in verify(box_copy).faults if "missing" in each.detail]
    assert fault.detail.startswith(f"{10**15 - 2} of {10**15} scenes are missing (2, 3, 4, ")
