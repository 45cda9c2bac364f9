"""`scenegen assets list` and `scenegen assets credits`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from scenegen.cli.assets.check import list_dropped
from scenegen.cli.assets.printing import size_text
from scenegen.cli.options import class_option, json_option, library_option, split_option
from scenegen.cli.tables import console
from scenegen.core.asset_library import list_assets
from scenegen.core.one_line import one_line

CREDIT_FORMATS = click.Choice(["text", "markdown", "json"])


@click.command("list")
@library_option
@class_option
@split_option
@click.option("--dropped", is_flag=True, help="The dropped models instead, with reasons.")
@json_option
def list_(library: Path, class_name: str | None, split: str | None, dropped: bool, as_json: bool) -> None:
    """List the prepared models.

    \b
    Examples: scenegen assets list --class table --split test
              scenegen assets list --dropped
    """
    if dropped:
        list_dropped(library, class_name, as_json)
        return
    chosen = [asset for asset in list_assets(library, split) if class_name in (None, asset.class_name)]
    if as_json:
        rows = [
            {
                "name": asset.name,
                "class": asset.class_name,
                "split": asset.split,
                "family": asset.family,
                "size": asset.size,
                "triangles": asset.triangles,
                "supports": [support.height for support in asset.supports],
                "provenance": dataclasses.asdict(asset.provenance),
                "findings": dict(asset.findings),
            }
            for asset in chosen
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    table = Table("name", "class", "split", "size (m)", "triangles", "licence", box=None, header_style="bold")
    for asset in chosen:
        licence = escape(one_line(asset.provenance.licence))
        table.add_row(asset.name, asset.class_name, asset.split, size_text(asset), f"{asset.triangles:,}", licence)
    console().print(table)


@click.command("credits")
@click.argument("dataset", required=False, type=click.Path(path_type=Path))
@library_option
@click.option("--format", "form", type=CREDIT_FORMATS, default="text", show_default=True, help="Format of the text.")
def credits_(dataset: Path | None, library: Path, form: str) -> None:
    """Print the attribution that licences such as CC-BY ask for, of a library or of the models in a data set.

    \b
    Examples: scenegen assets credits --format markdown > CREDITS.md
              scenegen assets credits data/studio --format json
    """
    from scenegen.core.dataset.credits import credits_text, library_credits, scene_credits

    if dataset is None:
        found = library_credits(list_assets(library))
    else:
        from scenegen.core.dataset.reading import Dataset

        scenes = Dataset(dataset)
        shown = {credit.name: credit for scene in scenes for credit in scene_credits(scene)}
        found = [shown[name] for name in sorted(shown)]
    click.echo(credits_text(found, form), nl=False)
