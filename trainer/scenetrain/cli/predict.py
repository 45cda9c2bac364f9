"""scenetrain predict: photographs to a labelled voxel grid."""

from __future__ import annotations

from pathlib import Path

import click

from scenetrain.cli.options import DIRECTORY, device_option, run_argument


@click.command()
@run_argument
@click.argument("images", metavar="IMAGES...", nargs=-1, required=True, type=DIRECTORY)
@click.option("--out", metavar="DIR", type=DIRECTORY, required=True, help="Where the voxels and their image go.")
@click.option(
    "--hfov",
    metavar="DEGREES",
    type=click.FloatRange(1, 179),
    help="The photographs' horizontal field of view, for networks of frusta (default: what EXIF says; else the "
    "network's own is taken for that of the middle square).",
)
@click.option(
    "--cameras",
    metavar="FILE",
    type=DIRECTORY,
    help="Where each photograph was taken, for networks that read it: a scene.json, or JSON as above.",
)
@click.option(
    "--glb/--no-glb",
    default=True,
    help="Write voxels.glb, the surface of every class, for viewers and game engines (default: yes).",
)
@device_option
def predict(
    run: Path, images: tuple[Path, ...], out: Path, hfov: float | None, cameras: Path | None, glb: bool, device: str
) -> None:
    """Turn photographs into labelled voxels.

    A network of several views takes IMAGES for one place: give as many as it has views, in the order of the cameras of
    its training data. A network that reads cameras takes IMAGES for one place too, any number in any order, each with
    its camera in --cameras FILE. A network of one view, such as ssz, takes each photograph for itself; several have a
    folder each in DIR. There is one .npy file per output of the network, prediction.json, which describes them,
    voxels.png and voxels.glb, and of a network that reads poses objects.json.

    FILE is a scene.json of scenegen, or {"cameras": [{"K": 3 x 3 numbers, "world_to_camera": 4 x 4}, ...], "grid":
    {"origin": [x, y, z], "voxel_size": metres, "shape": [x, y, z]}} with one camera for each photograph, in their
    order; without "grid" the run's own counts. K is in pixels of the upright photograph, or of an image of "width" x
    "height" pixels if the camera says so; metres; x right, y down, z forward.

    \b
    Examples:
      scenetrain predict runs/final sw.jpg se.jpg ne.jpg --out room --no-glb
      scenetrain predict runs/lift a.jpg b.jpg --cameras cameras.json --out room
      scenetrain predict runs/ssz photo.jpg --out photo
      scenetrain predict runs/ssz street/*.jpg --hfov 65 --out streets
    """
    from scenetrain.inference.cameras import read_cameras
    from scenetrain.inference.predict import Taken
    from scenetrain.inference.predict import predict as step
    from scenetrain.training.hardware import open_device
    from scenetrain.training.run_folder import load_model

    place = open_device(device)
    trained = load_model(run, place)
    taken = Taken(hfov, read_cameras(cameras) if cameras else None)
    predictions = step(trained, images, out, place, taken=taken, glb=glb)
    for line in (*trained.doubts(), *(note for prediction in predictions for note in prediction.notes)):
        click.echo(f"scenetrain: {line}", err=True)
    for shown, _ in predictions:
        description = shown.with_name("prediction.json")
        opened = "" if shown == description else f"{shown}: open it; "
        click.echo(f"{opened}{description} describes the voxel files beside it")
