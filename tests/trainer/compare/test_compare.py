"""The comparison on networks of a second: tables against each run's own scores, resuming, failures, bad input."""

from __future__ import annotations

import csv
import json
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from helpers import constant_family, constant_frustum_family
from helpers.trainer_boxes import CLASSES, set_visible_pixels, write_boxes
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.scene.scene import GridSpec
from scenetrain.cli.main import cli
from scenetrain.compare import compare as step
from scenetrain.compare import runs
from scenetrain.compare.budget import StageCost, measure_costs
from scenetrain.config import Config
from scenetrain.data.reads import Reads
from scenetrain.networks.contract import Output, Stage
from scenetrain.networks.registry import FAMILIES
from scenetrain.networks.settings import load_config
from scenetrain.training.hardware import Hardware

GRID = GridSpec((-2.0, -2.4, 0.0), 0.2, (20, 24, 16))
TOML = """
[training]
views = {views}
epochs = 4
precision = "32-true"
"""


CONSTANT_OUTPUTS = constant_family.FAMILY.outputs
OCCUPIED = Output("occupancy", "occupied", "occupancy", "box", lambda logits: logits.sigmoid().amax(1, keepdim=True))


def broken_stages(config: Config) -> tuple[Stage, ...]:
    """Those of the constant, whose loss fails with the second seed."""

    def loss(step):
        if config.training.seed == 1:
            raise ValueError("the loss broke\non a second line")
        return step.answers["masks"].square().mean()

    return (constant_family.stage(config, "masks", loss),)


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    made = {
        "broken": replace(constant_family.FAMILY, name="broken", stages=broken_stages),
        "one": replace(constant_family.FAMILY, name="one", one_class=True, outputs=(OCCUPIED, *CONSTANT_OUTPUTS)),
        "large": replace(constant_family.FAMILY, name="large", reads=Reads("box", (80, 96, 64))),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, "constant", constant_family.__name__)
        patch.setitem(FAMILIES, "constant_frustum", constant_frustum_family.__name__)
        for name, family in made.items():
            module = types.ModuleType(f"compare_test_{name}")
            module.FAMILY = family  # type: ignore[attr-defined]
            patch.setitem(sys.modules, module.__name__, module)
            patch.setitem(FAMILIES, name, module.__name__)
        yield


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Ten training and three test scenes on a coarse grid."""
    folder = tmp_path_factory.mktemp("rooms")
    return write_boxes(folder / "train", 10, grid=GRID), write_boxes(folder / "test", 3, "test", grid=GRID)


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Configurations and a file of variants."""
    folder = tmp_path_factory.mktemp("configs")
    (folder / "three.toml").write_text(TOML.format(views=3))
    (folder / "one.toml").write_text(TOML.format(views=1))
    variants = "".join(
        f"[{name}]\nnetwork = '{network}'\nconfig = '{folder / config}.toml'\n{more}\n"
        for name, network, config, more in (
            ("room", "constant", "three", ""),
            ("fails", "broken", "three", ""),
            ("other_grid", "large", "three", ""),
            ("view", "constant_frustum", "one", "training.color_variants = 1"),
        )
    )
    (folder / "variants.toml").write_text(variants)
    return folder


def no_clock(config, data, hardware, scratch) -> tuple[StageCost, ...]:
    """An epoch takes a second, so the budget is the number of epochs."""
    return (StageCost("constant", 0.25, 0.5, 2, 1),)


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, words), "--device", "cpu"])


def outcome(done: Result) -> tuple[int, str]:
    """The exit status and the line that the command line gives."""
    if isinstance(done.exception, ScenegenError):
        return 2 if isinstance(done.exception, UsageError) else 1, str(done.exception)
    return done.exit_code, done.output


def words(rooms: tuple[Path, Path], configs: Path, out: Path, *more: object) -> tuple[object, ...]:
    chosen = ("--networks", configs / "variants.toml", "--budget", "3s", "--seeds", 2)
    return ("--data", rooms[0], "--test", rooms[1], "--out", out, *(more or chosen))


@pytest.fixture(scope="module")
def compared(rooms: tuple[Path, Path], configs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("compared") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step, "measure_costs", no_clock)
        return out, run(*words(rooms, configs, out))


def read_csv(out: Path) -> list[dict[str, str]]:
    with (out / "compare.csv").open() as file:
        return list(csv.DictReader(file))


