"""A search's trials as CSV, Markdown and a plot."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from matplotlib.figure import Figure

from scenetrain.search.search import BRANCHES, Row

HEADS = (
    "branch", "changed", "learning rate", "dropout", "batch", "IoU", "threshold", "loss", "epochs", "seconds", "",
)  # fmt: skip


def cells(row: Row) -> tuple[str, ...]:
    """A row under HEADS."""
    o = row.result
    if o.failure or o.iou is None:
        figures = ("failed", *[""] * 4)
    else:
        figures = (f"{o.iou:.4f}", f"{o.threshold:.2f}", f"{o.loss:.5f}", str(o.epochs), f"{o.seconds:.0f}")
    settings = (f"{o.learning_rate:g}", f"{o.dropout:g}", str(o.batch_size))
    return (o.branch, o.changed.replace("_", " "), *settings, *figures, "kept" if row.kept else "")


def as_markdown(rows: Sequence[Row]) -> str:
    """All trials as a table."""
    lines = [HEADS, tuple("---" for _ in HEADS), *map(cells, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def as_csv(rows: Sequence[Row]) -> str:
    """All trials, a line each, figures in full and the reasons of failures."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*vars(rows[0].result), "kept"])
    writer.writerows([*vars(row.result).values(), row.kept] for row in rows)
    return text.getvalue()


def plot(rows: Sequence[Row]) -> bytes:
    """PNG: validation IoU of every trial in the order of the search, a panel a branch, and the best so far."""
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    for axis, branch in zip(figure.subplots(1, len(BRANCHES)), BRANCHES, strict=True):
        shown = [row for row in rows if row.result.branch == branch]
        heights = [row.result.iou or 0.0 for row in shown]
        best = [max(heights[: n + 1]) for n in range(len(heights))]
        colors = ["#d62728" if r.result.failure else "#2ca02c" if r.kept else "#9aa4b5" for r in shown]
        axis.bar(range(len(shown)), heights, color=colors)
        axis.step(range(len(shown)), best, where="mid", color="#1f5fbf", label="best so far")
        axis.set_xticks(range(len(shown)), [_label(row) for row in shown], rotation=60, ha="right", fontsize=7)
        axis.set_title(f"{branch} (green: kept; red: failed)", fontsize=9)
        axis.set_ylabel("validation IoU")
        axis.legend(loc="lower right", fontsize=7)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=130)
    return png.getvalue()


def _label(row: Row) -> str:
    changed = row.result.changed
    return changed if changed == "start" else f"{changed.replace('_', ' ')} {getattr(row.result, changed):g}"
