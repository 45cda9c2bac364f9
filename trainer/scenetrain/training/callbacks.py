"""What a stage reports during training: a table of its epochs that survives a kill, and progress with time left."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from scenegen.core.files import write_text
from scenegen.progress import OnProgress

from scenetrain.blocks.saved import tensors_of
from scenetrain.networks.contract import Stage

OUTRIGHT = 0.05  # two binary cross-entropies, which together are 1.39 where nothing is known

COLUMNS = ("epoch", "train_loss", "val_loss", "val_iou", "val_threshold", "learning_rate", "seconds")
TIMES = ("validation_seconds", "processor_seconds", "validation_processor_seconds")
"""`seconds` and `processor_seconds` are an epoch's with its validation, whose own part stands beside them. Processor
time is this process's alone: what reader processes take is not in it."""


class EpochTable(Callback):
    """Keeps a row per epoch, inside the checkpoint and as a CSV file.

    Because the rows travel in the checkpoint, a resumed stage has each epoch once, whenever it was interrupted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []
        self.began = self.validation_began = self.validation_took = (0.0, 0.0)

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Start the epoch's clocks."""
        del trainer, pl_module
        self.began = _clocks()

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Start validation's clocks."""
        del trainer, pl_module
        self.validation_began = _clocks()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Stop them."""
        del trainer, pl_module
        self.validation_took = _since(self.validation_began)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Add the epoch; validation has run by now."""
        del pl_module
        metrics = trainer.callback_metrics
        row = {name: float(metrics[name]) for name in (*COLUMNS[1:5], *parts(metrics))}
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        seconds, processor = _since(self.began)
        times = dict(zip(TIMES, (self.validation_took[0], processor, self.validation_took[1]), strict=True))
        self.rows.append({"epoch": trainer.current_epoch, **row, "learning_rate": rate, "seconds": seconds, **times})
        if trainer.is_global_zero:
            text = io.StringIO()
            writer = csv.DictWriter(text, (*COLUMNS, *TIMES, *parts(metrics)), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
            write_text(self.path, text.getvalue())

    def state_dict(self) -> dict[str, Any]:
        """The rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the rows of a checkpoint."""
        self.rows = list(state_dict["rows"])


def _clocks() -> tuple[float, float]:
    """Seconds on the wall's clock and of this process's work."""
    return time.monotonic(), time.process_time()


def _since(began: tuple[float, float]) -> tuple[float, float]:
    now = _clocks()
    return now[0] - began[0], now[1] - began[1]


def parts(metrics: Mapping[str, Any]) -> list[str]:
    """The metrics that are parts of a turn's loss, "turn.part", in alphabetical order."""
    return sorted(name for name in metrics if "." in name)


class OutrightWins(Callback):
    """Warns once of a turn whose contested losses are near 0 over an epoch: the others learn nothing from it then."""

    def __init__(self, stage: Stage, report_line: Callable[[str], None]) -> None:
        self.stage = stage
        self.report_line = report_line
        self.warned: set[str] = set()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Look at the epoch's means."""
        del pl_module
        for turn in self.stage.turns:
            if not turn.contested or turn.name in self.warned:
                continue
            loss = sum(float(trainer.callback_metrics[f"{turn.name}.{part}"]) for part in turn.contested)
            if loss < OUTRIGHT:
                self.warned.add(turn.name)
                self.report_line(
                    f"{self.stage.name}: warning: the {turn.name} wins outright (its loss {' + '.join(turn.contested)} "
                    f"was {loss:.3f} over epoch {trainer.current_epoch + 1}), so the network learns little from it; "
                    f"{turn.remedy}"
                )


class StageProgress(Callback):
    """Reports how many steps of all epochs are done; early stopping may end a stage sooner."""

    def __init__(self, on_progress: OnProgress) -> None:
        self.on_progress = on_progress
        self.first_epoch = 0

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Remember where a resumed stage continues, so that the pace is that of this run."""
        del pl_module
        self.first_epoch = trainer.current_epoch

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the steps."""
        del pl_module, outputs, batch
        steps = int(trainer.num_training_batches)
        done = (trainer.current_epoch - self.first_epoch) * steps + batch_idx + 1
        self.on_progress(done, ((trainer.max_epochs or 0) - self.first_epoch) * steps)


def checkpoint_rows(checkpoint: dict[str, Any]) -> list[dict[str, float]]:
    """The rows of the EpochTable that was saved in a checkpoint. ValueError when they are something else."""
    states = checkpoint.get("callbacks", {})
    state: Any = next((s for key, s in states.items() if "EpochTable" in key), {}) if isinstance(states, dict) else None
    rows = state.get("rows", []) if isinstance(state, dict) else None
    if not isinstance(rows, list) or not all(map(_is_row, rows)):
        raise ValueError("its table of epochs is none")
    return rows


def _is_row(row: object) -> bool:
    return isinstance(row, dict) and all(isinstance(row.get(name), int | float) for name in COLUMNS)


def best_row(rows: list[dict[str, float]]) -> dict[str, float]:
    """The row of the lowest validation loss, the first such: the epoch that best.ckpt holds."""
    return min(rows, key=lambda row: math.inf if math.isnan(row["val_loss"]) else row["val_loss"])


def has_ended(rows: list[dict[str, float]], epochs: int, patience: int) -> bool:
    """Whether a stage with these epochs has ended, by their number or by patience."""
    return bool(rows) and (len(rows) >= epochs or len(rows) - 1 - best_row(rows)["epoch"] >= patience)


def host_state(checkpoint: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The network's weights in a stage's checkpoint, under the network's own names. ValueError when it has none."""
    return {key.removeprefix("model."): value for key, value in tensors_of(checkpoint.get("state_dict")).items()}
