"""How long the labels of a rig's key frame take on one core: six views, a box grid around the vehicle, a lidar's turn.

Streets of the built-in library: `scenegen assets build --preset drive` first, or name a library as the argument.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scenegen.core.asset_library import default_library, list_assets
from scenegen.core.labels.lidar import lidar_points
from scenegen.core.labels.named_grids import grid_instances, grid_visibility
from scenegen.core.labels.placed_meshes import place_meshes
from scenegen.core.labels.view_labels import view_labels, view_maps
from scenegen.core.labels.visible_fruxels import frustum_visibility
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene.ego import ego_cameras, world_to_ego
from scenegen.core.scene.scene import GridSpec, NamedGrid
from scenegen.steps.library import load_asset
from visibility import best  # type: ignore[import-not-found]

SCENES = 3
GRID = NamedGrid("kitti", GridSpec((-25.6, -25.6, -2.0), 0.2, (256, 256, 32)), ego=True)


def main() -> None:
    """Print milliseconds of the first key frame of each scene, and all labels of its six views."""
    library = Path(sys.argv[1]) if len(sys.argv) > 1 else default_library()
    preset, assets = load_preset("drive", views=6), list_assets(library, "train")
    names = ("grid's objects", "grid's visibility", "frusta's visibility", "lidar", "together", "all of the views")
    print(f"{'scene':5} {'triangles':>10} " + " ".join(f"{name:>20}" for name in names))
    for index in range(SCENES):
        scene = make_scene(preset, assets, 0, index, "train")
        placed = place_meshes(scene, {o.asset: load_asset(library, o.asset).label_mesh for o in scene.objects})
        depths = [view_maps(placed, camera, scene.room, scene.map_spec).depth for camera in scene.cameras]
        assert scene.rig and scene.rig.lidar and list(ego_cameras(scene, 0)) == list(range(6))
        rig, lidar, frame = scene.rig, scene.rig.lidar, world_to_ego(scene, 0)
        pairs = list(zip(scene.cameras, depths, strict=True))
        seconds = [
            best(lambda: grid_instances(placed, GRID.grid, frame)),  # noqa: B023
            best(lambda: grid_visibility(scene, depths, GRID, 0)),  # noqa: B023
            best(lambda: [frustum_visibility(camera, depth, 1) for camera, depth in pairs]),  # noqa: B023
            best(lambda: lidar_points(placed, lidar, rig.poses[0].ego_to_world)),  # noqa: B023
        ]
        views = best(lambda: [view_labels(scene, placed, one) for one in scene.cameras])  # noqa: B023
        figures = [*seconds, sum(seconds), views]
        triangles = sum(len(mesh.faces) for mesh in placed)
        print(f"{index:5} {triangles:10,} " + " ".join(f"{1e3 * one:20.1f}" for one in figures))


if __name__ == "__main__":
    main()
