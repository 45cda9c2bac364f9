"""scenetrain predict: photographs to a labelled voxel grid."""

from __future__ import annotations

from pathlib import Path

import click

from scenetrain.cli.options import DIRECTORY, device_option, run_argument


@click.command()
@run_argument
@click.argument("images", metavar="IMAGES...", nargs=-1, required=True, type=DIRECTORY)
@click.option("--out", metavar="DIR", type=DIRECTORY, required=True, help="Where the voxels and their image go.")
@click.option("--glb", is_flag=True, help="Also write DIR/voxels.glb: the surface of every class, for game engines.")
@device_option
def predict(run: Path, images: tuple[Path, ...], out: Path, glb: bool, device: str) -> None:
    """Turn photographs into labelled voxels.

    The photographs show one place. Give as many IMAGES as the network has views, in the order of the cameras of its
    training data. DIR then holds one .npy file per output of the network; prediction.json describes them.

    \b
    Examples:
      scenetrain predict runs/final sw.jpg se.jpg ne.jpg --out room
      scenetrain predict runs/final sw.jpg se.jpg ne.jpg --out room --glb
    """
    from scenetrain.inference.predict import predict as step
    from scenetrain.training.hardware import open_device
    from scenetrain.training.run_folder import load_model

    place = open_device(device)
    trained = load_model(run, place)
    shown = step(trained, images, out, place, glb=glb)
    for line in trained.doubts():
        click.echo(f"scenetrain: {line}", err=True)
    description = out / "prediction.json"
    opened = "" if shown == description else f"{shown}: open it; "
    click.echo(f"{opened}{description} describes the voxel files beside it")
