"""Presets as TOML files: those that come with scenegen (NAME.toml beside this module) and the user's own."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.preset.preset import (
    BOX_MODES,
    LAYOUTS,
    CameraPlace,
    CameraRig,
    ClassRule,
    Preset,
    Showcase,
    Street,
    stacking_order,
)
from scenegen.core.scene.scene import FrustumSpec, GridSpec, Vector

PRESETS = Path(__file__).parent
STREET_CLASSES = frozenset({"person", "car", "truck", "van", "bus", "building", "tree", "bicycle", "ground"})
MOST_OBJECTS = 1000
MOST_VIEWS = 10_000


def load_preset(name_or_path: str | Path, views: int | None = None) -> Preset:
    """A preset that comes with scenegen, by its name, or a .toml file by its path; `views` in place of its own number.

    UsageError when there is none of that name, or `views` makes no sense for it; ScenegenError naming the file and the
    key that is wrong.
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
    preset = _preset(_Table(body, path, ""))
    if views is None:
        return preset
    if preset.layout == "room":
        raise UsageError(f"--views {views}: the cameras of preset {preset.name} are fixed in its room; leave it out")
    if not 1 <= views <= MOST_VIEWS:
        raise UsageError(f"--views {views}: ask for 1 to {MOST_VIEWS}")
    return dataclasses.replace(preset, views=views)


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

    def span(self, key: str, low: float, high: float) -> tuple[float, float]:
        least, most = self.numbers(key, 2, low, high)
        if least > most:
            raise self.error(key, f"the first, {least:g}, is above the second, {most:g}")
        return least, most

    def text(self, key: str, options: tuple[str, ...] = (), default: str | None = None) -> str:
        value = self.take(key, default)
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
    layout = table.text("layout", LAYOUTS, "room")
    room = _vector(table, "room", 0.5, 100.0) if layout == "room" else None
    width, height = table.integers("image_size", 2, 16, 8192)
    fewest, most = (1, MOST_OBJECTS) if layout == "street" else table.integers("objects", 2, 1, MOST_OBJECTS)
    small, large = table.numbers("scale", 2, 0.01, 100.0)
    if fewest > most:
        raise table.error("objects", f"the fewest ({fewest}) are more than the most ({most})")
    if small > large:
        raise table.error("scale", f"the smallest ({small:g}) is above the largest ({large:g})")
    rules = _street_rules(table) if layout == "street" else _rules(table)
    if not any(rule.floor_chance and rule.maximum for rule in rules):
        raise table.error("classes", "no class stands on the floor, so no scene has an object")
    if fewest > sum(rule.maximum for rule in rules):
        raise table.error("objects", f"the fewest ({fewest}) are more than all the classes' maxima together")
    cameras = _cameras(table.table("cameras"), room)
    preset = Preset(
        name=table.file.stem,
        layout=layout,
        room=room,
        image_size=(width, height),
        objects=(fewest, most),
        boxes=table.text("boxes", BOX_MODES, "oriented"),
        attempts=table.integer("attempts", 1, 10_000),
        scale=(small, large),
        grid=_grid(table.table("grid")) if "grid" in table.body else None,
        frustum=_frustum(table.table("frustum"), cameras.hfov),
        cameras=cameras,
        rules=rules,
        views=len(cameras.places) if room else table.integer("views", 1, MOST_VIEWS),
        street=_street(table.table("street")) if layout == "street" else None,
        showcase=_showcase(table.table("showcase"), cameras.clear) if layout == "showcase" else None,
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


def _street(table: _Table) -> Street:
    fewest, most = table.integers("blocks", 2, 1, 50)
    if fewest > most:
        raise table.error("blocks", f"the fewest ({fewest}) are more than the most ({most})")
    eye, pitch, aimed = table.span("eye", 0.1, 20), table.span("pitch", -45, 45), table.number("aimed", 0, 1)
    table.done()
    return Street((fewest, most), eye, pitch, aimed)


def _showcase(table: _Table, clear: float) -> Showcase:
    shown = Showcase(
        elevation=table.span("elevation", -10, 85),
        distance=table.span("distance", 0.1, 100),
        radius=table.number("radius", 0.01, 100),
        size=table.span("size", 0.001, 100),
    )
    if shown.distance[0] - shown.radius < clear:
        raise table.error("distance", f"{shown.distance[0]:g} brings cameras nearer to objects than clear, {clear:g}")
    table.done()
    return shown


def _cameras(table: _Table, room: Vector | None) -> CameraRig:
    if room is None:
        rig = CameraRig(table.number("hfov", 1.0, 170.0), table.number("clear", 0.0, 100.0), 0.0, 0.0, ())
        table.done()
        return rig
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


def _street_rules(table: _Table) -> tuple[ClassRule, ...]:
    """Rules of classes that a street has a place for; each is there, if only with a maximum of 0."""
    rules = _rules(table)
    for number, rule in enumerate(rules):
        if rule.name not in STREET_CLASSES:
            raise table.error(f"classes[{number}].name", f"{rule.name!r} has no place in a street")
        if rule.on:
            raise table.error(f"classes[{number}].on", "in a street, every class has its place already; remove it")
    if lacking := sorted(STREET_CLASSES - {rule.name for rule in rules if rule.maximum or rule.name != "ground"}):
        raise table.error("classes", f"a street needs {', '.join(lacking)} (with maximum = 0, if there shall be none)")
    return rules


def _rules(table: _Table) -> tuple[ClassRule, ...]:
    rules: list[ClassRule] = []
    sources = table.tables("classes")
    names = [source.text("name") for source in sources]
    for name, source in zip(names, sources, strict=True):
        on = tuple(source.items("on", default=[]))
        chances = (source.number("on_chance", 0, 1), source.number("floor_chance", 0, 1)) if on else (0.0, 1.0)
        drawn = tuple(source.items("assets", default=[]))
        rule = ClassRule(name, source.integer("maximum", 0, MOST_OBJECTS), on, *chances, drawn)
        source.done()
        if names.count(name) > 1:
            raise source.error("name", f"{name!r} is there twice")
        if not all(isinstance(kind, str) for kind in drawn):
            raise source.error("assets", "expected a list of classes of the asset library")
        for parent in on:
            if parent not in names:
                raise source.error("on", f"{parent!r} is no class of this preset")
        if sum(chances) > 1:
            raise source.error("on_chance", "with floor_chance it is above 1")
        rules.append(rule)
    if len(stacking_order(rules)) < len(rules):
        raise table.error("classes", "these stand on each other in a circle; mend their `on`")
    return tuple(rules)
