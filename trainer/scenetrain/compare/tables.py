"""The tables of a comparison: scores, IoU by class, what it takes; as Markdown and as CSV.

Networks of one kind of labels stand together, the best mean over classes first: a box grid and the frusta of single
views are different tasks. A figure is the mean over the finished seeds; the lowest and the highest follow some.
"""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal

from scenegen.core.files import write_text

from scenetrain.compare.budget import clock
from scenetrain.compare.comparison import NetworkComparison
from scenetrain.compare.entries import Entry
from scenetrain.compare.figures import Figures
from scenetrain.compare.runs import RunScores
from scenetrain.networks.contract import PaperScore, PaperVersion
from scenetrain.report.page import Cell, PageRow, Table
from scenetrain.report.tables import show

SCORES: tuple[tuple[str, str], ...] = (
    ("mean over classes", "macro"),
    ("occupancy", "occupancy"),
    ("all classes", "overall"),
    ("set: mIoU", "set_miou"),
    ("set: occupied", "set_iou"),
    ("RayIoU", "ray_iou"),
)
"""Head and field of Figures."""
SPREAD = ("macro", "occupancy")
"""The fields whose lowest and highest figures are shown too; the CSV has all."""
CONSTANT = "best constant answer"
GROUPS = {"box": "Rooms in a box grid", "frustum": "Frusta of single views"}
PROTOCOL = (
    "The protocol of the paper on SSZ: of every scene one class counts, that of the object with the largest area in "
    "its images. Networks whose published form predicts one class learned that class of every scene alone, and all "
    "that they say is occupied is their answer for it; of the others' answers it is taken out. A class's IoU is the "
    "mean over the scenes whose largest object is of it; mean over classes is the mean of these, all classes the mean "
    "over scenes.",
)
NOTES = (
    "Mean over classes: IoU of each class as the mean over the scenes where truth or prediction has it, then their "
    "mean. Occupancy: occupied against empty. All classes: of all masks together. These are means over scenes.",
    "Set: voxels summed over the whole set, as semantic scene completion reports it. RayIoU: what a ray from a camera "
    "meets first, mean over classes and over 1, 2 and 4 m.",
    f"{CONSTANT.capitalize()}: it ignores the images, and a network has learned something where it is higher.",
    "A paper's figures are of its own data, grid and training: compare their order alone.",
)


@dataclass(frozen=True)
class Group:
    """The networks of one kind of labels, the best first; failed ones last."""

    labels: Literal["box", "frustum"]
    entries: tuple[Entry, ...]
    items: int
    """How many scenes, or images, it was scored on; 0 before any run is finished."""

    @property
    def title(self) -> str:
        """For people."""
        counted = "scenes" if self.labels == "box" else "images"
        return f"{GROUPS[self.labels]}: {self.items} {counted}" if self.items else GROUPS[self.labels]


def groups(comparison: NetworkComparison) -> list[Group]:
    """Those that have networks."""
    found = []
    for labels in ("box", "frustum"):
        own = [entry for entry in comparison.entries if entry.family.reads.labels == labels]
        own.sort(key=lambda entry: -(_mean(comparison.finished(entry.name), "macro") or 0.0))
        if own:
            items = [run.items for entry in own for run in comparison.finished(entry.name)]
            found.append(Group(labels, tuple(own), max(items, default=0)))
    return found


