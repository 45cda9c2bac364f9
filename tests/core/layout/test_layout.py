from __future__ import annotations

import dataclasses
import hashlib
import itertools
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely
import trimesh
from scenegen.core.asset_library import Asset, list_assets, read_mesh
from scenegen.core.errors import ScenegenError
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset import ClassRule, Preset
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene.camera import camera_position
from scenegen.core.scene.scene import PlacedObject, Scene
from scenegen.core.scene.scene_json import scene_to_json

LAYOUTS = 1000
UNIT_BOX = np.array(list(itertools.product((-0.5, 0.5), (-0.5, 0.5), (0.0, 1.0))))


@pytest.fixture(scope="module")
def studio() -> Preset:
    return load_preset("studio")


@pytest.fixture(scope="module")
def assets(box_library: Path) -> dict[str, Asset]:
    return {asset.name: asset for asset in list_assets(box_library)}


@pytest.fixture(scope="module")
def scenes(studio: Preset, assets: dict[str, Asset]) -> list[Scene]:
    return [make_scene(studio, tuple(assets.values()), 0, index, "train") for index in range(LAYOUTS)]


def corners(placed: PlacedObject) -> np.ndarray:
    """The eight corners of an object's box in the world, from what scene.json says of it."""
    matrix = np.array(placed.matrix)
    return (UNIT_BOX * placed.size) @ matrix[:3, :3].T + matrix[:3, 3]


def outlines(objects: tuple[PlacedObject, ...]) -> list[shapely.Polygon]:
    return [shapely.MultiPoint(corners(o)[:, :2]).convex_hull for o in objects]


def heights(placed: PlacedObject) -> tuple[float, float]:
    z = corners(placed)[:, 2]
    return z.min(), z.max()


def test_no_two_boxes_meet(scenes: list[Scene]) -> None:
    pairs = 0
    for scene in scenes:
        shapes = outlines(scene.objects)
        for a, b in itertools.combinations(range(len(shapes)), 2):
            (low_a, high_a), (low_b, high_b) = heights(scene.objects[a]), heights(scene.objects[b])
            if min(high_a, high_b) - max(low_a, low_b) > 1e-6:
                pairs += 1
                assert shapes[a].intersection(shapes[b]).area < 1e-9, (scene.index, a, b)
    assert pairs > 10 * LAYOUTS


def test_boxes_come_close_enough_that_a_box_test_matters(scenes: list[Scene]) -> None:
    """Oriented boxes whose bounds overlap are there, so the option is not the axis-aligned one in disguise."""
    overlapping = sum(
        bool(np.all(np.minimum(a.bbox.max, b.bbox.max) - np.maximum(a.bbox.min, b.bbox.min) > 1e-3))
        for scene in scenes
        for a, b in itertools.combinations(scene.objects, 2)
    )
    assert overlapping > LAYOUTS / 10


def test_axis_aligned_option_keeps_the_bounds_apart(studio: Preset, assets: dict[str, Asset]) -> None:
    aligned = dataclasses.replace(studio, boxes="axis_aligned")
    for index in range(100):
        scene = make_scene(aligned, tuple(assets.values()), 0, index, "train")
        for a, b in itertools.combinations(scene.objects, 2):
            shared = np.minimum(a.bbox.max, b.bbox.max) - np.maximum(a.bbox.min, b.bbox.min)
            assert shared.min() <= 1e-6, (index, a.id, b.id)


def test_every_child_is_supported_by_its_parents_mask(scenes: list[Scene], assets: dict[str, Asset]) -> None:
    """Points all over the child's base, taken back into the parent's frame, fall on true cells at the top's height."""
    grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 80)] * 2), axis=-1).reshape(-1, 2) * 0.9999
    children: Counter[tuple[str, str]] = Counter()
    for scene in scenes:
        for child in scene.objects:
            if child.parent is None:
                assert child.matrix[2][3] == 0.0
                continue
            parent = scene.objects[child.parent]
            assert parent.id < child.id
            children[child.class_name, parent.class_name] += 1
            base = np.column_stack([grid * child.size[:2], np.zeros(len(grid)), np.ones(len(grid))])
            there = base @ np.array(child.matrix).T @ np.linalg.inv(np.array(parent.matrix)).T
            (support,) = assets[parent.asset].supports
            assert np.allclose(there[:, 2], support.height, atol=1e-6)
            cells = np.floor((there[:, :2] - support.origin) / support.cell).astype(int)
            assert (cells >= 0).all() and (cells < support.mask.shape).all()
            assert support.mask[cells[:, 0], cells[:, 1]].all(), (scene.index, child.id)
    assert set(children) == set(itertools.product(("laptop", "bag"), ("table", "nightstand")))
    assert min(children.values()) > 20


