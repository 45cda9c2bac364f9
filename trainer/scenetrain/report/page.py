"""The HTML of a run's report: one file that needs nothing else."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image
from scenegen.core.scene.classes import class_color

from scenetrain.evaluation.evaluate import Evaluation, SceneScore
from scenetrain.metrics.seen import SeenScore
from scenetrain.report.plots import Rows
from scenetrain.training.run_folder import TrainedModel


@dataclass(frozen=True)
class Scored:
    """A run on the page: the folder's name, its network and its scores."""

    name: str
    trained: TrainedModel
    result: Evaluation


_STYLE = """
:root { color-scheme: dark; --ink: #d6dbe5; --faint: #8b93a3; --card: #14161c; --line: #262a33; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1440px; padding: 32px 20px 64px; background: #0a0b0e; color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0; font-size: 26px; font-weight: 600; letter-spacing: -.01em; }
h2 { margin: 34px 0 10px; font-size: 18px; font-weight: 600; }
.facts, .note { margin: 4px 0 18px; color: var(--faint); }
.note { margin: 8px 0 0; font-size: 14px; max-width: 90ch; }
.tiles, .pair { display: grid; gap: 14px; }
.tiles { grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); }
.pair { grid-template-columns: repeat(auto-fit, minmax(min(100%, 560px), 1fr)); align-items: start; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 12px 16px; }
.tile b { display: block; font-size: 26px; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span { color: var(--faint); font-size: 14px; }
.card { overflow-x: auto; padding: 12px 16px; margin: 0 0 14px; }
.card > img { display: block; width: 100%; max-width: 1408px; height: auto; margin: 0 auto; }
.picture { padding: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 0 0 12px; padding: 0; list-style: none; }
i { display: inline-block; width: 12px; height: 12px; margin-right: 7px; border-radius: 3px; vertical-align: -1px; }
h3 { margin: 16px 0 6px; font-size: 15px; font-weight: 500; }
h3 span { color: var(--faint); }
table { width: 100%; border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 0 4px 14px; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); }
th { color: var(--faint); font-weight: 500; }
tr:first-child th { border: 0; }
th:first-child, td:first-child { padding-left: 0; text-align: left; color: var(--ink); }
td.own { font-weight: 600; }
tr.sum td { border-top: 1px solid var(--faint); }
"""


def page(
    runs: Sequence[Scored],
    data: str,
    stages: Mapping[str, Rows],
    pictures: Mapping[str, bytes],
    shown: Mapping[str, SceneScore],
) -> str:
    """The HTML of one or two runs on `data`; `pictures` are PNG files by name, those of `shown` as scene_KIND."""
    run, result = runs[0], runs[0].result
    family, built = run.trained.family, run.trained.family.describe(run.trained.config)
    facts = f"{family.title}{f' on {built}' if built else ''} · {data}: {len(result.scenes)} scenes"
    legend = "".join(f"<li>{_swatch(name)}{escape(name)}</li>" for name in result.classes)
    scenes = "".join(
        f"<h3>{kind.capitalize()} <span>scene {score.index}</span></h3>"
        + _figure(pictures[f"scene_{kind}"], f"scene {score.index}: photographs, truth and predictions")
        for kind, score in shown.items()
    )
    thresholds = confusion = ""
    if "thresholds" in pictures:
        thresholds = (
            f"<div><h2>Threshold</h2>{_figure(pictures['thresholds'], 'overall IoU over the threshold')}"
            '<p class="note">Measured on these scenes; the thresholds themselves were chosen on validation.</p></div>'
        )
    if "confusion" in pictures:
        confusion = (
            f"<div><h2>Confusion</h2>{_figure(pictures['confusion'], 'true and predicted classes of voxels')}"
            '<p class="note">Per cent of a true class\'s voxels, by their likeliest predicted class.</p></div>'
        )
    curves = ""
    if stages:
        curves = "<h2>Training</h2>" + _figure(pictures["curves"], "loss and IoU by epoch") + _stage_table(stages)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(run.name)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(run.name)}</h1>
