"""Pix2Vox and Pix2Vox++: what every family must do, the published sizes, and its formulas in plain torch."""

from __future__ import annotations

import pytest
import torch
from scenegen.core.errors import UsageError
from scenetrain.blocks.coarse_cells import repeat_blocks
from scenetrain.blocks.fusion import FusedViews, probabilities
from scenetrain.config import Config
from scenetrain.networks.contract import Inputs, Losses, Step
from scenetrain.networks.pix2vox.family import FAMILY
from scenetrain.networks.pix2vox.losses import coarse_and_refined
from scenetrain.networks.pix2vox.network import Merger, Pix2Vox, Pix2VoxAnswer, Refiner
from scenetrain.networks.pix2vox.stages import stages
from scenetrain.networks.pix2vox.versions import VERSIONS, Pix2VoxForm, our_form, published_form
from scenetrain.networks.registry import get_family
from scenetrain.networks.settings import load_config
from torch import Tensor, nn
from torch.nn import functional
from trainer.networks.base import FamilyTests

SMALL = ("model.backbone=test_efficientnet", "model.weights=none", "training.views=1", "pix2vox.batch_size=4")


class TestPix2Vox(FamilyTests):
    family = FAMILY
    module = "scenetrain.networks.pix2vox.family"
    parameters = 1_304_046
    least_iou = 0.8

    @classmethod
    def small(cls) -> Config:
        changes = ("training.single_view_epochs=2", "training.train_scenes=4", "model.width=0.05", "model.mirror=false")
        return load_config("tiny", (*SMALL, *changes), "pix2vox")

    @classmethod
    def by_heart(cls) -> Config:
        changes = ("training.single_view_epochs=100", "pix2vox.learning_rate=0.03", "pix2vox.halved_after=60")
        return load_config("tiny", (*SMALL, *changes, "model.width=0.25", "model.mirror=false"), "pix2vox")


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("family", "name", "published", "latent", "ours"),
    [
        ("pix2vox", "a", 114_244_467, 2048, 137_866_017),
        ("pix2vox", "f", 7_436_307, 256, 5_454_418),
        ("pix2vox_plus", "a", 96_329_421, 1568, 134_696_663),
        ("pix2vox_plus", "f", 4_843_245, 392, 2_097_224),
    ],
)
def test_parameters_of_the_papers_and_of_our_form(
    family: str, name: str, published: int, latent: int, ours: int
) -> None:
    config = load_config(name, (), family)
    with torch.device("meta"):
        original = Pix2Vox(config, published_form(VERSIONS[config.model.version]))
        network = get_family(family).build(config, 6, (80, 96, 64), pretrained=False)
        images = torch.zeros(1, 2, 3, 224, 224)
        volumes = original(Inputs(images=images))["masks"], network(Inputs(images=images))["masks"]
    assert (count(original), original.latent) == (published, (latent, 2, 2, 2))
    assert (count(network), network.latent[1:]) == (ours, (5, 6, 4))
    assert [volume.refined.occupied.shape for volume in volumes] == [(1, 1, 32, 32, 32), (1, 7, 80, 96, 64)]


def test_blocks_of_two_voxels_are_decided_alike() -> None:
    config = load_config("tiny", (*SMALL, "model.version=A", "model.width=0.05", "model.mirror=false"), "pix2vox")
    network = FAMILY.build(config, 2, (80, 96, 64), pretrained=False).eval()
    with torch.no_grad():
        answer = network(Inputs(images=torch.rand(1, 2, 3, 224, 224)))["masks"]
    assert answer.refined.occupied.shape == (1, 1 + 2, 40, 48, 32)
    assert torch.equal(answer.masks()[..., 1::2, 1::2, ::2], answer.refined.occupied[:, 1:].exp())
    assert torch.equal(answer.occupancy()[..., ::2, 1::2, 1::2], answer.refined.occupied[:, :1].exp())


def test_the_merger_weighs_views_by_the_softmax_of_five_convolutions() -> None:
    torch.manual_seed(0)
    merger = Merger(3 + 2).eval()
    features, logits = torch.randn(2, 3, 3, 6, 5, 4), torch.randn(2, 3, 2, 6, 5, 4)
    scores = []
    for v in range(3):
        x = torch.cat([features[:, v], logits[:, v].sigmoid()], dim=1)
        for conv, norm, _ in merger.score:
            x = norm(functional.conv3d(x, conv.weight, conv.bias, padding=1))
            x = torch.maximum(x, 0.2 * x)
        scores.append(x)
    weights = torch.stack(scores, dim=1).softmax(dim=1)
    fused = merger(features, logits)
    torch.testing.assert_close(fused.occupied.exp(), (weights * logits.sigmoid()).sum(1))
    torch.testing.assert_close(fused.free.exp(), 1 - fused.occupied.exp())
    assert [block[0].out_channels for block in merger.score] == [16, 8, 4, 2, 1]


