"""`scenegen assets fetch`: download the models of a manifest from Sketchfab."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table

from scenegen.cli.options import class_option, json_option, library_option, split_option
from scenegen.cli.tables import console
from scenegen.core.errors import ScenegenError
from scenegen.core.one_line import one_line
from scenegen.progress import progress

if TYPE_CHECKING:
    from scenegen.assets.sources.sketchfab.fetch import FetchResult
    from scenegen.assets.sources.sketchfab.manifest import Manifest


@click.command()
@library_option
@click.option("--manifest", "name", default="studio", show_default=True, metavar="M", help="studio, street or a file.")
@class_option
@split_option
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the Sketchfab API token (default: $SKETCHFAB_API_TOKEN).",
)
@click.option("--commercial", is_flag=True, help="Refuse licences that forbid commercial use, too.")
@click.option("--jobs", type=click.IntRange(1, 8), default=4, show_default=True, help="Downloads at the same time.")
@json_option
def fetch(
    library: Path,
    name: str,
    class_name: str | None,
    split: str | None,
    token_file: Path | None,
    commercial: bool,
    jobs: int,
    as_json: bool,
) -> int:
    """Download a manifest's models from Sketchfab and prepare them; models that exist are kept.

    A model that is gone, unusable, or under a licence that forbids data sets is replaced by a spare of the manifest.
    Run the same command again to continue after an interruption.

    \b
    Examples: SKETCHFAB_API_TOKEN=... scenegen assets fetch
              scenegen assets fetch --manifest street --token-file ~/.sketchfab
    """
    from scenegen.assets.sources.sketchfab import fetch as sketchfab
    from scenegen.assets.sources.sketchfab.api import Sketchfab, api_address, read_token
    from scenegen.assets.sources.sketchfab.manifest import read_manifest, select

    manifest = select(read_manifest(name), class_name, split)
    for fault in manifest.faults:
        click.echo(f"refused: {one_line(str(fault))}", err=True)
    if sketchfab.is_complete(manifest, library):
        result = sketchfab.FetchResult(kept=list(sketchfab.present(manifest, library)))
    else:
        with Sketchfab(read_token(token_file), api_address()) as api, progress("fetch", "models") as on_progress:
            result = sketchfab.fetch(manifest, library, api, jobs, commercial=commercial, on_progress=on_progress)
    if as_json:
        click.echo(json.dumps(_answer(manifest, result, library), indent=1))
    elif result.fetched or result.kept or result.refused or not result.stopped:
        _show(manifest, result, library)
    if result.stopped:
        raise ScenegenError(result.stopped)
    return 1 if result.missing or manifest.faults else 0


def _answer(manifest: Manifest, result: FetchResult, library: Path) -> dict[str, Any]:
    spares = _spares(result)

    def model(entry: Any, **more: Any) -> dict[str, Any]:
        return {"uid": entry.uid, "class": entry.class_name, "split": entry.split, **more}

    return {
        "library": str(library),
        "fetched": [model(f.entry, asset=f.asset.name, instead_of=f.instead_of) for f in result.fetched],
        "kept": [model(entry) for entry in result.kept],
        "refused": [model(r.entry, why=r.why, replaced_by=spares.get(r.place)) for r in result.refused],
        "missing": [{"class": key[0], "split": key[1], "count": count} for key, count in result.missing.items()],
        "faults": list(manifest.faults),
        "stopped": result.stopped,
    }


def _show(manifest: Manifest, result: FetchResult, library: Path) -> None:
    fetched = Counter((f.entry.class_name, f.entry.split) for f in result.fetched)
    replaced = Counter((f.entry.class_name, f.entry.split) for f in result.fetched if f.instead_of)
    refused = Counter((r.entry.class_name, r.entry.split) for r in result.refused)
    kept = Counter((entry.class_name, entry.split) for entry in result.kept)
    table = Table(box=None, header_style="bold")
    for title in ("class", "split"):
        table.add_column(title)
    for title in ("wanted", "there before", "fetched", "by spares", "refused", "missing"):
        table.add_column(title, justify="right")
    for key, count in manifest.want.items():
        numbers = (count, kept[key], fetched[key], replaced[key], refused[key], result.missing.get(key, 0))
        table.add_row(*map(escape, key), *(str(number) if number else "-" for number in numbers))
    console().print(table)
    if result.refused:
        console().print("", _refusals(result), "")
    total = len(result.fetched) + len(result.kept)
    missing = sum(result.missing.values())
    click.echo(
        f"{library}: {total} of {sum(manifest.want.values())} models there, {len(result.fetched)} of them new"
        + (f", {missing} missing" if missing else "")
        + ("; look: `scenegen assets sheet`, authors: `scenegen assets credits`" if result.fetched else "")
    )


def _spares(result: FetchResult) -> dict[str, str]:
    """Which asset took the place of a model, by uid."""
    return {fetched.instead_of: fetched.asset.name for fetched in result.fetched if fetched.instead_of}


def _refusals(result: FetchResult) -> Table:
    spares = _spares(result)
    table = Table("refused", "class", "split", "why", "replaced by", box=None, header_style="bold")
    for refusal in result.refused:
        entry = refusal.entry
        why = escape(one_line(refusal.why))
        table.add_row(entry.uid, entry.class_name, entry.split, why, spares.get(refusal.place, "-"))
    return table
