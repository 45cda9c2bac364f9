from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import json
import math
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from helpers.blender_assets import write_preset
from helpers.labelled_scenes import SceneLabels, make_labels
from scenegen.core.asset_library import Asset, list_assets, read_mesh
from scenegen.core.dataset.info import DatasetInfo, check_dataset_json, read_dataset_json, write_dataset_json
from scenegen.core.dataset.request import Request
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.layout.boxes import oriented_box
from scenegen.core.layout.collision import distance_to_box
from scenegen.core.look.distractors import PICTURES, RUGS
from scenegen.core.look.sensor_noise import add_noise
from scenegen.core.look.variation import (
    HDRIS,
    KELVIN,
    SKIES,
    SUN_KELVIN,
    VARIATIONS,
    _black_body,
    draw_look,
    lamp_color,
)
from scenegen.core.look.variation_names import parse_variation
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene.camera import camera_position
from scenegen.core.scene.scene import Look, NoiseLook
from scenegen.core.scene.scene_json import scene_from_json, scene_to_json


@pytest.fixture(scope="module")
def looks() -> list[Look]:
    return [draw_look(load_preset("studio"), (), 0, index, "train") for index in range(600)]


def test_every_kind_appears(looks: list[Look]) -> None:
    def kinds(part: str) -> Counter[str]:
        return Counter(getattr(look, part).kind for look in looks)

    assert set(kinds("floor")) == {"planks", "parquet", "tiles", "carpet", "concrete"}
    assert set(kinds("walls")) == {"paint", "plaster", "brick", "wallpaper"}
    assert set(kinds("ceiling")) == {"paint"}
    assert min(kinds("floor").values()) > 80
    assert Counter(len(look.lights) for look in looks).keys() == {1, 2, 3}
    assert {look.hdri for look in looks} == set(HDRIS)
    assert len({look.walls.color for look in looks}) > 300


def test_numbers_are_physical(looks: list[Look]) -> None:
    for look in looks:
        for surface in (look.floor, look.walls, look.ceiling):
            assert all(0.02 < channel <= 0.85 for channel in (*surface.color, *surface.color_2))
            assert 0.05 <= surface.roughness <= 1 and 0.05 <= surface.scale <= 1.5
        for light in look.lights:
            x, y, z = light.location
            assert abs(x) + light.size / 2 <= 2.0 and abs(y) + light.size / 2 <= 2.4 and 2.8 < z < 3.2
            assert light.target[2] == 0
            assert max(light.color) == 1 and min(light.color) > 0.1
        assert 0 <= look.hdri_rotation <= 2 * math.pi


def test_the_same_stream_draws_the_same_look() -> None:
    preset = load_preset("studio")
    assert draw_look(preset, (), 3, 4, "train") == draw_look(preset, (), 3, 4, "train")
    assert draw_look(preset, (), 3, 4, "train") != draw_look(preset, (), 3, 5, "train")
    assert draw_look(preset, (), 3, 4, "train") != draw_look(preset, (), 3, 4, "test")


def test_blender_ships_the_world_images() -> None:
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        pytest.skip("the bpy wheel is not installed")
    files = {path.stem for path in Path(spec.origin).parent.glob("*/datafiles/studiolights/world/*.exr")}
    assert files == set(HDRIS)


def planck_chromaticity(kelvin: float) -> tuple[float, float]:
    """x, y of a black body by integrating Planck's law over Wyman et al.'s (2013) fit of the CIE 1931 observer."""
    nm = np.arange(380.0, 781.0)
    power = nm**-5.0 / (np.exp(1.438777e7 / (nm * kelvin)) - 1)

    def lobe(peak: float, below: float, above: float) -> np.ndarray:
        return np.exp(-0.5 * ((nm - peak) * np.where(nm < peak, below, above)) ** 2)

    x = 0.362 * lobe(442.0, 0.0624, 0.0374) + 1.056 * lobe(599.8, 0.0264, 0.0323) - 0.065 * lobe(501.1, 0.0490, 0.0382)
    y = 0.821 * lobe(568.8, 0.0213, 0.0247) + 0.286 * lobe(530.9, 0.0613, 0.0322)
    z = 1.217 * lobe(437.0, 0.0845, 0.0278) + 0.681 * lobe(459.0, 0.0385, 0.0725)
    sums = [float((curve * power).sum()) for curve in (x, y, z)]
    return sums[0] / sum(sums), sums[1] / sum(sums)


