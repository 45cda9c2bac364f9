"""Rooms, backdrops and skies around an object are left out, with a word; parts of an object are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from helpers.lying_models import person, tree, truck
from helpers.model_files import box, chair, table
from scenegen.assets.sources.files.importer import Imported
from scenegen.assets.sources.files.objects import objects_of
from scenegen.assets.sources.files.separate import pieces
from scenegen.assets.sources.files.shells import enclosing_shell, far_specks
from scenegen.core.asset_library import Material


def room() -> trimesh.Trimesh:
    """A box of one piece, as seen from inside."""
    made = box((-2.0, -2.0, -0.01), (2.0, 2.0, 2.5))
    made.invert()
    return made


def walls() -> trimesh.Trimesh:
    """A floor and three walls, a piece each."""
    planes = [((-2, -2, 0), (2, 2, 0)), ((-2, 1.999, 0.01), (2, 2, 2.4)), ((-2, -2, 0.01), (-1.999, 1.9, 2.4))]
    planes.append(((1.999, -2, 0.01), (2, 1.9, 2.4)))
    return trimesh.util.concatenate([box(low, high) for low, high in planes])


def dome() -> trimesh.Trimesh:
    return trimesh.creation.icosphere(3, 50.0)


def sweep() -> trimesh.Trimesh:
    """A floor that rises to a wall behind, in one curved sheet."""
    angle = np.linspace(0, np.pi / 2, 9)
    curve = [(-1.5, 0.0), *zip(1.0 + 0.5 * np.sin(angle), 0.5 - 0.5 * np.cos(angle), strict=True), (1.5, 2.0)]
    points = np.array([(x, y, z - 0.001) for y, z in curve for x in (-1.5, 1.5)])
    rows = range(len(curve) - 1)
    faces = [f for r in rows for f in ((2 * r, 2 * r + 1, 2 * r + 2), (2 * r + 1, 2 * r + 3, 2 * r + 2))]
    return trimesh.Trimesh(points, faces, process=False)


@pytest.mark.parametrize("around", [room, walls, dome, sweep])
def test_what_is_around_a_chair_is_found(around: Callable[[], trimesh.Trimesh]) -> None:
    shell = around()
    both = trimesh.util.concatenate([chair(), shell])
    found = enclosing_shell(both.vertices, both.faces, pieces(both.vertices, both.faces))
    assert found is not None
    np.testing.assert_array_equal(found, np.arange(len(both.faces)) >= len(chair().faces))


def with_eyes() -> trimesh.Trimesh:
    eyes = [trimesh.creation.icosphere(1, 0.015).apply_translation([x, 0.0, 1.65]) for x in (-0.04, 0.04)]
    return trimesh.util.concatenate([person(), *eyes])


def chest_of_drawers() -> trimesh.Trimesh:
    drawers = [box((-0.2, -0.17, z), (0.2, 0.17, z + 0.2)) for z in (0.05, 0.3)]
    return trimesh.util.concatenate([box((-0.25, -0.2, 0.0), (0.25, 0.2, 0.6)), *drawers])


def case_with_badge() -> trimesh.Trimesh:
    return trimesh.util.concatenate(
        [box((-0.3, -0.1, 0), (0.3, 0.1, 0.5)), box((-0.02, -0.102, 0.2), (0.02, -0.1, 0.24))]
    )


def cloth() -> trimesh.Trimesh:
    """A table under a cloth to the floor."""
    return trimesh.util.concatenate([table(1.0, 0.6, 0.7), box((-0.52, -0.32, 0.0), (0.52, 0.32, 0.72))])


@pytest.mark.parametrize(
    "made", [chair, table, tree, truck, person, with_eyes, chest_of_drawers, case_with_badge, cloth]
)
def test_the_parts_of_an_object_are_no_shell(made: Callable[[], trimesh.Trimesh]) -> None:
    mesh = made()
    assert enclosing_shell(mesh.vertices, mesh.faces, pieces(mesh.vertices, mesh.faces)) is None


def test_specks_far_away_are_left_out() -> None:
    """They would make the chair a third of its size."""
    speck = box((-3.0, 0.0, 0.0), (-2.99, 0.01, 0.01))
    both = trimesh.util.concatenate([chair(), speck])
    found = far_specks(both.vertices, both.faces, pieces(both.vertices, both.faces))
    assert found is not None
    np.testing.assert_array_equal(found, np.arange(len(both.faces)) >= len(chair().faces))
    handle = trimesh.util.concatenate([chair(), box((0.0, -0.35, 0.4), (0.01, -0.34, 0.41))])
    assert far_specks(handle.vertices, handle.faces, pieces(handle.vertices, handle.faces)) is None


def test_leaves_around_a_trunk_are_no_specks() -> None:
    """A crown of leaf cards, each far smaller than the tree, and all outside of its trunk."""
    random = np.random.default_rng(0)
    trunk = box((-0.15, -0.15, 0.0), (0.15, 0.15, 3.0))
    corners = random.uniform((-2, -2, 2), (2, 2, 6), (2000, 1, 3)) + random.uniform(-0.05, 0.05, (2000, 3, 3))
    leaves = trimesh.Trimesh(corners.reshape(-1, 3), np.arange(6000).reshape(-1, 3), process=False)
    tree = trimesh.util.concatenate([trunk, leaves])
    assert far_specks(tree.vertices, tree.faces, pieces(tree.vertices, tree.faces)) is None


def cabinet() -> trimesh.Trimesh:
    """Thin boards around a vase."""
    boards = [((-0.3, -0.25, 0), (0.3, 0.25, 0.015)), ((-0.3, -0.25, 0.585), (0.3, 0.25, 0.6))]
    boards += [((x, -0.25, 0.015), (x + 0.015, 0.25, 0.585)) for x in (-0.3, 0.285)]
    boards += [((-0.285, y, 0.015), (0.285, y + 0.015, 0.585)) for y in (-0.25, 0.235)]
    vase = box((-0.05, -0.05, 0.1), (0.05, 0.05, 0.3))
    return trimesh.util.concatenate([*(box(low, high) for low, high in boards), vase])


def bare(mesh: trimesh.Trimesh) -> Imported:
    index = np.zeros(len(mesh.faces), dtype=np.int32)
    faces = np.asarray(mesh.faces, dtype=np.int32)
    return Imported(np.asarray(mesh.vertices), faces, index, None, None, (Material("m"),), {}, (), ())


def test_a_piece_of_furniture_is_no_room_for_what_it_holds() -> None:
    (found,) = objects_of(bare(cabinet()), np.eye(3), "nightstand", split=False)
    assert len(found.faces) == len(cabinet().faces)


def test_sheets_that_catch_a_shadow_are_ground() -> None:
    """Two, less than twice as large as the chair; a table's thin base is none."""
    sheets = [box((x, -0.4, 0.0), (x + 0.5, 0.4, 0.0005)) for x in (-0.5, 0.0)]
    (found,) = objects_of(bare(trimesh.util.concatenate([chair(), *sheets])), np.eye(3), "chair", split=False)
    assert len(found.faces) == len(chair().faces)
    assert found.warnings == ("a plate of ground was left out",)
    based = [box((-0.2, -0.2, 0.0), (0.2, 0.2, 0.001)), box((-0.02, -0.02, 0.001), (0.02, 0.02, 0.7))]
    based.append(box((-0.4, -0.4, 0.7), (0.4, 0.4, 0.73)))
    (kept,) = objects_of(bare(trimesh.util.concatenate(based)), np.eye(3), "table", split=False)
    assert len(kept.faces) == 36
    assert not kept.warnings


