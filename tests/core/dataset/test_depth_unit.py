"""Depth beyond 65.5 m: towers at known distances, in steps of 10 mm, from their labels through all that reads them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.box_scenes import (
    CLASSES,
    as_matrix,
    box_asset,
    box_info,
    camera,
    make_box_scene,
    placed,
    with_bbox,
    write_box_library,
    write_images,
)
from helpers.labelled_scenes import make_labels, write_scene
from PIL import Image
from scenegen.core.asset_library import list_assets, read_mesh
from scenegen.core.dataset.credits import write_credits
from scenegen.core.dataset.fingerprints import write_fingerprints
from scenegen.core.dataset.info import check_dataset_json
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset, open_scene
from scenegen.core.errors import ScenegenError
from scenegen.core.scene.scene import MapSpec, PlacedObject, Scene, Vector
from scenegen.core.scene.scene_json import scene_from_json, scene_to_json
from scenegen.steps.exchange.export import export
from scenegen.steps.pack import pack
from scenegen.steps.verify.verify import verify

UNIT = 10
EYE = 0.2
TOWERS = ((1, "human", (0.0, 400.0, 0.0), 30.0), (2, "chair", (-120.0, 640.0, 0.0), 100.0),
          (3, "chair", (200.0, 900.0, 0.0), 100.0))  # fmt: skip
FRONTS = {0: 4.7, 1: 394.75, 2: 615.0, 3: 875.0}
"""Metres from the camera's plane to the front of each object: its place less half its size along y."""


def sized(number: int, kind: str, at: Vector, scale: float, yaw: float = 0.0) -> PlacedObject:
    item = placed(number, kind, at, yaw)
    return with_bbox(dataclasses.replace(item, matrix=as_matrix(np.array(item.matrix) * [[scale] * 3 + [1]])))


