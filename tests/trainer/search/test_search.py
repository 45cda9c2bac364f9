"""The search on a network of seconds: what it keeps, that it resumes, that it runs side by side."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from helpers.trainer_boxes import SMALL, build, small_config
from scenegen.core.errors import ScenegenError, UsageError
from scenetrain.cli.main import cli
from scenetrain.config import Config
from scenetrain.networks.contract import Family
from scenetrain.networks.registry import get_family
from scenetrain.networks.settings import load_config
from scenetrain.search import search as search_module
from scenetrain.search.search import SearchResult, Trial, TrialResult, run_trial, search, write_results
from scenetrain.training.device_pool import DevicePool
from scenetrain.training.hardware import Hardware

CPU = Hardware("cpu", workers=0)
FEW = {"learning_rate": (1e-3, 1e30), "dropout": (0.1, 0.5), "batch_size": (2, 4)}


def config() -> Config:
    return small_config("training.epochs=1", "training.single_view_epochs=1", "training.train_scenes=4")


def quiet(line: str) -> None:
    del line


def family() -> Family:
    """The family with few candidates for each of its searched settings."""
    whole = get_family("everted")
    return replace(whole, searched=tuple(replace(section, candidates=FEW) for section in whole.searched))


@pytest.fixture(scope="module", autouse=True)
def few_candidates() -> Iterator[None]:
    few = family()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_module, "get_family", lambda name: few)
        yield


@pytest.fixture(scope="module")
def searched(boxes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SearchResult]:
    out = tmp_path_factory.mktemp("search") / "out"
    return out, search(config(), boxes, out, CPU, quiet)


def figures(result: SearchResult) -> list[tuple[TrialResult, bool]]:
    return [(replace(row.result, seconds=0.0), row.kept) for row in result.rows]


def test_keeps_what_helps_one_thing_at_a_time(searched: tuple[Path, SearchResult]) -> None:
    result = searched[1]
    for branch in ("reconstructor", "segmenter"):
        best: TrialResult | None = None
        for changed in ("start", *FEW):
            tried = [row for row in result.rows if (row.result.section, row.result.changed) == (branch, changed)]
            assert len(tried) == 1
            tried_result = tried[0].result
            if changed == "learning_rate":
                assert "not a number" in tried_result.failure
            elif best is not None:
                differing = {k for k in FEW if tried_result.settings[k] != best.settings[k]}
                assert differing == {changed}
                assert tried[0].kept == (tried_result.iou is not None and tried_result.iou > (best.iou or 0))
            best = tried_result if tried[0].kept else best
        assert best is not None
        chosen = getattr(result.chosen, branch)
        assert [getattr(chosen, k) for k in FEW] == [best.settings[k] for k in FEW]


def test_segmenters_stand_on_the_reconstructor_that_was_found(searched: tuple[Path, SearchResult]) -> None:
    out, result = searched

    def reconstructor(folder: Path, stage: str) -> dict[str, torch.Tensor]:
        state = torch.load(folder / stage / "best.ckpt", weights_only=True)["state_dict"]
        return {key: value for key, value in state.items() if "segmenter" not in key and "mask_fusion" not in key}

    (found,) = {r.result.trial.split("_on_")[1] for r in result.rows if r.result.section == "segmenter"}
    wanted = reconstructor(out / "trials" / f"reconstructor_{found}", "reconstructor_3")
    for row in result.rows:
        if row.result.section == "segmenter" and not row.result.failure:
            got = reconstructor(out / "trials" / row.result.trial, "segmenter_3")
            assert all(torch.equal(got[key], wanted[key]) for key in wanted)


def test_tables_plot_and_a_configuration_for_fit(searched: tuple[Path, SearchResult]) -> None:
    out, result = searched
    base = small_config("training.patience=7")
    chosen = load_config(str(write_results(result, base, out)))
    assert chosen.training.patience == 7
    assert (chosen.reconstructor, chosen.segmenter) == (result.chosen.reconstructor, result.chosen.segmenter)
    with (out / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == [row.result.trial for row in result.rows]
    assert (out / "trials.md").read_text().count("\n") == len(rows) + 2
    assert (out / "trials.png").read_bytes().startswith(b"\x89PNG")


def test_goes_on_where_it_was_cut_off(
    boxes: Path, searched: tuple[Path, SearchResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, undisturbed = searched
    shutil.copytree(out, tmp_path, dirs_exist_ok=True)
    journal = (out / "journal.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "journal.jsonl").write_text("".join(journal[:-2]))
    last = json.loads(journal[-1])["trial"]
    shutil.rmtree(tmp_path / "trials" / last)
    calls: list[str] = []

    def counted(trial: Trial, data: Path, hardware: Hardware) -> TrialResult:
        calls.append(trial.folder.name)
        return run_trial(trial, data, hardware)

    monkeypatch.setattr(search_module, "run_trial", counted)
    result = search(config(), boxes, tmp_path, CPU, quiet)
    assert figures(result) == figures(undisturbed)
    failed = [row.result.trial for row in result.rows if row.result.failure]
    assert [name for name in calls if name not in failed] == [json.loads(line)["trial"] for line in journal[-2:]]
    with pytest.raises(ScenegenError, match="differs from the requested"):
        search(small_config(), boxes, tmp_path, CPU, quiet)


def test_command_shows_the_trials_and_scores_what_was_chosen(
    boxes: Path, test_boxes: Path, searched: tuple[Path, SearchResult], tmp_path: Path
) -> None:
    shutil.copytree(searched[0], tmp_path, dirs_exist_ok=True)
    changes = (*SMALL, "training.epochs=1", "training.single_view_epochs=1", "training.train_scenes=4")
    limits = ("training.validation_scenes=0", "training.patience=10")
    words = [word for change in (*changes, *limits) for word in ("--set", change)]
    paths = ["--data", str(boxes), "--test", str(test_boxes), "--out", str(tmp_path)]
    done = CliRunner().invoke(cli, ["search", *paths, "--device", "cpu", "--workers", "0", *words])
    assert done.exit_code == 0, done.output
    assert "IoU on 3 test scenes: reconstructor 0." in done.stdout
    assert load_config(str(tmp_path / "chosen.toml")).reconstructor == searched[1].chosen.reconstructor


def test_two_trials_side_by_side_end_as_they_do_alone(
    boxes: Path, searched: tuple[Path, SearchResult], tmp_path: Path
) -> None:
    trials = [
        Trial("reconstructor", name, replace(config(), reconstructor=settings), tmp_path / name, None)
        for name, settings in (
            ("start", config().reconstructor),
            ("learning_rate", replace(config().reconstructor, learning_rate=1e30)),
        )
    ]
    with DevicePool(run_trial, replace(CPU, devices=2), boxes, tmp_path) as pool:
        results = {result.trial: result for result in pool.run(trials)}
    alone = next(row.result for row in searched[1].rows if row.result.changed == "start")
    assert results["start"].iou == alone.iou
    assert results["start"].loss == pytest.approx(alone.loss, rel=1e-6)
    assert "not a number" in results["learning_rate"].failure


def test_stages_without_iou_are_compared_by_their_loss() -> None:
    worse, better = (TrialResult("a", "s", "start", loss=loss) for loss in (0.5, 0.25))
    assert search_module._choose([worse, better], "a") is better
    assert search_module._choose([worse, replace(better, loss=0.5, trial="b")], "b").trial == "b"
    with pytest.raises(ScenegenError, match="no trial worked; the first: out of memory"):
        search_module._choose([TrialResult("a", "s", "start", failure="out of memory")], "a")


def test_what_cannot_be_searched_is_one_line(boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "journal.jsonl").write_text('{"trial": "a", "branch": "reconstructor"}\n')
    with pytest.raises(ScenegenError, match=r"journal\.jsonl: damaged, or of another version"):
        search(config(), boxes, tmp_path, CPU, quiet)
    without = replace(family(), searched=())
    monkeypatch.setattr(search_module, "get_family", lambda name: without)
    with pytest.raises(UsageError, match="names no settings to search"):
        search(config(), boxes, tmp_path / "none", CPU, quiet)


def test_all_trials_begin_at_the_same_weights() -> None:
    states = []
    for changes in (("reconstructor.dropout=0",), ("reconstructor.dropout=0.5", "segmenter.dropout=0.3")):
        torch.manual_seed(0)
        states.append(build(small_config(*changes)).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[1])
    assert len(states[0]) == len(states[1])
