"""Which class each label of a recording becomes: by a class map of the user's, or as it is called.

A class map is a TOML file with a line per label, such as `"office chair" = "chair"`; "" leaves a label out. Classes are
numbered in the order in which the file names them first, so that data sets of one map have the same numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scenegen.core.errors import UsageError
from scenegen.core.scene.scene import MOST_CLASSES_IN_GRID
from scenegen.core.toml_table import read_toml

MOST_NAMED = 10


@dataclass(frozen=True)
class ClassNames:
    """Classes by label, "" for labels that are left out; `file` is where it was read, None: a label is its class."""

    values: Mapping[str, str]
    file: Path | None = None

    def of(self, labels: Sequence[str], where: Path) -> dict[str, str]:
        """The class of each label that was found in the file `where`. UsageError when the map lacks one."""
        if self.file is None:
            return {label: self.values.get(label, label) for label in labels}
        if missing := [label for label in dict.fromkeys(labels) if label not in self.values]:
            some = ", ".join(map(repr, missing[:MOST_NAMED])) + (" ..." if len(missing) > MOST_NAMED else "")
            raise UsageError(
                f"{self.file}: says nothing of {some}, which {where} has; give each a line such as "
                f'"{missing[0]}" = "chair", or "" to leave it out'
            )
        return {label: self.values[label] for label in labels}

    def classes(self, found: Sequence[str]) -> tuple[str, ...]:
        """The classes of a data set in order: those of the map, or those that were found. UsageError: too many."""
        names = dict.fromkeys(value for value in self.values.values() if value) if self.file else sorted(set(found))
        if len(names) > MOST_CLASSES_IN_GRID:
            raise UsageError(
                f"{len(names)} classes, and voxels hold {MOST_CLASSES_IN_GRID}; put some together with --class-map"
            )
        return tuple(names)


AS_CALLED = ClassNames({})


def read_class_names(file: Path | None) -> ClassNames:
    """The class map in a file; without one, labels are classes. UsageError when it is no such map."""
    if file is None:
        return AS_CALLED
    body = read_toml(file, "class map").body
    for label, value in body.items():
        if not isinstance(value, str) or not re.fullmatch(r"[\w .+-]{0,60}", value):
            raise UsageError(f'{file}: {label[:60]}: expected the name of a class, such as "chair", or ""')
    if not any(body.values()):
        raise UsageError(f'{file}: names no class; give lines such as chair = "chair"')
    return ClassNames(body, file)
