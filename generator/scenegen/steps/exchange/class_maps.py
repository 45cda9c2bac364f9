"""What an export format calls each class: class_maps.toml, or the user's own file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenegen.core.asset_library import Asset
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.layout.street_ground import GROUND_FORMS, ground_form
from scenegen.core.scene.classes import known_classes, object_class
from scenegen.core.toml_table import TomlTable, read_toml

CLASS_MAPS = Path(__file__).with_name("class_maps.toml")
SAME = {"surroundocc": "occ3d", "occscannet": "monoscene-nyu"}
"""Formats that number classes as another one does, which has the table."""


@dataclass(frozen=True)
class ClassMap:
    """Names or numbers of classes, and of forms of ground ("ground/road")."""

    values: Mapping[str, Any]

    def of(self, class_name: str, asset: Asset) -> Any:
        """What an object of a class is called that shows an asset."""
        form = ground_form(asset.family)
        return self.values.get(f"{class_name}/{form}", self.values[class_name])


def read_class_map(form: str, classes: tuple[str, ...], file: Path | None, numbers: range | None) -> ClassMap:
    """The class map of a format: that of class_maps.toml, with the lines of `file` in place of its own.

    `numbers` are those that the format has; None where it has names. UsageError when a class of the data set has no
    line, and for a file with other lines than classes and their names or numbers.
    """
    defaults = read_toml(CLASS_MAPS, "table of classes").table(SAME.get(form, form))
    values = _read(defaults, numbers)
    if file is not None:
        own = read_toml(file, "class map")
        for key in own.body:
            _check_key(own, key, {*classes, *known_classes(), *values})
        try:
            values |= _read(own, numbers)
        except ScenegenError as error:  # the user's own file is an argument of the command
            raise UsageError(str(error)) from error
    for name in classes:
        if name not in values:
            example = "a number" if numbers else "a name"
            where = str(file) if file else f"the class map of {form}"
            raise UsageError(f"{where}: says nothing of the class {name}; give it {example} in a file for --class-map")
    return ClassMap(values)


def _check_key(own: TomlTable, key: str, known: set[str]) -> None:
    """UsageError for a line that no object would ever be called by."""
    name, slash, form = key.partition("/")
    wrong = ""
    if name not in known:
        wrong = "is no class that scenegen or the data set knows; correct its name"
    elif slash and not object_class(name).is_ground:
        wrong = f"the class {name} has no forms, as ground has; leave out /{form[:40]}"
    elif slash and form not in GROUND_FORMS:
        wrong = f"is no form of ground that scenegen knows ({', '.join(GROUND_FORMS)}); correct its name"
    if wrong:
        raise UsageError(str(own.error(key, wrong)))


def _read(table: TomlTable, numbers: range | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key in list(table.body):
        if numbers is not None:
            values[key] = table.integer(key, numbers.start, numbers.stop - 1)
        else:
            values[key] = table.text(key)
            if not re.fullmatch(r"\w+(\.\w+)*", values[key]):
                raise table.error(key, "needs words joined by dots, such as vehicle.car")
    return values
