from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from helpers.preset_checks import check_wrong_key
from scenegen.core.dataset.info import preset_checksum
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.layout.cameras import make_cameras
from scenegen.core.preset.preset import stacking_order
from scenegen.core.preset.preset_file import PRESETS, load_preset

STUDIO = (PRESETS / "studio.toml").read_text(encoding="utf-8")


def test_studio_has_the_contracts_numbers() -> None:
    studio = load_preset("studio")
    assert studio.name == "studio"
    assert studio.room == (4.0, 4.8, 3.2)
    assert studio.image_size == (224, 224)
    assert studio.grid is not None
    assert (studio.grid.origin, studio.grid.voxel_size, studio.grid.shape) == ((-2.0, -2.4, 0.0), 0.05, (80, 96, 64))
    assert studio.classes == ("chair", "table", "nightstand", "laptop", "bag", "human")
    assert [rule.maximum for rule in studio.rules] == [3, 2, 2, 2, 3, 3]
    assert len(studio.cameras.places) == 3
    assert studio.frustum.size == (128, 128, 128)
    assert studio.frustum.hfov_deg == studio.cameras.hfov
    assert studio.boxes == "oriented"
    assert stacking_order(studio.rules) == {
        "chair": 0, "table": 0, "nightstand": 0, "laptop": 1, "bag": 1, "human": 0,
    }  # fmt: skip


def test_a_users_own_file(tmp_path: Path) -> None:
    path = tmp_path / "attic.toml"
    path.write_text(STUDIO.replace('boxes = "oriented"', 'boxes = "axis_aligned"'), encoding="utf-8")
    assert load_preset(path) == load_preset(str(path))
    assert (load_preset(path).name, load_preset(path).boxes) == ("attic", "axis_aligned")


def test_a_camera_may_have_its_own_up_field_of_view_and_jitter(tmp_path: Path) -> None:
    path = tmp_path / "above.toml"
    own = "target = [1.9, -2.3, 0.0]\nup = [0, 1, 0]\nhfov = 40\nposition_jitter = 0\ntarget_jitter = 0.3"
    start = STUDIO.index('name = "south_east"')
    path.write_text(STUDIO[:start] + STUDIO[start:].replace("target = [0.0, 0.0, 1.2]", own, 1), encoding="utf-8")
    first, above, _ = make_cameras(load_preset(path), None)
    assert (first.frustum.hfov_deg, above.frustum.hfov_deg) == (72.0, 40.0)
    assert above.K[0][0] == pytest.approx(112 / math.tan(math.radians(20)))
    assert above.world_to_camera[2][:3] == (0.0, 0.0, -1.0)
    place = load_preset(path).cameras.places[1]
    assert (place.position_jitter, place.target_jitter) == (0.0, 0.3)
    assert {frustum.hfov_deg for frustum in load_preset(path).frusta} == {72.0, 40.0}


def test_the_presets_keep_the_checksums_of_data_sets_already_made() -> None:
    """As version 0.1.0 wrote them into dataset.json, before places had an up and a field of view."""
    known = {
        "studio": "180dc40149103be321e4538b32fe8085e6437f72f7f8385e9fdad2900684fd2a",
        "street": "7f697924e6813d69da185aa27f6d7728325d01ae8efd27ab01b2e0939d022cd6",
        "shapenet": "af53bca906125182ba058d34d4aad6e47c802fceb20844193cddddc85c93e392",
    }
    assert {name: preset_checksum(load_preset(name)) for name in known} == known


def test_a_preset_may_have_no_box_grid(tmp_path: Path) -> None:
    path = tmp_path / "gridless.toml"
    start, end = STUDIO.index("[grid]"), STUDIO.index("[frustum]")
    path.write_text(STUDIO[:start] + STUDIO[end:], encoding="utf-8")
    assert load_preset(path).grid is None


