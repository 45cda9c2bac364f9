"""One run of a comparison: a network trained with one seed, and scored on the test data.

OUT/runs/<network>_<seed>/          a run folder of `scenetrain fit`, and
    scores.json                     written last: a run that has it is finished
    evaluation.json                 all that `scenetrain evaluate --json` prints
    failure.txt                     why the last try failed
"""

from __future__ import annotations

import gc
import json
import math
import traceback
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from scenegen.core.errors import DamageError
from scenegen.core.files import write_text
from scenegen.core.json_values import from_json, parse_object

from scenetrain.compare.figures import Figures
from scenetrain.compare.one_class import Protocol, largest_object_figures
from scenetrain.config import Config
from scenetrain.data.reads import stack_extras
from scenetrain.data.scenes import SceneList
from scenetrain.evaluation.evaluate import Evaluation, as_json, evaluate, open_scenes
from scenetrain.metrics.iou import Scores
from scenetrain.networks.contract import Inputs
from scenetrain.training.bench import measure_inference
from scenetrain.training.epoch_tables import read_epochs
from scenetrain.training.failures import reason
from scenetrain.training.fit import fit
from scenetrain.training.hardware import Hardware, open_device
from scenetrain.training.run_folder import TrainedModel


@dataclass(frozen=True)
class Job:
    """What is to be run: a row's name, its seed, its configuration with seed and epochs, its folder, the test data.

    `protocol` says what counts of every scene, as `scenetrain compare --protocol` has it.
    """

    name: str
    seed: int
    config: Config
    folder: Path
    test: Path
    protocol: Protocol = "classes"


@dataclass(frozen=True)
class RunScores:
    """How a run did. `failure` has text where it failed; all else is then empty.

    `seconds` are those of all epochs, of this process where it trained on a processor, else by the wall's clock.
    `scenes` has the main output's IoU of every item, in their order.
    """

    name: str
    seed: int
    own: Figures = field(default_factory=Figures)
    constant: Figures = field(default_factory=Figures)
    scenes: tuple[float | None, ...] = ()
    items: int = 0
    unseen_classes: tuple[str, ...] = ()
    """Classes that the test data holds and no scene of the training split."""
    parameters: int = 0
    epochs: int = 0
    seconds: float = 0.0
    latency: float = 0.0
    failure: str = ""


def do_run(job: Job, data: Path, hardware: Hardware) -> RunScores:
    """Train and score, or continue; what goes wrong is a result too, so that the other networks go on."""
    try:
        scores = _train_and_score(job, data, hardware)
    except Exception as error:  # a family's own error must not end the others' runs
        return _failed(job, reason(error))
    finally:
        # the next run of this process must find the memory that this one held
        gc.collect()
        torch.cuda.empty_cache()
    return scores


def read_scores(job: Job) -> RunScores | None:
    """A finished run's scores, None of another. DamageError when the file is damaged."""
    path = job.folder / "scores.json"
    if not path.is_file():
        return None
    try:
        return from_json(RunScores, parse_object(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise DamageError(f"{path}: damaged ({error}); rename it, and the same command scores the run again") from error


def _train_and_score(job: Job, data: Path, hardware: Hardware) -> RunScores:
    trained = fit(job.config, data, job.folder, hardware, _ignore_line)
    device = open_device(hardware.accelerator)
    trained.model.to(device)
    scenes = open_scenes(trained, job.test, "test")
    if job.config.training.largest_object:
        scenes = scenes.of_largest_object()
    result = evaluate(trained, scenes, device)
    one_class = job.protocol == "ssz"
    stages = trained.family.stages(job.config)
    epochs = [row for stage in stages for row in read_epochs(job.folder / stage.name / "metrics.csv")]
    clock = "processor_seconds" if device.type == "cpu" else "seconds"
    main = result.main
    scores = RunScores(
        name=job.name,
        seed=job.seed,
        own=largest_object_figures(result, scenes) if one_class else _own_figures(result),
        constant=Figures() if one_class else _constant_figures(result),
        scenes=tuple(scene.ious[main.output.name] for scene in result.scenes),
        items=len(result.scenes),
        unseen_classes=_unseen_classes(trained, main.scores),
        parameters=sum(parameter.numel() for parameter in trained.model.parameters()),
        epochs=len(epochs),
        seconds=math.fsum(row[clock] for row in epochs),
        latency=_latency(trained, scenes, device),
    )
    write_text(job.folder / "evaluation.json", json.dumps(as_json(result), allow_nan=False))
    write_text(job.folder / "scores.json", json.dumps(asdict(scores), indent=1, allow_nan=False))
    for path in (*job.folder.glob("*/last.ckpt"), job.folder / "failure.txt"):
        path.unlink(missing_ok=True)
    return scores


def _failed(job: Job, failure: str) -> RunScores:
    job.folder.mkdir(parents=True, exist_ok=True)
    write_text(job.folder / "failure.txt", traceback.format_exc())
    return RunScores(job.name, job.seed, failure=failure)


def _own_figures(result: Evaluation) -> Figures:
    occupancy = [one.scores.overall for one in result.outputs.values() if one.output.kind == "occupancy"]
    return replace(
        _means(result, result.main.scores),
        occupancy=_known(occupancy[0]) if occupancy else result.any_class,
        set_iou=_cell(result, "set", "any class", "IoU"),
        set_miou=_cell(result, "set", "mean of classes (mIoU)", "IoU"),
        ray_iou=_cell(result, "rays", "mean of classes", "mean"),
    )


def _constant_figures(result: Evaluation) -> Figures:
    occupancy = [one.constant.overall for one in result.outputs.values() if one.output.kind == "occupancy"]
    return replace(
        _means(result, result.main.constant),
        occupancy=_known(occupancy[0]) if occupancy else None,
        set_iou=_cell(result, "set", "any class", "constant"),
        set_miou=_cell(result, "set", "mean of classes (mIoU)", "constant"),
        ray_iou=_cell(result, "rays", "mean of classes", "constant"),
    )


def _means(result: Evaluation, scores: Scores) -> Figures:
    """The main output's means over scenes."""
    if result.main.output.kind == "occupancy":
        return Figures(overall=_known(scores.overall))
    classes = dict(zip(result.classes, scores.classes, strict=True))
    return Figures(classes, _known(scores.macro), _known(scores.overall))


def _cell(result: Evaluation, table: str, row: str, column: str) -> float | None:
    """A figure of one of the evaluation's tables, None where it has none such."""
    found = next((one for one in result.tables if one.name == table), None)
    values = next((one.values for one in found.rows if one.name == row), None) if found else None
    return values[found.columns.index(column)] if found and values else None


def _unseen_classes(trained: TrainedModel, scores: Scores) -> tuple[str, ...]:
    seen = (trained.frequency[1:].flatten(1) > 0).any(1).tolist()
    if len(scores.scenes_with_class) != len(seen):
        return ()
    pairs = zip(trained.classes, seen, scores.scenes_with_class, strict=True)
    return tuple(name for name, known, held in pairs if held and not known)


def _latency(trained: TrainedModel, scenes: SceneList, device: torch.device) -> float:
    """Seconds from one item's images to what the network answers, in float32."""
    item = scenes[0]
    inputs = Inputs(images=item.images[None].to(device).float() / 255, extras=stack_extras([item.extras]).to(device))
    return measure_inference(trained.family, trained.model, inputs).seconds


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _ignore_line(line: str) -> None:
    """A run's own lines would hide the comparison's."""
    del line
