from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from scenegen.core.asset_library import list_assets
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


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "scenegen/2"}', '{"format": "scenegen/1"}', "null"])
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        scene_from_json(text)