@pytest.mark.parametrize("name", ["stduio", "", "../studio", "studio/"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match=r"^unknown preset .*known: .*studio.*\.toml$"):
        load_preset(name)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: cannot read this preset: No such file"):
        load_preset(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    for content in (b"room = [", b"\xff\xfe"):
        broken.write_bytes(content)
        with pytest.raises(UsageError, match=r"broken\.toml: cannot read this preset"):
            load_preset(broken)


def test_no_more_classes_and_objects_than_labels_have_numbers(tmp_path: Path) -> None:
    def with_classes(text: str, count: int, maximum: int = 1) -> Path:
        path = tmp_path / "many.toml"
        more = count - text.count("[[classes]]")
        path.write_text(text + "".join(f'\n[[classes]]\nname = "c{n}"\nmaximum = {maximum}\n' for n in range(more)))
        return path

    shapenet = (PRESETS / "shapenet.toml").read_text(encoding="utf-8")
    street = (PRESETS / "street.toml").read_text(encoding="utf-8")
    assert len(load_preset(with_classes(STUDIO, 64)).classes) == 64
    assert len(load_preset(with_classes(shapenet, 255, maximum=1000)).classes) == 255
    with pytest.raises(ScenegenError, match="classes: 65 classes, but labels hold at most 64, with a box grid"):
        load_preset(with_classes(STUDIO, 65))
    with pytest.raises(ScenegenError, match=r"classes: 256 classes, but labels hold at most 255$"):
        load_preset(with_classes(shapenet, 256))
    cars = re.sub(r"maximum = \d+", "maximum = 1000", street)
    assert "maximum = 1000" in cars
    load_preset(with_classes(cars, cars.count("[[classes]]")))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("room = [4.0, 4.8, 3.2]", "", "room: is missing"),
        ("room = [4.0, 4.8, 3.2]", "room = [4.0, 4.8]", "room: expected a list of 3"),
        ("room = [4.0, 4.8, 3.2]", 'room = [4.0, 4.8, "3"]', "room: expected a number from"),
        ("room = [4.0, 4.8, 3.2]", "room = [4.0, 4.8, nan]", "room: expected a number from"),
        ("image_size = [224, 224]", "image_size = [224, 224.5]", "image_size: expected a whole number"),
        ("objects = [1, 15]", "objects = [9, 8]", "objects: the fewest"),
        ("objects = [1, 15]", "objects = [0, 15]", "objects: expected a whole number from 1"),
        ("objects = [1, 15]", "objects = [16, 16]", "objects: the fewest (16) are more than all"),
        ('boxes = "oriented"', 'boxes = "round"', "boxes: expected 'oriented' or 'axis_aligned', found 'round'"),
        ("attempts = 50", "attempts = 0", "attempts: expected a whole number from 1"),
        ("attempts = 50", "attempts = true", "attempts: expected a whole number from 1"),
        ("scale = [0.95, 1.05]", "scale = [1.05, 0.95]", "scale: the smallest"),
        ("voxel_size = 0.05", "voxel_size = 0", "grid.voxel_size: expected a number"),
        ("voxel_size = 0.05", "voxel = 0.05", "grid.voxel_size: is missing"),
        ("near = 0.5", "near = 7.5", "frustum.near: 7.5 is not below far, 7"),
        ("hfov = 72.0", "hfov = 180", "cameras.hfov: expected a number from 1 to 170"),
        ("clear = 0.75", "clear = 0.75\nclaer = 1", "cameras.claer: unknown key"),
        (
            "position = [1.9, 2.3, 2.7]",
            "position = [1.99, 2.3, 2.7]",
            "cameras.places[2].position: [1.99, 2.3, 2.7] is",
        ),
        ("target = [0.0, 0.0, 1.2]", "target = [-1.9, -2.3, 0.0]", "cameras.places[0].target: the camera may look"),
        (
            "target = [0.0, 0.0, 1.2]",
            "target = [0.0, 0.0, 1.2]\nup = [1.9, 2.3, -1.5]",
            "cameras.places[0].target: the camera may look along its up, [1.9, 2.3, -1.5]",
        ),
        ("target = [0.0, 0.0, 1.2]", "target = [0.0, 0.0, 1.2]\nup = [0, 0, 0]", "cameras.places[0].up: has no"),
        ("target = [0.0, 0.0, 1.2]", "target = [0.0, 0.0, 1.2]\nhfov = 0", "cameras.places[0].hfov: expected a"),
        (
            "target = [0.0, 0.0, 1.2]",
            "target = [0.0, 0.0, 1.2]\nposition_jitter = 0.5",
            "cameras.places[0].position: [-1.9, -2.3, 2.7] is not inside the room with its jitter",
        ),
        ('name = "human"\nmaximum = 3', 'name = "human"\nmaximum = -1', "classes[5].maximum: expected a whole number"),
        ('name = "human"', 'name = "chair"', "classes[0].name: 'chair' is there twice"),
        ('name = "human"', "name = 7", "classes[5].name: expected a text"),
        ('on = ["table", "nightstand"]', 'on = ["desk"]', "classes[3].on: 'desk' is no class of this preset"),
        ("floor_chance = 0.6", "floor_chance = 0.7", "classes[4].on_chance: with floor_chance it is above 1"),
        ("floor_chance = 0.6", "", "classes[4].floor_chance: is missing"),
        (
            'name = "table"\nmaximum = 2',
            'name = "table"\nmaximum = 2\non = ["bag"]\non_chance = 0.5\nfloor_chance = 0.5',
            "classes: these stand on each other in a circle",
        ),
        ("# A furnished", "colour = 3\n#", "colour: unknown key"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(tmp_path: Path, old: str, new: str, message: str) -> None:
    check_wrong_key(tmp_path, "studio", old, new, message)


def test_a_preset_in_which_nothing_can_stand(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    for classes, message in (("classes = []\n", "classes: is empty"), ("", "classes: is missing")):
        path.write_text(classes + STUDIO[: STUDIO.index("[[classes]]")], encoding="utf-8")
        with pytest.raises(ScenegenError, match=message):
            load_preset(path)
    path.write_text(STUDIO[: STUDIO.index("[[classes]]")] + '[[classes]]\nname = "a"\nmaximum = 0\n', encoding="utf-8")
    with pytest.raises(ScenegenError, match="no class stands on the floor"):
        load_preset(path)
