"""The rules for what cells tell beside their classes: objects agree with classes, visibility with the depth maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.labels.fruxels import label_numbers, labels_of
from scenegen.core.labels.grid_files import GridLabels, file_of
from scenegen.core.labels.grids import box_grid, frustum_grid
from scenegen.core.labels.named_grids import grid_instances, grid_visibility
from scenegen.core.labels.room_surfaces import cell_classes
from scenegen.core.labels.visibility import visibility_of_any
from scenegen.core.labels.visible_fruxels import frustum_visibility
from scenegen.core.labels.visible_voxels import box_visibility
from scenegen.core.scene.ego import ego_count, world_to_ego
from scenegen.core.scene.scene import NamedGrid
from scenegen.steps.verify.cells import equal, filled, wrong_classes
from scenegen.steps.verify.labels import CameraView, LabelledScene
from scenegen.steps.verify.recast import spread
from scenegen.steps.verify.room_surfaces import object_classes


def check_fruxel_objects(s: LabelledScene, v: CameraView) -> Iterable[str]:
    """A fruxel's object is one of the scene, of the class that its label says."""
    if v.instances is None:
        return
    if v.instances.max(initial=0) > len(s.scene.objects):
        yield f"frustum_{v.k}.npz: `instances` has ids that no object has"
        return
    if wrong := wrong_classes(s.scene, (v.frustum, v.fruxels), v.instances, frustum_grid(v.camera)):
        what = "the class of the object" + (" (or of the room's surface)" if s.scene.has_room_surfaces else "")
        yield f"frustum_{v.k}.npz: {what} in `instances` is not that in `labels` in {wrong} cells"


def check_objects(s: LabelledScene) -> Iterable[str]:
    """A box cell's object is one of the scene, and the cell is in the mask of its class; occupied cells have one."""
    if s.instances is None or s.masks is None:
        return
    if s.instances.max(initial=0) > len(s.scene.objects):
        yield "voxels.npz: `instances` has ids that no object has"
        return
    held = filled(s.instances)
    labels = labels_of(s.instances.reshape(-1)[held], label_numbers(s.scene.objects, s.scene.classes))
    wrong = np.count_nonzero(~s.masks.reshape(-1, s.masks.shape[-1])[held, labels - 1])
    if wrong:
        yield f"voxels.npz: {wrong} cells of `instances` are not in the mask of their object's class"
    empty = len(s.occupied) - len(held)
    if s.scene.has_room_surfaces:
        empty = np.count_nonzero(s.masks[..., object_classes(s.scene)].any(axis=-1)) - len(held)
    if not wrong and empty:
        yield f"voxels.npz: `instances` has {len(held)} objects' cells, but {len(held) + empty} are occupied"


def check_view(s: LabelledScene, v: CameraView) -> Iterable[str]:
    """What a camera sees of its frustum and of the box grid is what its depth map says."""
    unit = s.scene.map_spec.depth_unit
    if v.visibility is not None:
        right = frustum_visibility(v.camera, v.depth, unit, measured=s.scene.measured_depth)
        yield from _differing(f"frustum_{v.k}.npz: `visibility`", f"depth_{v.k}.png", v.visibility, right)
    if v.box_visibility is not None and s.scene.grid is not None:
        right = box_visibility(box_grid(s.scene.grid), v.camera, v.depth, unit, measured=s.scene.measured_depth)
        s.seen.append(right)
        yield from _differing(f"voxels.npz: `visibility_{v.k}`", f"depth_{v.k}.png", v.box_visibility, right)


def check_all_cameras(s: LabelledScene) -> Iterable[str]:
    """What the cameras see together of the box grid is what each of them sees."""
    if s.visibility is not None and len(s.seen) == len(s.scene.cameras):
        yield from _differing("voxels.npz: `visibility`", "the depth maps", s.visibility, visibility_of_any(s.seen))


def check_grid(
    s: LabelledScene, read: tuple[NamedGrid, int | None, GridLabels], depths: Sequence[NDArray[np.uint16]]
) -> Iterable[str]:
    """The cells of a named grid: classes of their objects, what the cameras' depth says, and the library's models."""
    named, k, found = read
    file = file_of(named, k)
    if found.instances.max(initial=0) > len(s.scene.objects):
        yield f"{file}: `instances` has ids that no object has"
        return
    frame = None if k is None else world_to_ego(s.scene, k)
    right = cell_classes(s.scene, found.instances, box_grid(named.grid), frame)
    yield from _differing(f"{file}: `labels`", "the class of its objects", found.labels, right)
    seen = grid_visibility(s.scene, depths, named, k)
    yield from _differing(f"{file}: `visibility`", "its depth maps", found.visibility, seen)
    if s.placed is not None and (k is None or k in spread(s.scene, ego_count(s.scene))):
        cast = grid_instances(s.placed, named.grid, frame)
        yield from _differing(f"{file}: `instances`", "the library's models", found.instances, cast)


def _differing(found_in: str, source: str, found: NDArray[Any], right: NDArray[Any]) -> Iterable[str]:
    if not equal(found, right):
        wrong = np.argwhere(found != right)
        first = tuple(wrong[0].tolist())
        yield (
            f"{found_in} is not what {source} give in {len(wrong)} cells, the first at {first}: "
            f"{found[first]}, should be {right[first]}; make the labels again with `scenegen voxelize`"
        )