def test_tables_hold_every_run_s_own_scores(compared: tuple[Path, Result]) -> None:
    out, _ = compared
    rows = read_csv(out)
    finished = [row for row in rows if row["kind"] == "run" and not row["failure"]]
    assert [(row["network"], row["seed"], row["labels"]) for row in finished] == [
        ("room", "0", "box"),
        ("room", "1", "box"),
        ("fails", "0", "box"),
        ("view", "0", "frustum"),
        ("view", "1", "frustum"),
    ]
    macros = []
    for row in finished:
        body = json.loads((out / "runs" / f"{row['network']}_{row['seed']}" / "evaluation.json").read_text())
        main = body["masks" if row["labels"] == "box" else "labels"]
        assert float(row["macro"]) == main["macro"] and float(row["overall"]) == main["overall"]
        assert [float(row[name]) if row[name] else None for name in CLASSES] == list(main["classes"].values())
        sums = {one["name"]: one["IoU"] for one in body["tables"]["set"]["rows"]}
        assert float(row["set_miou"]) == sums["mean of classes (mIoU)"]
        assert float(row["set_iou"]) == sums["any class"]
        (rays,) = (one["mean"] for one in body["tables"]["rays"]["rows"] if one["name"] == "mean of classes")
        assert float(row["ray_iou"]) == rays
        assert (row["epochs"], float(row["latency"]) > 0) == ("3", True)
        macros += [main["macro"]] * (row["network"] == "room")
    text = (out / "compare.md").read_text()
    mean = sum(macros) / 2
    assert f"| room | 2 | {mean:.3f} ({min(macros):.3f} to {max(macros):.3f}) |" in text
    assert [row["labels"] for row in rows if row["kind"] == "constant"] == ["box", "frustum"]
    assert f"{6 * 20 * 24 * 16:,}" in text, "parameters"


def test_one_that_fails_or_does_not_fit_is_named_and_the_others_go_on(compared: tuple[Path, Result]) -> None:
    out, done = compared
    why = "ValueError: the loss broke on a second line"
    assert outcome(done) == (1, f"fails failed: {why}; the same command tries again")
    assert f"fails, seed 1 (5 of 6): failed: {why}" in done.stderr
    text = (out / "compare.md").read_text()
    assert "- fails: failed: ValueError: the loss broke on a second line" in text
    assert "- other_grid: left out: " in text and "scenegen voxelize --grid 80,96,64" in text
    assert "in loss" in (out / "runs" / "fails_1" / "failure.txt").read_text()


def test_the_page_has_all_tables_and_pictures_and_needs_nothing_else(compared: tuple[Path, Result]) -> None:
    page = (compared[0] / "compare.html").read_text()
    assert page.count("data:image/png") == 2 + 2 * 3, "a plot of each group, and three scenes of each"
    assert "http" not in page.replace("https://www.w3.org", "")
    for text in ("Rooms in a box grid", "Frusta of single views", "best constant answer", "other_grid: left out"):
        assert text in page


