"""Labels are compared with the models themselves: one wrong pixel or cell is found."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scenegen.core.asset_library import read_asset, read_mesh, write_asset
from scenegen.core.dataset.folders import scene_path
from scenegen.steps.verify.verify import Fault, verify

PLANTED = 1


def change(path: Path) -> None:
    """Make one value wrong: the middle one of those that are not 0, as far inside an object as there is one."""
    if path.suffix == ".png":
        with Image.open(path) as image:
            array = np.array(image)
    else:
        loaded = np.load(path)
        array = loaded["labels"] if path.suffix == ".npz" else loaded
    where = np.argwhere(array != 0)
    place = tuple(where[len(where) // 2])
    array[place] = 0 if path.suffix != ".png" else array[place] + 1
    if path.suffix == ".png":
        Image.fromarray(array).save(path)
    elif path.suffix == ".npz":
        np.savez(path, labels=array)
    else:
        np.save(path, array)


@pytest.mark.parametrize("file", ["depth_1.png", "instance_2.png", "masks.npy", "frustum_0.npz", "frustum_2.npz"])
def test_one_wrong_value_is_found(box_copy: Path, box_assets: Path, file: str) -> None:
    change(scene_path(box_copy, PLANTED) / file)
    faults = [f for f in verify(box_copy, assets=box_assets).faults if f.check == "recast"]
    assert [f.scene for f in faults] == [PLANTED]
    assert faults[0].detail.startswith(f"{file}: 1 ")


def test_a_library_with_another_shape_is_not_the_data_sets(box_copy: Path, box_assets: Path, tmp_path: Path) -> None:
    asset = read_asset(box_assets / "chair_box")
    for folder in box_assets.iterdir():
        own = read_asset(folder)
        mesh = read_mesh(own)
        if own.name == asset.name:  # the same box, its top pushed in
            vertices = mesh.vertices.copy()
            vertices[vertices[:, 2] == vertices[:, 2].max(), 0] *= 0.5
            mesh = dataclasses.replace(mesh, vertices=vertices)
        write_asset(tmp_path / "library", own, mesh, {})
    faults = verify(box_copy, assets=tmp_path / "library").faults
    assert {f.check for f in faults} == {"recast"}
    assert all("--assets" in f.detail for f in faults)


def test_what_is_missing_in_the_library_is_said(box_copy: Path, box_assets: Path, tmp_path: Path) -> None:
    without = tmp_path / "library"
    for folder in box_assets.iterdir():
        if folder.name != "chair_box":
            own = read_asset(folder)
            write_asset(without, own, read_mesh(own), {})
    report = verify(box_copy, assets=without)
    assert report.ok
    assert len(report.notes) == 1
    assert "lacks 1 of the models shown (chair_box)" in report.notes[0]
    assert verify(box_copy, assets=box_assets).notes == ()
    assert "no asset library" in verify(box_copy, assets=tmp_path / "nowhere").notes[0]


def test_a_damaged_model_of_the_library_is_told(box_copy: Path, box_assets: Path, tmp_path: Path) -> None:
    for folder in box_assets.iterdir():
        own = read_asset(folder)
        write_asset(tmp_path / "library", own, read_mesh(own), {})
    (tmp_path / "library/human_box/mesh.npz").write_bytes(b"PK")
    faults = verify(box_copy, assets=tmp_path / "library").faults
    assert [(f.scene, f.check) for f in faults] == [(None, "recast")]  # once for both scenes
    assert all("mesh.npz: damaged" in f.detail for f in faults)


def test_one_bad_file_hides_no_fault_of_another(box_copy: Path) -> None:
    folder = scene_path(box_copy, PLANTED)
    (folder / "masks.npy").write_bytes(b"")
    (folder / "image_0.png").unlink()
    with Image.open(folder / "depth_1.png") as image:
        depth = np.array(image)
    Image.fromarray(depth * np.uint16(10)).save(folder / "depth_1.png")
    faults = verify(box_copy).faults
    assert {f.check for f in faults} == {"files", "surfaces"}
    assert sum(f.check == "files" for f in faults) == 2
    assert all(isinstance(f, Fault) for f in faults)
