"""Presets: what kind of scene to make, read from presets/NAME.toml or from a TOML file of the user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenegen.errors import ScenegenError, UsageError
from scenegen.scene import FrustumSpec, GridSpec, Vector

PRESETS = Path(__file__).parent / "presets"
BOX_MODES = ("oriented", "axis_aligned")


@dataclass(frozen=True)
class ClassRule:
    """How many objects of a class a scene may hold, and where they are meant to stand.

    With `on_chance` an object is meant to stand on one of the classes `on`, with `floor_chance` on the floor, else it
    stays away. A class with an empty `on` always stands on the floor.
    """

    name: str
    maximum: int
    on: tuple[str, ...]
    on_chance: float
    floor_chance: float


@dataclass(frozen=True)
class CameraPlace:
    """Where a camera is fixed and the point it looks at, in world metres, before the jitter."""

    name: str
    position: Vector
    target: Vector


@dataclass(frozen=True)
class CameraRig:
    """The cameras of a preset: `hfov` in degrees, the rest in metres.

    No object comes nearer to a camera than `clear`; a jitter moves each coordinate by at most that much.
    """

    hfov: float
    clear: float
    position_jitter: float
    target_jitter: float
    places: tuple[CameraPlace, ...]


@dataclass(frozen=True)
class Preset:
    """A kind of scene: a room x in ±room[0]/2, y in ±room[1]/2, z in [0, room[2]], and what may stand in it.

    `objects` is the fewest and the most wished for in one scene, `scale` the range of each object's size factor,
    `boxes` one of BOX_MODES, `grid` None where a preset has no box grid.
    """

    name: str
    room: Vector | None
    image_size: tuple[int, int]
    objects: tuple[int, int]
    boxes: str
    attempts: int
    scale: tuple[float, float]
    grid: GridSpec | None
    frustum: FrustumSpec
    cameras: CameraRig
    rules: tuple[ClassRule, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their indices in the labels."""
        return tuple(rule.name for rule in self.rules)


