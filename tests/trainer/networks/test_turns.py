"""A stage of two optimizers, as generator and discriminator take: each steps in its turn and trains its own part."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import constant_family
from scenegen.core.errors import ScenegenError
from scenetrain.config import Config
from scenetrain.data.batches import Batch
from scenetrain.networks.contract import Family, Inputs, Losses, Stage, Step, Turn
from scenetrain.networks.registry import FAMILIES
from scenetrain.networks.settings import load_config
from scenetrain.training.fit import train_stages
from scenetrain.training.hardware import Hardware
from scenetrain.training.run_folder import read_stage_result
from scenetrain.training.stage_module import StageModule
from torch import Tensor, nn
from torch.nn import functional

CPU = Hardware("cpu", workers=0)


class Adversarial(nn.Module):
    """A constant, and a critic that tells it from true rooms by the share of each class."""

    def __init__(self, classes: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.generator = constant_family.Constant(classes, shape)
        self.critic = nn.Linear(classes, 1)

    def forward(self, inputs: Inputs, wanted: Sequence[str]) -> dict[str, Tensor]:
        return self.generator(inputs, wanted)

    def judge(self, masks: Tensor) -> Tensor:
        """Logits (B, 1) that masks (B, C, X, Y, Z) are true."""
        return self.critic(100 * masks.mean((2, 3, 4)))


def fools_the_critic(step: Step) -> Tensor:
    judged = step.network.judge(step.answers["masks"].sigmoid())
    return functional.binary_cross_entropy_with_logits(judged, torch.ones_like(judged))


def tells_them_apart(step: Step) -> Tensor:
    fake, true = (
        step.network.judge(m) for m in (step.answers["masks"].detach().sigmoid(), step.truth["masks"].float())
    )
    return functional.softplus(fake).mean() + functional.softplus(-true).mean()


def stages(config: Config) -> tuple[Stage, ...]:
    turns = (
        Turn("generator", lambda n: (n.generator,), fools_the_critic, lambda p: torch.optim.Adam(p, lr=0.1)),
        Turn(
            "critic",
            lambda n: (n.critic,),
            tells_them_apart,
            lambda p: torch.optim.SGD(p, lr=0.01),
            lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5),
        ),
    )
    return (replace(constant_family.stages(config)[0], name="adversarial", turns=turns),)


FAMILY: Family = replace(
    constant_family.FAMILY,
    name="adversarial",
    build=lambda config, classes, shape, *, pretrained: Adversarial(classes, shape),
    stages=stages,
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "adversarial", __name__)
    monkeypatch.setattr("scenetrain.networks.registry._import_family", lambda module: FAMILY)


def config(epochs: int) -> Config:
    changes = (f"training.epochs={epochs}", "training.precision=32-true", "training.train_scenes=8")
    return load_config("constant", changes, "adversarial")


def rows(folder: Path) -> list[tuple[str, ...]]:
    with (folder / "adversarial" / "metrics.csv").open() as file:
        return [(row["train_loss"], row["val_loss"], row["val_iou"]) for row in csv.DictReader(file)]


def test_each_turn_steps_its_own_part_with_its_own_schedule(boxes: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, _, results = train_stages(config(3), boxes, tmp_path, CPU, print)
    last = torch.load(tmp_path / "adversarial" / "last.ckpt", weights_only=True)
    generator, critic = last["optimizer_states"]
    assert len(generator["state"]) == 1 and critic["param_groups"][0]["lr"] == pytest.approx(0.01 * 0.5**3)
    assert results["adversarial"] == read_stage_result(tmp_path, "adversarial")
    assert not torch.equal(network.generator.logits, torch.full_like(network.generator.logits, -2.0))
    assert network.critic.weight.abs().max() > 0


def test_an_interrupted_run_repeats_its_losses(boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(module: StageModule) -> None:
        if module.current_epoch == 1:
            raise RuntimeError("cut off")

    train_stages(config(3), boxes, tmp_path / "whole", CPU, print)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="cut off"):
        patch.setattr(StageModule, "on_validation_epoch_start", interrupt)
        train_stages(config(3), boxes, tmp_path / "cut", CPU, print)
    train_stages(config(3), boxes, tmp_path / "cut", CPU, print)
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")
    assert len(rows(tmp_path / "cut")) == 3


def changed(*, generator: Turn | None = None, critic: Turn | None = None) -> Stage:
    """The stage with other turns."""
    (stage,) = stages(config(2))
    return replace(stage, turns=(generator or stage.turns[0], critic or stage.turns[1]))


@pytest.mark.parametrize("which", [0, 1])
def test_any_turn_s_loss_that_is_no_number_names_step_and_scenes(which: int, boxes: Path, tmp_path: Path) -> None:
    (stage,) = stages(config(2))
    turn = stage.turns[which]
    broken = replace(turn, loss=lambda step: Losses({"sum": turn.loss(step) * math.nan}))  # type: ignore[operator]
    chosen = changed(generator=broken) if which == 0 else changed(critic=broken)
    with pytest.raises(ScenegenError, match=r"adversarial: the loss is not a number at epoch 0, step 0 \(scenes \d+"):
        train_stages(config(2), boxes, tmp_path, CPU, print, [chosen])


def test_an_outright_win_is_said_once_with_what_to_change(boxes: Path, tmp_path: Path) -> None:
    def sure(step: Step) -> Losses:
        lost = 0.001 * tells_them_apart(step)
        return Losses({"true": lost / 2, "fake": lost / 2})

    (stage,) = stages(config(2))
    critic = replace(stage.turns[1], loss=sure, contested=("true", "fake"), remedy="lower --set it.rate=0.1")
    lines: list[str] = []
    train_stages(config(2), boxes, tmp_path / "won", CPU, lines.append, [changed(critic=critic)])
    (line,) = [line for line in lines if "wins outright" in line]
    assert line.startswith("adversarial: warning: the critic wins outright (its loss true + fake was 0.00")
    assert "over epoch 1)" in line and line.endswith("lower --set it.rate=0.1")
    lines.clear()
    even = replace(critic, loss=lambda step: Losses({"true": tells_them_apart(step) * 0 + 0.7, "fake": torch.ones(())}))
    train_stages(config(2), boxes, tmp_path / "even", CPU, lines.append, [changed(critic=even)])
    assert lines and not any("outright" in line for line in lines)


def test_the_average_is_of_every_step_and_is_what_is_validated_and_kept(
    boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: after the first step the average is the weights; then each step keeps half of it, for both parts."""
    steps: list[dict[str, Tensor]] = []
    validated: list[dict[str, Tensor]] = []

    def copied(module: StageModule) -> dict[str, Tensor]:
        return {key: value.detach().clone() for key, value in module.model.state_dict().items()}

    turns, validate = StageModule._take_turns, StageModule.validation_step

    def take(module: StageModule, step: Step) -> list[Tensor]:
        found = turns(module, step)
        steps.append(copied(module))
        return found

    def look(module: StageModule, batch: Batch, batch_idx: int) -> None:
        validated.append(copied(module))
        validate(module, batch, batch_idx)

    monkeypatch.setattr(StageModule, "_take_turns", take)
    monkeypatch.setattr(StageModule, "validation_step", look)
    half = replace(config(2), training=replace(config(2).training, average=0.5))
    network, _, results = train_stages(half, boxes, tmp_path, CPU, print)
    assert len(steps) == 4 and len(validated) == 2
    average = steps[0]
    for number, step in enumerate(steps[1:], 2):
        average = {key: 0.5 * value + 0.5 * step[key] for key, value in average.items()}
        if number % 2 == 0:
            torch.testing.assert_close(validated[number // 2 - 1], average)
    assert results["adversarial"].best_epoch == 1
    for key, kept in network.state_dict().items():
        torch.testing.assert_close(kept, average[key])
        assert not torch.equal(kept, steps[-1][key]), key


def test_two_turns_train_in_bf16(boxes: Path, tmp_path: Path) -> None:
    rounded = replace(config(2), training=replace(config(2).training, precision="bf16-mixed"))
    _, _, results = train_stages(rounded, boxes, tmp_path, CPU, print)
    assert math.isfinite(results["adversarial"].validation_loss)
