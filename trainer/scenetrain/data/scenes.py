"""Scenes as tensors: images and labels as bytes, read once and kept where training needs them.

A SceneList gives items. With box labels an item is a scene: all views and the room's labels. With frustum labels it is
one view of a scene: its image and its frustum's labels. Where rendered and restyled images are both learnt from, each
is an item, with the same labels. Legend of shapes: N items, V views, H W pixels, X Y Z the
grid's axes.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scenegen.core.dataset.folders import scene_path
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.core.scene.scene import FrustumSpec, GridSpec
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset as TorchDataset

from scenetrain.data.given_cameras import check_sees_grid
from scenetrain.data.labels import MAX_CLASSES
from scenetrain.data.mirror import mirror_labels, turn_images
from scenetrain.data.reads import Extras, Reads, read_extras
from scenetrain.data.restyled import ImageChoice, Look, check_restyled, looks_of, read_restyled

SPLITS = ("train", "validation", "test")

Sample = int | tuple[int, int | None, int]


class SceneTensors(NamedTuple):
    """One item: images uint8 (V, 3, H, W); labels uint8 (X, Y, Z), see data.labels.

    `position` is its place in its split, `variant` its colour variant, `extras` what the family reads beside.
    """

    images: Tensor
    labels: Tensor
    position: int
    variant: int
    extras: Extras


def open_split(
    path: Path, split: str, reads: Reads, views: int, limit: int = 0, images: ImageChoice = "rendered"
) -> SceneList:
    """The scenes of a split ("train", "validation", "test") of a data set, at most `limit` (0 = all).

    Raises ScenegenError when the split is empty or does not fit what a family reads: grid, number of classes or of
    views, size of the images, depth; and when not all have the restyled `images` that are asked for.
    """
    dataset = Dataset(path)
    positions = split_positions(dataset, split)
    positions = positions[:limit] if limit else positions
    if reads.labels == "box":
        _check_box_grid(dataset, reads)
    if len(dataset.info.classes) > MAX_CLASSES[reads.labels]:
        raise ScenegenError(
            f"{path}: {len(dataset.info.classes)} classes; at most {MAX_CLASSES[reads.labels]} fit one byte"
        )
    if not positions:
        raise ScenegenError(f"{path}: no scenes of split {split!r} ({_how_to_get(split)})")
    first = dataset[positions[0]]
    if reads.labels == "frustum":
        _check_frustum(path, first.cameras[0].frustum, reads)
        _check_frustum_labels(path, first)
    if len(first.cameras) < views:
        raise ScenegenError(
            f"{path}: scenes have {len(first.cameras)} views, the network takes {views}; give data with as many, or "
            f"train on fewer with --set training.views={len(first.cameras)}"
        )
    if reads.labels == "box" and reads.cameras:
        assert first.grid is not None
        check_sees_grid(first.name, first.cameras[:views], first.grid)
    _check_image_size(first, first.image(0).shape, reads)
    if reads.depth and not dataset.maps:
        raise ScenegenError(f"{path}: packed without depth, which the network reads; pack it with --maps")
    looks = looks_of(images)
    if "restyled" in looks:
        check_restyled(dataset, positions, len(first.cameras) if reads.labels == "frustum" else views)
    return SceneList(dataset, positions, views, reads, looks)


def _check_image_size(scene: StoredScene, shape: tuple[int, ...], reads: Reads) -> None:
    """Networks of frusta take square images of any size, scaled to theirs: a frustum goes with the whole image."""
    size = reads.image_size
    if shape != (size, size, 3) and not (reads.labels == "frustum" and shape[0] == shape[1]):
        raise ScenegenError(
            f"{scene.name}: images are {shape[1]} x {shape[0]} pixels, the network takes {size} x "
            f"{size}; give data of a preset with such images"
        )


def _scaled(images: Tensor, size: int) -> Tensor:
    """Images uint8 (V, 3, H, W) at `size` x `size` pixels."""
    if images.shape[-1] == size:
        return images
    scaled = functional.interpolate(images.float(), (size, size), mode="bilinear", antialias=True)
    return scaled.round_().to(torch.uint8)


def _check_box_grid(dataset: Dataset, reads: Reads) -> None:
    grid = dataset.info.grid
    if grid is None:
        raise ScenegenError(f"{dataset.path}: has no box grid, which the network reads; give data of a preset with one")
    if reads.shape is not None and tuple(grid.shape) != reads.shape:
        raise ScenegenError(
            f"{dataset.path}: its grid is {tuple(grid.shape)}, the network's {reads.shape}; run `scenegen voxelize "
            f"--grid {','.join(map(str, reads.shape))}`"
        )


def _check_frustum(path: Path, frustum: FrustumSpec, reads: Reads) -> None:
    if reads.shape is not None and tuple(frustum.size) != reads.shape:
        raise ScenegenError(
            f"{path}: its frustum grid is {tuple(frustum.size)}, the network's {reads.shape}; run `scenegen voxelize "
            f"--frustum NEAR,FAR,SLICES,HFOV`"
        )


def _check_frustum_labels(path: Path, scene: StoredScene) -> None:
    """Whether a data set's first scene has frustum labels at all."""
    try:
        scene.frustum(0)
    except DamageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise ScenegenError(
                f"{path}: {Path(scene.name).name} has no frustum labels; run `scenegen voxelize {path} --frustum "
                f"NEAR,FAR,SLICES,HFOV`"
            ) from error
        raise


