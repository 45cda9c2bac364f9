"""Two hundred scenes as Cycles shows them, very small: no two alike, and what each kind of variation does to pixels."""

from __future__ import annotations

import colorsys
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from helpers.blender_assets import write_ball
from numpy.typing import NDArray
from PIL import Image

bpy = pytest.importorskip("bpy", reason="needs the bpy wheel")

from scenegen.core.asset_library import Material, list_assets  # noqa: E402
from scenegen.core.look.variation_names import VARIATIONS  # noqa: E402
from scenegen.core.make_scene import make_scene  # noqa: E402
from scenegen.core.preset.preset import Preset  # noqa: E402
from scenegen.core.preset.preset_file import load_preset  # noqa: E402
from scenegen.core.scene.camera import look_at  # noqa: E402
from scenegen.core.scene.scene import Camera, FrustumSpec, Look, Scene  # noqa: E402

from blender_scripts.build.asset_cache import AssetCache  # noqa: E402
from blender_scripts.build.materials import ROUGHNESS, SHIFT  # noqa: E402
from blender_scripts.build.room import build_world  # noqa: E402
from blender_scripts.build.scene import build_camera, build_scene, empty_file, link, purge_scene  # noqa: E402
from blender_scripts.render.cycles import Quality, configure, render_cameras  # noqa: E402

SCENES = 200
SIZE = 24
RED = (0.5, 0.08, 0.05)
NOISELESS = tuple(name for name in VARIATIONS if name != "noise")


def small(preset: Preset) -> Preset:
    """Few objects and one small camera: most of a tiny render's time is spent before its first ray."""
    cameras = dataclasses.replace(preset.cameras, places=preset.cameras.places[:1])
    return dataclasses.replace(preset, image_size=(SIZE, SIZE), objects=(1, 4), cameras=cameras)


class Studio:
    """Renders the first camera of a scene of boxes."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.preset = small(load_preset("studio"))
        self.assets = tuple(list_assets(library, "train"))
        self.cache = AssetCache(library)
        self.path = folder / "image.png"
        self.target = empty_file()
        configure(self.target, Quality(16, 16, 1), "cpu", 2)

    def scene(self, index: int, variation: tuple[str, ...]) -> Scene:
        return make_scene(self.preset, self.assets, 0, index, "train", variation)

    def image(self, scene: Scene, seed: int = 0) -> NDArray[np.float64]:
        cameras = build_scene(scene, self.cache)
        render_cameras(self.target, cameras, [self.path], seed, scene.look)
        purge_scene()
        return np.asarray(Image.open(self.path), dtype=np.float64)


@pytest.fixture(scope="module")
def studio(box_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(box_library, tmp_path_factory.mktemp("studio"))


def difference(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Mean difference of a channel, in [0, 255]."""
    return float(np.abs(a - b).mean())


def test_no_two_of_200_scenes_look_alike(studio: Studio) -> None:
    """Without sensor noise, and with the same seed of Cycles' own, so that only the scenes differ."""
    images = np.stack([studio.image(studio.scene(index, NOISELESS)) for index in range(SCENES)])
    flat = images.reshape(SCENES, -1)
    nearest = [np.sort(np.abs(flat - image).mean(axis=1))[1] for image in flat]
    same = [difference(studio.image(studio.scene(index, NOISELESS), seed=1), images[index]) for index in range(5)]
    print(min(nearest), max(same), flat.mean())
    assert min(nearest) > 1.5 * max(same)
    assert 60 < flat.mean() < 170
    assert flat.mean(axis=1).min() > 35 and flat.mean(axis=1).max() < 215  # none too dark or too bright


def test_each_kind_alone_changes_the_image(studio: Studio) -> None:
    looks = ((n, studio.scene(n, VARIATIONS).look) for n in range(100))
    index = next(n for n, look in looks if look.exposure > 0.4 and any(d.kind == "rug" for d in look.distractors))
    plain = studio.image(studio.scene(index, ()))
    assert np.array_equal(plain, studio.image(studio.scene(index, ())))
    for name in VARIATIONS:
        changed = studio.image(studio.scene(index, (name,)))
        assert difference(plain, changed) > 0.5, name
        assert np.array_equal(changed, studio.image(studio.scene(index, (name,)))), name


def test_objects_of_one_mesh_and_material_differ(tmp_path: Path) -> None:
    """A red ball twice, one shifted by a third of a turn: what colorsys makes green is green beside it."""
    write_ball(tmp_path, "ball", "bag", 0.2, Material("a", "plastic", RED, RED, roughness=1.0))
    target = empty_file()
    configure(target, Quality(16, 16, 1), "cpu", 1)
    cache = AssetCache(tmp_path)
    target.world = build_world(Look(None, None, None, (), "", 1.0, 0.0, 0.0))
    things = [bpy.data.objects.new(f"{side}", cache.mesh("ball")) for side in (-1, 1)]
    for thing, side, hue in zip(things, (-1, 1), (0.0, 1 / 3), strict=True):
        thing.location = (0.3 * side, 0.0, 0.0)
        thing[SHIFT], thing[ROUGHNESS] = (hue, 0.0, 0.0), 0.0
    plain = bpy.data.objects.new("plain", cache.mesh("ball"))  # no properties at all
    plain.location = (0.0, 0.0, 0.5)
    camera = build_camera(
        Camera("front", 32, 32, ((32.0, 0, 16), (0, 32.0, 16), (0, 0, 1)),
               look_at((0.0, -1.6, 0.35), (0.0, 0.0, 0.35)), FrustumSpec(0.1, 9.0, (1, 1, 1), 53.13))
    )  # fmt: skip
    link(target, [*things, plain, camera])
    render_cameras(target, [camera], [tmp_path / "balls.png"], 0)
    assert len(bpy.data.meshes) == 1 and len(bpy.data.materials) == 1
    image = (np.asarray(Image.open(tmp_path / "balls.png"), dtype=np.float64) / 255) ** 2.2
    left, right, top = image[18:22, 8:12], image[18:22, 20:24], image[8:11, 14:18]
    hue, saturation, value = colorsys.rgb_to_hsv(*left.mean(axis=(0, 1)))
    turned = colorsys.hsv_to_rgb(hue + 1 / 3, saturation, value)
    assert left.mean(axis=(0, 1)).argmax() == 0
    assert right.mean(axis=(0, 1)) == pytest.approx(turned, abs=0.03)
    assert top.mean(axis=(0, 1)) == pytest.approx(left.mean(axis=(0, 1)), abs=0.06)
    purge_scene()
