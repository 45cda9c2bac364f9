"""Options that several commands share, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from scenetrain.data.coco_images import CocoChoice

F = TypeVar("F", bound=Callable[..., Any])

DIRECTORY = click.Path(path_type=Path)

run_argument = click.argument("run", metavar="RUN", type=DIRECTORY)

data_option = click.option(
    "--data", metavar="DIR", type=DIRECTORY, required=True, help="A data set made by `scenegen generate`."
)

split_option = click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Which scenes of the data set.",
)

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to compute; auto takes a GPU where there is one.",
)

model_option = click.option(
    "--model", metavar="NAME", help="Which network (default: the one that the configuration names)."
)

config_option = click.option(
    "--config",
    metavar="NAME|FILE",
    help="A configuration by name, such as first, final or tiny, or a .toml file (default: the network's own).",
)

set_option = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one setting of the configuration, such as training.epochs=3. May be given several times.",
)

workers_option = click.option(
    "--workers",
    type=click.IntRange(0),
    default=2,
    show_default=True,
    help="Processes that read scenes, for each device.",
)

_coco_options = (
    click.option(
        "--coco",
        metavar="FILE",
        type=DIRECTORY,
        help="COCO's annotations of the photographs, such as instances_train2017.json.",
    ),
    click.option(
        "--classes", metavar="NAMES", help="With --coco: only photographs that show one of these, such as car,bus."
    ),
    click.option(
        "--objects",
        type=click.Choice(["whole", "crop", "mask"]),
        help="With --coco: whole photographs (the default), a square around each object, or that with all else grey.",
    ),
)


def coco_options(command: F) -> F:
    """The options that choose among photographs by COCO's annotations; `coco_choice` reads them."""
    for option in reversed(_coco_options):
        command = option(command)
    return command


def coco_choice(coco: Path | None, classes: str | None, objects: str | None) -> CocoChoice | None:
    """What the options of `coco_options` choose. UsageError for those that need --coco, without it."""
    from scenetrain.data.coco_images import CocoChoice

    if coco is None:
        if classes is not None or objects is not None:
            raise click.UsageError("--classes and --objects choose by COCO's annotations; give them with --coco FILE")
        return None
    names = tuple(name.strip() for name in (classes or "").split(",") if name.strip())
    return CocoChoice(coco, names, objects or "whole")  # type: ignore[arg-type]  # click checks it


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
