"""Every family of built-in buildings, trees, vehicles and ground, judged by trimesh and libigl."""

from __future__ import annotations

import re
from functools import cache
from types import ModuleType

import igl
import numpy as np
import pytest
from helpers.parametric_checks import check_closed_and_outward, check_floor_and_materials, check_same, mesh_of
from scenegen.assets.sources import builtin as parametric
from scenegen.core.labels.voxelize import BoxGrid, voxelize
from scenegen.core.rng import stream
from scenegen.core.scene.classes import object_class
from scenegen.parametric.shapes.relief import chequer, upright
from scenegen.parametric.shapes.shapes import Model
from scenegen.parametric.street import bicycle, building, bus, car, ground, tree, truck, van, vehicle

CLASSES: dict[str, ModuleType] = {
    "building": building,
    "tree": tree,
    "car": car,
    "van": van,
    "truck": truck,
    "bus": bus,
    "bicycle": bicycle,
}
MOST_TRIANGLES = {"building": 20_000}
FAMILIES = [
    pytest.param(name, family, id=f"{name}-{family}")
    for name, module in CLASSES.items()
    for family in [*module.TRAIN_FAMILIES, *module.TEST_FAMILIES]
]
VEHICLES = [param for param in FAMILIES if param.values[0] in ("car", "van", "truck", "bus")]
FORM = re.compile(r"(road|crossing)(7|10|14)_|pavement[34]_|lot_")


@cache
def made(class_name: str, family: str, seed: int = 0) -> Model:
    module = CLASSES[class_name]
    families = {**module.TRAIN_FAMILIES, **module.TEST_FAMILIES}
    model: Model = families[family](stream(0, seed, family))
    return model


@pytest.mark.parametrize(("class_name", "family"), FAMILIES)
def test_solids_are_closed_and_outward(class_name: str, family: str) -> None:
    model = made(class_name, family)
    check_closed_and_outward(model)
    check_floor_and_materials(model)


@pytest.mark.parametrize(("class_name", "family"), FAMILIES)
def test_size_and_budget(class_name: str, family: str) -> None:
    for seed in (0, 1, 2):
        model = made(class_name, family, seed)
        extent = np.ptp(model.vertices, axis=0)
        usual = object_class(class_name).usual_size
        assert usual is not None
        assert usual.fits((extent[0], extent[1], extent[2])), extent
        assert len(model.faces) <= MOST_TRIANGLES.get(class_name, 18_000)


@pytest.mark.parametrize(("class_name", "family"), FAMILIES)
def test_what_libigl_calls_inside_is_filled(class_name: str, family: str) -> None:
    """Cells whose centre has a winding number of one or more are occupied, and thick things have many of them."""
    model = made(class_name, family)
    low, high = model.vertices.min(axis=0), model.vertices.max(axis=0)
    voxel = float((high - low).max() / 22)
    shape = tuple(int(n) for n in np.ceil((high - low) / voxel) + 2)
    origin = tuple(float(x) for x in low - voxel)
    occupied = voxelize(model.vertices, model.faces, BoxGrid(origin, voxel, (shape[0], shape[1], shape[2])))
    cells = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1).reshape(-1, 3)
    winding = igl.fast_winding_number(model.vertices, model.faces, np.array(origin) + voxel * (cells + 0.5))
    inside = winding > 0.9
    assert occupied.reshape(-1)[inside].all()
    if class_name not in ("bicycle", "tree"):
        assert inside.sum() * voxel**3 > 0.2 * mesh_of(model).convex_hull.volume


@pytest.mark.parametrize(("class_name", "family"), VEHICLES)
def test_vehicles_face_minus_y(class_name: str, family: str) -> None:
    model = made(class_name, family)
    y = {of: model.vertices[model.faces[model.material_index == of], 1] for of in (vehicle.HEAD, vehicle.TAIL)}
    low, high = model.vertices[:, 1].min(), model.vertices[:, 1].max()
    assert y[vehicle.HEAD].max() < low + 0.25 * (high - low)
    assert y[vehicle.TAIL].max() > high - 0.05 * (high - low)


