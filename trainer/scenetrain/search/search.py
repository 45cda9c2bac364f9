"""The paper's search: change one thing, keep it if validation improves, go on from there.

The reconstructor is searched first, then the segmenter on the reconstructor that was found. Learning rate, dropout and
batch size are changed in turn; every value of one is tried with the others as they stand. All trials begin at the same
weights, because they share a seed.

OUT/config.toml, OUT/data.json     what is searched: the starting point and the data set
OUT/trials/<name>/                 every trial, a run folder
OUT/journal.jsonl                  a line a finished trial; a trial in it is not run again
OUT/trials.csv, trials.md, trials.png, chosen.toml
"""

from __future__ import annotations

import gc
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text

from scenetrain.config import Config, config_to_toml
from scenetrain.data.scenes import open_split
from scenetrain.evaluation.evaluate import Evaluation, evaluate, open_scenes
from scenetrain.networks.registry import get_family
from scenetrain.search.pool import TrialPool
from scenetrain.training.fit import ReportLine, fit, train_stages
from scenetrain.training.hardware import Hardware, open_device
from scenetrain.training.run_folder import begin_run

BRANCHES = ("reconstructor", "segmenter")
CANDIDATES: dict[str, tuple[float, ...]] = {
    "learning_rate": (1e-4, 1e-3, 1e-2),
    "dropout": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
    "batch_size": (2, 4, 8, 16),
}
LIMITS = ("training.train_scenes=4500", "training.validation_scenes=500", "training.patience=5")
TEST_SCENES = 250


@dataclass(frozen=True)
class Trial:
    """One training of one branch; a segmenter takes over the trained stages of the run folder `reconstructor`."""

    branch: str
    changed: str
    config: Config
    folder: Path
    reconstructor: Path | None


@dataclass(frozen=True)
class TrialResult:
    """How a trial ended: a line of the journal and a row of the table.

    `changed` is the setting that differs from where the search stood, "start" for the starting point. The validation
    figures are those of the branch's last stage, at its best epoch; they are None where `failure` says why.
    """

    trial: str
    branch: str
    changed: str
    learning_rate: float
    dropout: float
    batch_size: int
    iou: float | None = None
    threshold: float | None = None
    loss: float | None = None
    epochs: int = 0
    seconds: float = 0.0
    failure: str = ""


@dataclass(frozen=True)
class Row:
    """A trial's result and whether the search went on from it."""

    result: TrialResult
    kept: bool


@dataclass(frozen=True)
class SearchResult:
    """Every trial in the order of the search, the configuration that it chose, and that configuration's run folder."""

    rows: tuple[Row, ...]
    chosen: Config
    run: Path


def search(config: Config, data: Path, out: Path, hardware: Hardware, report_line: ReportLine) -> SearchResult:
    """Search from `config`, which every trial shares but for what it changes; again goes on where it was cut off.

    One trial runs on each of `hardware.devices` at a time. A trial that fails, by its loss or for want of memory, is
    not chosen, and is tried again by the next call. ScenegenError when a starting point and all its changes fail.
    """
    settings = config.training
    reads = get_family(config.model.name).reads
    train = open_split(data, "train", reads, settings.views, settings.train_scenes)
    validation = open_split(data, "validation", reads, settings.views, settings.validation_scenes)
    begin_run(out, config, train, validation, leader=True)
    known = _read_journal(out)
    rows: list[Row] = []
    run: Path | None = None
    with TrialPool(run_trial, hardware, data, out) as pool:
        for branch in BRANCHES:
            for changed in CANDIDATES:
                trials = _trials(config, branch, changed, out, run if branch == "segmenter" else None)
                _run_missing(pool, trials, known, out, report_line)
                results = [known[trial.folder.name] for trial in trials]
                best = _choose(results, _name(config, branch))
                shown = {row.result.trial for row in rows}
                rows += [Row(o, o is best) for o in results if o.trial not in shown]
                config = trials[results.index(best)].config
                report_line(
                    f"{branch}: goes on with {_describe(getattr(config, branch))}, validation IoU {best.iou:.4f}"
                )
            run = out / "trials" / _name(config, branch)
    assert run is not None
    return SearchResult(tuple(rows), config, run)


def run_trial(trial: Trial, data: Path, hardware: Hardware) -> TrialResult:
    """Train a trial's branch; a failure is a result too."""
    settings: Any = getattr(trial.config, trial.branch)
    result = TrialResult(
        trial.folder.name, trial.branch, trial.changed, settings.learning_rate, settings.dropout, settings.batch_size
    )
    stages = get_family(trial.config.model.name).stages(trial.config)
    stages = tuple(s for s in stages if s.section == "reconstructor" or trial.branch == "segmenter")
    if trial.reconstructor is not None:
        _take_over(trial.reconstructor, trial.folder)
    try:
        stages_done = train_stages(trial.config, data, trial.folder, hardware, _ignore_line, stages)[2]
    except ScenegenError as error:
        return replace(result, failure=str(error))
    finally:
        # the next trial of this process must find the memory that this one held
        gc.collect()
        torch.cuda.empty_cache()
    for path in trial.folder.glob("*/last.ckpt"):
        path.unlink()
    own = [stages_done[stage.name] for stage in stages if stage.section == trial.branch]
    return replace(
        result,
        iou=own[-1].overall,
        threshold=own[-1].threshold,
        loss=own[-1].validation_loss,
        epochs=sum(result.epochs for result in own),
        seconds=sum(result.seconds for result in own),
    )


