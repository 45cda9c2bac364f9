"""The rule for labels against the objects' own triangles: cast again from the library, they are equal bit for bit.

What makes the labels is called again here, so this finds what is wrong with a data set, not with that code: labels.py
does that. A scene's maps and box cells are all cast again, but, since fruxels take longest, only the frusta of
MOST_FRUSTA cameras, which differ from scene to scene.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.labels.box_masks import scene_box_labels
from scenegen.core.labels.fruxels import frustum_instances
from scenegen.core.labels.grids import frustum_grid
from scenegen.core.labels.placed_meshes import PlacedMesh, place_meshes
from scenegen.core.labels.room_surfaces import cell_classes
from scenegen.core.labels.view_labels import view_maps
from scenegen.core.scene.scene import Scene
from scenegen.steps.library import SIZE_TOLERANCE, load_asset
from scenegen.steps.verify.cells import equal, wrong_classes
from scenegen.steps.verify.labels import CameraView, LabelledScene

MOST_FRUSTA = 3


def cast_objects(scene: Scene, library: Path) -> tuple[PlacedMesh, ...] | None:
    """The objects' triangles from the library; None when it has another model, of another size, under a name.

    ScenegenError when a model is not there or damaged.
    """
    loaded = {item.asset: load_asset(library, item.asset) for item in scene.objects}
    if not all(np.allclose(loaded[o.asset].asset.size, o.size, rtol=0, atol=SIZE_TOLERANCE) for o in scene.objects):
        return None  # which "poses" tells
    return place_meshes(scene, {name: entry.label_mesh for name, entry in loaded.items()})


def check_view(s: LabelledScene, v: CameraView) -> Iterable[str]:
    """Depth, instances and normals are those of the library's models, and in some cameras the frustum too."""
    if s.placed is None:
        return
    maps = view_maps(s.placed, v.camera, s.scene.room, s.scene.map_spec)
    if not s.scene.measured_depth:
        yield from _differing(f"depth_{v.k}.png", "pixels", v.depth, maps.depth)
    yield from _differing(f"instance_{v.k}.png", "pixels", v.instance, maps.instance)
    if v.normals is not None and maps.normals is not None:
        yield from _differing(f"normals_{v.k}.npz", "values", v.normals, maps.normals)
    if v.k in spread(s.scene, len(s.scene.cameras)):
        instances = frustum_instances(s.placed, v.camera)
        if wrong_classes(s.scene, (v.frustum, v.fruxels), instances, grid := frustum_grid(v.camera)):
            labels = cell_classes(s.scene, instances, grid)
            yield from _differing(f"frustum_{v.k}.npz", "cells", v.frustum, labels)
        if v.instances is not None:
            yield from _differing(f"frustum_{v.k}.npz", "cells of `instances`", v.instances, instances)


def check_voxels(s: LabelledScene) -> Iterable[str]:
    """The masks and the objects of box cells are those of the library's models."""
    if s.placed is not None and s.masks is not None and s.scene.grid is not None:
        right = scene_box_labels(s.scene, s.scene.grid, s.placed)
        yield from _differing("masks.npy", "cells", s.masks, right.masks)
        if s.instances is not None:
            yield from _differing("voxels.npz", "cells of `instances`", s.instances, right.instances)


def spread(scene: Scene, count: int) -> set[int]:
    """The cameras, of `count`, whose cells are cast again: MOST_FRUSTA, evenly spread, other ones in other scenes."""
    return {(scene.index + n * count // MOST_FRUSTA) % count for n in range(MOST_FRUSTA)}


def _differing(file: str, called: str, found: NDArray[Any], right: NDArray[Any]) -> Iterable[str]:
    if not equal(found, right):
        wrong = np.argwhere(found != right)
        first = tuple(wrong[0].tolist())
        yield (
            f"{file}: {len(wrong)} {called} are not what the library's models give, the first at {first}: "
            f"{found[first]}, should be {right[first]} (if the models were changed, name the library that the "
            f"data set was made from with --assets)"
        )
