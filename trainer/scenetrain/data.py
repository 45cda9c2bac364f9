"""Scenes as tensors: images as bytes, labels as one bit mask a voxel, read once and kept where training needs them.

Legend of shapes: N scenes, V views, H W pixels, C classes, X Y Z the grid's axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from scenegen.dataset import Dataset
from scenegen.errors import ScenegenError, UsageError

IMAGE_SIZE = 224
MAX_CLASSES = 8


@dataclass(frozen=True)
class SceneTensors:
    """One scene or many: images uint8 (N, V, 3, H, W); labels uint8 (N, X, Y, Z), bit c set where class c is.

    `positions` int64 (N,) are the scenes' places in their split. One scene alone has no axis N but in `positions`.
    """

    images: Tensor
    labels: Tensor
    positions: Tensor


def open_split(path: Path, split: str, views: int, grid: tuple[int, int, int], limit: int = 0) -> SceneList:
    """The scenes of a split ("train", "validation", "test") of a data set, checked against the network's grid.

    Raises ScenegenError when the data set's grid, class count or number of views does not fit, or the split is empty.
    """
    dataset = Dataset(path)
    if dataset.grid is None or tuple(dataset.grid.shape) != grid:
        shape = None if dataset.grid is None else tuple(dataset.grid.shape)
        raise ScenegenError(f"{path}: its grid is {shape}, the network's {grid}; `scenegen voxelize` makes another")
    if len(dataset.classes) > MAX_CLASSES:
        raise ScenegenError(f"{path}: {len(dataset.classes)} classes; at most {MAX_CLASSES} fit a bit mask")
    positions = dataset.split_positions(split)
    positions = positions[:limit] if limit else positions
    if not positions:
        raise ScenegenError(f"{path}: no scenes of split {split!r}; generate some with `scenegen generate`")
    found = len(dataset[positions[0]].cameras)
    if found < views:
        raise ScenegenError(f"{path}: scenes have {found} views, {views} are wanted; use --set training.views={found}")
    return SceneList(dataset, tuple(positions), views)


class SceneList(TorchDataset[SceneTensors]):
    """Scenes of one split, read when asked for; item i holds no batch axis."""

    def __init__(self, dataset: Dataset, positions: tuple[int, ...], views: int) -> None:
        self.dataset = dataset
        self.positions = positions
        self.views = views

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, item: int) -> SceneTensors:
        scene = self.dataset[self.positions[item]]
        images = np.stack([np.asarray(image) for image in scene.images[: self.views]])
        if images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE, 3):
            raise ScenegenError(f"{scene.name}: images are {images.shape[1:3]}, the network takes {IMAGE_SIZE} pixels")
        return SceneTensors(
            torch.from_numpy(images).permute(0, 3, 1, 2),
            torch.from_numpy(pack_masks(scene.masks)),
            torch.tensor([item]),
        )

    def read_all(self, workers: int = 4) -> SceneTensors:
        """All scenes at once, read by threads straight into place."""
        first = self[0]
        images = torch.empty((len(self), *first.images.shape), dtype=torch.uint8)
        labels = torch.empty((len(self), *first.labels.shape), dtype=torch.uint8)

        def read(item: int) -> None:
            scene = self[item]
            images[item], labels[item] = scene.images, scene.labels

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(read, range(len(self))))
        return SceneTensors(images, labels, torch.arange(len(self)))


def pack_masks(masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Masks bool (X, Y, Z, C) to uint8 (X, Y, Z): bit c is class c."""
    bits = np.packbits(masks, axis=-1, bitorder="little")
    return np.ascontiguousarray(bits[..., 0])


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


def check_split_name(split: str) -> str:
    """The name itself, if it is one of the three splits."""
    if split not in ("train", "validation", "test"):
        raise UsageError(f"no split {split!r}; known: train, validation, test")
    return split