def write_results(result: SearchResult, base: Config, out: Path) -> Path:
    """Write the tables, the plot and chosen.toml, the path returned: `base` with the branches that were chosen."""
    from scenetrain.search.report import as_csv, as_markdown, plot

    branches: dict[str, Any] = {branch: getattr(result.chosen, branch) for branch in BRANCHES}
    chosen = replace(base, **branches)
    write_text(out / "trials.csv", as_csv(result.rows))
    write_text(out / "trials.md", as_markdown(result.rows))
    (out / "trials.png").write_bytes(plot(result.rows))
    write_text(out / "chosen.toml", config_to_toml(chosen))
    return out / "chosen.toml"


def score_chosen(result: SearchResult, data: Path, test: Path, hardware: Hardware) -> Evaluation:
    """Score what was chosen, as its trials trained it, on the first 250 scenes of a test data set."""
    one = replace(hardware, devices=1)
    trained = fit(result.chosen, data, result.run, one, _ignore_line)
    device = open_device(hardware.accelerator)
    trained.model.to(device)
    return evaluate(trained, open_scenes(trained, test, "test").first(TEST_SCENES), device)


def _ignore_line(line: str) -> None:
    """A trial's own lines would hide the search's."""
    del line


def _trials(config: Config, branch: str, changed: str, out: Path, run: Path | None) -> list[Trial]:
    """Where the search stands and every other value of one setting, in rising order."""
    current: Any = getattr(config, branch)
    now = getattr(current, changed)
    trials = []
    for value in sorted({now, *CANDIDATES[changed]}):
        changes: dict[str, Any] = {branch: replace(current, **{changed: value})}
        varied = replace(config, **changes)
        label = "start" if value == now else changed
        trials.append(Trial(branch, label, varied, out / "trials" / _name(varied, branch), run))
    return trials


def _name(config: Config, branch: str) -> str:
    """A trial's folder; a segmenter's names its reconstructor too, on which its figures depend."""
    own = f"{branch}_{_short(getattr(config, branch))}"
    return own if branch == "reconstructor" else f"{own}_on_{_short(getattr(config, BRANCHES[0]))}"


def _short(settings: Any) -> str:
    return f"lr{settings.learning_rate:g}_dropout{settings.dropout:g}_batch{settings.batch_size}"


def _describe(settings: Any) -> str:
    return f"learning rate {settings.learning_rate:g}, dropout {settings.dropout:g}, batch {settings.batch_size}"


def _run_missing(
    pool: TrialPool, trials: Sequence[Trial], known: dict[str, TrialResult], out: Path, report_line: ReportLine
) -> None:
    """Run the trials that the journal lacks, each into it as soon as it ends."""
    missing = [trial for trial in trials if trial.folder.name not in known]
    for done, result in enumerate(pool.run(missing), start=1):
        known[result.trial] = result
        text = result.failure or f"validation IoU {result.iou:.4f}, {result.seconds:.0f} s"
        report_line(f"{result.trial} ({done} of {len(missing)}): {text}")
        finished = (json.dumps(asdict(o)) for o in known.values() if not o.failure)
        write_text(out / "journal.jsonl", "".join(f"{line}\n" for line in finished))


def _read_journal(out: Path) -> dict[str, TrialResult]:
    path = out / "journal.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        results = [TrialResult(**json.loads(line)) for line in lines]
    except (OSError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise ScenegenError(
            f"{path}: damaged ({error}); remove it, finished trials are read from their folders"
        ) from error
    return {result.trial: result for result in results}


def _choose(results: Sequence[TrialResult], current: str) -> TrialResult:
    """The best result by validation IoU; where the search stands wins a tie."""
    trained = [o for o in results if o.iou is not None]
    if not trained:
        raise ScenegenError(f"no trial worked; the first: {results[0].failure}")
    return max(trained, key=lambda o: (o.iou, o.trial == current))


def _take_over(source: Path, target: Path) -> None:
    """Copy the trained stages of a reconstructor's run; done.json comes last and makes a copy count."""
    for stage in sorted(path.parent for path in source.glob("reconstructor_*/done.json")):
        folder = target / stage.name
        if not (folder / "done.json").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("metrics.csv", "best.ckpt", "done.json"):
                shutil.copyfile(stage / name, folder / name)
