"""Fixtures that several tests share."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers.box_scenes import write_box_dataset, write_box_library
from helpers.fault_runs import command
from scenegen.core.asset_library import Asset, Material, Mesh, Provenance, Support, write_asset
from scenegen.steps.verify.verify import verify

# Only test files have their asserts spelled out on failure unless a module is named here.
pytest.register_assert_rewrite("helpers.parametric_checks")

# class to the smallest and the largest size of its boxes, in metres
BOX_SIZES = {
    "chair": ((0.40, 0.42, 0.75), (0.75, 0.80, 1.15)),
    "table": ((0.80, 0.60, 0.45), (1.80, 1.00, 0.78)),
    "nightstand": ((0.35, 0.32, 0.40), (0.60, 0.48, 0.70)),
    "laptop": ((0.29, 0.22, 0.02), (0.37, 0.30, 0.26)),
    "bag": ((0.22, 0.10, 0.22), (0.50, 0.28, 0.55)),
    "human": ((0.45, 0.28, 1.50), (1.10, 0.60, 1.92)),
}


@pytest.fixture(scope="session")
def box_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of plain boxes, six of every studio class for each split, with supports on tables and nightstands."""
    library = tmp_path_factory.mktemp("box_library")
    for split in ("train", "test"):
        for class_name in BOX_SIZES:
            for number in range(6):
                write_box(library, class_name, split, number)
    return library


@pytest.fixture(scope="session")
def calm_run(tmp_path_factory: pytest.TempPathFactory, box_library: Path) -> Path:
    """Six tiny scenes made by a real Blender that nobody disturbed, to be read only."""
    out = tmp_path_factory.mktemp("calm_run") / "out"
    subprocess.run(command(out, box_library, 6, "--workers", "1", fake=False), check=True, capture_output=True)
    assert verify(out, assets=box_library).ok
    return out


@pytest.fixture(scope="module")
def box_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes of box_scenes, to be read only."""
    return write_box_dataset(tmp_path_factory.mktemp("box_set") / "set", 2)


@pytest.fixture(scope="module")
def box_assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assets of `box_set`."""
    folder = tmp_path_factory.mktemp("box_assets")
    write_box_library(folder)
    return folder


@pytest.fixture
def box_copy(box_set: Path, tmp_path: Path) -> Path:
    """`box_set` for one test to change."""
    return Path(shutil.copytree(box_set, tmp_path / "set"))


def write_box(library: Path, class_name: str, split: str, number: int, count: int = 6) -> Asset:
    """Write one box asset; sizes go evenly from the smallest to the largest of the class."""
    low, high = (np.array(s) for s in BOX_SIZES[class_name])
    share = (number + (0.5 if split == "test" else 0.0)) / count
    x, y, z = (round(float(v), 3) for v in low + share * (high - low))
    corners = np.array([[i, j, k] for i in (-x / 2, x / 2) for j in (-y / 2, y / 2) for k in (0, z)], np.float32)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], np.int32)
    edges = corners[faces]
    normals = np.cross(edges[:, 1] - edges[:, 0], edges[:, 2] - edges[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    mesh = Mesh(corners, faces, np.repeat(normals[:, None], 3, axis=1), None, np.zeros(len(faces), np.int32))
    asset = Asset(
        name=f"{class_name}_{split}_{number:02d}",
        class_name=class_name,
        split=split,
        family="box",
        size=(x, y, z),
        triangles=len(faces),
        materials=(Material("grey"),),
        supports=(box_top(x, y, z, round_top=number % 2 == 1),) if class_name in ("table", "nightstand") else (),
        provenance=Provenance(f"box {number}", "scenegen", "CC0-1.0", "tests", "0" * 64),
        findings={},
        folder=library,
    )
    write_asset(library, asset, mesh, {})
    return asset


def box_top(x: float, y: float, z: float, round_top: bool = False, cell: float = 0.01) -> Support:
    """The top of a box as a support; `round_top` leaves the ellipse that fits into it."""
    shape = (int(x / cell), int(y / cell))
    mask = np.ones(shape, bool)
    if round_top:
        i, j = np.ogrid[: shape[0], : shape[1]]
        radius = ((i + 0.5) / shape[0] * 2 - 1) ** 2 + ((j + 0.5) / shape[1] * 2 - 1) ** 2
        mask = radius < 0.97
    return Support(z, (-shape[0] * cell / 2, -shape[1] * cell / 2), cell, mask)
