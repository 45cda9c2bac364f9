"""What makes a size doubtful, and what a name or a shape tells of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import trimesh
from helpers.assets_command import run
from helpers.lying_models import arriving
from helpers.model_files import box, chair, table
from scenegen.assets.sources.files.doubts import size_doubt
from scenegen.assets.sources.files.facing import find_facing
from scenegen.assets.sources.files.foreign import foreign_parts
from scenegen.assets.sources.files.guess import OwnHeight, guess_scale
from scenegen.assets.sources.files.posture import own_height, set_doubt
from scenegen.assets.sources.files.seat import height_by_seat, seat_doubt, seat_share
from scenegen.assets.sources.files.up_axis import find_up
from scenegen.assets.sources.files.vehicle_front import front_by_parts
from scenegen.core.asset_library import list_assets
from scenegen.core.scene.classes import object_class


def arrays(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)


def stool(height: float, width: float) -> trimesh.Trimesh:
    """A seat on four legs that stand close together, as those of bar stools."""
    h = width / 2
    legs = [
        box((x, y, 0.0), (x + 0.03, y + 0.03, height - 0.04)) for x in (-h / 2, h / 2 - 0.03) for y in (-h / 2, h / 2)
    ]
    return trimesh.util.concatenate([box((-h, -h, height - 0.04), (h, h, height)), *legs])


@pytest.mark.parametrize(
    ("class_name", "size", "name", "says"),
    [
        ("table", (1.18, 0.45, 0.41), "picnic_table", "a small size for a table called picnic"),
        ("table", (0.7, 0.35, 0.37), "OfficeDesk", "a small size for a table called"),
        ("table", (1.2, 0.6, 0.36), "CoffeeTable2", None),
        ("table", (2.0, 1.0, 1.0), "homedecor", "unit box: exactly 2.00 x 1.00 x 1.00 m"),  # on the grid of a game
        ("table", (1.6, 0.8, 0.74), "table", None),
        ("chair", (1.02, 1.02, 1.02), "chair", "unit box"),  # stretched to a cube
        ("chair", (0.55, 0.6, 0.9), "chair", None),
        ("tree", (1.5, 1.5, 6.7), "potted_plant", "a large size for a tree called pot"),
        ("tree", (4.0, 4.0, 6.7), "oak", None),
        ("truck", (4.1, 7.5, 3.0), "truck", "4.10 m wide"),
        ("car", (1.8, 4.3, 1.5), "car", None),
        ("car", (1.63, 3.57, 1.49), "fiat_500", None),  # as its maker gives it
        ("car", (1.5, 3.0, 1.3), "police_car", "a small size for a car, 1.50 x 3.00 x 1.30 m"),
        ("chair", (0.36, 0.5, 1.0), "borje", None),  # chairs are 1 m high
        ("table", (1.0, 1.0, 0.75), "table", None),  # and tables 1 m wide
        ("table", (1.0, 1.0, 0.45), "table", "unit box"),
        ("building", (10.0, 8.0, 6.0), "house", None),  # whole metres are usual for a house
        ("building", (8.0, 2.74, 4.7), "building", "a small size for a building"),  # no room is that narrow
    ],
)
def test_sizes(class_name: str, size: tuple[float, float, float], name: str, says: str | None) -> None:
    doubt = size_doubt(size, class_name, name, "m", states_unit=True)
    assert (doubt is None) if says is None else (doubt is not None and says in doubt and "--height" in doubt)


@pytest.mark.parametrize(
    ("name", "class_name", "word"),
    [
        ("diningtable", "table", "dining"),
        ("DeskCorner", "table", "desk"),
        ("bar_stool", "chair", "bar"),
        ("barrel_chair", "chair", None),  # a short word is no part of a longer one
        ("tree_pot", "tree", "pot"),
        ("spotted_gum", "tree", "potted"),  # a long one may be: a doubt costs less than silence
        ("laptop", "laptop", None),
    ],
)
def test_words_of_names(name: str, class_name: str, word: str | None) -> None:
    found = object_class(class_name).kind_named(name)
    assert (found[0] if found else None) == word


def test_a_kind_decides_the_usual_size() -> None:
    """Without a unit a coffee table becomes 0.42 m high, another table as long as most tables are."""
    size = (12.0, 6.0, 4.2)
    assert guess_scale(size, "table", states_unit=False, name="coffee_table").scale * 4.2 == pytest.approx(0.42)
    assert guess_scale(size, "table", states_unit=False).scale * 4.2 == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("class_name", "size", "name", "own", "height"),
    [
        ("table", (1.0, 1.0, 1.0), "table", None, 0.75),
        ("table", (2.0, 1.0, 1.0), "office_desk", None, 0.74),
        ("table", (1.0, 1.0, 1.0), "bar_table", None, 1.0),  # near the usual 1.05 m
        ("table", (1.0, 1.0, 0.45), "table", None, 0.45),  # its height was not stretched
        ("chair", (0.5, 0.5, 1.0), "chair", None, 1.0),  # near the usual 0.9 m
        ("human", (0.6, 0.8, 2.0), "man", 1.32, 1.32),  # who sits
        ("human", (0.6, 0.4, 2.0), "man", None, 1.72),
        ("human", (0.6, 0.4, 1.95), "man", None, 1.95),
    ],
)
def test_what_was_stretched_to_a_box_gets_its_usual_height(
    class_name: str, size: tuple[float, float, float], name: str, own: float | None, height: float
) -> None:
    own_height = None if own is None else OwnHeight(own, "as one who sits")
    guess = guess_scale(size, class_name, states_unit=True, name=name, own_height=own_height)
    assert guess.scale * size[2] == pytest.approx(height)
    assert (guess.scale != 1.0) == ("if that is wrong, give --height" in (guess.warning or ""))


@pytest.mark.parametrize(
    ("class_name", "size", "asks"),
    [
        ("car", (1.8, 4.3, 1.5), False),
        ("car", (1.8, 2.6, 1.9), True),  # of a comic
        ("laptop", (0.35, 0.25, 0.22), False),
        ("truck", (2.5, 7.5, 3.0), True),  # may be a pickup
        ("tree", (4.0, 4.0, 6.0), True),  # trees of such proportions are of many sizes
    ],
)
def test_usual_proportions_leave_no_doubt_of_a_size(
    class_name: str, size: tuple[float, float, float], asks: bool
) -> None:
    tiny = (size[0] * 3e-5, size[1] * 3e-5, size[2] * 3e-5)
    guess = guess_scale(tiny, class_name, states_unit=True)
    assert guess.to_usual and guess.warning is not None and ("--height" in guess.warning) == asks


def test_a_scale_by_a_seat_is_printed_only_where_it_is_doubtful(tmp_path: Path) -> None:
    chair().apply_scale(7.3).export(tmp_path / "upright.stl")
    chair().apply_transform(np.diag([7.3, 7.3, 12.4, 1.0])).export(tmp_path / "slender.stl")
    done = run("add", "--assets", tmp_path / "library", "--class", "chair", tmp_path)
    assert done.returncode == 0, done.stderr
    assert " ".join(done.stdout.split()).count("units unknown") == 1
    warnings = [str(asset.findings["warnings"]) for asset in list_assets(tmp_path / "library")]
    assert all("units unknown: scaled by" in text for text in warnings)
    assert sum("give --height" in text for text in warnings) == 1


@pytest.mark.parametrize(("mesh", "share"), [(chair(), 0.5), (stool(0.75, 0.35), 1.0)])
def test_the_seat(mesh: trimesh.Trimesh, share: float) -> None:
    found = seat_share(*arrays(mesh))
    assert found == pytest.approx(share, abs=0.04)


def test_a_chair_gets_the_size_that_its_seat_asks_for() -> None:
    """An office chair with a headrest is higher than 0.9 m; so is a bar stool than another one."""
    assert height_by_seat(0.36, (0.6, 0.6, 1.2)) == pytest.approx(1.25)
    assert height_by_seat(1.0, (0.35, 0.35, 0.75)) == 0.75
    assert height_by_seat(1.0, (0.4, 0.4, 0.45)) == 0.45
    own = own_height(*arrays(chair().apply_scale(0.1)), "chair")
    assert own is not None and own.height == pytest.approx(0.9, rel=0.05)
    assert own_height(*arrays(table()), "table") is None
    guess = guess_scale((0.3, 0.3, 0.6), "chair", states_unit=False, own_height=OwnHeight(1.2, "by its seat"))
    assert guess.scale == pytest.approx(1.0)  # in metres it fits: the unit decides
    guess = guess_scale((3.0, 3.0, 6.0), "chair", states_unit=False, own_height=OwnHeight(1.2, "by its seat"))
    assert guess.scale == pytest.approx(0.2)


def test_a_long_house_without_a_unit_has_one_storey() -> None:
    long, high = box((0.0, 0.0, 0.0), (15.6, 10.5, 8.0)), box((0.0, 0.0, 0.0), (9.0, 6.0, 8.0))
    own = own_height(*arrays(long), "building")
    assert own is not None and own.height == 5.0 and own.otherwise == "if it has several"
    assert own_height(*arrays(high), "building") is None


def test_a_slender_building_without_a_unit_has_many_storeys() -> None:
    tower = box((0.0, 0.0, 0.0), (3.7, 3.7, 8.0))
    own = own_height(*arrays(tower), "building")
    assert own is not None and own.height == pytest.approx(12.0 * 8.0 / 3.7)
    guess = guess_scale((0.37, 0.37, 0.8), "building", states_unit=False, own_height=own)
    assert guess.scale * 0.37 == pytest.approx(12.0)
    assert (
        guess.warning is not None
        and "as a slender building 12 m wide; if that is wrong, give --height" in guess.warning
    )


def test_the_height_that_is_advised_is_that_of_the_pose() -> None:
    """A suitcase that lies is not advised to be as high as one that stands."""
    guess = guess_scale((40.0, 34.0, 9.0), "bag", states_unit=True, name="suitcase")
    assert guess.warning is not None
    advised = float(guess.warning.rpartition("--height ")[2])
    assert advised == pytest.approx(9.0 * guess.scale, rel=0.05)


def test_a_seat_too_high_is_a_doubt() -> None:
    assert seat_doubt(0.5, 0.9) is None
    assert seat_doubt(0.7, 1.05) is None  # a bar chair
    doubt = seat_doubt(0.5, 1.5)
    assert doubt is not None and "0.75 m above the floor" in doubt and "--height 0.90" in doubt


def test_a_bar_stool_that_stands_is_not_laid_down() -> None:
    vertices, faces = arrays(stool(0.75, 0.35))
    assert find_up(vertices, faces, "chair", ".fbx").axis == "z"
    lying, faces = arriving(chair(), "-y")
    assert find_up(lying, faces, "chair", ".obj").axis == "-y"


def test_chairs_around_a_table() -> None:
    board = table(1.6, 0.9, 0.75)
    backs = [box((x, y, 0.0), (x + 0.4, y + 0.05, 0.95)) for x in (-0.6, 0.2) for y in (-0.75, 0.7)]
    assert set_doubt(*arrays(trimesh.util.concatenate([board, *backs])), "table") is not None
    lamp = box((-0.1, -0.1, 0.75), (0.1, 0.1, 1.2))
    assert set_doubt(*arrays(trimesh.util.concatenate([board, lamp])), "table") is None
    assert set_doubt(*arrays(board), "table") is None


def test_parts_named_as_other_objects() -> None:
    chosen, words = foreign_parts([("Table Leg", 30), ("Null Chair_3 Body", 20), ("Stool1", 10)], "table")
    assert words == ("chair", "stool")
    assert chosen.tolist() == [False] * 30 + [True] * 30
    assert foreign_parts([("desk_chair_table", 60)], "table")[1] == ()
    assert foreign_parts([("chair_back", 30), ("chair_seat", 30)], "chair")[1] == ()


def test_the_chairs_of_a_table_are_left_out_with_the_option_that_is_named(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    turn = trimesh.transformations.rotation_matrix(-np.pi / 2, [1, 0, 0])  # glTF is Y up
    scene.add_geometry(table(1.4, 0.8, 0.75).apply_transform(turn), node_name="table_top", geom_name="table_top")
    for number, y in enumerate((-0.5, 0.5)):
        seat = chair().apply_translation([0.0, y, 0.0]).apply_transform(turn)
        scene.add_geometry(seat, node_name=f"chair_{number}", geom_name=f"chair_{number}")
    scene.export(tmp_path / "set.glb")
    library = tmp_path / "library"
    assert run("add", "--assets", library, "--class", "table", tmp_path / "set.glb").returncode == 0
    (asset,) = list_assets(library)
    (advice,) = [text for text in asset.findings["warnings"] if text.startswith("parts are called chair")]
    option = re.search(r"--[a-z-]+", advice)
    assert option is not None
    assert run("add", "--assets", library, "--class", "table", option[0], tmp_path / "set.glb").returncode == 0
    (asset,) = list_assets(library)
    np.testing.assert_allclose(asset.size, (1.4, 0.8, 0.75), atol=1e-3)


@pytest.mark.parametrize(
    ("names", "front"),
    [
        (("body", "wheel_front_left", "wheel_back_left"), "-y"),
        (("body", "Wheel.FL", "Wheel.RL"), "-y"),
        (("body", "headlights", "trunk"), "-y"),
        (("body", "taillight_l", "hood"), "y"),
        (("body", "wheel_front", "headlight"), None),  # they disagree
        (("body", "wheel_1", "wheel_2"), None),
    ],
)
def test_parts_tell_the_front(names: tuple[str, ...], front: str | None) -> None:
    parts = [box((-0.9, -2.0, 0.3), (0.9, 2.0, 1.4)), box((-0.9, -1.8, 0.0), (0.9, -1.2, 0.6))]
    parts.append(box((-0.9, 1.2, 0.0), (0.9, 1.8, 0.6)))
    vertices, faces = arrays(trimesh.util.concatenate(parts))
    part = np.repeat(np.arange(3), [len(each.faces) for each in parts])
    assert front_by_parts(vertices, faces, part, names) == front


def test_a_stool_has_no_wrong_side() -> None:
    turned = trimesh.util.concatenate([stool(0.45, 0.4)])
    facing = find_facing(*arrays(turned), np.zeros(len(turned.faces), dtype=np.int64), (), "chair")
    assert facing.warnings == ()
