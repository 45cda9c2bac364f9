"""`scenegen generate`: parse, call, print."""

from __future__ import annotations

import dataclasses
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scenegen.cli.options import json_option, print_message
from scenegen.cli.request_options import request_options, to_request

if TYPE_CHECKING:
    from scenegen.core.dataset.request import Request


@click.command()
@request_options()
@click.option("--maps", is_flag=True, help="With --pack: keep the depth and instance maps, too.")
@click.option("--profile", is_flag=True, help="Print where the time went.")
@json_option
def generate(profile: bool, as_json: bool, maps: bool, **options: Any) -> int:
    """Make a data set; the same command again makes only what is missing.

    \b
    Examples: scenegen generate --preset studio --scenes 25000 --out data/studio
              scenegen generate --preset studio --scenes 25000 --pack data/packed
    """
    from scenegen.cli.generate_result import print_result
    from scenegen.generate.generate import generate as run
    from scenegen.progress import progress

    request = to_request(options, maps=maps)
    if request.assets is None:
        _build_default_library(request)
    with progress("generate") as on_progress:
        result = run(request, on_progress, print_message)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(result), default=str))
    else:
        print_result(result, request.seed)
    if profile:
        _print_profile(result.out, as_json)
    return 1 if result.missing else 0


def _build_default_library(request: Request) -> None:
    """Make the built-in models if no library was named and the default one does not exist yet."""
    from scenegen.core.dataset.checks import check_request
    from scenegen.core.preset.preset_file import load_preset

    if request.library.exists():
        return
    check_request(request)
    preset = load_preset(request.preset, request.views)
    print_message(f"no models at {request.library} yet: building the built-in ones, once")
    from scenegen.cli.assets.build import build

    with redirect_stdout(sys.stderr):
        click.get_current_context().invoke(
            build, library=request.library, workers=None, preset="street" if preset.street else "studio"
        )


def _print_profile(out: Path, as_json: bool) -> None:
    from scenegen.steps.stats import read_timings

    seconds = read_timings(out)
    whole = sum(seconds.values())
    click.echo(f"{'stage':10} {'s per scene':>11} {'share':>7}", err=as_json)
    for stage, mean in seconds.items():
        click.echo(f"{stage:10} {mean:11.3f} {mean / whole if whole else 0.0:7.1%}", err=as_json)
    click.echo(f"{'all':10} {whole:11.3f}", err=as_json)
