"""`scenegen score`: predictions of plain boxes in every layout, against counting written out here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.box_scenes import CLASSES, GRID, write_box_dataset
from scenegen import Dataset
from scenegen.cli.score import score as command
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.metrics.tables import ScoreTable
from scenegen.steps.score.score import PredictionScores, score

SCENES = 2


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rooms, with an object and a visibility in each cell: random, which the scores must not mind."""
    out = write_box_dataset(tmp_path_factory.mktemp("score") / "data", SCENES)
    random = np.random.default_rng(0)
    for stored in Dataset(out):
        folder = Path(stored.name)
        instances = np.zeros(GRID.shape, np.uint16)
        for item in stored.objects:
            instances[stored.masks[..., CLASSES.index(item.class_name)]] = item.id + 1
        visibility = random.integers(0, 4, GRID.shape, dtype=np.uint8)
        np.savez_compressed(folder / "voxels.npz", instances=instances, visibility=visibility)
        for k in range(len(stored.cameras)):
            labels = stored.frustum(k)
            seen = random.integers(0, 4, labels.shape, dtype=np.uint8)
            arrays = {"labels": labels, "instances": labels.astype(np.uint16), "visibility": seen}
            np.savez_compressed(folder / f"frustum_{k}.npz", **arrays)
        said = json.loads((folder / "scene.json").read_text())
        said["voxel_spec"] = {"instances": True, "visibility": True}
        (folder / "scene.json").write_text(json.dumps(said))
    return out


def labels_of(masks: np.ndarray) -> np.ndarray:
    return np.where(masks.any(-1), masks.argmax(-1) + 1, 0)


