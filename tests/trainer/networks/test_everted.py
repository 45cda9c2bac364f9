"""The Everted U-Net: what every family must do, the paper's table, and its loss against the plain formula."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from helpers.trainer_boxes import build, small_config
from scenetrain.blocks.fusion import MeanFusion, ViewFusion, fused_bce
from scenetrain.config import Config
from scenetrain.data.scenes import SceneList
from scenetrain.evaluation.evaluate import evaluate
from scenetrain.networks.contract import Inputs
from scenetrain.networks.everted.family import FAMILY
from scenetrain.networks.everted.network import EvertedUNet
from scenetrain.networks.everted.settings import EvertedConfig
from scenetrain.training.run_folder import TrainedModel
from torch import Tensor, nn
from trainer.networks.base import CPU, FamilyTests

EPOCHS = {"reconstructor": 60, "segmenter": 100}


class TestEverted(FamilyTests):
    family = FAMILY
    module = "scenetrain.networks.everted.family"
    parameters = 354_010

    @classmethod
    def small(cls) -> Config:
        return small_config("training.views=1")

    @classmethod
    def by_heart(cls) -> Config:
        changes = ["training.views=1", "model.latent=learned", "model.width=0.125"]
        for branch, epochs in EPOCHS.items():
            changes += [f"{branch}.dropout=0", f"{branch}.learning_rate=0.05", f"{branch}.step_size=40"]
            changes += [f"{branch}.single_view_epochs={epochs}"]
        return small_config(*changes)

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
    def test_a_gpu_scores_the_same_in_both_precisions(self, learnt: TrainedModel, scenes: SceneList) -> None:
        """Convolutions in bfloat16 were wrong on large volumes in some versions of cuDNN."""
        device = torch.device("cuda")
        there = replace(learnt, model=copy.deepcopy(learnt.model).to(device))
        expected = evaluate(learnt, scenes, CPU)
        for enabled in (False, True):
            with torch.autocast("cuda", torch.bfloat16, enabled=enabled):
                found = evaluate(there, scenes, device)
            for name, one in found.outputs.items():
                assert one.scores.overall == pytest.approx(expected.outputs[name].scores.overall, abs=0.005)


@pytest.fixture(scope="module")
def paper() -> EvertedUNet:
    return EvertedUNet(EvertedConfig(), classes=6)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameters_are_the_table_s(paper: EvertedUNet) -> None:
    assert round(count(paper.backbone.trunk) / 1e6, 3) == 1.445
    assert round(count(paper.neck) / 1e6, 3) == 4.095
    assert [count(level[0]) for level in paper.reconstructor.levels] == [
        98 * 512 * 64,
        512 * 128 * 64,
        128 * 32 * 64,
        32 * 8 * 64,
    ]
    assert count(paper.reconstructor.head) == 9
    assert [round(count(level) / 1e3) for level in paper.segmenter.levels] == [3212, 8389, 524, 33]
    assert count(paper.segmenter.head) == 102
    assert round(count(paper.volume_fusion) / 1e3) == 18
    assert round(count(paper.mask_fusion) / 1e3) == 43


def test_the_paper_s_network_maps_three_images(paper: EvertedUNet) -> None:
    with torch.no_grad():
        out = paper.eval()(Inputs(images=torch.zeros(1, 3, 3, 224, 224)))
    assert out["occupancy"].occupied.shape == (1, 1, 80, 96, 64)
    assert out["masks"].occupied.shape == (1, 6, 80, 96, 64)


def direct_loss(fusion: ViewFusion, features: Tensor, logits: Tensor, target: Tensor) -> Tensor:
    """-t log p - (1 - t) log (1 - p) with p = sum of softmax times sigmoid, as written in the paper."""
    scores = []
    for v in range(logits.shape[1]):
        x, levels = torch.cat([features[:, v], logits[:, v].sigmoid()], dim=1), []
        for block in fusion.context:
            x = block(x)
            levels.append(x)
        scores.append(fusion.score(fusion.merge(torch.cat(levels, dim=1))))
    p = (torch.stack(scores, dim=1).softmax(dim=1) * logits.sigmoid()).sum(dim=1)
    return -(target * p.log() + (1 - target) * (1 - p).log()).mean()


def test_loss_and_gradient_equal_the_direct_formula() -> None:
    torch.manual_seed(0)
    fusion = ViewFusion(3 + 2).eval()
    features, logits = torch.randn(2, 3, 3, 6, 5, 4), 3 * torch.randn(2, 3, 2, 6, 5, 4)
    target = torch.rand(2, 2, 6, 5, 4) < 0.3
    logits.requires_grad_()
    loss = fused_bce(fusion(features, logits), target)
    (gradient,) = torch.autograd.grad(loss, logits)
    exact = logits.detach().double().requires_grad_()
    wanted = direct_loss(fusion.double(), features.double(), exact, target.double())
    (wanted_gradient,) = torch.autograd.grad(wanted, exact)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-6)
    torch.testing.assert_close(gradient.double(), wanted_gradient, rtol=1e-4, atol=1e-9)


def test_an_untrained_network_answers_with_the_prior() -> None:
    torch.manual_seed(0)
    model = build(small_config("model.prior=0.03")).eval()
    with torch.no_grad():
        out = model(Inputs(images=torch.rand(1, 2, 3, 224, 224)))
    assert out["occupancy"].occupied.exp().median() == pytest.approx(0.03, rel=0.5)
    assert out["masks"].occupied.exp().median() == pytest.approx(0.03 / 6, rel=0.5)


def test_loss_stays_finite_where_probabilities_round_to_one() -> None:
    logits = torch.full((1, 2, 1, 2, 2, 2), 60.0, requires_grad=True)
    loss = fused_bce(MeanFusion()(logits, logits), torch.zeros(1, 1, 2, 2, 2, dtype=torch.bool))
    loss.backward()
    assert loss.item() == pytest.approx(60.0)
    assert logits.grad is not None and logits.grad.sum().item() == pytest.approx(1.0, rel=1e-5)
