"""The command line: parse, call, print. Each command is a module of its own, loaded when it is asked for."""

from __future__ import annotations

import importlib
import sys

import click
from scenegen import __version__
from scenegen.core.errors import ScenegenError, UsageError

COMMANDS = ("fit", "evaluate", "predict", "report", "search", "export", "bench")


class _LazyGroup(click.Group):
    """The command NAME is the function `NAME` of the module scenetrain.cli.NAME."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"scenetrain.cli.{cmd_name}"), cmd_name)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="scenetrain")
def cli() -> None:
    """Train networks that turn images into labelled voxels, score them and use them.

    \b
    Example: scenetrain fit --data data/studio --out runs/first
    """


def main() -> None:
    """Run the command line; exit status 0, 1 (the work failed), 2 (bad arguments) or 130 (interrupted)."""
    try:
        status = cli.main(prog_name="scenetrain", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        _print_error("interrupted; finished work is kept, and the same command continues from there")
        status = 130
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else error.message, err=True)
        status = 2
    except click.ClickException as error:
        _print_error(error.format_message())
        status = error.exit_code
    except ScenegenError as error:
        _print_error(str(error))
        status = 2 if isinstance(error, UsageError) else 1
    sys.exit(status)


def _print_error(message: str) -> None:
    click.echo(f"scenetrain: {' '.join(message.split())}", err=True)


if __name__ == "__main__":
    main()
