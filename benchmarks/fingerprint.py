"""How long fingerprints of shapes take, beside trimesh's identifier, and which copies each recognises.

    python benchmarks/fingerprint.py

Prints one line per figure, in seconds of processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import fast_simplification
import numpy as np
import trimesh
from scenegen.core.fingerprint import SAME_SHAPE, distances, fingerprint

LIBRARY = 5_000  # models that one is compared with
REPEAT = 3


def lumpy(levels: int) -> trimesh.Trimesh:
    """A lopsided ball with 20 * 4 ** levels triangles, without any symmetry."""
    mesh = trimesh.creation.icosphere(levels)
    x, y, z = mesh.vertices.T
    mesh.vertices = np.stack([x + 0.2 * y**2, 0.7 * y + 0.1 * z**3, 0.4 * z + 0.1 * x * y], axis=1)
    return mesh


def seconds(call: Callable[[], object]) -> float:
    """The least processor time of a few calls."""
    spent = []
    for _ in range(REPEAT):
        start = time.process_time()
        call()
        spent.append(time.process_time() - start)
    return min(spent)


def identifier(mesh: trimesh.Trimesh) -> str:
    """trimesh's hash of a mesh that was just loaded, brought to unit size."""
    fresh = trimesh.Trimesh(mesh.vertices / mesh.scale, mesh.faces)
    return str(trimesh.comparison.identifier_hash(trimesh.comparison.identifier_simple(fresh)))


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    for levels in (4, 6, 8):
        mesh = lumpy(levels)
        ours = seconds(lambda mesh=mesh: fingerprint(mesh.vertices, mesh.faces))  # type: ignore[misc]
        peer = seconds(lambda mesh=mesh: identifier(mesh))  # type: ignore[misc]
        print(f"{len(mesh.faces):9,} triangles: {ours:.3f} s, trimesh {peer:.3f} s")
    mesh = lumpy(6)
    shape = fingerprint(mesh.vertices, mesh.faces)
    many = np.tile(shape, (LIBRARY, 1))
    print(f"compared with {LIBRARY:,} models: {seconds(lambda: distances(shape, many)):.3f} s")
    for name, copy in copies(mesh).items():
        far = float(distances(shape, fingerprint(copy.vertices, copy.faces)[None])[0])
        same = identifier(mesh) == identifier(copy)
        ours_says, peer_says = ("same" if each else "other" for each in (far < SAME_SHAPE, same))
        print(f"{name}: {ours_says} (distance {far:.4f}), trimesh {peer_says}")


def copies(mesh: trimesh.Trimesh) -> dict[str, trimesh.Trimesh]:
    """The mesh as other programs might store it, and its mirror image."""
    turn = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    half, faces = fast_simplification.simplify(mesh.vertices, mesh.faces.astype(np.int32), 0.5)
    soup = np.arange(3 * len(mesh.faces)).reshape(-1, 3)
    return {
        "other axes, millimetres": trimesh.Trimesh(1000 * mesh.vertices @ turn.T, mesh.faces),
        "no shared vertices": trimesh.Trimesh(mesh.triangles.reshape(-1, 3), soup, process=False),
        "decimated to 50%": trimesh.Trimesh(half, faces),
        "subdivided": mesh.subdivide(),
        "mirrored": trimesh.Trimesh(mesh.vertices * (-1, 1, 1), mesh.faces),
    }


if __name__ == "__main__":
    main()
