"""Photographs and their edges, as batches to learn painting from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scenegen.core.errors import ScenegenError
from scenegen.core.rng import integer, shuffled, stream, uniform
from scenegen.progress import OnProgress
from torch import Tensor

from scenetrain.config import PaintConfig
from scenetrain.data.edges import edges_of
from scenetrain.data.image_files import middle_square, middle_square_of_numbers
from scenetrain.data.image_sets import Broken, ImageFile, ImageSet, shown_image, upright_images

MOST_IN_MEMORY = 4 * 2**30
"""Bytes; of more photographs each is read again whenever it is shown."""
HELD_OUT, MOST_HELD_OUT = 20, 4
"""Of so many photographs one is never trained on, up to this number: those are shown in samples.png."""


class PaintBatch(NamedTuple):
    """Some photographs, and what to paint them from."""

    edges: Tensor
    """float32 (B, 1, H, W), 1 on an edge, 0 elsewhere."""
    photographs: Tensor
    """float32 (B, 3, H, W) in 0..1."""


class Photographs:
    """The middle squares of a set's images, all checked, with `broken` those that cannot be read.

    `enlarged` counts images with a shorter side below the square's. ScenegenError when fewer than two can be read, and
    when borders of objects are asked for and images come without masks.
    """

    def __init__(self, images: ImageSet, config: PaintConfig, on_progress: OnProgress) -> None:
        self.config, self.path = config, images.path
        if config.edges.borders and not all(file.objects for file in images.files):
            raise ScenegenError(
                f"{images.path}: has no masks of objects, which edges.borders takes; give COCO's with --coco, "
                "or a data set with instance maps, or set edges.borders=false"
            )
        self.broken: list[Broken] = []
        self.enlarged = 0
        self._files: list[ImageFile] = []
        self._squares: list[NDArray[np.uint8]] = []
        self._edges: dict[int, NDArray[np.uint8]] = {}
        size = config.training.size
        fits = len(images.files) * size * size * 3 <= MOST_IN_MEMORY
        for file, image in upright_images(images):
            if isinstance(image, Broken):
                self.broken.append(image)
            else:
                self._files.append(file)
                self.enlarged += min(image.size) < size
                if fits:
                    self._squares.append(middle_square(image, size))
            on_progress(len(self._files), len(images.files), len(self.broken))
        if len(self._files) < 2:
            reason = f" ({self.broken[0].reason})" if self.broken else ""
            raise ScenegenError(f"{images.path}: {len(self._files)} photographs can be read{reason}; give some hundred")

    def __len__(self) -> int:
        return len(self._files)

    @property
    def held_out(self) -> list[int]:
        """The numbers of the photographs that are not trained on."""
        return list(range(HELD_OUT - 1, len(self), HELD_OUT))[:MOST_HELD_OUT]

    def square(self, number: int) -> NDArray[np.uint8]:
        """A photograph's middle square, uint8 (S, S, 3)."""
        if self._squares:
            return self._squares[number]
        return middle_square(shown_image(self._files[number], self.path), self.config.training.size)

    def edges(self, number: int) -> NDArray[np.bool_]:
        """The square's edges, bool (S, S)."""
        square = self.square(number)
        if number not in self._edges:
            self._edges[number] = np.packbits(edges_of(square, self._objects(number), self.config.edges))
        return np.unpackbits(self._edges[number], count=square[..., 0].size).reshape(square.shape[:2]).astype(bool)

    def _objects(self, number: int) -> NDArray[np.int32] | None:
        """The numbers of the objects that the square shows, (S, S), where their borders are asked for."""
        file = self._files[number]
        if not self.config.edges.borders or not file.objects:
            return None
        try:
            return middle_square_of_numbers(file.objects(), self.config.training.size)
        except ValueError as error:
            raise ScenegenError(f"{self.path / file.name}: {error}") from error

    def batch(self, numbers: list[int]) -> PaintBatch:
        """Whole squares."""
        return as_batch([self.square(n) for n in numbers], [self.edges(n) for n in numbers])

    def batches(self, epoch: int) -> Iterator[PaintBatch]:
        """Every photograph but those held out once, in random order: a random crop, every other mirrored.

        The same for the same seed and epoch.
        """
        training = self.config.training
        draw = stream(training.seed, epoch, "photographs")
        order = shuffled(draw, [n for n in range(len(self)) if n not in set(self.held_out)])
        for start in range(0, len(order), training.batch_size):
            squares, edges = [], []
            for number in order[start : start + training.batch_size]:
                top, left = (integer(draw, 0, training.size - training.crop) for _ in range(2))
                cut = slice(top, top + training.crop), slice(left, left + training.crop)
                step = -1 if uniform(draw, 0, 1) < 0.5 else 1
                squares.append(self.square(number)[cut][:, ::step])
                edges.append(self.edges(number)[cut][:, ::step])
            yield as_batch(squares, edges)


def as_batch(images: list[NDArray[np.uint8]], edges: list[NDArray[np.bool_]]) -> PaintBatch:
    """Images (H, W, 3) of one size, and their edges (H, W), as tensors."""
    return PaintBatch(
        torch.from_numpy(np.stack(edges)).unsqueeze(1).float(),
        torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255,
    )
