"""How long a model takes to come within its triangle budget, and what is left of each piece.

    python benchmarks/decimation.py [--beside TREE]

TREE is another checkout of this repository, such as a git worktree of the previous version, that the same models go
through in the same run. Prints one line per model, in seconds of processor time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from scenegen.assets.prepare.prepare import prepare
from scenegen.assets.prepare.raw_model import RawModel
from scenegen.core.asset_library import Material, Provenance, read_mesh

CELLS = 100  # along each side of a box: 120,000 triangles


def grid_box(low: tuple[float, float, float], high: tuple[float, float, float]) -> trimesh.Trimesh:
    side = np.linspace(0.0, 1.0, CELLS + 1)
    u, v = (x.reshape(-1) for x in np.meshgrid(side, side, indexing="ij"))
    number = np.arange((CELLS + 1) ** 2).reshape(CELLS + 1, CELLS + 1)
    a, b, c, d = (x.reshape(-1) for x in (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]))
    sheet = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    sides = []
    for axis in range(3):
        for end in (0, 1):
            places = np.zeros((len(u), 3))
            places[:, axis], places[:, (axis + 1) % 3], places[:, (axis + 2) % 3] = end, u, v
            sides.append(trimesh.Trimesh(places, sheet if end else sheet[:, ::-1], process=False))
    box = trimesh.util.concatenate(sides)
    return trimesh.Trimesh(box.vertices * np.subtract(high, low) + low, box.faces, process=True)


def table() -> trimesh.Trimesh:
    """Five closed boxes, 600,000 triangles."""
    parts = [grid_box((-0.6, -0.4, 0.725), (0.6, 0.4, 0.75))]
    for x in (-0.6, 0.55):
        parts += [grid_box((x, y, 0.0), (x + 0.05, y + 0.05, 0.7)) for y in (-0.4, 0.35)]
    return trimesh.util.concatenate(parts)


def bumpy_ball() -> tuple[trimesh.Trimesh, NDArray[np.float64]]:
    """270,000 triangles with UVs: as many as a photographed model has."""
    ball = trimesh.creation.uv_sphere(radius=0.4, count=[261, 261])
    x, _, z = ball.vertices.T
    ball.vertices *= 1 + 0.05 * (np.sin(90 * x) * np.sin(70 * z))[:, None]
    return ball, ball.vertices[ball.faces][..., :2] + 0.5


def bicycle() -> tuple[trimesh.Trimesh, NDArray[np.float64]]:
    """3,000 pieces with UVs, each turned and of its own size: chain links, spokes and balls."""
    rng = np.random.default_rng(0)
    kinds = [
        (trimesh.creation.capsule(height=0.012, radius=0.004, count=[8, 8]), 1_400),
        (trimesh.creation.cylinder(radius=0.0015, height=0.3, sections=24), 100),
        (trimesh.creation.icosphere(subdivisions=2, radius=0.003), 1_500),
    ]
    parts = []
    for kind, count in kinds:
        for _ in range(count):
            part = kind.copy()
            part.vertices *= rng.uniform(0.8, 1.2, 3)
            part.apply_transform(trimesh.transformations.random_rotation_matrix(rng.random(3)))
            part.apply_translation(rng.uniform([-0.6, -0.1, 0.0], [0.6, 0.1, 0.7]))
            parts.append(part)
    whole = trimesh.util.concatenate(parts)
    return whole, whole.vertices[whole.faces][..., [0, 2]]


def tree() -> tuple[trimesh.Trimesh, NDArray[np.float64]]:
    """50,000 leaf cards with UVs around a trunk."""
    rng = np.random.default_rng(0)
    card = np.array([[0.0, 0.0, 0.0], [0.02, 0.0, 0.0], [0.02, 0.03, 0.0], [0.0, 0.03, 0.0]])
    turns = np.linalg.qr(rng.normal(size=(50_000, 3, 3)))[0]
    leaves = card @ turns + rng.uniform([-0.5, -0.5, 0.8], [0.5, 0.5, 2.0], (50_000, 1, 3))
    faces = np.array([[0, 1, 2], [0, 2, 3]]) + 4 * np.arange(50_000)[:, None, None]
    crown = trimesh.Trimesh(leaves.reshape(-1, 3), faces.reshape(-1, 3), process=False)
    trunk = trimesh.creation.cylinder(radius=0.05, height=1.0, sections=64)
    trunk.apply_translation([0.0, 0.0, 0.5])
    whole = trimesh.util.concatenate([crown, trunk])
    return whole, whole.vertices[whole.faces][..., :2]


def measure(name: str, mesh: trimesh.Trimesh, uvs: NDArray[np.float64] | None = None) -> None:
    index = np.zeros(len(mesh.faces), dtype=int)
    origin = Provenance("t", "a", "CC0-1.0", "s", "0")
    raw = RawModel(name, "table", "train", "f", np.asarray(mesh.vertices), np.asarray(mesh.faces), index,
                   (Material("m"),), origin, uvs)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        asset = prepare(raw, Path(folder))
        seconds = time.process_time() - start
        simple = read_mesh(asset)
    pieces = trimesh.Trimesh(simple.vertices, simple.faces).split(only_watertight=False)
    volumes = " ".join(f"{abs(piece.volume):.5f}" for piece in sorted(pieces, key=lambda p: -abs(p.volume))[:5])
    print(f"{name:24} {len(mesh.faces):9,} -> {asset.triangles:6,} triangles {seconds:6.2f} s   volumes {volumes}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beside", type=Path, metavar="TREE", help="another checkout, measured in the same run")
    beside = parser.parse_args().beside
    warm = trimesh.creation.icosphere(subdivisions=6, radius=0.3)
    measure("(compiles)", warm, warm.vertices[warm.faces][..., :2])
    measure("table of five boxes", table())
    measure("bumpy ball with UVs", *bumpy_ball())
    measure("bicycle of 3,000 pieces", *bicycle())
    measure("tree of 50,000 cards", *tree())
    sys.stdout.flush()
    if beside is not None:
        print(f"beside it, {beside}:", flush=True)
        path = os.pathsep.join([str(beside / "generator"), str(beside)])
        subprocess.run([sys.executable, __file__], env={**os.environ, "PYTHONPATH": path}, check=True)


if __name__ == "__main__":
    main()
