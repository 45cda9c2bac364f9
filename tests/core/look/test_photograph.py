"""What a camera does to a finished image, against scipy and Pillow, and that no label learns of it."""

from __future__ import annotations

import dataclasses
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from helpers.blender_assets import write_preset
from helpers.labelled_scenes import SceneLabels, make_labels
from numpy.typing import NDArray
from PIL import Image
from scenegen.core.asset_library import Asset, list_assets, read_mesh
from scenegen.core.look.photograph import photograph, through_lens
from scenegen.core.look.sensor_noise import add_noise
from scenegen.core.look.srgb import codes_of_light, light_of_codes
from scenegen.core.look.variation import VARIATIONS
from scenegen.core.look.variation_names import CAMERA_VARIATIONS
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene.scene import CameraLook, Look, NoiseLook
from scenegen.core.scene.scene_json import scene_from_json, scene_to_json
from scipy import ndimage
from skimage import data

PLAIN = Look(None, None, None, (), "", 0.0, 0.0, 0.0)
CAT = data.chelsea()[:120, :160]
PARTS = {"blur": "blur", "vignetting": "vignetting", "white_balance": "gains", "jpeg": "jpeg"}


@pytest.fixture(scope="module")
def assets(box_library: Path) -> tuple[Asset, ...]:
    return tuple(list_assets(box_library, "train"))


def taken(camera: CameraLook, image: NDArray[np.uint8] = CAT) -> NDArray[np.uint8]:
    return photograph(image, dataclasses.replace(PLAIN, camera=camera), 0)


def test_codes_and_light_are_inverse() -> None:
    assert np.array_equal(codes_of_light(light_of_codes()), np.arange(256))


def test_blur_is_a_gaussian_of_the_light() -> None:
    for deviation in (0.3, 0.9, 2.0):
        found = light_of_codes()[taken(CameraLook(blur=deviation))]
        axes = (deviation, deviation, 0)
        expected = ndimage.gaussian_filter(light_of_codes()[CAT], axes, mode="nearest", truncate=3.0)
        assert np.abs(found - expected).max() < 0.01
        assert np.abs(found - light_of_codes()[CAT]).max() > (0.02 if deviation > 0.5 else 0.001)


def test_vignetting_takes_light_from_the_corners() -> None:
    grey = np.full((101, 201, 3), 150, np.uint8)
    light = light_of_codes()[through_lens(grey, CameraLook(vignetting=0.4))][..., 0]
    full = light_of_codes()[150]
    assert light[50, 100] == full and light[0, 0] == pytest.approx(0.6 * full, rel=0.03)
    assert light[50, 0] == pytest.approx(0.8 * full, rel=0.02) and light[50, 50] == pytest.approx(0.95 * full, rel=0.02)


def test_gains_are_of_light_and_stop_at_white() -> None:
    found = taken(CameraLook(gains=(1.2, 1.0, 0.7)))
    light = light_of_codes()
    assert np.abs(light[found[..., 0]] - np.minimum(1.2 * light[CAT[..., 0]], 1)).max() < 0.005
    assert np.array_equal(found[..., 1], CAT[..., 1])
    assert np.abs(light[found[..., 2]] - 0.7 * light[CAT[..., 2]]).max() < 0.005


def test_jpeg_is_pillows_own_and_comes_last() -> None:
    noise = NoiseLook(seed=3, full_well=3000.0, read_noise=2.0)
    look = dataclasses.replace(PLAIN, noise=noise, camera=CameraLook(jpeg=70))
    content = io.BytesIO()
    Image.fromarray(add_noise(CAT, noise, 5)).save(content, "JPEG", quality=70)
    assert np.array_equal(photograph(CAT, look, 5), np.asarray(Image.open(content)))


def test_without_a_camera_there_is_the_noise_alone() -> None:
    noise = NoiseLook(seed=3, full_well=3000.0, read_noise=2.0)
    assert np.array_equal(photograph(CAT, dataclasses.replace(PLAIN, noise=noise), 2), add_noise(CAT, noise, 2))
    assert np.array_equal(taken(CameraLook()), CAT)


@pytest.mark.parametrize("name", CAMERA_VARIATIONS)
def test_a_switch_changes_its_own_part_of_the_camera_and_nothing_else(name: str, assets: tuple[Asset, ...]) -> None:
    """Labels are made of a scene without its look: what is left of it is the same, byte for byte."""
    studio = load_preset("studio")
    drawn = set()
    for index in range(10):
        before = make_scene(studio, assets, 0, index, "train", VARIATIONS)
        after = make_scene(studio, assets, 0, index, "train", (*VARIATIONS, name))
        every = make_scene(studio, assets, 0, index, "train", (*VARIATIONS, *CAMERA_VARIATIONS))
        camera = after.look.camera
        assert before.look.camera is None and camera is not None and every.look.camera is not None
        changed = {f.name for f in dataclasses.fields(CameraLook) if getattr(camera, f.name) != f.default}
        assert changed == {PARTS[name]}
        assert getattr(camera, PARTS[name]) == getattr(every.look.camera, PARTS[name])
        bare = dataclasses.replace(after, look=dataclasses.replace(after.look, camera=None))
        assert scene_to_json(bare) == scene_to_json(before) and '"gains"' not in scene_to_json(before)
        assert scene_from_json(scene_to_json(after)) == after
        drawn.add(getattr(camera, PARTS[name]))
    assert len(drawn) > 5


def test_labels_are_the_same_byte_for_byte(assets: tuple[Asset, ...], tmp_path: Path) -> None:
    meshes = {a.name: (mesh.vertices, mesh.faces) for a in assets for mesh in (read_mesh(a),)}
    tiny = load_preset(write_preset(tmp_path / "tiny.toml"))
    kinds = ((), CAMERA_VARIATIONS)
    plain, camera = (
        make_labels(make_scene(tiny, assets, 2, 0, "train", (*VARIATIONS, *more)), meshes) for more in kinds
    )
    for field in dataclasses.fields(SceneLabels):
        assert pickle.dumps(getattr(plain, field.name)) == pickle.dumps(getattr(camera, field.name)), field.name
