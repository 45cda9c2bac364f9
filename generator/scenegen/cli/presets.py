"""`scenegen presets`: the presets that come with scenegen, and the text of one to start a file of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from scenegen.core.preset.preset import Preset


@click.command()
@click.argument("name", required=False)
def presets(name: str | None) -> int:
    """List the presets, or print the one called NAME with its comments.

    A preset says what scenes look like: room or street, cameras, grids, classes. Print one into a file, change it, and
    pass the file to --preset.

    \b
    Examples: scenegen presets
              scenegen presets studio > my_room.toml
              scenegen generate --preset my_room.toml --scenes 8
    """
    from scenegen.core.preset.preset_file import load_preset, preset_names, preset_text

    if name is not None:
        click.echo(preset_text(name), nl=False)
        return 0
    formatter = click.HelpFormatter(width=min(100, click.get_current_context().make_formatter().width))
    formatter.write_dl([(known, _summary(load_preset(known))) for known in preset_names()])
    click.echo(formatter.getvalue(), nl=False)
    return 0


def _summary(preset: Preset) -> str:
    width, height = preset.image_size
    views = f"{preset.views} view{'s' if preset.views != 1 else ''} of {width}x{height} a scene"
    grids = f"frusta of {'x'.join(map(str, preset.frustum.size))}"
    if preset.grid is not None:
        grids = f"a grid of {'x'.join(map(str, preset.grid.shape))} and {grids}"
    return f"{preset.layout}; {views}; {grids}; {', '.join(preset.classes)}"