def test_variants_in_one_place_are_told_apart() -> None:
    """Two chairs on one set of castors: named, and with `split` each is a model with the castors."""
    castors = box((-0.1, -0.1, -0.05), (0.1, 0.1, 0.0))
    both = bare(trimesh.util.concatenate([chair(), chair(), castors]))
    count = len(chair().faces)
    both = replace(both, part_sizes=(("red", count), ("blue", count), ("castors", len(castors.faces))))
    (named,) = objects_of(both, np.eye(3), "chair", split=False)
    assert named.warnings == ("red and blue fill the same place: if they are variants, give --split-objects",)
    alone = objects_of(both, np.eye(3), "chair", split=True)
    assert [each.warnings for each in alone] == [("only its variant red",), ("only its variant blue",)]
    assert [len(each.faces) for each in alone] == [count + len(castors.faces)] * 2
    np.testing.assert_array_equal(alone[1].faces[:count], both.faces[count : 2 * count])


def test_many_parts_in_one_place_are_told_in_one_line() -> None:
    """Six panes of one shape, one in the other."""
    panes = bare(trimesh.util.concatenate([chair()] * 6))
    sizes = tuple((f"pane_{n}", len(chair().faces)) for n in range(6))
    (named,) = objects_of(replace(panes, part_sizes=sizes), np.eye(3), "chair", split=False)
    assert named.warnings == (
        "pane_0 and 5 other parts fill the same place: if they are variants, give --split-objects",
    )


def test_a_shell_is_named_by_its_material() -> None:
    both = trimesh.util.concatenate([chair(), dome()])
    index = (np.arange(len(both.faces)) >= len(chair().faces)).astype(np.int32)
    sizes = (("chair", len(chair().faces)), ("sky", len(dome().faces)))
    imported = Imported(
        np.asarray(both.vertices),
        both.faces.astype(np.int32),
        index,
        None,
        None,
        (Material("wood"), Material("clouds")),
        {},
        (),
        sizes,
    )
    (found,) = objects_of(imported, np.eye(3), "chair", split=False)
    assert len(found.faces) == len(chair().faces)
    assert found.part_sizes == (("chair", len(chair().faces)), ("sky", 0))
    assert found.warnings == ("a shell around it was left out (a room, backdrop or sky: material clouds)",)
    (kept,) = objects_of(imported, np.eye(3), "building", split=False)
    assert len(kept.faces) == len(both.faces)