@pytest.mark.parametrize("kelvin", [2700.0, 3400.0, 4000.0, 5000.0, 6500.0])
def test_black_body_against_plancks_law(kelvin: float) -> None:
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = np.array(to_xyz) @ _black_body(kelvin)
    assert xyz[1] == pytest.approx(1, abs=1e-3)
    assert tuple(xyz[:2] / xyz.sum()) == pytest.approx(planck_chromaticity(kelvin), abs=0.004)


def test_warm_lamps_are_orange_and_cold_ones_blue() -> None:
    red, green, blue = lamp_color(KELVIN[0])
    assert red == 1 > green > blue
    red, green, blue = lamp_color(KELVIN[1])
    assert red < green < blue == 1


@pytest.fixture(scope="module")
def assets(box_library: Path) -> tuple[Asset, ...]:
    return tuple(list_assets(box_library, "train"))


# the parts of a Look that each kind of variation decides
PARTS = {
    "world": {"hdri", "hdri_strength", "hdri_rotation"},
    "lights": {"lights"},
    "surfaces": {"floor", "walls", "ceiling"},
    "objects": {"objects"},
    "exposure": {"exposure"},
    "noise": {"noise"},
    "cameras": set(),
    "distractors": {"distractors"},
}


@pytest.mark.parametrize("name", VARIATIONS)
def test_a_switch_changes_its_own_part_alone(name: str, assets: tuple[Asset, ...]) -> None:
    studio = load_preset("studio")
    others = tuple(other for other in VARIATIONS if other != name)
    changed: set[str] = set()
    for index in range(20):
        scene, without = (make_scene(studio, assets, 0, index, "train", v) for v in (VARIATIONS, others))
        was, now = dataclasses.asdict(scene.look), dataclasses.asdict(without.look)
        changed |= {part for part in was if was[part] != now[part]}
        assert (without.cameras != scene.cameras) == (name == "cameras")
        assert (without.objects, without.skipped) == (scene.objects, scene.skipped)
    assert changed == PARTS[name]


def test_without_variation_all_rooms_are_alike(assets: tuple[Asset, ...]) -> None:
    studio = load_preset("studio")
    scenes = [make_scene(studio, assets, seed, index, "train", ()) for seed in (0, 1) for index in range(10)]
    assert len({scene.look for scene in scenes}) == len({scene.cameras for scene in scenes}) == 1
    look = scenes[0].look
    assert (look.objects, look.noise, look.distractors, look.hdri) == ((), None, (), "")
    for camera, place in zip(scenes[0].cameras, studio.cameras.places, strict=True):
        assert camera_position(camera) == pytest.approx(place.position, abs=1e-8)


def test_labels_never_depend_on_variation(assets: tuple[Asset, ...], box_library: Path, tmp_path: Path) -> None:
    """Byte for byte; without the jitter what the room holds stays, and what cameras see follows them."""
    meshes = {a.name: (mesh.vertices, mesh.faces) for a in assets for mesh in (read_mesh(a),)}
    tiny = load_preset(write_preset(tmp_path / "tiny.toml"))
    for index in range(6):
        scenes = [make_scene(tiny, assets, 2, index, "train", v) for v in (VARIATIONS, ("cameras",), ("noise",), ())]
        whole, still, *unmoved = [make_labels(scene, meshes) for scene in scenes]
        for name in (field.name for field in dataclasses.fields(SceneLabels)):
            assert same_bytes(getattr(whole, name), getattr(still, name)), name
            assert same_bytes(getattr(unmoved[0], name), getattr(unmoved[1], name)), name
        for labels in unmoved:
            assert same_bytes(labels.occupancy, whole.occupancy) and same_bytes(labels.masks, whole.masks)
            assert not same_bytes(labels.depths, whole.depths)


def same_bytes(a: object, b: object) -> bool:
    return pickle.dumps(a) == pickle.dumps(b)


