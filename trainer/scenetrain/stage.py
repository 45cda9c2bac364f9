"""One stage of the paper's protocol as a Lightning module: one branch, on one random view or on all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightning
import torch
from torch import Tensor

from scenegen.errors import ScenegenError
from scenetrain.batches import Batch
from scenetrain.config import BranchConfig
from scenetrain.data import normalize, unpack_masks
from scenetrain.losses.fused_bce import fused_bce
from scenetrain.metrics import IoUCurve
from scenetrain.models.everted import EvertedUNet, LogProbabilities

CHECK_EVERY = 50


@dataclass(frozen=True)
class Stage:
    """A stage's name, its branch ("reconstructor" or "segmenter") and how many views a scene it sees."""

    name: str
    branch: str
    views: int


def protocol(views: int) -> tuple[Stage, ...]:
    """The paper's order: each branch first on one random view, then on all of them (section 4)."""
    return tuple(
        Stage(f"{branch}_{count}", branch, count)
        for branch in ("reconstructor", "segmenter")
        for count in dict.fromkeys((1, views))
    )


class StageModule(lightning.LightningModule):
    """Trains one branch of the network; what the stage does not train is frozen, batch norm statistics included."""

    def __init__(
        self,
        model: EvertedUNet,
        stage: Stage,
        config: BranchConfig,
        seed: int,
        train_batches: Callable[[int], Any],
        validation_batches: Callable[[], Any],
    ) -> None:
        super().__init__()
        self.model = model
        self.stage = stage
        self.config = config
        self.seed = seed
        self.train_batches = train_batches
        self.validation_batches = validation_batches
        self.curve = IoUCurve(1 if stage.branch == "reconstructor" else model.classes)
        self.bad_step: Tensor | None = None
        for module in model.children():
            module.requires_grad_(False)
        for module in self._trained():
            module.requires_grad_(True)

    def train_dataloader(self) -> Any:
        """This epoch's batches; Lightning asks anew every epoch."""
        return self.train_batches(self.current_epoch)

    def val_dataloader(self) -> Any:
        """The validation split's batches."""
        return self.validation_batches()

    def on_train_epoch_start(self) -> None:
        """Draw dropout from (seed, epoch) alone, so that a resumed run repeats the same losses."""
        torch.manual_seed(self.seed * 1_000_003 + self.current_epoch)
        self.bad_step = torch.full((), -1, device=self.device, dtype=torch.long)
        self._set_modes()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of one batch; in a one-view stage each scene shows a view that (seed, epoch, step) decide."""
        view = None
        if self.stage.views == 1:
            generator = torch.Generator().manual_seed(_step_seed(self.seed, self.current_epoch, batch_idx))
            view = torch.randint(batch_views(batch), (len(batch.labels),), generator=generator)
        loss = self._loss(batch, view)[0]
        self._watch(loss, batch_idx, batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(batch.labels))
        return loss

    def on_validation_epoch_start(self) -> None:
        """Start the threshold curve afresh."""
        self.curve.reset()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss and threshold curve; in a one-view stage a scene shows the view that its position decides."""
        del batch_idx
        view = batch.positions % batch_views(batch) if self.stage.views == 1 else None
        loss, log_p = self._loss(batch, view)
        self.curve.update(log_p.occupied.exp(), self._target(batch))
        self.log("val_loss", loss, prog_bar=True, batch_size=len(batch.labels), sync_dist=True)

    def on_validation_epoch_end(self) -> None:
        """Log the best threshold's overall IoU."""
        best = self.curve.best()
        self.log("val_iou", best.overall, prog_bar=True)
        self.log("val_threshold", best.threshold)

    def configure_optimizers(self) -> Any:
        """Adam, with StepLR where the branch has one."""
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(parameters, lr=self.config.learning_rate, fused=self.device.type == "cuda" or None)
        if not self.config.step_size:
            return optimizer
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, self.config.step_size, self.config.gamma)
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def _loss(self, batch: Batch, view: Tensor | None) -> tuple[Tensor, LogProbabilities]:
        features = self._features(batch)
        if view is not None:
            features = features[torch.arange(len(features)), view.to(features.device)].unsqueeze(1)
        log_p = self._predict(features)
        return fused_bce(log_p.occupied, log_p.free, self._target(batch)), log_p

    def _features(self, batch: Batch) -> Tensor:
        if batch.features is not None:
            return batch.features
        assert batch.images is not None
        backbone = self.model.backbone
        images = normalize(batch.images.flatten(0, 1), backbone.mean, backbone.std)
        return backbone(images).unflatten(0, batch.images.shape[:2])

    def _predict(self, features: Tensor) -> LogProbabilities:
        views = features.shape[1]
        if self.stage.branch == "reconstructor":
            return self.model.reconstruct(self.model.latent(features.flatten(0, 1)), views).fused
        with torch.no_grad():
            latent = self.model.latent(features.flatten(0, 1))
            reconstruction = self.model.reconstruct(latent, views)
        return self.model.segment(latent, reconstruction, views)

    def _target(self, batch: Batch) -> Tensor:
        if self.stage.branch == "reconstructor":
            return (batch.labels != 0).unsqueeze(1)
        return unpack_masks(batch.labels, self.model.classes)

    def _trained(self) -> tuple[torch.nn.Module, ...]:
        if self.stage.branch == "reconstructor":
            return self.model.reconstructor_modules()
        return self.model.segmenter_modules()

    def _set_modes(self) -> None:
        self.model.eval()
        for module in self._trained():
            module.train()

    def _watch(self, loss: Tensor, batch_idx: int, batch: Batch) -> None:
        """Stop at a loss that is no number; looked at now and then, because every look waits for the device."""
        assert self.bad_step is not None
        bad = ~torch.isfinite(loss.detach()) & (self.bad_step < 0)
        self.bad_step = torch.where(bad, torch.full_like(self.bad_step, batch_idx), self.bad_step)
        last = batch_idx + 1 == self.trainer.num_training_batches
        if (last or batch_idx % CHECK_EVERY == 0 or self.device.type == "cpu") and self.bad_step.item() >= 0:
            scenes = batch.positions.tolist() if self.bad_step.item() == batch_idx else "see that step's batch"
            raise ScenegenError(
                f"{self.stage.name}: the loss is not a number at epoch {self.current_epoch}, step "
                f"{self.bad_step.item()} (scenes {scenes}); lower {self.stage.branch}.learning_rate or use "
                f"training.precision=32-true"
            )


def batch_views(batch: Batch) -> int:
    """Number of views a scene in a batch."""
    source = batch.features if batch.features is not None else batch.images
    assert source is not None
    return int(source.shape[1])


def _step_seed(seed: int, epoch: int, step: int) -> int:
    return ((seed * 1_000_003 + epoch) * 1_000_003 + step) % 2**63
