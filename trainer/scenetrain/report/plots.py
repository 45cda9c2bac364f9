"""Plots of a run as PNG bytes, in the colours of the report's page."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from scenetrain.training.epoch_tables import Rows

CARD, LINE, INK, FAINT = "#14161c", "#262a33", "#d6dbe5", "#8b93a3"
BLUE, AMBER, GREEN = "#5b9dff", "#f4c836", "#4aa854"


@dataclass(frozen=True)
class ThresholdCurve:
    """An output's overall IoU at the thresholds 0, .01, ... .99, the threshold in use, and the paper's."""

    title: str
    values: Sequence[float]
    chosen: float
    paper: float | None


def plot_stages(stages: Mapping[str, Rows]) -> bytes:
    """Loss above, IoU below, one column per stage, side by side of one stage; the epoch that was kept is marked.

    A stage without validation IoU shows its losses only.
    """
    if len(stages) == 1:
        figure = Figure(figsize=(9.0, 3.0))
        axes = figure.subplots(1, 2, squeeze=False).T
    else:
        figure = Figure(figsize=(3.5 * len(stages), 5.2))
        axes = figure.subplots(2, len(stages), squeeze=False)
    for n, (title, rows) in enumerate(stages.items()):
        epochs = [row["epoch"] + 1 for row in rows]
        best = min(rows, key=lambda row: row["val_loss"])["epoch"] + 1
        loss, iou = axes[0, n], axes[1, n]
        loss.plot(epochs, [row["train_loss"] for row in rows], color=FAINT, label="training", marker=".")
        loss.plot(epochs, [row["val_loss"] for row in rows], color=BLUE, label="validation", marker=".")
        loss.set_title(title)
        shown = [loss]
        if all(math.isfinite(row.get("val_iou", math.nan)) for row in rows):
            iou.plot(epochs, [row["val_iou"] for row in rows], color=AMBER, label="validation", marker=".")
            iou.set_ylim(bottom=0)
            shown.append(iou)
        else:
            iou.set_visible(False)
        for axis in shown if len(stages) == 1 else shown[-1:]:
            axis.set_xlabel("epoch")
        for axis in shown:
            axis.axvline(best, color=GREEN, linewidth=1, linestyle="--", label="kept")
            axis.set_xlim(0.5, len(rows) + 0.5)
            axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
            _style(axis)
    axes[0, 0].set_ylabel("loss")
    axes[1, 0].set_ylabel("IoU at the best threshold")
    for axis in axes[:, -1]:
        axis.legend(frameon=False, labelcolor=INK, fontsize=9)
    return _png(figure)


def plot_parts(stages: Mapping[str, Rows]) -> bytes | None:
    """Every part of a loss by epoch, "turn.part", one small plot each; None where no stage has parts."""
    parts = [(title, part, rows) for title, rows in stages.items() for part in rows[0] if "." in part]
    if not parts:
        return None
    columns = min(4, len(parts))
    lines = -(-len(parts) // columns)
    figure = Figure(figsize=(2.9 * columns, 2.2 * lines))
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis, (title, part, rows) in zip(axes, parts, strict=False):
        values = [row.get(part, math.nan) for row in rows]
        axis.plot([row["epoch"] + 1 for row in rows], values, color=BLUE, marker=".")
        axis.set_title(part if len(stages) == 1 else f"{title}: {part}")
        axis.set_xlim(0.5, len(rows) + 0.5)
        known = [value for value in values if math.isfinite(value)]
        axis.set_ylim(0, 1.08 * max(known, default=0) or 1)
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        _style(axis)
    for axis in axes[len(parts) :]:
        axis.set_visible(False)
    for axis in axes[max(0, len(parts) - columns) : len(parts)]:
        axis.set_xlabel("epoch")
    return _png(figure)


def plot_thresholds(curves: Sequence[ThresholdCurve]) -> bytes:
    """Overall IoU over the threshold."""
    figure = Figure(figsize=(7.0, 3.8))
    axis = figure.subplots()
    for curve, color in zip(curves, cycle((BLUE, AMBER, GREEN)), strict=False):
        values, chosen = curve.values, curve.chosen
        axis.plot(np.arange(len(values)) / len(values), values, color=color, label=curve.title)
        label = f"chosen on validation: {chosen:.2f}"
        axis.plot(chosen, values[round(chosen * len(values))], "o", color=color, label=label)
        if curve.paper is not None:
            label = f"paper, {curve.title}: {curve.paper:.2f}"
            axis.axvline(curve.paper, color=FAINT, linewidth=1, linestyle=":", label=label)
    axis.set(xlabel="threshold", ylabel="overall IoU", xlim=(0, 1))
    axis.set_ylim(bottom=0)
    _style(axis)
    axis.legend(frameon=False, labelcolor=INK, fontsize=9)
    return _png(figure)


def plot_confusion(confusion: NDArray[np.int64], labels: Sequence[str]) -> bytes:
    """Where each true class's voxels went, in per cent of its row; `labels` name rows and columns."""
    rows = confusion.sum(axis=1, keepdims=True)
    share = 100 * confusion / np.maximum(rows, 1)
    figure = Figure(figsize=(6.4, 5.0))
    axis = figure.subplots()
    axis.imshow(np.sqrt(share), cmap="cividis", vmin=0, vmax=10, aspect="auto")
    for (i, j), value in np.ndenumerate(share):
        text = "-" if not rows[i, 0] else f"{value:.0f}" if value >= 9.95 or not confusion[i, j] else f"{value:.1f}"
        axis.text(j, i, text, ha="center", va="center", fontsize=9, color="#111318" if value > 42 else INK)
    names = range(len(labels))
    axis.set_xticks(names, labels, rotation=30, ha="right")
    axis.set_yticks(names, [f"{name}  ({n:,})" for name, n in zip(labels, rows[:, 0].tolist(), strict=True)])
    axis.set(xlabel="predicted", ylabel="true (voxels)")
    _style(axis)
    axis.grid(visible=False)
    return _png(figure)


def plot_spread(values: Mapping[str, Sequence[float]], reference: float | None, reference_name: str) -> bytes:
    """A row for each name, in their order: a dot for every value, a line at their mean; a reference across all."""
    figure = Figure(figsize=(9.0, 0.9 + 0.32 * len(values)))
    axis = figure.subplots()
    for row, found in enumerate(values.values()):
        axis.plot([sum(found) / len(found)], [row], "|", color=AMBER, markersize=14, markeredgewidth=2)
        axis.plot(found, [row] * len(found), "o", color=BLUE, markersize=5)
    if reference is not None:
        axis.axvline(reference, color=FAINT, linewidth=1, linestyle=":", label=reference_name)
        axis.legend(frameon=False, labelcolor=INK, fontsize=9)
    axis.set_yticks(range(len(values)), list(values))
    axis.set(xlabel="IoU, mean over classes; a dot for each seed")
    axis.set_xlim(left=0)
    axis.set_ylim(len(values) - 0.4, -0.6)
    _style(axis)
    return _png(figure)


def _style(axis: Axes) -> None:
    axis.set_facecolor(CARD)
    axis.tick_params(colors=FAINT, labelsize=9, length=0)
    axis.grid(color=LINE, linewidth=0.8)
    axis.set_axisbelow(True)
    for spine in axis.spines.values():
        spine.set_visible(False)
    axis.title.set(color=INK, fontsize=11)
    for label in (axis.xaxis.label, axis.yaxis.label):
        label.set(color=FAINT, fontsize=9)


def _png(figure: Figure) -> bytes:
    figure.set_facecolor(CARD)
    figure.set_layout_engine("tight")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150)
    return content.getvalue()
