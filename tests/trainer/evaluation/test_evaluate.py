"""evaluate: scores against plain numpy, confusion and seen objects against cases worked out by hand, bad input."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from helpers.trainer_boxes import CLASSES, small_config, trained_model
from scenegen.cli.score_tables import make_folder
from scenegen.core.dataset.info import read_dataset_json, write_dataset_json
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError
from scenegen.core.scene.scene import Bounds, GridSpec, PlacedObject
from scenetrain.cli.evaluate import evaluate as command
from scenetrain.evaluation.counts import count_confusion, likeliest_predicted
from scenetrain.evaluation.evaluate import as_json, evaluate, open_scenes, predict_probabilities
from scenetrain.metrics.seen import NOTHING, SEEN, UNSEEN, count_seen
from scenetrain.training.run_folder import load_model, save_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose network has random weights, and thresholds about which its probabilities lie."""
    folder = tmp_path_factory.mktemp("runs") / "random"
    folder.mkdir()
    torch.manual_seed(0)
    save_model(folder, trained_model(small_config("model.prior=0.5"), 0.49, 0.08))
    return folder


def numpy_iou(predicted: np.ndarray, truth: np.ndarray) -> float:
    union = (predicted | truth).sum()
    return float((predicted & truth).sum() / union) if union else float("nan")


def test_scores_are_those_of_plain_numpy(run: Path, test_boxes: Path) -> None:
    trained = load_model(run, CPU)
    result = evaluate(trained, open_scenes(trained, test_boxes, "test"), CPU)
    body = json.loads(json.dumps(as_json(result), allow_nan=False))

    dataset = Dataset(test_boxes)
    solid, labelled, tensors, pairs = [], [], [], []
    for scene in dataset:
        images = torch.from_numpy(np.stack(scene.images)).permute(0, 3, 1, 2)[None]
        found = predict_probabilities(trained, images)
        occupied, masks = found["occupancy"], found["masks"]
        solid.append(numpy_iou(np.floor(occupied[0, 0].numpy() * np.float32(100)) >= 49, scene.occupancy))
        predicted = np.floor(masks[0].movedim(0, -1).numpy() * np.float32(100)) >= 8
        tensors.append(numpy_iou(predicted, scene.masks))
        pairs.append((predicted, scene.masks))
        labelled.append([numpy_iou(predicted[..., c], scene.masks[..., c]) for c in range(len(CLASSES))])
    held = ~np.isnan(labelled)
    sums = np.nansum(labelled, axis=0)
    classes = [total / count if count else None for total, count in zip(sums, held.sum(axis=0), strict=True)]

    assert body["scenes"] == len(dataset)
    assert body["reconstructor"]["overall"] == pytest.approx(np.mean(solid))
    assert body["segmenter"]["overall"] == pytest.approx(np.mean(tensors))
    assert list(body["segmenter"]["classes"]) == list(CLASSES)
    for found, wanted in zip(body["segmenter"]["classes"].values(), classes, strict=True):
        assert found == (None if wanted is None else pytest.approx(wanted))
    assert body["segmenter"]["macro"] == pytest.approx(np.mean([iou for iou in classes if iou is not None]))
    assert (body["reconstructor"]["threshold"], body["segmenter"]["threshold"]) == (0.49, 0.08)
    frequency = trained.frequency.float().numpy()
    constants = (
        (body["constant"]["reconstructor"]["overall"], frequency[0], lambda scene: scene.occupancy),
        (body["constant"]["segmenter"]["overall"], np.moveaxis(frequency[1:], 0, -1), lambda scene: scene.masks),
    )
    for found, answer, truth in constants:
        means = [np.mean([numpy_iou(answer >= t, truth(scene)) for scene in dataset]) for t in (0, 0.2)]
        assert found == pytest.approx(max(means))
    assert [s["segmenter"] for s in body["scene_scores"]] == pytest.approx(tensors)
    whole = tuple(np.stack(part) for part in zip(*pairs, strict=True))
    over_set = {row["name"]: row["IoU"] for row in body["tables"]["set"]["rows"]}
    assert over_set["any class"] == pytest.approx(numpy_iou(whole[0].any(-1), whole[1].any(-1)))
    assert over_set["table"] == pytest.approx(numpy_iou(whole[0][..., 1], whole[1][..., 1]))
    assert result.any_class == pytest.approx(np.mean([numpy_iou(mine.any(-1), true.any(-1)) for mine, true in pairs]))
    assert 0 < np.mean(tensors) < 1
    assert result.confusion is not None and result.confusion.sum() == len(dataset) * 80 * 96 * 64


def test_confusion_by_hand() -> None:
    """Five voxels of two classes: air kept, hit, miss, mix-up, and one that truth gives to both classes."""
    truth = torch.tensor([[[0, 1, 1, 0, 1], [0, 0, 0, 1, 1]]], dtype=torch.bool).view(1, 2, 5, 1, 1)
    chance = torch.tensor([[[0.1, 0.9, 0.1, 0.8, 0.6], [0.2, 0.3, 0.2, 0.7, 0.7]]]).view(1, 2, 5, 1, 1)
    counts = count_confusion(likeliest_predicted(chance, chance >= 0.5), truth).view(3, 3)
    assert counts.tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 1]]


