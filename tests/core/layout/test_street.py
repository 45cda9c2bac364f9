"""Streets: the layout against shapely over many seeds, the views, and what `verify` refuses."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from helpers.preset_checks import check_wrong_key
from helpers.street_assets import write_street_library
from scenegen.core.asset_library import Asset, list_assets
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.layout.street_ground import lay_ground
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset import Preset
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene.scene import Camera, PlacedObject, Scene
from scenegen.core.scene.scene_json import scene_from_json, scene_to_json
from scenegen.steps.verify.layout import LAYOUT_CHECKS
from shapely import Polygon, STRtree, prepare, unary_union

STREETS = 40
SLACK = 1e-6


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_street_library(tmp_path_factory.mktemp("street_library"))


@pytest.fixture(scope="module")
def assets(library: Path) -> dict[str, Asset]:
    return {asset.name: asset for asset in list_assets(library, "train")}


@pytest.fixture(scope="module")
def street() -> Preset:
    return load_preset("street", views=12)


@pytest.fixture(scope="module")
def scenes(street: Preset, assets: dict[str, Asset]) -> list[Scene]:
    return [make_scene(street, tuple(assets.values()), 7, index, "train") for index in range(STREETS)]


def outline(item: PlacedObject) -> Polygon:
    square = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]) * item.size[:2]
    matrix = np.array(item.matrix)
    return Polygon(square @ matrix[:2, :2].T + matrix[:2, 3])


def test_the_preset_has_the_papers_numbers() -> None:
    preset = load_preset("street")
    assert preset.classes == ("person", "car", "truck", "van", "bus", "building", "tree", "bicycle", "ground")
    assert (preset.frustum.near, preset.frustum.far, preset.frustum.size) == (2.0, 12.0, (128, 128, 128))
    assert preset.frustum.hfov_deg == preset.cameras.hfov == 40.0
    assert (preset.views, preset.image_size, preset.grid, preset.room) == (500, (256, 256), None, None)
    assert preset.asset_classes == {"human", *preset.classes} - {"person"}


def test_no_two_boxes_meet(scenes: list[Scene]) -> None:
    for scene in scenes:
        outlines = [outline(o) for o in scene.objects]
        for one, other in STRtree(outlines).query(outlines, predicate="intersects").T:
            a, b = scene.objects[one], scene.objects[other]
            apart = min(a.bbox.max[2], b.bbox.max[2]) - max(a.bbox.min[2], b.bbox.min[2]) <= SLACK
            assert one >= other or apart or outlines[one].intersection(outlines[other]).area < SLACK, (
                scene.index,
                a,
                b,
            )


def test_everything_stands_on_ground_of_its_kind(scenes: list[Scene], assets: dict[str, Asset]) -> None:
    forms = {
        "car": ("road", "crossing"), "truck": ("road", "crossing"), "van": ("road", "crossing"),
        "bus": ("road", "crossing"), "person": ("pavement", "crossing"), "bicycle": ("pavement",), "building": ("lot",),
    }  # fmt: skip
    for scene in scenes:
        slabs = [o for o in scene.objects if o.class_name == "ground"]
        kinds = [assets[o.asset].family.split("/")[1].split("_")[0].rstrip("0123456789") for o in slabs]
        grounds = {}
        for name, below in forms.items():
            under = unary_union([outline(o) for o, kind in zip(slabs, kinds, strict=True) if kind in below])
            grounds[name] = under.buffer(SLACK)
            prepare(grounds[name])
        for item in scene.objects[len(slabs) :]:
            assert item.parent is not None and scene.objects[item.parent] in slabs
            assert item.matrix[2][3] == pytest.approx(scene.objects[item.parent].bbox.max[2], abs=SLACK)
            if item.class_name in forms:
                assert grounds[item.class_name].contains(outline(item)), (scene.index, item)
            else:
                assert kinds[item.parent] in ("pavement", "lot")


def test_ground_is_closed_under_the_street(scenes: list[Scene]) -> None:
    for scene in scenes:
        slabs = [outline(o) for o in scene.objects if o.class_name == "ground"]
        for one, other in itertools.combinations(slabs, 2):
            assert one.intersection(other).area < SLACK
        whole = unary_union([slab.buffer(SLACK) for slab in slabs])
        assert whole.geom_type == "Polygon" and not whole.interiors
        plan = scene.extra["street"]
        wide, long = plan["road_width"] / 2 + plan["pavement_width"], plan["length"] / 2
        assert whole.contains(Polygon([(-wide, -long), (wide, -long), (wide, long), (-wide, long)]))


def test_vehicles_keep_to_the_right(scenes: list[Scene]) -> None:
    driving = 0
    for scene in scenes:
        for item in scene.objects:
            at = np.array(item.matrix)[:2, 3]
            on_the_street = abs(at[1]) < scene.extra["street"]["length"] / 2
            if item.class_name in ("car", "truck", "van", "bus") and on_the_street:
                front = -np.array(item.matrix)[:2, 1] / item.matrix[2][2]
                assert abs(front[1]) > 0.99
                lane = min(scene.extra["street"]["lanes"], key=lambda n: abs(n["x"] - at[0]))
                assert front[1] * lane["heading"] > 0
                assert lane["x"] * lane["heading"] >= 0
                driving += 1
    assert driving > STREETS


def test_every_street_has_all_that_a_street_has(scenes: list[Scene], street: Preset) -> None:
    for scene in scenes:
        counts = {rule.name: sum(o.class_name == rule.name for o in scene.objects) for rule in street.rules}
        assert all(counts[rule.name] <= rule.maximum for rule in street.rules)
        assert min(counts["building"], counts["person"], counts["car"], counts["tree"]) >= 2
        assert 60 <= scene.extra["street"]["length"] <= 80 and len(scene.extra["street"]["crossings"]) == 2
    assert len({scene.extra["street"]["road_width"] for scene in scenes}) == 3
    parked = [lane["parking"] for scene in scenes for lane in scene.extra["street"]["lanes"]]
    assert 0.1 < np.mean(parked) < 0.7
    shares = [len(scene.skipped) / len(scene.objects) for scene in scenes]
    assert np.mean(shares) < 0.03


def seen_share(camera: Camera, item: PlacedObject) -> float:
    """Share of 1,000 points of an object's box, drawn by lot, that a camera has in its frustum."""
    points = np.random.default_rng(0).uniform((-0.5, -0.5, 0), (0.5, 0.5, 1), (1000, 3)) * item.size
    world = points @ np.array(item.matrix)[:3, :3].T + np.array(item.matrix)[:3, 3]
    pose = np.array(camera.world_to_camera)
    x, y, z = (world @ pose[:3, :3].T + pose[:3, 3]).T
    slope = np.tan(np.radians(20))
    return float(((np.abs(x) < slope * z) & (np.abs(y) < slope * z) & (z > 2) & (z < 12)).mean())


