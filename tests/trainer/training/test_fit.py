"""The whole protocol on a small network: resuming, streaming, two processes, and what stops it."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from helpers.fault_runs import alive, family, running, shoot, wait_for
from helpers.trainer_boxes import BOX, SMALL, View, small_config, write_boxes
from scenegen.core.dataset.packing import Packing
from scenegen.core.errors import ScenegenError
from scenegen.steps.pack import pack
from scenetrain.data.features import jitter_colors
from scenetrain.data.scenes import open_split
from scenetrain.evaluation.evaluate import evaluate
from scenetrain.networks.everted.family import FAMILY
from scenetrain.training import fit as fit_module
from scenetrain.training.callbacks import checkpoint_rows
from scenetrain.training.fit import fit, train_stages
from scenetrain.training.hardware import LOST, Hardware
from scenetrain.training.run_folder import load_model
from scenetrain.training.stage_module import StageModule

CPU = Hardware("cpu", workers=0)
STAGES = ("reconstructor_1", "reconstructor_3", "segmenter_1", "segmenter_3")


def losses(run: Path) -> list[tuple[str, str, str, str]]:
    rows = []
    for stage in STAGES:
        with (run / stage / "metrics.csv").open() as file:
            rows += [(stage, row["epoch"], row["train_loss"], row["val_loss"]) for row in csv.DictReader(file)]
    return rows


def quiet(line: str) -> None:
    del line


@pytest.fixture(scope="module")
def undisturbed(boxes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "undisturbed"
    fit(small_config(), boxes, run, CPU, quiet)
    return run


def weights(run: Path, stage: str) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(run / stage / "best.ckpt", weights_only=True)["state_dict"]
    return state


def test_all_stages_train_and_losses_fall(undisturbed: Path) -> None:
    rows = losses(undisturbed)
    assert [stage for stage, *_ in rows] == [stage for stage in STAGES for _ in range(2)]
    for stage in STAGES:
        train = [float(loss) for name, _, loss, _ in rows if name == stage]
        assert train[-1] < train[0]
    assert list(undisturbed.glob("segmenter_3/events.out.tfevents.*"))
    assert load_model(undisturbed, torch.device("cpu")).classes[0] == "chair"


def test_only_the_stage_s_branch_changes(undisturbed: Path) -> None:
    before, after = weights(undisturbed, "reconstructor_3"), weights(undisturbed, "segmenter_3")
    first = weights(undisturbed, "reconstructor_1")
    changed = {key.split(".")[1] for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"segmenter"}
    changed = {key.split(".")[1] for key in before if not torch.equal(before[key], first[key])}
    assert changed == {"backbone", "neck", "reconstructor"}
    trunk = [key for key in before if key.startswith("model.backbone.trunk")]
    assert any("running_mean" in key for key in trunk)
    assert all(torch.equal(first[key], after[key]) for key in trunk)


def command(data: Path, run: Path, *more: str) -> list[str]:
    changes = [word for change in SMALL for word in ("--set", change)]
    return [sys.executable, "-m", "scenetrain.cli.main", "fit", "--data", str(data), "--out", str(run), "--device",
            "cpu", "--workers", "0", *changes, *more]  # fmt: skip


def test_resumes_after_a_kill_with_the_same_losses(boxes: Path, tmp_path: Path) -> None:
    """In processes of their own: what other tests import changes how many threads a sum is split over."""
    run, whole = tmp_path / "run", tmp_path / "whole"
    more = ("--set", "training.epochs=3", "--set", "training.average=0.9")
    subprocess.run(command(boxes, whole, *more), capture_output=True, check=True)
    process = subprocess.Popen(command(boxes, run, *more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (run / "reconstructor_3" / "last.ckpt").is_file() and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (run / "reconstructor_3" / "done.json").exists()
    subprocess.run(command(boxes, run, *more), capture_output=True, check=True)
    assert losses(run) == losses(whole)


def test_patience_ends_a_stage_and_keeps_its_best_epoch(
    boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validation losses are given: the second is the best, two worse ones end the stage, and 1.0 is never reached."""
    given = (5.0, 3.0, 4.0, 3.5, 1.0, 1.0)

    def told(self: StageModule, name: str, value: object, **options: object) -> None:
        log(self, name, given[self.current_epoch] if name == "val_loss" else value, **options)

    log = StageModule.log
    monkeypatch.setattr(StageModule, "log", told)
    config = small_config("training.single_view_epochs=6", "training.patience=2", "training.train_scenes=2")
    stage = FAMILY.stages(config)[0]
    model, _, results = train_stages(config, boxes, tmp_path, CPU, quiet, [stage])
    result = results[stage.name]
    assert (result.epochs, result.best_epoch, result.validation_loss) == (4, 1, 3.0)
    best = torch.load(tmp_path / stage.name / "best.ckpt", weights_only=True)
    assert best["epoch"] == 1
    assert all(torch.equal(value, best["state_dict"][f"model.{key}"]) for key, value in model.state_dict().items())
    last = torch.load(tmp_path / stage.name / "last.ckpt", weights_only=True)
    assert [row["val_loss"] for row in checkpoint_rows(last)] == [5.0, 3.0, 4.0, 3.5]

    (tmp_path / stage.name / "done.json").unlink()
    assert train_stages(config, boxes, tmp_path, CPU, quiet, [stage])[2] == results


