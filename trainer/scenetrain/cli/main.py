"""The command line: parse, call, print. Every other command lives in a module of its own, loaded when asked for."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

import click
from scenegen import __version__
from scenegen.core.errors import ScenegenError, UsageError

COMMANDS = ("evaluate", "predict", "report", "search", "export", "bench")


class _Group(click.Group):
    """A command NAME is the click command `NAME` of the module scenetrain.cli.NAME."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        there = (name for name in COMMANDS if importlib.util.find_spec(f"scenetrain.cli.{name}"))
        return [*super().list_commands(ctx), *there]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.list_commands(ctx) and cmd_name in COMMANDS:
            command = getattr(importlib.import_module(f"scenetrain.cli.{cmd_name}"), cmd_name)
            assert isinstance(command, click.Command)
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="scenetrain")
def cli() -> None:
    """Networks that rebuild and label rooms in 3D.

    \b
    Example: scenetrain fit --data data/studio --out runs/everted
    """


@cli.command()
@click.option("--model", default="everted", show_default=True, help="Which network.")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="A data set of `scenegen generate`.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The run's folder; again resumes it.")
@click.option(
    "--test-data", "test", type=click.Path(path_type=Path), help="A data set of test models: end with a report on it."
)
@click.option("--config", "name", default="first", show_default=True, help="first, final, tiny, or a .toml file.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a setting: training.epochs=3.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--devices", type=click.IntRange(1), default=1, show_default=True, help="GPUs (or processes) a machine.")
@click.option("--nodes", type=click.IntRange(1), default=1, show_default=True, help="Machines.")
@click.option("--workers", type=click.IntRange(0), default=2, show_default=True, help="Reader processes a device.")
def fit(
    model: str,
    data: Path,
    out: Path,
    test: Path | None,
    name: str,
    changes: tuple[str, ...],
    device: str,
    devices: int,
    nodes: int,
    workers: int,
) -> None:
    """Train a network; the same command again goes on where it was cut off.

    \b
    Example: scenetrain fit --data data/studio --test-data data/studio_test --out runs/final --config final
    """
    from scenetrain.config import load_config
    from scenetrain.training import fit as step

    config = load_config(name, (f'model.name="{model}"', *changes))
    hardware = step.Hardware(device, devices, nodes, workers)
    step.fit(config, data, out, hardware, say=lambda line: click.echo(line, err=True), test=test)
    click.echo(f"{out / 'model.pt'}: next, scenetrain evaluate {out} --data {test or 'DIR'} --split test")


def main() -> None:
    """Run the command line; exit status 0, 1 (the work failed), 2 (bad arguments) or 130 (interrupted)."""
    try:
        status = cli.main(prog_name="scenetrain", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted; what is done stays, the same command goes on")
        status = 130
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else error.message, err=True)
        status = 2
    except click.ClickException as error:
        _complain(error.format_message())
        status = error.exit_code
    except ScenegenError as error:
        _complain(str(error))
        status = 2 if isinstance(error, UsageError) else 1
    sys.exit(status)


def _complain(message: str) -> None:
    click.echo(f"scenetrain: {' '.join(message.split())}", err=True)


if __name__ == "__main__":
    main()
