"""The constant of constant_family.py for the frusta of single views: a softmax over air and the classes."""

from __future__ import annotations

from dataclasses import replace

from scenetrain.config import Config
from scenetrain.metrics.frustum_scores import frustum_scorers
from scenetrain.networks.contract import FoundObject, Output, Reads, Stage
from torch.nn import functional

from helpers import constant_family


def build(config: Config, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> constant_family.Constant:
    return constant_family.build(config, classes + 1, shape, pretrained=pretrained)


def find_objects(network, images, labels, cameras, classes):
    """A table five metres before every camera, turned a quarter about its own x."""
    turn = (0.5**0.5, 0.5**0.5, 0.0, 0.0)
    table = FoundObject(classes[1], (0.0, 0.0, 5.0), (0.0, 0.0, 5.0), turn, turn, (1.0, 0.5, 2.0), 0.75, 64)
    return [(table,) for _ in cameras]


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
    find_objects=find_objects,
)
