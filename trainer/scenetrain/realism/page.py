"""The report of `realism`: tables for a terminal, Markdown and HTML, and the images that look least real."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scenegen.core.files import write_text

from scenetrain.data.image_files import middle_square
from scenetrain.data.image_sets import describe_broken, shown_image
from scenetrain.metrics.set_distances import Spread
from scenetrain.realism.compare_sets import SetComparison
from scenetrain.realism.describe import DescribedSet
from scenetrain.report.page import Cell, EmbeddedImage, PageRow, Table, embed, render

SHOWN = 8
SIDE = 168
"""Images of a row, and their side in pixels."""


class ImageRow(NamedTuple):
    """Some images of a set beside one another, with what they are."""

    title: str
    names: str
    image: EmbeddedImage


def figure_table(comparisons: Sequence[SetComparison], network: str) -> Table:
    """The figures, a column for each set of rendered images."""
    rows = (
        ("images", [f"{len(c.rendered)} / {len(c.real)}" for c in comparisons]),
        ("KID x 1000", [f"{1000 * c.kid.mean:.2f} ± {1000 * c.kid.deviation:.2f}" for c in comparisons]),
        ("Frechet distance", [f"{c.frechet:.2f}" for c in comparisons]),
        ("RBF-MMD x 1000", [f"{1000 * c.rbf:.2f}" for c in comparisons]),
        ("precision", [f"{c.manifold.precision:.3f}" for c in comparisons]),
        ("recall", [f"{c.manifold.recall:.3f}" for c in comparisons]),
        ("density", [f"{c.manifold.density:.3f}" for c in comparisons]),
        ("coverage", [f"{c.manifold.coverage:.3f}" for c in comparisons]),
        ("told apart (.5 is chance)", [f"{c.classified.accuracy:.3f}" for c in comparisons]),
    )
    return Table(
        (f"features of {network}", *(c.name for c in comparisons)),
        tuple(PageRow(name, tuple(Cell(text, own=True) for text in cells)) for name, cells in rows),
    )


def statistics_table(comparison: SetComparison) -> Table:
    """What about the images differs, the farthest first."""
    known = [d for d in comparison.statistics if math.isfinite(d.distance)]
    rows = []
    for item in sorted(known, key=lambda d: -d.distance):
        unit = f", {item.statistic.unit}" if item.statistic.unit else ""
        cells = (
            f"{item.rendered.mean:.2f} ± {item.rendered.deviation:.2f}",
            f"{item.real.mean:.2f} ± {item.real.deviation:.2f}",
            f"{item.distance:.2f}",
            f"{item.by_chance:.2f}",
            item.advice or "alike",
        )
        rows.append(PageRow(f"{item.statistic.name}{unit}", tuple(map(Cell, cells))))
    return Table((comparison.name, "its images", "photographs", "distance", "by chance", "what to change"), tuple(rows))


def notes(comparisons: Sequence[SetComparison]) -> list[str]:
    """What to know about the figures, each once."""
    sets = [described for c in comparisons for described in (c.rendered, c.real)]
    lines = [line for d in sets for line in (*d.images.notes, describe_broken(d.images, d.broken)) if line]
    for c in comparisons:
        shared = f"{c.real.images.path}: "
        lines += [
            line if line.startswith((shared, f"{c.rendered.images.path}: ")) else f"{c.name}: {line}"
            for line in c.doubts
        ]
    return list(dict.fromkeys(lines))


def write_pages(out: Path, comparisons: Sequence[SetComparison], network: str) -> Path:
    """Write realism.html, realism.md and realism.json into `out`; the first's path. ScenegenError if it cannot be."""
    out.mkdir(parents=True, exist_ok=True)
    tables = [figure_table(comparisons, network), *map(statistics_table, comparisons)]
    remarks = notes(comparisons)
    real = comparisons[0].real
    title = f"How real: {', '.join(c.name for c in comparisons)}"
    markdown = [f"# {title}", f"Against {len(real)} images of {real.images.path}.", *map(_markdown, tables)]
    markdown += ["## To know", *(f"- {line}" for line in remarks)] if remarks else []
    write_text(out / "realism.md", "\n\n".join(markdown) + "\n")
    write_text(out / "realism.json", json.dumps(as_json(comparisons, network), indent=1) + "\n")
    html = render(
        "realism.html.j2",
        title=title,
        facts=f"against {len(real)} of {real.images.total} images of {real.images.path}",
        figures=tables[0],
        sets=[(c.name, table, _image_rows(c)) for c, table in zip(comparisons, tables[1:], strict=True)],
        remarks=remarks,
        network=network,
        statistics=[(item.statistic.name, item.statistic.text) for item in comparisons[0].statistics],
    )
    write_text(out / "realism.html", html)
    return out / "realism.html"


def _image_rows(comparison: SetComparison) -> list[ImageRow]:
    ours, theirs = comparison.classified.rendered, comparison.classified.real
    return [
        _image_row("The worst: surest to be rendered", comparison.rendered, ours, np.argsort(-ours)),
        _image_row("The best: rendered, and most like photographs", comparison.rendered, ours, np.argsort(ours)),
        _image_row("Photographs, most like renders", comparison.real, theirs, np.argsort(-theirs)),
        _image_row("Photographs, surest to be such", comparison.real, theirs, np.argsort(theirs)),
    ]


def _image_row(
    title: str, described: DescribedSet, probabilities: NDArray[np.float64], order: NDArray[np.int64]
) -> ImageRow:
    chosen = [int(i) for i in order[:SHOWN]]
    sheet = Image.new("RGB", (len(chosen) * (SIDE + 4) - 4, SIDE), (20, 22, 28))
    for place, i in enumerate(chosen):
        file = described.files[i]
        square = middle_square(shown_image(file, described.images.path), SIDE)
        sheet.paste(Image.fromarray(square), (place * (SIDE + 4), 0))
    content = io.BytesIO()
    sheet.save(content, "PNG")
    names = ", ".join(f"{described.files[i].name} ({probabilities[i]:.2f})" for i in chosen)
    return ImageRow(title, names, embed(content.getvalue(), f"{title}: {names}"))


def _markdown(table: Table) -> str:
    lines = [f"| {' | '.join(table.heads)} |", f"|{'---|' * len(table.heads)}"]
    lines += [f"| {' | '.join((row.name, *(cell.text for cell in row.cells)))} |" for row in table.rows]
    return "\n".join(lines)


def as_json(comparisons: Sequence[SetComparison], network: str) -> list[dict[str, object]]:
    """Every figure of every set, for programs; None for what could not be measured."""
    return [_plain(c, network) for c in comparisons]


def _plain(c: SetComparison, network: str) -> dict[str, object]:
    return {
        "set": c.name,
        "network": network,
        "images": len(c.rendered),
        "real_images": len(c.real),
        "kid": _spread(c.kid),
        "frechet": c.frechet,
        "rbf_mmd": c.rbf,
        **c.manifold._asdict(),
        "told_apart": c.classified.accuracy,
        "statistics": {
            d.statistic.name: {
                "rendered": _spread(d.rendered),
                "real": _spread(d.real),
                "distance": _number(d.distance),
                "by_chance": _number(d.by_chance),
                "advice": d.advice,
            }
            for d in c.statistics
        },
        "duplicates": [pair._asdict() for pair in c.duplicates],
        "notes": list(c.doubts),
    }


def _spread(value: Spread) -> dict[str, float | None]:
    return {"mean": _number(value.mean), "deviation": _number(value.deviation)}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
