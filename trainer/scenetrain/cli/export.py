"""scenetrain export: a trained network as one file for other programs."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", "file_format", type=click.Choice(["onnx", "torch"]), default="onnx", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file, such as everted.onnx.")
@click.option(
    "--views",
    type=click.Choice([*map(str, range(1, 9)), "dynamic"]),
    default="3",
    show_default=True,
    help="A fixed number for one scene at a time; dynamic: any batch, 1 to 8 views.",
)
def export(run: Path, file_format: str, out: Path, views: str) -> None:
    """Write a run's network as ONNX or as a torch.export program, from RGB images in [0, 1] to probabilities.

    \b
    Example: scenetrain export runs/everted --format onnx --views dynamic --out everted.onnx
    """
    import torch

    from scenetrain.inference import export as step
    from scenetrain.training.run_folder import load_model

    trained = load_model(run, torch.device("cpu"))
    click.echo(step.export(trained, out, file_format, None if views == "dynamic" else int(views)))
