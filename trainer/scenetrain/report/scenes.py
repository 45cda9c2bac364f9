"""A scene as an image: what the cameras show, the truth, and what networks predict."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.scene.scene import GridSpec
from scenegen.steps.preview.faces import BACKGROUND
from torch import Tensor

from scenetrain.data.reads import stack_extras
from scenetrain.data.scenes import SceneList
from scenetrain.evaluation.evaluate import predict_probabilities
from scenetrain.report.frustum_sheets import Frustum, comparison_sheet
from scenetrain.report.poses import SeenPose, found_pose, true_poses
from scenetrain.report.voxels import Volume, scene_sheet, volume_names
from scenetrain.training.run_folder import TrainedModel

Poses = tuple[list[SeenPose], list[SeenPose]]
"""True ones and those that a network found."""


@dataclass(frozen=True)
class Drawn:
    """A network to be drawn, under a name and a note."""

    name: str
    note: str
    trained: TrainedModel


def draw_scene(splits: Sequence[SceneList], position: int, drawn: Sequence[Drawn], device: torch.device) -> bytes:
    """PNG of an item's images, the truth of the first network's main output, and what each network predicts.

    `splits` has the same items as each network reads them.
    """
    answers = [predict_volume(one, scenes, position, device) for one, scenes in zip(drawn, splits, strict=True)]
    return lay_out(splits[0], position, drawn[0].trained, answers)


def predict_volume(drawn: Drawn, scenes: SceneList, position: int, device: torch.device) -> tuple[Volume, Poses | None]:
    """What a network on `device` predicts of an item, and its poses where it reads some of a frustum."""
    trained = drawn.trained
    output, item = trained.family.main, scenes[position]
    probabilities = predict_probabilities(trained, item.images[None].to(device), stack_extras([item.extras]).to(device))
    found = probabilities[output.name]
    masks = _as_voxels(output.predicted(found, trained.thresholds[output.name]))
    volume = Volume(drawn.name, drawn.note, masks, volume_names(output, scenes.classes))
    camera = scenes.camera(position)
    if camera is None:
        return volume, None
    return volume, _poses(trained, item.images.to(device), found, scenes.scene(position), camera)


def lay_out(
    scenes: SceneList,
    position: int,
    first: TrainedModel,
    answers: Sequence[tuple[Volume, Poses | None]],
    per_row: int | None = None,
) -> bytes:
    """PNG of an item's images, the truth of the main output of `first`, and networks' answers, `per_row` in a row."""
    classes, main, stored = scenes.classes, first.family.main, scenes[position]
    true = _as_voxels(main.truth(stored.labels[None], len(classes)))
    truth = Volume("truth", "", true, volume_names(main, classes))
    step = per_row or len(answers)
    sheets = [_sheet(scenes, position, truth, answers[at : at + step]) for at in range(0, len(answers), step)]
    content = io.BytesIO()
    _stack(sheets).save(content, "PNG", optimize=True)
    return content.getvalue()


def _sheet(
    scenes: SceneList, position: int, truth: Volume, answers: Sequence[tuple[Volume, Poses | None]]
) -> Image.Image:
    images = scenes[position].images.permute(0, 2, 3, 1).numpy()
    volumes = [truth, *(volume for volume, _ in answers)]
    if isinstance(scenes.grid, GridSpec):
        return scene_sheet(images, volumes, scenes.grid)
    camera = scenes.camera(position)
    assert camera is not None
    frusta = [Frustum(volume.head, volume.note, _as_labels(volume.masks)) for volume in volumes]
    return comparison_sheet(images[0], frusta, scenes.scene(position).cameras[camera], truth.names, answers[0][1])


def _stack(sheets: Sequence[Image.Image]) -> Image.Image:
    """One below the other."""
    whole = Image.new("RGB", (max(s.width for s in sheets), sum(s.height for s in sheets)), BACKGROUND)
    top = 0
    for sheet in sheets:
        whole.paste(sheet, (0, top))
        top += sheet.height
    return whole


def _poses(
    trained: TrainedModel, images: Tensor, probabilities: Tensor, scene: StoredScene, camera: int
) -> Poses | None:
    """True poses, and those that a network finds in images uint8 (1, 3, H, W); None where it reads none."""
    if trained.family.find_objects is None:
        return None
    cameras, classes = [scene.cameras[camera]], trained.classes
    [found] = trained.family.find_objects(trained.model, images.float() / 255, probabilities, cameras, classes)
    return true_poses(scene, camera), [found_pose(item) for item in found]


def _as_voxels(masks: Tensor) -> NDArray[np.bool_]:
    """(1, C, X, Y, Z) to (X, Y, Z, C), on the host."""
    return masks[0].movedim(0, -1).cpu().numpy()


def _as_labels(masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Masks (w, h, d, C) to labels (w, h, d), the first class where there are several."""
    return np.where(masks.any(axis=-1), masks.argmax(axis=-1) + 1, 0).astype(np.uint8)
