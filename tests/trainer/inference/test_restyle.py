"""`scenetrain restyle`: painted images beside the rendered ones, and everything else as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from helpers.trainer_boxes import write_boxes
from PIL import Image
from scenegen import Dataset
from scenegen.core.dataset.packing import Packing
from scenegen.core.errors import ScenegenError
from scenegen.steps.pack import pack
from scenetrain.cli.main import cli
from scenetrain.data.image_sets import open_image_set
from scenetrain.inference.restyle import ContourRecall, contour_recall
from scenetrain.networks.settings import load_paint_config
from scenetrain.training.paint import fit_painter

CPU = torch.device("cpu")
SMALL = ("model.channels=4", "model.judge_channels=4", "model.halvings=2", "model.blocks=1", "training.epochs=1",
         "training.size=64", "training.crop=64", "losses.perceptual_weight=0.0")  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_boxes(tmp_path_factory.mktemp("restyle") / "data", 2)


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "real"
    fit_painter(load_paint_config("pix2pixhd", "tiny", SMALL), data, folder, CPU, lambda _: None)
    return folder


def restyle(*words: object) -> str:
    done = CliRunner().invoke(cli, ["restyle", *map(str, words), "--device", "cpu"])
    if done.exception:
        raise done.exception
    return done.stdout


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file() and f.name[0] != "."}


def test_a_copy_has_everything_and_continues(data: Path, run: Path, tmp_path: Path) -> None:
    before, out = files(data), tmp_path / "out"
    assert "6 images restyled" in restyle(data, out, "--run", run)
    after = files(out)
    assert {name: after[name] for name in before} == before == files(data)
    added = sorted(set(after) - set(before))
    assert added == [
        "restyled.json",
        *(f"scenes/scene_{i:06d}/image_restyled_{k}.png" for i in (0, 1) for k in range(3)),
    ]
    assert Image.open(out / added[1]).size == (224, 224)
    record = json.loads(after["restyled.json"])
    assert record["painter"] == "pix2pixhd" and record["images"] == 6 and len(record["checksum"]) == 64
    assert np.array_equal(Dataset(out)[0].masks, Dataset(data)[0].masks)
    shutil.rmtree(out / "scenes/scene_000001")
    (out / "scenes/scene_000000/image_restyled_2.png").unlink()  # a scene that is half there is made again
    assert "6 images restyled" in restyle(data, out, "--run", run)
    assert files(out) == after
    assert "0 images restyled, 6 were there" in restyle(data, out, "--run", run)


def test_in_place_and_packed(data: Path, run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(data, tmp_path / "copy")
    restyle(copy, copy, "--run", run)
    assert len(list(copy.glob("scenes/*/image_restyled_*.png"))) == 6
    pack(data, tmp_path / "packed", Packing("png", 95, maps=False, shard_mb=1.0))
    restyle(tmp_path / "packed", tmp_path / "images", "--run", run)
    assert len(files(tmp_path / "images")) == 7
    found = open_image_set(copy, 4, restyled=True)
    names = [file.name for file in found.files]
    assert names == [f"scene_{i:06d}/image_restyled_{k}.png" for i, k in ((0, 0), (0, 1), (1, 0), (1, 1))]
    assert found.notes == ()
    (copy / "restyled.json").write_text((tmp_path / "images/restyled.json").read_text().replace('"images"', '"begun"'))
    (said,) = open_image_set(copy, 4, restyled=True).notes
    assert said.startswith(f"{copy}: 6 images are restyled, not all; run the same")
    with pytest.raises(ScenegenError, match="no restyled images"):
        open_image_set(data, 4, restyled=True)
    with pytest.raises(ScenegenError, match="is packed"):
        restyle(tmp_path / "packed", tmp_path / "packed", "--run", run)


def test_another_run_is_refused(data: Path, run: Path, tmp_path: Path) -> None:
    restyle(data, tmp_path / "out", "--run", run)
    other = tmp_path / "other"
    fit_painter(load_paint_config("pix2pixhd", "tiny", (*SMALL, "training.seed=1")), data, other, CPU, lambda _: None)
    with pytest.raises(ScenegenError, match="by another run"):
        restyle(data, tmp_path / "out", "--run", other)
    with pytest.raises(ScenegenError, match="no trained painter"):
        restyle(data, tmp_path / "new", "--run", data)


def test_contour_recall_counts_edges_within_two_pixels() -> None:
    instances = np.zeros((20, 20), np.uint16)
    instances[:, 10:] = 7  # the contour is column 9
    rendered, restyled = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    rendered[:, 11] = True
    restyled[:5, 12] = True
    assert contour_recall(instances, rendered, restyled) == ContourRecall(20, 20, 0, 5)  # column 10 in the mirror
    restyled[:5, 8] = True
    assert contour_recall(instances, rendered, restyled).restyled == 6  # one more, diagonally below


def test_borders_of_objects_join_what_a_painter_is_given(data: Path, tmp_path: Path) -> None:
    lined = shutil.copytree(data, tmp_path / "lined")
    numbers = np.zeros((224, 224), np.uint16)
    numbers[50:150, 60:160] = 1
    for file in lined.glob("scenes/*/instance_*.png"):
        Image.fromarray(numbers).save(file)
    config = load_paint_config("pix2pixhd", "tiny", (*SMALL, "edges.borders=true"))
    fit_painter(config, lined, tmp_path / "run", CPU, lambda _: None)
    restyle(lined, tmp_path / "out", "--run", tmp_path / "run")
    restyle(data, tmp_path / "bare", "--run", tmp_path / "run")
    name = "scenes/scene_000000/image_restyled_0.png"
    with_borders, without = (np.asarray(Image.open(tmp_path / out / name)).astype(int) for out in ("out", "bare"))
    changed = np.abs(with_borders - without).sum(2)
    assert changed[45:155, 55:165].any() and not np.array_equal(with_borders, without)
    assert json.loads((tmp_path / "out/restyled.json").read_text())["edges"]["borders"] is True
    pack(data, tmp_path / "packed", Packing("png", 95, maps=False, shard_mb=1.0))
    for call in (
        lambda: restyle(tmp_path / "packed", tmp_path / "images", "--run", tmp_path / "run"),
        lambda: fit_painter(config, tmp_path / "packed", tmp_path / "new", CPU, lambda _: None),
    ):
        with pytest.raises(ScenegenError, match=r"instance maps, .*edges.borders=false"):
            call()