<p class="facts">{escape(facts)}</p>
<div class="tiles">{_tiles(result)}</div>
<h2>Scores beside the paper's</h2>
<div class="pair">
<div class="card">{_score_table(runs)}</div>
<div><div class="card">{_settings_table(runs)}</div><div class="card">{_seen_table(runs)}</div></div>
</div>
<p class="note">Overall: the mean over scenes of the IoU of all masks together. A class: the mean over the scenes that
hold it, in truth or prediction; "scenes" counts those whose truth does. Macro: the mean of the classes. Constant: the
best answer that does not look at the photographs, every voxel's frequency in training, at the threshold that suits
these scenes best; what a network has learnt begins above it. The paper's
figures are of its own scenes and models, so they show the order of magnitude, not a contest.</p>
<h2>Scenes</h2>
<ul class="legend">{legend}</ul>
{scenes}
{curves}
<div class="pair">
{thresholds}
{confusion}
</div>
</body>
</html>
"""


def _tiles(result: Evaluation) -> str:
    tiles = []
    for one in result.outputs.values():
        title, scores = one.output.title, one.scores
        if one.output.kind == "occupancy":
            tiles.append((f"{title} IoU", show(scores.overall)))
        else:
            tiles += [(f"{title} IoU, overall", show(scores.overall)), (f"{title} IoU, macro", show(scores.macro))]
    title, scores = result.main.output.title, result.main.scores
    tiles += [(f"{title} precision", show(scores.precision)), (f"{title} recall", show(scores.recall))]
    return "".join(f'<div class="tile"><b>{value}</b><span>{escape(name)}</span></div>' for name, value in tiles)


def _score_table(runs: Sequence[Scored]) -> str:
    results = [run.result for run in runs]
    first, versions = results[0], runs[0].trained.family.paper
    total = str(len(first.scenes))
    rows: list[tuple[str, str, Sequence[float | None], Sequence[float | None]]] = []
    for name, one in first.outputs.items():
        scores = [result.outputs[name].scores for result in results]
        papers = [version.scores.get(name) for version in versions]
        overall = [paper.overall if paper else None for paper in papers]
        if one.output.kind == "occupancy":
            rows.append((one.output.title, total, [s.overall for s in scores], (one.constant.overall, *overall)))
            continue
        for c, label in enumerate(first.classes):
            theirs = [paper.classes.get(label) if paper else None for paper in papers]
            own = [s.classes[c] for s in scores]
            rows.append((label, str(one.scores.scenes_with_class[c]), own, (one.constant.classes[c], *theirs)))
        macro = [paper.macro if paper else None for paper in papers]
        rows.append(("overall", total, [s.overall for s in scores], (one.constant.overall, *overall)))
        rows.append(("macro", total, [s.macro for s in scores], (one.constant.macro, *macro)))
    columns = [f"paper {version.name}" for version in versions]
    heads = ["IoU", "scenes", *(run.name for run in runs), "constant", *columns]
    body = "".join(
        f"<tr{_rule(name, first.classes[0])}><td>{_swatch(name) if name in first.classes else ''}{escape(name)}</td>"
        f"<td>{held}</td>"
        + "".join(f'<td class="own">{show(value)}</td>' for value in values)
        + "".join(f"<td>{show(value)}</td>" for value in theirs)
        + "</tr>"
        for name, held, values, theirs in rows
    )
    return f"<table>{_head(heads)}{body}</table>"


def _rule(name: str, first_class: str) -> str:
    return ' class="sum"' if name in (first_class, "overall") else ""


def _settings_table(runs: Sequence[Scored]) -> str:
    family = runs[0].trained.family
    columns = [(run.name, run.trained.family.settings_rows(run.trained.config)) for run in runs]
    columns += [(f"paper {version.name}", version.settings) for version in family.paper]
    rows = columns[0][1]
    body = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td>{_joined(column.get(name, ()))}</td>" for _, column in columns)
        + "</tr>"
        for name in rows
    )
    cells = [[run.trained.thresholds[o.name] for o in family.outputs] for run in runs]
    cells += [[version.scores[o.name].threshold for o in family.outputs] for version in family.paper]
    thresholds = "".join(f"<td>{', '.join('–' if t is None else f'{t:.2f}' for t in column)}</td>" for column in cells)
    body += f"<tr><td>threshold</td>{thresholds}</tr>"
    return f"<table>{_head([', '.join(family.sections), *(name for name, _ in columns)])}{body}</table>"


def _joined(values: Sequence[str]) -> str:
    return escape(", ".join(dict.fromkeys(values)))


def _seen_table(runs: Sequence[Scored]) -> str:
    seen_scores = [run.result.seen for run in runs if run.result.seen is not None]
    unseen_scores = [run.result.unseen for run in runs if run.result.unseen is not None]
    if not seen_scores or not unseen_scores:
        return ""

    def row(name: str, scores: Sequence[SeenScore]) -> str:
        cells = "".join(f'<td class="own">{show(s.recall)}</td><td class="own">{show(s.iou)}</td>' for s in scores)
        return f"<tr><td>{name}</td><td>{scores[0].objects}</td>{cells}</tr>"

    pairs = [f"{run.name} {kind}" if len(runs) > 1 else kind for run in runs for kind in ("recall", "IoU")]
    seen = row("seen by a camera", seen_scores)
    unseen = row("seen by none", unseen_scores)
    return f"<table>{_head(['objects', 'number', *pairs])}{seen}{unseen}</table>"


def _stage_table(stages: Mapping[str, Rows]) -> str:
    body = ""
    for name, rows in stages.items():
        best = min(rows, key=lambda row: row["val_loss"])
        cells = (
            f"{len(rows)}",
            f"{best['epoch'] + 1:.0f}",
            f"{best['train_loss']:.4f}",
            f"{best['val_loss']:.4f}",
            show(best["val_iou"]),
            f"{math.fsum(row['seconds'] for row in rows):,.0f}",
        )
        body += f"<tr><td>{escape(name)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    heads = ("stage", "epochs", "kept", "training loss", "validation loss", "validation IoU", "seconds")
    return f'<div class="card"><table>{_head(heads)}{body}</table></div>'


def _head(cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in cells)}</tr>"


def _figure(png: bytes, text: str) -> str:
    with Image.open(io.BytesIO(png)) as image:
        width, height = image.size
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return (
        f'<div class="card picture"><img src="{source}" width="{width}" height="{height}" alt="{escape(text)}"></div>'
    )


def _swatch(name: str) -> str:
    red, green, blue = class_color(name)
    return f'<i style="background:rgb({red},{green},{blue})"></i>'


def show(value: float | None) -> str:
    """A score as text."""
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"