def test_unmoved_cameras_are_kept_clear(assets: tuple[Asset, ...]) -> None:
    """With a jitter so large that objects could stand where the preset has its cameras."""
    studio = load_preset("studio")
    places = tuple(dataclasses.replace(p, position=(0.9 * p.position[0], 0.9 * p.position[1], 1.0)) for p in PLACES)
    rig = dataclasses.replace(studio.cameras, places=places, position_jitter=0.15, clear=0.3)
    preset = dataclasses.replace(studio, cameras=rig, attempts=5)
    near = preset.frustum.near
    for index in range(100):
        scene = make_scene(preset, assets, 0, index, "train", ())
        boxes = [oriented_box(o.matrix, o.size) for o in scene.objects]
        assert all(distance_to_box(box, place.position) >= near for box in boxes for place in places)


PLACES = load_preset("studio").cameras.places


def test_pictures_and_rugs_lie_flat_on_the_room(looks: list[Look]) -> None:
    """Within 2 mm, inside the room, turned to it, and no two pictures over one another (shapely)."""
    things = [thing for look in looks for thing in look.distractors]
    assert {(t.kind, t.pattern) for t in things} == {("picture", p) for p in PICTURES} | {("rug", p) for p in RUGS}
    room = np.array([4.0, 4.8, 3.2])
    low, high = room * (-0.5, -0.5, 0), room * (0.5, 0.5, 1)
    for thing in things:
        center, u, v = (np.array(vector) for vector in (thing.center, thing.u, thing.v))
        corners = np.array([center + a * u + b * v for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
        assert (corners >= low).all() and (corners <= high).all()
        assert u @ v == pytest.approx(0, abs=1e-6)
        gaps = np.stack([corners - low, high - corners])  # (2, 4, 3): metres from each side of the room
        near = [(side, axis) for side in (0, 1) for axis in range(3) if (gaps[side, :, axis] <= 0.002).all()]
        assert len(near) == 1 and (gaps[near[0][0], :, near[0][1]] > 0).all()
        side, axis = near[0]
        assert (thing.kind == "rug") == ((side, axis) == (0, 2))
        normal = np.cross(u, v)
        assert normal[axis] * (1 if side == 0 else -1) > 0 and np.abs(normal).argmax() == axis
        assert len(thing.colors) == 4 and all(0 < channel <= 0.85 for color in thing.colors for channel in color)
    for look in looks:
        walls: dict[tuple[float, ...], list[Any]] = {}
        for thing in look.distractors:
            if thing.kind == "picture":
                along = 0 if thing.u[0] else 1
                (x, z), w, h = (thing.center[along], thing.center[2]), abs(thing.u[along]), thing.v[2]
                walls.setdefault((along, thing.center[1 - along]), []).append(shapely.box(x - w, z - h, x + w, z + h))
        assert all(not a.intersects(b) for wall in walls.values() for a, b in itertools.combinations(wall, 2))


def test_objects_shift_moderately(assets: tuple[Asset, ...]) -> None:
    studio = load_preset("studio")
    scenes = [make_scene(studio, assets, 0, index, "train") for index in range(100)]
    pairs = [pair for scene in scenes for pair in zip(scene.objects, scene.look.objects, strict=True)]
    for placed, look in pairs:
        assert abs(look.hue) <= (0.03 if placed.class_name == "human" else 0.06)
        assert -0.3 <= look.saturation <= (0.0 if placed.class_name == "human" else 0.15)
        assert -0.3 <= look.value <= 0.15 and -0.15 <= look.roughness <= 0.2
    assert len({look for _, look in pairs}) == len(pairs)


def test_a_scene_in_the_open_has_sky_and_sun() -> None:
    preset = dataclasses.replace(load_preset("studio"), room=None)
    looks = [draw_look(preset, (), 0, index, "train") for index in range(300)]
    assert {look.hdri for look in looks} == set(SKIES)
    for look in looks:
        assert (look.floor, look.walls, look.ceiling, look.lights, look.distractors) == (None, None, None, (), ())
        assert look.sun is not None and look.sun.kelvin is not None
        assert np.linalg.norm(look.sun.direction) == pytest.approx(1, abs=1e-5) and look.sun.direction[2] > 0.3
        assert 0.0093 <= look.sun.angle <= 0.19 and SUN_KELVIN[0] < look.sun.kelvin < SUN_KELVIN[1]
    plain = {draw_look(preset, (), 0, index, "train", ()) for index in range(10)}
    assert len(plain) == 1 and plain.pop().sun is not None


def test_noise_is_that_of_a_sensor() -> None:
    """Photon transfer: in linear light the variance is mean / full well + (read noise / full well)^2."""
    look = NoiseLook(seed=7, full_well=4000.0, read_noise=20.0)
    for code in (40, 90, 140, 200):
        linear = ((code / 255 + 0.055) / 1.055) ** 2.4
        noisy = add_noise(np.full((400, 400, 3), code, np.uint8), look, 0)
        taken = ((noisy / 255 + 0.055) / 1.055) ** 2.4
        assert taken.mean() == pytest.approx(linear, rel=0.01)
        assert taken.var() == pytest.approx(linear / 4000 + (20 / 4000) ** 2, rel=0.1)
        drawn = np.random.default_rng(0).poisson(linear * 4000, 400_000) / 4000
        assert abs(taken.var() - drawn.var()) < 1.2 * (20 / 4000) ** 2  # numpy's own shot noise


def test_noise_is_the_same_anywhere_and_differs_between_views() -> None:
    image = np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 8, 3))
    look = NoiseLook(seed=7, full_well=4000.0, read_noise=3.0)
    noisy = add_noise(image, look, 0)
    assert noisy.dtype == np.uint8 and (noisy[255] == 255).all()
    assert np.array_equal(noisy, add_noise(image, look, 0))
    assert not np.array_equal(noisy, add_noise(image, look, 1))
    assert noisy[100].tolist()[:3] == [[99, 100, 102], [106, 101, 98], [103, 99, 102]]  # as numpy 1.26 has it
    quiet = add_noise(image, dataclasses.replace(look, full_well=1e9, read_noise=0.0), 0)
    assert np.array_equal(quiet, image)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("all", VARIATIONS),
        ("none", ()),
        ("noise,world", ("world", "noise")),
        ("objects, objects", ("objects",)),
        ("jpeg,all,blur", (*VARIATIONS, "blur", "jpeg")),
        ("blur,noise", ("noise", "blur")),
    ],
)
def test_what_variation_says(text: str, names: tuple[str, ...]) -> None:
    assert parse_variation(text) == names