@pytest.mark.parametrize("priors", [None, (0.1, 0.02)])
def test_the_refined_volume_is_the_mean_of_the_coarse_one_and_the_refiner_s(priors: tuple[float, ...] | None) -> None:
    torch.manual_seed(0)
    refiner = Refiner(Pix2VoxForm((1, 1, 1), 4, 8, 2, (4, 4), priors)).eval()
    given: list[Tensor] = []
    refiner.head.register_forward_hook(lambda module, x, found: given.append(found))
    logits = torch.randn(2, 1, 2, 16, 16, 16)
    refined = refiner(FusedViews(logits))
    mean = (logits[:, 0].sigmoid() + given[0].sigmoid()) / 2
    torch.testing.assert_close(refined.occupied.exp(), mean)
    torch.testing.assert_close(refined.free.exp(), 1 - mean)
    assert refiner.join[0].in_features == 4 * 4**3


@pytest.mark.parametrize("detail", [1, 2])
def test_the_loss_is_ten_times_the_cross_entropy_of_both_volumes(detail: int) -> None:
    torch.manual_seed(0)
    masks = torch.rand(2, 2, 8, 8, 8) < 0.2
    truth = {"masks": masks, "occupancy": masks.any(1, keepdim=True)}
    volumes = [FusedViews(torch.randn(2, 1, 3, *[8 // detail] * 3)) for _ in range(2)]

    def losses(*volumes: FusedViews) -> Losses:
        return coarse_and_refined(Step(None, Inputs(), {"masks": Pix2VoxAnswer(*volumes, detail)}, masks, truth))

    both, target = losses(*volumes), torch.cat([truth["occupancy"], masks], dim=1).float()
    for name, volume in zip(("coarse", "refined"), volumes, strict=True):
        wanted = 10 * functional.binary_cross_entropy(repeat_blocks(probabilities(volume), detail), target)
        torch.testing.assert_close(both.parts[name], wanted)
    alone = losses(volumes[0], volumes[0])
    assert set(alone.parts) == {"coarse"}


def test_an_untrained_network_answers_with_the_prior() -> None:
    torch.manual_seed(0)
    config = load_config("tiny", (*SMALL, "model.prior=0.03", "model.mirror=false"), "pix2vox")
    network = FAMILY.build(config, 6, (80, 96, 64), pretrained=False).eval()
    with torch.no_grad():
        answers = network(Inputs(images=torch.rand(1, 1, 3, 224, 224)))
    assert answers["occupancy"].occupancy().median() == pytest.approx(0.03, rel=0.5)
    assert answers["masks"].masks().median() == pytest.approx(0.03 / 6, rel=0.5)


@pytest.mark.parametrize("family", ["pix2vox", "pix2vox_plus"])
def test_published_settings(family: str) -> None:
    """Adam 1e-3, of the fusion 1e-4, halved after 150 of 250 epochs, batches of 64; the fusion waits for all views."""
    config = load_config(None, (), family)
    one, every = stages(config)
    assert (one.views, one.epochs, one.batch_size, every.views, every.epochs) == (1, 250, 64, 3, 100)
    with torch.device("meta"):
        network = get_family(family).build(config, 6, (80, 96, 64), pretrained=False)
    fusion = {id(p) for p in network.fusion.parameters()}
    for stage in (one, every):
        turn = stage.turns[0]
        assert turn.groups is not None and turn.schedule is not None
        optimizer = turn.optimizer(turn.groups(network))
        rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
        trained = {id(p) for module in turn.modules(network) for p in module.parameters()}
        assert set(rates) == trained and (fusion <= trained) == (stage is every)
        assert all(rate == (1e-4 if key in fusion else 1e-3) for key, rate in rates.items())
        assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)
        schedule = turn.schedule(optimizer)
        for _ in range(151):
            optimizer.step()
            schedule.step()
        assert optimizer.param_groups[0]["lr"] == 5e-4
    frozen = {id(p) for p in network.backbone.trunk.parameters()}
    assert not frozen & trained and len(frozen | trained) == len(list(network.parameters()))


def test_neck_outputs_reshape_into_the_seed() -> None:
    widths = {name: our_form(version, 6, 0.01).neck_outputs for name, version in VERSIONS.items()}
    assert widths == {"A": 240, "F": 120, "++/A": 240, "++/F": 120}


def test_a_version_that_is_not_known_is_refused() -> None:
    with pytest.raises(UsageError, match=r"model.version: 'B' is not A, F, \+\+/A or \+\+/F"):
        load_config("a", ("model.version=B",), "pix2vox")
