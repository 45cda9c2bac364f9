"""Compare networks: trained under one budget on the same data with the same seeds, scored on the same test data.

OUT/compare.json           which data sets, so that a resumed comparison has the same
OUT/plans/<network>.json   what an epoch of each stage takes, and the configuration that fits the budget
OUT/runs/<network>_<seed>/ every run, see runs.py
OUT/compare.md, compare.csv, compare.html

The same command continues: what is planned is not measured again, a finished run is not trained again, an interrupted
one goes on after its last epoch, and a failed one is tried again. More networks or seeds may be asked for later.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.core.files import cannot_write, write_text
from scenegen.core.json_values import from_json, parse_object
from scenegen.core.one_line import one_line
from scenegen.core.toml_table import parse_toml

from scenetrain.compare.budget import StageCost, clock, fit_to_budget, measure_costs
from scenetrain.compare.comparison import BudgetPlan, CompareRequest, NetworkComparison
from scenetrain.compare.entries import Entry
from scenetrain.compare.page import write_page
from scenetrain.compare.runs import Job, RunScores, do_run, read_scores
from scenetrain.compare.tables import write_tables
from scenetrain.config import Config, config_to_toml
from scenetrain.data.scenes import open_split
from scenetrain.networks.settings import family_config
from scenetrain.training.device_pool import DevicePool
from scenetrain.training.failures import reason
from scenetrain.training.fit import ReportLine
from scenetrain.training.hardware import Hardware, open_device


def compare(request: CompareRequest, hardware: Hardware, report_line: ReportLine) -> NetworkComparison:
    """Run what is missing and write the tables after every run; one run on each of `hardware.devices` at a time.

    ScenegenError for data that no network can be compared on, or a folder of another comparison; UsageError for a
    budget that is too short for one epoch.
    """
    device = open_device(hardware.accelerator).type
    if device == "cpu":
        hardware = replace(hardware, workers=0)  # what other processes read would not count
    comparison = NetworkComparison(request, device, _check_data(request))
    _begin(request)
    for entry in request.entries:
        misfit = _misfit(entry, request)
        if misfit:
            comparison.left_out[entry.name] = misfit
            report_line(f"{entry.name}: left out: {misfit}")
    if not comparison.entries:
        raise ScenegenError(f"no network can be compared: {next(iter(comparison.left_out.values()))}")
    _make_plans(comparison, hardware, report_line)
    jobs = [_job(comparison, entry, seed) for seed in range(request.seeds) for entry in comparison.entries]
    _do_runs(comparison, [job for job in jobs if job is not None], hardware, report_line)
    return comparison


def _check_data(request: CompareRequest) -> tuple[str, ...]:
    """The classes of the training data; ScenegenError where the test data has others, in words."""
    train, test = Dataset(request.data), Dataset(request.test)
    for dataset, split, option in ((train, "train", "--data"), (test, "test", "--test")):
        if dataset.info.request.split != split:
            raise ScenegenError(
                f"{dataset.path}: holds scenes of split {dataset.info.request.split!r}; give {option} a data set of "
                f"`scenegen generate --split {split}`"
            )
    known, asked = train.info.classes, test.info.classes
    missing = [name for name in asked if name not in known]
    if missing:
        raise ScenegenError(
            f"{request.test}: has the class {missing[0]!r}, which the training data {request.data} lacks (it has "
            f"{', '.join(known)}); give test data of the same preset"
        )
    if asked != known:
        raise ScenegenError(
            f"{request.test}: its classes are {', '.join(asked)}, the training data's {', '.join(known)}; give test "
            f"data of the same preset"
        )
    return known


def _begin(request: CompareRequest) -> None:
    """Begin OUT, or check that the comparison in it is of the same data."""
    said: dict[str, Any] = {} if request.protocol == "classes" else {"protocol": request.protocol}
    for name, path in (("data", request.data), ("test", request.test)):
        dataset = Dataset(path)
        made = dataset.info.request
        said[name] = {
            "preset": made.preset,
            "seed": made.seed,
            "library_checksum": dataset.info.library_checksum,
            "scenes": len(dataset),
        }
    path = request.out / "compare.json"
    try:
        request.out.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            write_text(path, json.dumps(said, indent=1))
        known = parse_object(path.read_bytes())
    except OSError as error:
        raise ScenegenError(cannot_write(request.out, error)) from error
    except ValueError as error:
        raise DamageError(f"{path}: damaged ({error}); rename it, and the same command writes it again") from error
    if known != said:
        raise ScenegenError(
            f"{path}: a comparison on other data, or of another --protocol; give the same ones, or another --out"
        )


def _misfit(entry: Entry, request: CompareRequest) -> str:
    """Why the data sets do not hold what a network reads; "" where they do."""
    reads, views = entry.family.reads, entry.config.training.views
    try:
        for path, splits in ((request.data, ("train", "validation")), (request.test, ("test",))):
            for split in splits:
                open_split(path, split, reads, views)
    except DamageError:
        raise
    except ScenegenError as error:
        return one_line(str(error))
    return ""


def _make_plans(comparison: NetworkComparison, hardware: Hardware, report_line: ReportLine) -> None:
    """Read the plans that are there, and measure the other networks."""
    request = comparison.request
    missing = []
    for entry in comparison.entries:
        plan = _read_plan(comparison, entry)
        if plan is None:
            missing.append(entry)
        else:
            comparison.plans[entry.name] = plan
    if missing:
        report_line(f"measuring how long an epoch takes: {', '.join(entry.name for entry in missing)}")
    too_short = []
    with DevicePool(_measure, hardware, request.data, request.out) as pool:
        for name, measured in pool.run([(entry, request.out) for entry in missing]):
            entry = next(entry for entry in missing if entry.name == name)
            if isinstance(measured, str):
                comparison.runs[name] = [RunScores(name, 0, failure=measured)]
                report_line(f"{name}: failed: {measured}")
                continue
            try:
                fitted = fit_to_budget(entry.config, measured, request.budget)
            except UsageError as error:
                too_short.append(f"{name}: {error}")
                continue
            texts = config_to_toml(entry.config), config_to_toml(fitted)
            plan = BudgetPlan(comparison.device, request.budget, texts[0], measured, texts[1])
            write_text(_plan_path(request.out, name), json.dumps(asdict(plan), indent=1))
            comparison.plans[name] = plan
            epochs = " + ".join(str(stage.epochs) for stage in entry.family.stages(fitted))
            report_line(f"{name}: {epochs} epochs in {clock(request.budget)}")
    if too_short:
        raise UsageError(f"--budget: {too_short[0]}" + (f"; so for {len(too_short) - 1} more" if too_short[1:] else ""))


def _measure(job: tuple[Entry, Path], data: Path, hardware: Hardware) -> tuple[str, tuple[StageCost, ...] | str]:
    """A network's name, and its costs or why it failed."""
    entry, scratch = job
    try:
        return entry.name, measure_costs(entry.config, data, hardware, scratch)
    except Exception as error:  # a family's own error must not end the others' runs
        return entry.name, reason(error)