def test_the_average_of_the_weights_is_kept_and_leaves_training_alone(boxes: Path, tmp_path: Path) -> None:
    """Two steps to weights a and b: the average is d a + (1 - d) b, so that of d = 1/4 lies midway from 1/2 to 0."""

    def trained(average: float) -> dict[str, torch.Tensor]:
        changes = ("training.single_view_epochs=1", "training.train_scenes=4", f"training.average={average}")
        config = small_config(*changes)
        stages = FAMILY.stages(config)[:1]
        return train_stages(config, boxes, tmp_path / str(average), CPU, quiet, stages)[0].state_dict()

    b, half, quarter = trained(0.0), trained(0.5), trained(0.25)
    last = torch.load(tmp_path / "0.5" / STAGES[0] / "last.ckpt", weights_only=True)
    for name, value in b.items():
        assert torch.equal(last["current_model_state"][f"model.{name}"], value)
        if value.is_floating_point():
            torch.testing.assert_close(quarter[name], (half[name] + value) / 2, rtol=1e-4, atol=1e-6)
        learns = name.startswith(("neck", "reconstructor", "backbone.to_neck"))
        assert torch.equal(half[name], value) == (not learns), name


def test_folders_and_shards_give_the_same_losses_to_the_last_bit(boxes: Path, tmp_path: Path) -> None:
    pack(boxes, tmp_path / "packed", Packing("png", 95, False, 250))
    config = small_config("training.single_view_epochs=1", "training.epochs=1")
    fit(config, boxes, tmp_path / "of_folders", CPU, quiet)
    fit(config, tmp_path / "packed", tmp_path / "of_shards", CPU, quiet)
    assert losses(tmp_path / "of_shards") == losses(tmp_path / "of_folders")


def test_streaming_shows_the_same_as_the_cache(boxes: Path, tmp_path: Path) -> None:
    one = ("training.epochs=1", "training.single_view_epochs=1", "training.color_variants=2")
    fit(small_config(*one), boxes, tmp_path / "cached", CPU, quiet)
    fit(small_config(*one, "training.cache=false"), boxes, tmp_path / "streamed", Hardware("cpu", workers=1), quiet)
    for cached, streamed in zip(losses(tmp_path / "cached"), losses(tmp_path / "streamed"), strict=True):
        assert cached[:2] == streamed[:2]
        assert [float(v) for v in cached[2:]] == pytest.approx([float(v) for v in streamed[2:]], rel=1e-4)


