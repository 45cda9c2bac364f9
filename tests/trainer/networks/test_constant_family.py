"""A family that no module names goes through everything that a network goes through: nothing else knows networks."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from helpers import constant_family, constant_frustum_family
from helpers.trainer_boxes import CLASSES
from scenegen.core.dataset.reading import Dataset
from scenetrain.cli.main import cli
from scenetrain.config import Config
from scenetrain.networks.registry import FAMILIES
from scenetrain.networks.settings import load_config
from scenetrain.training.run_folder import load_model
from trainer.networks.base import FamilyTests

TOML = """
[model]
name = "{name}"

[training]
views = {views}
epochs = 12
precision = "32-true"
"""


def run(*words: object) -> str:
    done = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def registered() -> None:
    FAMILIES["constant"] = "helpers.constant_family"
    FAMILIES["constant_frustum"] = "helpers.constant_frustum_family"
    yield
    del FAMILIES["constant"], FAMILIES["constant_frustum"]


def train(folder: Path, data: Path, name: str, views: int) -> Path:
    (folder / "constant.toml").write_text(TOML.format(name=name, views=views))
    run(
        "fit",
        "--data",
        data,
        "--out",
        folder / "run",
        "--config",
        folder / "constant.toml",
        "--device",
        "cpu",
        "--workers",
        0,
    )
    return folder / "run"


@pytest.fixture(scope="module")
def trained(registered: None, boxes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("constant"), boxes, "constant", 3)


def test_it_learns_how_often_a_voxel_is_of_a_class(trained: Path) -> None:
    """Probabilities near 0 and 1 take long; those between are near the frequencies."""
    model = load_model(trained, torch.device("cpu"))
    assert model.family.name == "constant" and set(model.thresholds) == {"masks"}
    probabilities = model.model.logits.detach().sigmoid()
    frequency = model.frequency[1:].float()
    assert probabilities[frequency == 0].max() < 0.05
    assert (probabilities - frequency)[frequency > 0.15].abs().max() < 0.1


def test_its_scores_are_those_of_plain_numpy(trained: Path, test_boxes: Path) -> None:
    body = json.loads(run("evaluate", trained, "--data", test_boxes, "--device", "cpu", "--json"))
    model = load_model(trained, torch.device("cpu"))
    probabilities = model.model.logits.detach().sigmoid().movedim(0, -1).numpy()
    predicted = np.floor(probabilities * np.float32(100)) >= round(100 * model.thresholds["masks"])
    ious = [(predicted & s.masks).sum() / (predicted | s.masks).sum() for s in Dataset(test_boxes)]
    assert body["masks"]["overall"] == pytest.approx(np.mean(ious))
    assert body["constant"]["masks"]["overall"] >= body["masks"]["overall"]
    assert sum(map(sum, body["confusion"]["voxels"])) == 3 * 80 * 96 * 64
    assert "masks overall" in run("evaluate", trained, "--data", test_boxes, "--device", "cpu")


def test_report_predict_and_export(trained: Path, test_boxes: Path, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    run("report", trained, "--data", test_boxes, "--device", "cpu")
    text = (trained / "report.html").read_text()
    assert "A constant" in text and "masks IoU, overall" in text

    images = [test_boxes / "scenes" / "scene_000000" / f"image_{k}.png" for k in range(3)]
    run("predict", trained, *images, "--out", tmp_path / "room", "--device", "cpu")
    masks = np.load(tmp_path / "room" / "masks.npy")
    model = load_model(trained, torch.device("cpu"))
    probabilities = model.model.logits.detach().sigmoid().numpy()
    assert masks.shape == (80, 96, 64, len(CLASSES)) and masks.any()
    assert (probabilities[:, masks.any(-1)].max(0) >= model.thresholds["masks"]).all()

    run("export", trained, "--views", "dynamic", "--out", tmp_path / "constant.onnx")
    runtime = onnxruntime.InferenceSession(str(tmp_path / "constant.onnx"), providers=["CPUExecutionProvider"])
    (found,) = runtime.run(["masks"], {"images": np.zeros((2, 1, 3, 224, 224), np.float32)})
    assert found.shape == (2, *probabilities.shape) and np.abs(found - probabilities).max() < 1e-6


def test_frusta_of_single_views(registered: None, boxes: Path, test_boxes: Path, tmp_path: Path) -> None:
    """Every view of every scene is an item: a softmax learns the likeliest label, scored against plain numpy."""
    folder = train(tmp_path, boxes, "constant_frustum", 1)
    answer_of = ("evaluate", folder, "--data", test_boxes, "--device", "cpu")
    body = json.loads(run(*answer_of, "--json", "--csv", tmp_path / "scores"))
    model = load_model(folder, torch.device("cpu"))
    assert model.grid.size == (8, 8, 8) and model.thresholds == {"labels": None}
    answer = model.model.logits.detach().argmax(0).numpy()
    assert answer.any()
    ious = []
    for scene in Dataset(test_boxes):
        for k in range(3):
            truth = scene.frustum(k)
            hit, union = ((truth == answer) & (truth > 0)).sum(), (truth > 0).sum() + (answer > 0).sum()
            ious.append(hit / (union - hit))
    assert body["labels"]["overall"] == pytest.approx(np.mean(ious)) and np.mean(ious) > 0
    assert [s["camera"] for s in body["scene_scores"]] == [0, 1, 2] * 3
    assert "threshold" not in body["labels"] and "seen" not in body
    printed = run(*answer_of)
    assert "labels overall" in printed and "cubic metres" in printed and "true frustum" in printed
    assert set(body["tables"]) == {"set", "fruxels", "depth", "rays"}
    for name, table in body["tables"].items():
        with (tmp_path / "scores" / f"{name}.csv").open() as file:
            lines = list(csv.DictReader(file))
        assert [next(iter(line.values())) for line in lines] == [row["name"] for row in table["rows"]]
        for line, row in zip(lines, table["rows"], strict=True):
            figures = {key: None if line[key] == "" else float(line[key]) for key in table["columns"]}
            assert figures == {key: row[key] for key in table["columns"]}
    fruxels = {row["name"]: row for row in body["tables"]["fruxels"]["rows"]}
    assert fruxels["any class"]["set"] > 0


def settings(name: str, epochs: int) -> Config:
    return load_config(
        "constant", ("training.views=1", f"training.epochs={epochs}", "training.precision=32-true"), name
    )


class TestConstant(FamilyTests):
    family = constant_family.FAMILY
    module = "helpers.constant_family"
    parameters = 2 * 80 * 96 * 64
    least_iou = 0.2

    @classmethod
    def small(cls) -> Config:
        return settings("constant", 3)

    @classmethod
    def by_heart(cls) -> Config:
        return settings("constant", 40)


class TestConstantFrustum(FamilyTests):
    family = constant_frustum_family.FAMILY
    module = "helpers.constant_frustum_family"
    shape = (8, 8, 8)
    parameters = 3 * 8 * 8 * 8
    least_iou = 0.2

    @classmethod
    def small(cls) -> Config:
        return settings("constant_frustum", 3)

    @classmethod
    def by_heart(cls) -> Config:
        return settings("constant_frustum", 40)
