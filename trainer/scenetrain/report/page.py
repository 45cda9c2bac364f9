"""The HTML of a run's report, page.html.j2 filled in: one file that needs nothing else."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image
from scenegen.core.scene.classes import class_color
from scenegen.metrics.tables import ScoreTable

from scenetrain.evaluation.evaluate import Evaluation, SceneScore
from scenetrain.metrics.seen import SeenScore
from scenetrain.networks.contract import PaperScore
from scenetrain.report.tables import ScoredRun, item_name, score_rows, setting_rows, show
from scenetrain.report.viewer_links import ViewerLinks
from scenetrain.training.epoch_tables import Rows

TEMPLATE = "page.html.j2"
MOST_WORST = 10
"""Rows of the table of the worst scenes."""


@dataclass(frozen=True)
class Cell:
    """Text of a table's cell; `own` for a figure of the run itself."""

    text: str
    own: bool = False


@dataclass(frozen=True)
class PageRow:
    """A table's row: its name, a CSS colour beside it or "", whether a line parts it from the row above, and where the
    name leads to or "".
    """

    name: str
    cells: tuple[Cell, ...]
    color: str = ""
    starts_group: bool = False
    link: str = ""


@dataclass(frozen=True)
class Table:
    """A table with its head, one text per column."""

    heads: tuple[str, ...]
    rows: tuple[PageRow, ...]


@dataclass(frozen=True)
class EmbeddedImage:
    """A PNG inside the page, its size in pixels, and what it shows in words."""

    source: str
    width: int
    height: int
    text: str


@dataclass(frozen=True)
class ReportContent:
    """What the page shows: one or more runs on a data set `data`.

    `stages` holds the epochs by the stage's title, `shown` the scenes by their kind (best, median, worst). `figures`
    are PNG files by name: "curves", "parts", "thresholds", "confusion", all of which may be absent, and "scene_KIND".
    """

    runs: Sequence[ScoredRun]
    data: str
    stages: Mapping[str, Rows]
    shown: Mapping[str, SceneScore]
    figures: Mapping[str, bytes]
    viewer: ViewerLinks