def test_no_room_for_features_falls_back_to_streaming(
    boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(fit_module, "make_resident", no_room)
    lines: list[str] = []
    one = ("training.epochs=1", "training.single_view_epochs=1", "training.train_scenes=2")
    fit(small_config(*one), boxes, tmp_path, CPU, lines.append)
    assert "images are read during training" in lines[0]
    assert (tmp_path / "model.pt").is_file()


def test_a_loss_that_is_no_number_names_step_and_scenes(boxes: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match=r"reconstructor_1: .* epoch 0, step 1 \(scenes \d+, \d+\)"):
        fit(small_config("reconstructor.learning_rate=1e30"), boxes, tmp_path, CPU, quiet)


def test_another_run_in_the_folder_is_refused(boxes: Path, undisturbed: Path) -> None:
    with pytest.raises(ScenegenError, match=r"config\.toml: differs from the requested configuration"):
        fit(small_config("training.epochs=4"), boxes, undisturbed, CPU, quiet)


def test_what_is_refused_leaves_no_run_behind(boxes: Path, tmp_path: Path) -> None:
    """A run that was begun asks for the same data and configuration again."""
    small = write_boxes(tmp_path / "small", 10, view=View(64))
    with pytest.raises(ScenegenError, match=r"images are 64 x 64 pixels, the network takes 224 x 224"):
        fit(small_config(), small, tmp_path / "run", CPU, quiet)
    with pytest.raises(ScenegenError, match="pip install no-such-weights"):
        fit(small_config("model.weights=package:no_such_weights"), boxes, tmp_path / "run", CPU, quiet)
    assert not (tmp_path / "run").exists()


def test_a_damaged_checkpoint_is_named(boxes: Path, undisturbed: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(undisturbed, run)
    (run / "reconstructor_3" / "best.ckpt").write_bytes(b"nothing")
    with pytest.raises(ScenegenError, match=r"best\.ckpt: damaged"):
        fit(small_config(), boxes, run, CPU, quiet)


def test_two_processes_train_one_network(boxes: Path, test_boxes: Path, tmp_path: Path) -> None:
    one = ("--set", "training.epochs=1", "--set", "training.single_view_epochs=1", "--devices", "2")
    one = (*one, "--test-data", str(test_boxes))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command(boxes, tmp_path, *one), capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr
    assert len(losses(tmp_path)) == len(STAGES)
    assert load_model(tmp_path, torch.device("cpu")).config.training.epochs == 1
    assert (tmp_path / "report.html").is_file()


@pytest.mark.parametrize("first", [True, False])
def test_a_process_that_is_lost_ends_the_training_in_a_line(first: bool, boxes: Path, tmp_path: Path) -> None:
    """Lightning kills the others without a word, and without its first process a second one would wait for ever."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    arguments = command(boxes, tmp_path, "--devices", "2", "--set", "training.epochs=500")
    with running(arguments, env=environment) as process:
        wait_for(lambda: process.poll() is not None or list(tmp_path.glob("*/last.ckpt")), 300)
        others = [p for p in family(process.pid) if p.environ().get("LOCAL_RANK") == "1"]
        shoot(process.pid if first else others[0].pid)
        _, said = process.communicate(timeout=120)
        wait_for(lambda: not any(map(alive, others)), 60)
    assert others
    if not first:
        assert process.returncode == 1
        assert said.splitlines()[-1] == f"scenetrain: {LOST}"
        assert "Traceback" not in said


def test_bf16_stays_close_to_fp32(boxes: Path, tmp_path: Path) -> None:
    one = ("training.epochs=1", "training.single_view_epochs=1", "training.train_scenes=4")
    fit(small_config(*one), boxes, tmp_path / "fp32", CPU, quiet)
    fit(small_config(*one, "training.precision=bf16-mixed"), boxes, tmp_path / "bf16", CPU, quiet)
    for exact, rounded in zip(losses(tmp_path / "fp32"), losses(tmp_path / "bf16"), strict=True):
        assert float(rounded[2]) == pytest.approx(float(exact[2]), rel=0.01)


def test_colors_depend_on_scene_and_variant_alone(boxes: Path) -> None:
    scenes = open_split(boxes, "train", BOX, 3)
    images = torch.stack([scenes[i].images for i in range(3)])
    positions = torch.arange(3)
    together = jitter_colors(images, positions, torch.tensor([0, 1, 2]), 0)
    assert torch.equal(together[0], images[0])
    assert not torch.equal(together[1], images[1])
    assert torch.equal(jitter_colors(images[2:], positions[2:], torch.tensor([2]), 0)[0], together[2])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_paper_s_fusion_trains_on_a_gpu(boxes: Path, tmp_path: Path) -> None:
    """Half precision, compiled, the features on the device, the fusion's channels padded."""
    config = small_config("training.precision=bf16-mixed", "model.fusion=context", "training.single_view_epochs=4")
    trained = fit(config, boxes, tmp_path / "run", Hardware("cuda"), quiet)
    for stage in STAGES:
        train = [float(loss) for name, _, loss, _ in losses(tmp_path / "run") if name == stage]
        assert train[-1] < train[0]
    scenes = open_split(boxes, "validation", BOX, 3)
    there = evaluate(trained, scenes, torch.device("cuda"))
    here = evaluate(load_model(tmp_path / "run", torch.device("cpu")), scenes, torch.device("cpu"))
    for name, one in there.outputs.items():
        assert one.curve == pytest.approx(here.outputs[name].curve, abs=0.005)