def load_preset(name_or_path: str | Path) -> Preset:
    """A preset that comes with scenegen, by its name, or a .toml file by its path.

    UsageError when there is none of that name; ScenegenError naming the file and the key that is wrong.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        known = sorted(p.stem for p in PRESETS.glob("*.toml"))
        if str(name_or_path) not in known:
            raise UsageError(f"unknown preset {str(name_or_path)!r}; known: {', '.join(known)}, or the path of a .toml")
        path = PRESETS / f"{name_or_path}.toml"
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot read this preset: {getattr(error, 'strerror', None) or error}") from error
    return _preset(_Table(body, path, ""))


class _Table:
    """A TOML table that is read key by key; every error names the file and the key."""

    def __init__(self, body: Mapping[str, Any], file: Path, prefix: str) -> None:
        self.body = dict(body)
        self.file = file
        self.prefix = prefix

    def error(self, key: str, wrong: str) -> ScenegenError:
        return ScenegenError(f"{self.file}: {self.prefix}{key}: {wrong}")

    def take(self, key: str, default: Any = None) -> Any:
        value = self.body.pop(key, default)
        if value is None:
            raise self.error(key, "is missing")
        return value

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        return self._number(key, self.take(key, default), low, high)

    def integer(self, key: str, low: int, high: int) -> int:
        return self._integer(key, self.take(key), low, high)

    def text(self, key: str, options: tuple[str, ...] = ()) -> str:
        value = self.take(key)
        if not isinstance(value, str) or not value or (options and value not in options):
            raise self.error(key, f"expected {' or '.join(map(repr, options)) or 'a text'}, found {value!r}")
        return value

    def numbers(self, key: str, count: int, low: float, high: float) -> tuple[float, ...]:
        return tuple(self._number(key, v, low, high) for v in self.items(key, count))

    def integers(self, key: str, count: int, low: int, high: int) -> tuple[int, ...]:
        return tuple(self._integer(key, v, low, high) for v in self.items(key, count))

    def items(self, key: str, count: int | None = None, default: list[Any] | None = None) -> list[Any]:
        value = self.take(key, default)
        if not isinstance(value, list) or (count is not None and len(value) != count):
            raise self.error(key, f"expected a list{f' of {count}' if count else ''}, found {value!r}")
        return value

    def table(self, key: str) -> _Table:
        return self._table(key, self.take(key))

    def tables(self, key: str) -> list[_Table]:
        values = self.items(key)
        if not values:
            raise self.error(key, "is empty; name at least one")
        return [self._table(f"{key}[{n}]", value) for n, value in enumerate(values)]

    def done(self) -> None:
        for key in self.body:
            raise self.error(key, "unknown key; remove it")

    def _table(self, key: str, value: Any) -> _Table:
        if not isinstance(value, dict):
            raise self.error(key, f"expected a table, found {value!r}")
        return _Table(value, self.file, f"{self.prefix}{key}.")

    def _number(self, key: str, value: Any, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.error(key, f"expected a number from {low:g} to {high:g}, found {value!r}")
        return float(value)

    def _integer(self, key: str, value: Any, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(key, f"expected a whole number from {low} to {high}, found {value!r}")
        return value


def _preset(table: _Table) -> Preset:
    room = _vector(table, "room", 0.5, 100.0)
    width, height = table.integers("image_size", 2, 16, 8192)
    fewest, most = table.integers("objects", 2, 1, 1000)
    small, large = table.numbers("scale", 2, 0.01, 100.0)
    if fewest > most:
        raise table.error("objects", f"the fewest ({fewest}) are more than the most ({most})")
    if small > large:
        raise table.error("scale", f"the smallest ({small:g}) is above the largest ({large:g})")
    rules = _rules(table)
    if not any(rule.floor_chance and rule.maximum for rule in rules):
        raise table.error("classes", "no class stands on the floor, so no scene has an object")
    if fewest > sum(rule.maximum for rule in rules):
        raise table.error("objects", f"the fewest ({fewest}) are more than all the classes' maxima together")
    cameras = _cameras(table.table("cameras"), room)
    preset = Preset(
        name=table.file.stem,
        room=room,
        image_size=(width, height),
        objects=(fewest, most),
        boxes=table.text("boxes", BOX_MODES),
        attempts=table.integer("attempts", 1, 10_000),
        scale=(small, large),
        grid=_grid(table.table("grid")) if "grid" in table.body else None,
        frustum=_frustum(table.table("frustum"), cameras.hfov),
        cameras=cameras,
        rules=rules,
    )
    table.done()
    return preset


def _vector(table: _Table, key: str, low: float, high: float) -> Vector:
    x, y, z = table.numbers(key, 3, low, high)
    return x, y, z


def _grid(table: _Table) -> GridSpec:
    x, y, z = table.integers("shape", 3, 1, 4096)
    grid = GridSpec(_vector(table, "origin", -1000.0, 1000.0), table.number("voxel_size", 1e-3, 10.0), (x, y, z))
    table.done()
    return grid


def _frustum(table: _Table, hfov: float) -> FrustumSpec:
    near, far = table.number("near", 1e-3, 1000.0), table.number("far", 1e-3, 1000.0)
    w, h, d = table.integers("size", 3, 1, 4096)
    if near >= far:
        raise table.error("near", f"{near:g} is not below far, {far:g}")
    table.done()
    return FrustumSpec(near, far, (w, h, d), hfov)


def _cameras(table: _Table, room: Vector) -> CameraRig:
    places = table.tables("places")
    rig = CameraRig(
        hfov=table.number("hfov", 1.0, 170.0),
        clear=table.number("clear", 0.0, 100.0),
        position_jitter=table.number("position_jitter", 0.0, 10.0),
        target_jitter=table.number("target_jitter", 0.0, 10.0),
        places=tuple(
            CameraPlace(p.text("name"), _vector(p, "position", -100, 100), _vector(p, "target", -100, 100))
            for p in places
        ),
    )
    table.done()
    for place, source in zip(rig.places, places, strict=True):
        source.done()
        x, y, z = place.position
        jitter = rig.position_jitter
        inside = abs(x) + jitter < room[0] / 2 and abs(y) + jitter < room[1] / 2 and jitter < z < room[2] - jitter
        if not inside:
            raise source.error("position", f"{list(place.position)} is not inside the room with its jitter")
        reach = rig.position_jitter + rig.target_jitter
        if all(abs(p - t) <= reach for p, t in zip(place.position[:2], place.target[:2], strict=True)):
            raise source.error("target", "lies straight above or below the position; no camera can be aimed so")
    return rig


def _rules(table: _Table) -> tuple[ClassRule, ...]:
    rules: list[ClassRule] = []
    sources = table.tables("classes")
    names = [source.text("name") for source in sources]
    for name, source in zip(names, sources, strict=True):
        on = tuple(source.items("on", default=[]))
        chances = (source.number("on_chance", 0, 1), source.number("floor_chance", 0, 1)) if on else (0.0, 1.0)
        rule = ClassRule(name, source.integer("maximum", 0, 1000), on, *chances)
        source.done()
        if names.count(name) > 1:
            raise source.error("name", f"{name!r} is there twice")
        for parent in on:
            if parent not in names:
                raise source.error("on", f"{parent!r} is no class of this preset")
        if sum(chances) > 1:
            raise source.error("on_chance", "with floor_chance it is above 1")
        rules.append(rule)
    if len(stacking_order(rules)) < len(rules):
        raise table.error("classes", "these stand on each other in a circle; mend their `on`")
    return tuple(rules)


def stacking_order(rules: tuple[ClassRule, ...] | list[ClassRule]) -> dict[str, int]:
    """Class to level: 0 stands on the floor alone, n + 1 above the highest level of its parents.

    Classes that stand on each other in a circle have no level and are left out.
    """
    levels: dict[str, int] = {}
    for _ in rules:
        for rule in rules:
            if all(parent in levels for parent in rule.on):
                levels[rule.name] = 1 + max((levels[parent] for parent in rule.on), default=-1)
    return levels
