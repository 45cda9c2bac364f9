"""pix2pixHD: as published, learning from a folder of photographs, and continuing as if never interrupted."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from scenegen.core.errors import DamageError, ScenegenError
from scenetrain.cli.main import cli
from scenetrain.config import EdgeSettings
from scenetrain.data.edges import canny_edges
from scenetrain.networks.pix2pixhd.generator import GlobalGenerator
from scenetrain.networks.pix2pixhd.judge import FeaturePatchJudge, TwoScaleJudge
from scenetrain.networks.pix2pixhd.losses import feature_matching, least_squares
from scenetrain.training import paint
from scenetrain.training.run_folder import load_model
from skimage import data as images

CPU = torch.device("cpu")
SMALL = ("model.channels=4", "model.judge_channels=4", "model.halvings=2", "model.blocks=1", "training.epochs=2",
         "training.size=64", "training.crop=64", "losses.decay_epochs=1", "losses.perceptual_weight=0.0")  # fmt: skip


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_are_the_published() -> None:
    with torch.device("meta"):
        assert parameters(GlobalGenerator(64, 4, 9)) == 182_436_995
        assert parameters(TwoScaleJudge(64)) == 2 * 2_765_761  # that of the authors' code for four channels


def test_a_judgement_sees_70_pixels() -> None:
    torch.manual_seed(0)
    judge = FeaturePatchJudge(4)
    for layer in judge.modules():
        if isinstance(layer, torch.nn.InstanceNorm2d):
            layer.forward = lambda features: features  # type: ignore[method-assign]  # it looks at the whole image
    image = torch.randn(1, 4, 160, 160, requires_grad=True)
    judgement = judge(image)[-1]
    judgement[0, 0, judgement.shape[2] // 2, judgement.shape[3] // 2].backward()
    assert image.grad is not None
    seen = image.grad.abs().sum((0, 1)) > 0
    assert (int(seen.any(0).sum()), int(seen.any(1).sum())) == (70, 70)


def test_losses() -> None:
    answers = [[torch.full((1, 2, 4, 4), 3.0), torch.full((1, 1, 2, 2), 0.5)] for _ in range(2)]
    others = [[torch.full((1, 2, 4, 4), 1.0), torch.full((1, 1, 2, 2), 9.0)] for _ in range(2)]
    assert least_squares(answers, real=True) == least_squares(answers, real=False) == 2 * 0.25
    assert feature_matching(answers, others) == 2.0  # the judgement itself does not count


def test_edges_follow_an_images_contrast_and_not_its_noise() -> None:
    photograph = images.coffee()[60:220, 150:310]
    automatic, chosen = EdgeSettings(), EdgeSettings(low=0.2, high=0.4)
    edges = canny_edges(photograph, automatic)
    assert 0.02 < edges.mean() < 0.2
    faint = (photograph // 2 + 60).astype(np.uint8)
    assert (canny_edges(faint, automatic) == edges).mean() > 0.98
    assert canny_edges(faint, chosen).sum() < 0.8 * canny_edges(photograph, chosen).sum()
    noise = np.clip(128 + np.random.default_rng(0).normal(0, 2, photograph.shape), 0, 255).astype(np.uint8)
    assert not canny_edges(noise, automatic).any()


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for i in range(5):
        Image.fromarray(images.astronaut()[80 * i : 80 * i + 96, 100:260]).save(folder / f"{i}.png")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    return folder


def fit(photographs: Path, run: Path) -> str:
    words = ["fit", "--model", "pix2pixhd", "--config", "tiny", "--data", str(photographs), "--out", str(run)]
    done = CliRunner().invoke(cli, [*words, "--device", "cpu", *(w for change in SMALL for w in ("--set", change))])
    if done.exception:
        raise done.exception
    return done.stderr


@pytest.fixture(scope="module")
def run(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "real"
    said = fit(photographs, folder)
    assert "1 of 6 images are skipped: cut.jpg" in said and "5 photographs will be known by heart" in said
    return folder


def test_a_run_paints_images_of_any_size(run: Path) -> None:
    trained = paint.load_painter(run, CPU)
    painted = trained.network.paint(torch.zeros(1, 1, 37, 50))
    assert painted.shape == (1, 3, 37, 50) and 0 <= painted.min() <= painted.max() <= 1
    assert Image.open(run / "samples.png").size == (192, 64)
    assert len((run / "metrics.csv").read_text().splitlines()) == 3


def test_an_interrupted_run_continues_as_it_would_have(
    run: Path, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(paint, "_write_samples", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        with pytest.raises(RuntimeError, match="killed"):
            fit(photographs, tmp_path / "run")
    assert not (tmp_path / "run" / "model.pt").exists()
    fit(photographs, tmp_path / "run")
    states = [paint.load_painter(folder, CPU).network.generator.state_dict() for folder in (run, tmp_path / "run")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_what_does_not_fit_is_said(run: Path, photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match="paints images and labels nothing; `scenetrain restyle` takes it"):
        load_model(run, CPU)
    damaged = shutil.copytree(run, tmp_path / "damaged")
    (damaged / "model.pt").write_bytes((run / "model.pt").read_bytes()[:2000])
    with pytest.raises(DamageError, match="not a painter"):
        paint.load_painter(damaged, CPU)
    (damaged / "config.toml").write_text((run / "config.toml").read_text().replace("epochs = 2", "epochs = 3"))
    with pytest.raises(ScenegenError, match="differs from the requested configuration"):
        fit(photographs, damaged)
