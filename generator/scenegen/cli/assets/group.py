"""The commands of `scenegen assets`, by name."""

from __future__ import annotations

import click

from scenegen.cli.lazy_group import LazyCommand, LazyGroup

COMMANDS = {
    "add": LazyCommand(
        "scenegen.cli.assets.add", "add", "Prepare model files, Sweet Home 3D libraries, ShapeNet, people."
    ),
    "build": LazyCommand("scenegen.cli.assets.build", "build", "Make the built-in models."),
    "check": LazyCommand(
        "scenegen.cli.assets.check", "check", "Count models, and report what is missing, broken or doubtful."
    ),
    "credits": LazyCommand("scenegen.cli.assets.show", "credits_", "Print the attribution that licences ask for."),
    "drop": LazyCommand("scenegen.cli.assets.check", "drop", "Remove models from the library for good."),
    "fetch": LazyCommand("scenegen.cli.assets.fetch", "fetch", "Download a manifest's models from Sketchfab."),
    "list": LazyCommand("scenegen.cli.assets.show", "list_", "List the prepared models."),
    "sheet": LazyCommand("scenegen.cli.assets.check", "sheet", "Render a contact sheet of the models."),
}


@click.group(cls=LazyGroup, commands_elsewhere=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def assets() -> None:
    """Prepare the models that scenes are made of.

    \b
    Examples: scenegen assets build
              scenegen assets add --class chair my_chairs/
              scenegen assets add /usr/share/sweethome3d/furniture/*.sh3f
    """
