"""Batches of scenes: from the device when a split fits there, else from worker processes that read ahead.

Which scenes, which view and which colours a step shows is planned from (seed, epoch) alone, so both ways give the same
batches in the same order and a resumed run repeats what an undisturbed one does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from scenetrain.data.features import ResidentSplit
from scenetrain.data.mirror import mirror_labels
from scenetrain.data.scenes import SceneList, SceneTensors


class Batch(NamedTuple):
    """Scenes of one step: trunk features (B, V, C, 28, 28) or images uint8 (B, V, 3, H, W); labels uint8 (B, X, Y, Z).

    `positions` (B,) says which scenes of the split these are, `variants` (B,) in which colours; both stay on the host.
    With one view, scenes are mirrored already (data.SceneList).
    """

    features: Tensor | None
    images: Tensor | None
    labels: Tensor
    positions: Tensor
    variants: Tensor


@dataclass(frozen=True)
class EpochPlan:
    """What an epoch shows: positions batch by batch; of every scene of the split its one view (None = all views),
    and its colour variant, both (N,)."""

    order: list[Tensor]
    view: Tensor | None
    variant: Tensor


def training_plan(
    count: int,
    views: int,
    one_view: bool,
    variants: int,
    batch_size: int,
    seed: int,
    epoch: int,
    rank: int,
    ranks: int,
) -> EpochPlan:
    """One rank's share of a training epoch over `count` scenes; every rank gets as many batches.

    A last batch of one scene is left out, because batch norm needs two.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    order = torch.randperm(count, generator=generator)
    view = torch.randint(views, (count,), generator=generator) if one_view else None
    variant = torch.randint(variants, (count,), generator=generator)
    batches = _share(order, rank, ranks).split(batch_size)
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches = batches[:-1]
    return EpochPlan(list(batches), view, variant)


def validation_plan(count: int, views: int, one_view: bool, batch_size: int, rank: int, ranks: int) -> EpochPlan:
    """One rank's share of a split in its order; with one view a scene shows the view that its position decides.

    Where the ranks do not divide the split, its first scenes count twice.
    """
    order = torch.arange(count)
    batches = _share(order, rank, ranks).split(batch_size)
    return EpochPlan(list(batches), order % views if one_view else None, torch.zeros_like(order))


def _share(order: Tensor, rank: int, ranks: int) -> Tensor:
    return torch.cat([order, order[: -len(order) % ranks]])[rank::ranks]


class ResidentBatches:
    """Batches that are indexed out of a split on the device; nothing waits for the device between steps."""

    def __init__(self, split: ResidentSplit, plan: EpochPlan) -> None:
        self.split = split
        self.plan = plan

    def __len__(self) -> int:
        return len(self.plan.order)

    def __iter__(self) -> Iterator[Batch]:
        plan, device = self.plan, self.split.labels.device
        for positions in plan.order:
            at = positions.to(device, non_blocking=True)
            variants = plan.variant[positions]
            variant = variants.to(device, non_blocking=True)
            labels = self.split.labels[at]
            if plan.view is None:
                features = self.split.features[variant, at]
            else:
                view = plan.view[positions]
                features = self.split.features[variant, at, view.to(device, non_blocking=True)].unsqueeze(1)
                labels = mirror_labels(labels, self.split.mirrors[view])
            yield Batch(features, None, labels, positions, variants)


def streaming_batches(scenes: SceneList, plan: EpochPlan, workers: int) -> DataLoader[Batch]:
    """Batches of images that `workers` processes read ahead; of a scene only the views that the plan shows are read."""
    view = plan.view
    samples = [
        [(int(p), None if view is None else int(view[p]), int(plan.variant[p])) for p in batch] for batch in plan.order
    ]
    return DataLoader(
        scenes,  # type: ignore[arg-type]
        batch_sampler=samples,
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=torch.cuda.is_available(),
        prefetch_factor=4 if workers else None,
    )


def _collate(scenes: list[SceneTensors]) -> Batch:
    return Batch(
        None,
        torch.stack([s.images for s in scenes]),
        torch.stack([s.labels for s in scenes]),
        torch.tensor([s.position for s in scenes]),
        torch.tensor([s.variant for s in scenes]),
    )
