"""Exported files against the live network, read back by ONNX Runtime and torch.export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from helpers.trainer_boxes import CLASSES, enliven, small_config, trained_model
from scenegen.core.errors import ScenegenError, UsageError
from scenetrain.evaluation.evaluate import predict_probabilities
from scenetrain.inference.export import export
from scenetrain.networks.everted.network import EvertedUNet
from scenetrain.training.run_folder import TrainedModel

IMAGE_SIZE = 224

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def lively(*changes: str) -> TrainedModel:
    """A narrow network whose batch norms are not the identity and whose answers differ from voxel to voxel."""
    torch.manual_seed(0)
    trained = trained_model(small_config("model.prior=0.5", *changes), 0.32, 0.41)
    enliven(trained.model)
    return trained


@pytest.fixture(scope="module")
def mirrored() -> TrainedModel:
    """With views that are mirrored to the first one's place."""
    trained = lively("model.fusion=mean", "model.mirror=true")
    assert isinstance(trained.model, EvertedUNet)
    trained.model.set_mirrors((0, 1, 3))
    return trained


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    """With the paper's fusion."""
    return lively("model.fusion=context")


def images(batch: int, views: int) -> torch.Tensor:
    shape = (batch, views, 3, IMAGE_SIZE, IMAGE_SIZE)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(views))


def live(trained: TrainedModel, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
    found = predict_probabilities(trained, pictures)
    assert found["masks"].std() > 1e-3
    return {"occupancy": found["occupancy"][:, 0], "masks": found["masks"]}


def assert_same(trained: TrainedModel, pictures: torch.Tensor, occupancy: torch.Tensor, masks: torch.Tensor) -> None:
    expected = live(trained, pictures)
    for found, name in ((occupancy, "occupancy"), (masks, "masks")):
        assert found.shape == expected[name].shape
        assert (found - expected[name]).abs().max() < 1e-4


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def test_dynamic_onnx_takes_any_batch_and_views(trained: TrainedModel, tmp_path: Path) -> None:
    runtime = session(export(trained, tmp_path / "net.onnx", "onnx", None))
    for batch, views in ((1, 1), (1, 2), (2, 3), (1, 5)):
        pictures = images(batch, views)
        outputs = runtime.run(["occupancy", "masks"], {"images": pictures.float().numpy() / 255})
        assert_same(trained, pictures, *map(torch.from_numpy, outputs))
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
    about = json.loads(runtime.get_modelmeta().custom_metadata_map["scenetrain"])
    assert about == {"classes": list(CLASSES), "thresholds": {"occupancy": 0.32, "masks": 0.41}}


def test_onnx_of_three_views(trained: TrainedModel, tmp_path: Path) -> None:
    runtime = session(export(trained, tmp_path / "net.onnx", "onnx", 3))
    assert runtime.get_inputs()[0].shape == [1, 3, 3, IMAGE_SIZE, IMAGE_SIZE]
    pictures = images(1, 3)
    outputs = runtime.run(["occupancy", "masks"], {"images": pictures.float().numpy() / 255})
    assert_same(trained, pictures, *map(torch.from_numpy, outputs))


def test_torch_program_of_the_mean_of_mirrored_views_with_open_views(mirrored: TrainedModel, tmp_path: Path) -> None:
    about = {"scenetrain": ""}
    program = torch.export.load(export(mirrored, tmp_path / "net.pt2", "torch", None), extra_files=about)
    module = program.module()
    for views in (1, 3):
        pictures = images(1, views)
        with torch.no_grad():
            assert_same(mirrored, pictures, *module(pictures.float() / 255))
    assert json.loads(about["scenetrain"])["classes"] == list(CLASSES)


def test_onnx_of_mirrored_views(mirrored: TrainedModel, tmp_path: Path) -> None:
    runtime = session(export(mirrored, tmp_path / "net.onnx", "onnx", None))
    for views in (1, 3):
        pictures = images(2, views)
        outputs = runtime.run(["occupancy", "masks"], {"images": pictures.float().numpy() / 255})
        assert_same(mirrored, pictures, *map(torch.from_numpy, outputs))


def test_what_cannot_be_written_is_one_line(trained: TrainedModel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="9 views"):
        export(trained, tmp_path / "net.onnx", "onnx", 9)
    (tmp_path / "file").write_text("")
    with pytest.raises(ScenegenError, match="cannot be written"):
        export(trained, tmp_path / "file" / "net.pt2", "torch", 3)
