"""A search's trials as CSV, Markdown and a plot."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from matplotlib.figure import Figure

from scenetrain.search.search import TrialResult, TrialRow

FAILED, KEPT, TRIED, BEST = "#d62728", "#2ca02c", "#9aa4b5", "#1f5fbf"
FIGURES = ("IoU", "threshold", "loss", "epochs", "seconds")


def setting_keys(rows: Sequence[TrialRow]) -> tuple[str, ...]:
    """Every searched setting, in the order of the search."""
    return tuple(dict.fromkeys(key for row in rows for key in row.result.settings))


def heads(rows: Sequence[TrialRow]) -> tuple[str, ...]:
    """The heads of the table's columns."""
    return ("section", "changed", *(key.replace("_", " ") for key in setting_keys(rows)), *FIGURES, "")


def cells(row: TrialRow, keys: Sequence[str]) -> tuple[str, ...]:
    """A row under `heads`; `keys` are the settings shown."""
    result = row.result
    settings = (f"{result.settings[key]:g}" if key in result.settings else "" for key in keys)
    figures = ("failed", "", "", "", "") if result.failure else _figures(result)
    return (result.section, result.changed.replace("_", " "), *settings, *figures, "kept" if row.kept else "")


def as_markdown(rows: Sequence[TrialRow]) -> str:
    """All trials as a table."""
    keys, head = setting_keys(rows), heads(rows)
    lines = [head, tuple("---" for _ in head), *(cells(row, keys) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def as_csv(rows: Sequence[TrialRow]) -> str:
    """All trials, one per line: figures in full, and why a trial failed."""
    keys = setting_keys(rows)
    own = ("trial", "section", "changed")
    figures = ("iou", "threshold", "loss", "epochs", "seconds", "failure")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*own, *keys, *figures, "kept"])
    for row in rows:
        values = [getattr(row.result, name) for name in (*own, *figures)]
        settings = [row.result.settings.get(key) for key in keys]
        writer.writerow([*values[: len(own)], *settings, *values[len(own) :], row.kept])
    return text.getvalue()


def plot(rows: Sequence[TrialRow]) -> bytes:
    """PNG: the score of every trial in the order of the search, one panel per section, and the best so far."""
    sections = tuple(dict.fromkeys(row.result.section for row in rows))
    figure = Figure(figsize=(5 * len(sections), 4.6), layout="constrained")
    for axis, section in zip(figure.subplots(1, len(sections), squeeze=False)[0], sections, strict=True):
        shown = [row for row in rows if row.result.section == section]
        heights = [row.result.score or 0.0 for row in shown]
        has_iou = any(row.result.iou is not None for row in shown)
        best: list[float] = []
        for row, height in zip(shown, heights, strict=True):
            known = [*best[-1:], *([height] if not row.result.failure else [])]
            best.append(max(known, default=float("nan")))
        colors = [FAILED if row.result.failure else KEPT if row.kept else TRIED for row in shown]
        axis.bar(range(len(shown)), heights, color=colors)
        axis.step(range(len(shown)), best, where="mid", color=BEST, label="best so far")
        axis.set_xticks(range(len(shown)), [_label(row) for row in shown], rotation=60, ha="right", fontsize=7)
        axis.set_title(f"{section} (green: kept; red: failed)", fontsize=9)
        axis.set_ylabel("validation IoU" if has_iou else "minus validation loss")
        axis.legend(loc="lower right", fontsize=7)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=130)
    return png.getvalue()


def _figures(result: TrialResult) -> tuple[str, ...]:
    iou = "" if result.iou is None else f"{result.iou:.4f}"
    threshold = "" if result.threshold is None else f"{result.threshold:.2f}"
    loss = "" if result.loss is None else f"{result.loss:.5f}"
    return iou, threshold, loss, str(result.epochs), f"{result.seconds:.0f}"


def _label(row: TrialRow) -> str:
    changed = row.result.changed
    return changed if changed == "start" else f"{changed.replace('_', ' ')} {row.result.settings[changed]:g}"
