"""Scenes that Blender made pass; of more than a hundred kinds of fault, planted one at a time, none does."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.fault_runs import TINY
from helpers.planted_faults import EVERYWHERE, PACKED, PLANTED, ROOMS, WITH_LIBRARY, one_cell_of_masks
from helpers.planting import Plant
from scenegen.core.dataset.folders import scene_path
from scenegen.core.dataset.shards import Packing
from scenegen.core.errors import ScenegenError
from scenegen.steps.pack import pack
from scenegen.steps.verify.verify import verify


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory, box_library: Path) -> Path:
    """Two rooms with a box grid, seen by three cameras, to be read only."""
    text = TINY.read_text().replace("[32, 32]", "[96, 96]").replace("[16, 16, 16]", "[32, 32, 32]")
    text = text.replace("voxel_size = 0.2", "voxel_size = 0.1").replace("[20, 24, 16]", "[40, 48, 32]")
    text = text.replace("objects = [2, 5]", "objects = [5, 7]")
    places = text[text.index("[[cameras.places]]") : text.index("[[classes]]")]
    third = places.split("[[cameras.places]]")[1].replace("south_west", "south_east").replace("-1.9, -2.3", "1.9, -2.3")
    text = text.replace("[[classes]]", f"[[cameras.places]]{third}[[classes]]", 1)
    return made(tmp_path_factory.mktemp("planted"), "rooms", text, box_library)


@pytest.fixture(scope="module")
def showcases(tmp_path_factory: pytest.TempPathFactory, box_library: Path) -> Path:
    """Two scenes in the open without a box grid, seen from three sides, to be read only."""
    text = """
    layout = "showcase"
    image_size = [96, 96]
    views = 3
    objects = [3, 4]
    attempts = 50
    scale = [0.9, 1.1]
    [frustum]
    near = 1.0
    far = 6.0
    size = [32, 32, 32]
    [cameras]
    hfov = 60.0
    clear = 0.3
    [showcase]
    elevation = [20.0, 40.0]
    distance = [2.6, 3.2]
    radius = 1.0
    size = [0.6, 0.9]
    [[classes]]
    name = "chair"
    maximum = 2
    [[classes]]
    name = "table"
    maximum = 2
    """
    return made(tmp_path_factory.mktemp("planted"), "showcases", text, box_library)


def made(folder: Path, name: str, preset: str, library: Path) -> Path:
    (folder / f"{name}.toml").write_text(preset)
    program = [str(Path(sys.executable).parent / "scenegen"), "generate", "--preset", str(folder / f"{name}.toml")]
    options = ["--out", str(folder / name), "--assets", str(library), "--quality", "draft", "--device", "cpu"]
    subprocess.run([*program, "--scenes", "2", "--workers", "1", *options], check=True, capture_output=True)
    return folder / name


@pytest.fixture(params=["rooms", "showcases"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(request.getfixturevalue(request.param), tmp_path / request.param))


def found(data: Path, plant: Plant, library: Path | None) -> list[str]:
    """What `verify` says of a data set once a fault is planted in one scene; refusing to read it counts."""
    plant(scene_path(data, PLANTED))
    try:
        return [f"{fault.check}: {fault.detail}" for fault in verify(data, assets=library).faults]
    except ScenegenError as error:
        return [str(error)]


def test_there_are_enough_kinds() -> None:
    assert len(EVERYWHERE) + len(ROOMS) + len(PACKED) + len(WITH_LIBRARY) > 150


def test_what_blender_made_passes(rooms: Path, showcases: Path, box_library: Path, tmp_path: Path) -> None:
    for path in (rooms, showcases):
        for library in (box_library, tmp_path / "nowhere"):
            assert verify(path, assets=library).faults == ()


@pytest.mark.parametrize("name", EVERYWHERE)
def test_a_fault_is_found_without_the_library(data: Path, tmp_path: Path, name: str) -> None:
    said = found(data, EVERYWHERE[name], tmp_path / "nowhere")
    assert said
    assert all("\n" not in line for line in said)


@pytest.mark.parametrize("name", ROOMS)
def test_a_fault_of_a_room_is_found_without_the_library(rooms: Path, tmp_path: Path, name: str) -> None:
    assert found(Path(shutil.copytree(rooms, tmp_path / "rooms")), ROOMS[name], tmp_path / "nowhere")


@pytest.mark.parametrize("name", WITH_LIBRARY)
def test_a_fault_is_found_with_the_library(data: Path, box_library: Path, name: str) -> None:
    assert found(data, WITH_LIBRARY[name], box_library)


def test_one_cell_of_the_masks_is_found_with_the_library(rooms: Path, box_library: Path, tmp_path: Path) -> None:
    assert found(Path(shutil.copytree(rooms, tmp_path / "rooms")), one_cell_of_masks, box_library)


@pytest.fixture(scope="module")
def packed(rooms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rooms in one shard, to be read only."""
    out = tmp_path_factory.mktemp("planted") / "packed"
    pack(rooms, out, Packing("jpg", 90, True, 100.0))
    return out


def test_packed_scenes_pass(packed: Path, box_library: Path) -> None:
    assert verify(packed, assets=box_library).faults == ()


@pytest.mark.parametrize("name", PACKED)
def test_a_fault_of_shards_is_found(packed: Path, tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copytree(packed, tmp_path / "packed"))
    PACKED[name](copy)
    try:
        assert verify(copy, assets=tmp_path / "nowhere").faults
    except ScenegenError as error:
        assert str(copy) in str(error)
