"""What `scenegen generate` says when a run is over."""

from __future__ import annotations

from itertools import chain

import click
import numpy as np

from scenegen.generate.generate import Outcome
from scenegen.generate.run_report import ranges

FAILURES_SHOWN = 20
LOG_LINES_SHOWN = 5
TROUBLES = {
    "failure": "tries failed",
    "worker_lost": "workers lost",
    "doubled": "slow scenes given to another worker too",
    "recycled": "Blenders recycled",
    "set_aside": "scenes set aside",
}
"""What may happen on the way, in the words of the summary."""


def print_outcome(outcome: Outcome, seed: int) -> None:
    """Scenes and speed on standard output; what went wrong, set aside or missing on standard error."""
    rate = f", {60 * outcome.made / outcome.seconds:.1f} scenes/min" if outcome.made else ""
    click.echo(
        f"{outcome.url or outcome.out}: {outcome.asked - len(outcome.missing)} of {outcome.asked} scenes, "
        f"{outcome.made} made now in {outcome.seconds:.0f} s{rate}"
    )
    for line in chain(_failures(outcome, seed), _summary(outcome)):
        click.echo(line, err=True)


def _failures(outcome: Outcome, seed: int) -> list[str]:
    lines = []
    for report in outcome.failed[:FAILURES_SHOWN]:
        lines.append(f"scene {report.index} (seed {seed}) failed {report.tries} times: {report.error}")
        lines += [f"    | {line}" for line in report.log[-LOG_LINES_SHOWN:]]
        lines.append(f"    alone: {report.command}")
    if len(outcome.failed) > FAILURES_SHOWN:
        lines.append(f"... and {len(outcome.failed) - FAILURES_SHOWN} more")
    return lines


def _summary(outcome: Outcome) -> list[str]:
    lines = []
    troubles = [f"{outcome.events[event]} {text}" for event, text in TROUBLES.items() if outcome.events.get(event)]
    if troubles:
        where = f"; all of it in {outcome.report}" if outcome.report else ""
        lines.append(f"on the way: {', '.join(troubles)}{where}")
    if outcome.stopped:
        lines.append(f"scenegen: stopped: {outcome.stopped}")
    if outcome.missing:
        runs = ranges(np.array(outcome.missing))
        numbers = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
        lines.append(f"scenegen: {len(outcome.missing)} of {outcome.asked} scenes are missing: {numbers}")
    return lines
