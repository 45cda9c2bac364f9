"""HDF5 exports as h5py reads them, against the scene and the formulas of BlenderProc's own conventions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from helpers.box_scenes import CLASSES, labelled_box_scene
from PIL import Image
from scenegen.core.dataset.shards import Packing
from scenegen.core.errors import UsageError
from scenegen.core.scene.scene import FARTHEST_STEP
from scenegen.steps.exchange.export import export
from scenegen.steps.pack import pack

KEYS = {"colors", "depth", "category_id_segmaps", "instance_segmaps", "instance_attribute_maps", "camera_pose"}


@pytest.fixture(scope="module")
def exported(box_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hdf5") / "out"
    done = export(box_set, out, "hdf5", workers=2)
    assert (done.scenes, done.counts) == (2, {"files": 6})
    return out


def said(file: h5py.File, key: str) -> Any:
    """A JSON entry, as BlenderProc's docs read it."""
    return json.loads(np.array(file[key]).tobytes())


def test_every_map_is_the_data_sets(exported: Path, box_set: Path) -> None:
    names = json.loads((exported / "categories.json").read_text())
    assert names == {"0": "background", **{str(n): name for n, name in enumerate(CLASSES, 1)}}
    for index in range(2):
        scene, labels = labelled_box_scene(index)
        for k in range(3):
            with h5py.File(exported / f"scene_{index:06d}" / f"{k}.hdf5") as file:
                assert set(file) == KEYS
                assert (file["colors"].dtype, file["depth"].dtype) == (np.uint8, np.float32)
                assert {file[key].compression for key in ("colors", "depth", "instance_segmaps")} == {"gzip"}
                stored = box_set / "scenes" / f"scene_{index:06d}" / f"image_{k}.png"
                np.testing.assert_array_equal(file["colors"], np.asarray(Image.open(stored)))
                np.testing.assert_allclose(file["depth"], labels.depths[k] / 1000.0, atol=1e-6)
                np.testing.assert_array_equal(file["instance_segmaps"], labels.instances[k])
                class_of = {0: 0} | {o.id + 1: CLASSES.index(o.class_name) + 1 for o in scene.objects}
                wanted = np.vectorize(class_of.__getitem__)(labels.instances[k])
                np.testing.assert_array_equal(file["category_id_segmaps"], wanted)
                entries = {entry["idx"]: entry for entry in said(file, "instance_attribute_maps")}
                assert set(entries) == set(np.unique(labels.instances[k]).tolist())
                assert all(entry["category_id"] == class_of[idx] for idx, entry in entries.items())
                assert all(entries[o.id + 1]["asset"] == o.asset for o in scene.objects if o.id + 1 in entries)


def test_the_camera_has_pixel_centres_at_whole_numbers(exported: Path) -> None:
    """Pixel (column, row) with its depth, through cam_K and the pose of OpenCV, is the point that a ray hits."""
    scene, labels = labelled_box_scene(1)
    for k in range(len(scene.cameras)):
        with h5py.File(exported / "scene_000001" / f"{k}.hdf5") as file:
            pose, depth = said(file, "camera_pose"), np.array(file["depth"], np.float64)
        lens, turn = np.array(pose["cam_K"]).reshape(3, 3), np.array(pose["cam_R_w2c"]).reshape(3, 3)
        rows, columns = np.indices(depth.shape)
        rays = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ np.linalg.inv(lens).T
        world = (rays * depth[..., None] - np.array(pose["cam_t_w2c"])) @ turn
        assert world[..., 2].min() == pytest.approx(0.0, abs=2e-3), "the floor"
        for item in scene.objects:
            seen = world[labels.instances[k] == item.id + 1]
            local = np.linalg.inv(np.array(item.matrix)) @ np.c_[seen, np.ones(len(seen))].T
            sides = [np.abs(local[n]) - item.size[n] / 2 for n in (0, 1)] + [local[2] - item.size[2], -local[2]]
            np.testing.assert_allclose(np.max(sides, axis=0), 0.0, atol=2e-3)


def test_what_has_no_depth_is_as_far_as_blenders_depth_of_nothing(box_copy: Path, tmp_path: Path) -> None:
    file = box_copy / "scenes" / "scene_000000" / "depth_0.png"
    depth = np.asarray(Image.open(file)).astype(np.uint16)
    depth[0, :2] = (0, FARTHEST_STEP)
    Image.fromarray(depth).save(file)
    export(box_copy, tmp_path / "out", "hdf5")
    with h5py.File(tmp_path / "out" / "scene_000000" / "0.hdf5") as opened:
        assert opened["depth"][0, :2].tolist() == [1e10, 1e10]
        assert opened["depth"][0, 2] == pytest.approx(depth[0, 2] / 1000)


def test_equal_scenes_are_equal_bytes(exported: Path, box_set: Path, tmp_path: Path) -> None:
    export(box_set, tmp_path / "again", "hdf5")
    files = sorted(path.relative_to(exported) for path in exported.rglob("*.hdf5"))
    assert len(files) == 6
    assert all((exported / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in files)


def test_maps_are_needed(box_set: Path, tmp_path: Path) -> None:
    pack(box_set, tmp_path / "packed", Packing("png", 90, maps=False, shard_mb=1.0))
    with pytest.raises(UsageError, match="packed without depth and instance maps"):
        export(tmp_path / "packed", tmp_path / "out", "hdf5")