def split_positions(dataset: Dataset, split: str) -> tuple[int, ...]:
    """The positions of a split's scenes in `dataset`.

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
    """Items of one split, read by position, or by (position, one of the item's views or None for all, variant).

    `mirrors` are the views' numbers in mirror.AXES: images come as the first camera would see them, and so do the
    labels of a scene that is asked for by one view. Labels of all views are those of the room, not mirrored.
    """

    def __init__(
        self,
        dataset: Dataset,
        positions: Sequence[int],
        views: int,
        reads: Reads,
        looks: tuple[Look, ...] = ("rendered",),
    ) -> None:
        self.dataset = dataset
        self.looks = looks
        self.positions = tuple(positions)
        self.views = views
        self.reads = reads
        self.occupancy_only = False
        self.largest_only = False
        self.mirrors = torch.zeros(views, dtype=torch.long)
        first = dataset[positions[0]]
        self.per_scene = len(looks) * (len(first.cameras) if reads.labels == "frustum" else 1)
        """How many items each scene gives."""
        grid = dataset.info.grid if reads.labels == "box" else first.cameras[0].frustum
        assert grid is not None
        self.grid: GridSpec | FrustumSpec = grid
        """The voxels' grid; of frusta the first camera's."""

    def __len__(self) -> int:
        return len(self.positions) * self.per_scene

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the labels."""
        return self.dataset.info.classes

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of an item's labels."""
        return self.grid.shape if isinstance(self.grid, GridSpec) else self.grid.size

    def scene(self, position: int) -> StoredScene:
        """The stored scene of an item."""
        return self.dataset[self.positions[position // self.per_scene]]

    def scene_index(self, position: int) -> int:
        """The index, in its data set, of an item's scene."""
        return self.dataset.indices[self.positions[position // self.per_scene]]

    def camera(self, position: int) -> int | None:
        """Which camera of its scene an item shows; None where it shows several."""
        return position % self.per_scene // len(self.looks) if self.reads.labels == "frustum" else None

    def first(self, scenes: int) -> SceneList:
        """The first `scenes` scenes."""
        return self._changed(positions=self.positions[:scenes])

    def for_occupancy(self) -> SceneList:
        """The same scenes with bit 0 for any class; of box masks that is a sixth of the reading."""
        return self._changed(occupancy_only=self.reads.labels == "box")

    def of_largest_object(self) -> SceneList:
        """The same scenes, in whose labels the class of `largest_class` is alone. UsageError of frusta."""
        if self.reads.labels != "box":
            raise UsageError("training.largest_object: needs a network of box grids; set it to false")
        return self._changed(largest_only=True)

    def largest_class(self, position: int) -> int | None:
        """The class of the object that takes the largest area of an item's images; None where no object is seen.

        The area is in pixels, the sum over the views.
        """
        scene, camera = self.scene(position), self.camera(position)
        views = range(self.views) if camera is None else [camera]
        areas = [sum(item.visible_pixels[k] for k in views) if item.visible_pixels else 0 for item in scene.objects]
        if not any(areas):
            return None
        return scene.classes.index(scene.objects[int(np.argmax(areas))].class_name)

    def mirrored(self, mirrors: Sequence[int]) -> SceneList:
        """The same scenes with these numbers of the views."""
        return self._changed(mirrors=torch.tensor(mirrors))

    def _changed(self, **members: Any) -> SceneList:
        other = copy.copy(self)
        vars(other).update(members)
        return other

    def __getitem__(self, sample: Sample) -> SceneTensors:
        position, view, variant = (sample, None, 0) if isinstance(sample, int) else sample
        scene, camera = self.scene(position), self.camera(position)
        views = list(range(self.views)) if view is None else [view]
        cameras = views if camera is None else [camera]
        images = np.stack([self._image(scene, k, self.looks[position % len(self.looks)]) for k in cameras])
        _check_image_size(scene, images.shape[1:], self.reads)
        shown = _scaled(torch.from_numpy(images).permute(0, 3, 1, 2), self.reads.image_size)
        shown = turn_images(shown, self.mirrors[views])
        labels = self.labels(position)
        if view is not None:
            labels = mirror_labels(labels.unsqueeze(0), self.mirrors[views])[0]
        return SceneTensors(shown, labels, position, variant, read_extras(scene, cameras, self.reads))

    def _image(self, scene: StoredScene, camera: int, look: Look) -> NDArray[np.uint8]:
        if look == "rendered":
            return scene.image(camera)
        return read_restyled(scene_path(self.dataset.path, scene.index), camera)

    def labels(self, position: int) -> Tensor:
        """The labels of one item alone, uint8 (X, Y, Z)."""
        labels = self._labels(self.scene(position), self.camera(position))
        if not self.largest_only:
            return labels
        of_class = self.largest_class(position)
        if of_class is None:
            return torch.zeros_like(labels)
        alone = (labels >> of_class) & 1
        return alone if self.occupancy_only else alone << of_class

    def _check_same_frustum(self, scene: StoredScene, camera: int) -> None:
        """One network learns frusta of one size and of the same depths."""
        mine, grid = scene.cameras[camera].frustum, self.grid
        assert isinstance(grid, FrustumSpec)
        if (mine.size, mine.near, mine.far) != (grid.size, grid.near, grid.far):
            raise ScenegenError(
                f"{scene.name}: frustum {camera} is {mine.size} from {mine.near:g} to {mine.far:g} m, the data set's "
                f"first {grid.size} from {grid.near:g} to {grid.far:g} m; label all alike: `scenegen voxelize "
                f"--frustum NEAR,FAR,SLICES,HFOV`"
            )

    def _labels(self, scene: StoredScene, camera: int | None) -> Tensor:
        labels: NDArray[np.uint8]
        if camera is not None:
            self._check_same_frustum(scene, camera)
            labels = scene.frustum(camera)
        else:
            labels = (
                scene.occupancy.astype(np.uint8) if self.occupancy_only and not self.largest_only else scene.mask_bits
            )
        if labels.shape != self.shape:
            raise ScenegenError(f"{scene.name}: its voxels are {labels.shape}, not {self.shape}; generate it again")
        if camera is not None and labels.max() > len(self.classes):
            raise DamageError(
                f"{scene.name}: frustum {camera} has label {labels.max()}, of {len(self.classes)} classes; "
                f"label it again: `scenegen voxelize --frustum NEAR,FAR,SLICES,HFOV`"
            )
        return torch.from_numpy(labels)
