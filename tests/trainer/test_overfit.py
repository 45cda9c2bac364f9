"""The network learns: four rooms by heart, both branches, and in bfloat16 it answers the same."""

from __future__ import annotations

import copy
from dataclasses import replace

import lightning
import pytest
import torch
from helpers.trainer_boxes import BOX, CLASSES, STUDIO, build, small_config, write_boxes
from scenetrain.data.batches import PlanRequest, ResidentBatches, training_plan, validation_plan
from scenetrain.data.features import Encoder, make_resident
from scenetrain.data.scenes import SceneList, open_split
from scenetrain.evaluation.evaluate import evaluate
from scenetrain.metrics.constant import label_frequency
from scenetrain.networks.everted.family import FAMILY
from scenetrain.training.fit import calm_lightning
from scenetrain.training.run_folder import TrainedModel
from scenetrain.training.stage_module import Batches, StageModule, StageSetup

CPU = torch.device("cpu")
EPOCHS = {"reconstructor": 60, "segmenter": 100}
TWO = CLASSES[:2]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> SceneList:
    """Of two classes: a narrow network's last four channels tell six apart only after many more steps."""
    data = write_boxes(tmp_path_factory.mktemp("two") / "data", 5, classes=TWO)
    return open_split(data, "train", BOX, 1, limit=4)


@pytest.fixture(scope="module")
def overfitted(scenes: SceneList) -> TrainedModel:
    """Both branches trained on four scenes by the stages that `fit` runs."""
    calm_lightning()
    torch.manual_seed(0)
    changes = ["training.views=1", "model.latent=learned", "model.width=0.125"]
    for branch in EPOCHS:
        changes += [f"{branch}.dropout=0", f"{branch}.learning_rate=0.05", f"{branch}.step_size=40"]
    config = small_config(*changes)
    model = build(config, len(TWO))
    encoder = Encoder(FAMILY.trunk(model), torch.float32)
    split = make_resident(encoder, scenes, 1, 0, CPU, workers=0)
    everything = PlanRequest(len(scenes), 1, True, len(scenes))
    batches = Batches(
        lambda epoch: ResidentBatches(split, training_plan(everything, 1, 0, epoch)),
        lambda: ResidentBatches(split, validation_plan(everything)),
        scenes.scene_index,
    )
    for stage, epochs in zip(FAMILY.stages(config), EPOCHS.values(), strict=True):
        trainer = lightning.Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            limit_val_batches=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(StageModule(model, StageSetup(FAMILY, stage, len(TWO), 0, encoder), batches))
    frequency = label_frequency(split.labels, len(TWO), "box")
    return TrainedModel(model.eval(), FAMILY, config, TWO, STUDIO, {"occupancy": 0.3, "masks": 0.3}, frequency)


def test_four_scenes_are_learnt_by_heart(overfitted: TrainedModel, scenes: SceneList) -> None:
    """At the best threshold: these scenes validate as well."""
    result = evaluate(overfitted, scenes, CPU)
    assert max(result.outputs["occupancy"].curve or ()) > 0.9 > 2 * result.outputs["occupancy"].constant.overall
    assert max(result.outputs["masks"].curve or ()) > 0.9 > 2 * result.outputs["masks"].constant.overall


def test_half_precision_scores_the_same(overfitted: TrainedModel, scenes: SceneList) -> None:
    exact = evaluate(overfitted, scenes, CPU)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = evaluate(overfitted, scenes, CPU)
    assert rounded.outputs["occupancy"].scores.overall == pytest.approx(
        exact.outputs["occupancy"].scores.overall, abs=0.005
    )
    assert rounded.outputs["masks"].scores.overall == pytest.approx(exact.outputs["masks"].scores.overall, abs=0.005)
    assert rounded.outputs["occupancy"].curve != exact.outputs["occupancy"].curve


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_scores_the_same_in_both_precisions(overfitted: TrainedModel, scenes: SceneList) -> None:
    """Convolutions in bfloat16 were wrong on large volumes in some versions of cuDNN."""
    device = torch.device("cuda")
    there = replace(overfitted, model=copy.deepcopy(overfitted.model).to(device))
    expected = evaluate(overfitted, scenes, CPU)
    for enabled in (False, True):
        with torch.autocast("cuda", torch.bfloat16, enabled=enabled):
            found = evaluate(there, scenes, device)
        assert found.outputs["occupancy"].scores.overall == pytest.approx(
            expected.outputs["occupancy"].scores.overall, abs=0.005
        )
        assert found.outputs["masks"].scores.overall == pytest.approx(
            expected.outputs["masks"].scores.overall, abs=0.005
        )