def score_table(comparison: NetworkComparison, group: Group) -> Table:
    """Every score by network, the best constant answer and the papers' networks; no column is empty."""
    rows = []
    own = [run.own for entry in group.entries for run in comparison.finished(entry.name)]
    scores = [one for one in SCORES if not own or any(getattr(figures, one[1]) is not None for figures in own)]
    for entry in group.entries:
        runs = comparison.finished(entry.name)
        values = {key: [getattr(run.own, key) for run in runs] for _, key in scores}
        figures = (spread(found) if key in SPREAD else show(_mean_of(found)) for key, found in values.items())
        cells = [str(len(runs)), *figures]
        rows.append(PageRow(entry.name, tuple(Cell(text, own=True) for text in cells)))
    constant = constant_of(comparison, group)
    if constant is not None:
        cells = ["", *(show(getattr(constant, key)) for _, key in scores)]
        rows.append(PageRow(CONSTANT, tuple(map(Cell, cells)), starts_group=True))
    for number, (name, paper) in enumerate(_papers(group)):
        cells = ["", *(show(getattr(paper, key)) for _, key in scores)]
        rows.append(PageRow(name, tuple(map(Cell, cells)), starts_group=number == 0))
    return Table(("IoU", "seeds", *(head for head, _ in scores)), tuple(rows))


def class_table(comparison: NetworkComparison, group: Group) -> Table:
    """IoU by class of the same."""
    names = comparison.classes
    rows = []
    for entry in group.entries:
        runs = comparison.finished(entry.name)
        cells = [_mean_of([run.own.classes.get(name) for run in runs]) for name in names]
        rows.append(PageRow(entry.name, tuple(Cell(show(value), own=True) for value in cells)))
    others = [(CONSTANT, constant)] if (constant := constant_of(comparison, group)) is not None else []
    for number, (name, figures) in enumerate([*others, *_papers(group)]):
        cells = [figures.classes.get(of_class) for of_class in names]
        if any(value is not None for value in cells):
            rows.append(PageRow(name, tuple(Cell(show(value)) for value in cells), starts_group=number == 0))
    return Table(("IoU", *names), tuple(rows))


def cost_table(comparison: NetworkComparison, group: Group) -> Table:
    """What each network is and takes."""
    rows = []
    for entry in group.entries:
        runs, family = comparison.finished(entry.name), entry.family
        described = family.describe(entry.config)
        cells = (
            f"{runs[0].parameters:,}" if runs else "–",
            f"{statistics.fmean(run.epochs for run in runs):.0f}" if runs else "–",
            clock(statistics.fmean(run.seconds for run in runs)) if runs else "–",
            f"{1e3 * statistics.median(run.latency for run in runs):,.0f} ms" if runs else "–",
            f"{entry.config.training.views}",
            f"{family.title}{f': {described}' if described else ''}",
        )
        rows.append(PageRow(entry.name, tuple(map(Cell, cells))))
    heads = ("network", "parameters", "epochs", "training time", "latency", "views", "what it is")
    return Table(heads, tuple(rows))


def facts(comparison: NetworkComparison) -> str:
    """One line on what was compared."""
    request = comparison.request
    kind = "processor time" if comparison.device == "cpu" else "time on a GPU"
    return (
        f"{clock(request.budget)} of {kind} for every run, {request.seeds} "
        f"seed{'s' if request.seeds > 1 else ''}; trained on {request.data.resolve().name}, scored on "
        f"{request.test.resolve().name}{', one class of each scene' if request.protocol == 'ssz' else ''}"
    )


def notes(comparison: NetworkComparison) -> tuple[str, ...]:
    """How to read the tables."""
    return NOTES if comparison.request.protocol == "classes" else (*PROTOCOL, NOTES[-1])


def remarks(comparison: NetworkComparison) -> list[str]:
    """What else there is to know: networks that failed or were left out, runs that are missing, classes never seen."""
    lines = [f"{name}: failed: {reason}" for name, reason in comparison.failures.items()]
    lines += [f"{name}: left out: {reason}" for name, reason in comparison.left_out.items()]
    for entry in comparison.entries:
        missing = comparison.request.seeds - len(comparison.finished(entry.name))
        if missing > 0 and entry.name not in comparison.failures:
            lines.append(f"{entry.name}: {missing} of {comparison.request.seeds} seeds are not finished")
    unseen = {name for runs in comparison.runs.values() for run in runs for name in run.unseen_classes}
    lines += [f"{name}: in the test data, but in no scene of the training split" for name in sorted(unseen)]
    return lines


