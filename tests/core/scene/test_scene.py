from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from scenegen.core.asset_library import list_assets
from scenegen.core.errors import NewerFormatError
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene.scene import Scene
from scenegen.core.scene.scene_json import scene_from_json, scene_to_json


@pytest.fixture(scope="module")
def scenes(box_library: Path) -> list[Scene]:
    assets = list_assets(box_library, "train")
    return [make_scene(load_preset("studio"), assets, 5, index, "train") for index in range(30)]


def test_round_trip(scenes: list[Scene]) -> None:
    assert any(scene.skipped for scene in scenes)
    assert any(placed.parent is not None for scene in scenes for placed in scene.objects)
    for scene in scenes:
        assert scene_from_json(scene_to_json(scene)) == scene


def test_round_trip_of_labels_and_no_grid(scenes: list[Scene]) -> None:
    seen = tuple(dataclasses.replace(o, visible_pixels=(3, 0, 17)) for o in scenes[0].objects)
    scene = dataclasses.replace(scenes[0], objects=seen, grid=None)
    assert scene_from_json(scene_to_json(scene)) == scene


def test_the_contracts_keys(scenes: list[Scene]) -> None:
    body = json.loads(scene_to_json(next(s for s in scenes if s.skipped)))
    assert body["format"] == "scenegen/1"
    assert body.keys() >= {"seed", "index", "preset", "classes", "grid", "cameras", "objects", "skipped", "room_seen"}
    assert body["grid"].keys() == {"origin", "voxel_size", "shape"}
    assert body["cameras"][0].keys() == {"name", "width", "height", "K", "world_to_camera", "frustum"}
    assert body["cameras"][0]["frustum"].keys() == {"near", "far", "size", "hfov_deg"}
    wanted = {"id", "class", "asset", "parent", "matrix", "bbox", "size", "visible_pixels"}
    assert all(placed.keys() == wanted for placed in body["objects"])
    assert all(entry.keys() == {"class", "asset", "attempts", "reason"} for entry in body["skipped"])


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"format": 3}', '{"format": "scenegen/1"}', '{"format": "bop/2"}', "null"]
)
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        scene_from_json(text)


def test_a_later_version_is_refused_as_such(scenes: list[Scene]) -> None:
    text = scene_to_json(scenes[0]).replace('"scenegen/1"', '"scenegen/3"')
    with pytest.raises(
        NewerFormatError, match=r"a newer scenegen \(format scenegen/3; .*scenegen/2\); upgrade scenegen"
    ):
        scene_from_json(text)


def test_keys_of_a_later_version_do_no_harm(scenes: list[Scene]) -> None:
    """At the top they are kept, below they are left out."""
    body = json.loads(scene_to_json(scenes[0]))
    body["weather"] = {"rain": 0.5}
    body["objects"][0]["mood"] = body["cameras"][0]["iso"] = body["look"]["fog"] = 3
    scene = scene_from_json(json.dumps(body))
    assert scene == dataclasses.replace(scenes[0], extra={**scenes[0].extra, "weather": {"rain": 0.5}})


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("seed",), "0", 'seed: expected a whole number, found "0"'),
        (("seed",), True, "seed: expected a whole number, found true"),
        (("classes", 1), None, r"classes\[1\]: expected a text, found null"),
        (("grid",), [1], r"grid: expected an object, found \[1\]"),
        (("cameras", 1, "K", 0, 2), "x", r'cameras\[1\]\.K\[0\]\[2\]: expected a number, found "x"'),
        (("cameras", 0, "world_to_camera"), [[1, 0, 0, 0]], r"cameras\[0\]\.world_to_camera: expected a list of 4"),
        (("objects", 0, "class"), ..., r"objects\[0\]\.class: is missing"),
        (("look", "lights", 0, "power"), None, r"look\.lights\[0\]\.power: expected a number, found null"),
        (("objects", 0, "size", 1), float("nan"), r"objects\[0\]\.size\[1\]: expected a finite number, found NaN"),
        (("objects", 0, "size", 1), float("inf"), r"objects\[0\]\.size\[1\]: expected a finite number, found Inf"),
        (("cameras", 0, "frustum", "near"), 9.5, r"cameras\[0\]\.frustum: near 9.5, far .*: need 0 < near < far"),
        (
            ("cameras", 0, "frustum", "hfov_deg"),
            0,
            r"cameras\[0\]\.frustum: hfov_deg 0, size .*: need degrees below 180",
        ),
        (
            ("cameras", 0, "frustum", "size", 2),
            0,
            r"cameras\[0\]\.frustum: hfov_deg .*, size .*0.*: need .*positive numbers",
        ),
        (("cameras", 0, "K", 0, 0), 0, r"cameras\[0\]: camera .*: needs .*focal lengths that are not 0"),
        (("cameras", 0, "width"), 0, r"cameras\[0\]: camera .*: needs a width"),
        (("grid", "voxel_size"), -0.1, "grid: voxel_size -0.1, shape .*: need positive numbers"),
        (("grid", "shape", 0), 2**40, "grid: shape .*: more than 1073741824 cells"),
        (("objects", 0, "id"), 1, r"objects\[0\]\.id: is 1, but the object is number 0"),
        (("objects", 0, "class"), "sofa", r"objects\[0\]\.class: sofa is not in `classes`"),
        (("objects", 0, "asset"), "../../etc/passwd", r"objects\[0\]\.asset: '../../etc/passwd' is no name of a model"),
        (("objects", 0, "parent"), 0, r"objects\[0\]\.parent: 0 is not an object before it"),
        (("objects", 0, "matrix", 2), [0, 0, 0, 0], r"objects\[0\]\.matrix: has no inverse"),
        (("objects", 0, "matrix", 3), [0, 0, 0, 2], r"objects\[0\]\.matrix: its last row is \[0"),
        (
            ("cameras", 0, "world_to_camera", 3),
            [0, 0, 1, 1],
            r"cameras\[0\]\.world_to_camera: its last row .* is it transposed\?",
        ),
        (("objects", 0, "size", 1), -1, r"objects\[0\]\.size: .* must be positive metres"),
        (("objects", 0, "visible_pixels"), [1], r"objects\[0\]\.visible_pixels: expected a count for each of 3"),
        (("cameras", 0, "world_to_camera", 0, 3), 1e300, r"cameras\[0\]\.world_to_camera: .* above 1e\+06"),
        (("cameras", 0, "name"), "\ud800", r"cameras\[0\]\.name: .*half a character"),
        (("seed",), 10**30, "seed: expected a whole number of at most 64 bits"),
        (("grid", "shape", 0), 0, "grid: voxel_size .*, shape .*0.*: need positive numbers"),
    ],
)
def test_a_wrong_value_is_named(scenes: list[Scene], path: tuple[str | int, ...], value: object, message: str) -> None:
    body = json.loads(scene_to_json(scenes[0]))
    *above, last = path
    inner = body
    for key in above:
        inner = inner[key]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    with pytest.raises(ValueError, match=f"^{message}"):
        scene_from_json(json.dumps(body))


@pytest.mark.parametrize("start", ["[", '{"a":'])
def test_a_file_that_is_nested_without_end_is_refused(start: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        scene_from_json(start * 100_000)
