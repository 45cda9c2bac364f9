"""Every family of built-in tables, chairs and nightstands, over several streams, judged by trimesh."""

import itertools
import math
from collections.abc import Callable
from functools import cache
from types import ModuleType

import numpy as np
import open3d
import pytest
import trimesh
from scenegen.core.rng import stream
from scenegen.parametric.furniture import chair, nightstand, table
from scenegen.parametric.shapes import curves, shapes
from scenegen.parametric.shapes.shapes import Model, Part

CLASSES: dict[str, ModuleType] = {"table": table, "chair": chair, "nightstand": nightstand}
SEEDS = range(6)
# Smallest and largest believable (x, y, z) of a class, in metres.
SIZES = {
    "table": ((0.45, 0.38, 0.37), (1.75, 1.2, 0.77)),
    "chair": ((0.26, 0.26, 0.42), (0.86, 0.92, 1.25)),
    "nightstand": ((0.36, 0.32, 0.40), (0.62, 0.55, 0.70)),
}
FLAT_TOP = {"table": 0.15, "nightstand": 0.10}
FAMILIES = [
    pytest.param(name, family, id=f"{name}-{family}")
    for name, module in CLASSES.items()
    for family in [*module.TRAIN_FAMILIES, *module.TEST_FAMILIES]
]


@cache
def made(class_name: str, family: str, seed: int) -> Model:
    families = CLASSES[class_name].TRAIN_FAMILIES | CLASSES[class_name].TEST_FAMILIES
    return families[family](stream(0, seed, family))


def as_trimesh(shape: Model | Part) -> trimesh.Trimesh:
    return trimesh.Trimesh(shape.vertices, shape.faces, process=False)


@pytest.mark.parametrize(("class_name", "family"), FAMILIES)
def test_solids_are_closed_outward_and_unfolded(class_name: str, family: str) -> None:
    for seed in SEEDS:
        mesh = as_trimesh(made(class_name, family, seed))
        assert np.isfinite(mesh.vertices).all()
        assert mesh.area_faces.min() > 1e-10
        assert math.degrees(mesh.face_adjacency_angles.max()) < 165, "a surface folds back on itself"
        for solid in mesh.split(only_watertight=False):
            assert solid.is_watertight and solid.is_winding_consistent
            assert solid.volume > 0


@pytest.mark.parametrize(("class_name", "family"), FAMILIES)
def test_size_and_budget(class_name: str, family: str) -> None:
    low, high = SIZES[class_name]
    for seed in SEEDS:
        model = made(class_name, family, seed)
        assert model.vertices[:, 2].min() == 0
        extent = np.ptp(model.vertices, axis=0)
        assert (extent >= low).all() and (extent <= high).all(), extent
        assert 300 <= len(model.faces) <= 9000
        assert model.material_index.shape == (len(model.faces),)
        assert set(model.material_index) <= set(range(len(model.materials)))


@pytest.mark.parametrize(("class_name", "family"), [p for p in FAMILIES if p.values[0] in FLAT_TOP])
def test_flat_top_where_children_stand(class_name: str, family: str) -> None:
    for seed in SEEDS:
        model = made(class_name, family, seed)
        corners = model.vertices[model.faces]
        level = (np.abs(corners[:, :, 2] - model.vertices[:, 2].max()) < 1e-6).all(axis=1)
        assert as_trimesh(model).area_faces[level].sum() >= FLAT_TOP[class_name]


@pytest.mark.parametrize(("class_name", "family"), FAMILIES)
def test_nothing_floats(class_name: str, family: str) -> None:
    """From the floor every solid is reached by steps from a solid to one that it meets, judged by Open3D."""
    for seed in (0, 3):
        solids = as_trimesh(made(class_name, family, seed)).split(only_watertight=False)
        meets = contacts(solids)
        reached = np.array([solid.bounds[0, 2] < 1e-3 for solid in solids])
        for _ in solids:
            reached = meets[reached].any(axis=0)
        assert reached.all(), [solid.bounds for solid, held in zip(solids, reached, strict=True) if not held]


def contacts(solids: list[trimesh.Trimesh], gap: float = 1e-3) -> np.ndarray:
    """Which solids come within `gap` of which, bool (N, N), from points on the surface of each."""
    scenes = [open3d.t.geometry.RaycastingScene(nthreads=1) for _ in solids]
    for scene, solid in zip(scenes, solids, strict=True):
        scene.add_triangles(solid.vertices.astype(np.float32), solid.faces.astype(np.uint32))
    points = [np.vstack([s.vertices, trimesh.sample.sample_surface(s, 300, seed=1)[0]]) for s in solids]
    meets = np.eye(len(solids), dtype=bool)
    for i, j in itertools.permutations(range(len(solids)), 2):
        low, high = solids[j].bounds
        near = points[i][((points[i] >= low - gap) & (points[i] <= high + gap)).all(axis=1)]
        if not meets[i, j] and len(near):
            distance = scenes[j].compute_signed_distance(near.astype(np.float32), nthreads=1).numpy()
            meets[i, j] = meets[j, i] = distance.min() < gap
    return meets