def test_unseen_objects_are_scored_apart() -> None:
    """Two chairs, one hidden: two of its four voxels are found, all of the seen one's and two beside it."""
    grid = GridSpec((0.0, 0.0, 0.0), 1.0, (10, 2, 1))
    eye = ((1.0, 0, 0, 2.0), (0, 1.0, 0, 1.0), (0, 0, 1.0, 0.0), (0, 0, 0, 1.0))
    seen = PlacedObject(0, "chair", "a", None, eye, Bounds((1, 0, 0), (3, 2, 1)), (2.0, 2.0, 1.0), (0, 9, 0))
    there = ((2.0, 0, 0, 8.0), (0, 2.0, 0, 1.0), (0, 0, 2.0, 0.0), (0, 0, 0, 1.0))
    hidden = replace(seen, id=1, matrix=there, size=(1.0, 1.0, 0.5), visible_pixels=(0, 0, 0, 5))
    truth, predicted = np.zeros((10, 2, 1, 2), bool), np.zeros((10, 2, 1, 2), bool)
    truth[1:3, ..., 0] = truth[7:9, ..., 0] = True
    predicted[1:4, ..., 0] = predicted[7:8, ..., 0] = predicted[5, ..., 1] = True
    counts = NOTHING + count_seen((seen, hidden), ("chair", "bag"), grid, 3, (predicted, truth))
    assert counts.voxels[SEEN].tolist() == [4, 6, 4]
    assert counts.voxels[UNSEEN].tolist() == [2, 2, 4]
    assert counts.score(SEEN).iou == pytest.approx(4 / 6)
    assert counts.score(UNSEEN).recall == 0.5
    assert counts.objects.tolist() == [1, 1]
    assert count_seen((hidden,), ("chair", "bag"), grid, 4, (predicted, truth)).score(SEEN).objects == 1

    # By visibility, the row y = 0 is free or a surface; the other is hidden or in no view.
    visibility = np.array([[[1], [3]], [[2], [0]]] * 5, np.uint8)
    counts = count_seen((seen, hidden), ("chair", "bag"), grid, 3, (predicted, truth), visibility)
    assert counts.voxels.tolist() == [[3, 4, 4], [3, 4, 4]]
    assert counts.objects.tolist() == [1, 1]
    visibility[7:9] = 3
    counts = count_seen((seen, hidden), ("chair", "bag"), grid, 3, (predicted, truth), visibility)
    assert counts.voxels[SEEN].tolist() == [2, 3, 2]
    assert counts.voxels[UNSEEN].tolist() == [4, 5, 6]


def test_the_command_prints_json_or_a_table(run: Path, test_boxes: Path) -> None:
    table = CliRunner().invoke(command, [str(run), "--data", str(test_boxes), "--device", "cpu"])
    assert table.exit_code == 0 and "0.384" in table.stdout and "nightstand" in table.stdout
    text = CliRunner().invoke(command, [str(run), "--data", str(test_boxes), "--device", "cpu", "--json"]).stdout
    assert {"reconstructor", "segmenter", "scenes"} <= set(json.loads(text))


def test_what_does_not_fit_is_one_line(run: Path, test_boxes: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match=r"model\.pt: no trained model; run `scenetrain fit"):
        load_model(tmp_path / "none", CPU)
    trained = load_model(run, CPU)
    with pytest.raises(ScenegenError, match="no scenes of split 'train'"):
        open_scenes(trained, test_boxes, "train")

    other = tmp_path / "other"
    shutil.copytree(test_boxes, other)
    info = read_dataset_json(other)
    write_dataset_json(other, replace(info, classes=tuple(reversed(info.classes))))
    with pytest.raises(ScenegenError, match="its classes are human, bag"):
        open_scenes(trained, other, "test")
    assert info.grid is not None
    write_dataset_json(other, replace(info, grid=replace(info.grid, shape=(40, 48, 32))))
    with pytest.raises(ScenegenError, match=r"its grid is \(40, 48, 32\)"):
        open_scenes(trained, other, "test")

    write_dataset_json(other, replace(info, grid=replace(info.grid, origin=(0.0, 0.0, 0.0))))
    with pytest.raises(ScenegenError, match=r"its grid is from \(0\.0, 0\.0, 0\.0\) on"):
        open_scenes(trained, other, "test")

    write_dataset_json(other, info)
    masks = next(other.glob("scenes/*/masks.npy"))
    masks.write_bytes(masks.read_bytes()[:1000])
    with pytest.raises(ScenegenError, match=rf"{masks.parent.name}/masks\.npy: damaged"):
        evaluate(trained, open_scenes(trained, other, "test"), CPU)


def test_a_folder_of_tables_that_cannot_be_is_said_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "tables").write_text("a file")
    with pytest.raises(ScenegenError, match=r"tables: cannot be written \(File exists\)"):
        make_folder(tmp_path / "tables")
