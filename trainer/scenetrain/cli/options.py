"""Options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path

import click

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

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