@pytest.mark.parametrize(("class_name", "family"), FAMILIES)
def test_a_stream_decides_the_model(class_name: str, family: str) -> None:
    again = made.__wrapped__(class_name, family, 1)
    first = made(class_name, family, 1)
    for name in ("vertices", "faces", "material_index"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert first.materials == again.materials
    other = made(class_name, family, 2)
    assert first.vertices.shape != other.vertices.shape or not np.array_equal(first.vertices, other.vertices)


@pytest.mark.parametrize("class_name", CLASSES)
def test_families_differ_and_splits_share_none(class_name: str) -> None:
    module = CLASSES[class_name]
    assert not set(module.TRAIN_FAMILIES) & set(module.TEST_FAMILIES)
    makers = [*module.TRAIN_FAMILIES.values(), *module.TEST_FAMILIES.values()]
    assert len(set(makers)) == len(makers)
    prints = set()
    for maker in makers:
        mesh = as_trimesh(maker(stream(0, 0, "same stream for all")))
        prints.add((len(mesh.faces), round(float(mesh.volume), 5)))
    assert len(prints) == len(makers)


@pytest.mark.parametrize("class_name", CLASSES)
def test_colours_are_colours(class_name: str) -> None:
    for family in CLASSES[class_name].TRAIN_FAMILIES:
        for material in made(class_name, family, 3).materials:
            for colour in (material.base_color, material.color_2):
                assert len(colour) == 3 and all(0 <= c <= 1 for c in colour)


def test_chairs_face_minus_y() -> None:
    """What rises above the seat stands behind the sitter, so the upper part's middle lies at +Y of the whole's."""
    for family in ("slat-back", "windsor", "office", "shell", "wingback", "director", "wire"):
        vertices = made("chair", family, 0).vertices
        upper = vertices[vertices[:, 2] > 0.85 * vertices[:, 2].max()]
        middle = (vertices[:, 1].min() + vertices[:, 1].max()) / 2
        assert upper[:, 1].mean() > middle + 0.08


PRIMITIVES: dict[str, tuple[Callable[[], Part], float]] = {
    "box": (lambda: shapes.box(0.4, 0.3, 0.2, 0.005), 0.4 * 0.3 * 0.2),
    "cylinder": (lambda: shapes.cylinder(0.1, 0.5, bevel=0.001, sides=64), math.pi * 0.01 * 0.5),
    "cone": (lambda: shapes.cylinder(0.1, 0.3, 0.05, 0.0, 64), math.pi * 0.3 * (0.01 + 0.005 + 0.0025) / 3),
    "sphere": (lambda: shapes.sphere(0.1, 64), 4 / 3 * math.pi * 0.001),
    "torus": (lambda: shapes.torus(0.2, 0.05, 96, 48), 2 * math.pi**2 * 0.2 * 0.05**2),
    "tube": (lambda: shapes.tube([(0, 0, 0), (0, 0, 0.4), (0.3, 0, 0.4)], 0.01, 64), math.pi * 1e-4 * 0.7),
    "sweep": (lambda: shapes.sweep([(0, 0, 0), (1, 0, 0)], curves.rectangle(0.02, 0.1)), 0.002),
    "prism": (lambda: shapes.prism(np.array([(0, 0), (2, 0), (2, 1), (1, 1), (1, 3), (0, 3)]), 0.5), 2.0),
    "leg": (lambda: shapes.leg((0, 0, 0), (0.1, 0, 0.5), curves.rectangle(0.04, 0.04), bevel=0), 0.04**2 * 0.5),
    "wall": (lambda: shapes.wall(np.array([(0.0, 0), (1, 0)]), 0.1, 0.2, 0.7, 0.001), 0.05),
    "ring": (lambda: shapes.ring(curves.rectangle(0.02, 0.1) + np.array([0.3, 0]), 128), 2 * math.pi * 0.3 * 0.002),
}


@pytest.mark.parametrize("name", PRIMITIVES)
def test_primitive_has_the_volume_of_its_formula(name: str) -> None:
    make, volume = PRIMITIVES[name]
    part = make()
    mesh = as_trimesh(part)
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(volume, rel=0.01)
    for image in (part.mirrored("y"), part.rotated("x", 30).moved(z=1), part.scaled(1, 1, 1)):
        assert as_trimesh(image).volume == pytest.approx(mesh.volume)


def test_rotation_is_right_handed() -> None:
    part = Part(np.array([(1.0, 0, 0)]), np.zeros((0, 3), np.int64))
    assert part.rotated("z", 90).vertices[0] == pytest.approx((0, 1, 0))
    assert part.moved(y=1).rotated("x", 90, about=(0, 1, 0)).vertices[0] == pytest.approx((1, 1, 0))
    assert part.rotated("y", 90).vertices[0] == pytest.approx((0, 0, -1))
