"""The up axis, the size and the front of models whose file is silent or wrong; the advice in warnings is tried."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from helpers.lying_models import UPRIGHT, arriving, bicycle, car, person, truck
from helpers.model_files import box
from scenegen.assets.prepare.raw_model import RawModel
from scenegen.assets.sources.files.facing import arms_stretched_out, find_facing
from scenegen.assets.sources.files.files import ImportOptions, read_files, to_raw_model
from scenegen.assets.sources.files.guess import SizeGuess, guess_front, guess_scale
from scenegen.assets.sources.files.importer import Imported
from scenegen.assets.sources.files.up_axis import find_up
from scenegen.core.asset_library import Material
from scenegen.core.errors import ScenegenError


@pytest.mark.parametrize("class_name", UPRIGHT)
@pytest.mark.parametrize(
    ("up", "suffix"), [("z", ".glb"), ("z", ".obj"), ("-y", ".obj"), ("-y", ".glb"), ("y", ".stl")]
)
def test_up_is_found_for_every_class(class_name: str, up: str, suffix: str) -> None:
    vertices, faces = arriving(UPRIGHT[class_name](), up)
    for scale in (1.0, 100.0, 1 / 0.0254):
        assert find_up(vertices * scale, faces, class_name, suffix)[:2] == (up, True)


def stool() -> trimesh.Trimesh:
    """0.45 x 0.45 x 0.78 m: four legs that lean inward, under a seat that is wider than the feet stand apart."""
    legs = [box((x, y, 0.0), (x + 0.03, y + 0.03, 0.75)) for x in (-0.16, 0.13) for y in (-0.16, 0.13)]
    return trimesh.util.concatenate([*legs, box((-0.225, -0.225, 0.72), (0.225, 0.225, 0.78))])


def loaded_nightstand() -> trimesh.Trimesh:
    """A closed chest with a cup and a book on its top."""
    chest = box((-0.22, -0.24, 0.0), (0.22, 0.24, 0.45))
    return trimesh.util.concatenate(
        [chest, box((0.1, 0.1, 0.45), (0.2, 0.2, 0.6)), box((-0.2, -0.2, 0.45), (0, 0, 0.5))]
    )


def bus_with_a_cooler() -> trimesh.Trimesh:
    """11 m long: a cooler on its roof, a mirror on one side; on the other side doors of flaps that reach out."""
    parts = [box((-1.25, -5.5, 0.35), (1.25, 5.5, 2.9)), box((-1.0, -4.5, 2.9), (1.0, 4.5, 3.1))]
    parts += [box((x, y, 0.0), (x + 0.3, y + 0.9, 0.5)) for x in (-1.2, 0.9) for y in (-3.5, 2.5)]
    parts += [box((-1.5, y, z), (-1.25, y + 0.9, z + 0.3)) for y in (-4.5, 3.5) for z in (0.4, 2.5)]
    return trimesh.util.concatenate([*parts, box((1.25, -5.5, 2.2), (1.5, -5.4, 2.6))])


def dead_tree() -> trimesh.Trimesh:
    """3 m high: a trunk on spread roots, and bare branches to three sides, each like a trunk from its side."""
    parts = [box((-0.15, -0.15, 0.0), (0.15, 0.15, 3.0)), box((-0.6, -0.6, 0.0), (0.6, 0.6, 0.4))]
    parts += [box((-1.1, -0.07, 2.3), (1.1, 0.07, 2.45)), box((-0.07, 0.1, 2.0), (0.07, 1.5, 2.15))]
    return trimesh.util.concatenate(parts)


@pytest.mark.parametrize(
    ("class_name", "made"),
    [
        ("tree", dead_tree),
        ("chair", stool),
        ("nightstand", loaded_nightstand),
        ("bus", bus_with_a_cooler),
        ("bicycle", UPRIGHT["bicycle"]),
    ],
)
@pytest.mark.parametrize("degrees", [0, 40, 90])
def test_what_stands_in_a_file_that_says_what_is_up_stays(
    class_name: str, made: Callable[[], trimesh.Trimesh], degrees: int
) -> None:
    """A stool and a loaded chest were laid on their sides: a wide seat is no narrow back, a cup on a top hides it."""
    mesh = made().apply_transform(trimesh.transformations.rotation_matrix(np.radians(degrees), [0, 0, 1]))
    assert find_up(np.asarray(mesh.vertices), np.asarray(mesh.faces), class_name, ".glb").axis == "z"


@pytest.mark.parametrize("ahead", [-1.0, 1.0])
def test_the_toes_of_a_long_stride_show_no_front(ahead: float) -> None:
    """The foot ahead is on its heel, the one behind on its toes: a person who walked forward was turned around."""
    parts = [box((-0.2, -0.12, 0.8), (0.2, 0.12, 1.7))]
    for x, foot, raised in ((-0.15, -0.42, 0.06), (0.05, 0.3, 0.0)):
        parts.append(box((x, foot, 0.0 if raised else 0.06), (x + 0.1, foot + 0.08, 0.8)))  # heel and leg
        parts.append(box((x, foot - 0.2, raised), (x + 0.1, foot, 0.12)))  # the toes, to -y
    mesh = trimesh.util.concatenate(parts).apply_transform(np.diag([ahead, ahead, 1.0, 1.0]))
    assert guess_front(np.asarray(mesh.vertices), np.asarray(mesh.faces), "human") is None
    standing = person().apply_transform(np.diag([ahead, ahead, 1.0, 1.0]))
    assert guess_front(np.asarray(standing.vertices), np.asarray(standing.faces), "human") == (
        "-y" if ahead > 0 else "y"
    )


def imported(mesh: trimesh.Trimesh, up: str = "z", names: tuple[str, ...] = ("m",)) -> Imported:
    vertices, faces = arriving(mesh, up)
    index = np.asarray(mesh.metadata.get("material", np.zeros(len(faces))), dtype=np.int32)
    materials = tuple(Material(name) for name in names)
    return Imported(vertices, faces.astype(np.int32), index, None, None, materials, {}, (), ())


def read(mesh: Imported, file: Path, options: ImportOptions) -> RawModel:
    file.write_bytes(b"")
    return to_raw_model(file, "m", mesh, options, {})


def test_a_chest_that_may_lie_is_named_and_the_advice_helps(tmp_path: Path) -> None:
    """A closed box looks the same from above and from behind: kept, and the option in the warning puts it upright."""
    chest = imported(box((-0.25, -0.2, 0.0), (0.25, 0.2, 0.6)), "-y")
    model = read(chest, tmp_path / "chest.obj", ImportOptions("nightstand"))
    advice = [re.search(r"give --up (\S+)", warning) for warning in model.warnings]
    up = next(found[1] for found in advice if found)
    model = read(chest, tmp_path / "chest.obj", ImportOptions("nightstand", up=up))
    np.testing.assert_allclose(np.ptp(model.vertices, axis=0), (0.5, 0.4, 0.6), atol=1e-9)
    assert not any("up axis" in warning for warning in model.warnings)
    declared = read(
        imported(box((-0.25, -0.2, 0.0), (0.25, 0.2, 0.6))), tmp_path / "a.glb", ImportOptions("nightstand")
    )
    assert not any("up axis" in warning for warning in declared.warnings)


@pytest.mark.parametrize(
    ("class_name", "size"),
    [
        ("building", (11.0, 8.6, 5.13)),  # one storey
        ("human", (0.35, 0.25, 0.85)),  # a child of two years
        ("table", (1.1, 0.6, 0.26)),  # a low table
        ("chair", (0.5, 0.5, 0.42)),  # a stool
        ("car", (1.7, 2.6, 1.5)),  # a very small one, unusual and yet no inch
        ("table", (3.0, 1.1, 0.75)),  # a long one, for a meeting
    ],
)
def test_a_stated_unit_keeps_a_plausible_size(class_name: str, size: tuple[float, float, float]) -> None:
    assert guess_scale(size, class_name, states_unit=True)[0] == 1.0


@pytest.mark.parametrize(
    ("class_name", "size", "right"),  # of low-poly models in glTF, whose authors drew without regard to the unit
    [
        ("chair", (0.762, 0.825, 1.768), 0.9),
        ("nightstand", (0.952, 0.952, 0.825), 0.55),
        ("car", (1.301, 2.8, 1.101), 1.569),  # by the mean of all its measures
        ("building", (2.160, 2.533, 2.747), 8.0),  # of two storeys: by its height, not by its length
    ],
)
def test_a_stated_unit_far_from_the_usual_size_is_not_kept(
    class_name: str, size: tuple[float, float, float], right: float
) -> None:
    factor, *_, warning = guess_scale(size, class_name, states_unit=True)
    assert factor * size[2] == pytest.approx(right, rel=1e-3)
    assert warning is not None
    assert "scaled by" in warning


def test_a_unit_that_cannot_be_right_is_found() -> None:
    """A file that says metres and means millimetres."""
    guess = guess_scale((500.0, 550.0, 900.0), "chair", states_unit=True)
    assert (guess.scale, guess.warning) == (0.001, "units guessed: mm")


def house() -> trimesh.Trimesh:
    """8 x 6 x 6 m with a gabled roof."""
    roof = trimesh.convex.convex_hull([(x, y, 3.5) for x in (-4, 4) for y in (-3, 3)] + [(-4, 0, 6.0), (4, 0, 6.0)])
    return trimesh.util.concatenate([box((-4, -3, 0), (4, 3, 3.5)), roof])


def laptop() -> trimesh.Trimesh:
    """A base, and a screen that leans back."""
    screen = box((-0.17, -0.005, 0.0), (0.17, 0.005, 0.22))
    screen.apply_transform(trimesh.transformations.rotation_matrix(-0.3, [1, 0, 0]))
    return trimesh.util.concatenate([box((-0.17, -0.24, 0), (0.17, 0, 0.02)), screen.apply_translation([0, 0, 0.02])])


def backpack() -> trimesh.Trimesh:
    """Thinnest from front to back."""
    return trimesh.creation.icosphere(3, 0.5).apply_scale([0.32, 0.18, 0.45])


@pytest.mark.parametrize("made", [house, laptop, backpack])
def test_houses_laptops_and_bags_that_lie_are_found(made: Callable[[], trimesh.Trimesh]) -> None:
    name = {house: "building", laptop: "laptop", backpack: "bag"}[made]
    for up in ("z", "-y"):
        vertices, faces = arriving(made(), up)
        assert find_up(vertices, faces, name, ".obj") == (up, True, True)


@pytest.mark.parametrize("class_name", ["building", "bag"])
def test_a_weak_rule_turns_no_file_that_says_what_is_up(class_name: str) -> None:
    """A purse that lies beside its coins, a building with a canopy."""
    made = {"building": house, "bag": backpack}[class_name]()
    assert find_up(*arriving(made, "-y"), class_name, ".glb") == ("z", True, False)


@pytest.mark.parametrize("class_name", ["building", "bag"])
def test_a_box_shows_nothing(class_name: str) -> None:
    assert not find_up(*arriving(box((-0.5, -0.5, 0), (0.5, 0.5, 1.0)), "z"), class_name, ".obj").sure


@pytest.mark.parametrize(("height", "doubted"), [(0.73, True), (1.72, False)])
def test_a_person_of_the_size_of_a_child_is_named(height: float, doubted: bool) -> None:
    warning = guess_scale((0.5, 0.3, height), "human", states_unit=True).warning
    assert ("if it is no child, give --height" in (warning or "")) == doubted


def marked(
    mesh: trimesh.Trimesh, *marks: tuple[tuple[float, float, float], tuple[float, float, float]]
) -> trimesh.Trimesh:
    """The mesh with small boxes added, each with a material of its own after the first."""
    parts = [mesh, *(box(low, high) for low, high in marks)]
    whole = trimesh.util.concatenate(parts)
    whole.metadata["material"] = np.repeat(np.arange(len(parts)), [len(part.faces) for part in parts])
    return whole


FRONT_LIGHT = ((-0.7, -2.25, 0.6), (-0.5, -2.2, 0.7))
REAR_LIGHT = ((-0.7, 2.2, 0.6), (-0.5, 2.25, 0.7))


def turned(mesh: trimesh.Trimesh, quarters: int) -> trimesh.Trimesh:
    mesh.apply_transform(trimesh.transformations.rotation_matrix(quarters * np.pi / 2, [0, 0, 1]))
    return mesh


@pytest.mark.parametrize("quarters", range(4))
def test_the_front_of_a_car_is_where_its_head_lights_are(tmp_path: Path, quarters: int) -> None:
    mesh = turned(marked(car(), FRONT_LIGHT, REAR_LIGHT), quarters)
    model = read(
        imported(mesh, names=("paint", "lightFront", "TailLights")), tmp_path / "car.glb", ImportOptions("car")
    )
    lights = model.vertices[model.faces[model.material_index == 1]]
    assert lights[..., 1].max() < -2.0
    assert not any("not known" in warning for warning in model.warnings)


def test_red_at_one_end_is_the_rear(tmp_path: Path) -> None:
    mesh = turned(marked(car(), REAR_LIGHT), 2)
    red = imported(mesh, names=("paint", "glow"))
    red = Imported(**{**vars(red), "materials": (Material("paint"), Material("glow", base_color=(0.8, 0.05, 0.05)))})
    model = read(red, tmp_path / "car.glb", ImportOptions("car"))
    assert model.vertices[model.faces[model.material_index == 1]][..., 1].min() > 2.0


def test_the_windows_of_a_cab_show_the_front(tmp_path: Path) -> None:
    mesh = turned(marked(truck(), ((-1.0, -3.8, 1.8), (1.0, -3.75, 2.4))), 1)
    model = read(imported(mesh, names=("paint", "Windshield")), tmp_path / "t.glb", ImportOptions("truck"))
    assert model.vertices[model.faces[model.material_index == 1]][..., 1].max() < -3.0


@pytest.mark.parametrize("quarters", [0, 1])
def test_an_unknown_front_is_said_and_the_advice_turns_it_round(tmp_path: Path, quarters: int) -> None:
    plain = imported(turned(truck(), quarters))
    model = read(plain, tmp_path / "truck.glb", ImportOptions("truck"))
    np.testing.assert_allclose(np.ptp(model.vertices, axis=0), (2.4, 7.5, 3.2), atol=1e-6)
    advice = next(
        found for warning in model.warnings if (found := re.search(r"not known.*give --front (\S+)", warning))
    )
    other = read(plain, tmp_path / "truck.glb", ImportOptions("truck", front=advice[1]))
    np.testing.assert_allclose(other.vertices[:, :2], -model.vertices[:, :2], atol=1e-9)


def test_lights_that_disagree_show_nothing(tmp_path: Path) -> None:
    mesh = marked(truck(), ((-0.7, -3.8, 0.6), (-0.5, -3.75, 0.7)), ((-0.7, 3.75, 0.8), (-0.5, 3.8, 0.9)))
    lights = imported(mesh, names=("paint", "headlight", "front_lamp"))
    model = read(lights, tmp_path / "truck.glb", ImportOptions("truck"))
    assert any("front not known" in warning for warning in model.warnings)


def with_mirrors(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """A truck with mirrors beside its cab."""
    mirrors = [box((x - 0.1, -3.3, 1.9), (x + 0.1, -3.2, 2.3)) for x in (-1.3, 1.3)]
    return trimesh.util.concatenate([mesh, *mirrors])


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 30, -41])
@pytest.mark.parametrize("class_name", ["car", "bicycle", "truck"])
def test_the_shape_of_a_vehicle_shows_its_front(class_name: str, degrees: int) -> None:
    """Its cabin, its handlebar or its mirrors; also where it stands askew in its file."""
    made = {"car": car, "bicycle": bicycle, "truck": lambda: with_mirrors(truck())}[class_name]()
    there = np.asarray(made.vertices)
    made.apply_transform(trimesh.transformations.rotation_matrix(np.radians(degrees), [0, 0, 1]))
    index = np.zeros(len(made.faces), dtype=int)
    facing = find_facing(np.asarray(made.vertices), made.faces, index, (Material("m"),), class_name)
    np.testing.assert_allclose(made.vertices @ facing.turn.T, there, atol=0.03 * np.ptp(there))
    assert not any("not known" in warning for warning in facing.warnings)
    assert any("askew" in warning for warning in facing.warnings) == (degrees % 90 != 0)


def test_arms_that_are_stretched_out_are_named() -> None:
    """The T-pose; not a person whose arms hang, and no chair."""
    arms = box((-0.85, -0.05, 1.35), (0.85, 0.05, 1.42))
    rig = trimesh.util.concatenate([person(), arms])
    assert "rest pose" in (arms_stretched_out(rig.vertices, "human") or "")
    assert arms_stretched_out(person().vertices, "human") is None
    assert arms_stretched_out(rig.vertices, "chair") is None


@pytest.mark.parametrize("factor", [0.01, 0.001])
@pytest.mark.parametrize(
    ("class_name", "size"),
    [
        ("building", (11.0, 8.6, 5.13)),
        ("tree", (3.0, 3.0, 7.0)),
        ("bus", (2.5, 11.0, 3.1)),
        ("chair", (0.5, 0.5, 0.9)),
        ("laptop", (0.35, 0.25, 0.23)),
        ("human", (0.5, 0.3, 1.75)),
    ],
)
def test_centimetres_and_millimetres_are_told_apart(
    class_name: str, size: tuple[float, float, float], factor: float
) -> None:
    """Also where both fit, as for a building of 5,130 units."""
    x, y, z = (value / factor for value in size)
    guess = guess_scale((x, y, z), class_name, states_unit=True)
    assert guess.scale == factor
    assert (guess.warning or "").startswith("units guessed: " + {0.01: "cm", 0.001: "mm"}[factor])


@pytest.mark.parametrize(
    ("size", "doubted"),
    [((4.1, 3.5, 4.75), True), ((5.0, 6.2, 5.5), True), ((11.0, 8.6, 5.13), False), ((8.5, 6.5, 4.82), False)],
)
def test_a_building_drawn_too_small_is_named(size: tuple[float, float, float], doubted: bool) -> None:
    """The first two have two and four storeys, the others one."""
    guess = guess_scale(size, "building", states_unit=True)
    assert guess.scale == 1.0
    assert ("give its true height" in (guess.warning or "")) == doubted


FAULTS = (
    ("human", "real_zup_obj_human/MaleVisitorStatic.obj", (0.51, 0.46, 1.74)),
    ("car", "real_zup_obj_vehicle/hatchback.obj", (2.14, 4.00, 1.57)),
    ("chair", "real_zup_obj_chair/Chair.obj", (0.71, 0.63, 1.00)),
    ("building", "real_size_building/house_1.dae", (11.0, 8.6, 5.13)),
    ("truck", "real_vehicle_front/pickup.dae", (2.47, 5.66, 1.87)),
)


@pytest.mark.real_models
@pytest.mark.skipif(not os.environ.get("SCENEGEN_TEST_FAULTS"), reason="SCENEGEN_TEST_FAULTS names no folder")
def test_real_files_that_lie_stand_at_their_true_size() -> None:
    root = Path(os.environ["SCENEGEN_TEST_FAULTS"])
    for class_name, name, size in FAULTS:
        (model,) = read_files([root / name], ImportOptions(class_name))
        assert isinstance(model, RawModel), model
        np.testing.assert_allclose(
            np.ptp(model.vertices[np.unique(model.faces)], axis=0), size, atol=0.03, err_msg=name
        )
        if class_name == "truck":  # its tailgate points to -Y
            assert any(re.search(r"front (not known|guessed)", warning) for warning in model.warnings)


def test_the_unit_of_an_unknown_class_is_asked_for() -> None:
    """A file that states a unit is believed; one that does not is refused with its own numbers."""
    assert guess_scale((0.3, 0.3, 1.2), "lamp", states_unit=True) == SizeGuess(1.0)
    for size in ((300.0, 300.0, 1200.0), (0.0003, 0.0003, 0.0012)):  # millimetres called metres, and the reverse
        assert "if that is wrong, give --scale" in str(guess_scale(size, "lamp", states_unit=True).warning)
    with pytest.raises(ScenegenError, match=r"its 30 x 30 x 45\.5 are in no known unit.* lamp .*--scale .*--height"):
        guess_scale((30.0, 30.0, 45.5), "lamp", states_unit=False)
