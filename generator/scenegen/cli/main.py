"""The command line `scenegen`: its commands by name, and how errors become exit statuses."""

from __future__ import annotations

import gc
import sys

import click

from scenegen import __version__
from scenegen.cli.lazy_group import LazyCommand, LazyGroup
from scenegen.cli.options import print_message
from scenegen.core.errors import ScenegenError, SeveralErrors, UsageError
from scenegen.core.interrupts import MESSAGE, STATUS, end_promptly, kill_children

COMMANDS = {
    "assets": LazyCommand("scenegen.cli.assets.group", "assets", "Prepare the models that scenes are made of."),
    "blender-setup": LazyCommand(
        "scenegen.cli.blender_setup", "blender_setup", "Install the modules that your own Blender needs."
    ),
    "cameras": LazyCommand(
        "scenegen.cli.cameras", "cameras", "Search camera places from which most of a room is seen."
    ),
    "doctor": LazyCommand("scenegen.cli.doctor", "doctor", "Check this machine, and measure what N scenes would cost."),
    "export": LazyCommand("scenegen.cli.export", "export", "Write a data set in a format of other programs."),
    "generate": LazyCommand(
        "scenegen.cli.generate", "generate", "Make a data set; the same command again makes what is missing."
    ),
    "import": LazyCommand(
        "scenegen.cli.importing.group", "import_", "Make a data set of photographs: COLMAP's models, ScanNet."
    ),
    "pack": LazyCommand("scenegen.cli.pack", "pack", "Pack a data set into WebDataset tar shards."),
    "presets": LazyCommand("scenegen.cli.presets", "presets", "List the presets, or print one to change it."),
    "preview": LazyCommand("scenegen.cli.preview", "preview", "Draw every scene, and a page that opens offline."),
    "score": LazyCommand(
        "scenegen.cli.score", "score", "Score anyone's predictions of a data set: IoU, RayIoU, panoptic quality."
    ),
    "stats": LazyCommand(
        "scenegen.cli.stats", "stats", "Count objects, classes, occupancy, visibility, time and size."
    ),
    "verify": LazyCommand("scenegen.cli.verify", "verify", "Check every promise of the format on every scene."),
    "view": LazyCommand("scenegen.cli.view", "view", "Look through a data set in a browser: images, labels, voxels."),
    "voxelize": LazyCommand(
        "scenegen.cli.voxelize", "voxelize", "Make the voxel labels again at another grid, without rendering."
    ),
}


@click.group(
    cls=LazyGroup,
    commands_elsewhere=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="scenegen")
def cli() -> None:
    """Labelled 3D rooms and streets: images, depth, instances and voxel labels.

    \b
    Example: scenegen generate --preset studio --scenes 8 --out data/studio
    """


def main() -> None:
    """Run the command line; exit status 0, 1 (the work failed), 2 (bad arguments) or 130 (interrupted)."""
    gc.set_threshold(50_000)  # loading modules makes many objects and no garbage: looking for it takes 0.1 s
    hear_as_before = end_promptly()
    try:
        status = cli.main(prog_name="scenegen", standalone_mode=False)
    except click.Abort:
        print_message(MESSAGE)
        kill_children()
        status = STATUS
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else error.message, err=True)
        status = 2
    except click.ClickException as error:
        print_message(error.format_message())
        status = error.exit_code
    except ScenegenError as error:
        for line in error.args if isinstance(error, SeveralErrors) else [error]:
            print_message(str(line))
        status = 2 if isinstance(error, UsageError) else 1
    if status != STATUS:  # after Ctrl-C, Python's own end may take too long
        hear_as_before()
    sys.exit(status)


if __name__ == "__main__":
    main()
