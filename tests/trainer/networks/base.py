"""What every family of networks must do. A family's test subclasses FamilyTests and says what its network is."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import lightning
import pytest
import torch
from helpers.trainer_boxes import CLASSES, VIEW, View, write_boxes
from scenetrain.config import Config
from scenetrain.data.batches import PlanRequest, ResidentBatches, training_plan, validation_plan
from scenetrain.data.features import Encoder, make_resident
from scenetrain.data.scenes import SceneList, open_split
from scenetrain.evaluation.evaluate import evaluate, predict_probabilities
from scenetrain.inference.export import export
from scenetrain.metrics.constant import label_frequency
from scenetrain.networks.contract import Family, Inputs
from scenetrain.networks.registry import FAMILIES
from scenetrain.training.fit import calm_lightning, train_stages
from scenetrain.training.hardware import Hardware
from scenetrain.training.run_folder import TrainedModel, load_model, save_model
from scenetrain.training.stage_module import Batches, StageModule, StageSetup

CPU = torch.device("cpu")
TWO = CLASSES[:2]


class FamilyTests:
    """Tests of one family; a subclass gives the members below, and the rest is the same for all."""

    family: ClassVar[Family]
    module: ClassVar[str]
    """Where the registry finds the family."""
    shape: ClassVar[tuple[int, int, int]] = (80, 96, 64)
    view: ClassVar[View] = VIEW
    """The pictures and frusta of its data."""
    parameters: ClassVar[int]
    """Of the network of `small`, for two classes."""
    least_iou: ClassVar[float] = 0.9
    """Overall IoU, at the best threshold, on four scenes learnt by heart."""

    @classmethod
    def small(cls) -> Config:
        """A configuration whose stages take seconds."""
        raise NotImplementedError

    @classmethod
    def by_heart(cls) -> Config:
        """One view, and as many epochs as four scenes take to be learnt by heart."""
        raise NotImplementedError

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def registered(cls) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(FAMILIES, cls.family.name, cls.module)
            yield

    @pytest.fixture(scope="class")
    @classmethod
    def scenes(cls, tmp_path_factory: pytest.TempPathFactory) -> SceneList:
        """Of two classes: narrow networks tell six apart only after many more steps."""
        data = write_boxes(tmp_path_factory.mktemp("two") / "data", 5, classes=TWO, view=cls.view)
        return open_split(data, "train", cls.family.reads, 1, limit=4)

    @pytest.fixture(scope="class")
    @classmethod
    def learnt(cls, scenes: SceneList) -> TrainedModel:
        """Every stage trained on four scenes, as `fit` does."""
        return overfit(cls.family, cls.by_heart(), scenes)

    def network(self, config: Config, seed: int = 0) -> torch.nn.Module:
        torch.manual_seed(seed)
        return self.family.build(config, len(TWO), self.shape, pretrained=False).eval()

    def images(self, views: int, seed: int = 0) -> torch.Tensor:
        """uint8 (2, V, 3, H, W)."""
        size = self.family.reads.image_size
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(0, 256, (2, views, 3, size, size), dtype=torch.uint8, generator=generator)

    def test_one_view_and_many_give_probabilities_of_the_outputs_shapes(self) -> None:
        network, wanted = self.network(self.small()), tuple(output.name for output in self.family.outputs)
        least, most = self.family.reads.views
        for views in sorted({least, min(2, most), most}):
            with torch.no_grad():
                answers = network(Inputs(images=self.images(views).float() / 255), wanted)
            assert set(answers) >= set(wanted)
            for output in self.family.outputs:
                found = output.probabilities(answers[output.name])
                channels = output.channels(len(TWO)) + (output.kind == "labels")
                assert found.shape == (2, channels, *self.shape)
                assert found.min() >= 0 and found.max() <= 1
                if output.kind == "labels":
                    torch.testing.assert_close(found.sum(1), torch.ones(2, *self.shape))

    def test_number_of_parameters(self) -> None:
        assert sum(parameter.numel() for parameter in self.network(self.small()).parameters()) == self.parameters

    def test_a_seed_decides_weights_and_answers(self) -> None:
        first, second = (self.network(self.small()) for _ in range(2))
        for key, value in first.state_dict().items():
            assert torch.equal(value, second.state_dict()[key]), key
        inputs = Inputs(images=self.images(1).float() / 255)
        wanted = (self.family.main.name,)
        with torch.no_grad():
            answers = [
                self.family.main.probabilities(network(inputs, wanted)[wanted[0]]) for network in (first, second)
            ]
        assert torch.equal(*answers)

    def test_four_scenes_are_learnt_by_heart(self, learnt: TrainedModel, scenes: SceneList) -> None:
        for one in evaluate(learnt, scenes, CPU).outputs.values():
            best = max(one.curve) if one.curve else one.scores.overall
            assert best > self.least_iou, one.output.name

    def test_half_precision_scores_the_same(self, learnt: TrainedModel, scenes: SceneList) -> None:
        exact = evaluate(learnt, scenes, CPU)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = evaluate(learnt, scenes, CPU)
        for name, one in rounded.outputs.items():
            assert one.scores.overall == pytest.approx(exact.outputs[name].scores.overall, abs=0.005)

    def test_a_saved_model_answers_the_same(self, learnt: TrainedModel, tmp_path: Path) -> None:
        save_model(tmp_path, learnt)
        loaded = load_model(tmp_path, CPU)
        assert (loaded.config, loaded.grid, loaded.thresholds) == (learnt.config, learnt.grid, learnt.thresholds)
        images = self.images(1)
        expected, found = predict_probabilities(learnt, images), predict_probabilities(loaded, images)
        assert all(torch.equal(found[name], expected[name]) for name in expected)

    def test_an_interrupted_stage_repeats_its_losses(
        self, boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config, hardware = self.small(), Hardware("cpu", workers=0)
        stage = self.family.stages(config)[-1]
        train_stages(config, boxes, tmp_path / "whole", hardware, print, [stage])

        def interrupt(module: StageModule) -> None:
            if module.current_epoch == 1:
                raise RuntimeError("cut off")

        with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="cut off"):
            patch.setattr(StageModule, "on_validation_epoch_start", interrupt)
            train_stages(config, boxes, tmp_path / "cut", hardware, print, [stage])
        train_stages(config, boxes, tmp_path / "cut", hardware, print, [stage])
        assert _losses(tmp_path / "cut" / stage.name) == _losses(tmp_path / "whole" / stage.name)
        assert len(_losses(tmp_path / "whole" / stage.name)) > 1

    def test_onnx_gives_the_same_probabilities(self, learnt: TrainedModel, tmp_path: Path) -> None:
        onnxruntime = pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
        path = export(learnt, tmp_path / "network.onnx", "onnx", None)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        runtime = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        for views in sorted({1, min(3, self.family.reads.views[1])}):
            images = self.images(views)
            found = runtime.run(None, {"images": images.float().numpy() / 255})
            expected = predict_probabilities(learnt, images)
            for output, array in zip(self.family.outputs, found, strict=True):
                wanted = expected[output.name][:, 0] if output.kind == "occupancy" else expected[output.name]
                assert array.shape == wanted.shape
                assert (torch.from_numpy(array) - wanted).abs().max() < 1e-4


class FrustumFamilyTests(FamilyTests):
    """Tests of one family that labels frusta: its data have pictures and frusta of its own sizes."""

    @pytest.fixture(scope="class")
    @classmethod
    def boxes(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Ten training scenes: nine train, one validates."""
        return write_boxes(tmp_path_factory.mktemp("frusta") / "data", 10, view=cls.view)


