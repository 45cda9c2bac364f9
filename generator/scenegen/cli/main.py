"""The command line: parse, call, print. Steps are imported inside their commands, so that --help answers at once."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scenegen import __version__
from scenegen.core.errors import ScenegenError, UsageError

if TYPE_CHECKING:
    from scenegen.progress import OnProgress
    from scenegen.steps.stats import Stats

ELSEWHERE = {name: f"scenegen.cli.{name}" for name in ("assets", "doctor", "export", "generate")}
"""Commands by the modules that hold them."""

Command = TypeVar("Command", bound=Callable[..., Any])


class _Group(click.Group):
    """Commands in modules of their own are loaded when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in ELSEWHERE:
            command: click.Command = getattr(importlib.import_module(ELSEWHERE[cmd_name]), cmd_name)
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="scenegen")
def cli() -> None:
    """Labelled 3D rooms and streets: images, depth, instances and voxel labels.

    \b
    Example: scenegen generate --preset studio --scenes 8 --out data/studio
    """


def main() -> None:
    """Run the command line; exit status 0, 1 (the work failed), 2 (bad arguments) or 130 (interrupted)."""
    try:
        status = cli.main(prog_name="scenegen", standalone_mode=False)
    except click.Abort:
        _say("interrupted; what is done stays, the same command goes on")
        status = 130
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else error.message, err=True)
        status = 2
    except click.ClickException as error:
        _say(error.format_message())
        status = error.exit_code
    except ScenegenError as error:
        _say(str(error))
        status = 2 if isinstance(error, UsageError) else 1
    sys.exit(status)


def _say(message: str) -> None:
    click.echo(f"scenegen: {' '.join(message.split())}", err=True)


def _workers(what: str) -> Callable[[Command], Command]:
    return click.option("--workers", type=click.IntRange(1), metavar="W", help=f"Processes at once [{what}].")


_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON on standard output.")
_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
_assets = click.option(
    "--assets",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The prepared library it was made from [the one it names].",
)


@cli.command()
@_folder
@click.option("--grid", metavar="X,Y,Z", help="Cells of the box grid, such as 80,96,64.")
@click.option("--frustum", metavar="NEAR,FAR,SLICES,HFOV", help="Metres, metres, slices, degrees: 0.5,7,128,70.")
@_workers("one a core")
@_assets
@_json
def voxelize(
    folder: Path, grid: str | None, frustum: str | None, workers: int | None, assets: Path | None, as_json: bool
) -> int:
    """Redo the voxel labels of a data set at another grid, without rendering.

    \b
    Example: scenegen voxelize data/studio --grid 40,48,32
    """
    from scenegen.steps.relabel import FrustumChange, relabel

    shape = None if grid is None else [int(n) for n in _numbers("--grid", grid, 3)]
    change = None
    if frustum is not None:
        near, far, slices, hfov = _numbers("--frustum", frustum, 4)
        change = FrustumChange(near, far, int(slices), hfov)
    if shape is None and change is None:
        raise UsageError("voxelize: nothing to change; give --grid or --frustum")
    with _progress("voxelize") as on_progress:
        done = relabel(
            folder,
            shape=shape,
            frustum=change,
            workers=workers or _cores(),
            assets=assets,
            on_progress=on_progress,
        )
    click.echo(json.dumps({"path": str(folder), "changed": done}) if as_json else f"{folder}: {done} scenes changed")
    return 0


def _numbers(option: str, text: str, count: int) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    whole = {"--grid": slice(None), "--frustum": slice(2, 3)}[option]
    if len(numbers) != count or any(n % 1 for n in numbers[whole]):
        raise UsageError(f"{option} {text}: give {count} numbers with commas between (see --help)")
    return numbers


@cli.command()
@_folder
@_workers("one a core")
@_assets
@_json
def verify(folder: Path, workers: int | None, assets: Path | None, as_json: bool) -> int:
    """Check every promise of the format on every scene; exit status 1 when one is broken.

    \b
    Example: scenegen verify data/studio
    """
    from scenegen.steps.verify.verify import verify as run

    with _progress("verify") as on_progress:
        report = run(folder, workers=workers or _cores(), assets=assets, on_progress=on_progress)
    if as_json:
        click.echo(json.dumps(report.to_json()))
        return 0 if report.ok else 1
    for fault in report.faults:
        where = "data set" if fault.scene is None else f"scene {fault.scene}"
        click.echo(f"{where}: {fault.check}: {fault.detail}")
    verdict = "every promise holds" if report.ok else f"{len(report.faults)} promises are broken"
    click.echo(f"{folder}: {report.scenes} scenes, {len(report.checks)} checks each: {verdict}")
    return 0 if report.ok else 1


