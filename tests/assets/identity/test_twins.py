"""No shape in both splits: twins of every kind join each other, and what a library leaks is found."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import trimesh
from helpers.assets_command import run
from helpers.model_files import chair, table
from helpers.model_files import raw as any_raw
from PIL import Image
from scenegen.assets.curate.placing import make_placer
from scenegen.assets.curate.sheet import compose_twins
from scenegen.assets.identity.twins import twins_across
from scenegen.assets.prepare.prepare import prepare
from scenegen.assets.sources.builtin import build, make_model, recipes
from scenegen.core.asset_library import Asset, Material, Provenance, list_assets, read_asset
from scenegen.core.errors import ScenegenError

Y_UP = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


raw = partial(any_raw, named_by_file=True)


def splits(library: Path) -> dict[str, str]:
    return {asset.name: asset.split for asset in list_assets(library)}


def desk(length: float) -> trimesh.Trimesh:
    return table(length, 0.7, 0.75)


def harm(library: Path, name: str, **changes: object) -> None:
    """Change asset.json as an older version, which knew no shapes, might have written it."""
    file = library / name / "asset.json"
    body = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps({key: value for key, value in body.items() if value is not None}))


def test_five_tables_in_three_formats_are_on_one_side_each(tmp_path: Path) -> None:
    """glTF in metres with Y up, OBJ, and STL in millimetres with other triangles, as in a pack that people publish."""
    pack, library = tmp_path / "pack", tmp_path / "library"
    for kind in ("glTF", "OBJ", "STL"):
        (pack / kind).mkdir(parents=True)
    for number in range(5):
        mesh = desk(0.9 + 0.25 * number)
        turned = mesh.copy().apply_transform(Y_UP)
        turned.export(pack / "glTF" / f"Table_{number}.glb")
        turned.export(pack / "OBJ" / f"Table_{number}.obj")
        mesh.subdivide().apply_scale(1000).export(pack / "STL" / f"Table_{number}.stl")
    done = run("add", "--assets", library, "--class", "table", pack)
    assert done.returncode == 0, done.stderr
    by_length: dict[float, list[Asset]] = {}
    for asset in list_assets(library):
        by_length.setdefault(round(asset.size[0], 2), []).append(asset)
    assert [len(group) for group in by_length.values()] == [3] * 5
    for group in by_length.values():
        assert len({asset.split for asset in group}) == 1
    assert set(splits(library).values()) == {"train", "test"}
    assert "same shape as table_0: train like it" in done.stdout


def test_many_variants_of_one_shape_are_told_in_few_lines(tmp_path: Path) -> None:
    folder, library = tmp_path / "variants", tmp_path / "library"
    folder.mkdir()
    for number in range(9):
        unit = 1.0 / 0.0254 if number == 8 else 1.0
        desk(1.2).apply_scale(unit + 0.001 * number).export(folder / f"v{number}.stl")
    done = run("add", "--assets", library, "--class", "table", folder)
    assert "9 added" in done.stdout
    assert re.search(r"2 more +same shape as v0: in its split", done.stdout)
    assert re.search(r"v8 .*inch would fit, too", done.stdout)  # what is said of it alone
    assert len(re.findall(r"^ v\d ", done.stdout, re.MULTILINE)) == 7  # the first, five like it, v8
    assert len(set(splits(library).values())) == 1


def test_one_file_under_six_names_is_one_model(tmp_path: Path) -> None:
    folder, library = tmp_path / "twin", tmp_path / "library"
    folder.mkdir()
    for letter in "abcdef":
        desk(1.2).export(folder / f"desk_{letter}.stl")
    done = run("add", "--assets", library, "--class", "table", folder)
    assert "1 added, 5 the same as one of these, 0 refused" in done.stdout
    assert list(splits(library)) == ["desk_a"]


def test_files_are_recognised_when_a_new_one_takes_their_name(tmp_path: Path) -> None:
    """Folders with files of one name each are numbered in their order, which a new folder shifts."""
    folder, library = tmp_path / "gso", tmp_path / "library"

    def put(name: str, length: float) -> None:
        (folder / name / "meshes").mkdir(parents=True)
        desk(length).export(folder / name / "meshes" / "model.stl")

    put("M_red", 1.0)
    put("Z_blue", 1.3)
    add = ("add", "--assets", library, "--class", "table", folder)
    assert run(*add).returncode == 0
    before = {a.provenance.checksum: (a.name, a.split) for a in list_assets(library)}
    put("A_new", 1.6)
    assert "1 added, 2 there before and made again, 0 refused" in run(*add).stdout
    after = {a.provenance.checksum: (a.name, a.split) for a in list_assets(library)}
    assert len(after) == 3
    assert {checksum: after[checksum] for checksum in before} == before


def test_the_twin_of_a_test_model_is_told_and_goes_to_test(tmp_path: Path) -> None:
    desk(1.2).export(tmp_path / "old.stl")
    desk(1.2).subdivide().apply_scale(100).export(tmp_path / "new.ply")
    library = tmp_path / "library"
    assert run("add", "--assets", library, "--class", "table", "--split", "test", tmp_path / "old.stl").returncode == 0
    done = run("add", "--assets", library, "--class", "table", "--split", "train", tmp_path / "new.ply")
    assert done.returncode == 0
    assert "same shape as old: test like it" in done.stdout
    assert splits(library) == {"new": "test", "old": "test"}


def test_500_variants_of_one_mesh_are_on_one_side(tmp_path: Path) -> None:
    place = make_placer(tmp_path, choose_splits=True)
    mesh = trimesh.creation.box((1.2, 0.7, 0.75))
    for number in range(500):
        colour = Material("paint", base_color=(number / 500, 0.5, 0.5))
        hashed = "test" if number % 5 == 4 else "train"
        model = raw(mesh, f"variant_{number}", materials=(colour,), split=hashed)
        prepare(model, tmp_path, place=place)
    assets = list_assets(tmp_path)
    assert len(assets) == 500 and {asset.split for asset in assets} == {"train"}
    assert twins_across(assets) == ()


def test_variants_of_one_author_join_each_other(tmp_path: Path) -> None:
    """Alike, not the same: a longer version of a desk by the same author, and one by another."""
    place = make_placer(tmp_path, choose_splits=True)
    prepare(raw(desk(1.2), "first"), tmp_path, place=place)
    of_jo = raw(desk(1.3), "longer", split="test")
    al = Provenance("other", "Al", "CC0-1.0", "other.stl", "sum of other")
    of_al = raw(desk(1.38), "other", split="test", provenance=al)
    assert prepare(of_jo, tmp_path, place=place).split == "train"
    prepare(raw(desk(2.0), "long"), tmp_path, place=place)
    assert prepare(of_al, tmp_path, place=place).split == "test"


def test_colours_of_one_mesh_file_are_models_of_their_own(tmp_path: Path) -> None:
    """One mesh file, as of an OBJ with several MTL files or of objects in one place: only their looks differ."""
    place = make_placer(tmp_path, choose_splits=True)
    of = Provenance("model", "Jo", "CC0-1.0", "model.obj", "one checksum")
    wood = (Material("wood", textures={"base_color": "textures/a"}),)
    red = raw(desk(1.2), "red", provenance=of, materials=wood, textures={"textures/a": b"red"})
    blue = replace(red, name="blue", textures={"textures/a": b"blue"})
    plain = raw(desk(1.2), "plain", provenance=of, materials=(Material("a", base_color=(0.9, 0.1, 0.1)),))
    for model in (red, blue, plain, red, replace(blue, name="model")):
        prepare(model, tmp_path, place=place)
    assert splits(tmp_path) == {"blue": "train", "plain": "train", "red": "train"}
    assert (place.replaced, place.repeated) == (0, 2)


def test_what_an_old_library_leaks_is_found_and_adding_again_fixes_it(tmp_path: Path) -> None:
    """Assets without fingerprints, one shape in both splits: named, drawn, and on one side after adding again."""
    library = tmp_path / "library"
    prepare(raw(desk(1.2), "a"), library)
    prepare(raw(desk(1.2).subdivide(), "b", split="test"), library)
    prepare(raw(chair(), "c", "chair"), library)
    for name in "abc":
        harm(library, name, fingerprint=None)
        assert read_asset(library / name).fingerprint == ""
    (twins,) = twins_across(list_assets(library))
    assert (twins.test, twins.train, twins.same_shape) == ("b", "a", True)
    done = run("check", "--assets", library, "--json")
    assert done.returncode == 1
    assert [(t["test"], t["train"]) for t in json.loads(done.stdout)["twins"]] == [("b", "a")]
    assert all(read_asset(library / name).fingerprint for name in "abc"), "computed once and kept"
    place = make_placer(library, choose_splits=True)
    with pytest.raises(ScenegenError, match="both splits hold this shape, a in train and b in test"):
        prepare(raw(desk(1.2), "third"), library, place=place)
    prepare(raw(desk(1.2), "a"), library, place=place)
    assert splits(library) == {"a": "test", "b": "test", "c": "train"}


def test_check_draws_the_twins(tmp_path: Path) -> None:
    library = tmp_path / "library"
    prepare(raw(desk(1.2), "a"), library)
    prepare(raw(desk(1.2), "b", split="test"), library)
    prepare(raw(desk(1.26), "c", split="test"), library)
    assets = {asset.name: asset for asset in list_assets(library)}
    found = twins_across(list(assets.values()))
    assert [(twins.test, twins.same_shape) for twins in found] == [("b", True), ("c", False)]
    for name in assets:
        Image.new("RGB", (64, 64)).save(tmp_path / f"{name}.png")
    sheet = compose_twins([(assets[t.test], assets[t.train], t) for t in found], tmp_path, 64)
    assert sheet.getpixel((2, 32)) == (210, 30, 30) and sheet.getpixel((128 + 2, 32)) == (240, 140, 20)
    done = run("check", "--assets", library)
    assert "BROKEN b in test, a in train" in done.stdout
    assert "c in test, a in train" in done.stdout


def test_a_built_in_model_joins_the_split_of_its_shape(tmp_path: Path) -> None:
    """A copy of a built-in table is for testing already: no shape may be in both splits, so both go to test."""
    library = tmp_path / "library"
    table, other = [recipe for recipe in recipes("studio") if recipe.class_name == "table"][:2]
    made = make_model(table)
    trimesh.Trimesh(made.vertices, made.faces, process=False).export(tmp_path / "mine.stl")
    add = ("add", "--assets", library, "--class", "table", "--split", "test", "--up", "z")
    assert run(*add, tmp_path / "mine.stl").returncode == 0
    assert list(build(library, [table, other], workers=1)) == [table.name, other.name]
    assert splits(library) == {"mine": "test", table.name: "test", other.name: "train"}