def overfit(family: Family, config: Config, scenes: SceneList) -> TrainedModel:
    """Train every stage on `scenes` in memory, which validate as well, for all its epochs."""
    calm_lightning()
    torch.manual_seed(0)
    model = family.build(config, len(scenes.classes), scenes.shape, pretrained=False)
    encoder = Encoder(family.trunk(model), torch.float32)
    split = make_resident(encoder, scenes, 1, 0, CPU, workers=0)
    everything = PlanRequest(len(scenes), 1, True, len(scenes))
    batches = Batches(
        lambda epoch: ResidentBatches(split, training_plan(everything, 1, 0, epoch)),
        lambda: ResidentBatches(split, validation_plan(everything)),
        scenes.scene_index,
    )
    for stage in family.stages(config):
        trainer = lightning.Trainer(
            accelerator="cpu",
            max_epochs=stage.epochs,
            limit_val_batches=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(StageModule(model, StageSetup(family, stage, len(scenes.classes), 0, encoder), batches))
    frequency = label_frequency(split.labels, len(scenes.classes), family.reads.labels)
    thresholds = {output.name: 0.3 if output.has_threshold else None for output in family.outputs}
    return TrainedModel(model.eval(), family, config, scenes.classes, scenes.grid, thresholds, frequency)


def _losses(stage: Path) -> list[tuple[str, str]]:
    with (stage / "metrics.csv").open() as file:
        return [(row["train_loss"], row["val_loss"]) for row in csv.DictReader(file)]
