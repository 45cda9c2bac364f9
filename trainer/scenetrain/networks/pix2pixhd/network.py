"""pix2pixHD: the generator, the judges that it trains against, and what one step minimises."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.adversarial import draw_weights
from scenetrain.blocks.backbones import frozen_trunk, trunk_strides, weights_to_load
from scenetrain.networks.painting import PaintLosses
from scenetrain.networks.pix2pixhd.generator import GlobalGenerator
from scenetrain.networks.pix2pixhd.judge import TwoScaleJudge
from scenetrain.networks.pix2pixhd.losses import PerceptualDistance, feature_matching, least_squares
from scenetrain.networks.pix2pixhd.settings import Pix2pixhdConfig


class Pix2pixhd(nn.Module):
    """Edges to photographs (Wang et al., High-Resolution Image Synthesis with Conditional GANs, 2018)."""

    def __init__(self, config: Pix2pixhdConfig, *, pretrained: bool) -> None:
        super().__init__()
        model = config.model
        self.weights = config.losses
        self.multiple = 2**model.halvings
        self.generator = GlobalGenerator(model.channels, model.halvings, model.blocks)
        self.judge = TwoScaleJudge(model.judge_channels)
        self.apply(draw_weights)
        self.perceptual: PerceptualDistance | None = None
        if pretrained and config.losses.perceptual_weight:
            weights = weights_to_load(model.weights, pretrained=True)
            levels = range(len(trunk_strides(model.backbone)))
            self.perceptual = PerceptualDistance(*frozen_trunk(model.backbone, weights, levels))

    def paint(self, edges: Tensor) -> Tensor:
        """Colours (B, 3, H, W) in 0..1 of edges (B, 1, H, W) in 0..1."""
        height, width = edges.shape[-2:]
        least = 2 * self.multiple  # reflection needs more pixels than it adds
        down, right = (max(least, -(-n // self.multiple) * self.multiple) - n for n in (height, width))
        padded = functional.pad(edges, (0, right, 0, down))
        return (self.generator(padded)[..., :height, :width].float() + 1) / 2

    def losses(self, edges: Tensor, photographs: Tensor) -> PaintLosses:
        """LSGAN, 10 x feature matching, 10 x perceptual distance; the judges' is half of real and painted."""
        real, painted = photographs * 2 - 1, self.generator(edges)
        opinions, truth = self.judge(edges, painted), self.judge(edges, real)
        parts = {
            "adversarial": least_squares(opinions, real=True),
            "features": self.weights.feature_weight * feature_matching(opinions, truth),
        }
        if self.perceptual is not None:
            parts["perceptual"] = self.weights.perceptual_weight * self.perceptual(painted, real)
        fake = self.judge(edges, painted.detach())
        return PaintLosses(parts, (least_squares(fake, real=False) + least_squares(truth, real=True)) / 2)


def build(config: Pix2pixhdConfig, *, pretrained: bool = True) -> Pix2pixhd:
    """A network of random weights; without `pretrained` it has no perceptual loss, and cannot be trained further."""
    torch.manual_seed(config.training.seed)
    return Pix2pixhd(config, pretrained=pretrained)
