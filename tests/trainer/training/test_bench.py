"""The benchmark's numbers hang together, on a network of seconds."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from helpers import constant_family, small_ssz_family
from helpers.trainer_boxes import SMALL
from scenegen.core.errors import ScenegenError
from scenetrain.cli.bench import _all_table
from scenetrain.cli.main import cli
from scenetrain.data.features import Encoder
from scenetrain.data.reads import Reads
from scenetrain.networks import registry
from scenetrain.networks.contract import BenchScale
from scenetrain.networks.everted.family import FAMILY, FLOORS
from scenetrain.networks.registry import FAMILIES
from scenetrain.networks.settings import load_config
from scenetrain.training import bench as step
from scenetrain.training import bench_all
from scenetrain.training.made_up import random_extras, random_split

SIZE = 300 * 2**20
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


@pytest.mark.skipif(not step.PEAK_RESET.is_file(), reason="only Linux forgets the peak of a process")
def test_memory_freed_again_is_in_the_peak_and_is_forgotten_for_the_next_stage() -> None:
    """In a process of its own: one that has trained keeps what it freed, and takes it again."""
    code = (
        "import torch; from scenetrain.training import bench\n"
        "cpu = torch.device('cpu')\n"
        "def peak():\n    print(bench._peak(cpu))\n"
        "bench._forget_peak(cpu); peak()\n"
        f"held = torch.ones({SIZE}, dtype=torch.uint8); del held; peak()\n"
        "bench._forget_peak(cpu); peak()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    before, with_it, after = (int(line) for line in done.stdout.split())
    assert 0.9 * SIZE < with_it - before < 1.5 * SIZE
    assert after - before < 0.5 * SIZE


def test_labels_are_sparse_masks_of_all_classes() -> None:
    assert FAMILY.bench is not None
    encoder = Encoder(None, torch.float32)
    labels = random_split(FAMILY.reads, FAMILY.bench, encoder, (2, 1), torch.device("cpu")).labels
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


def test_made_up_cameras_look_at_the_middle_of_the_grid() -> None:
    reads = Reads("box", cameras=True)
    found = random_extras(reads, BenchScale(1, 2, (8, 12, 6)), 2, 3).voxels_to_image
    assert found is not None and found.shape == (2, 3, 3, 4)
    u, v, depth = (found[1, 2] @ torch.tensor([4.0, 6.0, 3.0, 1.0])).tolist()
    assert (u / depth, v / depth, depth) == pytest.approx((0.5, 0.5, 2.15))


class InThisProcess:
    """A pool that does the work at once, with the families that the test registered."""

    def __init__(self, workers: int) -> None:
        assert workers == 1

    def __enter__(self) -> InThisProcess:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def submit(self, work: Callable[..., object], *words: object) -> Future[object]:
        done: Future[object] = Future()
        try:
            done.set_result(work(*words))
        except RuntimeError as error:
            done.set_exception(error)
        return done


def test_all_networks_in_one_table_whichever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    small, broken = types.ModuleType("bench_test_small"), types.ModuleType("bench_test_broken")
    small.FAMILY = small_ssz_family.FAMILY  # type: ignore[attr-defined]

    def build(*words: object, **options: object) -> torch.nn.Module:
        raise RuntimeError("no such\nlayer")

    broken.FAMILY = replace(small_ssz_family.FAMILY, name="broken", build=build)  # type: ignore[attr-defined]
    for module in (small, broken):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    known = {"broken": broken.__name__, "ssz": small.__name__, "constant": constant_family.__name__}
    monkeypatch.setattr(registry, "FAMILIES", known)
    monkeypatch.setattr(bench_all, "worker_pool", InThisProcess)
    found = list(bench_all.bench_all("tiny", ("cpu",), 1))
    assert [(one.network, one.failure) for one in found] == [("broken", "RuntimeError: no such layer"), ("ssz", "")]
    columns = [list(column.cells) for column in _all_table(found).columns]
    assert columns[0] == ["broken", "ssz"] and columns[7] == ["RuntimeError: no such layer", "ssz"]
    parameters = sum(p.numel() for p in small_ssz_network().parameters())
    assert columns[4][1] == f"{parameters:,}" and columns[8][1] == "2"
    monkeypatch.setattr(bench_all, "bench_all", lambda *_: found)
    done = CliRunner().invoke(cli, ["bench", "--all", "--device", "cpu", "--json"])
    assert isinstance(done.exception, ScenegenError) and "broken could not be measured" in str(done.exception)
    assert [one["network"] for one in json.loads(done.stdout)] == ["broken", "ssz"]


def small_ssz_network() -> torch.nn.Module:
    config = load_config("tiny", (), "ssz")
    return small_ssz_family.FAMILY.build(config, 3, small_ssz_family.SHAPE, pretrained=False)


@pytest.mark.parametrize("more", [["--model", "ssz"], ["--set", "training.views=1"]])
def test_all_takes_every_network_as_it_is(more: list[str]) -> None:
    done = CliRunner().invoke(cli, ["bench", "--all", *more])
    assert done.exit_code == 2 and "--all takes every network as it is" in done.output
