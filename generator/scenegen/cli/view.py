"""`scenegen view`: parse, call, print."""

from __future__ import annotations

import webbrowser
from contextlib import suppress
from pathlib import Path

import click

from scenegen.cli.options import counted, print_message, source_library_option
from scenegen.core.dataset.request import parse_place
from scenegen.core.errors import UsageError

LOCAL = "127.0.0.1"
SCENES = 12


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=parse_place)
@click.option("--data", metavar="DIR", type=parse_place, help="The data set, instead of the argument.")
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
@source_library_option
@click.option(
    "--export",
    "exported",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write one HTML file to mail, which needs no server, instead of serving.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help=f"Scenes in that file (default: {SCENES}).")
@click.option(
    "--host",
    metavar="ADDRESS",
    help="Where to listen (default: this machine alone). Beyond it, the printed address has a token that is needed.",
)
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="The port (default: a free one).")
@click.option("--open/--no-open", "opened", default=True, help="Open the browser (default: yes).")
def view(
    folder: Path | str | None,
    data: Path | str | None,
    runs: tuple[Path, ...],
    faults: Path | None,
    assets: Path | None,
    exported: Path | None,
    limit: int | None,
    host: str | None,
    port: int | None,
    opened: bool,
) -> int:
    """Look through a data set in a browser: every scene's images, labels and voxels in 3D.

    It works offline, on data sets in folders and in shards, and while one is being made. DIR may be an address such as
    s3://bucket/studio. On another machine, forward the port: `ssh -L 8000:127.0.0.1:8000 HOST`, there
    `scenegen view DIR --port 8000 --no-open`, and open http://127.0.0.1:8000/ here. Ctrl-C ends it.

    \b
    Examples: scenegen view data/studio
              scenegen view data/studio --port 8000 --no-open
              scenegen view data/studio_test --run runs/lift --run runs/everted
              scenegen view s3://bucket/studio
              scenegen view data/studio --export page.html --limit 20
    """
    from scenegen.progress import progress
    from scenegen.steps.viewer.export_page import export_page
    from scenegen.steps.viewer.view import Beside
    from scenegen.steps.viewer.view import view as run

    path = folder or data
    if path is None or (folder and data):
        raise UsageError("name one data set: scenegen view DIR")

    if exported and not (host is None and port is None):
        raise UsageError("--export writes a file and serves nothing: leave --host and --port out")
    if limit and not exported:
        raise UsageError("--limit is of the file that --export FILE writes; leave it out: served are all scenes")

    if exported:
        found = _faults(faults, path)
        with progress("export") as on_progress:
            beside = Beside(runs, found, assets)
            scenes = export_page(path, exported, beside, limit=limit or SCENES, on_progress=on_progress)
        click.echo(f"{exported}: {counted(scenes, 'scene')}; open it in a browser")
        return 0

    def on_ready(address: str) -> None:
        click.echo(f"{path}: open {address} (Ctrl-C ends it)")
        if opened:
            webbrowser.open(address)

    with suppress(KeyboardInterrupt):  # before and after the server itself hears it: Ctrl-C is how it ends
        found = _faults(faults, path)
        run(path, Beside(runs, found, assets), host=host or LOCAL, port=port or 0, on_ready=on_ready)
    return 0


def _faults(file: Path | None, path: Path | str) -> dict[int, list[str]]:
    """What `verify` found, by scene; says so where it is of scenes that the data set does not have."""
    from scenegen.steps.viewer.faults import read_faults, scenes_not_there
    from scenegen.steps.viewer.view import open_source

    if not file:
        return {}
    found = read_faults(file)
    if note := scenes_not_there(file, found, open_source(path).dataset.indices):
        print_message(note)
    return found
