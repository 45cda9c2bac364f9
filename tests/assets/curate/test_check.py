"""What `assets check` finds in models with one fault each, what the sheet marks, and that dropped models stay away."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from helpers.assets_command import run
from helpers.model_files import box, chair, raw, table
from PIL import Image
from scenegen.assets.curate.check import check_asset, check_library
from scenegen.assets.curate.placing import make_placer
from scenegen.assets.curate.sheet import _lines, compose
from scenegen.assets.prepare.prepare import prepare
from scenegen.core.asset_library import Asset, Material, Provenance, list_assets
from scenegen.core.dataset.checks import ways_to_get
from scenegen.core.preset.preset_file import preset_text


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (90, 60, 30)).save(out, "PNG")
    return out.getvalue()


def kinds(asset: Asset) -> set[str]:
    return {finding.kind for finding in check_asset(asset)}


def seated_without_seat() -> trimesh.Trimesh:
    """Feet and shanks ahead, thighs level, a trunk that nothing holds up."""
    parts = [box((-0.2, -0.30, 0.0), (-0.05, -0.05, 0.08)), box((0.05, -0.30, 0.0), (0.2, -0.05, 0.08))]
    parts += [box((-0.2, -0.15, 0.08), (0.2, -0.05, 0.45)), box((-0.2, -0.15, 0.45), (0.2, 0.45, 0.60))]
    return trimesh.util.concatenate([*parts, box((-0.2, 0.25, 0.60), (0.2, 0.45, 1.30))])


def arms_out() -> trimesh.Trimesh:
    parts = [box((-0.2, -0.1, 0.0), (-0.05, 0.1, 0.9)), box((0.05, -0.1, 0.0), (0.2, 0.1, 0.9))]
    return trimesh.util.concatenate(
        [*parts, box((-0.2, -0.1, 0.9), (0.2, 0.1, 1.7)), box((-0.85, -0.05, 1.3), (0.85, 0.05, 1.4))]
    )


def test_good_models_have_no_findings(tmp_path: Path) -> None:
    assert check_asset(prepare(raw(chair(), "chair", "chair"), tmp_path)) == ()
    assert check_asset(prepare(raw(table(), "table", "table"), tmp_path)) == ()


def test_each_fault_is_named(tmp_path: Path) -> None:
    tall = table(0.5, 2.4, 0.75)
    tall.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (1, 0, 0)))
    tent = trimesh.util.concatenate([table(), trimesh.creation.cone(1.2, 0.2).apply_translation((0, 0, 0.75))])
    sheet = trimesh.Trimesh([[0, 0, 0], [1.2, 0, 0], [1.2, 0.6, 0.6], [0, 0.6, 0.6]], [[0, 1, 2], [0, 2, 3]])
    faults = {
        "balance": raw(seated_without_seat(), "sits", "human"),
        "side": raw(tall, "fallen", "table"),
        "support": raw(tent, "tent", "table"),
        "triangles": raw(sheet, "sheet", "table"),
        "licence": raw(chair(), "free", "chair", provenance=Provenance("x", "x", "unknown", "x", "x")),
        "front": raw(chair(), "turned", "chair", warnings=("front guessed: x",)),
        "size": raw(chair().apply_scale(2.2), "giant", "chair"),
        "pose": raw(arms_out(), "rigged", "human"),
    }
    for kind, model in faults.items():
        asset = prepare(model, tmp_path)
        assert kind in kinds(asset), (kind, check_asset(asset))
        assert not any(finding.broken for finding in check_asset(asset)), "a doubt alone breaks nothing"


def test_a_texture_that_cannot_be_read_and_a_broken_mesh_are_broken(tmp_path: Path) -> None:
    material = Material("wood", textures={"base_color": "textures/wood"})
    textured = raw(chair(), "textured", "chair", materials=(material,), textures={"textures/wood": picture()})
    asset = prepare(replace(textured, uvs=np.zeros((len(textured.faces), 3, 2))), tmp_path)
    assert check_asset(asset) == ()
    file = next(path for path in (asset.folder / "textures").iterdir())
    file.write_bytes(b"no picture")
    assert [finding.broken for finding in check_asset(asset)] == [True]
    other = prepare(raw(chair(), "other", "chair"), tmp_path)
    with np.load(other.folder / "mesh.npz") as arrays:
        np.savez(other.folder / "mesh.npz", **{name: array for name, array in arrays.items() if name != "faces"})
    assert [(finding.kind, finding.broken) for finding in check_asset(other)] == [("mesh", True)]
    found = check_library(list_assets(tmp_path), ["chair"])
    assert not found.usable and found.missing == ("chair/test",)
    done = run("check", "--assets", tmp_path)
    assert done.returncode == 1
    assert "2 broken: other, textured" in done.stderr
    answer = json.loads(run("check", "--assets", tmp_path, "--json").stdout)
    assert answer["usable"] is False
    assert {finding["kind"] for finding in answer["findings"]} == {"broken texture", "mesh"}


@pytest.mark.parametrize("harm", ["cut", "noise", "empty", "gone"])
def test_a_damaged_asset_stops_the_check_of_no_other(tmp_path: Path, harm: str) -> None:
    """A table keeps its supports in mesh.npz, which is read with its description."""
    prepare(raw(chair(), "good", "chair"), tmp_path)
    mesh = prepare(raw(table(), "harmed", "table"), tmp_path).folder / "mesh.npz"
    content = mesh.read_bytes()
    mesh.write_bytes({"cut": content[: len(content) // 2], "noise": b"noise" * 99}.get(harm, b""))
    if harm == "gone":
        mesh.unlink()
    done = run("check", "--assets", tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "1 broken: harmed" in done.stderr
    assert f"BROKEN harmed: mesh.npz: {'missing' if harm == 'gone' else 'damaged ('}" in done.stdout
    errors = run("list", "--assets", tmp_path).stderr.splitlines()
    assert len(errors) == 1 and "harmed/mesh.npz: " in errors[0] and "prepare this model again" in errors[0]


def test_blotches_are_a_doubt(tmp_path: Path) -> None:
    asset = prepare(raw(chair(), "blotched", "chair"), tmp_path)
    with np.load(asset.folder / "mesh.npz") as arrays:
        changed = dict(arrays)
    changed["corner_normals"] = np.roll(changed["corner_normals"], 1, axis=2)
    np.savez(asset.folder / "mesh.npz", **changed)
    assert kinds(asset) == {"normals"}


def test_small_all_over_is_a_doubt(tmp_path: Path) -> None:
    """Each measure of a desk that was modelled at half its size is one that some table has; both are not."""
    (finding,) = check_asset(prepare(raw(table(0.73, 0.39, 0.38), "half", "table"), tmp_path))
    assert (finding.kind, finding.says) == (
        "size",
        "0.73 x 0.39 x 0.38 m is small for a table; if that is wrong, add it again with --height",
    )


def test_the_name_of_a_model_tells_its_kind(tmp_path: Path) -> None:
    """A coffee table is no small table, and a desk is no coffee table."""
    low = table(1.0, 0.5, 0.3)
    assert check_asset(prepare(raw(low, "coffee_table", "table"), tmp_path)) == ()
    (finding,) = check_asset(prepare(raw(low, "office_desk", "table"), tmp_path))
    assert "unusual size for a table called office" in finding.says or "called desk" in finding.says
    assert "--height" in finding.says


def test_doubts_leave_the_exit_status_at_0(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name, mesh in (("chair", chair()), ("table", table())):
            mesh.vertices *= (1.0, 1.0, 1.2 if split == "test" else 1.0)  # another shape
            prepare(raw(mesh, f"{name}_{split}", name, split=split, warnings=("front guessed: x",)), tmp_path)
    found = check_library(list_assets(tmp_path), ["chair", "table"])
    assert found.usable and len(found.findings) == 4


def test_the_sheet_frames_what_is_doubtful(tmp_path: Path) -> None:
    library = tmp_path / "library"
    good, doubtful = (
        prepare(raw(chair(), "good", "chair"), library),
        prepare(raw(chair(), "doubtful", "chair", warnings=("front guessed: x",)), library),
    )
    for asset in (good, doubtful):
        Image.new("RGB", (64, 64)).save(tmp_path / f"{asset.name}.png")
    sheet = compose([good, doubtful], tmp_path, 64)
    colours = [sheet.getpixel((left + 2, 22 + 32)) for left in (0, 64)]
    assert colours == [(240, 140, 20), (0, 0, 0)], "sorted by name: the doubtful one comes first"


def test_long_names_stay_apart_on_the_sheet() -> None:
    names = [f"blend_swap_cc_by_{word}" for word in ("cafe_set_mota_chair", "cafe_set_mota_table", "armchair")]
    assert [_lines(name, 160, 2).replace("\n", "") for name in names] == names
    short = {_lines(name, 96, 2) for name in names}
    assert len(short) == 3 and all(len(line) <= 15 for text in short for line in text.split("\n"))


def test_a_dropped_model_does_not_come_back(tmp_path: Path) -> None:
    library = tmp_path / "library"
    chair().export(tmp_path / "wobbly.stl")
    add = ("add", "--assets", library, "--class", "chair", tmp_path / "wobbly.stl")
    assert run(*add).returncode == 0
    assert run("drop", "--assets", library, "wobbly", "--why", "it wobbles").returncode == 0
    again = run(*add)
    assert again.returncode == 0
    assert "wobbly, dropped before (it wobbles)" in again.stderr
    assert list_assets(library) == ()
    assert "it wobbles" in run("list", "--assets", library, "--dropped").stdout
    assert [note["name"] for note in json.loads(run("list", "--assets", library, "--dropped", "--json").stdout)] == [
        "wobbly"
    ]
    (library / "dropped.jsonl").unlink()
    assert run(*add).returncode == 0
    assert [asset.name for asset in list_assets(library)] == ["wobbly"]


@pytest.mark.parametrize("hashed", ["train", "test"])
def test_both_splits_get_models_whatever_their_names(tmp_path: Path, hashed: str) -> None:
    shapes = [trimesh.Trimesh(chair().vertices * (1, 1, 0.8 + 0.15 * n), chair().faces) for n in range(4)]
    models = [raw(shape, f"chair_{n}", "chair", split=hashed) for n, shape in enumerate(shapes)]
    place = make_placer(tmp_path, choose_splits=True)
    splits = [prepare(model, tmp_path, place=place).split for model in models]
    assert splits[0] == "train" and set(splits) == {"train", "test"}
    place = make_placer(tmp_path, choose_splits=True)
    again = [prepare(model, tmp_path, place=place).split for model in reversed(models)]
    assert again[::-1] == splits, "a model never changes sides"


def test_of_two_models_of_an_own_class_one_tests(tmp_path: Path) -> None:
    place = make_placer(tmp_path, choose_splits=True)
    shapes = [box((-0.2, -0.2, 0.0), (0.2, 0.2, height)) for height in (0.5, 1.1)]
    models = [raw(shape, f"lamp_{n}", "lamp", split="train") for n, shape in enumerate(shapes)]
    assert [prepare(model, tmp_path, place=place).split for model in models] == ["train", "test"]


def test_missing_classes_come_with_the_commands_that_help(tmp_path: Path) -> None:
    """`build` for the classes that it can make, `add` for the user's own, and no other."""
    preset = tmp_path / "lamps.toml"
    lamp = '[[classes]]\nname = "lamp"\nmaximum = 2\n\n[[classes]]\nname = "chair"'
    preset.write_text(preset_text("studio").replace('[[classes]]\nname = "chair"', lamp))
    done = run("check", "--assets", tmp_path, "--preset", preset)
    assert done.returncode == 1
    said = [line.strip() for line in done.stderr.splitlines()[1:]]
    assert said == [
        f"scenegen assets build --preset {preset} --assets {tmp_path}",
        f"scenegen assets add --class lamp --assets {tmp_path} PATH...",
    ]
    assert ways_to_get([("lamp", "test")], "studio", Path("lib")) == [
        "scenegen assets add --class lamp --split test --assets lib PATH..."
    ]
    assert ways_to_get([("chair", "test")], "studio", Path("lib")) == ["scenegen assets build --assets lib"]
