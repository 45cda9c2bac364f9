"""3D-R2N2: an encoder of single views, a 3D convolutional GRU over the views, and a decoder of its last state.

Choy et al., "3D-R2N2: A Unified Approach for Single and Multi-view 3D Object Reconstruction" (ECCV 2016), the residual
network with the 3D-GRU, and the authors' code. The order of the views matters: the state remembers the last ones best.
Shapes: B scenes, V views, N images (B * V), H channels of the state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.backbones import Backbone
from scenetrain.blocks.coarse_cells import repeat_blocks
from scenetrain.blocks.layers import fold_views, scaled
from scenetrain.data.mirror import MAX_VIEWS, MirroredNetwork
from scenetrain.networks.contract import Inputs
from scenetrain.networks.r2n2.settings import R2N2Config

GRID = (80, 96, 64)
OUTPUTS = ("occupancy", "masks")
IMAGE = 127  # pixels along an edge of what the encoder sees
GATES = 3


@dataclass(frozen=True)
class R2N2Form:
    """What the network answers with: the published form and ours differ in these members alone."""

    state: tuple[int, int, int]
    """Cells of the recurrent state."""
    answers: int
    """Outputs of the softmax: air, then what a voxel may hold."""
    doublings: int
    """How often the decoder doubles the state."""
    priors: tuple[float, ...] | None
    """Probabilities that the untrained network answers with, of all answers but air; None for the authors' biases."""


PUBLISHED = R2N2Form((4, 4, 4), 2, 3, None)
"""The occupancy of 32^3 voxels."""


def our_form(classes: int, prior: float, detail: int = 1) -> R2N2Form:
    """Air and `classes` on 80 x 96 x 64 voxels, or on blocks of `detail` (1, 2) voxels an edge.

    Three things change. The state has 5 x 6 x 4 cells in the place of 4^3. The last block of the decoder, which keeps
    the published volume's size, doubles it too (not for blocks of 2). The softmax is over air and the classes; a voxel
    is occupied where it is not air. All the rest is as published.
    """
    return R2N2Form((5, 6, 4), 1 + classes, 5 - detail, (prior / classes,) * classes)


class VoxelShares(NamedTuple):
    """What the softmax says of every block of `detail` voxels an edge."""

    logarithms: Tensor
    """float32 (B, 1 + C, x, y, z), air first."""
    detail: int

    def occupancy(self) -> Tensor:
        """The probability of not air, (B, 1, X, Y, Z)."""
        return repeat_blocks(1 - self.logarithms[:, :1].exp(), self.detail)

    def masks(self) -> Tensor:
        """The probability of each class, (B, C, X, Y, Z)."""
        return repeat_blocks(self.logarithms[:, 1:].exp(), self.detail)


