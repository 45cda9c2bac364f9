"""What the built-in models of several classes have to pass alike, judged by trimesh."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import trimesh
from scenegen.core.rng import stream
from scenegen.parametric.shapes.shapes import Model

Families = Mapping[str, Callable[[random.Random], Model]]
Maker = Callable[[str, int], Model]


def maker(families: Families) -> Maker:
    """The model of a family and a seed, made once a test run."""

    @cache
    def made(family: str, seed: int) -> Model:
        return families[family](stream(0, seed, family))

    return made


def mesh_of(model: Model) -> trimesh.Trimesh:
    return trimesh.Trimesh(model.vertices, model.faces, process=False)


def check_closed_and_outward(model: Model) -> None:
    mesh = mesh_of(model)
    assert np.isfinite(mesh.vertices).all()
    assert mesh.area_faces.min() > 1e-9
    for solid in mesh.split(only_watertight=False):
        assert solid.is_watertight and solid.is_winding_consistent
        assert solid.volume > 0


def check_floor_and_materials(model: Model) -> None:
    assert model.vertices[:, 2].min() == 0
    assert set(model.material_index) <= set(range(len(model.materials)))


def check_same(first: Model, again: Model) -> None:
    assert np.array_equal(first.vertices, again.vertices) and np.array_equal(first.faces, again.faces)
    assert first.materials == again.materials