@cli.command()
@_folder
@_workers("one a core")
@_json
def stats(folder: Path, workers: int | None, as_json: bool) -> int:
    """Count a data set: objects, classes, occupancy, visibility, time and size.

    \b
    Example: scenegen stats data/studio --json
    """
    from scenegen.steps.stats import stats as run

    with _progress("stats") as on_progress:
        figures = run(folder, workers=workers or _cores(), on_progress=on_progress)
    if as_json:
        click.echo(json.dumps(figures.to_json()))
    else:
        _print_stats(figures)
    return 0


def _print_stats(figures: Stats) -> None:
    lines = {
        "scenes": f"{figures.scenes} of {figures.asked}, preset {figures.preset}, split {figures.split}",
        "objects": f"{figures.objects} ({figures.objects / figures.scenes:.1f} a scene), {figures.children} stand on "
        f"another, {figures.skipped} found no place",
        "seen": f"{figures.seen_share:.1%} of the objects show in an image",
        "size": f"{figures.megabytes_per_scene:.2f} MB a scene of {figures.views:g} views",
    }
    if figures.occupied_share is not None:
        lines["occupied"] = f"{figures.occupied_share:.2%} of the cells"
    if figures.room_seen_share is not None:
        lines["room seen"] = f"{figures.room_seen_share:.1%} of the free space, by at least one camera"
    if figures.seconds:
        lines["time"] = f"{sum(figures.seconds.values()):.2f} s a scene"
    for name, text in lines.items():
        click.echo(f"{name:10} {text}")
    click.echo(f"{'class':12} {'objects':>8} {'scenes':>7} {'models':>7} {'seen':>7} {'pixels':>7} {'cells':>7}")
    for c in figures.classes:
        seen = c.seen / c.objects if c.objects else 0.0
        click.echo(
            f"{c.name:12} {c.objects:8} {c.scenes:7} {c.assets:7} {seen:7.1%} {c.pixel_share:7.2%} {c.cell_share:7.2%}"
        )


@cli.command()
@_folder
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Where the page goes [DIR/preview].")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N scenes.")
@_json
def preview(folder: Path, out: Path | None, limit: int | None, as_json: bool) -> int:
    """Draw images, instances, depth and voxels of every scene, and a page that opens offline.

    \b
    Example: scenegen preview data/studio --limit 20
    """
    from scenegen.steps.preview.sheets import write_preview

    with _progress("preview") as on_progress:
        page = write_preview(folder, out, limit=limit, on_progress=on_progress)
    click.echo(json.dumps({"page": str(page)}) if as_json else f"{page}: open it in a browser")
    return 0


@cli.command()
@_folder
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--shard-mb", type=click.FloatRange(0, min_open=True), default=250, show_default=True, metavar="MB")
@click.option("--image", type=click.Choice(("jpeg", "png")), default="jpeg", show_default=True, help="Lossy, or exact.")
@click.option("--quality", type=click.IntRange(1, 100), default=95, show_default=True, help="Of JPEG images.")
@click.option("--maps", is_flag=True, help="Keep depth and instance maps, too.")
@click.option("--delete", is_flag=True, help="Remove the scene folders, once all were read back and compared.")
@_workers("one a core")
@_json
def pack(folder: Path, out: Path, delete: bool, workers: int | None, as_json: bool, **options: Any) -> int:
    """Pack a data set into WebDataset tar shards; the same command again packs only what is missing.

    \b
    Example: scenegen pack data/studio data/studio_packed
    """
    from scenegen.core.dataset.shards import Packing
    from scenegen.steps.pack import pack as run

    with _progress("pack") as on_progress:
        done = run(folder, out, Packing(**options), delete=delete, workers=workers or _cores(), on_progress=on_progress)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done)))
    else:
        gone = f", {done.deleted} folders deleted" if done.deleted else ""
        click.echo(
            f"{out}: {done.scenes} scenes ({done.made} packed now) in {done.shards} shards, "
            f"{done.bytes / max(done.scenes, 1) / 1000:.1f} kB a scene{gone}"
        )
    return 0


@cli.command("blender-setup")
@click.option("--blender", metavar="EXE", required=True, help="The Blender to set up, such as /usr/bin/blender.")
@_json
def blender_setup(blender: str, as_json: bool) -> int:
    """Give your own Blender's Python the modules that the labels need, without touching Blender.

    \b
    Example: scenegen blender-setup --blender /usr/bin/blender
    """
    from scenegen.blender.setup import setup

    click.echo(f"{blender}: looking for its modules, installing what lacks", err=True)
    info = setup(blender)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(info)))
    else:
        modules = ", ".join(f"{name} {version}" for name, version in info.versions.items())
        click.echo(f"{info.executable}: Blender {info.version}, Python {'.'.join(map(str, info.python))}, {modules}")
    return 0


def _cores() -> int:
    from scenegen.blender.cores import cores

    return cores()


@contextmanager
def _progress(title: str) -> Iterator[OnProgress]:
    from scenegen.progress import progress

    with progress(title) as on_progress:
        yield on_progress
