"""`scenegen assets build`: make the built-in models."""

from __future__ import annotations

from pathlib import Path

import click

from scenegen.cli.assets.printing import make_library_folder, print_refused
from scenegen.cli.options import library_option, workers_option
from scenegen.progress import progress


@click.command()
@library_option
@click.option(
    "--preset",
    default="studio",
    show_default=True,
    help="The preset whose classes are needed: its name, or the path of a .toml.",
)
@workers_option
def build(library: Path, preset: str, workers: int | None) -> int:
    """Make the built-in models; models that exist and are up to date are kept.

    \b
    Examples: scenegen assets build --assets data/assets
              scenegen assets build --preset street
    """
    from scenegen.assets.prepare.raw_model import Refused
    from scenegen.assets.sources import builtin as parametric

    todo = parametric.missing(library, preset)
    make_library_folder(library)
    added: list[str] = []
    refused: list[Refused] = []
    with progress("build", "models") as on_progress:
        for result in parametric.build(library, todo, workers):
            if isinstance(result, Refused):
                refused.append(result)
            else:
                added.append(result)
            on_progress(len(added), len(todo), len(refused))
    click.echo(f"{library}: {len(added)} built-in models made, {len(parametric.recipes(preset)) - len(todo)} kept")
    return print_refused(refused)