def test_the_same_command_again_trains_only_what_is_missing(
    compared: tuple[Path, Result], rooms: tuple[Path, Path], configs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = compared
    before = [row for row in read_csv(out) if not row["failure"]]
    (out / "runs" / "view_1" / "scores.json").unlink()
    trained: list[str] = []
    original = runs.fit

    def fit(config, data, folder, hardware, report_line):
        trained.append(folder.name)
        return original(config, data, folder, hardware, report_line)

    monkeypatch.setattr(runs, "fit", fit)
    assert run(*words(rooms, configs, out)).exit_code == 1
    assert sorted(trained) == ["fails_1", "view_1"]
    after = [row for row in read_csv(out) if not row["failure"]]
    assert [{**row, "latency": ""} for row in after] == [{**row, "latency": ""} for row in before]


def test_what_was_finished_before_an_interrupt_is_in_the_tables(
    rooms: tuple[Path, Path], configs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "measure_costs", no_clock)
    original, began = step.do_run, []

    def do_run(job, data, hardware):
        began.append(job.name)
        if len(began) == 2:
            raise KeyboardInterrupt
        return original(job, data, hardware)

    monkeypatch.setattr(step, "do_run", do_run)
    chosen = ("--networks", f"constant:{configs / 'three.toml'}", "--budget", "3s", "--seeds", 2)
    run(*words(rooms, configs, tmp_path / "out", *chosen))
    assert [row["seed"] for row in read_csv(tmp_path / "out") if row["kind"] == "run"] == ["0"]
    assert "1 of 2 seeds are not finished" in (tmp_path / "out" / "compare.md").read_text()
    began.append("no more")
    assert run(*words(rooms, configs, tmp_path / "out", *chosen)).exit_code == 0
    assert began == ["constant_three", "constant_three", "no more", "constant_three"]


def test_by_the_protocol_of_ssz_the_largest_object_s_class_counts(
    configs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first object of a scene is the largest; "one" learns its class alone, and answers with what is occupied."""
    monkeypatch.setattr(step, "measure_costs", no_clock)
    rooms = write_boxes(tmp_path / "a", 10, grid=GRID), write_boxes(tmp_path / "b", 3, "test", grid=GRID)
    for data in rooms:
        set_visible_pixels(data, dict.fromkeys(range(len(Dataset(data))), ((5, 5, 5), (0, 9, 0))))
    networks = [f"{name}:{configs / 'three.toml'}" for name in ("constant", "one")]
    chosen = ("--networks", *networks, "--budget", "3s", "--seeds", 1, "--protocol", "ssz")
    out = tmp_path / "out"
    assert run(*words(rooms, configs, out, *chosen)).exit_code == 0
    largest = [scene.objects[0].class_name for scene in Dataset(rooms[1])]
    for row in read_csv(out):
        name = row["network"].removesuffix("_three")
        folder = out / "runs" / f"{row['network']}_0"
        assert f"largest_object = {str(name == 'one').lower()}" in (folder / "config.toml").read_text()
        scores = json.loads((folder / "evaluation.json").read_text())["scene_scores"]
        ious = [
            score["occupied"] if name == "one" else score["classes"][of_class]
            for score, of_class in zip(scores, largest, strict=True)
        ]
        assert float(row["overall"]) == pytest.approx(sum(ious) / 3)
        by_class = {c: [i for i, k in zip(ious, largest, strict=True) if k == c] for c in set(largest)}
        means = {c: sum(found) / len(found) for c, found in by_class.items()}
        assert float(row["macro"]) == pytest.approx(sum(means.values()) / len(means))
        assert {c: float(row[c]) for c in CLASSES if row[c]} == pytest.approx(means)
    text = (out / "compare.md").read_text()
    assert "one class of each scene" in text and "RayIoU" not in text and "best constant" not in text
    found = outcome(run(*words(rooms, configs, out, *chosen[:-2])))
    assert found[0] == 1 and "or of another --protocol" in found[1]


@pytest.mark.parametrize(
    ("changed", "status", "line"),
    [
        (("--budget", "5s"), 1, "planned for a budget of 3 s; give the same --budget, or another --out"),
        (("--budget", "soon"), 2, "'soon' is no time; write 90s, 30m or 1.5h"),
        (("--networks", "nothing"), 2, "no model 'nothing'"),
        (("--networks", "constant"), 2, "no configuration 'tiny'"),
        (("--networks", ":"), 2, "no name; known: "),
    ],
)
def test_bad_requests_are_one_line(
    compared: tuple[Path, Result],
    rooms: tuple[Path, Path],
    configs: Path,
    changed: tuple[str, str],
    status: int,
    line: str,
) -> None:
    options = {"--networks": configs / "variants.toml", "--budget": "3s", "--seeds": 2} | dict([changed])
    found = outcome(run(*words(rooms, configs, compared[0], *(word for pair in options.items() for word in pair))))
    assert found[0] == status and line in found[1], found


def test_a_file_without_variants_is_one_line(rooms: tuple[Path, Path], configs: Path, tmp_path: Path) -> None:
    (tmp_path / "none.toml").write_text("# later\n")
    found = outcome(run(*words(rooms, configs, tmp_path / "out", "--networks", tmp_path / "none.toml")))
    assert found[0] == 2 and "none.toml: no variants; give one table [NAME] for each" in found[1]


def test_a_budget_too_short_for_one_epoch(
    rooms: tuple[Path, Path], configs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "measure_costs", lambda *_: (StageCost("constant", 20.0, 5.0, 4, 2),))
    status, line = outcome(run(*words(rooms, configs, tmp_path / "out")))
    assert status == 2
    assert line == "--budget: room: one epoch takes 90 s, more than the budget of 3 s; so for 2 more"


def test_a_class_that_training_lacks_is_one_line(rooms: tuple[Path, Path], configs: Path, tmp_path: Path) -> None:
    other = write_boxes(tmp_path / "other", 2, "test", grid=GRID, classes=("chair", "car"))
    status, line = outcome(run(*words((rooms[0], other), configs, tmp_path / "out")))
    assert status == 1 and "has the class 'car', which the training data" in line
    assert not (tmp_path / "out").exists()


def test_costs_are_measured_by_training_itself(rooms: tuple[Path, Path], configs: Path, tmp_path: Path) -> None:
    config = load_config(str(configs / "three.toml"), (), "constant")
    (cost,) = measure_costs(config, rooms[0], Hardware("cpu", workers=0), tmp_path)
    assert (cost.stage, cost.steps, cost.validation_steps) == ("constant", 2, 1), "nine scenes, without the last one"
    assert cost.step > 0 and cost.validation_step > 0
    assert cost.epoch == pytest.approx(2 * cost.step + cost.validation_step)
    assert list(tmp_path.iterdir()) == []
