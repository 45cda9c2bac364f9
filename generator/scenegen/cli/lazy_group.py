"""A group of commands whose modules are imported when a command is run, so that `--help` answers at once."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True)
class LazyCommand:
    """Where a command is defined, `module` and `name` in it, and its line in the group's help."""

    module: str
    name: str
    help: str


class LazyGroup(click.Group):
    """Lists its `commands_elsewhere` from the table alone; imports the module of the one that is asked for."""

    def __init__(self, *arguments: Any, commands_elsewhere: Mapping[str, LazyCommand], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.commands_elsewhere = commands_elsewhere

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click names it
        """The names in alphabetical order."""
        return sorted(self.commands_elsewhere)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click names it
        """Import a command; None when there is none of that name."""
        entry = self.commands_elsewhere.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = getattr(importlib.import_module(entry.module), entry.name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.commands_elsewhere[name].help) for name in self.list_commands(ctx)])
