"""`scenegen import scannet`: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenegen.cli.importing.options import print_result, sample_options
from scenegen.cli.options import json_option, worker_count, workers_option

if TYPE_CHECKING:
    from scenegen.steps.importing.samples import SampleOptions


@click.command()
@click.argument("root", metavar="ROOT", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--every",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    metavar="N",
    help="Take frames 0, N, 2 N ... of a recording.",
)
@click.option(
    "--labels",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="ScanNet's table of labels (default: scannetv2-labels.combined.tsv in ROOT).",
)
@click.option(
    "--class-map",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help='A .toml with the class of each label, such as "office chair" = "chair", in place of NYU\'s 40 classes; '
    '"" leaves a label out.',
)
@sample_options
@workers_option
@json_option
def scannet(
    root: Path,
    out: Path,
    every: int,
    labels: Path | None,
    class_map: Path | None,
    options: SampleOptions,
    workers: int | None,
    as_json: bool,
) -> int:
    """Make a data set of ScanNet: ROOT is its folder, its folder scans, or one scan.

    A scan has its .sens (or the folders color, depth, pose and intrinsic that ScanNet's exporter makes of it),
    _vh_clean_2.ply, segs.json and aggregation.json. Depth is as measured; labels are the cells that the labelled
    surface meets, in each frustum and in a box before the camera. Run again to continue.

    \b
    Examples: scenegen import scannet ScanNet data/scannet
              scenegen import scannet ScanNet/scans/scene0000_00 data/room --every 20
              scenegen import scannet ScanNet data/furniture --class-map my.toml
    """
    from scenegen.progress import progress
    from scenegen.steps.importing.scannet import import_scannet

    with progress("import") as on_progress:
        done = import_scannet(
            root,
            out,
            options=options,
            every=every,
            labels=labels,
            class_map=class_map,
            workers=worker_count(workers),
            on_progress=on_progress,
        )
    print_result(done, as_json)
    return 0
