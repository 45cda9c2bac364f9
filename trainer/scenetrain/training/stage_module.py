"""One stage of a family's protocol as a Lightning module."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

import lightning
import torch
from scenegen.core.errors import ScenegenError
from torch import Tensor, nn

from scenetrain.data.batches import Batch
from scenetrain.data.features import Encoder, jitter_colors
from scenetrain.data.mirrored_rooms import draw_mirrors, mirror_rooms
from scenetrain.data.mirrored_views import draw_mirrored, mirror_views
from scenetrain.data.moved_rooms import draw_moves, move_rooms
from scenetrain.metrics.iou import IoUCurve
from scenetrain.metrics.outputs import ONE_HOT
from scenetrain.networks.contract import Family, Inputs, Losses, Stage, Step, Turn

CHECK_EVERY = 50


@dataclass(frozen=True)
class Batches:
    """Where a stage's batches come from: training's for an epoch, validation's, and a training item's scene index."""

    train: Callable[[int], Any]
    validation: Callable[[], Any]
    scene_index: Callable[[int], int]


@dataclass(frozen=True)
class StageSetup:
    """What a stage trains beside its network.

    `encoder` makes features of images that training reads as it goes; `mirrored` shows views of frusta, or rooms, as in
    mirrors; `moved` is the share of rooms that are shown moved; `compiled` uses torch.compile.
    """

    family: Family
    stage: Stage
    classes: int
    seed: int
    encoder: Encoder
    _: KW_ONLY
    mirrored: bool = False
    moved: float = 0.0
    compiled: bool = False


class StageModule(lightning.LightningModule):
    """Trains parts of a network by turns; what the stage does not train is frozen, batch norm statistics included."""

    def __init__(self, model: nn.Module, setup: StageSetup, batches: Batches) -> None:
        super().__init__()
        self.model = model
        self.setting = setup
        self.stage = setup.stage
        self.batches = batches
        self.forward_network = torch.compile(self._forward_network) if setup.compiled else self._forward_network
        self.automatic_optimization = len(self.stage.turns) == 1
        self.scored = setup.family.output(self.stage.scored) if self.stage.scored else None
        self.curve = IoUCurve(self.scored.channels(setup.classes) if self.scored else 1)
        self.first_bad_step: Tensor | None = None
        self.shown: list[Tensor] = []
        model.requires_grad_(requires_grad=False)
        for module in self._trained():
            module.requires_grad_(requires_grad=True)

    def train_dataloader(self) -> Any:
        """This epoch's batches; Lightning asks for them every epoch."""
        return self.batches.train(self.current_epoch)

    def val_dataloader(self) -> Any:
        """The validation split's batches."""
        return self.batches.validation()

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move what the network reads; positions and variants stay on the host."""
        del dataloader_idx
        return batch.to(device)

    def on_train_epoch_start(self) -> None:
        """Draw dropout from (seed, epoch, rank) alone, so that a resumed run repeats the same losses."""
        torch.manual_seed((self.setting.seed * 1_000_003 + self.current_epoch) * 1_000_003 + self.global_rank)
        self.first_bad_step = torch.full((), -1, device=self.device, dtype=torch.long)
        self.shown = []
        self.model.eval()
        for module in self._trained():
            module.train()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:
        """Loss of one batch; with several turns, their optimizers step here."""
        if self.setting.moved:
            assert batch.images is not None
            draw = (batch.positions, batch.images.shape[1], self.setting.moved, self.setting.seed, self.current_epoch)
            batch = move_rooms(batch, draw_moves(*draw))
        if self.setting.mirrored:
            batch = self._mirrored(batch)
        step = self._step(batch)
        losses = [self._loss(self.stage.turns[0], step)] if self.automatic_optimization else self._take_turns(step)
        self._watch(losses, batch_idx, batch)
        self.log("train_loss", losses[0].detach(), on_step=False, on_epoch=True, batch_size=len(batch.labels))
        return losses[0] if self.automatic_optimization else None

    def on_train_epoch_end(self) -> None:
        """Step the schedules, which Lightning does by itself for one optimizer alone."""
        if not self.automatic_optimization:
            for schedule in _as_list(self.lr_schedulers()):
                schedule.step()

    def on_validation_epoch_start(self) -> None:
        """Empty the threshold curve."""
        self.curve.reset()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss and threshold curve."""
        del batch_idx
        step = self._step(batch)
        if self.scored and self.scored.kind == "labels":
            self.curve.update_labels(self.scored.likeliest_labels(step.answers[self.scored.name]), step.labels)
        elif self.scored:
            probabilities = self.scored.probabilities(step.answers[self.scored.name])
            self.curve.update(self.scored.scored(probabilities), step.truth[self.scored.name])
        loss = self.stage.turns[0].loss(step)
        if isinstance(loss, Losses):
            loss = loss.parts[self.stage.compared] if self.stage.compared else loss.total
        self.log("val_loss", loss, batch_size=len(batch.labels), sync_dist=True)

    def on_validation_epoch_end(self) -> None:
        """Log the best threshold's overall IoU; of labels the likeliest one's."""
        iou = threshold = math.nan
        if self.scored:
            best = self.curve.best() if self.scored.has_threshold else self.curve.at(ONE_HOT)
            iou, threshold = best.overall, best.threshold if self.scored.has_threshold else math.nan
        self.log("val_iou", iou, sync_dist=True)
        self.log("val_threshold", threshold, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Every turn's optimizer and schedule."""
        made = []
        for turn in self.stage.turns:
            optimizer = turn.optimizer(turn.groups(self.model) if turn.groups else self._turn_parameters(turn))
            made.append(
                {"optimizer": optimizer, "lr_scheduler": turn.schedule(optimizer)}
                if turn.schedule
                else {"optimizer": optimizer}
            )
        return made if len(made) > 1 else made[0]

    def _mirrored(self, batch: Batch) -> Batch:
        """One view in two, or three rooms in four, by (seed, epoch, position) alone."""
        draw = (batch.positions, self.setting.seed, self.current_epoch)
        if self.setting.family.reads.labels == "frustum":
            return mirror_views(batch, draw_mirrored(*draw))
        return mirror_rooms(batch, draw_mirrors(*draw))

    def _step(self, batch: Batch) -> Step:
        inputs = make_inputs(batch, self.setting.encoder, self.setting.seed)
        outputs = (self.setting.family.output(name) for name in self.stage.wanted)
        truth = {o.name: o.truth(batch.labels, self.setting.classes) for o in outputs if o.kind != "labels"}
        return Step(self.model, inputs, self.forward_network(inputs), batch.labels, truth)

    def _forward_network(self, inputs: Inputs) -> dict[str, Any]:
        answers: dict[str, Any] = self.model(inputs, self.stage.wanted)
        return answers

    def _take_turns(self, step: Step) -> list[Tensor]:
        """Every turn's step in order; their losses."""
        losses = []
        for turn, optimizer in zip(self.stage.turns, _as_list(self.optimizers()), strict=True):
            self.toggle_optimizer(optimizer)
            loss = self._loss(turn, step)
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
            self.untoggle_optimizer(optimizer)
            losses.append(loss.detach())
        return losses

    def _loss(self, turn: Turn, step: Step) -> Tensor:
        """A turn's loss; its parts are logged as "turn.part"."""
        loss = turn.loss(step)
        if not isinstance(loss, Losses):
            return loss
        for name, value in (*loss.parts.items(), *loss.shown.items()):
            self.log(f"{turn.name}.{name}", value.detach(), on_step=False, on_epoch=True, batch_size=len(step.labels))
        return loss.total

    def _trained(self) -> list[nn.Module]:
        """What any turn trains."""
        return [module for turn in self.stage.turns for module in turn.modules(self.model)]

    def _turn_parameters(self, turn: Turn) -> list[nn.Parameter]:
        """A turn's parameters, in the network's order."""
        own = {id(parameter) for module in turn.modules(self.model) for parameter in module.parameters()}
        return [p for p in self.model.parameters() if id(p) in own and p.requires_grad]

    def _watch(self, losses: list[Tensor], step: int, batch: Batch) -> None:
        """Stop where any turn's loss is not a number; on a GPU only every CHECK_EVERY steps, as looking waits."""
        assert self.first_bad_step is not None
        self.shown.append(batch.positions)
        bad = ~torch.isfinite(torch.stack([loss.detach().float() for loss in losses])).all() & (self.first_bad_step < 0)
        self.first_bad_step = torch.where(bad, step, self.first_bad_step)
        last = step + 1 == self.trainer.num_training_batches
        if not (last or step % CHECK_EVERY == 0 or self.device.type == "cpu"):
            return
        bad_step = int(self.first_bad_step)
        if bad_step >= 0:
            scenes = ", ".join(str(self.batches.scene_index(p)) for p in self.shown[bad_step].tolist())
            raise ScenegenError(
                f"{self.stage.name}: the loss is not a number at epoch {self.current_epoch}, step {bad_step} (scenes "
                f"{scenes}); lower {self.stage.section}.learning_rate or use --set training.precision=32-true"
            )


def make_inputs(batch: Batch, encoder: Encoder, seed: int) -> Inputs:
    """What a network reads of a batch on its device; images get their colours, and go through the trunk, if any."""
    if batch.features is not None:
        return Inputs(features=batch.features, extras=batch.extras)
    assert batch.images is not None
    images = jitter_colors(batch.images, batch.positions, batch.variants, seed)
    if encoder.trunk is not None:
        return Inputs(features=encoder(images), extras=batch.extras)
    return Inputs(images=images.float() / 255.0, extras=batch.extras)


def _as_list(one_or_many: Any) -> list[Any]:
    """Lightning gives one optimizer or schedule as it is, several as a list, none as None."""
    if one_or_many is None:
        return []
    return list(one_or_many) if isinstance(one_or_many, list) else [one_or_many]
