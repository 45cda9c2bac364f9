"""`scenegen verify A --against B`: a shape that both show is found, also where no library is at hand."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from helpers.box_scenes import CLASSES, box_asset
from scenegen.core.asset_library import Asset, list_assets, read_mesh, write_asset
from scenegen.core.dataset.fingerprints import FILE, read_fingerprints, write_fingerprints
from scenegen.core.dataset.packing import Packing
from scenegen.core.errors import ScenegenError
from scenegen.steps.pack import pack
from scenegen.steps.verify.verify import verify

LEAKS = ("chair", "human")


@pytest.fixture
def other_library(box_assets: Path, tmp_path: Path) -> Path:
    """Every box twice as tall, but those of the classes that leak."""
    library = tmp_path / "other_library"
    for asset in list_assets(box_assets):
        mesh = read_mesh(asset)
        if asset.class_name not in LEAKS:
            mesh = dataclasses.replace(mesh, vertices=mesh.vertices * (1.0, 1.7, 3.1))
        write_asset(library, asset, mesh, {})
    return library


def shapes_faults(path: Path, other: Path, library: Path | None = None) -> list[str]:
    return [fault.detail for fault in verify(path, against=[other], assets=library).faults if fault.check == "shapes"]


def copied(path: Path, to: Path, assets: tuple[Asset, ...] = ()) -> Path:
    """A copy of a data set, with the fingerprints of `assets`."""
    shutil.copytree(path, to)
    if assets:
        write_fingerprints(to, assets)
    return to


def test_shapes_in_both_are_found_and_no_other(
    box_set: Path, box_assets: Path, other_library: Path, tmp_path: Path
) -> None:
    train = copied(box_set, tmp_path / "train", list_assets(box_assets))
    test = copied(box_set, tmp_path / "test", list_assets(other_library))
    faults = shapes_faults(train, test)
    assert sorted(fault.split()[0] for fault in faults) == ["chair_box", "human_box"]
    assert all("same shape as" in fault and str(test) in fault for fault in faults)
    assert "shapes" not in verify(train).checks


def test_shards_carry_the_fingerprints(box_set: Path, box_assets: Path, other_library: Path, tmp_path: Path) -> None:
    train = copied(box_set, tmp_path / "train", list_assets(box_assets))
    test = copied(box_set, tmp_path / "test", list_assets(other_library))
    pack(test, tmp_path / "packed", Packing("png", 95, maps=True, shard_mb=100.0))
    assert len(shapes_faults(train, tmp_path / "packed")) == len(LEAKS)


def test_older_data_sets_take_those_of_their_library_or_are_not_proven(
    box_set: Path, box_assets: Path, tmp_path: Path
) -> None:
    train, test = (copied(box_set, tmp_path / name) for name in ("train", "test"))
    assert read_fingerprints(train) is None
    faults = shapes_faults(train, test)
    assert len(faults) == 2 and all("6 of its models have no fingerprint" in fault for fault in faults)
    assert len(shapes_faults(train, test, box_assets)) == len(CLASSES), "the same models"


def test_a_damaged_file_is_named(box_set: Path, box_assets: Path, tmp_path: Path) -> None:
    train = copied(box_set, tmp_path / "train", list_assets(box_assets))
    body = json.loads((train / FILE).read_text())
    body["models"]["bag_box"] = body["models"]["bag_box"][:-4]
    (train / FILE).write_text(json.dumps(body))
    with pytest.raises(ScenegenError, match=f"{FILE}: damaged"):
        read_fingerprints(train)
    assert len(shapes_faults(train, train)) == 1


def test_assets_older_than_fingerprints_get_theirs(box_assets: Path, tmp_path: Path) -> None:
    assets = list_assets(box_assets)
    assert {asset.fingerprint for asset in assets} == {""} == {box_asset("bag").fingerprint}
    write_fingerprints(tmp_path, assets)
    assert set(read_fingerprints(tmp_path) or ()) == {asset.name for asset in assets}
