"""One stage of the paper's protocol as a Lightning module: one branch, on one random view or on all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightning
import torch
from scenegen.core.errors import ScenegenError
from torch import Tensor

from scenetrain.config import BranchConfig
from scenetrain.data.batches import Batch
from scenetrain.data.features import jitter_colors, trunk_features
from scenetrain.data.scenes import unpack_masks
from scenetrain.metrics.iou import IoUCurve
from scenetrain.networks.everted.fused_bce import fused_bce
from scenetrain.networks.everted.network import EvertedUNet, LogProbabilities

CHECK_EVERY = 50


@dataclass(frozen=True)
class Stage:
    """A stage's name, its branch ("reconstructor" or "segmenter") and how many views a scene it sees."""

    name: str
    branch: str
    views: int


@dataclass(frozen=True)
class Batches:
    """Where a stage's batches come from: training's for an epoch, validation's, and a training scene's index."""

    train: Callable[[int], Any]
    validation: Callable[[], Any]
    scene_index: Callable[[int], int]


def protocol(views: int) -> tuple[Stage, ...]:
    """The paper's order: each branch first on one random view, then on all of them (section 4)."""
    return tuple(
        Stage(f"{branch}_{count}", branch, count)
        for branch in ("reconstructor", "segmenter")
        for count in dict.fromkeys((1, views))
    )


class StageModule(lightning.LightningModule):
    """Trains one branch of the network; what the stage does not train is frozen, batch norm statistics included.

    `feature_dtype` is that of trunk features which are computed as training goes; `compiled` uses torch.compile.
    """

    def __init__(
        self,
        model: EvertedUNet,
        stage: Stage,
        config: BranchConfig,
        seed: int,
        batches: Batches,
        feature_dtype: torch.dtype = torch.float32,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.stage = stage
        self.config = config
        self.seed = seed
        self.batches = batches
        self.feature_dtype = feature_dtype
        self.predict_log = torch.compile(self._predict) if compiled else self._predict
        self.curve = IoUCurve(1 if stage.branch == "reconstructor" else model.classes)
        self.first_bad_step: Tensor | None = None
        self.shown: list[Tensor] = []
        model.requires_grad_(False)
        for module in self._trained():
            module.requires_grad_(True)

    def train_dataloader(self) -> Any:
        """This epoch's batches; Lightning asks anew every epoch."""
        return self.batches.train(self.current_epoch)

    def val_dataloader(self) -> Any:
        """The validation split's batches."""
        return self.batches.validation()

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move what the network reads; positions and variants stay on the host."""
        del dataloader_idx
        images = None if batch.images is None else batch.images.to(device, non_blocking=True)
        return batch._replace(images=images, labels=batch.labels.to(device, non_blocking=True))

    def on_train_epoch_start(self) -> None:
        """Draw dropout from (seed, epoch, rank) alone, so that a resumed run repeats the same losses."""
        torch.manual_seed((self.seed * 1_000_003 + self.current_epoch) * 1_000_003 + self.global_rank)
        self.first_bad_step = torch.full((), -1, device=self.device, dtype=torch.long)
        self.shown = []
        self.model.eval()
        for module in self._trained():
            module.train()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of one batch."""
        loss = self._loss(batch)[0]
        self._watch(loss, batch_idx, batch)
        self.log("train_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=len(batch.labels))
        return loss

    def on_validation_epoch_start(self) -> None:
        """Start the threshold curve afresh."""
        self.curve.reset()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss and threshold curve."""
        del batch_idx
        loss, log_p = self._loss(batch)
        self.curve.update(log_p.occupied.exp(), self._target(batch))
        self.log("val_loss", loss, batch_size=len(batch.labels), sync_dist=True)

    def on_validation_epoch_end(self) -> None:
        """Log the best threshold's overall IoU."""
        best = self.curve.best()
        self.log("val_iou", best.overall, sync_dist=True)
        self.log("val_threshold", best.threshold, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Adam, with StepLR where the branch has one."""
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        rate = self.config.all_views_learning_rate if self.stage.views > 1 else 0.0
        optimizer = torch.optim.Adam(
            parameters, lr=rate or self.config.learning_rate, fused=self.device.type == "cuda" or None
        )
        if not self.config.step_size:
            return optimizer
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, self.config.step_size, self.config.gamma)
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def _loss(self, batch: Batch) -> tuple[Tensor, LogProbabilities]:
        log_p = self.predict_log(self._features(batch))
        return fused_bce(log_p.occupied, log_p.free, self._target(batch)), log_p

    def _features(self, batch: Batch) -> Tensor:
        if batch.features is not None:
            return batch.features
        assert batch.images is not None
        images = jitter_colors(batch.images, batch.positions, batch.variants, self.seed)
        return trunk_features(self.model.backbone, images, self.feature_dtype)

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
        """The stage's branch; its fusion only where there is something to fuse."""
        reconstructor = self.stage.branch == "reconstructor"
        modules = self.model.reconstructor_modules() if reconstructor else self.model.segmenter_modules()
        return modules if self.stage.views > 1 else modules[:-1]

    def _watch(self, loss: Tensor, step: int, batch: Batch) -> None:
        """Stop at a loss that is no number; on a GPU looked at now and then, because every look waits for it."""
        assert self.first_bad_step is not None
        self.shown.append(batch.positions)
        bad = ~torch.isfinite(loss.detach()) & (self.first_bad_step < 0)
        self.first_bad_step = torch.where(bad, step, self.first_bad_step)
        last = step + 1 == self.trainer.num_training_batches
        if not (last or step % CHECK_EVERY == 0 or self.device.type == "cpu"):
            return
        bad_step = int(self.first_bad_step)
        if bad_step >= 0:
            scenes = ", ".join(str(self.batches.scene_index(p)) for p in self.shown[bad_step].tolist())
            raise ScenegenError(
                f"{self.stage.name}: the loss is not a number at epoch {self.current_epoch}, step {bad_step} (scenes "
                f"{scenes}); lower {self.stage.branch}.learning_rate or use --set training.precision=32-true"
            )
