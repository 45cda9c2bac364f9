"""The rules for what cells tell beside their classes: objects agree with classes, visibility with the depth maps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from scenegen.core.labels.fruxels import label_numbers, labels_of
from scenegen.core.labels.grids import box_grid
from scenegen.core.labels.visibility import Cells, visibility_of_any
from scenegen.core.labels.visible_fruxels import frustum_visibility
from scenegen.core.labels.visible_voxels import box_visibility
from scenegen.steps.verify.labels import CameraView, LabelledScene


def check_fruxel_objects(s: LabelledScene, v: CameraView) -> Iterable[str]:
    """A fruxel's object is one of the scene, of the class that its label says."""
    if v.instances is None:
        return
    if v.instances.max(initial=0) > len(s.scene.objects):
        yield f"frustum_{v.k}.npz: `instances` has ids that no object has"
        return
    wrong = np.count_nonzero(labels_of(v.instances, label_numbers(s.scene.objects, s.scene.classes)) != v.frustum)
    if wrong:
        yield f"frustum_{v.k}.npz: the class of the object in `instances` is not that in `labels` in {wrong} cells"


def check_objects(s: LabelledScene) -> Iterable[str]:
    """A box cell's object is one of the scene, and the cell is in the mask of its class; occupied cells have one."""
    if s.instances is None or s.masks is None:
        return
    if s.instances.max(initial=0) > len(s.scene.objects):
        yield "voxels.npz: `instances` has ids that no object has"
        return
    filled = np.flatnonzero(s.instances)
    labels = labels_of(s.instances.reshape(-1)[filled], label_numbers(s.scene.objects, s.scene.classes))
    wrong = np.count_nonzero(~s.masks.reshape(-1, s.masks.shape[-1])[filled, labels - 1])
    if wrong:
        yield f"voxels.npz: {wrong} cells of `instances` are not in the mask of their object's class"
    empty = 0 if s.occupancy is None else np.count_nonzero(s.occupancy) - len(filled)
    if not wrong and empty:
        yield f"voxels.npz: `instances` has {len(filled)} objects' cells, but {len(filled) + empty} are occupied"


def check_view(s: LabelledScene, v: CameraView) -> Iterable[str]:
    """What a camera sees of its frustum and of the box grid is what its depth map says."""
    unit = s.scene.map_spec.depth_unit
    if v.visibility is not None:
        right = frustum_visibility(v.camera, v.depth, unit)
        yield from _differing(f"frustum_{v.k}.npz: `visibility`", f"depth_{v.k}.png", v.visibility, right)
    if v.box_visibility is not None and s.scene.grid is not None:
        right = box_visibility(box_grid(s.scene.grid), v.camera, v.depth, unit)
        s.seen.append(right)
        yield from _differing(f"voxels.npz: `visibility_{v.k}`", f"depth_{v.k}.png", v.box_visibility, right)


def check_all_cameras(s: LabelledScene) -> Iterable[str]:
    """What the cameras see together of the box grid is what each of them sees."""
    if s.visibility is not None and len(s.seen) == len(s.scene.cameras):
        yield from _differing("voxels.npz: `visibility`", "the depth maps", s.visibility, visibility_of_any(s.seen))


def _differing(found_in: str, source: str, found: Cells, right: Cells) -> Iterable[str]:
    if not np.array_equal(found, right):
        wrong = np.argwhere(found != right)
        first = tuple(wrong[0].tolist())
        yield (
            f"{found_in} is not what {source} says in {len(wrong)} cells, the first at {first}: "
            f"{found[first]}, should be {right[first]}; make the labels again with `scenegen voxelize`"
        )
