"""`scenegen stats`: parse, call, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenegen.cli.options import folder_argument, json_option, print_message, worker_count, workers_option
from scenegen.core.one_line import one_line

if TYPE_CHECKING:
    from scenegen.steps.stats import Stats


@click.command()
@folder_argument
@workers_option
@json_option
def stats(folder: Path, workers: int | None, as_json: bool) -> int:
    """Count a data set: objects, classes, occupancy, visibility, time and size.

    \b
    Example: scenegen stats data/studio --json
    """
    from scenegen.progress import progress
    from scenegen.steps.stats import stats as run

    with progress("stats") as on_progress:
        figures = run(folder, workers=worker_count(workers), on_progress=on_progress)
    if as_json:
        click.echo(json.dumps(figures.to_json()))
    else:
        _print_stats(figures)
    for line in figures.damage:
        print_message(line)
    return 1 if figures.damage else 0


def _print_stats(figures: Stats) -> None:
    lines = {
        "scenes": f"{figures.scenes} of {figures.asked}, preset {figures.preset}, split {figures.split}",
        "objects": f"{figures.objects} ({figures.objects / figures.scenes:.1f} per scene), {figures.children} stand on "
        f"another, {figures.skipped} found no place",
        "seen": f"{figures.seen_share:.1%} of the objects show in an image",
        "size": f"{figures.megabytes_per_scene:.2f} MB per scene of {figures.views:g} views",
    }
    if figures.occupied_share is not None:
        lines["occupied"] = f"{figures.occupied_share:.2%} of the cells"
    if figures.room_seen_share is not None:
        lines["room seen"] = f"{figures.room_seen_share:.1%} of the free space, by at least one camera"
    if figures.seconds:
        lines["time"] = f"{sum(figures.seconds.values()):.2f} s per scene"
    for name, text in lines.items():
        click.echo(f"{name:10} {text}")
    click.echo(f"{'class':12} {'objects':>8} {'scenes':>7} {'models':>7} {'seen':>7} {'pixels':>7} {'cells':>7}")
    for c in figures.classes:
        seen = c.seen / c.objects if c.objects else 0.0
        shares = f"{seen:7.1%} {c.pixel_share:7.2%} {c.cell_share:7.2%}"
        click.echo(f"{one_line(c.name):12} {c.objects:8} {c.scenes:7} {c.assets:7} {shares}")
