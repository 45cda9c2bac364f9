"""The command line `scenetrain`: its commands by name, and how errors become exit statuses."""

from __future__ import annotations

import os
import sys

import click
from scenegen import __version__
from scenegen.cli.lazy_group import LazyCommand, LazyGroup
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.interrupts import STATUS, end_promptly, kill_children
from scenegen.core.one_line import one_line

COMMANDS = {
    name: LazyCommand(f"scenetrain.cli.{name}", name, text)
    for name, text in (
        ("bench", "Measure the speed of inference and training."),
        ("compare", "Train networks under one budget, and score them in one table."),
        ("evaluate", "Score a trained network on a data set."),
        ("export", "Write a trained network as one file for other programs."),
        ("fit", "Train a network; the same command again continues."),
        ("predict", "Turn photographs into labelled voxels."),
        ("realism", "Say how far rendered images are from photographs."),
        ("report", "Write a page about a run: curves, scores, images."),
        ("restyle", "Paint a realistic image of every rendered view."),
        ("search", "Search for better training settings."),
    )
}


@click.group(
    cls=LazyGroup,
    commands_elsewhere=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="scenetrain")
def cli() -> None:
    """Train networks that turn images into labelled voxels, score them and use them.

    \b
    Example: scenetrain fit --data data/studio --out runs/first
    """


def main() -> None:
    """Run the command line; exit status 0, 1 (the work failed), 2 (bad arguments) or 130 (interrupted)."""
    # before torch is loaded: threads that wait by spinning take the processors of those that work
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    hear_as_before = end_promptly()
    try:
        status = cli.main(prog_name="scenetrain", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        _print_error("interrupted; finished work is kept, and the same command continues from there")
        kill_children()
        status = STATUS
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else error.message, err=True)
        status = 2
    except click.ClickException as error:
        _print_error(error.format_message())
        status = error.exit_code
    except ScenegenError as error:
        _print_error(str(error))
        status = 2 if isinstance(error, UsageError) else 1
    if status != STATUS:  # after Ctrl-C, Python's own end may take too long
        hear_as_before()
    sys.exit(status)


def _print_error(message: str) -> None:
    click.echo(f"scenetrain: {one_line(message)}", err=True)


if __name__ == "__main__":
    main()
