"""Search for better settings: change one setting, keep the change if validation improves, go on from there.

A family's record names the sections of its configuration that are searched, in order, and the candidate values of each
setting. Settings are changed in turn; all values of one are tried with the others at their best so far. A later section
is searched on the best network of the sections before it, which stay as they are. All trials begin with the same
weights, because they share a seed.

OUT/config.toml, OUT/data.json     what is searched: the starting point and the data set
OUT/trials/<name>/                 every trial, a run folder
OUT/journal.jsonl                  one line per finished trial; a trial in it is not run again
OUT/trials.csv, trials.md, trials.png, chosen.toml
"""

from __future__ import annotations

import gc
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from scenegen.core.decoding import MOST_TEXT, read_file
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.core.files import write_text
from scenegen.core.json_values import from_json, parse_object

from scenetrain.config import Config, config_to_toml
from scenetrain.data.scenes import open_split
from scenetrain.evaluation.evaluate import Evaluation, evaluate, open_scenes
from scenetrain.networks.contract import Family, SearchedSection, Stage
from scenetrain.networks.registry import get_family
from scenetrain.training.device_pool import DevicePool
from scenetrain.training.fit import ReportLine, fit, train_stages
from scenetrain.training.hardware import Hardware, open_device
from scenetrain.training.run_folder import begin_run

LIMITS = ("training.train_scenes=4500", "training.validation_scenes=500", "training.patience=5")
TEST_SCENES = 250


@dataclass(frozen=True)
class Trial:
    """One training of one section's stages.

    `changed` is the setting that differs from where the search stands, "start" for the starting point. `base` is the
    run folder whose earlier stages are reused, None for the first section.
    """

    section: str
    changed: str
    config: Config
    folder: Path
    base: Path | None


@dataclass(frozen=True)
class TrialResult:
    """How a trial ended: a line of the journal and a row of the table.

    `settings` are the section's searched settings by key. The validation figures are those of the section's last
    stage, at its best epoch; `iou` and `threshold` are None for a stage that has no IoU. All are None where `failure`
    has text.
    """

    trial: str
    section: str
    changed: str
    settings: Mapping[str, float] = field(default_factory=dict)
    iou: float | None = None
    threshold: float | None = None
    loss: float | None = None
    epochs: int = 0
    seconds: float = 0.0
    failure: str = ""

    @property
    def score(self) -> float | None:
        """What the search compares, higher is better: validation IoU, or minus the loss where there is no IoU."""
        return self.iou if self.iou is not None or self.loss is None else -self.loss

    @property
    def text(self) -> str:
        """The score, or why there is none."""
        if self.failure:
            return self.failure
        return f"validation loss {self.loss:.5f}" if self.iou is None else f"validation IoU {self.iou:.4f}"


@dataclass(frozen=True)
class TrialRow:
    """A trial's result, and whether the search went on from it."""

    result: TrialResult
    kept: bool


@dataclass(frozen=True)
class SearchResult:
    """Every trial in the order of the search, the configuration that it chose, and that configuration's run folder."""

    rows: tuple[TrialRow, ...]
    chosen: Config
    run: Path


def search(config: Config, data: Path, out: Path, hardware: Hardware, report_line: ReportLine) -> SearchResult:
    """Search from `config`; trials differ from it only in what they change. An interrupted search continues.

    One trial runs on each of `hardware.devices` at a time. A trial that fails, by its loss or by lack of memory, is not
    chosen, and the next call tries it again. Raises UsageError for a network without searched settings, ScenegenError
    when a starting point and all its changes fail.
    """
    family = get_family(config.model.name)
    if not family.searched:
        raise UsageError(f"{family.title}: its record names no settings to search; use scenetrain fit --set")
    training = config.training
    train = open_split(data, "train", family.reads, training.views, training.train_scenes, training.images)
    validation = open_split(
        data, "validation", family.reads, training.views, training.validation_scenes, training.images
    )
    begin_run(out, config, train, validation, leader=True)
    known = _read_journal(out)
    rows: list[TrialRow] = []
    run: Path | None = None
    with DevicePool(run_trial, hardware, data, out) as pool:
        for number, searched in enumerate(family.searched):
            earlier = family.searched[:number]
            for changed in searched.candidates:
                trials = _trials(config, searched, changed, out, earlier, run)
                _run_missing(pool, trials, known, out, report_line)
                results = [known[trial.folder.name] for trial in trials]
                best = _choose(results, _name(config, searched, earlier))
                shown = {row.result.trial for row in rows}
                rows += [TrialRow(result, result is best) for result in results if result.trial not in shown]
                config = trials[results.index(best)].config
                report_line(f"{searched.section}: continues with {_describe(config, searched)}, {best.text}")
            run = out / "trials" / _name(config, searched, earlier)
    assert run is not None
    return SearchResult(tuple(rows), config, run)


def run_trial(trial: Trial, data: Path, hardware: Hardware) -> TrialResult:
    """Train a trial's section; a failure is a result too."""
    family = get_family(trial.config.model.name)
    searched = next(one for one in family.searched if one.section == trial.section)
    result = TrialResult(trial.folder.name, trial.section, trial.changed, _settings(trial.config, searched))
    stages = stages_until(family, trial.config, trial.section)
    if trial.base is not None:
        _copy_stages(trial.base, trial.folder, [stage for stage in stages if stage.section != trial.section])
    try:
        stage_results = train_stages(trial.config, data, trial.folder, hardware, _ignore_line, stages)[2]
    except ScenegenError as error:
        return replace(result, failure=str(error))
    finally:
        # the next trial of this process must find the memory that this one held
        gc.collect()
        torch.cuda.empty_cache()
    for path in trial.folder.glob("*/last.ckpt"):
        path.unlink()
    own = [stage_results[stage.name] for stage in stages if stage.section == trial.section]
    return replace(
        result,
        iou=own[-1].overall,
        threshold=own[-1].threshold,
        loss=own[-1].validation_loss,
        epochs=sum(stage.epochs for stage in own),
        seconds=sum(stage.seconds for stage in own),
    )


