"""scenetrain restyle: a realistic image of every rendered view."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import click

from scenetrain.cli.options import DIRECTORY, device_option
from scenetrain.cli.reading import reading


@click.command()
@click.argument("data", metavar="DATA", type=DIRECTORY)
@click.argument("out", metavar="OUT", type=DIRECTORY)
@click.option("--run", metavar="RUN", type=DIRECTORY, required=True, help="A run of `fit --model pix2pixhd`.")
@click.option(
    "--batch", type=click.IntRange(1), default=8, show_default=True, help="Images that are painted at the same time."
)
@device_option
def restyle(data: Path, out: Path, run: Path, batch: int, device: str) -> None:
    """Paint a realistic image of every rendered view from its edges.

    Writes image_restyled_K.png beside image_K.png in a copy of the data set, or, where OUT is DATA, in place. Labels
    stay as they are. Of a packed data set OUT holds the restyled images alone. OUT/restyled.json says by which
    run, with which edges, and which share of the labels' contours has an edge within 2 pixels. After an interruption,
    the same command continues.

    \b
    Examples:
      scenetrain restyle data/street data/street_real --run runs/real
      scenetrain restyle data/street data/street --run runs/real --batch 1
    """
    from scenegen.core.dataset.run_lock import change_lock, run_lock
    from scenegen.progress import progress

    from scenetrain.inference.restyle import restyle as step
    from scenetrain.training.hardware import open_device
    from scenetrain.training.paint import load_painter

    place = open_device(device)
    trained = load_painter(run, place)
    in_place = out.resolve() == data.resolve()
    began = time.monotonic()
    with ExitStack() as locks:
        if in_place:
            locks.enter_context(change_lock(data, "scenetrain restyle"))
        else:
            locks.enter_context(reading("restyle", data))
            out.mkdir(parents=True, exist_ok=True)
            locks.enter_context(run_lock(out, doing="scenetrain restyle is writing it"))
        on_progress = locks.enter_context(progress("restyle"))
        done = step(trained, data, out, place, batch, on_progress)
    speed = f", {done.written / (time.monotonic() - began):.1f} images/s" if done.written else ""
    click.echo(f"{out}: {done.written} images restyled{speed}, {done.kept} were there")
    if done.recall.contours:
        recall = done.recall
        share, best, chance = (n / recall.contours for n in (recall.restyled, recall.rendered, recall.by_chance))
        click.echo(
            f"labels' contours with an edge within 2 pixels: {share:.3f} (in the rendered images {best:.3f}; of "
            f"contours seen in a mirror {chance:.3f})"
        )
    else:
        click.echo("labels' contours: not measured, because the data set has no instance maps")
