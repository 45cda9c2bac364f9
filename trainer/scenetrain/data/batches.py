"""Batches of items: from the device when a split fits there, else from worker processes that read ahead.

Which items, which view and which colours a step shows is planned from (seed, epoch) alone, so both ways give the same
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
from scenetrain.data.reads import Extras, stack_extras
from scenetrain.data.scenes import SceneList, SceneTensors


class Batch(NamedTuple):
    """One step: trunk features (B, V, C, 28, 28) or images uint8 (B, V, 3, H, W); labels uint8 (B, X, Y, Z).

    `positions` (B,) says which items of the split these are, `variants` (B,) which colour variant is still to be made
    of the images; both stay on the host. With one view, items are mirrored already (scenes.SceneList).
    """

    features: Tensor | None
    images: Tensor | None
    labels: Tensor
    positions: Tensor
    variants: Tensor
    extras: Extras

    def to(self, device: torch.device) -> Batch:
        """The batch with what a network reads on `device`."""
        images = None if self.images is None else self.images.to(device, non_blocking=True)
        labels = self.labels.to(device, non_blocking=True)
        return self._replace(images=images, labels=labels, extras=self.extras.to(device))


@dataclass(frozen=True)
class EpochPlan:
    """What an epoch shows: positions batch by batch; of every item of the split its one view (None = all views),
    and its colour variant, both (N,)."""

    order: list[Tensor]
    view: Tensor | None
    variant: Tensor


@dataclass(frozen=True)
class PlanRequest:
    """Which part of a split of `count` items with `views` views an epoch shows to one of `ranks` processes.

    With `one_view` each item shows one of its views, else all.
    """

    count: int
    views: int
    one_view: bool
    batch_size: int
    rank: int = 0
    ranks: int = 1


def training_plan(request: PlanRequest, variants: int, seed: int, epoch: int) -> EpochPlan:
    """One rank's share of a training epoch with `variants` colour variants; every rank gets as many batches.

    A last batch of one item is left out where the others have more, because batch norm may need two.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    order = torch.randperm(request.count, generator=generator)
    view = torch.randint(request.views, (request.count,), generator=generator) if request.one_view else None
    variant = torch.randint(variants, (request.count,), generator=generator)
    batches = _share(order, request).split(request.batch_size)
    if request.batch_size > 1 and len(batches) > 1 and len(batches[-1]) == 1:
        batches = batches[:-1]
    return EpochPlan(list(batches), view, variant)


def validation_plan(request: PlanRequest) -> EpochPlan:
    """One rank's share of a split in its order. With one view, item i shows view i % views.

    Where the ranks do not divide the split, its first items count twice.
    """
    order = torch.arange(request.count)
    batches = _share(order, request).split(request.batch_size)
    return EpochPlan(list(batches), order % request.views if request.one_view else None, torch.zeros_like(order))


def _share(order: Tensor, request: PlanRequest) -> Tensor:
    return torch.cat([order, order[: -len(order) % request.ranks]])[request.rank :: request.ranks]


class ResidentBatches:
    """Batches that are indexed out of a split on the device; nothing waits for the device between steps."""

    def __init__(self, split: ResidentSplit, plan: EpochPlan) -> None:
        self.split = split
        self.plan = plan

    def __len__(self) -> int:
        return len(self.plan.order)

    def __iter__(self) -> Iterator[Batch]:
        split, plan, device = self.split, self.plan, self.split.labels.device
        for positions in plan.order:
            at = positions.to(device, non_blocking=True)
            variant = plan.variant[positions].to(device, non_blocking=True)
            labels = split.labels[at]
            if plan.view is None:
                shown, extras = split.shown[variant, at], split.extras.at(at)
            else:
                view = plan.view[positions]
                chosen = view.to(device, non_blocking=True)
                shown, extras = split.shown[variant, at, chosen].unsqueeze(1), split.extras.at(at, chosen)
                labels = mirror_labels(labels, split.mirrors[view])
            if split.is_features:
                yield Batch(shown, None, labels, positions, plan.variant[positions], extras)
            else:
                # these images have their colours already
                yield Batch(None, shown, labels, positions, torch.zeros_like(positions), extras)


def streaming_batches(scenes: SceneList, plan: EpochPlan, workers: int) -> DataLoader[Batch]:
    """Batches of images that `workers` processes read ahead; of an item only the views that the plan shows are read."""
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
        stack_extras([s.extras for s in scenes]),
    )
