"""report: the page holds everything itself, its scenes are the right ones, and damage is one line."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import small_ssz_family
from helpers.trainer_boxes import CLASSES, View, small_config, trained_model, write_boxes
from PIL import Image
from scenegen.core.errors import ScenegenError
from scenegen.core.scene.classes import class_color
from scenegen.core.scene.scene import FrustumSpec
from scenetrain.config import ModelSettings, TrainingSettings
from scenetrain.evaluation.evaluate import Evaluation, OutputScore, SceneScore, evaluate, open_scenes
from scenetrain.evaluation.predictions import PredictionFolder
from scenetrain.metrics.iou import Scores
from scenetrain.networks.registry import FAMILIES, get_family
from scenetrain.networks.settings import load_config
from scenetrain.report.frustum_sheets import GAP, HEAD_HEIGHT, SMALL
from scenetrain.report.report import choose_scenes, write_report
from scenetrain.report.tables import score_rows
from scenetrain.report.viewer_links import viewer_links
from scenetrain.training.run_folder import TrainedModel, load_model, save_model

METRICS_HEAD = "epoch,train_loss,val_loss,val_iou,val_threshold,learning_rate,seconds\n"
STAGES = ("reconstructor_1", "reconstructor_3", "segmenter_1", "segmenter_3")


def make_run(folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    for stage in STAGES:
        (folder / stage).mkdir(parents=True)
        rows = "0,0.9,0.8,0.1,0.3,0.01,1.5\n1,0.5,0.6,0.2,0.31,0.01,1.5\n2,0.3,0.7,0.15,0.3,0.01,1.5\n"
        (folder / stage / "metrics.csv").write_text(METRICS_HEAD + rows)
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
    run, other = make_run(tmp_path / "<b>final", 0), make_run(tmp_path / "first", 1)
    path = write_report(run, test_boxes, "test", (other,), torch.device("cpu"))
    assert path == run / "report.html"
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://(?!127\.0\.0\.1:)|<script|<link", text)
    sources = Pictures(text).sources
    files = {p.read_bytes() for p in (run / "report").glob("*.png")}
    held = [base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in sources]
    assert set(held) == files and len(held) >= 5
    for content in held:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    assert "reconstructor, 3 views" in text and "0.384" in text and ">first<" in text
    assert "<h1>&lt;b&gt;final</h1>" in text and "<b>final" not in text
    worst = next(iter(re.findall(r'Worst <a href="([^"]+)">scene (\d+)</a>', text)))
    assert worst[0] == f"http://127.0.0.1:8123/#/scene/{worst[1]}"
    assert f"<code>scenegen view {test_boxes} --port 8123</code>" in text


def test_scenes_lead_to_their_errors_where_predictions_were_kept(test_boxes: Path, tmp_path: Path) -> None:
    runs = make_run(tmp_path / "a run", 0), make_run(tmp_path / "other", 1)
    trained = load_model(runs[0], torch.device("cpu"))
    scenes = open_scenes(trained, test_boxes, "test")
    PredictionFolder(runs[0], trained, scenes).finish(evaluate(trained, scenes, torch.device("cpu")))
    links = viewer_links(test_boxes, runs)
    assert links.command == f"scenegen view {test_boxes} --run '{runs[0]}' --port 8123"
    of_scene, of_camera = SceneScore(0, 7, None, {}, ()), SceneScore(0, 7, 2, {}, ())
    assert links.address(of_scene) == "http://127.0.0.1:8123/#/scene/7?compare=errors"
    assert links.address(of_camera) == "http://127.0.0.1:8123/#/scene/7?compare=errors&volume=2"
    assert not viewer_links(test_boxes, runs[1:]).predictions


def test_scenes_are_the_best_the_median_and_the_worst() -> None:
    ious = (0.2, 0.9, None, 0.5, 0.1, 0.4)
    scores = [SceneScore(n, 10 * n, None, {"occupancy": 1.0, "masks": iou}, ()) for n, iou in enumerate(ious)]
    assert {kind: score.index for kind, score in choose_scenes(scores, "masks").items()} == {
        "best": 10,
        "median": 50,
        "worst": 40,
        "second worst": 0,
    }
    assert list(choose_scenes(scores[:1], "masks")) == ["best"]
    assert choose_scenes([], "masks") == {}


def test_damage_is_one_line(test_boxes: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 0)
    with pytest.raises(ScenegenError, match=r"none/model\.pt: no trained model; run `scenetrain fit --out \S+/none`"):
        write_report(run, test_boxes, "test", (tmp_path / "none",), torch.device("cpu"))
    (run / "segmenter_1" / "metrics.csv").write_text(METRICS_HEAD + "0,much\n")
    with pytest.raises(ScenegenError, match=r"metrics\.csv: damaged"):
        write_report(run, test_boxes, "test", (), torch.device("cpu"))


def test_a_report_of_frusta_names_scene_and_camera(
    test_boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One label per cell: no threshold to plot, no objects seen or unseen, an item is one image."""
    monkeypatch.setitem(FAMILIES, "constant_frustum", "helpers.constant_frustum_family")
    family = get_family("constant_frustum")
    config = family.settings(model=ModelSettings("constant_frustum"), training=TrainingSettings(views=1))
    grid, classes = FrustumSpec(0.5, 7.0, (8, 8, 8), 60.0), len(CLASSES)
    network = family.build(config, classes, grid.size, pretrained=False)
    with torch.no_grad():
        network.logits[2, :4] = 5.0  # tables in the left half
    frequency = torch.zeros((1 + classes, *grid.size), dtype=torch.half)
    save_model(tmp_path, TrainedModel(network, family, config, CLASSES, grid, {"labels": None}, frequency))
    text = write_report(tmp_path, test_boxes, "test", (), torch.device("cpu")).read_text(encoding="utf-8")
    assert "9 images" in text and "likeliest class" in text and re.search(r"scene \d, camera \d", text)
    assert "seen by" not in text and "<h2>Threshold</h2>" not in text and "<h2>Training</h2>" not in text
    assert "labels macro" in text and "<h2>Confusion</h2>" in text and "paper" not in text
    sheet = np.asarray(Image.open(tmp_path / "report" / "scene_best.png"))
    blue = sheet[..., 2].astype(int) > sheet[..., :2].max(axis=-1).astype(int) + 60
    assert blue.mean() > 0.02, "tables are blue"
    middle = (2 * HEAD_HEIGHT + SMALL + SMALL // 2, GAP + SMALL // 2)
    assert tuple(sheet[middle]) == class_color("table"), (
        "the table that the network finds is in the photograph's middle"
    )
    assert "<th>worst</th>" in text


def test_several_runs_stand_in_one_table_beside_the_paper_s_versions(
    test_boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row per run: what it is, its parameters and its version in the paper. Parts of the losses have a plot."""
    family = get_family("ssz")
    monkeypatch.setitem(FAMILIES, "ssz", "helpers.small_ssz_family")
    small = get_family("ssz")
    assert small.reads.shape != family.reads.shape
    grid = FrustumSpec(0.5, 7.0, small.reads.shape or (), 60.0)
    data = write_boxes(tmp_path / "data", 1, "test", view=View(small_ssz_family.PIXELS, small_ssz_family.SHAPE))
    frequency = torch.zeros((1 + len(CLASSES), *grid.size), dtype=torch.half)
    for name, changes in (("full", ()), ("plain", ("losses.adversarial_weight=0.0", "losses.pose_weight=0.0"))):
        config = load_config("tiny", ("model.width=0.125", *changes), "ssz")
        network = small.build(config, len(CLASSES), grid.size, pretrained=False)
        (tmp_path / name / "ssz").mkdir(parents=True)
        save_model(tmp_path / name, TrainedModel(network, small, config, CLASSES, grid, {"labels": None}, frequency))
    head = METRICS_HEAD.strip() + ",generator.labels,judge.accuracy\n"
    (tmp_path / "full" / "ssz" / "metrics.csv").write_text(
        head + "0,9,8,0.1,0.5,0.01,1.5,7,0.6\n1,5,6,0.2,0.5,0.01,1.5,4,\n"
    )
    others = (tmp_path / "plain",)
    text = write_report(tmp_path / "full", data, "test", others, torch.device("cpu")).read_text(encoding="utf-8")
    rows = {row[0]: row[1:] for row in re.findall(r"<tr><td>(\w+)</td>" + 6 * r"<td[^>]*>([^<]*)</td>" + "</tr>", text)}
    assert rows["full"][0] == rows["plain"][0] == "SSZ" and "no judge" in rows["plain"][1]
    assert rows["full"][5] == "SSZ: 0.620" and rows["plain"][5] == "without 6DoF: 0.461"
    assert int(rows["full"][2].replace(",", "")) > int(rows["plain"][2].replace(",", ""))
    assert "Parts of the losses" in text and (tmp_path / "full" / "report" / "parts.png").is_file()
    assert all(f">{name}</" in text or f"</i>{name}" in text for name in CLASSES)


def test_rows_of_scores_follow_the_outputs_and_the_paper() -> None:
    family = get_family("everted")
    occupancy, masks = family.outputs
    classes = (0.1, 0.2, None, 0.4, 0.5, 0.6)
    held = (1, 2, 0, 3, 4, 4)
    scores = Scores(0.3, 0.7, 0.36, classes, held, precision=0.8, recall=0.9, scenes=4)
    scenes = tuple(SceneScore(n, n, None, {}, ()) for n in range(4))
    first = Evaluation(
        CLASSES, {o.name: OutputScore(o, scores, None, scores) for o in (occupancy, masks)}, scenes, None, None, None
    )
    second = replace(first, outputs={"masks": OutputScore(masks, replace(scores, overall=0.6), None, scores)})
    rows = score_rows(family, [first, second])
    assert [row.name for row in rows] == ["reconstructor", *CLASSES, "segmenter overall", "segmenter macro"]
    assert [row.items for row in rows] == [4, *held, 4, 4]
    assert [row.runs for row in rows] == [(0.7, None), *((iou, iou) for iou in classes), (0.7, 0.6), (0.36, 0.36)]
    # Tables 1 and 2 of the paper
    assert [row.paper for row in rows[:3]] == [(None, 0.392), (0.264, 0.302), (0.366, 0.358)]
    assert [row.starts_group for row in rows] == [True, True, *[False] * 5, True, False]
