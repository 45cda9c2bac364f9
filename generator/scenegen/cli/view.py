"""`scenegen view`: parse, call, print."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from scenegen.cli.options import counted
from scenegen.core.errors import UsageError


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--data", metavar="DIR", type=click.Path(path_type=Path), help="The data set, instead of the argument.")
@click.option(
    "--run",
    "runs",
    metavar="RUN",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A run of `scenetrain evaluate --predictions` to compare with; several stand side by side.",
)
@click.option(
    "--faults",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What `scenegen verify DIR --json` printed: scenes with faults can be filtered.",
)
@click.option(
    "--export",
    "exported",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write one HTML file to mail, which needs no server, instead of serving.",
)
@click.option("--limit", type=click.IntRange(1), default=12, metavar="N", help="Scenes in that file (default: 12).")
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    help="Where to listen (default: this machine alone). Beyond it, the printed address has a token that is needed.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="The port (default: a free one).")
@click.option("--open/--no-open", "opened", default=True, help="Open the browser (default: yes).")
def view(
    folder: Path | None,
    data: Path | None,
    runs: tuple[Path, ...],
    faults: Path | None,
    exported: Path | None,
    limit: int,
    host: str,
    port: int,
    opened: bool,
) -> int:
    """Look through a data set in a browser: every scene's images, labels and voxels in 3D.

    It works offline, on data sets in folders and in shards, and while one is being made. On another machine, forward
    the port: `ssh -L 8000:127.0.0.1:8000 HOST`, there `scenegen view DIR --port 8000 --no-open`, and open
    http://127.0.0.1:8000/ here. Ctrl-C ends it.

    \b
    Examples: scenegen view data/studio
              scenegen view data/studio --port 8000 --no-open
              scenegen view data/studio_test --run runs/lift --run runs/everted
              scenegen view data/studio --export page.html --limit 20
    """
    from scenegen.progress import progress
    from scenegen.steps.viewer.export_page import export_page
    from scenegen.steps.viewer.view import view as run

    path = folder or data
    if path is None or (folder and data):
        raise UsageError("name one data set: scenegen view DIR")

    if exported:
        with progress("export") as on_progress:
            scenes = export_page(path, exported, runs, limit=limit, on_progress=on_progress)
        click.echo(f"{exported}: {counted(scenes, 'scene')}; open it in a browser")
        return 0

    def on_ready(address: str) -> None:
        click.echo(f"{path}: open {address} (Ctrl-C ends it)")
        if opened:
            webbrowser.open(address)

    run(path, runs, faults=faults, host=host, port=port, on_ready=on_ready)
    return 0
