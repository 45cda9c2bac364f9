"""scenetrain predict: photographs to a labelled voxel grid."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where the voxels and their picture go.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
def predict(run: Path, images: tuple[Path, ...], out: Path, device: str) -> None:
    """Turn three photographs of a room into a labelled voxel grid: masks.npy, occupancy.npy, voxels.png.

    Give IMAGES in the order of the cameras in the data that the run was trained on.

    \b
    Example: scenetrain predict runs/everted south_west.jpg south_east.jpg north_east.jpg --out room
    """
    from scenetrain.evaluation.evaluate import open_device
    from scenetrain.inference.predict import predict as step
    from scenetrain.training.run_folder import load_model

    place = open_device(device)
    picture = step(load_model(run, place), images, out, place)
    click.echo(f"{picture}: open it; the voxels are in {out / 'masks.npy'} and {out / 'occupancy.npy'}")