def test_rays_down_from_a_childs_corners_hit_its_parents_mesh(scenes: list[Scene], assets: dict[str, Asset]) -> None:
    for scene in scenes[:60]:
        for child in (o for o in scene.objects if o.parent is not None):
            parent = scene.objects[child.parent or 0]
            mesh = read_mesh(assets[parent.asset])
            world = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).apply_transform(parent.matrix)
            start = np.add(corners(child)[::2], (0, 0, 0.05))
            hits, _, _ = world.ray.intersects_location(start, np.tile((0.0, 0.0, -1.0), (4, 1)), multiple_hits=False)
            assert len(hits) == 4
            assert np.allclose(hits[:, 2], start[:, 2] - 0.05, atol=1e-5)


def test_all_inside_the_room_and_bounds_exact(scenes: list[Scene]) -> None:
    for scene in scenes:
        for placed in scene.objects:
            points = corners(placed)
            assert np.allclose(points.min(axis=0), placed.bbox.min, atol=2e-9)
            assert np.allclose(points.max(axis=0), placed.bbox.max, atol=2e-9)
            assert (np.array(placed.bbox.min) >= (-2.0, -2.4, 0.0)).all()
            assert (np.array(placed.bbox.max) <= (2.0, 2.4, 3.2)).all()


def test_poses_are_upright_with_a_uniform_scale_in_the_presets_range(scenes: list[Scene], studio: Preset) -> None:
    yaws = []
    for placed in (o for scene in scenes for o in scene.objects):
        linear = np.array(placed.matrix)[:3, :3]
        scale = np.cbrt(np.linalg.det(linear))
        assert np.allclose(linear @ linear.T, scale**2 * np.eye(3), atol=1e-8)
        assert studio.scale[0] <= scale <= studio.scale[1]
        assert np.array_equal(linear[2, :2], (0, 0))
        yaws.append(np.arctan2(linear[1, 0], linear[0, 0]))
    turns, _ = np.histogram(yaws, bins=8, range=(-np.pi, np.pi))
    assert turns.min() > 0.8 * len(yaws) / 8


def test_counts_reach_from_nothing_to_every_classs_maximum(scenes: list[Scene], studio: Preset) -> None:
    counts = [Counter(o.class_name for o in scene.objects) for scene in scenes]
    for rule in studio.rules:
        assert {c[rule.name] for c in counts} == set(range(rule.maximum + 1))
    assert min(len(scene.objects) for scene in scenes) >= 1
    assert [o.id for o in scenes[3].objects] == list(range(len(scenes[3].objects)))


def test_every_asset_is_used_and_none_of_the_other_split(
    scenes: list[Scene], studio: Preset, assets: dict[str, Asset]
) -> None:
    assert {o.asset for s in scenes for o in s.objects} == {n for n, a in assets.items() if a.split == "train"}
    tested = [make_scene(studio, tuple(assets.values()), 0, i, "test") for i in range(100)]
    assert {assets[o.asset].split for s in tested for o in s.objects} == {"test"}
    assert all(a.cameras != b.cameras and a.look != b.look for a, b in zip(scenes, tested, strict=False))


def test_nothing_stands_right_before_a_camera(scenes: list[Scene], studio: Preset) -> None:
    nearest = np.inf
    for scene in scenes:
        shapes = outlines(scene.objects)
        for (x, y, z), (placed, shape) in itertools.product(
            map(camera_position, scene.cameras), zip(scene.objects, shapes, strict=True)
        ):
            low, high = heights(placed)
            nearest = min(nearest, np.hypot(shape.distance(shapely.Point(x, y)), max(low - z, z - high, 0.0)))
    assert studio.cameras.clear - 1e-6 <= nearest < studio.cameras.clear + 0.1


