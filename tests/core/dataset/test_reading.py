"""Reading a data set: positions and slices, files that are damaged, missing or of a later version."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scenegen.core.dataset.stored_scene
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenegen import Dataset
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import NewerFormatError, ScenegenError
from scenegen.steps.pack import pack

FILES: dict[str, Callable[[StoredScene], object]] = {
    "image_0.png": lambda scene: scene.image(0),
    "depth_1.png": lambda scene: scene.depth(1),
    "instance_2.png": lambda scene: scene.instance(2),
    "occupancy.npy": lambda scene: scene.occupancy,
    "masks.npy": lambda scene: scene.masks,
    "frustum_0.npz": lambda scene: scene.frustum(0),
    "scene.json": lambda scene: scene.scene,
}


@pytest.fixture(scope="module")
def packed(box_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packed") / "set"
    pack(box_set, out, Packing(image="png", quality=95, maps=True, shard_mb=1.0))
    return out


@pytest.fixture(params=["folders", "packed"])
def dataset(request: pytest.FixtureRequest, box_set: Path, packed: Path) -> Dataset:
    return Dataset(box_set if request.param == "folders" else packed)


def test_positions_are_those_of_a_list(dataset: Dataset) -> None:
    indices = [0, 1]
    assert dataset.indices == indices
    for position in (0, 1, -1, -2, np.int64(1), np.uint8(0), True):
        assert dataset[position].index == indices[position]
    for position in (2, -3, np.int64(7)):
        with pytest.raises(IndexError, match=r"no scene at position -?\d, there are 2 scenes"):
            dataset[position]
    for wrong in (0.0, "0", None, np.float32(1), (0, 1)):
        with pytest.raises(TypeError, match="integer positions"):
            dataset[wrong]  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "part", [slice(None), slice(1), slice(1, None), slice(None, None, -1), slice(5, 9), slice(0, 2, 2)]
)
def test_a_slice_is_a_data_set_of_its_scenes(dataset: Dataset, part: slice) -> None:
    view = dataset[part]
    assert isinstance(view, Dataset)
    assert view.indices == [scene.index for scene in view] == [0, 1][part]
    assert len(view) == len([0, 1][part])
    assert (view.info, view.packing, view.path) == (dataset.info, dataset.packing, dataset.path)
    assert len(dataset) == 2  # the whole is not changed
    for scene in view:
        np.testing.assert_array_equal(scene.masks, dataset[scene.index].masks)
    assert view.megabytes() == pytest.approx(sum(dataset[n : n + 1].megabytes() for n in view.indices))


def test_the_size_is_what_the_files_take(box_set: Path, packed: Path) -> None:
    files = sum(file.stat().st_size for file in (box_set / "scenes").rglob("*") if file.is_file())
    assert Dataset(box_set).megabytes() == pytest.approx(files / 1e6)
    shards = sum(file.stat().st_size for file in packed.glob("*.tar"))
    assert Dataset(packed).megabytes() == pytest.approx(shards / 1e6, abs=2048e-6)  # tar ends with empty blocks


def test_a_relative_path_survives_a_change_of_folder(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dataset.path.parent)
    relative = Dataset(dataset.path.name)
    monkeypatch.chdir(tmp_path)
    assert relative.path == dataset.path
    np.testing.assert_array_equal(relative[0].occupancy, dataset[0].occupancy)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(relative))[1].masks, dataset[1].masks)


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def test_files_of_a_later_version_ask_for_an_upgrade(box_copy: Path, packed: Path, tmp_path: Path) -> None:
    scene = box_copy / "scenes" / "scene_000001" / "scene.json"
    edit(scene, format="scenegen/2")
    whole, _ = Dataset(box_copy)
    assert whole.objects
    with pytest.raises(
        NewerFormatError, match=rf"^{re.escape(str(scene))}: written by a newer scenegen .*; upgrade scenegen$"
    ):
        _ = Dataset(box_copy)[1].objects
    assert Dataset(box_copy)[1].masks.any()  # which is read without scene.json
    edit(box_copy / "dataset.json", format="scenegen-dataset/7")
    with pytest.raises(NewerFormatError, match=r"dataset\.json: written by a newer scenegen .*upgrade"):
        Dataset(box_copy)
    other = Path(shutil.copytree(packed, tmp_path / "packed"))
    edit(other / "index.json", format="scenegen-shards/99")
    with pytest.raises(NewerFormatError, match=r"index\.json: written by a newer scenegen .*upgrade"):
        Dataset(other)


def test_unknown_keys_of_the_same_format_do_no_harm(box_copy: Path, packed: Path, tmp_path: Path) -> None:
    before = Dataset(box_copy)[0].scene
    edit(box_copy / "scenes" / "scene_000000" / "scene.json", season="autumn")
    edit(box_copy / "dataset.json", season="autumn")
    after = Dataset(box_copy)[0].scene
    assert after.extra.pop("season") == "autumn"
    assert after == before
    other = Path(shutil.copytree(packed, tmp_path / "packed"))
    edit(other / "index.json", season="autumn")
    assert len(Dataset(other)) == 2


def test_mistakes_of_the_program_are_not_called_damage(box_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for mistake in (TypeError("unexpected keyword"), KeyError("seed"), AttributeError("no such field")):

        def fail(content: bytes, mistake: Exception = mistake) -> None:
            raise mistake

        monkeypatch.setattr(scenegen.core.dataset.stored_scene, "scene_from_json", fail)
        with pytest.raises(type(mistake), match=str(mistake.args[0])):
            _ = Dataset(box_set)[0].scene


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_not_called_damaged(box_copy: Path) -> None:
    (box_copy / "scenes" / "scene_000000" / "masks.npy").chmod(0)
    with pytest.raises(ScenegenError, match=r"masks\.npy: cannot be read \(Permission denied\); check its permissions"):
        _ = Dataset(box_copy)[0].masks


def test_a_folder_in_a_files_place_is_not_called_damaged(box_copy: Path) -> None:
    file = box_copy / "scenes" / "scene_000000" / "masks.npy"
    file.unlink()
    file.mkdir()
    with pytest.raises(ScenegenError, match=r"masks\.npy: cannot be read \(Is a directory\); check its permissions"):
        _ = Dataset(box_copy)[0].masks


@pytest.mark.parametrize("file", FILES)
def test_advice_keeps_what_may_be_whole(box_copy: Path, file: str) -> None:
    path = box_copy / "scenes" / "scene_000001" / file
    content = path.read_bytes()
    for harm in (content[: len(content) // 2], b""):
        path.write_bytes(harm)
        with pytest.raises(ScenegenError) as caught:
            FILES[file](Dataset(box_copy)[1])
        message = str(caught.value)
        assert message.startswith(f"{path}: damaged (")
        assert message.endswith("; copy it again from where it came, or move scene_000001 away and make scene 1 again")
        assert not re.search("remove|delete", message)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_never_shows_as_another_error(box_copy: Path, data: st.DataObject) -> None:
    """Whatever bytes a file holds: it is read, or one line says which file is damaged."""
    file = data.draw(st.sampled_from(sorted(FILES)))
    path = box_copy / "scenes" / "scene_000000" / file
    whole = path.read_bytes()
    try:
        harmed = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 4))):
            harmed[data.draw(st.integers(0, min(len(harmed) - 1, 400)))] = data.draw(st.integers(0, 255))
        path.write_bytes(harmed[: data.draw(st.one_of(st.just(len(harmed)), st.integers(0, len(harmed))))])
        try:
            FILES[file](Dataset(box_copy)[0])
        except ScenegenError as error:
            assert str(error).startswith(f"{path}: ")
    finally:
        path.write_bytes(whole)
