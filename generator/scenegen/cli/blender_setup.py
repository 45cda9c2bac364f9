"""`scenegen blender-setup`: parse, call, print."""

from __future__ import annotations

import dataclasses
import json

import click

from scenegen.cli.options import json_option


@click.command("blender-setup")
@click.option("--blender", metavar="EXE", required=True, help="The Blender to set up, such as /usr/bin/blender.")
@json_option
def blender_setup(blender: str, as_json: bool) -> int:
    """Install the modules that the labels need for your own Blender; nothing is written into Blender itself.

    \b
    Example: scenegen blender-setup --blender /usr/bin/blender
    """
    from scenegen.blender.setup import setup

    click.echo(f"{blender}: checking its modules, installing those that are missing", err=True)
    info = setup(blender)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(info)))
    else:
        modules = ", ".join(f"{name} {version}" for name, version in info.versions.items())
        click.echo(f"{info.executable}: Blender {info.version}, Python {'.'.join(map(str, info.python))}, {modules}")
    return 0
