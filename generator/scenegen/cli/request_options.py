"""The options of a command that come from the fields of Request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.request import Request
from scenegen.core.errors import UsageError
from scenegen.core.options import Option, check_options, flag, options_of

Command = TypeVar("Command", bound=Callable[..., Any])

PACKED = Packing("jpeg", 95, maps=False, shard_mb=250.0)
"""How `--pack` packs scenes."""


def request_options(*names: str, **defaults: Any) -> Callable[[Command], Command]:
    """Give a command the options of Request, or only those of `names`, and --pack; `defaults` replace Request's.

    An option with a default of its own is not required.
    """

    def decorate(command: Command) -> Command:
        command = click.option("--pack", metavar="DIR", help="Keep shards in this folder instead of scene folders.")(
            command
        )
        for each, details in reversed(list(options_of(Request))):
            if not names or each.name in names:
                default = defaults.get(each.name, None if details.required else each.default)
                command = _click_option(each.name, details, default)(command)
        return command

    return decorate


def _click_option(name: str, details: Option, default: Any) -> Callable[[Command], Command]:
    if default is False:
        return click.option(flag(name), is_flag=True, help=details.help)
    given = {} if default in (None, ()) else {"default": default, "show_default": True}
    return click.option(
        flag(name),
        type=click.Choice(details.choices) if details.choices else details.parse,
        required=details.required and default is None,
        metavar=details.metavar,
        multiple=details.multiple,
        help=details.help,
        **given,
    )


def to_request(options: Mapping[str, Any], *, maps: bool = False) -> Request:
    """The request from the options that `request_options` declared. Raises UsageError."""
    pack = options["pack"]
    if pack and options["out"]:
        raise UsageError("--pack keeps no folders: leave --out out")
    if maps and not pack:
        raise UsageError("--maps goes with --pack; scene folders always have the maps")
    request = Request(**{**options, "pack": None})
    check_options(request)
    return replace(request, out=Path(pack), pack=replace(PACKED, maps=maps)) if pack else request
