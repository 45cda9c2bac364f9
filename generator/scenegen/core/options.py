"""Fields of a dataclass that are options of a command line: default, help text and check are written once.

`option()` declares a field. From its declaration come the option of `scenegen generate` (cli/request_options.py), the
option of blender_scripts/generate.py (`add_arguments`), the arguments that carry a value from one process to another
(`to_argv`) and the check of the value (`check_options`).

Standard library only: this runs inside Blender.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from scenegen.core.errors import UsageError

Record = TypeVar("Record")


@dataclass(frozen=True)
class Option:
    """How a field appears on a command line.

    `parse` makes the value from the text of an argument and `format` does the reverse; an option whose default is False
    takes no text. A `multiple` option may be repeated and is a tuple of all
    values. `driver` marks what concerns many Blenders at once, so that a single Blender has no such option. A
    `recorded` value decides the content of the scenes and is written to dataset.json.
    """

    help: str
    parse: Callable[[str], Any] = str
    format: Callable[[Any], str] = str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    at_least: int | None = None
    at_most: int | None = None
    required: bool = False
    driver: bool = False
    recorded: bool = False
    multiple: bool = False


def option(default: Any, help: str, **details: Any) -> Any:
    """A dataclass field with a default that is an option; `details` are fields of Option."""
    return field(default=default, metadata={"option": Option(help, **details)})


def options_of(record: Any) -> Iterator[tuple[dataclasses.Field[Any], Option]]:
    """The fields of a dataclass (or of an object) that are options, in their order."""
    for each in dataclasses.fields(record):
        if "option" in each.metadata:
            yield each, each.metadata["option"]


def flag(name: str) -> str:
    """The option of a field, such as --per-gpu."""
    return "--" + name.replace("_", "-")


def check_options(record: Any) -> None:
    """Raise UsageError for the first value that is no choice of its option, too small or large, or beyond 64 bits."""
    for each, details in options_of(record):
        value = getattr(record, each.name)
        if details.choices and value not in details.choices:
            *others, last = details.choices
            raise UsageError(f"{flag(each.name)} {value}: take {', '.join(others)} or {last}")
        if details.at_least is not None and value is not None and value < details.at_least:
            raise UsageError(f"{flag(each.name)} {value}: ask for at least {details.at_least}")
        if details.at_most is not None and value is not None and value > details.at_most:
            raise UsageError(f"{flag(each.name)} {value}: ask for at most {details.at_most}")
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            raise UsageError(f"{flag(each.name)}: give a number of at most 64 bits")


def to_argv(record: Any) -> list[str]:
    """Arguments of one Blender that give back `record` through `add_arguments` and `from_arguments`.

    Defaults and options of the driver are left out.
    """
    arguments: list[str] = []
    for each, details in options_of(record):
        value = getattr(record, each.name)
        if details.multiple:
            arguments += [part for item in value for part in (flag(each.name), details.format(item))]
        elif not details.driver and value != each.default:
            arguments += [flag(each.name)] if value is True else [flag(each.name), details.format(value)]
    return arguments


def add_arguments(parser: argparse.ArgumentParser, kind: type[Any]) -> None:
    """Add the options of a dataclass to the parser of one Blender. What is not given is None."""
    for each, details in options_of(kind):
        if each.default is False and not details.driver:
            parser.add_argument(flag(each.name), action="store_const", const=True, help=details.help)
        elif not details.driver:
            stated = each.default is not None and not details.required and not details.multiple
            default = f" (default: {details.format(each.default)})" if stated else ""
            metavar = "{" + ",".join(details.choices) + "}" if details.choices else details.metavar
            help_text = (details.help + default).replace("%", "%%")
            action = "append" if details.multiple else "store"
            parser.add_argument(flag(each.name), action=action, type=details.parse, metavar=metavar, help=help_text)


def from_arguments(kind: type[Record], arguments: argparse.Namespace) -> Record:
    """The dataclass from what its options were given as. Raises UsageError for a value that makes no sense."""
    given = {each.name: getattr(arguments, each.name, None) for each, _ in options_of(kind)}
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items() if v is not None}
    record = kind(**values)
    check_options(record)
    return record