@pytest.mark.parametrize("text", ["", "light", "all,light", "none,", "none,blur", "World"])
def test_an_unknown_kind_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--variation: '.*' does not vary; take all, none, or some of") as said:
        parse_variation(text)
    assert "\n" not in str(said.value)


def test_scenes_and_data_sets_from_before_still_load(assets: tuple[Asset, ...], tmp_path: Path) -> None:
    scene = make_scene(load_preset("studio"), assets, 0, 0, "train")
    body = json.loads(scene_to_json(scene))
    for key in ("sun", "objects", "noise", "distractors"):
        del body["look"][key]
    for lamp in body["look"]["lights"]:
        del lamp["kelvin"]
    older = scene_from_json(json.dumps(body))
    assert (older.look.floor, older.look.objects, older.look.noise) == (scene.look.floor, (), None)

    request = Request(scenes=2, quality="draft", variation=("noise",), assets=Path("x"))
    info = DatasetInfo(request, "p", "l", ("chair",), None, None)
    write_dataset_json(tmp_path, info)
    assert read_dataset_json(tmp_path) == info
    body = json.loads((tmp_path / "dataset.json").read_text())
    del body["variation"]
    (tmp_path / "dataset.json").write_text(json.dumps(body))
    assert read_dataset_json(tmp_path).request.variation is None
    with pytest.raises(ScenegenError, match=r'made with variation null, now asked for \["noise"\]'):
        check_dataset_json(tmp_path, info)


def test_slabs_of_ground_share_one_look(assets: tuple[Asset, ...]) -> None:
    scene = make_scene(load_preset("studio"), assets, 0, 1, "train")
    assert len(scene.objects) > 2
    slabs = [dataclasses.replace(placed, class_name="ground") for placed in scene.objects]
    assert len(set(draw_look(load_preset("studio"), slabs, 0, 1, "train").objects)) == 1
