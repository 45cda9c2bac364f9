"""What families that label rooms share: outputs under the Everted U-Net's names, and a training of one stage."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from scenetrain.config import Config
from scenetrain.networks.contract import Output, Stage, Turn


class RoomAnswer(Protocol):
    """What such a network's forward gives, under both names."""

    def occupancy(self) -> Tensor:
        """Probabilities float32 (B, 1, X, Y, Z) of anything but air."""

    def masks(self) -> Tensor:
        """Probabilities float32 (B, C, X, Y, Z) of the classes."""


def _occupancy(answer: RoomAnswer) -> Tensor:
    return answer.occupancy()


def _masks(answer: RoomAnswer) -> Tensor:
    return answer.masks()


ROOM_OUTPUTS = (
    Output("occupancy", "reconstructor", "occupancy", "box", _occupancy),
    Output("masks", "segmenter", "masks", "box", _masks),
)
"""Named as the Everted U-Net's, so that runs of all stand in one table."""


def one_stage(config: Config, turn: Turn, title: str, batch_size: int) -> tuple[Stage, ...]:
    """A training of one turn on all views, scored by the masks; the turn's name is the stage's and its section's."""
    return (
        Stage(
            name=turn.name,
            title=title,
            section=turn.name,
            views=config.training.views,
            batch_size=batch_size,
            epochs=config.training.epochs,
            turns=(turn,),
            wanted=tuple(output.name for output in ROOM_OUTPUTS),
            scored="masks",
        ),
    )
