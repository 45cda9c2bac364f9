"""`scenegen assets add --shapenet`: prepare models of a ShapeNetCore tree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenegen.cli.assets.printing import prepare_all, print_added, print_refused
from scenegen.core.asset_library import list_assets
from scenegen.core.errors import ScenegenError

if TYPE_CHECKING:
    from scenegen.assets.prepare.raw_model import Refused


def add_shapenet(
    root: Path,
    library: Path,
    class_name: str | None,
    synsets: tuple[str, ...],
    limit: int | None,
    split: str | None,
    scale: float | None,
    height: float | None,
) -> int:
    """Prepare the models that the library does not have yet, and print the result; the exit status."""
    from scenegen.assets.curate.placing import make_placer
    from scenegen.assets.sources.shapenet import read_models, read_tree

    tree = read_tree(root, class_name, synsets, limit, split)
    if not tree.models:
        raise ScenegenError(f"{root}: no model of a known class; give the class of a folder with --class C --synset ID")
    there = {asset.provenance.source for asset in list_assets(library)}
    todo = [model for model in tree.models if model.source not in there]
    refused: list[Refused] = []
    placer = make_placer(library, choose_splits=False)
    added = prepare_all(read_models(todo, scale, height), len(todo), library, refused, placer)
    print_added(added)
    click.echo(
        f"{library}: {len(added)} added, {len(tree.models) - len(todo)} there before, {len(refused)} refused; "
        f"passed over: {tree.others} of other classes, {tree.hollow} folders without a model"
    )
    return print_refused(refused)
