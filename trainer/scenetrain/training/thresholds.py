"""The threshold of every output, from validation.

A stage measures that of the output it is scored by, epoch by epoch. Outputs that no stage is scored by are measured
once, when training has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import nn

from scenetrain.data.batches import Batch
from scenetrain.metrics.iou import IoUCurve
from scenetrain.networks.contract import Family, Inputs, Stage
from scenetrain.training.run_folder import StageResult


def thresholds_of_stages(
    family: Family, stages: Sequence[Stage], results: Mapping[str, StageResult]
) -> dict[str, float | None]:
    """By output, from the last stage that was scored by it; no entry for one that has a threshold and no such stage."""
    found: dict[str, float | None] = {o.name: None for o in family.outputs if not o.has_threshold}
    for stage in stages:
        if stage.scored is not None:
            found[stage.scored] = results[stage.name].threshold
    return found


def measure_thresholds(
    network: nn.Module,
    family: Family,
    names: Sequence[str],
    classes: int,
    batches: Iterable[Batch],
    inputs: Callable[[Batch], Inputs],
) -> dict[str, float | None]:
    """Of outputs by name, the thresholds of the best overall IoU on `batches`, which are on the network's device."""
    outputs = [family.output(name) for name in names]
    curves: dict[str, IoUCurve] = {}
    network.eval()
    with torch.inference_mode():
        for batch in batches:
            answers = network(inputs(batch), tuple(names))
            for output in outputs:
                probabilities = output.probabilities(answers[output.name])
                curve = curves.setdefault(output.name, IoUCurve(output.channels(classes)).to(probabilities.device))
                curve.update(probabilities, output.truth(batch.labels, classes))
    return {name: curve.best().threshold for name, curve in curves.items()}
