"""Scenes as tensors: images as bytes, labels as one bit mask a voxel, read once and kept where training needs them.

Legend of shapes: N scenes, V views, H W pixels, C classes, X Y Z the grid's axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.scene.scene import GridSpec
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from scenetrain.data.mirror import mirror_labels, turn_pictures

IMAGE_SIZE = 224
MAX_CLASSES = 8
SPLITS = ("train", "validation", "test")

Sample = int | tuple[int, int | None, int]


class SceneTensors(NamedTuple):
    """One scene: images uint8 (V, 3, H, W); labels uint8 (X, Y, Z), bit c set where class c is.

    `position` is its place in its split; `variant` says in which colours it is to be shown.
    """

    images: Tensor
    labels: Tensor
    position: int
    variant: int


def open_split(path: Path, split: str, views: int, grid: tuple[int, int, int], limit: int = 0) -> SceneList:
    """The scenes of a split ("train", "validation", "test") of a data set, at most `limit` (0 = all).

    Raises ScenegenError when the data set's grid, class count or number of views does not fit, or the split is empty.
    """
    dataset = Dataset(path)
    shape = tuple(dataset.info.grid.shape) if dataset.info.grid else None
    if shape != grid:
        wanted = ",".join(map(str, grid))
        raise ScenegenError(
            f"{path}: its grid is {shape}, the network's {grid}; run `scenegen voxelize --grid {wanted}`"
        )
    if len(dataset.info.classes) > MAX_CLASSES:
        raise ScenegenError(f"{path}: {len(dataset.info.classes)} classes; at most {MAX_CLASSES} fit a bit mask")
    positions = split_positions(dataset, split)
    positions = positions[:limit] if limit else positions
    if not positions:
        raise ScenegenError(f"{path}: no scenes of split {split!r} ({_how_to_get(split)})")
    found = len(dataset[positions[0]].cameras)
    if found < views:
        raise ScenegenError(
            f"{path}: scenes have {found} views, the network takes {views}; give data with as many, or train on "
            f"fewer with --set training.views={found}"
        )
    return SceneList(dataset, positions, views)


def split_positions(dataset: Dataset, split: str) -> tuple[int, ...]:
    """Positions in `dataset` that make up a split.

    A data set of training models gives "train" and "validation": every tenth scene, by its index, validates, which
    is the paper's 22,500 to 2,500 and stays so when scenes are added. One of test models gives "test" alone.
    """
    if split not in SPLITS:
        raise UsageError(f"no split {split!r}; known: {', '.join(SPLITS)}")
    if dataset.info.request.split == "test" or split == "test":
        return tuple(range(len(dataset))) if dataset.info.request.split == split else ()
    return tuple(p for p, index in enumerate(dataset.indices) if (index % 10 == 9) == (split == "validation"))


def _how_to_get(split: str) -> str:
    if split == "test":
        return "make one of unseen models with `scenegen generate --split test`"
    return "a data set of `scenegen generate --split train` with 10 scenes or more has 1 in 10 for validation"


class SceneList(TorchDataset[SceneTensors]):
    """Scenes of one split, read by position, or by (position, one view or None for all, variant).

    `mirrors` are the views' numbers in mirror.AXES: pictures come as the first camera would see them, and so do the
    labels of a scene that is asked for by one view. Those of all views are the room's, as it stands.
    """

    def __init__(
        self,
        dataset: Dataset,
        positions: Sequence[int],
        views: int,
        occupancy_only: bool = False,
        mirrors: Sequence[int] = (),
    ) -> None:
        self.dataset = dataset
        self.positions = tuple(positions)
        self.views = views
        self.occupancy_only = occupancy_only
        self.mirrors = torch.tensor(mirrors or [0] * views)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the label bits."""
        return self.dataset.info.classes

    @property
    def grid(self) -> GridSpec:
        """The voxels' grid."""
        grid = self.dataset.info.grid
        assert grid is not None
        return grid

    def scene_index(self, position: int) -> int:
        """The index, in its data set, of the scene at a position of this split."""
        return self.dataset.indices[self.positions[position]]

    def for_occupancy(self) -> SceneList:
        """The same scenes with bit 0 for any class, which is a sixth of the reading."""
        return SceneList(self.dataset, self.positions, self.views, True, self.mirrors.tolist())

    def mirrored(self, mirrors: Sequence[int]) -> SceneList:
        """The same scenes with these numbers of the views."""
        return SceneList(self.dataset, self.positions, self.views, self.occupancy_only, mirrors)

    def __getitem__(self, sample: Sample) -> SceneTensors:
        position, view, variant = (sample, None, 0) if isinstance(sample, int) else sample
        scene = self.dataset[self.positions[position]]
        shown = list(range(self.views)) if view is None else [view]
        images = np.stack([scene.image(k) for k in shown])
        if images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE, 3):
            raise ScenegenError(f"{scene.name}: images are {images.shape[1:3]}, the network takes {IMAGE_SIZE} pixels")
        pictures = turn_pictures(torch.from_numpy(images).permute(0, 3, 1, 2), self.mirrors[shown])
        labels = self.labels(position)
        if view is not None:
            labels = mirror_labels(labels.unsqueeze(0), self.mirrors[shown])[0]
        return SceneTensors(pictures, labels, position, variant)

    def labels(self, position: int) -> Tensor:
        """The labels of one scene alone, uint8 (X, Y, Z)."""
        scene = self.dataset[self.positions[position]]
        labels = scene.occupancy.astype(np.uint8) if self.occupancy_only else scene.mask_bits
        if labels.shape != tuple(self.grid.shape):
            raise ScenegenError(f"{scene.name}: its voxels are {labels.shape}, not dataset.json's; generate it again")
        return torch.from_numpy(labels)


def unpack_masks(labels: Tensor, classes: int) -> Tensor:
    """Labels uint8 (N, X, Y, Z) to bool masks (N, C, X, Y, Z), on whichever device they are."""
    bits = torch.arange(classes, device=labels.device, dtype=torch.uint8)
    return ((labels.unsqueeze(1) >> bits.view(1, -1, 1, 1, 1)) & 1).bool()


def normalize(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Images uint8 (..., 3, H, W) to float32, normalised for a backbone."""
    shape = (3, 1, 1)
    mean_tensor = torch.tensor(mean, device=images.device).view(shape)
    std_tensor = torch.tensor(std, device=images.device).view(shape)
    return (images.float() / 255.0 - mean_tensor) / std_tensor
