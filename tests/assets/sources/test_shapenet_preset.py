"""The ShapeNet preset: objects on show lie in the frustum's range of every view."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from helpers.blender_assets import write_ball, write_box
from helpers.labelled_scenes import make_labels
from helpers.preset_checks import check_wrong_key
from scenegen.core.asset_library import Asset, Material, list_assets, read_mesh
from scenegen.core.errors import ScenegenError
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset import Preset
from scenegen.core.preset.preset_file import PRESETS, load_preset
from scenegen.core.scene.scene import Scene
from scenegen.steps.verify.layout import LAYOUT_CHECKS

CLASSES = ("car", "suv", "convertible", "bike", "bus", "truck", "plane", "boat")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of any size, as ShapeNet's are."""
    folder = tmp_path_factory.mktemp("showcase")
    for number, name in enumerate(CLASSES):
        write_box(folder, f"{name}_0", name, (0.2 + 0.1 * number, 1.0, 0.3), Material("grey"))
        write_ball(folder, f"{name}_1", name, 20.0, Material("red"))
    return folder


@pytest.fixture(scope="module")
def assets(library: Path) -> tuple[Asset, ...]:
    return list_assets(library, "train")


@pytest.fixture(scope="module")
def shapenet() -> Preset:
    return load_preset("shapenet")


@pytest.fixture(scope="module")
def scenes(shapenet: Preset, assets: tuple[Asset, ...]) -> list[Scene]:
    return [make_scene(shapenet, assets, 1, index, "train") for index in range(60)]


def test_the_preset_has_the_papers_numbers(shapenet: Preset) -> None:
    assert shapenet.classes == CLASSES
    assert (shapenet.frustum.near, shapenet.frustum.far, shapenet.frustum.size) == (3.0, 10.0, (128, 128, 128))
    assert shapenet.frustum.hfov_deg == shapenet.cameras.hfov == 60.0
    assert (shapenet.room, shapenet.grid, shapenet.image_size, shapenet.views) == (None, None, (256, 256), 8)


def test_one_to_three_objects_within_range_of_every_camera(scenes: list[Scene], library: Path) -> None:
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])
    azimuths = []
    for scene in scenes:
        assert 1 <= len(scene.objects) <= 3 and len(scene.cameras) == 8
        for item in scene.objects:
            longest = max(item.size) * item.matrix[2][2]
            assert 1.6 - 1e-6 <= longest <= 3.2 + 1e-6
            world = corners * item.size @ np.array(item.matrix)[:3, :3].T + np.array(item.matrix)[:3, 3]
            for camera in scene.cameras:
                pose, K = np.array(camera.world_to_camera), np.array(camera.K)
                seen = world @ pose[:3, :3].T + pose[:3, 3]
                assert seen[:, 2].min() >= 3.0 and seen[:, 2].max() <= 10.0
                u, v = (seen.mean(axis=0) @ K.T)[:2] / seen.mean(axis=0)[2]
                assert 0 < u < 256 and 0 < v < 256
        for camera in scene.cameras:
            pose = np.array(camera.world_to_camera)
            eye = -pose[:3, :3].T @ pose[:3, 3]
            azimuths.append(np.arctan2(eye[1], eye[0]))
        assert not [
            fault for name, check in LAYOUT_CHECKS.items() if name != "sources" for fault in check(scene, library)
        ]
    assert {len(scene.objects) for scene in scenes} == {1, 2, 3}
    counts, _ = np.histogram(azimuths, bins=8, range=(-np.pi, np.pi))
    assert counts.min() > 0.6 * len(azimuths) / 8
    assert {o.class_name for scene in scenes for o in scene.objects} == set(CLASSES)


def test_labels_and_poses_agree(scenes: list[Scene], assets: tuple[Asset, ...]) -> None:
    """An object's pose in a view, put through K, is where its pixels are; its depth is in the depth map."""
    from scenegen.core.labels.object_poses import objects_in_view

    small = dataclasses.replace(scenes[0].cameras[0].frustum, size=(32, 32, 32))
    scene = next(s for s in scenes if len(s.objects) == 2)
    scene = dataclasses.replace(scene, cameras=tuple(dataclasses.replace(c, frustum=small) for c in scene.cameras[:3]))
    meshes = {a.name: (m.vertices, m.faces) for a in assets for m in [read_mesh(a)]}
    labels = make_labels(scene, meshes)
    objects = tuple(
        dataclasses.replace(o, visible_pixels=n) for o, n in zip(scene.objects, labels.visible_pixels, strict=True)
    )
    scene = dataclasses.replace(scene, objects=objects)
    assert (np.array(labels.frusta) > 0).any(axis=(1, 2, 3)).all()
    for k, camera in enumerate(scene.cameras):
        views = objects_in_view(scene, k)
        assert [v.id for v in views] == [0, 1] and all(v.in_frustum for v in views)
        for view, item in zip(views, scene.objects, strict=True):
            pose = np.array(view.camera_from_object)
            assert view.scale == pytest.approx(item.matrix[2][2])
            assert view.visible_pixels == int((labels.instances[k] == view.id + 1).sum())
            middle = pose @ [0, 0, item.size[2] / 2, 1]
            rows, columns = np.nonzero(labels.instances[k] == view.id + 1)
            if len(rows) > 200:
                u, v = (np.array(camera.K) @ middle[:3])[:2] / middle[2]
                reach = 0.8 * np.linalg.norm(item.size) * view.scale / middle[2] * camera.K[0][0]
                assert np.hypot(columns.mean() - u, rows.mean() - v) < reach
                depth = labels.depths[k][rows, columns] / 1000
                assert abs(np.median(depth) - middle[2]) < np.linalg.norm(item.size) * view.scale


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("radius = 2.6", "radius = 4.6", "showcase.distance: 5.8 brings cameras nearer to objects than clear, 2"),
        ("size = [1.6, 3.2]", "size = [3.2, 1.6]", "showcase.size: the first, 3.2, is above the second, 1.6"),
        ("clear = 2.0", "clear = 2.0\nposition_jitter = 0.1", "cameras.position_jitter: unknown key"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    check_wrong_key(tmp_path, "shapenet", old, new, message)


def test_views_that_cannot_be_are_refused(tmp_path: Path, assets: tuple[Asset, ...]) -> None:
    """From 40 m nothing is in range: bounded in time, and named."""
    text = (PRESETS / "shapenet.toml").read_text(encoding="utf-8")
    path = tmp_path / "far.toml"
    path.write_text(text.replace("distance = [5.8, 7.2]", "distance = [40.0, 41.0]"), encoding="utf-8")
    with pytest.raises(ScenegenError, match=r"preset far: none of 1000 drawn views has an object in range"):
        make_scene(load_preset(path), assets, 0, 0, "train")
