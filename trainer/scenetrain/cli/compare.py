"""scenetrain compare: networks under one budget on the same data, in one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenetrain.cli.options import DIRECTORY, data_option, device_option
from scenetrain.cli.reading import reading

if TYPE_CHECKING:
    from scenetrain.compare.one_class import Protocol

UNITS = {"s": 1, "m": 60, "h": 3600}


class Duration(click.ParamType[float]):
    """A time such as 90s, 30m or 1.5h, in seconds."""

    name = "duration"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds of what the user wrote."""
        if isinstance(value, float):
            return value
        try:
            seconds = float(value[:-1]) * UNITS[value[-1:]]
        except (ValueError, KeyError):
            seconds = 0.0
        if not 0 < seconds < 1e9:
            self.fail(f"{value!r} is no time; write 90s, 30m or 1.5h", param, ctx)
        return seconds


@click.command()
@data_option
@click.option("--test", metavar="DIR", type=DIRECTORY, required=True, help="A data set of test models, to score on.")
@click.option(
    "--networks",
    metavar="NAME[:CONFIG]|FILE.toml ...",
    multiple=True,
    help="Which networks, by name (configuration tiny), with another configuration, or as variants in a file (default: "
    "every network that has a configuration tiny).",
)
@click.option(
    "--budget",
    metavar="TIME",
    type=Duration(),
    default="30m",
    show_default=True,
    help="For each run: processor time on a processor, time on a GPU.",
)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Runs of each network.")
@click.option(
    "--out", metavar="DIR", type=DIRECTORY, required=True, help="The comparison's folder. An existing one continues."
)
@click.option(
    "--protocol",
    type=click.Choice(["classes", "ssz"]),
    default="classes",
    show_default=True,
    help="What counts of every scene: all classes; or, as in the paper on SSZ, the class of the object with the "
    "largest area in its images, which alone networks that predict one class learn.",
)
@device_option
@click.option(
    "--devices",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Runs at the same time, each on its own GPU, or in its own process.",
)
@click.argument("more", metavar="", nargs=-1)
def compare(
    data: Path,
    test: Path,
    networks: tuple[str, ...],
    budget: float,
    seeds: int,
    out: Path,
    protocol: Protocol,
    device: str,
    devices: int,
    more: tuple[str, ...],
) -> None:
    """Train networks under one budget, score them on the same scenes, and write the tables.

    Measures once how long an epoch of each network takes, and gives each as many epochs as fit the budget; its
    schedule follows. Writes OUT/compare.md, OUT/compare.csv and OUT/compare.html, which shows the same scenes by every
    network. After an interruption, the same command continues; a network that failed is tried again.

    \b
    Examples:
      scenetrain compare --data data/studio --test data/studio_test --out runs/compare
      scenetrain compare --data data/studio --test data/studio_test \\
          --networks everted ssz:no_6d --budget 15m --out runs/two
      scenetrain compare --data data/street --test data/street_test \\
          --networks ablations.toml --seeds 5 --devices 4 --out runs/ablations
      scenetrain compare --data data/studio --test data/studio_test \\
          --networks pix2vox r2n2 lift --protocol ssz --out runs/one_class

    \b
    A file of variants has a table for each row; what a table leaves out is tiny's:
      [no_6d]
      network = "ssz"
      losses.adversarial_weight = 0.0
      losses.pose_weight = 0.0
    """
    if more and not networks:
        raise click.UsageError(f"unexpected {more[0]!r}; name networks after --networks")
    from scenegen.core.errors import ScenegenError

    from scenetrain.compare import compare as step
    from scenetrain.compare.comparison import CompareRequest
    from scenetrain.compare.entries import read_entries
    from scenetrain.compare.one_class import train_as
    from scenetrain.training.hardware import Hardware

    entries = train_as(protocol, read_entries((*networks, *more)))
    request = CompareRequest(entries, data, test, out, budget, seeds, protocol)

    def report_line(line: str) -> None:
        click.echo(line, err=True)

    with reading("compare", data, test):
        result = step.compare(request, Hardware(device, devices), report_line)
        pages = step.write_results(result)
    click.echo(f"{pages[0]}: the tables; {pages[1]}: open it in a browser")
    failures = result.failures
    if failures:
        name, reason = next(iter(failures.items()))
        others = f"; so did {', '.join(list(failures)[1:])}" if len(failures) > 1 else ""
        raise ScenegenError(f"{name} failed: {reason}{others}; the same command tries again")
