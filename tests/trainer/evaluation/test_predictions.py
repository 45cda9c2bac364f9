"""What `evaluate --predictions` keeps gives the scores that `evaluate` gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.trainer_boxes import small_config, trained_model
from scenegen.core.dataset.reading import Dataset
from scenegen.steps.score.score import score as score_predictions
from scenegen.steps.viewer.runs import open_run
from scenetrain.evaluation.evaluate import evaluate, open_scenes
from scenetrain.evaluation.predictions import PredictionFolder
from scenetrain.training.run_folder import load_model, save_model

CPU = torch.device("cpu")


def test_the_viewer_and_score_have_the_same_iou(tmp_path: Path, test_boxes: Path) -> None:
    torch.manual_seed(0)
    save_model(tmp_path, trained_model(small_config("model.prior=0.5"), 0.49, 0.08))
    trained = load_model(tmp_path, CPU)
    scenes = open_scenes(trained, test_boxes, "test")
    folder = PredictionFolder(tmp_path, trained, scenes)
    evaluation = evaluate(trained, scenes, CPU, keep=folder.keep)
    folder.finish(evaluation)
    dataset = Dataset(test_boxes)
    run = open_run(tmp_path, test_boxes, dataset.info)
    assert run.said.threshold == pytest.approx(0.08)
    assert len(run.said.scenes) == len(dataset)
    for scene, score in zip(dataset, run.said.scenes, strict=True):
        predicted = np.moveaxis(run.read(scene.index, None), 0, -1) >= 8
        union = (predicted | scene.masks).sum()
        assert score.iou == pytest.approx((predicted & scene.masks).sum() / union)

    counted = score_predictions(folder.folder, test_boxes)
    theirs = next(table for table in evaluation.tables if table.name == "set")
    for row, other in zip(counted.tables[0].rows, theirs.rows, strict=True):
        assert row.name == other.name and row.values[0] == pytest.approx(other.values[0], abs=1e-9)