def render(template: str, **values: Any) -> str:
    """A template of this folder, filled in."""
    environment = Environment(
        loader=PackageLoader("scenetrain", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def page(content: ReportContent) -> str:
    """The page's HTML."""
    run, result = content.runs[0], content.runs[0].result
    family = run.trained.family
    described, items = family.describe(run.trained.config), item_name(result)
    return render(
        TEMPLATE,
        title=run.name,
        facts=f"{family.title}{f': {described}' if described else ''} · {content.data}: {len(result.scenes)} {items}",
        tiles=_tiles(result),
        scores=_score_table(content.runs),
        runs=_runs_table(content.runs) if len(content.runs) > 1 else None,
        settings=_settings_table(content.runs),
        seen=_seen_table(content.runs),
        items=items,
        has_paper=bool(family.paper),
        has_thresholds=any(score.output.has_threshold for score in result.outputs.values()),
        has_classes=result.main.output.kind != "occupancy",
        classes=[(name, css_color(name)) for name in result.classes],
        scenes=[
            (
                kind,
                score.name,
                content.viewer.address(score),
                embed(content.figures[figure_of(kind)], f"{score.name}: images, truth, predictions"),
            )
            for kind, score in content.shown.items()
        ],
        more=[(run.name, [_more_scores(scores) for scores in run.result.tables]) for run in content.runs],
        worst=_worst_table(content.runs[0], content.viewer),
        viewer=content.viewer,
        curves=_named_figure(content.figures, "curves", "loss and IoU by epoch"),
        parts=_named_figure(content.figures, "parts", "every part of the losses by epoch"),
        stages=_stage_table(content.stages),
        thresholds=_named_figure(content.figures, "thresholds", "overall IoU over the threshold"),
        confusion=_named_figure(content.figures, "confusion", "true and predicted classes of voxels"),
    )


def css_color(class_name: str) -> str:
    """A class's colour as CSS."""
    return "rgb({},{},{})".format(*class_color(class_name))


def _tiles(result: Evaluation) -> list[tuple[str, str]]:
    tiles = []
    for score in result.outputs.values():
        title, scores = score.output.title, score.scores
        if score.output.kind == "occupancy":
            tiles.append((f"{title} IoU", show(scores.overall)))
        else:
            tiles += [(f"{title} IoU, overall", show(scores.overall)), (f"{title} IoU, macro", show(scores.macro))]
    title, scores = result.main.output.title, result.main.scores
    return [*tiles, (f"{title} precision", show(scores.precision)), (f"{title} recall", show(scores.recall))]


def _score_table(runs: Sequence[ScoredRun]) -> Table:
    family = runs[0].trained.family
    rows = tuple(
        PageRow(
            row.name,
            (
                Cell(str(row.items)),
                *(Cell(show(value), own=True) for value in row.runs),
                *(Cell(show(value)) for value in (row.constant, *row.paper)),
            ),
            css_color(row.class_name) if row.class_name else "",
            row.starts_group,
        )
        for row in score_rows(family, [run.result for run in runs])
    )
    paper = (f"paper {version.name}" for version in family.paper)
    return Table(("IoU", item_name(runs[0].result), *(run.name for run in runs), "constant", *paper), rows)


def figure_of(kind: str) -> str:
    """The name of the figure of a scene of a kind."""
    return f"scene_{kind.replace(' ', '_')}"


def _runs_table(runs: Sequence[ScoredRun]) -> Table:
    """What each run is, with its scores beside those of the same version in its family's paper."""
    rows = []
    for run in runs:
        family, config, scores = run.trained.family, run.trained.config, run.result.main.scores
        name = family.paper_version(config)
        paper = next((version.scores for version in family.paper if version.name == name), {})
        theirs = paper.get(run.result.main.output.name, PaperScore()).macro
        cells = (
            Cell(family.title),
            Cell(family.describe(config) or "–"),
            Cell(f"{sum(p.numel() for p in run.trained.model.parameters()):,}"),
            Cell(show(scores.overall), own=True),
            Cell(show(scores.macro), own=True),
            Cell(f"{name}: {show(theirs)}" if theirs is not None else "–"),
        )
        rows.append(PageRow(run.name, cells))
    return Table(
        ("run", "network", "what it is", "parameters", "overall IoU", "macro IoU", "paper, macro"), tuple(rows)
    )


def _more_scores(scores: ScoreTable) -> tuple[str, Table, tuple[str, ...]]:
    """A family's own table: title, content, notes."""
    rows = tuple(
        PageRow(
            row.name,
            tuple(Cell(scores.text(value, column)) for column, value in enumerate(row.values)),
            css_color(row.class_name) if row.class_name else "",
            row.starts_group,
        )
        for row in scores.rows
    )
    return scores.title, Table((scores.head, *scores.columns), rows), scores.notes


def _worst_table(run: ScoredRun, viewer: ViewerLinks) -> Table | None:
    """The scenes of the lowest IoU, with that of every class that truth or prediction has."""
    result = run.result
    output = result.main.output.name
    known = [(iou, score) for score in result.scenes if (iou := score.ious[output]) is not None]
    ranked = sorted(known, key=lambda pair: (pair[0], pair[1].position))[:MOST_WORST]
    if result.main.output.kind == "occupancy" or not ranked:
        return None
    rows = [
        PageRow(
            score.name,
            (Cell(show(iou), own=True), *(Cell("" if c is None else show(c)) for c in score.classes)),
            link=viewer.address(score),
        )
        for iou, score in ranked
    ]
    return Table(("worst", "overall IoU", *result.classes), tuple(rows))


def _settings_table(runs: Sequence[ScoredRun]) -> Table | None:
    family = runs[0].trained.family
    rows = setting_rows(family, [run.trained for run in runs])
    names = (*(run.name for run in runs), *(f"paper {version.name}" for version in family.paper))
    table = Table(
        (", ".join(family.sections) or "setting", *names),
        tuple(PageRow(name, tuple(map(Cell, cells))) for name, *cells in rows),
    )
    return table if rows else None


def _seen_table(runs: Sequence[ScoredRun]) -> Table | None:
    pairs = [(run.result.seen, run.result.unseen) for run in runs]
    kinds = [f"{run.name} {kind}" if len(runs) > 1 else kind for run in runs for kind in ("recall", "IoU")]
    rows = []
    for name, scores in (
        ("seen by a camera", [seen for seen, _ in pairs]),
        ("seen by none", [unseen for _, unseen in pairs]),
    ):
        known = [score for score in scores if score is not None]
        if len(known) < len(runs):
            return None
        rows.append(PageRow(name, (Cell(str(known[0].objects)), *_seen_cells(known))))
    return Table(("objects", "number", *kinds), tuple(rows))


def _seen_cells(scores: Sequence[SeenScore]) -> list[Cell]:
    return [Cell(show(value), own=True) for score in scores for value in (score.recall, score.iou)]


def _stage_table(stages: Mapping[str, Rows]) -> Table | None:
    rows = []
    for title, epochs in stages.items():
        best = min(epochs, key=lambda row: row["val_loss"])
        cells = (
            f"{len(epochs)}",
            f"{best['epoch'] + 1:.0f}",
            f"{best['train_loss']:.4f}",
            f"{best['val_loss']:.4f}",
            show(best.get("val_iou")),
            f"{math.fsum(row['seconds'] for row in epochs):,.0f}",
        )
        rows.append(PageRow(title, tuple(map(Cell, cells))))
    heads = ("stage", "epochs", "best epoch", "training loss", "validation loss", "validation IoU", "seconds")
    return Table(heads, tuple(rows)) if rows else None


def _named_figure(figures: Mapping[str, bytes], name: str, text: str) -> EmbeddedImage | None:
    return embed(figures[name], text) if name in figures else None


def embed(png: bytes, text: str) -> EmbeddedImage:
    """A PNG inside the page."""
    with Image.open(io.BytesIO(png)) as image:
        width, height = image.size
    return EmbeddedImage(f"data:image/png;base64,{base64.b64encode(png).decode()}", width, height, text)
