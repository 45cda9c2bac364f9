"""A TOML file read key by key and strictly: every error names the file and the key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenegen.core.decoding import read_file
from scenegen.core.errors import ScenegenError, UsageError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}")
MOST_BYTES = 2**22
"""A preset has a few kB."""


class TomlTable:
    """A table of a TOML file. Each method takes one key out of it; `done` refuses the keys that nobody took.

    All raise ScenegenError where the key is missing or its value is not what is asked for.
    """

    def __init__(self, body: Mapping[str, Any], file: Path, prefix: str = "") -> None:
        self.body = dict(body)
        self.file = file
        self.prefix = prefix

    def error(self, key: str, wrong: str) -> ScenegenError:
        """The error to raise when what is `wrong` with a key is found elsewhere."""
        return ScenegenError(f"{self.file}: {self.prefix}{key[:60]}: {wrong}")

    def done(self) -> None:
        """Refuse keys that were not taken."""
        for key in self.body:
            raise self.error(key, "unknown key; remove it")

    def number(self, key: str, low: float, high: float) -> float:
        """A number from `low` to `high`, whole or not."""
        return self._number(key, self._take(key), low, high)

    def integer(self, key: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        return self._integer(key, self._take(key), low, high)

    def flag(self, key: str) -> bool:
        """True or false; false where the key is missing."""
        value = self._take(key, default=False)
        if not isinstance(value, bool):
            raise self.error(key, f"expected true or false, found {_shown(value)}")
        return value

    def text(self, key: str, options: tuple[str, ...] = (), default: str | None = None) -> str:
        """A text that is not empty, one of `options` where they are given."""
        value = self._take(key, default)
        if not isinstance(value, str) or not value or (options and value not in options):
            raise self.error(key, f"expected {' or '.join(map(repr, options)) or 'a text'}, found {_shown(value)}")
        return value

    def name(self, key: str) -> str:
        """A text that files and folders can be named after: letters, digits and _, a letter first."""
        value = self.text(key)
        if not _NAME.fullmatch(value):
            raise self.error(key, f"expected letters, digits and _, a letter first, found {_shown(value)}")
        return value

    def texts(self, key: str, meaning: str) -> tuple[str, ...]:
        """A list of texts, each a `meaning`; empty where the key is missing."""
        values = self._items(key, default=[])
        if not all(isinstance(value, str) for value in values):
            raise self.error(key, f"expected a list of {meaning}")
        return tuple(values)

    def numbers(self, key: str, count: int, low: float, high: float) -> tuple[float, ...]:
        """A list of `count` numbers, each from `low` to `high`."""
        return tuple(self._number(key, v, low, high) for v in self._items(key, count))

    def integers(self, key: str, count: int, low: int, high: int) -> tuple[int, ...]:
        """A list of `count` whole numbers, each from `low` to `high`."""
        return tuple(self._integer(key, v, low, high) for v in self._items(key, count))

    def span(self, key: str, low: float, high: float) -> tuple[float, float]:
        """A range: two numbers from `low` to `high`, the first not above the second."""
        least, most = self.numbers(key, 2, low, high)
        if least > most:
            raise self.error(key, f"the first, {least:g}, is above the second, {most:g}")
        return least, most

    def table(self, key: str) -> TomlTable:
        """A table."""
        return self._table(key, self._take(key))

    def tables(self, key: str) -> list[TomlTable]:
        """A list of at least one table."""
        values = self._items(key)
        if not values:
            raise self.error(key, "is empty; name at least one")
        return [self._table(f"{key}[{n}]", value) for n, value in enumerate(values)]

    def _take(self, key: str, default: Any = None) -> Any:
        value = self.body.pop(key, default)
        if value is None:
            raise self.error(key, "is missing")
        return value

    def _items(self, key: str, count: int | None = None, default: list[Any] | None = None) -> list[Any]:
        value = self._take(key, default)
        if not isinstance(value, list) or (count is not None and len(value) != count):
            raise self.error(key, f"expected a list{f' of {count}' if count else ''}, found {_shown(value)}")
        return value

    def _table(self, key: str, value: Any) -> TomlTable:
        if not isinstance(value, dict):
            raise self.error(key, f"expected a table, found {_shown(value)}")
        return TomlTable(value, self.file, f"{self.prefix}{key[:60]}.")

    def _number(self, key: str, value: Any, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.error(key, f"expected a number from {low:g} to {high:g}, found {_shown(value)}")
        return float(value)

    def _integer(self, key: str, value: Any, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(key, f"expected a whole number from {low} to {high}, found {_shown(value)}")
        return value


def read_toml(path: Path, what: str) -> TomlTable:
    """A TOML file's whole table. UsageError, naming the file as this `what`, when it cannot be read."""
    try:
        return TomlTable(parse_toml(read_file(path, MOST_BYTES)), path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot read this {what}: {getattr(error, 'strerror', None) or error}") from error


def parse_toml(content: bytes) -> dict[str, Any]:
    """The tables of a TOML file's content. ValueError for whatever is wrong with it."""
    try:
        return tomllib.loads(content.decode("utf-8"))
    except RecursionError:
        raise ValueError("tables or lists are nested too deeply") from None


def _shown(value: object) -> str:
    """A value, cut short."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
