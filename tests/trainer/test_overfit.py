"""The network learns: four pictures by heart, both branches, and in bfloat16 it answers the same."""

from __future__ import annotations

from pathlib import Path

import lightning
import pytest
import torch
from conftest import CLASSES, STUDIO, small_config
from scenetrain.batches import ResidentBatches, training_plan, validation_plan
from scenetrain.constant import label_frequency
from scenetrain.data import SceneList, open_split
from scenetrain.evaluate import evaluate
from scenetrain.features import make_resident
from scenetrain.fit import calm_lightning, lay_channels_last
from scenetrain.models.everted import GRID
from scenetrain.run_folder import TrainedModel, build_model
from scenetrain.stage import Batches, Stage, StageModule

CPU = torch.device("cpu")
EPOCHS = 60


@pytest.fixture(scope="module")
def scenes(boxes: Path) -> SceneList:
    return open_split(boxes, "train", 1, GRID, limit=4)


@pytest.fixture(scope="module")
def overfitted(scenes: SceneList) -> TrainedModel:
    """Both branches trained on four scenes by the stages that `fit` runs."""
    calm_lightning()
    torch.manual_seed(0)
    changes = ["training.views=1", "model.latent=learned", "model.width=0.04"]
    for branch in ("reconstructor", "segmenter"):
        changes += [f"{branch}.dropout=0", f"{branch}.learning_rate=0.02", f"{branch}.step_size=20"]
    config = small_config(*changes)
    model = build_model(config, len(CLASSES), None)
    lay_channels_last(model)
    split = make_resident(model.backbone, scenes, 1, 0, CPU, torch.float32, workers=0)
    batches = Batches(
        lambda epoch: ResidentBatches(split, training_plan(len(scenes), 1, True, 1, 4, 0, epoch, 0, 1)),
        lambda: ResidentBatches(split, validation_plan(len(scenes), 1, True, 4, 0, 1)),
        scenes.scene_index,
    )
    for branch in ("reconstructor", "segmenter"):
        trainer = lightning.Trainer(
            accelerator="cpu",
            max_epochs=EPOCHS,
            limit_val_batches=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(StageModule(model, Stage(branch, branch, 1), getattr(config, branch), 0, batches))
    frequency = label_frequency(split.labels, len(CLASSES))
    return TrainedModel(model.eval(), config, CLASSES, STUDIO, 0.5, 0.5, frequency)


def test_four_scenes_are_learnt_by_heart(overfitted: TrainedModel, scenes: SceneList) -> None:
    result = evaluate(overfitted, scenes, CPU)
    assert result.reconstructor.overall > 0.9 > 2 * result.constant_reconstructor.overall
    assert result.segmenter.overall > 0.9 > 2 * result.constant_segmenter.overall


def test_half_precision_scores_the_same(overfitted: TrainedModel, scenes: SceneList) -> None:
    exact = evaluate(overfitted, scenes, CPU)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = evaluate(overfitted, scenes, CPU)
    assert rounded.reconstructor.overall == pytest.approx(exact.reconstructor.overall, abs=0.005)
    assert rounded.segmenter.overall == pytest.approx(exact.segmenter.overall, abs=0.005)