@pytest.mark.parametrize("family", [*building.TRAIN_FAMILIES, "gabled-row", "mansard"])
def test_doors_of_buildings_are_in_front(family: str) -> None:
    model = made("building", family)
    doors = model.vertices[model.faces[model.material_index == 3]]
    assert np.median(doors[..., 1]) < 0.7 * model.vertices[:, 1].min()
    assert doors[..., 2].min() < 0.3


def test_a_stream_decides_the_model() -> None:
    for class_name, module in CLASSES.items():
        family = next(iter(module.TRAIN_FAMILIES))
        check_same(made(class_name, family), module.TRAIN_FAMILIES[family](stream(0, 0, family)))
        assert not np.array_equal(made(class_name, family, 1).vertices[:50], made(class_name, family).vertices[:50])


def test_splits_share_no_family() -> None:
    for module in (*CLASSES.values(), ground):
        assert not set(module.TRAIN_FAMILIES) & set(module.TEST_FAMILIES)


@pytest.mark.parametrize("family", [*ground.TRAIN_FAMILIES, *ground.TEST_FAMILIES])
def test_ground_is_a_flat_slab_of_its_exact_size(family: str) -> None:
    model = {**ground.TRAIN_FAMILIES, **ground.TEST_FAMILIES}[family](stream(0, 0, family))
    check_closed_and_outward(model)
    form = FORM.match(family)
    assert form is not None
    across = {"7": 7.0, "10": 10.5, "14": 14.0}.get(form.group(2) or "", 3.0 if "pavement3" in family else 4.0)
    size = (across, 4.0 if "crossing" in family else 10.0, 0.10 if form.group(2) else 0.25)
    size = (12.0, 10.0, 0.25) if family.startswith("lot") else size
    assert np.ptp(model.vertices, axis=0) == pytest.approx(size, abs=1e-9)
    assert set(np.round(model.vertices[:, 2], 9)) == {0.0, size[2]}
    corners = model.vertices[model.faces]
    top = (corners[..., 2] == size[2]).all(axis=1)
    assert mesh_of(model).area_faces[top].sum() == pytest.approx(size[0] * size[1])  # no two faces overlap


def test_every_form_of_ground_has_its_looks() -> None:
    forms = {f"{kind}{width}" for kind in ("road", "crossing") for width in ("7", "10", "14")}
    forms |= {"pavement3", "pavement4", "lot"}
    for families, least in ((ground.TRAIN_FAMILIES, 3), (ground.TEST_FAMILIES, 2)):
        looks = {form: sum(name.startswith(f"{form}_") for name in families) for form in forms}
        assert min(looks.values()) >= least
        assert sum(looks.values()) == len(families)


def test_recipes_of_a_preset() -> None:
    street = parametric.recipes("street")
    assert len({recipe.name for recipe in street}) == len(street)
    assert {recipe.class_name for recipe in street} == {*CLASSES, "ground", "human"}
    assert {recipe.class_name for recipe in parametric.recipes()} & {*CLASSES, "ground"} == set()
    families = {parametric.make_model(r).family for r in street if r.class_name == "ground"}
    assert families == {f"ground/{name}" for name in {**ground.TRAIN_FAMILIES, **ground.TEST_FAMILIES}}


def test_relief_has_the_volume_of_its_columns() -> None:
    """Levels that meet in threes at a corner leave no gap in the walls between them."""
    patches = [(1.0, 3.0, 1.0, 2.0, 0.8, 1), (2.0, 5.0, 0.5, 1.5, 1.7, 2), (-1.0, 0.5, -1.0, 9.0, 0.3, 1)]
    part = chequer((0.0, 0.0), (4.0, 3.0), 1.0, 0, patches)
    volume = 12.0 + (0.8 - 1.0) * 1.5 + 0.7 * 2.0 - 0.7 * 1.5
    for solid in (part, upright(part)):
        mesh = mesh_of(Model(solid.vertices, solid.faces, np.zeros(len(solid.faces), np.int64), (), 40.0))
        assert mesh.is_watertight and mesh.is_winding_consistent
        assert mesh.volume == pytest.approx(volume)
