"""report: the page holds everything itself, its scenes are the right ones, and damage is one line."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from helpers.trainer_boxes import small_config, trained_model
from PIL import Image
from scenegen.core.errors import ScenegenError
from scenetrain.evaluation.evaluate import SceneScore
from scenetrain.report.report import choose_scenes, write_report
from scenetrain.training.run_folder import save_model

HEAD = "epoch,train_loss,val_loss,val_iou,val_threshold,learning_rate,seconds\n"
STAGES = ("reconstructor_1", "reconstructor_3", "segmenter_1", "segmenter_3")


def make_run(folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    for stage in STAGES:
        (folder / stage).mkdir(parents=True)
        rows = "0,0.9,0.8,0.1,0.3,0.01,1.5\n1,0.5,0.6,0.2,0.31,0.01,1.5\n2,0.3,0.7,0.15,0.3,0.01,1.5\n"
        (folder / stage / "metrics.csv").write_text(HEAD + rows)
    save_model(folder, trained_model(small_config(), 0.5, 0.7))
    return folder


class Pictures(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for key, value in attrs if tag == "img" and key == "src"]


def test_a_page_that_needs_nothing_else(test_boxes: Path, tmp_path: Path) -> None:
    run, other = make_run(tmp_path / "final", 0), make_run(tmp_path / "first", 1)
    path = write_report(run, test_boxes, "test", other, torch.device("cpu"))
    assert path == run / "report.html"
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|<script|<link", text)
    sources = Pictures(text).sources
    files = {p.read_bytes() for p in (run / "report").glob("*.png")}
    held = [base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in sources]
    assert set(held) == files and len(held) >= 5
    for content in held:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    assert "reconstructor, 3 views" in text and "0.384" in text and ">first<" in text


def test_scenes_are_the_best_the_median_and_the_worst() -> None:
    scores = [
        SceneScore(n, 10 * n, None, {"occupancy": None, "masks": iou}, ())
        for n, iou in enumerate((0.2, 0.9, None, 0.5, 0.1, 0.4))
    ]
    assert {kind: score.index for kind, score in choose_scenes(scores).items()} == {
        "best": 10,
        "median": 50,
        "worst": 40,
    }
    assert list(choose_scenes(scores[:1])) == ["best"]
    assert choose_scenes([]) == {}


def test_damage_is_one_line(test_boxes: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 0)
    with pytest.raises(ScenegenError, match=r"none/model\.pt: no trained model"):
        write_report(run, test_boxes, "test", tmp_path / "none", torch.device("cpu"))
    (run / "segmenter_1" / "metrics.csv").write_text(HEAD + "0,much\n")
    with pytest.raises(ScenegenError, match=r"metrics\.csv: damaged"):
        write_report(run, test_boxes, "test", None, torch.device("cpu"))
