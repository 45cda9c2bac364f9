"""The rules for normal maps: their form, the room's surfaces, and planes as the depth map has them.

Two neighbours of one object with the same normal are on one plane, unless a step between parallel surfaces parts them.
From the depth of the first, the normal gives that of the second. This needs no library.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from scenegen.core.labels.depth_and_instances import rasterize_normals
from scenegen.core.labels.normals import ONE, normals_to_steps
from scenegen.core.scene.scene import FARTHEST_STEP, Camera
from scenegen.steps.verify.labels import CameraView, LabelledScene

ROUNDING = 3**0.5 / 2
"""Steps by which a stored normal may be wrong, at most."""
PLANE_SHARE = 0.75
"""At least this share of a view's neighbours with equal normals lies on one plane."""
LEAST_PAIRS = 100
LEAST_COSINE = 0.1
"""Of the angle between normal and ray: where surfaces are seen nearly from the side, depth says little."""
PLANE_TOLERANCE = 3e-5
"""Of the depth: what the rounding of a normal makes of the next pixel's depth, at LEAST_COSINE."""


def check_view(s: LabelledScene, v: CameraView) -> Iterable[str]:
    """Normals are unit vectors that face the camera, those of the room's surfaces, and those of the depth's planes."""
    if v.normals is None:
        return
    file, hit = f"normals_{v.k}.npz", v.depth > 0
    normals = v.normals.astype(np.float64)
    length = np.linalg.norm(normals, axis=-1)
    if wrong := int(np.count_nonzero(np.abs(length - np.where(hit, ONE, 0)) > np.where(hit, ROUNDING, 0))):
        yield f"{file}: {wrong} pixels have no unit vector, or are not 0 where depth says that nothing was hit"
        return
    rays = _rays(v.camera)
    toward = np.einsum("hwi,hwi->hw", normals, rays)
    if wrong := int(np.count_nonzero(toward > ROUNDING * np.linalg.norm(rays, axis=-1))):
        yield f"{file}: {wrong} normals point away from the camera"
    if s.scene.room:
        walls = normals_to_steps(rasterize_normals([], v.camera, s.scene.room)[2])
        if wrong := int(np.count_nonzero((v.normals != walls).any(axis=-1) & (v.instance == 0))):
            yield f"{file}: {wrong} pixels without an object have not the normal of the room's surface"
    pairs, planes = np.add(*(_planes(v, toward, axis) for axis in (0, 1)))
    if pairs >= LEAST_PAIRS and planes < PLANE_SHARE * pairs:
        yield f"{file}: by their depth, only {planes} of {pairs} neighbours with equal normals lie on one plane"


def _rays(camera: Camera) -> NDArray[np.float64]:
    """The direction of depth 1 through each pixel's centre, in the camera's axes (H, W, 3)."""
    v, u = np.meshgrid(np.arange(camera.height) + 0.5, np.arange(camera.width) + 0.5, indexing="ij")
    rays: NDArray[np.float64] = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(np.array(camera.K)).T
    return rays


def _planes(v: CameraView, toward: NDArray[np.float64], axis: int) -> NDArray[np.int64]:
    """How many pixels have the normal of the next one along `axis`, and how many of these lie on one plane."""
    assert v.normals is not None
    here, there = (tuple(slice(*ends) if n == axis else slice(None) for n in (0, 1)) for ends in ((0, -1), (1, None)))
    known = (v.instance > 0) & (v.depth > 0) & (v.depth < FARTHEST_STEP) & (np.abs(toward) > LEAST_COSINE * ONE)
    equal = (v.normals[here] == v.normals[there]).all(axis=-1) & (v.instance[here] == v.instance[there])
    equal &= known[here] & known[there]
    # An equal normal has the same product with both rays' points on a plane.
    ratio = toward[here][equal] / toward[there][equal]
    steps, found = v.depth[here][equal] * ratio, v.depth[there][equal]
    off = np.abs(found - steps)
    return np.array([len(off), np.count_nonzero(off <= (1 + ratio) / 2 + PLANE_TOLERANCE * found)])