def scene_of(index: int, unit: int, views: int) -> Scene:
    """A table near by, three towers and small bags, some thinner than a step, along +y, without a room."""
    cameras = tuple(camera(f"camera_{k}", (0.0, 0.0, EYE), (0.0, 10.0, EYE)) for k in range(views))
    objects = (placed(0, "table", (0.0, 5.0 + 0.1 * index, 0.0), 0.0), *(sized(*each) for each in TOWERS))
    bags = [sized(4 + n, "bag", (0.1 * n - 0.4, 0.45, 0.0), 0.04 * (1 + n % 4), 0.4 * n) for n in range(9)]
    inside = make_box_scene(index, None)
    look = dataclasses.replace(inside.look, floor=None, walls=None, ceiling=None)
    return dataclasses.replace(
        inside, room=None, cameras=cameras, objects=(*objects, *bags), look=look, map_spec=MapSpec(depth_unit=unit)
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    write_box_library(folder)
    return folder


def write_towers(out: Path, library: Path, unit: int, views: int = 2) -> Path:
    info = box_info(1, None, depth_unit=unit, assets=library)
    check_dataset_json(out, info)
    write_credits(out, map(box_asset, CLASSES))
    assets = list_assets(library, "train")
    write_fingerprints(out, assets)
    meshes: dict[str, Any] = {a.name: (read_mesh(a).vertices, read_mesh(a).faces) for a in assets}
    scene = scene_of(0, unit, views)
    labels = make_labels(scene, meshes)
    shown = dataclasses.replace(labels, depths=tuple(np.minimum(d, 8000) for d in labels.depths))
    pictures = out.parent / f"pictures_of_{out.name}"
    pictures.mkdir()
    write_scene(out, scene, write_images(pictures, shown), labels)
    return out


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Path:
    return write_towers(tmp_path_factory.mktemp("far") / "set", library, UNIT)


def test_fronts_of_towers_have_their_distance(far: Path) -> None:
    stored = Dataset(far)[0]
    depth, steps, instance = stored.depth(0), stored.depth_steps(0), stored.instance(0)
    assert depth.dtype == np.float32 and steps.dtype == np.uint16
    for number, distance in FRONTS.items():
        seen = instance == number + 1
        assert seen.any()
        if distance < 655.35:
            nearest = steps[seen].min()
            assert nearest == round(distance * 1000 / UNIT) and (steps[seen] == nearest).mean() > 0.5
            assert depth[seen].min() == np.float32(distance)
        else:
            assert (steps[seen] == 65535).all() and np.isinf(depth[seen]).all()
    assert (depth[instance == 0] == 0).all()


def test_every_stored_value_is_its_metres(far: Path, tmp_path: Path) -> None:
    """All 65,536 values, as exact as float32 is."""
    scene = scene_of(0, UNIT, 1)
    wide = dataclasses.replace(scene.cameras[0], width=256, height=256)
    folder = tmp_path / "scenes" / "scene_000000"
    folder.mkdir(parents=True)
    (folder / "scene.json").write_text(scene_to_json(dataclasses.replace(scene, cameras=(wide,))))
    Image.fromarray(np.arange(65536, dtype=np.uint16).reshape(256, 256)).save(folder / "depth_0.png")
    for unit in (1, 3, 10, 100):
        depth = open_scene(tmp_path, 0, MapSpec(depth_unit=unit)).depth(0).reshape(-1)
        assert depth[:-1].tolist() == [float(np.float32(step * unit / 1000)) for step in range(65535)]
        assert depth[-1] == np.inf
    assert open_scene(tmp_path, 0).depth(0)[0, 123] == np.float32(1.23), "scene.json says it too"


def test_millimetres_are_not_given_where_steps_are_larger(far: Path, box_set: Path) -> None:
    with pytest.raises(
        ScenegenError, match=r"depth has steps of 10 mm; take depth\(k\), in metres, or depth_steps\(k\)"
    ):
        Dataset(far)[0].depth_mm(0)
    usual = Dataset(box_set)[0]
    assert np.array_equal(usual.depth_mm(0), usual.depth_steps(0))
    assert "map_spec" not in json.loads(usual.scene_json)


def test_scene_json_says_it_and_refuses_what_cannot_be(far: Path) -> None:
    body = json.loads(Dataset(far)[0].scene_json)
    assert body["map_spec"]["depth_unit"] == UNIT
    for wrong in (0, -1, 101, 2.5, True, None, "10"):
        with pytest.raises(ValueError, match="depth_unit"):
            scene_from_json(json.dumps({**body, "map_spec": {"depth_unit": wrong}}))


def test_older_programs_refuse_it_by_its_format(far: Path, box_set: Path) -> None:
    """They know no unit and would take steps for millimetres."""
    for path, number in ((far, 2), (box_set, 1)):
        files = (path / "dataset.json", next(path.glob("scenes/*/scene.json")))
        assert [json.loads(file.read_text())["format"][-2:] for file in files] == [f"/{number}"] * 2
    body = json.loads(Dataset(far)[0].scene_json)
    with pytest.raises(ValueError, match="scenegen/2"):
        scene_from_json(json.dumps({**body, "format": "scenegen/1"}))


def test_verify_holds_with_and_without_the_library(far: Path, library: Path, tmp_path: Path) -> None:
    assert verify(far, assets=library).faults == ()
    assert verify(far, assets=tmp_path).faults == ()


@pytest.mark.parametrize("said", ["dataset.json", "scene.json", "both"])
def test_verify_finds_a_wrong_unit(far: Path, library: Path, tmp_path: Path, said: str) -> None:
    out = write_towers(tmp_path / "set", library, UNIT)
    if said != "scene.json":
        file = out / "dataset.json"
        body = json.loads(file.read_text())
        assert body["depth_unit"] == UNIT
        file.write_text(json.dumps({**body, "depth_unit": 9}))
    if said != "dataset.json":
        file = out / "scenes" / "scene_000000" / "scene.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "map_spec": {"depth_unit": 9}}))
    checks = {fault.check for fault in verify(out, assets=tmp_path).faults}
    assert checks == ({"surfaces", "depth"} if said == "both" else {"scene.json"})


def test_shards_say_it_and_hold_the_same(far: Path, library: Path, tmp_path: Path) -> None:
    many = write_towers(tmp_path / "many", library, UNIT, views=9)
    for source, of_view in ((far, False), (many, True)):
        out = tmp_path / f"packed_{source.name}"
        pack(source, out, Packing("png", 90, maps=True, shard_mb=1.0))
        folders, packed = Dataset(source)[0], Dataset(out)[0]
        for k in range(len(folders.cameras)):
            assert np.array_equal(folders.depth(k), packed.depth(k))
        assert verify(out, assets=library).faults == ()
        assert (b'"map_spec":{"depth_unit":10' in (out / "shard-000000.tar").read_bytes()) == of_view


def test_exports_say_the_unit(far: Path, library: Path, tmp_path: Path) -> None:
    stored = Dataset(far)[0]
    near = np.where(np.isinf(stored.depth(0)), 0, stored.depth(0))
    for form in ("nerf", "bop", "hdf5"):
        export(far, tmp_path / form, form, assets=library)
    head = json.loads((tmp_path / "nerf" / "scene_000000" / "transforms.json").read_text())
    steps = np.asarray(Image.open(tmp_path / "nerf" / "scene_000000" / "depths" / "0.png"))
    assert head["integer_depth_scale"] == 0.01
    np.testing.assert_allclose(steps * head["integer_depth_scale"], near, rtol=1e-6)
    folder = tmp_path / "bop" / "train_pbr" / "000000"
    scale = json.loads((folder / "scene_camera.json").read_text())["0"]["depth_scale"]
    assert scale == json.loads((tmp_path / "bop" / "camera.json").read_text())["depth_scale"] == 10.0
    np.testing.assert_allclose(np.asarray(Image.open(folder / "depth" / "000000.png")) * scale, near * 1000, rtol=1e-6)
    assert "beyond 655.4 m" in (tmp_path / "bop" / "dataset_info.md").read_text()
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "hdf5" / "scene_000000" / "0.hdf5") as file:
        assert np.array_equal(file["depth"][:], np.where(near == 0, np.float32(1e10), near))
