"""What the commands of `scenegen assets` print, and how they prepare models."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from scenegen.cli.tables import console
from scenegen.core.asset_library import Asset
from scenegen.core.errors import ScenegenError
from scenegen.core.one_line import one_line
from scenegen.progress import progress

if TYPE_CHECKING:
    from scenegen.assets.prepare.prepare import Place
    from scenegen.assets.prepare.raw_model import RawModel, Refused
    from scenegen.core.fingerprint import Fingerprint

MOST_TWINS = 5  # of one shape that a table names
# Guesses that cost nothing and name no option: the table leaves them to `assets check`.
_PLAIN_GUESS = re.compile(r"front guessed: -?[xy]|units guessed: (cm|mm)|units unknown: scaled by [^;]*")


def prepare_all(
    models: Iterable[RawModel | Refused],
    total: int,
    library: Path,
    refused: list[Refused],
    place: Callable[[RawModel, Fingerprint], Place] | None = None,
) -> list[Asset]:
    """Prepare every model and return the assets, each once. Refused ones are added to `refused`, dropped ones skipped.

    `place` chooses names and splits, as for `prepare`.
    """
    from scenegen.assets.curate.dropped import read_dropped, why_dropped
    from scenegen.assets.prepare.prepare import prepare
    from scenegen.assets.prepare.raw_model import Refused

    added: dict[str, Asset] = {}
    notes = read_dropped(library)
    with progress("prepare", "models") as on_progress:
        for model in models:
            if isinstance(model, Refused):
                refused.append(model)
            elif why := why_dropped(notes, model.class_name, model.provenance):
                click.echo(f"passed over: {model.name}, dropped before ({why})", err=True)
            else:
                try:
                    asset = prepare(model, library, place=place)
                    added[asset.name] = asset
                except ScenegenError as error:
                    refused.append(Refused(model.provenance.source, str(error)))
            on_progress(len(added), total, len(refused))
    return list(added.values())


def print_refused(refused: Iterable[Refused]) -> int:
    """Print each refusal on standard error; the exit status."""
    status = 0
    for each in refused:
        click.echo(f"refused: {one_line(str(each))}", err=True)
        status = 1
    return status


def print_added(added: list[Asset]) -> None:
    """Print a table of new assets, with the warnings about each that name a loss or an option.

    Of one shape, MOST_TWINS and those about which something else is said, and how many more.
    """
    if not added:
        return
    table = Table("added", "class", "split", "size (m)", "triangles", "noticed", box=None, header_style="bold")
    of_one_shape: Counter[str] = Counter()
    hidden: Counter[str] = Counter()
    first = {asset.name: asset.name for asset in added}
    said: dict[str, set[str]] = {}
    for asset in added:
        twin = asset.findings.get("twin_of")
        if twin:
            first[asset.name] = first.get(twin, twin)
        before = said.setdefault(first[asset.name], set())
        warnings = [text for text in map(str, asset.findings["warnings"]) if not _PLAIN_GUESS.fullmatch(text)]
        new = set(warnings) - before
        before |= new
        if twin:
            of_one_shape[first[asset.name]] += 1
            if of_one_shape[first[asset.name]] > MOST_TWINS and not new:
                hidden[first[asset.name]] += 1
                continue
        shape = [f"same shape as {twin}: {asset.split} like it"] if twin else []
        noticed = one_line("; ".join([*shape, *warnings]))
        table.add_row(
            asset.name,
            asset.class_name,
            asset.split,
            size_text(asset),
            f"{asset.triangles:,}",
            escape(noticed),
        )
    for name, number in hidden.items():
        table.add_row(f"{number} more", "", "", "", "", f"same shape as {name}: in its split (--json names each)")
    console().print(table)


def size_text(asset: Asset) -> str:
    """Return the size as "0.50 x 0.55 x 0.90"."""
    return " x ".join(f"{value:.2f}" for value in asset.size)


def make_library_folder(library: Path) -> None:
    """Make the library's folder where there is none yet. Raises ScenegenError when that is not possible.

    Also when scenes are made of the library: said now, not after minutes of preparing what cannot be written.
    """
    from scenegen.assets.prepare.library_lock import library_lock

    try:
        with library_lock(library):
            pass
    except OSError as error:
        raise ScenegenError(f"{library}: cannot be written ({error.strerror}); name another with --assets") from error
