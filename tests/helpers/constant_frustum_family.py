"""The constant of constant_family.py for the frusta of single views: a softmax over air and the classes."""

from __future__ import annotations

from dataclasses import replace

from scenetrain.config import Config
from scenetrain.metrics.frustum_scores import frustum_scorers
from scenetrain.networks.contract import Output, Reads, Stage
from torch.nn import functional

from helpers import constant_family


def build(config: Config, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> constant_family.Constant:
    return constant_family.build(config, classes + 1, shape, pretrained=pretrained)


def stages(config: Config) -> tuple[Stage, ...]:
    def loss(step):
        return functional.cross_entropy(step.answers["labels"], step.labels.long())

    return (constant_family.stage(config, "labels", loss),)


FAMILY = replace(
    constant_family.FAMILY,
    name="constant_frustum",
    reads=Reads("frustum", views=(1, 1)),
    outputs=(Output("labels", "labels", "labels", "frustum", lambda logits: logits.softmax(1)),),
    build=build,
    stages=stages,
    scorers=frustum_scorers,
)
