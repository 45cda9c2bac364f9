"""Train a painter on photographs, in a run folder.

RUN/config.toml     the PaintConfig, as it trained
RUN/metrics.csv     a line per epoch: seconds, the parts of the painter's loss, the judge's
RUN/last.pt         all that continues the training after its last finished epoch
RUN/samples.png     edges, painting and photograph of some that it is not trained on
RUN/model.pt        the finished painter
"""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.core.files import cannot_write, write_bytes, write_text
from scenegen.progress import progress
from torch import Tensor

from scenetrain.blocks.saved import read_saved, tensors_of
from scenetrain.config import PaintConfig, config_from_dict, config_to_toml
from scenetrain.data.coco_images import CocoChoice, open_photographs
from scenetrain.data.image_sets import ImageSet, describe_broken
from scenetrain.data.paint_batches import Photographs
from scenetrain.networks.painting import Painter
from scenetrain.networks.registry import get_painter
from scenetrain.training.run_folder import PAINTER_FORMAT

ReportLine = Callable[[str], None]
FEW = 100
"""Photographs, below which a painter knows them by heart."""


@dataclass(frozen=True)
class TrainedPainter:
    """A painter that can restyle."""

    network: Any
    """A PaintingNetwork."""
    painter: Painter
    config: PaintConfig
    photographs: int
    """How many it was trained on."""
    path: Path
    """Its model.pt."""


def fit_painter(
    config: PaintConfig,
    data: Path,
    run: Path,
    device: torch.device,
    report_line: ReportLine,
    coco: CocoChoice | None = None,
) -> None:
    """Train into `run` and write model.pt; an interrupted run continues after its last epoch, as it would have.

    `coco` chooses among the images of `data` by their annotations.
    """
    painter = get_painter(config.model.name)
    training = config.training
    images = open_photographs(data, training.photographs or 10**9, coco)
    with progress("photographs", "images") as on_progress:
        photographs = Photographs(images, config, on_progress)
    _report(photographs, images, report_line)
    network = painter.build(config).to(device)
    _begin(run, config)
    optimizers = painter.optimizers(network, config)
    schedules = [painter.schedule(optimizer, config) for optimizer in optimizers]
    rows = _continue(run, network, optimizers, schedules, device)
    steps = -(-(len(photographs) - len(photographs.held_out)) // training.batch_size)
    try:
        with progress(painter.name, "steps") as on_progress:
            for epoch in range(len(rows), training.epochs):
                began, sums = time.monotonic(), dict[str, Tensor]()
                torch.manual_seed(training.seed + epoch)
                for step, batch in enumerate(photographs.batches(epoch), start=1):
                    _step(network, optimizers, [part.to(device) for part in batch], training.precision, sums)
                    on_progress(epoch * steps + step, training.epochs * steps)
                for schedule in schedules:
                    schedule.step()
                row = {"epoch": float(epoch), "seconds": time.monotonic() - began}
                rows.append(row | {name: float(value) / steps for name, value in sums.items()})
                _check_finite(rows[-1])
                _save(run, network, optimizers, schedules, rows)
                _write_samples(run, network, photographs, device)
    except torch.OutOfMemoryError as error:
        raise ScenegenError(
            f"{device} ran out of memory; take smaller crops or batches with --set training.crop=128 or "
            "training.batch_size=1"
        ) from error
    except OSError as error:
        raise ScenegenError(cannot_write(run, error)) from error
    trained = len(photographs) - len(photographs.held_out)
    _save_whole(
        run / "model.pt",
        {
            "format": PAINTER_FORMAT,
            "painter": painter.name,
            "config": asdict(config),
            "photographs": trained,
            "state": network.generator.state_dict(),
        },
    )


def load_painter(run: Path, device: torch.device) -> TrainedPainter:
    """The painter of RUN/model.pt. ScenegenError when there is none, or the run is of another kind of network."""
    path = run if run.suffix == ".pt" else run / "model.pt"
    if not path.is_file():
        raise ScenegenError(f"{path}: no trained painter; run `scenetrain fit --model pix2pixhd --out {run}` first")
    try:
        body = read_saved(path, device)
        if body["format"] != PAINTER_FORMAT:
            raise ScenegenError(f"{path}: labels scenes and paints nothing; give a run of `fit --model pix2pixhd`")
        painter = get_painter(str(body["painter"]))
        config = config_from_dict(painter.settings, body["config"], str(path))
        state, photographs = tensors_of(body["state"]), int(body["photographs"])
        network = painter.build(config, pretrained=False).to(device)
        network.generator.load_state_dict(state)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, UsageError) as error:
        reason = str(error).split("\n")[0]
        raise DamageError(f"{path}: not a painter of this program, or damaged ({reason}); copy it again") from error
    return TrainedPainter(network.eval(), painter, config, photographs, path)


