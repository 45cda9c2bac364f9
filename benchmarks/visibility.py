"""How long the visibility of a studio scene's four grids takes on one core: a box grid and three frusta of 128^3 cells.

Scenes of the built-in library: `scenegen assets build` first, or name a library as the argument.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from scenegen.core.asset_library import default_library, list_assets
from scenegen.core.labels.placed_meshes import place_meshes
from scenegen.core.labels.view_labels import view_maps
from scenegen.core.labels.visible_fruxels import frustum_visibility
from scenegen.core.labels.visible_voxels import box_visibilities
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset_file import load_preset
from scenegen.steps.library import load_asset

SCENES, REPEATS = 5, 7


def best(call: Callable[[], object]) -> float:
    """Processor seconds of the fastest of REPEATS calls."""
    times = []
    for _ in range(REPEATS):
        started = time.thread_time()
        call()
        times.append(time.thread_time() - started)
    return min(times)


def main() -> None:
    """Print milliseconds per scene."""
    library = Path(sys.argv[1]) if len(sys.argv) > 1 else default_library()
    preset, assets = load_preset("studio"), list_assets(library, "train")
    print(f"{'scene':5} {'box grid, ms':>12} {'three frusta, ms':>16} {'together, ms':>12}")
    for index in range(SCENES):
        scene = make_scene(preset, assets, 0, index, "train")
        placed = place_meshes(scene, {o.asset: load_asset(library, o.asset).label_mesh for o in scene.objects})
        depths = [view_maps(placed, camera, scene.room, scene.map_spec).depth for camera in scene.cameras]
        pairs = list(zip(scene.cameras, depths, strict=True))
        box = best(lambda: list(box_visibilities(scene, depths)))  # noqa: B023
        frusta = best(lambda: [frustum_visibility(camera, depth, 1) for camera, depth in pairs])  # noqa: B023
        print(f"{index:5} {1e3 * box:12.1f} {1e3 * frusta:16.1f} {1e3 * (box + frusta):12.1f}")


if __name__ == "__main__":
    main()
