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
from scenegen.core.labels.grids import frustum_grid, to_grid_space
from scenegen.core.scene.scene import FrustumSpec
from scenetrain.config import ModelSettings, TrainingSettings
from scenetrain.evaluation.evaluate import predict_probabilities
from scenetrain.inference.photographs import read_photograph, read_view
from scenetrain.inference.predict import Taken, camera_of, predict
from scenetrain.networks.registry import FAMILIES, get_family
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
    [prediction] = predict(trained, photographs, tmp_path / "room", CPU)
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
    with Image.open(prediction.shown) as image:
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
    with pytest.raises(ScenegenError, match=r"text\.png: not an image that can be read \(of no format that is known\)"):
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


def test_a_photograph_is_cut_to_the_network_s_field_of_view(tmp_path: Path) -> None:
    """Columns of 90 degrees are at tan 45 = 1 from the middle: 40 degrees are the middle 36.4 per cent of them."""
    pixels = np.zeros((600, 1000, 3), np.uint8)
    pixels[:, 318:682] = (10, 200, 30)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    view = read_view(tmp_path / "wide.png", 64, 40.0, 90.0)
    assert view.used == (318, 118, 682, 482) and view.covered == (0, 0, 64, 64)
    assert (view.image == (10, 200, 30)).all()
    assert "90 degrees wide, the network 40: its middle 364 x 364 pixels are used" in view.note


def test_a_photograph_of_less_than_the_network_s_field_of_view_has_a_margin(tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), (10, 200, 30)).save(tmp_path / "tele.png")
    view = read_view(tmp_path / "tele.png", 100, 40.0, 20.0)
    side = 300 * np.tan(np.radians(20)) / np.tan(np.radians(10))
    left, top, right, bottom = view.covered
    assert right - left == pytest.approx(100 * 300 / side, abs=1) and bottom - top == pytest.approx(
        100 * 200 / side, abs=1
    )
    assert left == pytest.approx(100 - right, abs=1) and top == pytest.approx(100 - bottom, abs=1)
    assert view.used == (0, 0, 300, 200) and "all is air" in view.note