def test_skipped_objects_say_why(scenes: list[Scene], studio: Preset) -> None:
    skipped = [s for scene in scenes for s in scene.skipped]
    assert {s.class_name for s in skipped} == {"laptop"}  # a room of this size has a place for everything else
    assert {(s.attempts, s.reason) for s in skipped} == {
        (0, "no table or nightstand"),
        (studio.attempts, "no free place on a table or nightstand"),
    }


PRINT_DIGEST = """
import hashlib, sys
from pathlib import Path
from scenegen.core.asset_library import list_assets
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene.scene_json import scene_to_json
preset, assets = load_preset("studio"), list_assets(Path(sys.argv[1]), "train")
order = [int(i) for i in sys.argv[2].split(",")]
texts = {i: scene_to_json(make_scene(preset, assets, 0, i, "train")) for i in order}
print(hashlib.sha256("".join(texts[i] for i in sorted(texts)).encode()).hexdigest())
"""


def test_another_process_in_another_order_gives_the_same_bytes(scenes: list[Scene], box_library: Path) -> None:
    here = hashlib.sha256("".join(map(scene_to_json, scenes[:20])).encode()).hexdigest()
    order = ",".join(str(i) for i in reversed(range(20)))
    for hash_seed in ("1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", PRINT_DIGEST, str(box_library), order]
        there = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
        assert there == here


def test_scenes_differ_from_each_other(scenes: list[Scene], studio: Preset, assets: dict[str, Asset]) -> None:
    assert len({repr(s.objects) for s in scenes}) == LAYOUTS
    assert make_scene(studio, tuple(assets.values()), 1, 0, "train").objects != scenes[0].objects


