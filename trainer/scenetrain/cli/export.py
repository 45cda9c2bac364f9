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
    type=click.Choice(["onnx", "torch", "aoti"]),
    default="onnx",
    show_default=True,
    help="ONNX, a program of torch.export, or a package compiled for this processor, which C++ runs (trainer/cpp).",
)
@click.option("--out", metavar="FILE", type=DIRECTORY, required=True, help="The file to write, such as final.onnx.")
@click.option(
    "--views",
    metavar="N|dynamic",
    help="N: the file takes one scene of N views (default: as many as in training). dynamic: any batch and any N.",
)
def export(run: Path, file_format: str, out: Path, views: str | None) -> None:
    """Write a trained network as one file for other programs.

    The file's inputs are RGB images in [0, 1], and of a network that reads cameras their intrinsics and poses; its
    outputs are probabilities.

    \b
    Examples:
      scenetrain export runs/final --out final.onnx
      scenetrain export runs/final --format torch --views dynamic --out final.pt2
      scenetrain export runs/final --format aoti --out final.pt2
    """
    import torch
    from scenegen.core.errors import UsageError

    from scenetrain.inference import export as step
    from scenetrain.training.run_folder import load_model

    if views is not None and views != "dynamic" and not views.isdecimal():
        raise UsageError(f"--views {views}: give a number, or dynamic")
    trained = load_model(run, torch.device("cpu"))
    count = trained.config.training.views if views is None else None if views == "dynamic" else int(views)
    click.echo(step.export(trained, out, file_format, count))