def test_exif_says_the_field_of_view(tmp_path: Path) -> None:
    """26 mm of 35 mm film: 43.27 mm across 1,000 pixels of diagonal. Upright by EXIF, 800 x 600 is 600 wide."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0xA405] = 26
    Image.new("RGB", (800, 600)).save(tmp_path / "phone.jpg", exif=exif)
    view = read_view(tmp_path / "phone.jpg", 64, 40.0, None)
    focal = 26 / np.hypot(36, 24) * 1000
    assert view.hfov_deg == pytest.approx(2 * np.degrees(np.arctan(300 / focal))) and "(EXIF)" in view.note
    side = round(2 * focal * np.tan(np.radians(20)))
    assert view.used == ((600 - side) // 2, (800 - side) // 2, (600 - side) // 2 + side, (800 - side) // 2 + side)
    assert read_view(tmp_path / "phone.jpg", 64, 40.0, 30.0).hfov_deg == 30
    Image.new("RGB", (800, 600)).save(tmp_path / "old.jpg")
    view = read_view(tmp_path / "old.jpg", 64, 40.0, None)
    assert view.used == (100, 0, 700, 600) and view.hfov_deg is None and "--hfov" in view.note


def test_a_photograph_of_too_few_pixels_is_named(tmp_path: Path) -> None:
    Image.new("RGB", (640, 480)).save(tmp_path / "far.png")
    assert "its middle 2 x 2 pixels are used; these are too few" in read_view(tmp_path / "far.png", 64, 40, 179).note
    assert "too few" not in read_view(tmp_path / "far.png", 64, 40, 60).note


def test_of_several_photographs_none_is_written_when_one_is_no_image(
    photographs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(ScenegenError, match=r"text\.jpg: not an image"):
        predict(frustum_run(monkeypatch), [photographs[0], tmp_path / "text.jpg"], tmp_path / "out", CPU)
    assert not (tmp_path / "out").exists()


def frustum_run(monkeypatch: pytest.MonkeyPatch) -> TrainedModel:
    """A network that answers every photograph with tables in the left half."""
    monkeypatch.setitem(FAMILIES, "constant_frustum", "helpers.constant_frustum_family")
    family = get_family("constant_frustum")
    config = family.settings(model=ModelSettings("constant_frustum"), training=TrainingSettings(views=1))
    grid = FrustumSpec(2.0, 12.0, (16, 16, 8), 40.0)
    network = family.build(config, len(CLASSES), grid.size, pretrained=False)
    with torch.no_grad():
        network.logits[2, :8] = 5.0
    frequency = torch.zeros((1 + len(CLASSES), *grid.size), dtype=torch.half)
    return TrainedModel(network.eval(), family, config, CLASSES, grid, {"labels": None}, frequency)


def test_each_photograph_becomes_a_frustum(
    photographs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One goes into --out itself, several beside each other; what a photograph does not show stays air."""
    trained = frustum_run(monkeypatch)
    [alone] = predict(trained, photographs[:1], tmp_path / "one", CPU)
    assert alone.shown == tmp_path / "one" / "voxels.png" and "a.jpg: its middle 480 x 480" in alone.notes[0]
    labels = np.load(tmp_path / "one" / "labels.npy")
    assert labels.shape == (16, 16, 8) and (labels[:8] == 2).all() and not labels[8:].any()
    [table] = json.loads((tmp_path / "one" / "objects.json").read_text())["objects"]
    assert table["class"] == "table" and table["centre"] == [0, 0, 5] and table["size"] == [1, 0.5, 2]
    assert table["rotation"] == pytest.approx([0.5**0.5, 0.5**0.5, 0, 0], abs=1e-6) and table["confidence"] == 0.75
    several = predict(trained, photographs, tmp_path / "all", CPU, taken=Taken(20.0), glb=False)
    assert [p.shown.parent for p in several] == [tmp_path / "all" / name for name in "abc"]
    assert not (tmp_path / "all" / "a" / "voxels.glb").exists()
    labels = np.load(tmp_path / "all" / "b" / "labels.npy")
    covered = read_view(photographs[1], 224, 40.0, 20.0).covered
    columns = [round(edge * 16 / 224) for edge in covered]
    assert labels.any(axis=(1, 2)).nonzero()[0].tolist() == list(range(columns[0], 8))
    assert labels.any(axis=(0, 2)).nonzero()[0].tolist() == list(range(columns[1], columns[3]))
    summary = json.loads((tmp_path / "all" / "b" / "prediction.json").read_text())
    assert summary["hfov_deg"] == 20 and summary["pixels"] == [0, 0, 224, 224]
    with torch.no_grad():
        trained.model.logits[0] = 9.0
    [nothing] = predict(trained, photographs[:1], tmp_path / "air", CPU)
    assert "finds nothing; all is air" in nothing.notes[-1]
    assert not trimesh.load(tmp_path / "air" / "voxels.glb").geometry
    with pytest.raises(UsageError, match="two photographs are called a,"):
        predict(trained, [photographs[0], tmp_path / "a.png"], tmp_path, CPU)


def test_the_frustum_s_surface_lies_on_scenegen_s_own_cells(
    photographs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every corner is one of the lattice that FrustumGrid says, within the half that the network fills."""
    trained = frustum_run(monkeypatch)
    assert isinstance(trained.grid, FrustumSpec)
    predict(trained, photographs[:1], tmp_path, CPU)
    mesh = trimesh.load(tmp_path / "voxels.glb", process=False).geometry["table"]
    places = to_grid_space(frustum_grid(camera_of(trained.grid, 224)), mesh.vertices * (1, -1, -1))
    places[:, :2] /= places[:, 2:]
    places[:, 2] = (places[:, 2] - 2) / 10 * 8
    np.testing.assert_allclose(places, places.round(), atol=1e-4)
    np.testing.assert_array_equal([places.min(axis=0).round(), places.max(axis=0).round()], [(0, 0, 0), (8, 16, 8)])


def test_no_field_of_view_for_networks_of_rooms(trained: TrainedModel, photographs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--hfov is for networks of frusta"):
        predict(trained, photographs, tmp_path, CPU, taken=Taken(60.0))