def test_views_are_at_the_height_of_eyes_and_show_something(scenes: list[Scene]) -> None:
    pitches, classes = [], set()
    for scene in scenes[:15]:
        plan = scene.extra["street"]
        things = [o for o in scene.objects if o.class_name != "ground"]
        assert len(scene.cameras) == 12
        assert len({camera.world_to_camera for camera in scene.cameras}) == 12
        for camera in scene.cameras:
            pose = np.array(camera.world_to_camera)
            eye = -pose[:3, :3].T @ pose[:3, 3]
            assert 1.2 <= eye[2] <= 2.5 + 0.15
            assert abs(eye[0]) < plan["road_width"] / 2 + plan["pavement_width"] and abs(eye[1]) < plan["length"] / 2
            pitches.append(np.degrees(np.arcsin(pose[2, 2])))
            for item in things:
                local = np.linalg.inv(np.array(item.matrix)) @ [*eye, 1]
                beyond = np.abs(local[:3] - (0, 0, item.size[2] / 2)) - np.array(item.size) / 2
                assert np.linalg.norm(beyond.clip(0)) >= 0.55  # metres clear, at scales around 1
            # Of a building, which is large, a piece of its front is something.
            shown = {
                o.class_name for o in things if seen_share(camera, o) > (0.002 if o.class_name == "building" else 0.02)
            }
            assert shown
            classes |= shown
    assert -12 <= min(pitches) < -8 and 0 < max(pitches) <= 3
    assert classes == {"person", "car", "truck", "van", "bus", "building", "tree", "bicycle"}


def test_the_same_seed_is_the_same_street_whatever_the_views(street: Preset, assets: dict[str, Asset]) -> None:
    few, more = (
        make_scene(dataclasses.replace(street, views=n), tuple(assets.values()), 3, 5, "train") for n in (4, 9)
    )
    assert few.objects == more.objects and few.cameras == more.cameras[:4]
    assert make_scene(street, tuple(assets.values()), 4, 5, "train").objects != few.objects


