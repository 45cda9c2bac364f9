"""Faults in objects and visibility of cells are found without the library that the labels were made from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers.box_scenes import write_box_dataset, write_box_library
from helpers.planted_faults import PLANTED, VOXELS
from scenegen.core.dataset.folders import scene_path
from scenegen.steps.relabel import relabel
from scenegen.steps.verify.verify import verify


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rooms of boxes with these labels, to be read only."""
    out = write_box_dataset(tmp_path_factory.mktemp("labelled") / "set", 2)
    library = out.parent / "library"
    write_box_library(library)
    relabel(out, assets=library)
    assert verify(out).ok
    return out


@pytest.mark.parametrize("name", VOXELS)
def test_it_is_found(labelled: Path, tmp_path: Path, name: str) -> None:
    check, plant = VOXELS[name]
    out = Path(shutil.copytree(labelled, tmp_path / "set"))
    plant(scene_path(out, PLANTED))
    faults = verify(out).faults
    assert {fault.scene for fault in faults} == {PLANTED}
    assert check in {fault.check for fault in faults}
