"""Scores and settings as rows of values: the report's page and `scenetrain evaluate` lay them out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scenetrain.evaluation.evaluate import Evaluation
from scenetrain.metrics.iou import Scores
from scenetrain.networks.contract import Family, PaperScore
from scenetrain.training.run_folder import TrainedModel


@dataclass(frozen=True)
class ScoredRun:
    """A run's name, its network and its scores."""

    name: str
    trained: TrainedModel
    result: Evaluation


@dataclass(frozen=True)
class ScoreRow:
    """One row of the score table; None where there is no figure.

    `class_name` is None for a row of all classes together. `starts_group` marks the first of the rows that belong
    together. `items` counts the scenes or images (see `item_name`) that the row is measured on. `paper` has one figure
    per version of the family's paper.
    """

    name: str
    class_name: str | None
    starts_group: bool
    items: int
    runs: tuple[float | None, ...]
    constant: float | None
    paper: tuple[float | None, ...]


def score_rows(family: Family, results: Sequence[Evaluation]) -> list[ScoreRow]:
    """The scores of one or more runs, output by output as the first of them has them, beside the family's paper.

    An output gives one row if it is occupancy; else one row per class, then two for all classes together.
    """
    first = results[0]
    rows: list[ScoreRow] = []
    for name, score in first.outputs.items():
        title, total = score.output.title, len(first.scenes)
        runs = [result.outputs[name].scores if name in result.outputs else None for result in results]
        paper = [version.scores.get(name, PaperScore()) for version in family.paper]
        if score.output.kind != "occupancy":
            for c, class_name in enumerate(first.classes):
                rows.append(
                    ScoreRow(
                        class_name,
                        class_name,
                        starts_group=c == 0,
                        items=score.scores.scenes_with_class[c],
                        runs=tuple(_class_iou(scores, c) for scores in runs),
                        constant=score.constant.classes[c],
                        paper=tuple(version.classes.get(class_name) for version in paper),
                    )
                )
        rows.append(
            ScoreRow(
                title if score.output.kind == "occupancy" else f"{title} overall",
                None,
                starts_group=True,
                items=total,
                runs=tuple(None if scores is None else scores.overall for scores in runs),
                constant=score.constant.overall,
                paper=tuple(version.overall for version in paper),
            )
        )
        if score.output.kind != "occupancy":
            rows.append(
                ScoreRow(
                    f"{title} macro",
                    None,
                    starts_group=False,
                    items=total,
                    runs=tuple(None if scores is None else scores.macro for scores in runs),
                    constant=score.constant.macro,
                    paper=tuple(version.macro for version in paper),
                )
            )
    return rows


def item_name(result: Evaluation) -> str:
    """What is counted and averaged over: scenes, or with frustum labels single images."""
    return "scenes" if result.main.output.grid == "box" else "images"


def setting_rows(family: Family, networks: Sequence[TrainedModel]) -> list[tuple[str, ...]]:
    """Settings and thresholds as text: a row's name, then one cell per network and one per version of the paper.

    A cell holds one value where all sections of the configuration agree, else one per section.
    """
    columns = [network.family.settings_rows(network.config) for network in networks]
    columns += [version.settings for version in family.paper]
    rows = [
        (name, *(_joined(column.get(name, ())) for column in columns))
        for name in family.settings_rows(networks[0].config)
    ]
    outputs = [output for output in family.outputs if output.has_threshold]
    if outputs:
        own = [_joined([_threshold(network.thresholds.get(o.name)) for o in outputs]) for network in networks]
        scores = [[version.scores.get(o.name, PaperScore()).threshold for o in outputs] for version in family.paper]
        paper = ["" if not any(figures) else _joined(list(map(_threshold, figures))) for figures in scores]
        titles = tuple(output.title for output in outputs)
        name = "threshold" if titles == family.sections else f"threshold of {', '.join(titles)}"
        rows.append((name, *own, *paper))
    return rows


def show(value: float | None) -> str:
    """A score as text."""
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _class_iou(scores: Scores | None, position: int) -> float | None:
    return None if scores is None else scores.classes[position]


def _threshold(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _joined(values: Sequence[str]) -> str:
    return values[0] if len(set(values)) == 1 else ", ".join(values)
