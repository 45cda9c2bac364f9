"""Several objects in one file: found, named, and split when that is wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from helpers.assets_command import run
from helpers.look_files import plain
from helpers.model_files import box, chair, table
from scenegen.assets.prepare.raw_model import RawModel
from scenegen.assets.sources.files.files import ImportOptions, read_files
from scenegen.assets.sources.files.separate import pieces, separate, variants
from scenegen.core.asset_library import list_assets


def tree(x: float, y: float, height: float) -> list[trimesh.Trimesh]:
    """A trunk and a crown that is three times as wide."""
    trunk = box((x - 0.1, y - 0.1, 0.0), (x + 0.1, y + 0.1, height / 2))
    return [trunk, trimesh.creation.icosphere(1, 0.3).apply_scale([1, 1, height]).apply_translation([x, y, height / 2])]


def joined(parts: list[trimesh.Trimesh]) -> trimesh.Trimesh:
    return trimesh.util.concatenate(parts)


def slab(half: float) -> trimesh.Trimesh:
    return box((-half, -half, -0.05), (half, half, 0.0))


def test_trees_on_a_slab_are_told_apart() -> None:
    """Their crowns touch; the slab belongs to none."""
    trees = [*tree(0, 0, 2.0), *tree(0.57, 0.0, 2.2), *tree(0.0, 0.7, 1.9)]
    forest = joined([slab(1.5), *trees])
    found = separate(forest.vertices, forest.faces, pieces(forest.vertices, forest.faces))
    assert found.objects == 3
    assert (found.object_of_face[:12] == -1).all()
    sizes = [len(part.faces) for part in trees]
    wanted = np.repeat(np.arange(3), [sizes[0] + sizes[1]] * 3)
    pairs = set(zip(wanted.tolist(), found.object_of_face[12:].tolist(), strict=True))
    assert len(pairs) == 3


def test_one_object_of_many_pieces_stays_whole() -> None:
    """Table, chair, a table with a base plate, and a body with legs and arms of their own."""
    base = joined([slab(0.3), box((-0.05, -0.05, 0.0), (0.05, 0.05, 0.7)), box((-0.4, -0.4, 0.7), (0.4, 0.4, 0.75))])
    body = [box((-0.2, -0.1, 0.9), (0.2, 0.1, 1.8))]
    for side in (-1, 1):
        x = sorted((side * 0.02, side * 0.18))
        body.append(box((x[0], -0.1, 0.0), (x[1], 0.1, 0.9)))
        x = sorted((side * 0.21, side * 0.3))
        body.append(box((x[0], -0.1, 0.8), (x[1], 0.1, 1.5)))
    for mesh in (table(), chair(), base, joined(body)):
        found = separate(mesh.vertices, mesh.faces, pieces(mesh.vertices, mesh.faces))
        assert found.objects == 1
        assert not found.has_ground


def test_a_large_plate_under_one_object_is_ground() -> None:
    mesh = joined([slab(1.0), chair()])
    found = separate(mesh.vertices, mesh.faces, pieces(mesh.vertices, mesh.faces))
    assert found.objects == 1
    assert (found.object_of_face == np.repeat([-1, 0], [12, 72])).all()


def test_objects_in_the_same_place_are_variants() -> None:
    mesh = joined([chair(), chair().apply_scale(1.01), box((-0.2, -0.2, 0.46), (0.2, 0.2, 0.5))])
    assert variants(mesh.vertices, mesh.faces, [("Oak", 72), ("Pine", 72), ("Cushion", 12)]) == [("Oak", "Pine")]


def test_assets_add_splits_or_warns(tmp_path: Path) -> None:
    parts = [table(), table().apply_translation([2.0, 0.0, 0.0])]
    joined([box((-1.0, -1.0, -0.02), (3.0, 1.0, 0.0)), *parts]).export(tmp_path / "tables.stl")
    done = run("add", "--assets", tmp_path / "one", "--class", "table", "--scale", "0.5", tmp_path / "tables.stl")
    (asset,) = list_assets(tmp_path / "one")
    assert (
        "2 pieces stand side by side on a plate of ground: if they are objects of their own, give --split-objects"
        in asset.findings["warnings"]
    )
    done = run(
        "add", "--assets", tmp_path / "two", "--class", "table", "--split-objects", "--scale", "1", "--split", "train",
        tmp_path / "tables.stl",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sizes = [asset.size for asset in list_assets(tmp_path / "two")]
    np.testing.assert_allclose(sizes, [(1.2, 0.7, 0.75)] * len(sizes), atol=1e-5)


def test_each_split_object_has_its_own_materials_alone(tmp_path: Path) -> None:
    lines, materials, place = ["mtllib two.mtl", "vt .5 .5"], [], 1
    for number, name in enumerate(("oak", "elm")):
        plain(90, 60, 30 + number).save(tmp_path / f"{name}.png")
        materials.append(f"newmtl {name}\nmap_Kd {name}.png\nPc .{number + 1}\n")
        mesh = chair().apply_translation((2.0 * number, 0, 0))
        lines += [f"v {x:.4f} {z:.4f} {-y:.4f}" for x, y, z in mesh.vertices]  # Y up
        lines.append(f"usemtl {name}")
        lines += ["f " + " ".join(f"{place + corner}/1" for corner in face) for face in mesh.faces]
        place += len(mesh.vertices)
    (tmp_path / "two.obj").write_text("\n".join(lines))
    (tmp_path / "two.mtl").write_text("".join(materials))
    models = list(read_files([tmp_path / "two.obj"], ImportOptions("chair", split_objects=True)))
    assert len(models) == 2
    for model, name, gloss in zip(models, ("oak", "elm"), (".1", ".2"), strict=True):
        assert isinstance(model, RawModel)
        assert [material.name for material in model.materials] == [name]
        assert set(model.textures) == set(model.materials[0].textures.values())
        assert [text for text in model.warnings if "Pc" in text] == [f"{name}: Pc {gloss} is not shown"]


def test_objects_of_one_file_share_its_unit(tmp_path: Path) -> None:
    """Trees of 2, 2.5 and 3 units in a file of no unit, as five trees on a slab in a real one: 3 : 2 stays 3 : 2."""
    trees = [*tree(0, 0, 2.0), *tree(2.0, 0.0, 2.5), *tree(0.0, 2.0, 3.0)]
    joined([slab(3.0), *trees]).apply_scale(0.1).export(tmp_path / "trees.stl")
    models = list(read_files([tmp_path / "trees.stl"], ImportOptions("tree", split_objects=True, up="z")))
    heights = []
    for model in models:
        assert isinstance(model, RawModel)
        used = model.vertices[np.unique(model.faces)]
        heights.append(np.ptp(used[:, 2]))
        assert sum("scaled by" in text for text in model.warnings) == 1
    np.testing.assert_allclose(np.sort(heights) / min(heights), [1.0, 1.25, 1.5], rtol=1e-4)
    given = list(read_files([tmp_path / "trees.stl"], ImportOptions("tree", split_objects=True, up="z", height=9.0)))
    highest = [np.ptp(m.vertices[np.unique(m.faces)][:, 2]) for m in given if isinstance(m, RawModel)]
    np.testing.assert_allclose(np.sort(highest), [6.0, 7.5, 9.0], rtol=1e-4)
    assert max(heights) > 3.0  # of the usual size of trees, not of the 0.3 in the file
