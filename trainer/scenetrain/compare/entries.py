"""Which networks are compared: names on the command line, or a file of variants of them.

A file has one table for each row of the comparison. `network` names the family and `config` its configuration (default:
tiny); all other keys change settings of it:

    [no_6d]
    network = "ssz"
    losses.adversarial_weight = 0.0
    losses.pose_weight = 0.0
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from scenegen.core.errors import UsageError

from scenetrain.config import Config, read_toml
from scenetrain.networks.contract import Family
from scenetrain.networks.registry import family_names, get_family
from scenetrain.networks.settings import load_config

CONFIG = "tiny"
"""The configuration of a network that is named alone."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Entry:
    """One row of the comparison: its name, which is that of its folder too, and its configuration as it is written."""

    name: str
    config: Config

    @property
    def family(self) -> Family:
        """The network's record."""
        return get_family(self.config.model.name)


def read_entries(words: Sequence[str]) -> tuple[Entry, ...]:
    """NAME, NAME:CONFIG or FILE.toml each; none for every network that has a configuration `tiny`.

    UsageError for what is not known, and for a name that comes twice.
    """
    if not words:
        words = [name for name in family_names() if (get_family(name).configs / f"{CONFIG}.toml").is_file()]
    entries = [entry for word in words for entry in _read(word)]
    if not entries:
        raise UsageError(f"--networks {' '.join(words)}: no variants; give one table [NAME] for each")
    names = [entry.name for entry in entries]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"--networks: {twice} comes twice; give each network or variant once, under its own name")
    return tuple(entries)


def _read(word: str) -> Iterator[Entry]:
    if word.endswith(".toml") and ":" not in word:
        path = Path(word)
        if not path.is_file():
            raise UsageError(f"--networks {word}: no such file")
        yield from (_variant(path, name, table) for name, table in read_toml(path).items())
        return
    name, _, config = word.partition(":")
    if not name:
        raise UsageError(f"--networks {word!r}: no name; known: {', '.join(family_names())}")
    label = f"{name}_{Path(config).stem}" if config else name
    try:
        yield Entry(label, load_config(config or CONFIG, (), name))
    except UsageError as error:
        raise UsageError(f"--networks {word}: {error}") from error


def _variant(path: Path, name: str, table: Any) -> Entry:
    """An entry of a file of variants."""
    where = f"{path}: [{name}]"
    if not isinstance(table, Mapping) or not isinstance(table.get("network"), str):
        raise UsageError(f'{where}: needs network = "NAME"; known: {", ".join(family_names())}')
    if not NAME.fullmatch(name):
        raise UsageError(f"{where}: a name has letters, digits, '_', '-' and '.' alone")
    config = table.get("config", CONFIG)
    sections = {key: value for key, value in table.items() if key not in ("network", "config")}
    if not isinstance(config, str) or not all(isinstance(keys, Mapping) for keys in sections.values()):
        raise UsageError(f"{where}: write settings as section.key = value, and config as text")
    changes = [f"{section}.{key}={_toml(value)}" for section, keys in sections.items() for key, value in keys.items()]
    try:
        return Entry(name, load_config(config, changes, table["network"]))
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error


def _toml(value: Any) -> str:
    return tomli_w.dumps({"value": value}).partition("=")[2].strip()
