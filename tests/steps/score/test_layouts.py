"""Predictions in the layouts of benchmarks, against counting written out here."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.box_scenes import CLASSES, write_box_dataset
from scenegen.cli.score import FORMS
from scenegen.cli.score import score as command
from scenegen.core.errors import ScenegenError, SeveralErrors
from scenegen.steps.exchange.export import export
from scenegen.steps.score.layout_scores import LayoutScores, score_layout
from scenegen.steps.score.layouts import LAYOUTS, CellFile, read_cells

FIRST = {"occ3d": 1, "surroundocc": 1, "semantickitti": 40, "uniocc": 1, "monoscene-nyu": 5, "occscannet": 5}
"""What the class map calls our first class; the next ones count on from it."""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, box_library: Path, box_assets: Path) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("layouts")
    data = write_box_dataset(folder / "set", 1)
    made: dict[str, Path] = {}

    def of(form: str) -> Path:
        if form not in made:
            own = folder / f"{form}.toml"
            numbers = [10, 11, 15, 18, 20, 30] if form == "semantickitti" else range(FIRST[form], FIRST[form] + 6)
            own.write_text("".join(f"{name} = {n}\n" for name, n in zip(CLASSES, numbers, strict=True)))
            export(data, folder / form, form, assets=box_assets, class_map=own)
            made[form] = folder / form
        return made[form]

    return of


def change(form: str, path: Path, shift: int) -> None:
    """Move the labels of a file by some cells along the first axis, as that layout's own code writes them."""
    if form in ("occ3d", "uniocc"):
        name = "semantics" if form == "occ3d" else "occ_label"
        with np.load(path, allow_pickle=True) as arrays:
            labels = arrays[name]
        np.savez(path, **{name: np.roll(labels, shift, axis=0)})
    elif form == "surroundocc":
        rows = np.load(path)
        rows[:, 0] = (rows[:, 0] + shift) % 200
        np.save(path, rows)
    elif form == "semantickitti":
        labels = np.fromfile(path, "<u2").reshape(256, 256, 32)
        np.roll(labels, shift, axis=0).tofile(path)
    else:
        body = pickle.loads(path.read_bytes())
        path.write_bytes(pickle.dumps({"target_1_4": np.roll(body["target_1_4"], shift, axis=0)}))


def figures(scores: LayoutScores, column: str) -> dict[str, float | None]:
    n = scores.table.columns.index(column)
    return {row.name: row.values[n] for row in scores.table.rows}


@pytest.mark.parametrize("form", FORMS)
def test_scores_are_those_of_counting(form: str, exported: Callable[[str], Path], tmp_path: Path) -> None:
    truth = exported(form)
    layout = LAYOUTS[form]
    same = score_layout(truth, truth, form)
    there = {name for name, files in figures(same, "files").items() if files and name in layout.classes}
    assert len(there) >= 4
    assert all(figures(same, "set")[name] == pytest.approx(1, abs=1e-3) for name in there)

    mine = Path(shutil.copytree(truth, tmp_path / "mine"))
    pairs: list[tuple[CellFile, CellFile]] = []
    for path in sorted(mine.glob(layout.pattern)):
        change(form, path, 1)
        pairs.append((read_cells(layout, truth / path.relative_to(mine)), read_cells(layout, path)))
    scores = score_layout(mine, truth, form)
    for seen in (False, True) if pairs[0][0].seen is not None else (False,):
        for c, name in enumerate(layout.classes, start=1):
            hit = union = 0
            for a, b in pairs:
                inside = a.seen if seen and a.seen is not None else np.ones(a.labels.shape, bool)
                hit += np.count_nonzero((a.labels == c) & (b.labels == c) & inside)
                union += np.count_nonzero(((a.labels == c) | (b.labels == c)) & inside)
            assert figures(scores, "set, seen" if seen else "set")[name] == pytest.approx(hit / (union + 1e-5))
    assert 0 < (figures(scores, "set")["any class"] or 0) < 1


def test_the_command_says_what_it_scored(exported: Callable[[str], Path]) -> None:
    truth = str(exported("occ3d"))
    done = CliRunner().invoke(command, [truth, truth, "--format", "occ3d", "--workers", "1", "--json"])
    assert done.exit_code == 0, done.output
    body = json.loads(done.stdout)
    assert (body["format"], body["files"]) == ("occ3d", 3)
    assert tuple(FORMS) == tuple(LAYOUTS)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda file: np.savez(file, semantics=np.zeros((9, 9, 9), np.uint8)), r"is \(9, 9, 9\), the layout's grid is"),
        (
            lambda file: np.savez(file, semantics=np.full((200, 200, 16), 18, np.uint8)),
            "`semantics` has 18; classes are 0 to 16, and 17 is free",
        ),
        (lambda file: file.write_bytes(b"PK"), "zip"),
        (lambda file: file.unlink(), "no gts/.*, 1 of 3; predict them, or score the others alone with --partial"),
    ],
)
def test_what_is_no_prediction_is_refused(
    harm: Callable[[Path], Any], message: str, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    truth = exported("occ3d")
    mine = Path(shutil.copytree(truth, tmp_path / "mine"))
    harm(next(mine.glob("gts/*/*/labels.npz")))
    with pytest.raises((SeveralErrors, ScenegenError), match=message):
        score_layout(mine, truth, "occ3d")


def test_a_pickle_of_more_than_arrays_is_refused(exported: Callable[[str], Path], tmp_path: Path) -> None:
    truth = exported("occscannet")
    mine = Path(shutil.copytree(truth, tmp_path / "mine"))
    next(mine.glob("gathered_data/*/*.pkl")).write_bytes(pickle.dumps({"target_1_4": Path("here")}))
    with pytest.raises(SeveralErrors, match="only numbers, texts and arrays are read from a pickle"):
        score_layout(mine, truth, "occscannet")
