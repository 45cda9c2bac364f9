#!/usr/bin/env bash
# fast-simplification misses its target without a word on a flat closed box, and on a valid mesh of several closed
# pieces it destroys whole pieces while others keep far more triangles than they need.
# Installs the packages in a temporary folder and needs nothing else of this repository. Exit status 1 when it behaves
# differently.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet fast-simplification==0.2.0 'numpy>=1.26'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import fast_simplification
import numpy as np

CELLS = 100


def box(low, high):
    """A closed box of 12 * CELLS**2 triangles: each edge has two faces, all faces look outward."""
    ticks = np.linspace(0, 1, CELLS + 1)
    u, v = (x.ravel() for x in np.meshgrid(ticks, ticks, indexing="ij"))
    n = np.arange((CELLS + 1) ** 2).reshape(CELLS + 1, CELLS + 1)
    a, b, c, d = n[:-1, :-1].ravel(), n[1:, :-1].ravel(), n[1:, 1:].ravel(), n[:-1, 1:].ravel()
    side = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    points, faces = [], []
    for axis in range(3):
        for end in (0, 1):
            p = np.zeros((len(u), 3))
            p[:, axis], p[:, (axis + 1) % 3], p[:, (axis + 2) % 3] = end, u, v
            faces.append((side if end else side[:, ::-1]) + len(points) * len(u))
            points.append(p)
    unique, same = np.unique(np.concatenate(points), axis=0, return_inverse=True)
    return unique * np.subtract(high, low) + low, same.reshape(-1)[np.concatenate(faces)]


def volume(points, faces):
    a, b, c = (points[faces[:, k]] for k in range(3))
    return float(np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6)


def closed(faces):
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return np.array_equal(np.unique(edges, axis=0), np.unique(edges[:, ::-1], axis=0))


names = [f"{name} {version(name)}" for name in ("fast-simplification", "numpy")]
print(", ".join(names), f"Python {sys.version.split()[0]}")
boxes = {"top": box((-0.6, -0.4, 0.725), (0.6, 0.4, 0.75))}
for x in (-0.6, 0.55):
    for y in (-0.4, 0.35):
        boxes[f"leg {x:+} {y:+}"] = box((x, y, 0.0), (x + 0.05, y + 0.05, 0.7))
assert all(closed(faces) for _, faces in boxes.values())
as_ever = True

points, faces = boxes["top"]
print(f"input:    a closed box of 1.2 x 0.8 x 0.025 m, {len(faces):,} triangles; asked for 6,000 (12 would do)")
print("expected: at most 6,000, or an error, or a warning")
_, left = fast_simplification.simplify(points, faces.astype(np.int32), target_count=6000)
print(f"seen:     {len(left):,} triangles, no word")
as_ever &= len(left) > 60_000

table = np.concatenate([p for p, _ in boxes.values()])
starts = np.cumsum([0] + [len(p) for p, _ in boxes.values()])
faces = np.concatenate([f + s for (_, f), s in zip(boxes.values(), starts)])
print(f"input:    a table of five such boxes, {len(faces):,} triangles; asked for 10,000")
print("expected: five closed boxes of the same volumes")
points, left = fast_simplification.simplify(table, faces.astype(np.int32), target_count=10_000)
middle = points[left].mean(axis=1)
lost = 0
for name, (p, f) in boxes.items():
    inside = ((middle > p.min(axis=0) - 0.01) & (middle < p.max(axis=0) + 0.01)).all(axis=1)
    now, before = volume(points, left[inside]), volume(p, f)
    print(f"seen:     {name:14} {inside.sum():6,} triangles, volume {now:.5f} of {before:.5f} m3")
    lost += abs(now / before - 1) > 0.02
as_ever &= lost > 0
print(f"so:       {lost} of 5 pieces have lost more than 2% of their volume" if as_ever else "CHANGED")
sys.exit(0 if as_ever else 1)
PYTHON
