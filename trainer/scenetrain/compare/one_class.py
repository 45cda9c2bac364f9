"""The comparison protocol of the paper on SSZ ("Image-to-Voxel Model Translation for 3D Scene Reconstruction and
Segmentation", sections 4 and 4.3): of every scene one class counts, that of the object with the largest area in it.

Networks that predict one class (Family.one_class) are trained with the voxels of that class alone, and what they say is
occupied is their answer. Of all other networks, trained as ever, that class is taken out of what they answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from scenegen.metrics.tables import mean

from scenetrain.compare.entries import Entry
from scenetrain.compare.figures import Figures
from scenetrain.data.scenes import SceneList
from scenetrain.evaluation.evaluate import Evaluation

Protocol = Literal["classes", "ssz"]
"""classes: every network learns and answers with all classes of a scene."""


def train_as(protocol: Protocol, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries, of "ssz" with training.largest_object where a network predicts one class."""
    return tuple(
        replace(one, config=replace(one.config, training=replace(one.config.training, largest_object=True)))
        if protocol == "ssz" and one.family.one_class
        else one
        for one in entries
    )


def largest_object_figures(result: Evaluation, scenes: SceneList) -> Figures:
    """IoU by class: the mean over the items whose largest object is of that class, then the mean of the classes.

    `result` is of `scenes`. An item without a visible object is left out.
    """
    found: dict[str, list[float | None]] = {name: [] for name in result.classes}
    for score in result.scenes:
        of_class = scenes.largest_class(score.position)
        if of_class is not None:
            found[result.classes[of_class]].append(answered(result, scenes, score.position, of_class))
    classes = {name: mean(values) for name, values in found.items()}
    every = [value for values in found.values() for value in values]
    return Figures(classes, macro=mean(list(classes.values())), overall=mean(every))


def answered(result: Evaluation, scenes: SceneList, position: int, of_class: int) -> float | None:
    """IoU of an item's answer for one class."""
    score = result.scenes[position]
    occupancy = [name for name, one in result.outputs.items() if one.output.kind == "occupancy"]
    return score.ious[occupancy[0]] if scenes.largest_only and occupancy else score.classes[of_class]
