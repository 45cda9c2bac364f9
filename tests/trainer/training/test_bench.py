"""The benchmark's numbers hang together, on a network of seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from helpers.trainer_boxes import SMALL, build, small_config
from scenetrain.cli.main import cli
from scenetrain.networks.everted.family import FAMILY, FLOORS
from scenetrain.networks.registry import FAMILIES
from scenetrain.networks.settings import load_config
from scenetrain.training import bench as step

CHANGES = (*SMALL, "reconstructor.batch_size=2", "segmenter.batch_size=2")


def test_every_stage_is_measured_and_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []
    original = step.StageModule.training_step

    def counted(self: step.StageModule, batch: step.Any, batch_idx: int) -> torch.Tensor:
        assert batch.features is not None
        seen.append((self.stage.name, batch.features.shape[1]))
        return original(self, batch, batch_idx)

    monkeypatch.setattr(step.StageModule, "training_step", counted)
    words = [word for change in CHANGES for word in ("--set", change)]
    done = CliRunner().invoke(cli, ["bench", "--device", "cpu", "--steps", "1", "--json", *words])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert [speed["stage"] for speed in result["stages"]] == list(FLOORS)
    for speed in result["stages"]:
        assert seen.count((speed["stage"], int(speed["stage"][-1]))) == step.EPOCHS
        assert speed["epoch_seconds"] == pytest.approx(speed["step_seconds"] * 22_500 / 2)
        assert speed["floor"] is None
    assert [inference["precision"] for inference in result["inference"]] == ["float32"]
    assert result["inference"][0]["seconds"] > 0


def test_labels_are_sparse_masks_of_all_classes() -> None:
    config = small_config()
    assert FAMILY.bench is not None
    subject = step._Subject(FAMILY, FAMILY.bench, config, build(config), torch.device("cpu"))
    labels = step._random_split(2, subject).labels
    assert labels.dtype == torch.uint8
    assert 0.05 < (labels > 0).float().mean() < 0.07
    assert labels.max() == 63


def test_made_up_views_have_objects_for_a_judge_of_poses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network whose losses read poses: both turns of its stage run, on objects inside the frustum."""
    monkeypatch.setitem(FAMILIES, "ssz", "helpers.small_ssz_family")
    config = load_config("tiny", ("model.width=0.125", "ssz.batch_size=2"), "ssz")
    targets: list[int] = []
    original = step.StageModule.log

    def logged(self: step.StageModule, name: str, value: torch.Tensor, **words: object) -> None:
        if name == "judge.pose":
            targets.append(int(value > 0))
        original(self, name, value, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(step.StageModule, "log", logged)
    result = step.bench(config, "cpu", 1)
    assert [stage.stage for stage in result.stages] == ["ssz"]
    assert targets == [1] * step.EPOCHS
    assert result.stages[0].epoch_seconds == pytest.approx(result.stages[0].step_seconds * 100 / 2)


def test_a_run_brings_its_own_configuration(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["bench", "--run", str(tmp_path), "--config", "final"])
    assert done.exit_code == 2
    assert "--run has its own configuration" in done.output
