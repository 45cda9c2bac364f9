"""`scenegen assets add --people N`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenegen.cli.assets.printing import prepare_all, print_added, print_refused

if TYPE_CHECKING:
    from scenegen.assets.prepare.raw_model import Refused


def add_people(count: int, library: Path, split: str | None, seed: int, clothes: str) -> int:
    """Make people and prepare them; the exit status."""
    from scenegen.assets.curate.placing import make_placer
    from scenegen.assets.sources.people.people import read_people, recipes

    refused: list[Refused] = []
    placer = make_placer(library, choose_splits=False)
    added = prepare_all(read_people(recipes(count, seed, split, clothes)), count, library, refused, placer)
    print_added(added)
    click.echo(f"{library}: {len(added)} people added, {len(refused)} refused")
    return print_refused(refused)
