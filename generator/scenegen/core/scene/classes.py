"""The one table of object classes: usual size, colour, what each stands on, its place in a street (classes.toml).

To add a class, add its table to classes.toml and name it in a preset.
"""

from __future__ import annotations

import colorsys
import functools
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scenegen.core.scene.scene import Vector
from scenegen.core.toml_table import TomlTable, read_toml

CLASSES_FILE = Path(__file__).with_name("classes.toml")
STREET_PLACES = ("ground", "row", "garden", "lane", "kerb", "walk")

LONG_WORD = 5  # letters: a word that is also meant where it is a part of another one

Color = tuple[int, int, int]
"""sRGB, 0 to 255 each."""

Range = tuple[float, float, float]
"""Metres: the least, the usual and the most."""


@dataclass(frozen=True)
class UsualSize:
    """The usual `height`, and the longest and shorter horizontal extents; `width` None: it tells nothing more."""

    height: Range
    longest: Range
    width: Range | None = None

    def fits(self, size: Vector, factor: float = 1.0) -> bool:
        """Whether a size lies within the ranges, widened by `factor` on both sides."""
        measures = ((size[2], self.height), (max(size[0], size[1]), self.longest))
        return all(least / factor <= value <= most * factor for value, (least, _, most) in measures)

    def scale_to_usual(self, size: Vector) -> float:
        """The factor that brings the dominant measure to its usual value and the other within its range.

        Where the width is known, the factor is the mean of all three: models of games are short for their height.
        """
        if self.width is not None and min(size) > 0:
            volume = self.height[1] * self.longest[1] * self.width[1]
            ranges = (self.height, self.longest, self.width)
            extents = (size[2], max(size[0], size[1]), min(size[0], size[1]))
            largest = min(most / extent for (_, _, most), extent in zip(ranges, extents, strict=True))
            return float(min((volume / (size[0] * size[1] * size[2])) ** (1 / 3), largest))
        spread = [most / least for least, _, most in (self.height, self.longest)]
        values = (size[2], max(size[0], size[1]))
        by_height = spread[0] <= spread[1]
        measures = ((values[0], self.height), (values[1], self.longest))
        (value, usual), (other, other_usual) = measures if by_height else measures[::-1]
        scale = usual[1] / value if value > 0 else 1.0
        return min(scale, other_usual[2] / other) if other > 0 else scale


@dataclass(frozen=True)
class Kind:
    """A kind of a class that the name of a model tells: its words, in lower case, and its height."""

    words: tuple[str, ...]
    height: Range

    def word_in(self, name: str) -> str | None:
        """The first of its words that a name such as "OfficeChair_2" has; None where it has none."""
        tokens = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
        return next((w for w in self.words for t in tokens if w == t or (len(w) >= LONG_WORD and w in t)), None)


@dataclass(frozen=True)
class BuiltInModels:
    """The module of scenegen.parametric that makes a class's models, such as "furniture.chair", and how many."""

    module: str
    train: int
    test: int


@dataclass(frozen=True)
class ObjectClass:
    """What scenegen knows of a class; classes.toml says what each field means."""

    name: str
    color: Color
    usual_size: UsualSize | None = None
    kinds: tuple[Kind, ...] = ()
    stands_on: tuple[str, ...] = ()
    street: str | None = None
    rooted: bool = False
    person: bool = False
    balanced: bool = False
    round: bool = False
    built_in: BuiltInModels | None = None

    @property
    def is_ground(self) -> bool:
        """Whether all else in a street stands on it."""
        return self.street == "ground"

    def kind_named(self, name: str) -> tuple[str, Range] | None:
        """The word in a model's name that tells its kind, and the height of that kind; None where no word does."""
        found = ((kind.word_in(name), kind.height) for kind in self.kinds)
        return next(((word, height) for word, height in found if word), None)

    def usual_size_of(self, name: str) -> UsualSize | None:
        """The usual size, with the height of the kind that a model's name tells."""
        kind = self.kind_named(name)
        if self.usual_size is None or kind is None:
            return self.usual_size
        return replace(self.usual_size, height=kind[1])


@functools.cache
def known_classes() -> Mapping[str, ObjectClass]:
    """The classes of classes.toml by name, in its order."""
    table = read_toml(CLASSES_FILE, "table of classes")
    return {name: _read_class(name, table.table(name)) for name in list(table.body)}


def object_class(name: str) -> ObjectClass:
    """A class by its name. Any name will do: a class that is not in the table has a colour and nothing else."""
    return known_classes().get(name) or ObjectClass(name, _color_of(name))


def class_color(name: str) -> Color:
    """The colour of a class in previews, reports and meshes."""
    return object_class(name).color


def carriers() -> frozenset[str]:
    """The classes that others stand on."""
    return frozenset(name for entry in known_classes().values() for name in entry.stands_on if name in known_classes())


def _read_class(name: str, table: TomlTable) -> ObjectClass:
    width = _range(table, "width") if "width" in table.body else None
    size = UsualSize(_range(table, "height"), _range(table, "longest"), width) if "height" in table.body else None
    entry = ObjectClass(
        name=name,
        color=_read_color(table) if "color" in table.body else _color_of(name),
        usual_size=size,
        kinds=tuple(_read_kind(each) for each in table.tables("kinds")) if "kinds" in table.body else (),
        stands_on=table.texts("stands_on", "classes, or of forms of ground"),
        street=table.text("street", STREET_PLACES) if "street" in table.body else None,
        rooted=table.flag("rooted"),
        person=table.flag("person"),
        balanced=table.flag("balanced"),
        round=table.flag("round"),
        built_in=_read_built_in(table.table("built_in")) if "built_in" in table.body else None,
    )
    table.done()
    return entry


def _read_kind(table: TomlTable) -> Kind:
    kind = Kind(table.texts("words", "words"), _range(table, "height"))
    table.done()
    return kind


def _range(table: TomlTable, key: str) -> Range:
    least, usual, most = table.numbers(key, 3, 1e-3, 1e4)
    if not least <= usual <= most:
        raise table.error(key, f"{least:g}, {usual:g}, {most:g} do not rise from the least to the most")
    return least, usual, most


def _read_color(table: TomlTable) -> Color:
    red, green, blue = table.integers("color", 3, 0, 255)
    return red, green, blue


def _read_built_in(table: TomlTable) -> BuiltInModels:
    made = BuiltInModels(table.text("module"), table.integer("train", 1, 10_000), table.integer("test", 1, 10_000))
    table.done()
    return made


def _color_of(name: str) -> Color:
    """A clear colour that depends on the name alone."""
    red, green, blue = colorsys.hsv_to_rgb(zlib.crc32(name.encode()) % 360 / 360, 0.6, 0.9)
    return round(255 * red), round(255 * green), round(255 * blue)