def test_scene_json_of_many_views_is_compact_and_comes_back(scenes: list[Scene]) -> None:
    scene = scenes[0]
    text = scene_to_json(scene)
    assert scene_from_json(text) == scene and json.loads(text)["room"] is None
    numbers = len(json.dumps(json.loads(text), separators=(",", ":")))
    assert len(text) < 1.02 * numbers + 20 * (len(scene.objects) + len(scene.cameras)) + 4000


@pytest.mark.parametrize("missing", ["road", "crossing", "pavement4", "lot"])
def test_ground_that_does_not_fit_together_is_named(assets: dict[str, Asset], missing: str) -> None:
    from random import Random

    left = [a for a in assets.values() if a.class_name == "ground" and f"/{missing}" not in a.family]
    with pytest.raises(ScenegenError, match=r"assets of class ground do not make a street.*scenegen assets build"):
        lay_ground(left, 6, Random(0))


def test_views_of_a_room_are_fixed_and_their_number_is_bounded() -> None:
    with pytest.raises(UsageError, match=r"--views 8: the cameras of preset studio are fixed"):
        load_preset("studio", views=8)
    with pytest.raises(UsageError, match=r"--views 0: ask for 1 to"):
        load_preset("street", views=0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('layout = "street"', 'layout = "road"', "layout: expected 'room' or 'street' or 'showcase', found 'road'"),
        ("blocks = [6, 7]", "blocks = [7, 6]", "street.blocks: the fewest (7) are more than the most (6)"),
        ("eye = [1.2, 2.5]", "eye = [2.5, 1.2]", "street.eye: the first, 2.5, is above the second, 1.2"),
        ("aimed = 0.5", "aimed = 1.5", "street.aimed: expected a number from 0 to 1"),
        ('assets = ["human"]', "assets = [3]", "classes[0].assets: expected a list of classes"),
        ('name = "van"', 'name = "tram"', "classes[3].name: 'tram' has no place in a street"),
        (
            'name = "ground"\n',
            'name = "ground"\non = ["car"]\non_chance = 1.0\nfloor_chance = 0.0\n',
            "classes[8].on: ",
        ),
        ("views = 500", "", "views: is missing"),
        ("[street]", "[streets]", "street: is missing"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    check_wrong_key(tmp_path, "street", old, new, message)


def moved(scene: Scene, item: PlacedObject, dx: float, dy: float, dz: float) -> Scene:
    """The scene with one object elsewhere."""
    matrix = np.array(item.matrix)
    matrix[:3, 3] += (dx, dy, dz)
    low, high = (tuple(np.add(end, (dx, dy, dz)).tolist()) for end in (item.bbox.min, item.bbox.max))
    bbox = dataclasses.replace(item.bbox, min=low, max=high)
    other = dataclasses.replace(item, matrix=tuple(tuple(row) for row in matrix.tolist()), bbox=bbox)
    return dataclasses.replace(scene, objects=(*scene.objects[: item.id], other, *scene.objects[item.id + 1 :]))


def test_verify_finds_what_stands_where_it_must_not(scenes: list[Scene], library: Path) -> None:
    scene = scenes[0]

    def faults(scene: Scene) -> set[str]:
        return {name for name, check in LAYOUT_CHECKS.items() if name != "sources" and list(check(scene, library))}

    assert all(not faults(one) for one in scenes[:4])
    half = scene.extra["street"]["road_width"] / 2
    car = next(o for o in scene.objects if o.class_name == "car" and abs(o.matrix[1][3]) < 25)
    at = car.matrix[0][3]
    assert "street" in faults(moved(scene, car, (half if at > 0 else -half) - at, 0, 0))  # astride the kerb
    assert "street" in faults(moved(scene, car, (half + 1.2) * (1 if at > 0 else -1) - at, 0, 0.15))  # on the pavement
    assert "street" in faults(moved(scene, car, 0, 0, 0.01))
    building = next(o for o in scene.objects if o.class_name == "building")
    assert "street" in faults(moved(scene, building, -1.5 if building.matrix[0][3] > 0 else 1.5, 0, 0))
    orphan = dataclasses.replace(car, parent=None)
    bare = dataclasses.replace(scene, objects=(*scene.objects[: car.id], orphan, *scene.objects[car.id + 1 :]))
    assert "street" in faults(bare)
    pose = np.array(scene.cameras[0].world_to_camera)
    eye = -pose[:3, :3].T @ pose[:3, 3]
    over = moved(scene, car, *(eye - np.array(car.matrix)[:3, 3] - (0, 0, car.size[2] / 2)))
    assert "eyes" in faults(over)
