"""OUT/compare.html: the tables of a comparison, and the same scenes by every network; it opens offline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch
from scenegen.core.files import write_text

from scenetrain.compare.comparison import NetworkComparison
from scenetrain.compare.runs import RunScores
from scenetrain.compare.tables import (
    CONSTANT,
    Group,
    class_table,
    constant_of,
    cost_table,
    facts,
    groups,
    notes,
    remarks,
    score_table,
)
from scenetrain.evaluation.evaluate import open_scenes
from scenetrain.report.page import EmbeddedImage, Table, css_color, embed, render
from scenetrain.report.plots import plot_spread
from scenetrain.report.scenes import Drawn, Poses, lay_out, predict_volume
from scenetrain.report.tables import show
from scenetrain.report.voxels import Volume
from scenetrain.training.run_folder import load_model

PER_ROW = {"box": 2, "frustum": 3}
"""How many networks stand beside one truth."""


@dataclass(frozen=True)
class _ShownGroup:
    """A group of networks on the page; `scenes` are kind, name and image."""

    title: str
    scores: Table
    classes: Table
    costs: Table
    plot: EmbeddedImage | None
    scenes: list[tuple[str, str, EmbeddedImage]]


def write_page(comparison: NetworkComparison, device: torch.device) -> Path:
    """Write OUT/compare.html, the path returned; the finished networks are loaded one after another."""
    shown = [_show_group(comparison, group, device) for group in groups(comparison)]
    text = render(
        "compare.html.j2",
        title=f"{len(comparison.entries)} networks side by side",
        facts=facts(comparison),
        groups=shown,
        remarks=remarks(comparison),
        notes=notes(comparison),
        classes=[(name, css_color(name)) for name in comparison.classes],
    )
    path = comparison.request.out / "compare.html"
    write_text(path, text)
    return path


def _show_group(comparison: NetworkComparison, group: Group, device: torch.device) -> _ShownGroup:
    finished = {entry.name: runs for entry in group.entries if (runs := comparison.finished(entry.name))}
    return _ShownGroup(
        title=group.title,
        scores=score_table(comparison, group),
        classes=class_table(comparison, group),
        costs=cost_table(comparison, group),
        plot=_plot(comparison, group, finished),
        scenes=_draw_scenes(comparison, group, finished, device),
    )


def _plot(comparison: NetworkComparison, group: Group, finished: Mapping[str, list[RunScores]]) -> EmbeddedImage | None:
    """Every seed's mean over classes, a row for each network."""
    values = {name: [run.own.macro for run in runs if run.own.macro is not None] for name, runs in finished.items()}
    values = {name: found for name, found in values.items() if found}
    if not values:
        return None
    constant = constant_of(comparison, group)
    return embed(
        plot_spread(values, None if constant is None else constant.macro, CONSTANT), "mean IoU over classes by network"
    )


def _draw_scenes(
    comparison: NetworkComparison, group: Group, finished: Mapping[str, list[RunScores]], device: torch.device
) -> list[tuple[str, str, EmbeddedImage]]:
    """The best, the median and the worst scene, by the mean IoU over the networks, each by every network."""
    runs = [own[0] for own in finished.values()]
    chosen = choose_positions(runs)
    answers: dict[str, list[tuple[Volume, Poses | None]]] = {kind: [] for kind in chosen}
    laid = None
    for run in runs:
        trained = load_model(comparison.request.out / "runs" / f"{run.name}_{run.seed}", device)
        scenes = open_scenes(trained, comparison.request.test, "test")
        laid = laid or (scenes, trained)
        for kind, position in chosen.items():
            drawn = Drawn(run.name, f"IoU {show(run.scenes[position])}", trained)
            answers[kind].append(predict_volume(drawn, scenes, position, device))
    drawings = []
    for kind, position in chosen.items():
        assert laid is not None
        scenes, first = laid
        camera = scenes.camera(position)
        name = f"scene {scenes.scene_index(position)}" + ("" if camera is None else f", camera {camera}")
        image = lay_out(scenes, position, first, answers[kind], PER_ROW[group.labels])
        drawings.append((kind, name, embed(image, f"{name}: images, truth, and every network's answer")))
    return drawings


def choose_positions(runs: list[RunScores]) -> dict[str, int]:
    """Positions of the best, the median and the worst item by the mean over the runs, each once."""
    means = []
    for position, ious in enumerate(zip(*(run.scenes for run in runs), strict=True)):
        known = [iou for iou in ious if iou is not None]
        if known:
            means.append((-fmean(known), position))
    ranked = [position for _, position in sorted(means)]
    chosen: dict[str, int] = {}
    for kind, place in (("best", 0), ("median", len(ranked) // 2), ("worst", len(ranked) - 1)):
        if 0 <= place < len(ranked) and ranked[place] not in chosen.values():
            chosen[kind] = ranked[place]
    return chosen
