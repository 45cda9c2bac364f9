"""All labels of a scene in memory, made at once by scenegen or handed over by a test, and scenes written from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scenegen.core.dataset.writing import SceneWriter
from scenegen.core.labels.box_masks import grid_masks
from scenegen.core.labels.placed_meshes import Meshes, place_meshes
from scenegen.core.labels.view_labels import view_labels
from scenegen.core.scene.scene import Scene


@dataclass(frozen=True)
class SceneLabels:
    """What a scene folder holds beside images and scene.json.

    `occupancy` bool (X, Y, Z) and `masks` bool (X, Y, Z, C) are None without a box grid. One entry a camera: `frusta`
    uint8 (w, h, d), `depths` uint16 (H, W), `instances` uint16 (H, W), `normals` int16 (H, W, 3) if the scene asks for
    them. `visible_pixels`: per object, one per camera.
    """

    occupancy: NDArray[np.bool_] | None
    masks: NDArray[np.bool_] | None
    frusta: tuple[NDArray[np.uint8], ...]
    depths: tuple[NDArray[np.uint16], ...]
    instances: tuple[NDArray[np.uint16], ...]
    visible_pixels: tuple[tuple[int, ...], ...]
    normals: tuple[NDArray[np.int16], ...] = ()


def make_labels(scene: Scene, meshes: Meshes) -> SceneLabels:
    """A scene's labels, as scenegen makes them."""
    placed = place_meshes(scene, meshes)
    masks = grid_masks(placed, scene.grid, len(scene.classes)) if scene.grid else None
    views = [view_labels(scene, placed, camera) for camera in scene.cameras]
    return SceneLabels(
        occupancy=None if masks is None else masks.any(axis=-1),
        masks=masks,
        frusta=tuple(view.frustum for view in views),
        depths=tuple(view.depth for view in views),
        instances=tuple(view.instance for view in views),
        visible_pixels=tuple(
            tuple(int(np.count_nonzero(view.instance == o.id + 1)) for view in views) for o in scene.objects
        ),
        normals=tuple(view.normals for view in views if view.normals is not None),
    )


def write_scene(out: Path, scene: Scene, images: Sequence[Path], labels: SceneLabels) -> Path:
    """Write a scene with these images (PNG files) and labels; its folder."""
    with SceneWriter(out, scene.index) as writer:
        writer.images(images)
        for k, view in enumerate(zip(labels.frusta, labels.depths, labels.instances, strict=True)):
            writer.view(k, *view, *labels.normals[k : k + 1])
        if labels.masks is not None:
            writer.masks(labels.masks)
        return writer.finish(scene)