def noisy(labels: np.ndarray, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.where(random.random(labels.shape) < 0.2, random.integers(0, len(CLASSES) + 1, labels.shape), labels)


def table(scores: PredictionScores, name: str) -> ScoreTable:
    return next(table for table in scores.tables if table.name == name)


def figures(scores: PredictionScores, name: str, column: str) -> list[float | None]:
    found = table(scores, name)
    return [row.values[found.columns.index(column)] for row in found.rows]


def write(folder: Path, data: Path, array_of: Callable[[object], dict[str, np.ndarray]]) -> Path:
    folder.mkdir()
    for stored in Dataset(data):
        np.savez_compressed(folder / f"scene_{stored.index:06d}.npz", **array_of(stored))
    return folder


def test_the_truth_is_right_in_every_layout(data: Path, tmp_path: Path) -> None:
    """Masks keep the cells of several classes, so every figure is 1; occupancy has one row."""
    masks = score(write(tmp_path / "masks", data, lambda s: {"any_name": s.masks}), data)
    for name, column in (("iou", "set"), ("iou", "per scene, seen"), ("rays", "1 m")):
        known = [value for value in figures(masks, name, column) if value]
        assert len(known) >= 5 and known == pytest.approx([1.0] * len(known), abs=0.01), (name, column)
    occupancy = score(write(tmp_path / "occupancy", data, lambda s: {"arr_0": s.occupancy}), data)
    assert [row.name for row in table(occupancy, "iou").rows] == ["occupied"]
    assert figures(occupancy, "iou", "set") == pytest.approx([1.0], abs=1e-6)
    assert figures(occupancy, "rays", "mean")[0] == 1.0

    def panoptic(stored: object) -> dict[str, np.ndarray]:
        kinds = np.array([0, *(1 + CLASSES.index(item.class_name) for item in stored.objects)])
        return {"labels": kinds[stored.instances].astype(np.int32), "instances": stored.instances * 3}

    found = score(write(tmp_path / "panoptic", data, panoptic), data)
    for column in ("PQ", "SQ", "RQ", "PQ seen"):
        assert {value for value in figures(found, "panoptic", column) if value is not None} == {1.0}
    assert figures(found, "panoptic", "matched")[-1] == sum(len(np.unique(s.instances)) - 1 for s in Dataset(data))


def test_figures_are_those_of_counting_cells(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    scenes = list(Dataset(data))
    predicted = [noisy(labels_of(stored.masks), stored.index).astype(np.uint8) for stored in scenes]
    for stored, array in zip(scenes, predicted, strict=True):
        np.save(folder / f"scene_{stored.index:06d}.npy", np.asfortranarray(array))
    found = score(folder, data, workers=1)
    cells, truth = (np.concatenate([side.reshape(-1, *side.shape[3:]) for side in sides]) for sides in (
        predicted, [stored.masks for stored in scenes]))  # fmt: skip
    visibility = np.concatenate([stored.visibility.ravel() for stored in scenes])
    for column, kept in (("set", visibility >= 0), ("set, seen", (visibility == 1) | (visibility == 2))):
        expected = []
        for c in range(len(CLASSES)):
            mine, theirs = cells[kept] == c + 1, truth[kept, c]
            expected.append((mine & theirs).sum() / (mine | theirs).sum())
        mine, theirs = cells[kept] > 0, truth[kept].any(-1)
        expected += [np.mean(expected), (mine & theirs).sum() / (mine | theirs).sum()]
        assert figures(found, "iou", column) == pytest.approx(expected, rel=1e-6)
    each = [
        ((a > 0) & s.occupancy).sum() / ((a > 0) | s.occupancy).sum() for a, s in zip(predicted, scenes, strict=True)
    ]
    assert figures(found, "iou", "per scene")[-1] == pytest.approx(np.mean(each))
    assert [scene["iou"] for scene in found.to_json()["scene_scores"]] == pytest.approx(each)


def test_frusta_are_scored_by_camera(data: Path, tmp_path: Path) -> None:
    """Some images alone; of one of them the truth, of another all one cell too near."""
    stored = Dataset(data)[1]
    for k, labels in ((0, stored.frustum(0)), (1, np.roll(stored.frustum(1), -1, axis=2))):
        np.savez(tmp_path / f"scene_000001_camera_{k}.npz", labels=labels, instances=labels.astype(int))
    with pytest.raises(ScenegenError, match=r"no prediction of scene_000000_camera_0, .* --partial"):
        score(tmp_path, data)
    found = score(tmp_path, data, partial=True)
    first, second = found.to_json()["scene_scores"]
    assert (first["camera"], first["iou"]) == (0, 1.0) and (second["camera"], second["iou"] < 0.99) == (1, True)
    assert figures(found, "rays", "1 m")[-1] > 0.9 and found.to_json()["grid"] == "frustum"
    assert "PQ seen" in table(found, "panoptic").columns


CELLS = np.zeros(GRID.shape, np.uint8)
MASKS = np.zeros((*GRID.shape, len(CLASSES)), bool)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"labels": CELLS[:-1]}, r"\(39, 48, 32\), the grid is \(40, 48, 32\); write one value per cell"),
        ({"labels": CELLS.T}, "transpose it"),
        ({"masks": np.moveaxis(MASKS, -1, 0)}, "np.moveaxis"),
        ({"masks": MASKS.astype(np.uint8)}, "as bool"),
        ({"p": CELLS.astype(np.float32)}, "argmax"),
        ({"labels": CELLS + 7}, "has label 7; labels are 0 = air, 1 = chair to 6 = human"),
        ({"labels": CELLS.astype(int) - 1}, "has label -1"),
        ({"masks": MASKS, "instances": CELLS}, "need labels"),
        ({"labels": CELLS, "instances": CELLS[1:]}, "`instances` are"),
        ({"a": CELLS, "b": CELLS}, "has a, b; keep one"),
        ({"instances": CELLS}, "keep one"),
    ],
)
def test_arrays_that_do_not_fit_are_told(data: Path, tmp_path: Path, arrays: dict[str, np.ndarray], says: str) -> None:
    np.savez(tmp_path / "scene_000001.npz", **arrays)
    with pytest.raises(ScenegenError, match=says) as caught:
        score(tmp_path, data, partial=True)
    assert str(caught.value).startswith(f"{tmp_path}/scene_000001.npz: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["scene_000000.npy"], "no prediction of scene_000001, 1 of 2"),
        (["scene_000000.npy", "scene_000001.npy", "scene_000009.npy"], "scene_000009.npy not in"),
        (["room.npy"], "is not named as a scene is"),
        (["scene_000000.npy", "scene_000000.npz"], "of the same scene"),
        (["scene_000000.npy", "scene_000000_camera_0.npy"], "a folder each"),
        (["notes.txt"], "has no predictions"),
    ],
)
def test_folders_that_do_not_fit_are_told(data: Path, tmp_path: Path, names: list[str], says: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(ScenegenError, match=says):
        score(tmp_path, data)


def test_damaged_and_mixed_predictions_are_told(data: Path, tmp_path: Path) -> None:
    (tmp_path / "scene_000000.npy").write_bytes(b"\x93NUMPY\x01")
    np.save(tmp_path / "scene_000001.npy", CELLS[1:])
    with pytest.raises(ScenegenError) as caught:
        score(tmp_path, data)
    assert len(caught.value.args) == 2
    np.save(tmp_path / "scene_000000.npy", CELLS)
    np.save(tmp_path / "scene_000001.npy", CELLS > 0)
    with pytest.raises(ScenegenError, match="the same for all scenes"):
        score(tmp_path, data)


def test_data_without_labels_of_objects(data: Path, tmp_path: Path) -> None:
    """Older data has no visibility, which a note says, and no objects, so instances are refused."""
    older = tmp_path / "older"
    shutil.copytree(data, older)
    for file in older.glob("scenes/*/scene.json"):
        said = json.loads(file.read_text())
        del said["voxel_spec"]
        file.write_text(json.dumps(said))
    found = score(write(tmp_path / "plain", data, lambda s: {"labels": labels_of(s.masks)}), older)
    assert "set, seen" not in table(found, "iou").columns and "voxelize" in table(found, "iou").notes[-1]
    both = write(tmp_path / "objects", data, lambda s: {"labels": labels_of(s.masks), "instances": s.instances})
    with pytest.raises(ScenegenError, match="scenegen voxelize"):
        score(both, older)


def test_command_prints_json_and_writes_csv(data: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "masks", data, lambda s: {"masks": s.masks})
    run = CliRunner().invoke(
        command, [str(folder), str(data), "--json", "--csv", str(tmp_path / "csv"), "--workers", "1"],
        standalone_mode=False,
    )  # fmt: skip
    assert run.exception is None
    body = json.loads(run.stdout)
    assert body["scenes"] == SCENES and set(body["tables"]) == {"iou", "rays"}
    assert (tmp_path / "csv" / "iou.csv").read_text().startswith("class,set,per scene,")
    shown = CliRunner().invoke(command, [str(folder), str(data), "--workers", "1"], standalone_mode=False)
    assert "IoU of cells" in shown.stdout and "RayIoU" in shown.stdout
    with pytest.raises(UsageError, match="no such folder"):
        score(tmp_path / "nowhere", data)
