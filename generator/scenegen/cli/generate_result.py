"""What `scenegen generate` prints when a run is over."""

from __future__ import annotations

from itertools import chain

import click
import numpy as np

from scenegen.cli.options import counted
from scenegen.generate.generate import GenerateResult
from scenegen.generate.run_report import ranges

FAILURES_SHOWN = 20
LOG_LINES_SHOWN = 5
EVENTS = {
    "failure": "tries failed",
    "worker_lost": "workers lost",
    "doubled": "slow scenes given to another worker too",
    "recycled": "Blenders recycled",
    "set_aside": "scenes set aside",
}
"""The events of a run that the summary counts, with its words for them."""


def print_result(result: GenerateResult, seed: int) -> None:
    """Scenes and speed on standard output; what went wrong, set aside or missing on standard error."""
    rate = f", {60 * result.made / result.seconds:.1f} scenes/min" if result.made else ""
    click.echo(
        f"{result.url or result.out}: {result.asked - len(result.missing)} of {counted(result.asked, 'scene')}, "
        f"{result.made} made now in {result.seconds:.0f} s{rate}"
    )
    for line in chain(_failures(result, seed), _summary(result)):
        click.echo(line, err=True)


def _failures(result: GenerateResult, seed: int) -> list[str]:
    lines = []
    for report in result.failed[:FAILURES_SHOWN]:
        lines.append(f"scene {report.index} (seed {seed}) failed {report.tries} times: {report.error}")
        lines += [f"    | {line}" for line in report.log[-LOG_LINES_SHOWN:]]
        lines.append(f"    alone: {report.command}")
    if len(result.failed) > FAILURES_SHOWN:
        lines.append(f"... and {len(result.failed) - FAILURES_SHOWN} more")
    return lines


def _summary(result: GenerateResult) -> list[str]:
    lines = []
    counts = [f"{result.events[event]} {text}" for event, text in EVENTS.items() if result.events.get(event)]
    if counts:
        where = f"; details in {result.report}" if result.report else ""
        lines.append(f"events: {', '.join(counts)}{where}")
    if result.stopped:
        lines.append(f"scenegen: stopped: {result.stopped}")
    if result.missing:
        runs = ranges(np.array(result.missing))
        numbers = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
        lines.append(f"scenegen: {len(result.missing)} of {counted(result.asked, 'scene')} missing: {numbers}")
    return lines