class EncoderBlock(nn.Module):
    """Two convolutions, a residual connection ("conv", "same" or none), and a pooling to half the size and one more."""

    def __init__(self, before: int, after: int, *, kernel: int = 3, residual: str = "", norm: bool = False) -> None:
        super().__init__()
        self.first = normed(nn.Conv2d(before, after, kernel, padding=kernel // 2), norm=norm)
        self.second = normed(nn.Conv2d(after, after, 3, padding=1), norm=norm)
        self.residual = {"conv": nn.Conv2d(before, after, 1), "same": nn.Identity(), "": None}[residual]

    def forward(self, x: Tensor) -> Tensor:
        """(N, before, h, w) to (N, after, h // 2 + 1, w // 2 + 1)."""
        found = functional.leaky_relu(self.second(functional.leaky_relu(self.first(x))))
        found = found if self.residual is None else found + self.residual(x)
        return functional.max_pool2d(found, 2, padding=1)


class Recurrence(nn.Module):
    """A GRU whose state is a volume: its gates see a neighbourhood of 3 x 3 x 3 cells, and each cell its own part of x.

    `inputs` numbers of each view become, by a product of its own for each gate and cell, what the gates add.
    """

    def __init__(self, inputs: int, channels: int, cells: tuple[int, int, int], *, norm: bool = False) -> None:
        super().__init__()
        self.shape = (GATES, channels, *cells)
        self.read = nn.Linear(inputs, math.prod(self.shape), bias=False)
        self.norm = nn.BatchNorm3d(GATES * channels) if norm else nn.Identity()
        self.gates = nn.ModuleList(nn.Conv3d(channels, channels, 3, padding=1) for _ in range(GATES))

    def read_views(self, x: Tensor) -> Tensor:
        """(N, inputs) to what each view adds to the gates, (N, GATES * H, x, y, z)."""
        found: Tensor = self.norm(self.read(x).reshape(-1, *self.shape).flatten(1, 2))
        return found

    def forward(self, added: Tensor) -> Tensor:
        """The state (B, H, x, y, z) after all views; `added` is (B, V, GATES * H, x, y, z), in their order."""
        views = added.shape[1]
        added = added.unflatten(2, self.shape[:2])
        state = torch.zeros_like(added[:, 0, 0])
        if isinstance(views, int):
            for view in range(views):
                state = self.step(added[:, view], state)
            return state
        # an exported file whose number of views is open takes the most steps; those after the last view change nothing
        added = functional.pad(added, (0,) * (2 * added.ndim - 3) + (MAX_VIEWS - views,))
        left = torch.arange(MAX_VIEWS, device=added.device) < views
        for view in range(MAX_VIEWS):
            state = torch.where(left[view], self.step(added[:, view], state), state)
        return state

    def step(self, added: Tensor, state: Tensor) -> Tensor:
        """The next state."""
        to_update, to_reset, to_new = self.gates
        update = torch.sigmoid(added[:, 0] + to_update(state))
        reset = torch.sigmoid(added[:, 1] + to_reset(state))
        new = torch.tanh(added[:, 2] + to_new(reset * state))
        return update * state + (1 - update) * new


class DecoderBlock(nn.Module):
    """Unpooling (zeros between the cells) and two convolutions, with what was unpooled added as a residual.

    An unpooling and a convolution are one transposed convolution, which computes the same in an eighth of the work.
    """

    def __init__(self, before: int, after: int, *, norm: bool = False) -> None:
        super().__init__()
        first = nn.ConvTranspose3d(before, after, 3, stride=2, padding=1, output_padding=1)
        self.first = normed(first, norm=norm)
        self.second = normed(nn.Conv3d(after, after, 3, padding=1), norm=norm)
        self.residual = nn.Identity() if before == after else nn.Conv3d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, x, y, z) to (B, after, 2 x, 2 y, 2 z)."""
        found = functional.leaky_relu(self.second(functional.leaky_relu(self.first(x))))
        return found + self.residual(unpool(x))


class LastBlock(nn.Module):
    """The decoder's last block before the softmax, whose residual connection is a convolution of its first one."""

    def __init__(self, before: int, after: int, *, doubles: bool, norm: bool = False) -> None:
        super().__init__()
        first: nn.Module = (
            nn.ConvTranspose3d(before, after, 3, stride=2, padding=1, output_padding=1)
            if doubles
            else nn.Conv3d(before, after, 3, padding=1)
        )
        self.first = normed(first, norm=norm)
        self.second = normed(nn.Conv3d(after, after, 3, padding=1), norm=norm)
        self.residual = nn.Conv3d(after, after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, x, y, z) to (B, after, x, y, z), or twice the size."""
        first = functional.leaky_relu(self.first(x))
        found: Tensor = functional.leaky_relu(self.second(first)) + self.residual(first)
        return found


class R2N2(MirroredNetwork):
    """Views to the classes of voxels; R2N2Config says what its settings mean.

    The encoder sees images of 127 x 127 pixels as published: ours are scaled down to it. With a frozen trunk, its 28 x
    28 features take the place of the first two blocks and their 33 x 33. With mirroring, what each view adds to the
    gates is mirrored to where it belongs.
    """

    def __init__(self, config: R2N2Config, form: R2N2Form, weights: str | None = None) -> None:
        model = config.model
        super().__init__(mirrored=model.mirror)
        self.detail = model.detail
        a, b, c, d, numbers = (scaled(n, model.width) for n in (96, 128, 256, 128, 1024))
        self.backbone = Backbone(model.backbone, weights, b) if model.backbone else None
        block = partial(EncoderBlock, norm=model.norm)
        own = [block(3, a, kernel=7), block(a, b, residual="conv")]
        self.encoder = nn.Sequential(
            *(own if self.backbone is None else []),
            block(b, c, residual="conv"),
            block(c, c),
            block(c, c, residual="conv"),
            block(c, c, residual="same"),
            nn.Flatten(),
            nn.Linear(9 * c, numbers),
            nn.LeakyReLU(inplace=True),
        )
        self.recurrence = Recurrence(numbers, d, form.state, norm=model.norm)
        self.decoder = nn.Sequential(
            DecoderBlock(d, d, norm=model.norm),
            DecoderBlock(d, d, norm=model.norm),
            DecoderBlock(d, scaled(64, model.width), norm=model.norm),
            LastBlock(scaled(64, model.width), scaled(32, model.width), doubles=form.doublings == 4, norm=model.norm),
        )
        self.head = nn.Conv3d(scaled(32, model.width), form.answers, 3, padding=1)
        for part in (self.encoder, self.recurrence, self.decoder, self.head):
            part.apply(draw_weights)
        if form.priors is not None:
            nothing = 1 - sum(form.priors)
            assert self.head.bias is not None
            with torch.no_grad():
                self.head.bias.copy_(torch.tensor([0.0, *(math.log(prior / nothing) for prior in form.priors)]))

    def forward(self, inputs: Inputs, wanted: Sequence[str] = OUTPUTS) -> dict[str, VoxelShares]:
        """What the voxels hold, by output, of images (B, V, 3, 224, 224) or of their features."""
        if inputs.features is not None:
            assert self.backbone is not None
            views, x = inputs.features.shape[1], self.backbone.to_neck(fold_views(inputs.features))
        else:
            assert inputs.images is not None
            views = inputs.images.shape[1]
            x = self.seen(fold_views(self.turned(inputs.images)))
        state = self.recurrence(self.placed(self.recurrence.read_views(self.encoder(x)), views))
        logits = self.head(self.decoder(state))
        return dict.fromkeys(wanted, VoxelShares(functional.log_softmax(logits.float(), dim=1), self.detail))

    def seen(self, images: Tensor) -> Tensor:
        """What the encoder reads of images (N, 3, 224, 224) in [0, 1]."""
        if self.backbone is not None:
            features: Tensor = self.backbone.to_neck(self.backbone(images))
            return features
        return functional.interpolate(images, (IMAGE, IMAGE), mode="bilinear", align_corners=False)

    def trained(self) -> tuple[nn.Module, ...]:
        """All but the trunk."""
        own = (self.encoder, self.recurrence, self.decoder, self.head)
        return own if self.backbone is None else (self.backbone.to_neck, *own)


def normed(convolution: nn.Module, *, norm: bool) -> nn.Module:
    """A convolution, if `norm` with a batch norm after it."""
    if not norm:
        return convolution
    assert isinstance(convolution, nn.Conv2d | nn.Conv3d | nn.ConvTranspose3d)
    batch_norm = nn.BatchNorm2d if isinstance(convolution, nn.Conv2d) else nn.BatchNorm3d
    return nn.Sequential(convolution, batch_norm(convolution.out_channels))


def unpool(x: Tensor) -> Tensor:
    """(B, C, x, y, z) to twice the size: every cell's value in the first of its eight, 0 in the others."""
    found = x.new_zeros(*x.shape[:2], *(2 * size for size in x.shape[2:]))
    found[..., ::2, ::2, ::2] = x
    return found


def draw_weights(module: nn.Module) -> None:
    """For nn.Module.apply: weights normal with variance 2 / mean of inputs and outputs, biases 0.1 (the authors' code).

    The network has no norms: with torch's own smaller weights its signal fades.
    """
    if isinstance(module, nn.Conv2d | nn.Conv3d | nn.ConvTranspose3d | nn.Linear):
        weight = module.weight
        mean = (weight.numel() / weight.shape[0] + weight.numel() / weight.shape[1]) / 2
        nn.init.normal_(weight, 0.0, math.sqrt(2 / mean))
        if module.bias is not None:
            nn.init.constant_(module.bias, 0.1)
