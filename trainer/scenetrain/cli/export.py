"""scenetrain export: a trained network as one file for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from scenetrain.cli.options import DIRECTORY, run_argument


@click.command()
@run_argument
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["onnx", "torch"]),
    default="onnx",
    show_default=True,
    help="ONNX, or a program of torch.export.",
)
@click.option("--out", metavar="FILE", type=DIRECTORY, required=True, help="The file to write, such as final.onnx.")
@click.option(
    "--views",
    type=click.Choice([*map(str, range(1, 9)), "dynamic"]),
    default="3",
    show_default=True,
    help="A number: the file takes one scene with that many views. dynamic: any batch, 1 to 8 views.",
)
def export(run: Path, file_format: str, out: Path, views: str) -> None:
    """Write a trained network as an ONNX file.

    The file's inputs are RGB images in [0, 1], its outputs are probabilities.

    \b
    Examples:
      scenetrain export runs/final --out final.onnx
      scenetrain export runs/final --format torch --views dynamic --out final.pt2
    """
    import torch

    from scenetrain.inference import export as step
    from scenetrain.training.run_folder import load_model

    trained = load_model(run, torch.device("cpu"))
    click.echo(step.export(trained, out, file_format, None if views == "dynamic" else int(views)))
