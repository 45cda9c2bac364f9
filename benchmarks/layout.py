"""How long layouts take, and our overlap test beside shapely's polygons (GEOS) on the same boxes.

    python benchmarks/layout.py [--layouts 1000]

Needs shapely. Prints one line per figure, in seconds of processor time; exits 1 when the two overlap tests disagree.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray
from scenegen.core.asset_library import Asset, Provenance, Support
from scenegen.core.layout.boxes import Box, make_pose, oriented_box
from scenegen.core.layout.collision import boxes_overlap
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.rng import stream, uniform
from scenegen.core.scene.scene import Vector

# class: how many assets, smallest and largest size in metres; 190 assets, as many as the built-in library has
LIBRARY: dict[str, tuple[int, Vector, Vector]] = {
    "chair": (40, (0.40, 0.42, 0.75), (0.75, 0.80, 1.15)),
    "table": (40, (0.70, 0.60, 0.45), (1.80, 1.00, 0.78)),
    "nightstand": (40, (0.35, 0.32, 0.40), (0.60, 0.48, 0.70)),
    "laptop": (20, (0.29, 0.22, 0.02), (0.37, 0.30, 0.26)),
    "bag": (40, (0.22, 0.10, 0.22), (0.50, 0.28, 0.55)),
    "human": (10, (0.45, 0.28, 1.50), (1.10, 0.60, 1.92)),
}
CROWD = 12  # boxes that a new one is tested against: a full studio room


def box_assets() -> list[Asset]:
    rng = stream(0, 0, "benchmark")
    assets = []
    for name, (count, low, high) in sorted(LIBRARY.items()):
        for number in range(count):
            x, y, z = (round(uniform(rng, a, b), 3) for a, b in zip(low, high, strict=True))
            mask = np.ones((int(x * 100), int(y * 100)), bool)
            top = Support(z, (-mask.shape[0] / 200, -mask.shape[1] / 200), 0.01, mask)
            assets.append(
                Asset(
                    name=f"{name}_{number:02d}",
                    class_name=name,
                    split="train",
                    family="box",
                    size=(x, y, z),
                    triangles=12,
                    materials=(),
                    supports=(top,) if name in ("table", "nightstand") else (),
                    provenance=Provenance("box", "scenegen", "CC0-1.0", "benchmark", "0" * 64),
                    findings={},
                    folder=Path(),
                )
            )
    return assets


def time_layouts(count: int) -> None:
    preset, assets = load_preset("studio"), box_assets()
    started = time.process_time()
    scenes = [make_scene(preset, assets, 0, index, "train") for index in range(count)]
    seconds = time.process_time() - started
    objects, skipped = sum(len(s.objects) for s in scenes), sum(len(s.skipped) for s in scenes)
    print(f"layouts: {count} from {len(assets)} assets in {seconds:.2f} s ({1000 * seconds / count:.2f} ms each), "
          f"{objects / count:.1f} objects per scene, {skipped / count:.2f} skipped")  # fmt: skip


def random_boxes(count: int) -> list[Box]:
    rng = stream(0, 0, "boxes")
    return [
        oriented_box(
            make_pose(uniform(rng, -2, 2), uniform(rng, -2.4, 2.4), 0.0, uniform(rng, 0, 6.3), 1.0),
            (uniform(rng, 0.3, 1.2), uniform(rng, 0.3, 0.8), 1.0),
        )
        for _ in range(count)
    ]


def polygons(boxes: list[Box]) -> NDArray[np.object_]:
    x, y, cos, sin, half_x, half_y, _, _ = np.array(boxes).T
    corners = [
        (x + cos * i * half_x - sin * j * half_y, y + sin * i * half_x + cos * j * half_y)
        for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    return np.asarray(shapely.polygons(np.array(corners).transpose(2, 0, 1)))


def time_box_tests(rounds: int) -> bool:
    """One new box against a room of others, as layouts ask it; both sides start from poses."""
    others, candidates = random_boxes(CROWD + rounds)[:CROWD], random_boxes(CROWD + rounds)[CROWD:]
    array, shapes = np.array(others), polygons(others)
    started = time.process_time()
    ours = np.array([boxes_overlap(box, array) for box in candidates])
    seconds = time.process_time() - started
    started = time.process_time()
    theirs = np.array([shapely.intersects(polygons([box])[0], shapes) for box in candidates])
    peer = time.process_time() - started
    print(f"one box against {CROWD}: {1e6 * seconds / rounds:.0f} us, shapely {shapely.__version__} "
          f"{1e6 * peer / rounds:.0f} us ({peer / seconds:.1f}x); {int((ours != theirs).sum())} of {ours.size} "
          f"answers differ, {100 * ours.mean():.0f}% overlap")  # fmt: skip
    return bool((ours == theirs).all())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layouts", type=int, default=1000)
    layouts = parser.parse_args().layouts
    time_layouts(layouts)
    return 0 if time_box_tests(rounds=5000) else 1


if __name__ == "__main__":
    sys.exit(main())