def _plan_path(out: Path, name: str) -> Path:
    path = out / "plans" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    return path


def _read_plan(comparison: NetworkComparison, entry: Entry) -> BudgetPlan | None:
    request, path = comparison.request, _plan_path(comparison.request.out, entry.name)
    if not path.is_file():
        return None
    try:
        plan = from_json(BudgetPlan, parse_object(path.read_bytes()))
        same = parse_toml(plan.config.encode()) == parse_toml(config_to_toml(entry.config).encode())
    except (OSError, ValueError) as error:
        raise DamageError(f"{path}: damaged ({error}); give another --out") from error
    if plan.budget != request.budget:
        raise ScenegenError(
            f"{path}: planned for a budget of {clock(plan.budget)}; give the same --budget, or another --out"
        )
    if plan.device != comparison.device:
        raise ScenegenError(
            f"{path}: planned for {plan.device}; continue with --device {plan.device}, or in another --out"
        )
    if not same:
        raise ScenegenError(f"{path}: {entry.name} had another configuration; give it another name, or another --out")
    return plan


def _job(comparison: NetworkComparison, entry: Entry, seed: int) -> Job | None:
    """A run of a network that has a plan."""
    plan, request = comparison.plans.get(entry.name), comparison.request
    if plan is None:
        return None
    fitted: Config = family_config(entry.family, parse_toml(plan.fitted.encode()), f"plan of {entry.name}")
    config = replace(fitted, training=replace(fitted.training, seed=seed))
    return Job(entry.name, seed, config, request.out / "runs" / f"{entry.name}_{seed}", request.test, request.protocol)


def _do_runs(comparison: NetworkComparison, jobs: Sequence[Job], hardware: Hardware, report_line: ReportLine) -> None:
    known = {(job.name, job.seed): read_scores(job) for job in jobs}
    for scores in filter(None, known.values()):
        comparison.runs.setdefault(scores.name, []).append(scores)
    missing = [job for job in jobs if known[job.name, job.seed] is None]
    write_tables(comparison)
    request = comparison.request
    with DevicePool(do_run, hardware, request.data, request.out) as pool:
        for done, scores in enumerate(pool.run(missing), start=1):
            comparison.runs.setdefault(scores.name, []).append(scores)
            write_tables(comparison)
            macro = scores.own.macro if scores.own.macro is not None else scores.own.overall
            said = (
                f"failed: {scores.failure}" if scores.failure else f"mean IoU {macro or 0:.3f}, {clock(scores.seconds)}"
            )
            report_line(f"{scores.name}, seed {scores.seed} ({done} of {len(missing)}): {said}")


def write_results(comparison: NetworkComparison) -> tuple[Path, Path]:
    """Write the tables and the page of what is finished; the paths of compare.md and compare.html."""
    write_tables(comparison)
    page = write_page(comparison, open_device(comparison.device))
    return comparison.request.out / "compare.md", page