def _report(photographs: Photographs, images: ImageSet, report_line: ReportLine) -> None:
    lines = [*images.notes, describe_broken(images, photographs.broken)]
    if photographs.enlarged:
        size = photographs.config.training.size
        lines.append(f"{images.path}: {photographs.enlarged} images are smaller than {size} pixels and were enlarged")
    if len(photographs) < FEW:
        lines.append(f"{images.path}: {len(photographs)} photographs will be known by heart; give some thousand")
    if images.rendered:
        lines.append(f"{images.path}: a data set of renders is given as the photographs")
    for line in filter(None, lines):
        report_line(f"scenetrain: {line}")


def _step(network: Any, optimizers: Any, batch: list[Tensor], precision: str, sums: dict[str, Tensor]) -> None:
    """One step of the painter, then one of the judge."""
    kind = batch[0].device.type
    with torch.autocast(kind, torch.bfloat16, enabled=precision == "bf16-mixed"):
        found = network.losses(*batch)
    painter, judge = optimizers
    judge.zero_grad(set_to_none=True)
    painter.zero_grad(set_to_none=True)
    parameters = list(network.generator.parameters())
    # the judges' own weights get no gradients of the painter's loss
    total = torch.stack(list(found.painter.values())).sum()
    gradients = torch.autograd.grad(total, parameters, retain_graph=True)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    found.judge.backward()
    painter.step()
    judge.step()
    for name, value in (*found.painter.items(), ("judge", found.judge)):
        sums[name] = sums.get(name, torch.zeros_like(value)) + value.detach()


def _check_finite(row: dict[str, float]) -> None:
    if not all(np.isfinite(value) for value in row.values()):
        raise ScenegenError(
            "the loss is not a number; lower losses.learning_rate or use --set training.precision=32-true, with "
            "another --out"
        )


def _begin(run: Path, config: PaintConfig) -> None:
    path, text = run / "config.toml", config_to_toml(config)
    try:
        run.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.read_text() != text:
            raise ScenegenError(
                f"{path}: differs from the requested configuration; ask for the same or give another --out"
            )
    except OSError as error:
        raise ScenegenError(cannot_write(run, error)) from error
    write_text(path, text)


def _continue(run: Path, network: Any, optimizers: Any, schedules: Any, device: torch.device) -> list[dict[str, float]]:
    """Take up what last.pt holds: the rows of the finished epochs."""
    path = run / "last.pt"
    if not path.is_file():
        return []
    try:
        body = read_saved(path, device)
        for part, state in zip((network.generator, network.judge, *optimizers, *schedules), body["parts"], strict=True):
            part.load_state_dict(state)
        return list(body["rows"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        reason = str(error).split("\n")[0]
        raise DamageError(f"{path}: damaged ({reason}); rename it, and the training starts again") from error


def _save(run: Path, network: Any, optimizers: Any, schedules: Any, rows: list[dict[str, float]]) -> None:
    parts = [part.state_dict() for part in (network.generator, network.judge, *optimizers, *schedules)]
    _save_whole(run / "last.pt", {"parts": parts, "rows": rows})
    text = io.StringIO()
    table = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    table.writeheader()
    table.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in rows)
    write_text(run / "metrics.csv", text.getvalue())


def _save_whole(path: Path, body: dict[str, Any]) -> None:
    staging = path.with_name(f".{path.stem}.{os.getpid()}.pt")
    torch.save(body, staging)
    staging.replace(path)


@torch.inference_mode()
def _write_samples(run: Path, network: Any, photographs: Photographs, device: torch.device) -> None:
    batch = photographs.batch(photographs.held_out or [0])
    painted = network.paint(batch.edges.to(device)).cpu()
    rows = [
        torch.cat([e.expand(3, -1, -1), p, t], 2)
        for e, p, t in zip(batch.edges, painted, batch.photographs, strict=True)
    ]
    sheet = (torch.cat(rows, 1).clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    content = io.BytesIO()
    Image.fromarray(sheet).save(content, "PNG")
    write_bytes(run / "samples.png", [content.getvalue()])
