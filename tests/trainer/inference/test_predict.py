"""predict: photographs of any size, what is written, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from helpers.trainer_boxes import CLASSES, small_config, trained_model
from PIL import Image
from scenegen.core.errors import ScenegenError, UsageError
from scenetrain.evaluation.evaluate import predict_probabilities
from scenetrain.inference.predict import predict, read_photograph
from scenetrain.training.run_folder import TrainedModel

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    torch.manual_seed(0)
    return trained_model(small_config("model.prior=0.5"), 0.49, 0.08)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photographs")
    paths = [folder / "a.jpg", folder / "b.png", folder / "c.png"]
    for path, size in zip(paths, ((640, 480), (224, 224), (300, 900)), strict=True):
        noise = np.random.default_rng(size[0]).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
    return paths


def test_three_photographs_become_voxels(trained: TrainedModel, photographs: list[Path], tmp_path: Path) -> None:
    picture = predict(trained, photographs, tmp_path / "room", CPU, glb=True)
    masks, occupancy = (np.load(tmp_path / "room" / name) for name in ("masks.npy", "occupancy.npy"))
    assert (masks.shape, masks.dtype) == ((80, 96, 64, 6), bool)
    assert (occupancy.shape, occupancy.dtype) == ((80, 96, 64), bool)
    images = torch.from_numpy(np.stack([read_photograph(path) for path in photographs])).permute(0, 3, 1, 2)[None]
    found = predict_probabilities(trained, images)
    occupied, labelled = found["occupancy"], found["masks"]
    assert occupancy.sum() == (np.floor(occupied.numpy() * np.float32(100)) >= 49).sum()
    assert masks[..., 3].sum() == (np.floor(labelled[0, 3].numpy() * np.float32(100)) >= 8).sum() > 0
    summary = json.loads((tmp_path / "room" / "prediction.json").read_text())
    assert summary["voxels"]["laptop"] == masks[..., 3].sum()
    assert summary["classes"] == list(CLASSES)
    assert summary["grid"] == {"origin": [-2.0, -2.4, 0.0], "voxel_size": 0.05, "shape": [80, 96, 64]}
    with Image.open(picture) as image:
        assert image.width > 1000
    surfaces = trimesh.load(tmp_path / "room" / "voxels.glb", process=False)
    for name, voxels in zip(CLASSES, masks.sum(axis=(0, 1, 2)), strict=True):
        assert surfaces.geometry[name].volume == pytest.approx(voxels * 0.05**3, rel=1e-3)


def test_a_photograph_keeps_its_middle_square(tmp_path: Path) -> None:
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[:, 100:200] = (10, 200, 30)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    assert (read_photograph(tmp_path / "wide.png")[:, 8:-8] == (10, 200, 30)).all()


def test_a_photograph_is_upright_and_of_224_pixels_untouched(tmp_path: Path, photographs: list[Path]) -> None:
    with Image.open(photographs[1]) as image:
        assert (read_photograph(photographs[1]) == np.asarray(image)).all()
        exif = Image.Exif()
        exif[0x0112] = 6  # held so that it must turn a quarter clockwise
        image.save(tmp_path / "turned.png", exif=exif)
        assert (read_photograph(tmp_path / "turned.png") == np.rot90(np.asarray(image), -1)).all()


def test_what_is_refused(trained: TrainedModel, photographs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="photographs given: 2; the network takes 3"):
        predict(trained, photographs[:2], tmp_path, CPU)
    with pytest.raises(ScenegenError, match=r"gone\.png: no such image"):
        predict(trained, [*photographs[:2], tmp_path / "gone.png"], tmp_path, CPU)
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(ScenegenError, match=r"text\.png: not an image"):
        read_photograph(tmp_path / "text.png")
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(photographs[0].read_bytes()[:3000])
    with pytest.raises(ScenegenError, match=r"cut\.jpg: not an image"):
        read_photograph(cut)


def test_a_photograph_of_16_bits_or_with_alpha_looks_as_viewers_show_it(tmp_path: Path) -> None:
    """Once, a grey of 16 bits became white, and transparent cells the colour that lay under them."""
    grey = np.full((50, 50), 0x40FF, np.uint16)
    Image.fromarray(grey).save(tmp_path / "grey16.png")
    assert (read_photograph(tmp_path / "grey16.png") == 0x40).all()
    Image.new("RGBA", (50, 50), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (read_photograph(tmp_path / "clear.png") == 255).all()
    Image.new("LA", (50, 50), (90, 255)).save(tmp_path / "opaque.png")
    assert (read_photograph(tmp_path / "opaque.png") == 90).all()
    Image.new("RGB", (10_000, 40), (1, 2, 3)).save(tmp_path / "wide.png")
    assert (read_photograph(tmp_path / "wide.png", 256) == (1, 2, 3)).all()
