"""`scenegen generate`: parse, call, print."""

from __future__ import annotations

import dataclasses
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scenegen.cli.options import print_message
from scenegen.core.errors import UsageError

if TYPE_CHECKING:
    from scenegen.core.dataset.shards import Packing
    from scenegen.generate.generate import Request

DEVICES = ("auto", "cpu", "cuda", "optix", "hip", "metal", "oneapi")
QUALITIES = ("draft", "standard", "high")


@click.command()
@click.option("--preset", default="studio", show_default=True, help="A preset's name, or the path of a .toml.")
@click.option("--scenes", type=int, required=True, metavar="N", help="Make scenes 0 to N - 1.")
@click.option("--out", metavar="DIR", help="The data set's folder [data/PRESET], or a URL such as s3://bucket/studio.")
@click.option("--pack", metavar="DIR", type=click.Path(path_type=Path), help="Keep shards there instead of folders.")
@click.option("--maps", is_flag=True, help="With --pack: depth and instance maps too.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, other scenes.")
@click.option("--split", default="train", show_default=True, help="Which models to show: train or test.")
@click.option(
    "--workers", type=click.IntRange(1), metavar="W", help="Processes at once [one a GPU, or one for two cores]."
)
@click.option("--per-gpu", type=click.IntRange(1), metavar="K", help="Processes a GPU at once [1].")
@click.option("--scheduler", metavar="ADDRESS", help="Use the dask cluster there, such as tcp://host:8786.")
@click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="What renders.")
@click.option("--quality", type=click.Choice(QUALITIES), default="standard", show_default=True, help="Samples a pixel.")
@click.option("--views", type=int, metavar="V", help="Cameras a scene, of presets without fixed ones [the preset's].")
@click.option(
    "--variation",
    default="all",
    show_default=True,
    metavar="WHAT",
    help="What differs between scenes beside the labels: all, none, or some of "
    "world,lights,surfaces,objects,exposure,noise,cameras,distractors.",
)
@click.option("--blender", metavar="EXE", help="Your own Blender [the bpy package].")
@click.option("--assets", metavar="DIR", type=click.Path(path_type=Path), help="Prepared library [~/.scenegen/assets].")
@click.option("--dashboard", metavar="ADDRESS", help="Show the run on dask's pages there, such as :8787.")
@click.option("--profile", is_flag=True, help="Print where the time went.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON on standard output.")
def generate(
    profile: bool,
    as_json: bool,
    out: str | None,
    pack: Path | None,
    maps: bool,
    preset: str,
    assets: Path | None,
    **options: Any,
) -> int:
    """Make a data set; the same command again makes only what is missing.

    \b
    Examples: scenegen generate --preset studio --scenes 25000 --out data/studio
              scenegen generate --preset studio --scenes 25000 --pack data/packed
    """
    from scenegen.cli.outcome import print_outcome
    from scenegen.generate.generate import Request
    from scenegen.generate.generate import generate as run
    from scenegen.progress import progress

    place, url, packing = _output(out, pack, maps, preset)
    request = Request(preset=preset, out=place, assets=assets, pack=packing, url=url, **options)
    if assets is None:
        _build_default_library(request)
    with progress("generate") as on_progress:
        outcome = run(request, on_progress, print_message)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(outcome), default=str))
    else:
        print_outcome(outcome, request.seed)
    if profile:
        _print_profile(outcome.out, as_json)
    return 1 if outcome.missing else 0


def _output(out: str | None, pack: Path | None, maps: bool, preset: str) -> tuple[Path, str | None, Packing | None]:
    """The local folder of a run, the URL beyond it and how to pack, where these are asked for."""
    from scenegen.core.dataset.shards import Packing
    from scenegen.generate.stores.remote import is_url, local_folder

    if pack and out:
        raise UsageError("--pack keeps no folders: leave --out away")
    if maps and not pack:
        raise UsageError("--maps says what --pack keeps; folders have all maps")
    if pack:
        return pack, None, Packing("jpeg", 95, maps, 250.0)
    if out and is_url(out):
        return local_folder(out), out.rstrip("/"), None
    return Path(out) if out else Path("data") / Path(preset).stem, None, None


def _build_default_library(request: Request) -> None:
    """Make the built-in models where no library was named and none is there yet."""
    from scenegen.core.asset_library import default_library
    from scenegen.core.dataset.request import check_parameters
    from scenegen.core.look.variation import parse_variation
    from scenegen.core.preset.preset_file import load_preset

    library = default_library()
    if not library.exists():
        check_parameters(request.scenes, request.split, request.out)
        preset = load_preset(request.preset, request.views)
        parse_variation(request.variation)
        print_message(f"no models at {library} yet: building the built-in ones, once")
        from scenegen.cli.assets.build import build

        with redirect_stdout(sys.stderr):
            click.get_current_context().invoke(
                build, library=library, workers=None, preset="street" if preset.street else "studio"
            )


def _print_profile(out: Path, as_json: bool) -> None:
    from scenegen.steps.stats import read_timings

    seconds = read_timings(out)
    whole = sum(seconds.values())
    click.echo(f"{'stage':10} {'s a scene':>10} {'share':>7}", err=as_json)
    for stage, mean in seconds.items():
        click.echo(f"{stage:10} {mean:10.3f} {mean / whole if whole else 0.0:7.1%}", err=as_json)
    click.echo(f"{'all':10} {whole:10.3f}", err=as_json)