def stages_until(family: Family, config: Config, section: str) -> tuple[Stage, ...]:
    """A configuration's stages up to the last one of a section."""
    stages = family.stages(config)
    last = max(n for n, stage in enumerate(stages) if stage.section == section)
    return stages[: last + 1]


def write_results(result: SearchResult, base: Config, out: Path) -> Path:
    """Write the tables, the plot and chosen.toml, the path returned: `base` with the sections that were chosen."""
    from scenetrain.search.report import as_csv, as_markdown, plot

    sections: dict[str, Any] = {row.result.section: getattr(result.chosen, row.result.section) for row in result.rows}
    write_text(out / "trials.csv", as_csv(result.rows))
    write_text(out / "trials.md", as_markdown(result.rows))
    (out / "trials.png").write_bytes(plot(result.rows))
    write_text(out / "chosen.toml", config_to_toml(replace(base, **sections)))
    return out / "chosen.toml"


def score_chosen(result: SearchResult, data: Path, test: Path, hardware: Hardware) -> Evaluation:
    """Score the chosen settings, as their trials trained them, on the first 250 scenes of a test data set."""
    one = replace(hardware, devices=1)
    trained = fit(result.chosen, data, result.run, one, _ignore_line)
    device = open_device(hardware.accelerator)
    trained.model.to(device)
    return evaluate(trained, open_scenes(trained, test, "test").first(TEST_SCENES), device)


def _ignore_line(line: str) -> None:
    """A trial's own lines would hide the search's."""
    del line


def _trials(
    config: Config,
    searched: SearchedSection,
    changed: str,
    out: Path,
    earlier: Sequence[SearchedSection],
    run: Path | None,
) -> list[Trial]:
    """Where the search stands and every other value of one setting, in rising order."""
    current = getattr(config, searched.section)
    now = getattr(current, changed)
    trials = []
    for value in sorted({now, *searched.candidates[changed]}):
        changes: dict[str, Any] = {searched.section: replace(current, **{changed: value})}
        varied = replace(config, **changes)
        label = "start" if value == now else changed
        folder = out / "trials" / _name(varied, searched, earlier)
        trials.append(Trial(searched.section, label, varied, folder, run))
    return trials


def _settings(config: Config, searched: SearchedSection) -> dict[str, float]:
    section = getattr(config, searched.section)
    return {key: getattr(section, key) for key in searched.candidates}


def _name(config: Config, searched: SearchedSection, earlier: Sequence[SearchedSection]) -> str:
    """A trial's folder; it names the earlier sections' settings too, on which the trial's figures depend."""
    return "_on_".join((f"{searched.section}_{_short(config, searched)}", *(_short(config, one) for one in earlier)))


def _short(config: Config, searched: SearchedSection) -> str:
    return "_".join(f"{key}_{value:g}" for key, value in _settings(config, searched).items())


def _describe(config: Config, searched: SearchedSection) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {value:g}" for key, value in _settings(config, searched).items())


def _run_missing(
    pool: DevicePool[Trial, TrialResult],
    trials: Sequence[Trial],
    known: dict[str, TrialResult],
    out: Path,
    report_line: ReportLine,
) -> None:
    """Run the trials that are not in the journal, and write each into it as soon as it ends."""
    missing = [trial for trial in trials if trial.folder.name not in known]
    for done, result in enumerate(pool.run(missing), start=1):
        known[result.trial] = result
        report_line(f"{result.trial} ({done} of {len(missing)}): {result.text}, {result.seconds:.0f} s")
        finished = (json.dumps(asdict(one)) for one in known.values() if not one.failure)
        write_text(out / "journal.jsonl", "".join(f"{line}\n" for line in finished))


def _read_journal(out: Path) -> dict[str, TrialResult]:
    path = out / "journal.jsonl"
    try:
        lines = read_file(path, MOST_TEXT).splitlines() if path.is_file() else []
        results = [from_json(TrialResult, parse_object(line)) for line in lines]
    except (OSError, ValueError) as error:
        raise DamageError(
            f"{path}: damaged, or of another version ({error}); rename it: finished trials are read from their folders"
        ) from error
    return {result.trial: result for result in results}


def _choose(results: Sequence[TrialResult], current: str) -> TrialResult:
    """The result of the best score; where the search stands wins a tie."""
    trained = [result for result in results if result.score is not None]
    if not trained:
        raise ScenegenError(f"no trial worked; the first: {results[0].failure}")
    return max(trained, key=lambda result: (result.score, result.trial == current))


def _copy_stages(source: Path, target: Path, stages: Sequence[Stage]) -> None:
    """Copy the finished stages of a run; done.json comes last and makes a copy count."""
    for stage in stages:
        folder = target / stage.name
        if not (folder / "done.json").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("metrics.csv", "best.ckpt", "done.json"):
                shutil.copyfile(source / stage.name / name, folder / name)
