"""`scenegen cameras`: parse, call, print."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scenegen.cli.options import counted, json_option, library_option
from scenegen.core.errors import ScenegenError, UsageError

if TYPE_CHECKING:
    from scenegen.core.preset.preset import Preset
    from scenegen.viewpoints.compare import Comparison, Views


@click.command()
@click.option("--preset", "name", required=True, metavar="NAME|FILE", help="A room: studio, or a .toml of your own.")
@click.option("--count", type=click.IntRange(1, 16), metavar="N", help="Cameras per scene (default: the preset's).")
@click.option(
    "--layouts",
    type=click.IntRange(2, 2000),
    default=64,
    show_default=True,
    metavar="L",
    help="Rooms to search in, and as many others to compare in.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="S", help="Of the layouts.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    help="Write the preset with the cameras found (default: print their places).",
)
@library_option
@json_option
def cameras(
    name: str, count: int | None, layouts: int, seed: int, out: Path | None, library: Path, as_json: bool
) -> int:
    """Search camera places from which most of a room and its objects is seen.

    A place is judged by the share of the objects' outer surface and of the room's free space that at least one camera
    sees, over many layouts of the preset, from the layouts' own geometry: nothing is rendered. The table compares the
    preset's cameras with those found, in layouts that the search has not met. The places found are named view_1 and
    so on, in place of the preset's names.

    \b
    Examples: scenegen cameras --preset studio --count 3 --out my_studio.toml
              scenegen generate --preset my_studio.toml --scenes 8
    """
    from scenegen.core.preset.preset_file import load_preset
    from scenegen.progress import progress
    from scenegen.viewpoints.compare import find_better_cameras

    preset = load_preset(name)
    text = _text_of(name)
    if out is not None:
        _check_out(out, text, preset)
    with progress("cameras", "layouts") as on_progress:
        found = find_better_cameras(
            preset, library, count or len(preset.cameras.places) or 1, layouts, seed, on_progress
        )
    if as_json:
        click.echo(json.dumps(_as_json(found)))
    else:
        _print(found, layouts)
        click.echo(_places(found))
    if out is not None:
        _write(out, text, preset, found)
        click.echo(f"\n{out}: written", err=as_json)
    return 0


def _text_of(name: str) -> str:
    from scenegen.core.preset.preset_file import preset_text

    return Path(name).read_text(encoding="utf-8") if Path(name).suffix == ".toml" else preset_text(name)


def _check_out(out: Path, text: str, preset: Preset) -> None:
    """Before minutes of search: whether the result can be written there, into this text."""
    from scenegen.core.files import cannot_write
    from scenegen.viewpoints.preset_places import with_places

    if out.suffix != ".toml":
        raise UsageError(f"--out {out}: a preset is a .toml file, such as --out my_room.toml")
    if out.exists():
        raise UsageError(f"--out {out}: is there already; give another name or remove it")
    with_places(text, preset.cameras.places)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(out.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise ScenegenError(cannot_write(out, error)) from error


def _write(out: Path, text: str, preset: Preset, found: Comparison) -> None:
    """Write the preset's text with other places, and read it again: it must say what was found."""
    import dataclasses

    from scenegen.core.files import cannot_write, write_text
    from scenegen.core.preset.preset_file import load_preset
    from scenegen.viewpoints.compare import with_cameras
    from scenegen.viewpoints.preset_places import with_places

    try:
        write_text(out, with_places(text, found.places))
    except OSError as error:
        raise ScenegenError(cannot_write(out, error)) from error
    wanted = dataclasses.replace(with_cameras(preset, found.places), name=out.stem)
    if load_preset(out) != wanted:
        raise AssertionError(f"{out}: reads as another preset")


def _places(found: Comparison) -> str:
    from scenegen.viewpoints.preset_places import block

    return "\n\n".join("\n".join(block(place)) for place in found.places)


def _print(found: Comparison, layouts: int) -> None:
    click.echo(f"seen of {counted(layouts, 'layout')} that the search has not met:\n")
    click.echo(f"{'cameras':18} {'objects surface':>16} {'free space':>11}")
    for title, views in (("the preset's", found.before), ("found", found.after)):
        click.echo(f"{title:18} {views.by_any.surface:16.1%} {views.by_any.room:11.1%}")
        for number, one in enumerate(views.by_each):
            click.echo(f"{f'  camera {number + 1} alone':18} {one.surface:16.1%} {one.room:11.1%}")
    click.echo()


def _as_json(found: Comparison) -> dict[str, Any]:
    def shares(views: Views) -> dict[str, Any]:
        return {"by_any": views.by_any._asdict(), "by_each": [one._asdict() for one in views.by_each]}

    places = [{"name": p.name, "position": p.position, "target": p.target} for p in found.places]
    return {"places": places, "before": shares(found.before), "after": shares(found.after)}
