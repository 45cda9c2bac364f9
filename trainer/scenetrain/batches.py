"""Batches of scenes: from the device when a split fits there, else from worker processes that read ahead.

Both give the same batches in the same order for a (seed, epoch), so that either may resume what the other began.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from scenetrain.data import SceneList, SceneTensors
from scenetrain.features import ResidentSplit


@dataclass(frozen=True)
class Batch:
    """Scenes of one step: trunk features (B, V, C, 28, 28) or images uint8 (B, V, 3, H, W); labels uint8 (B, X, Y, Z).

    `positions` says which scenes of the split these are.
    """

    features: Tensor | None
    images: Tensor | None
    labels: Tensor
    positions: Tensor


def epoch_order(count: int, batch_size: int, seed: int, epoch: int | None, rank: int, ranks: int) -> list[Tensor]:
    """Scene positions, batch by batch, of one rank; `epoch` None keeps the order of the split (validation).

    Every rank gets as many batches; what does not divide is left to the next epoch's order (training) or repeated.
    """
    if epoch is None:
        order = torch.arange(count)
    else:
        order = torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
    if ranks > 1:
        padded = -count % ranks
        order = torch.cat([order, order[:padded]])[rank::ranks]
    batches = list(order.split(batch_size))
    if epoch is not None and len(batches) > 1 and len(batches[-1]) == 1:
        batches.pop()
    return batches


class ResidentBatches:
    """Batches that are indexed out of a split on the device; nothing happens on the host between steps."""

    def __init__(self, split: ResidentSplit, order: list[Tensor], seed: int) -> None:
        self.split = split
        self.order = order
        self.seed = seed

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[Batch]:
        device = self.split.labels.device
        variants = self.split.features.shape[0]
        generator = torch.Generator().manual_seed(self.seed)
        for positions in self.order:
            variant = torch.randint(variants, (len(positions),), generator=generator).to(device)
            at = positions.to(device)
            yield Batch(self.split.features[variant, at], None, self.split.labels[at], positions)


def streaming_batches(scenes: SceneList, order: list[Tensor], workers: int) -> DataLoader[Batch]:
    """Batches of images that `workers` processes read ahead."""
    return DataLoader(
        scenes,
        batch_sampler=[batch.tolist() for batch in order],
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=torch.cuda.is_available(),
        prefetch_factor=4 if workers else None,
    )


def _collate(scenes: list[SceneTensors]) -> Batch:
    images = torch.stack([s.images for s in scenes])
    return Batch(None, images, torch.stack([s.labels for s in scenes]), torch.cat([s.positions for s in scenes]))