def test_the_look_never_changes_the_layout(
    scenes: list[Scene], studio: Preset, assets: dict[str, Asset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenegen.core.make_scene.draw_look", lambda *_: scenes[1].look)
    other = make_scene(studio, tuple(assets.values()), 0, 0, "train")
    assert other.look != scenes[0].look
    assert (other.objects, other.cameras) == (scenes[0].objects, scenes[0].cameras)


def with_rules(preset: Preset, *rules: ClassRule, objects: tuple[int, int] = (1, 1000)) -> Preset:
    return dataclasses.replace(preset, rules=rules, objects=objects)


def test_a_full_room_ends_after_its_attempts(studio: Preset, assets: dict[str, Asset]) -> None:
    crowd = with_rules(studio, ClassRule("chair", 1000, (), 0.0, 1.0), objects=(300, 300))
    scene = make_scene(crowd, tuple(assets.values()), 0, 0, "train")
    assert len(scene.objects) + len(scene.skipped) == 300
    assert len(scene.objects) >= 8
    assert {(s.attempts, s.reason) for s in scene.skipped} == {(studio.attempts, "no free place on the floor")}


def test_at_least_and_at_most(studio: Preset, assets: dict[str, Asset]) -> None:
    for fewest, most in ((1, 1), (3, 4), (15, 15)):
        preset = dataclasses.replace(studio, objects=(fewest, most))
        for index in range(60):
            scene = make_scene(preset, tuple(assets.values()), 0, index, "train")
            assert fewest <= len(scene.objects) + len(scene.skipped) <= most
            assert any(o.parent is None for o in scene.objects)


def test_a_bag_meant_for_a_missing_table_stands_on_the_floor(studio: Preset, assets: dict[str, Asset]) -> None:
    human = ClassRule("human", 1, (), 0.0, 1.0)
    table = ClassRule("table", 0, (), 0.0, 1.0)
    everything = tuple(assets.values())
    floor = with_rules(studio, human, table, ClassRule("bag", 3, ("table",), 0.9, 0.1))
    scenes = [make_scene(floor, everything, 0, index, "train") for index in range(50)]
    assert {(o.class_name, o.parent) for s in scenes for o in s.objects} == {("human", None), ("bag", None)}
    assert not any(s.skipped for s in scenes)
    nowhere = with_rules(studio, human, table, ClassRule("bag", 3, ("table",), 1.0, 0.0))
    skipped = {s for index in range(50) for s in make_scene(nowhere, everything, 0, index, "train").skipped}
    assert {(s.class_name, s.attempts, s.reason) for s in skipped} == {("bag", 0, "no table")}


def test_things_stack_to_any_depth(studio: Preset, assets: dict[str, Asset]) -> None:
    """Nightstands on tables, bags on those, laptops on those: four levels, each wholly on the one below."""
    low = {n: dataclasses.replace(a, size=(*a.size[:2], 0.3)) for n, a in assets.items() if a.split == "train"}
    tops = {"table": assets["table_train_04"].supports[0], "nightstand": assets["nightstand_train_04"].supports[0]}
    stack = []
    for number, name in enumerate(("table", "nightstand", "bag", "laptop")):
        size = (1.6 * 0.6**number, 1.0 * 0.6**number, 0.3)
        support = dataclasses.replace(
            tops["table"],
            height=0.3,
            origin=(-size[0] / 2, -size[1] / 2),
            cell=0.01,
            mask=np.ones((round(size[0] * 100), round(size[1] * 100)), bool),
        )
        stack.append(dataclasses.replace(low[f"{name}_train_00"], size=size, supports=(support,)))
    rules = [ClassRule("table", 1, (), 0.0, 1.0)]
    for below, name in itertools.pairwise(("table", "nightstand", "bag", "laptop")):
        rules.append(ClassRule(name, 2, (below,), 1.0, 0.0))
    preset = with_rules(studio, *reversed(rules), objects=(4, 7))
    deepest = 0
    for index in range(100):
        scene = make_scene(preset, stack, 0, index, "train")
        for placed in scene.objects:
            depth, at = 0, placed
            while at.parent is not None:
                above, at = at, scene.objects[at.parent]
                depth += 1
                assert abs(heights(above)[0] - heights(at)[1]) < 1e-6
                assert outlines((at,))[0].buffer(1e-6).contains(outlines((above,))[0])
            deepest = max(deepest, depth)
    assert deepest == 3


def test_a_support_below_the_top_carries_nothing(studio: Preset, assets: dict[str, Asset]) -> None:
    """A child on the seat of a sofa would stand inside the sofa's box."""
    sofas = [
        dataclasses.replace(a, supports=(dataclasses.replace(a.supports[0], height=a.size[2] - 0.1),))
        if a.supports
        else a
        for a in assets.values()
    ]
    for index in range(40):
        assert all(o.parent is None for o in make_scene(studio, sofas, 0, index, "train").objects)


def test_a_class_without_assets_is_refused(studio: Preset, assets: dict[str, Asset]) -> None:
    without = tuple(a for a in assets.values() if (a.class_name, a.split) != ("bag", "test"))
    make_scene(studio, without, 0, 0, "train")
    with pytest.raises(
        ScenegenError, match=r"no bag for the test split; run `scenegen assets build`, or .*--class bag"
    ):
        make_scene(studio, without, 0, 0, "test")


def test_an_asset_that_is_too_large_is_refused(studio: Preset, assets: dict[str, Asset]) -> None:
    for size in ((5.0, 0.5, 1.0), (4.2, 4.2, 1.0), (1.0, 1.0, 3.2)):
        giant = dataclasses.replace(assets["chair_train_00"], size=size)
        with pytest.raises(ScenegenError, match=r"chair \(train\) of .* does not fit .*assets drop chair_train_00"):
            make_scene(studio, (*assets.values(), giant), 0, 0, "train")
    long = dataclasses.replace(assets["chair_train_00"], size=(4.4, 0.5, 1.0))  # fits along the room, not across
    make_scene(studio, (*assets.values(), long), 0, 0, "train")


def test_room_seen_is_recorded(scenes: list[Scene]) -> None:
    seen = [scene.extra["room_seen"] for scene in scenes]
    assert min(s["any"] for s in seen) > 0.97
    assert all(s["all"] <= min(s["per_camera"]) <= max(s["per_camera"]) <= s["any"] for s in seen)
