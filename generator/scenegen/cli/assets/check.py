"""`scenegen assets check`, `sheet` and `drop`: inspect a library and remove models from it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from scenegen.cli.options import class_option, counted, json_option, library_option, own_blender_option, split_option
from scenegen.cli.tables import console
from scenegen.core.asset_library import list_assets
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.one_line import one_line

if TYPE_CHECKING:
    from scenegen.assets.identity.twins import Twins

TWINS_SIZE = 160  # pixels per image


@click.command()
@library_option
@click.option("--preset", default="studio", show_default=True, help="The preset whose classes are needed.")
@class_option
@click.option(
    "--twins",
    "picture",
    metavar="OUT.png",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the suspected twins side by side.",
)
@json_option
def check(library: Path, preset: str, class_name: str | None, picture: Path | None, as_json: bool) -> int:
    """Count models by class and split, and report what a preset misses, what is broken and what looks doubtful.

    The exit status is 1 when an asset is broken, when a shape is in both splits, or when the preset's scenes cannot be
    made. Doubts (a guessed front, an unusual size, models that are alike, ...) leave it at 0.

    \b
    Examples: scenegen assets check --preset studio
              scenegen assets check --twins twins.png
              scenegen assets check --class chair
    """
    from scenegen.assets.curate.check import check_library, read_library
    from scenegen.assets.identity.twins import store_fingerprints
    from scenegen.core.dataset.checks import ways_to_get
    from scenegen.core.preset.preset_file import load_preset

    if picture:
        _check_image_name(picture)
    needed = [name for rule in load_preset(preset).rules for name in rule.asset_classes]
    store_fingerprints(library)
    assets, damaged = read_library(library)
    found = check_library(assets, needed, damaged)
    classes = {asset.name: asset.class_name for asset in assets}
    shown = [f for f in found.findings if class_name in (None, classes.get(f.asset, class_name))]
    pairs = [t for t in found.twins if class_name in (None, classes[t.test], classes[t.train])]
    if picture and pairs:
        from scenegen.assets.curate.sheet import make_twins_sheet

        make_twins_sheet(library, assets, pairs, picture, TWINS_SIZE)
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(found), "usable": found.usable}, indent=1))
        return 0 if found.usable else 1
    table = Table("class", "train", "test", "doubtful", box=None, header_style="bold")
    doubtful = {finding.asset for finding in found.findings}
    for name, counts in found.counts.items():
        count = sum(classes.get(asset) == name for asset in doubtful)
        table.add_row(name, str(counts["train"]), str(counts["test"]), str(count or ""))
    console().print(table)
    for kind in dict.fromkeys(finding.kind for finding in shown):
        click.echo(f"\n{kind}:")
        for finding in shown:
            if finding.kind == kind:
                click.echo(f"  {'BROKEN ' if finding.broken else ''}{finding.asset}: {one_line(finding.says)}")
    _print_twins(pairs, picture)
    if found.missing:
        click.echo(f"preset {preset} needs {', '.join(found.missing)}, missing here", err=True)
        wanted = [(name, split) for name, _, split in (item.rpartition("/") for item in found.missing)]
        for line in ways_to_get(wanted, preset, library):
            click.echo(f"  {line}", err=True)
    broken = sorted({finding.asset for finding in found.findings if finding.broken})
    if broken:
        click.echo(f"{len(broken)} broken: {', '.join(broken)}; prepare them again or drop them", err=True)
    return 0 if found.usable else 1


def _print_twins(pairs: Sequence[Twins], picture: Path | None) -> None:
    """Print the pairs of models in different splits that have the same shape or are alike."""
    same, alike = ([t for t in pairs if t.same_shape == wanted] for wanted in (True, False))
    if same:
        click.echo("\nthe same shape in both splits (add the file of one again: it joins the other; or drop one):")
        for each in same:
            click.echo(f"  BROKEN {each.test} in test, {each.train} in train (distance {each.distance:.3f})")
    if alike:
        click.echo("\nalike in both splits (look at them: perhaps two versions of one model):")
        for each in alike:
            click.echo(f"  {each.test} in test, {each.train} in train (distance {each.distance:.3f})")
    if picture:
        drawn = f"{picture}: {counted(len(pairs), 'pair')}" if pairs else "no suspected twins, so no image was drawn"
        click.echo(f"\n{drawn}")


def _check_image_name(out: Path) -> None:
    """Raise UsageError when the name is not that of an image file."""
    if out.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UsageError(f"{out}: name an image file, such as {out.with_suffix('.png')}")


@click.command()
@click.argument("out", metavar="OUT.png", type=click.Path(path_type=Path, dir_okay=False))
@library_option
@class_option
@split_option
@click.option("--size", type=click.IntRange(32, 1024), default=160, show_default=True, help="Pixels per image.")
@click.option("--samples", type=click.IntRange(1, 4096), default=8, show_default=True, help="Samples per pixel.")
@own_blender_option
def sheet(
    out: Path,
    library: Path,
    class_name: str | None,
    split: str | None,
    size: int,
    samples: int,
    blender: str | None,
) -> None:
    """Render a contact sheet: every model alone, by class; an orange frame marks what `assets check` doubts.

    \b
    Example: scenegen assets sheet --class chair chairs.png
    """
    from scenegen.assets.curate.sheet import SheetLook, make_sheet

    _check_image_name(out)
    chosen = [asset for asset in list_assets(library, split) if class_name in (None, asset.class_name)]
    if not chosen:
        raise ScenegenError(f"{library}: no such asset; `scenegen assets list` shows all")
    make_sheet(library, chosen, out, SheetLook(size, samples, blender))
    click.echo(f"{out}: {counted(len(chosen), 'model')}")


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@library_option
@click.option("--why", required=True, help="The reason, kept in dropped.jsonl.")
def drop(names: tuple[str, ...], library: Path, why: str) -> None:
    """Remove models from the library for good: adding the same files again does not bring them back.

    \b
    Example: scenegen assets drop sf_backpack_red --why "the strap floats"
    """
    from scenegen.assets.curate.dropped import drop as drop_asset

    there = {asset.name: asset for asset in list_assets(library)}
    for name in names:
        if name not in there:
            raise ScenegenError(f"{library}: no asset {name!r}; `scenegen assets list` shows all")
    for name in dict.fromkeys(names):
        drop_asset(library, there[name], why)
        click.echo(f"{name} dropped")


def list_dropped(library: Path, class_name: str | None, as_json: bool) -> None:
    """Print what was dropped from a library, and why."""
    from scenegen.assets.curate.dropped import read_dropped

    notes = [note for note in read_dropped(library) if class_name in (None, note["class"])]
    if as_json:
        click.echo(json.dumps(notes, indent=1))
        return
    table = Table("dropped", "class", "why", "source", box=None, header_style="bold")
    for note in notes:
        table.add_row(*(escape(note[key]) for key in ("name", "class", "why", "source")))
    console().print(table)
