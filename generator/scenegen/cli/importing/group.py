"""The commands of `scenegen import`, by name."""

from __future__ import annotations

import click

from scenegen.cli.lazy_group import LazyCommand, LazyGroup

COMMANDS = {
    "colmap": LazyCommand(
        "scenegen.cli.importing.colmap", "colmap", "Photographs that COLMAP placed, with labelled meshes."
    ),
    "scannet": LazyCommand(
        "scenegen.cli.importing.scannet", "scannet", "Scans of ScanNet, with depth as it was measured."
    ),
}


@click.group(
    "import", cls=LazyGroup, commands_elsewhere=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
def import_() -> None:
    """Make a data set of real photographs, with the files and labels that generated ones have.

    \b
    Examples: scenegen import colmap sparse/0 --meshes objects.glb data/real
              scenegen import scannet ScanNet data/scannet
    """
