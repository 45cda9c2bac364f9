"""What a warning advises is tried: the very option that it names, given to the same file, makes the model right."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import trimesh
from helpers.assets_command import run
from helpers.lying_models import arriving, person
from helpers.model_files import CHAIR_SIZE, box, table
from scenegen.assets.sources.files.posture import SITTING_HEIGHT, sits
from scenegen.core.asset_library import Asset, list_assets, read_mesh


def seated() -> trimesh.Trimesh:
    """1.32 m from the soles to the crown, front -Y, without a seat: shins, thighs, body, arms, head."""
    parts = [box((-0.18, -0.1, 0.42), (0.18, 0.12, 1.05)), box((-0.08, -0.06, 1.05), (0.08, 0.1, 1.32))]
    for x in (-0.17, 0.03):
        parts.append(box((x, -0.5, 0.42), (x + 0.14, 0.0, 0.55)))
        parts.append(box((x, -0.5, 0.0), (x + 0.12, -0.38, 0.42)))
        parts.append(box((x, -0.6, 0.0), (x + 0.1, -0.38, 0.06)))
    parts += [box((x, -0.3, 0.6), (x + 0.06, 0.05, 1.0)) for x in (-0.24, 0.18)]
    return trimesh.util.concatenate(parts)


def house() -> trimesh.Trimesh:
    """9 x 6 x 8 m: walls and a roof."""
    eaves = [[x, y, 6] for x in (-4.5, 4.5) for y in (-3, 3)]
    roof = trimesh.convex.convex_hull([*eaves, [-4.5, 0, 8], [4.5, 0, 8]])
    return trimesh.util.concatenate([box((-4.5, -3, 0.0), (4.5, 3, 6.0)), roof])


def bus() -> trimesh.Trimesh:
    """11.6 m long, of two sections with a gap between them; each is too short for a bus."""
    return trimesh.util.concatenate([box((-1.25, y, 0.0), (1.25, y + 5.7, 3.1)) for y in (-5.8, 0.1)])


def plain_chair() -> trimesh.Trimesh:
    """A closed seat and a back, whose shape does not show what is up in a file that Blender does not turn."""
    seat, back = box((-0.25, -0.275, 0.0), (0.25, 0.275, 0.45)), box((-0.25, 0.1, 0.45), (0.25, 0.275, 0.9))
    return trimesh.util.concatenate([seat, back])


def add(folder: Path, class_name: str, file: Path, *advice: str) -> tuple[list[Asset], str]:
    """The assets that a command makes of a file, and their warnings."""
    library = folder / f"library{len(list(folder.glob('library*')))}"
    done = run("add", "--assets", library, "--class", class_name, *advice, file)
    assert done.returncode == 0, done.stderr
    assets = list(list_assets(library))
    return assets, "\n".join(text for asset in assets for text in asset.findings.get("warnings", ()))


def advised(warnings: str, option: str) -> list[str]:
    found = re.search(rf"{option}( [-\w.]+)?", warnings)
    assert found, f"no {option} in: {warnings}"
    return found.group().split()


# class, mesh as it is in truth, factor of the file, option that the warning names, part of the warning, true size
CASES = {
    "desk at half its size": (
        "table",
        table(1.4, 0.7, 0.74),
        0.5,
        "--height",
        "a small size for a table called",
        (1.4, 0.7, 0.74),
    ),
    "house at a third": ("building", house(), 0.45, "--height", "a small size for a building", (9.0, 6.0, 8.0)),
    "person like a child": ("human", person(), 0.62, "--height", "a small size for a human", None),
    "table in a unit box": ("table", table(1.0, 1.0, 1.0), 1.0, "--height", "unit box", (1.0, 1.0, 1.0)),
    "one who stands": ("human", person(), 0.13, "--height", "units unknown", None),
}


@pytest.mark.parametrize("case", CASES)
def test_the_height_that_a_warning_names(tmp_path: Path, case: str) -> None:
    class_name, mesh, factor, option, said, size = CASES[case]
    mesh.copy().apply_scale(factor).export(tmp_path / "office_desk.stl")
    (asset,), warnings = add(tmp_path, class_name, tmp_path / "office_desk.stl")
    assert said in warnings
    (asset,), warnings = add(tmp_path, class_name, tmp_path / "office_desk.stl", *advised(warnings, option))
    assert said not in warnings
    wanted = size or np.ptp(mesh.vertices, axis=0) * 1.72 / np.ptp(mesh.vertices[:, 2])
    np.testing.assert_allclose(asset.size, wanted, rtol=2e-2)


def test_one_who_sits_is_not_as_tall_as_one_who_stands(tmp_path: Path) -> None:
    seated().apply_scale(0.1).export(tmp_path / "sitting.stl")
    (asset,), warnings = add(tmp_path, "human", tmp_path / "sitting.stl")
    assert asset.size[2] == pytest.approx(SITTING_HEIGHT, rel=1e-3)
    assert "as one who sits" in warnings
    (asset,), _ = add(tmp_path, "human", tmp_path / "sitting.stl", *advised(warnings, "--height"))
    assert asset.size[2] == pytest.approx(1.72, rel=1e-3)


def test_who_sits() -> None:
    """In all four directions; not who stands, nor who stretches an arm forward, nor a chair."""
    for quarters in range(4):
        turn = trimesh.transformations.rotation_matrix(quarters * np.pi / 2, [0, 0, 1])
        assert sits(*_plain(seated().apply_transform(turn)), "human")
    reaching = trimesh.util.concatenate([person(), box((-0.05, -0.8, 1.3), (0.05, 0.0, 1.4))])
    for mesh in (person(), reaching):
        assert not sits(*_plain(mesh), "human")
    assert not sits(*_plain(seated()), "chair")


def _plain(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(mesh.vertices), np.asarray(mesh.faces)


def test_a_chair_on_its_back_stands_with_the_up_axis_that_is_named(tmp_path: Path) -> None:
    """An STL with Y up, which Blender reads as Z up."""
    vertices, faces = arriving(plain_chair(), "y")
    trimesh.Trimesh(vertices, faces, process=False).export(tmp_path / "chair.stl")
    (asset,), warnings = add(tmp_path, "chair", tmp_path / "chair.stl", "--height", "0.9")
    (asset,), warnings = add(tmp_path, "chair", tmp_path / "chair.stl", *advised(warnings, "--up"))
    assert "up axis" not in warnings
    np.testing.assert_allclose(asset.size, CHAIR_SIZE, atol=1e-3)
    mesh = read_mesh(asset).vertices
    assert mesh[mesh[:, 2] > 0.8, 1].min() > 0  # the back is at +Y


def test_a_chest_on_its_back_stands_with_the_up_axis_that_is_named(tmp_path: Path) -> None:
    """An OBJ with Z up, which Blender reads as Y up."""
    box((-0.25, -0.2, 0.0), (0.25, 0.2, 0.6)).export(tmp_path / "chest.obj")
    (asset,), warnings = add(tmp_path, "nightstand", tmp_path / "chest.obj")
    (asset,), warnings = add(tmp_path, "nightstand", tmp_path / "chest.obj", *advised(warnings, "--up"))
    np.testing.assert_allclose(asset.size, (0.5, 0.4, 0.6), atol=1e-6)


def test_pieces_side_by_side(tmp_path: Path) -> None:
    """Two tables are named and split; two sections, none as long as a bus, are one."""
    pair = trimesh.util.concatenate([table(), table().apply_translation([1.3, 0.0, 0.0])])
    pair.export(tmp_path / "tables.stl")
    (asset,), warnings = add(tmp_path, "table", tmp_path / "tables.stl", "--scale", "1")
    assert "2 pieces stand side by side: if they are objects of their own" in warnings
    split, warnings = add(
        tmp_path, "table", tmp_path / "tables.stl", "--scale", "1", *advised(warnings, "--split-objects")
    )
    np.testing.assert_allclose([each.size for each in split], [(1.2, 0.7, 0.75)] * len(split), atol=1e-5)
    assert "side by side" not in warnings
    bus().export(tmp_path / "bus.stl")
    (asset,), warnings = add(tmp_path, "bus", tmp_path / "bus.stl")
    assert "side by side" not in warnings
    np.testing.assert_allclose(asset.size, (2.5, 11.6, 3.1), atol=1e-3)
