"""The table of classes: what it says, what it refuses, and that one entry in it is all that a new class needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.box_scenes import CORNERS
from helpers.labelled_scenes import make_labels
from helpers.street_assets import write_street_library
from scenegen.core.asset_library import Asset, list_assets, read_mesh, write_asset
from scenegen.core.errors import ScenegenError
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset_file import PRESETS, load_preset
from scenegen.core.scene import classes
from scenegen.core.scene.classes import CLASSES_FILE, carriers, class_color, known_classes, object_class

TABLE = CLASSES_FILE.read_text(encoding="utf-8")
LAMP = """
[lamp]
height = [0.3, 0.5, 0.8]
longest = [0.2, 0.3, 0.4]
color = [1, 2, 3]
stands_on = ["table", "nightstand"]
"""
SCOOTER = """
[scooter]
longest = [0.8, 1.1, 1.4]
height = [0.8, 1.1, 1.4]
color = [4, 5, 6]
stands_on = ["pavement"]
street = "kerb"
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of classes.toml that is read in its place."""
    path = tmp_path / "classes.toml"
    path.write_text(TABLE, encoding="utf-8")
    monkeypatch.setattr(classes, "CLASSES_FILE", path)
    known_classes.cache_clear()
    yield path
    known_classes.cache_clear()


def test_the_table_knows_every_class_of_the_presets() -> None:
    for file in PRESETS.glob("*.toml"):
        preset = load_preset(file)
        assert set(preset.classes) | preset.asset_classes <= set(known_classes())
        colors = [class_color(name) for name in preset.classes]
        assert len(set(colors)) == len(colors)
    assert carriers() == {"table", "nightstand"}
    assert {name for name, entry in known_classes().items() if entry.person} == {"human", "person"}


def test_a_class_that_is_not_in_the_table_has_a_colour_of_its_name() -> None:
    sofa = object_class("sofa")
    assert sofa == replace(sofa, usual_size=None, stands_on=(), street=None, person=False, built_in=None)
    assert sofa.color == class_color("sofa") != class_color("lamp")
    assert all(0 <= channel <= 255 for channel in sofa.color)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("[lamp]\nheight = [0.5, 0.3, 0.8]\nlongest = [1, 1, 1]", "lamp.height: 0.5, 0.3, 0.8 do not rise"),
        ("[lamp]\nheight = [0.3, 0.5, 0.8]", "lamp.longest: is missing"),
        ("[lamp]\ncolor = [1, 2, 256]", "lamp.color: expected a whole number from 0 to 255"),
        ('[lamp]\nstreet = "roof"', "lamp.street: expected 'ground' or "),
        ('[lamp]\nperson = "yes"', "lamp.person: expected true or false, found 'yes'"),
        ('[lamp]\nbuilt_in = { module = "furniture.lamp", train = 2 }', "lamp.built_in.test: is missing"),
        ("[lamp]\ncolour = [1, 2, 3]", "lamp.colour: unknown key"),
    ],
)
def test_a_wrong_entry_is_named(table: Path, entry: str, message: str) -> None:
    table.write_text(f"{TABLE}\n{entry}\n", encoding="utf-8")
    with pytest.raises(ScenegenError) as caught:
        object_class("lamp")
    assert str(caught.value).startswith(f"{table}: {message}")


def write_lamp(library: Path, class_name: str, size: tuple[float, float, float]) -> None:
    """A box of a class that no other asset is of, in the training split."""
    model = next(asset for asset in list_assets(library, "train") if asset.class_name != "ground")
    mesh = replace(read_mesh(model), vertices=(CORNERS * size).astype(np.float32))
    lamp: Asset = replace(model, name=f"{class_name}_0", class_name=class_name, size=size, supports=())
    write_asset(library, lamp, mesh, {})


def test_a_class_of_rooms_is_one_entry_and_its_models(table: Path, box_assets: Path, tmp_path: Path) -> None:
    """Preset, layout, labels and colours: nothing else has to know the lamp."""
    table.write_text(TABLE + LAMP, encoding="utf-8")
    assert class_color("lamp") == (1, 2, 3)
    usual = object_class("lamp").usual_size
    assert usual is not None
    assert usual.fits((0.3, 0.3, 0.5))
    assert not usual.fits((0.3, 0.3, 1.5))

    write_lamp(box_assets, "lamp", (0.25, 0.25, 0.5))
    path = tmp_path / "lit.toml"
    rule = 'name = "lamp"\nmaximum = 2\non = ["table", "nightstand"]\non_chance = 1.0\nfloor_chance = 0.0'
    text = (PRESETS / "studio.toml").read_text(encoding="utf-8")
    path.write_text(f"{text}\n[[classes]]\n{rule}\n", encoding="utf-8")
    preset = load_preset(path)
    assert preset.classes[-1] == "lamp"

    assets = list_assets(box_assets, "train")
    scenes = (make_scene(preset, assets, 0, index, "train") for index in range(30))
    scene = next(scene for scene in scenes if any(o.class_name == "lamp" for o in scene.objects))
    lamp = next(o for o in scene.objects if o.class_name == "lamp")
    assert lamp.parent is not None
    assert scene.objects[lamp.parent].class_name in ("table", "nightstand")

    meshes = {asset.name: (read_mesh(asset).vertices, read_mesh(asset).faces) for asset in assets}
    labels = make_labels(scene, meshes)
    assert labels.masks is not None
    assert labels.masks[..., preset.classes.index("lamp")].any()


def test_a_class_of_streets_is_one_entry_and_its_models(table: Path, tmp_path: Path) -> None:
    table.write_text(TABLE + SCOOTER, encoding="utf-8")
    library = write_street_library(tmp_path / "library")
    write_lamp(library, "scooter", (0.4, 1.1, 1.1))
    path = tmp_path / "scooters.toml"
    text = (PRESETS / "street.toml").read_text(encoding="utf-8")
    path.write_text(f'{text}\n[[classes]]\nname = "scooter"\nmaximum = 6\n', encoding="utf-8")
    scene = make_scene(load_preset(path, views=1), list_assets(library, "train"), 0, 0, "train")
    scooters = [o for o in scene.objects if o.class_name == "scooter"]
    assert scooters
    for scooter in scooters:
        assert scooter.parent is not None
        assert scene.objects[scooter.parent].class_name == "ground"


def test_a_street_preset_names_only_the_classes_that_it_has(tmp_path: Path) -> None:
    """Ground is needed; every other class may be left out."""
    library = write_street_library(tmp_path / "library")
    text = (PRESETS / "street.toml").read_text(encoding="utf-8")
    head, *rules = text.split("[[classes]]")
    path = tmp_path / "quiet.toml"
    kept = [rule for rule in rules if any(f'"{name}"' in rule for name in ("car", "building", "ground"))]
    path.write_text("[[classes]]".join([head, *kept]), encoding="utf-8")
    scene = make_scene(load_preset(path, views=1), list_assets(library, "train"), 0, 0, "train")
    assert {o.class_name for o in scene.objects} == {"car", "building", "ground"}
    path.write_text("[[classes]]".join([head, *kept[:-1]]), encoding="utf-8")
    with pytest.raises(ScenegenError, match="classes: a street needs one class of ground"):
        load_preset(path)
