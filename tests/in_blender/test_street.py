"""A small street data set, from generation to shards, as a user makes and checks it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.street_assets import write_street_library
from PIL import Image
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.preset.preset_file import PRESETS
from scenegen.steps.pack import pack
from scenegen.steps.preview.sheets import write_preview
from scenegen.steps.relabel import FrustumChange, relabel
from scenegen.steps.stats import stats
from scenegen.steps.verify.verify import verify

pytest.importorskip("bpy", reason="needs the bpy wheel")

SCRIPT = Path(__file__).parents[2] / "blender_scripts" / "generate.py"
VIEWS = 10  # more than are kept together in a shard


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_street_library(tmp_path_factory.mktemp("street_library"))


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory, library: Path) -> list[str]:
    text = (PRESETS / "street.toml").read_text(encoding="utf-8")
    for old, new in (("image_size = [256, 256]", "image_size = [32, 32]"), ("[128, 128, 128]", "[24, 24, 24]")):
        assert old in text
        text = text.replace(old, new)
    preset = tmp_path_factory.mktemp("preset") / "lane.toml"
    preset.write_text(text, encoding="utf-8")
    common = ["--preset", str(preset), "--views", str(VIEWS), "--assets", str(library)]
    return [*common, "--quality", "draft", "--device", "cpu"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, arguments: list[str]) -> Path:
    out = tmp_path_factory.mktemp("made") / "set"
    command = [sys.executable, str(SCRIPT), "--", "--scenes", "2", "--out", str(out), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return out


def test_a_scene_has_all_its_views(made: Path) -> None:
    scene = Dataset(made)[0]
    assert len(scene.cameras) == VIEWS and scene.grid is None
    assert not (made / "scenes" / "scene_000000" / "occupancy.npy").exists()
    assert len({scene.image(k).tobytes() for k in range(VIEWS)}) == VIEWS
    ground = scene.classes.index("ground") + 1
    for k in range(VIEWS):
        labels = scene.frustum(k)
        assert labels.shape == (24, 24, 24) and (labels == ground).any()
        seen = scene.objects_in_view(k)
        assert sum(view.visible_pixels for view in seen) == np.count_nonzero(scene.instance(k))
        for view in seen:
            world = np.linalg.inv(scene.cameras[k].world_to_camera) @ np.array(view.camera_from_object)
            assert world == pytest.approx(np.array(scene.objects[view.id].matrix), abs=1e-6)


def test_every_promise_holds_and_steps_run(made: Path, library: Path, tmp_path: Path) -> None:
    report = verify(made, assets=library)
    assert report.ok, report.faults
    figures = stats(made)
    assert figures.views == VIEWS and figures.occupied_share
    assert all(c.objects for c in figures.classes if c.name != "truck")
    write_preview(made, tmp_path / "page", limit=1)
    with Image.open(tmp_path / "page" / "scene_000000.png") as sheet:
        assert sheet.size == (8 + 6 * 232, 40 + 4 * 232)
    copy = Path(shutil.copytree(made, tmp_path / "copy"))
    assert relabel(copy, frustum=FrustumChange(1.0, 9.0, 16, 30.0), assets=library) == 2
    assert Dataset(copy)[1].frustum(VIEWS - 1).shape == (24, 24, 16)
    assert not [fault for fault in verify(copy, assets=library).faults if fault.check != "views"]


def test_packed_views_are_samples_of_their_own(made: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    pack(made, packed, Packing("png", 95, True, 250))
    for was, now in zip(Dataset(made), Dataset(packed), strict=True):
        assert was.scene == now.scene
        for k in (0, VIEWS - 1):
            assert np.array_equal(was.image(k), now.image(k)) and np.array_equal(was.frustum(k), now.frustum(k))
            assert np.array_equal(was.depth_mm(k), now.depth_mm(k))
            assert np.array_equal(was.instance(k), now.instance(k))
    webdataset = pytest.importorskip("webdataset")
    samples = list(webdataset.WebDataset(str(next(packed.glob("*.tar"))), shardshuffle=False))
    views = [sample for sample in samples if "image.png" in sample]
    assert len(samples) == 2 + 2 * VIEWS and len(views) == 2 * VIEWS
    view = json.loads(views[3]["view.json"])
    scene = Dataset(made)[0]
    assert views[3]["__key__"] == "scene_000000_0003"
    assert view["camera"]["name"] == scene.cameras[3].name
    assert [seen["id"] for seen in view["objects"]] == [seen.id for seen in scene.objects_in_view(3)]


def test_another_number_of_views_is_another_data_set(made: Path, arguments: list[str]) -> None:
    other = [a if a != str(VIEWS) else "4" for a in arguments]
    command = [sys.executable, str(SCRIPT), "--", "--scenes", "2", "--out", str(made), *other]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 1
    assert "made with views 10, now asked for 4" in done.stderr and "Traceback" not in done.stderr