def as_markdown(comparison: NetworkComparison) -> str:
    """All tables."""
    parts = ["# Comparison", facts(comparison) + "."]
    for group in groups(comparison):
        parts.append(f"## {group.title}")
        parts += [_markdown(make(comparison, group)) for make in (score_table, class_table, cost_table)]
    lines = remarks(comparison)
    if lines:
        parts += ["## Remarks", "\n".join(f"- {line}" for line in lines)]
    parts += ["## How to read it", "\n".join(f"- {note}" for note in notes(comparison))]
    return "\n\n".join(parts) + "\n"


def as_csv(comparison: NetworkComparison) -> str:
    """A line for every run, for each network's constant answer and for the papers' networks; no figure is empty."""
    names = [field.name for field in fields(Figures) if field.name != "classes"]
    costs = ("items", "parameters", "epochs", "seconds", "latency", "failure")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["kind", "labels", "network", "seed", *names, *comparison.classes, *costs])

    def write(kind: str, group: Group, name: str, figures: Figures, rest: Sequence[object] = ()) -> None:
        values = asdict(figures)
        classes = [figures.classes.get(of_class) for of_class in comparison.classes]
        seed, *others = rest or [""]
        writer.writerow([kind, group.labels, name, seed, *(values[key] for key in names), *classes, *others])

    for group in groups(comparison):
        for entry in group.entries:
            for run in sorted(comparison.runs.get(entry.name, ()), key=lambda run: run.seed):
                write("run", group, run.name, run.own, [run.seed, *(getattr(run, key) for key in costs)])
        constant = constant_of(comparison, group)
        if constant is not None:
            write("constant", group, CONSTANT, constant)
        for name, figures in _papers(group):
            write("paper", group, name, figures)
    return text.getvalue()


def write_tables(comparison: NetworkComparison) -> None:
    """Write OUT/compare.md and OUT/compare.csv."""
    write_text(comparison.request.out / "compare.md", as_markdown(comparison))
    write_text(comparison.request.out / "compare.csv", as_csv(comparison))


def spread(values: Sequence[float | None]) -> str:
    """The mean, and the lowest and the highest of several."""
    known = [value for value in values if value is not None]
    mean = show(_mean_of(values))
    return f"{mean} ({show(min(known))} to {show(max(known))})" if len(known) > 1 else mean


def _markdown(table: Table) -> str:
    lines = [table.heads, tuple("---" for _ in table.heads)]
    lines += [(row.name, *(cell.text for cell in row.cells)) for row in table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def constant_of(comparison: NetworkComparison, group: Group) -> Figures | None:
    """The best constant answer, scored as the group's first finished network was, or one with occupancy."""
    runs = [run for entry in group.entries for run in comparison.finished(entry.name) if run.constant != Figures()]
    with_occupancy = [run for run in runs if run.constant.occupancy is not None]
    return next((run.constant for run in (*with_occupancy, *runs)), None)


def _papers(group: Group) -> list[tuple[str, Figures]]:
    """The networks of the papers that a group's networks are of, each once."""
    found: dict[str, Figures] = {}
    for entry in group.entries:
        family = entry.family
        named = family.paper_version(entry.config)
        for version in family.paper:
            if named in ("", version.name):
                found[f"paper, {family.title}: {version.name}"] = _paper_figures(entry, version)
    return [(name, figures) for name, figures in found.items() if figures != Figures()]


def _paper_figures(entry: Entry, version: PaperVersion) -> Figures:
    score = version.scores.get(entry.family.main.name, PaperScore())
    occupancy = [
        version.scores.get(output.name, PaperScore()).overall
        for output in entry.family.outputs
        if output.kind == "occupancy"
    ]
    return Figures(dict(score.classes), score.macro, score.overall, occupancy[0] if occupancy else None)


def _mean(runs: Sequence[RunScores], key: str) -> float | None:
    return _mean_of([getattr(run.own, key) for run in runs])


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
