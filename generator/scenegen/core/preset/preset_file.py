"""Presets as TOML files: those that come with scenegen (NAME.toml beside this module) and the user's own."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

from scenegen.core.errors import UsageError
from scenegen.core.preset.preset import (
    BOX_MODES,
    LAYOUTS,
    CameraPlace,
    CameraRig,
    ClassRule,
    Preset,
    Showcase,
    Street,
    Vehicle,
    stacking_order,
)
from scenegen.core.preset.vehicle_table import read_vehicle
from scenegen.core.scene.asked_grid import named_grid
from scenegen.core.scene.classes import object_class
from scenegen.core.scene.scene import (
    MOST_CLASSES,
    MOST_CLASSES_IN_GRID,
    MOST_OBJECTS,
    UPWARDS,
    FrustumSpec,
    GridSpec,
    NamedGrid,
    Vector,
)
from scenegen.core.toml_table import TomlTable, read_toml

PRESETS = Path(__file__).parent
MOST_WISHED_FOR = 1000
MOST_VIEWS = 10_000


def load_preset(name_or_path: str | Path, views: int | None = None) -> Preset:
    """A preset that comes with scenegen, by its name, or a .toml file by its path; `views` in place of its own number.

    UsageError when no preset has this name, or `views` does not fit the preset; ScenegenError names the file and the
    key that is wrong.
    """
    path = Path(name_or_path)
    preset = _preset(read_toml(path if path.suffix == ".toml" else _own_file(str(name_or_path)), "preset"))
    if views is None:
        return preset
    if preset.layout == "room":
        raise UsageError(f"--views {views}: the cameras of preset {preset.name} are fixed in its room; leave it out")
    if not 1 <= views <= MOST_VIEWS:
        raise UsageError(f"--views {views}: ask for 1 to {MOST_VIEWS}")
    if preset.vehicle and views % (count := len(preset.vehicle.cameras)):
        raise UsageError(
            f"--views {views}: the vehicle of preset {preset.name} has {count} cameras at each key frame; ask for a "
            f"multiple of {count}, such as {-(-views // count) * count}"
        )
    return dataclasses.replace(preset, views=views)


def preset_names() -> tuple[str, ...]:
    """The presets that come with scenegen, in alphabetical order."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.toml")))


def preset_text(name: str) -> str:
    """The .toml of a preset that comes with scenegen, comments included. UsageError for another name."""
    return _own_file(name).read_text(encoding="utf-8")


def _own_file(name: str) -> Path:
    if name not in preset_names():
        known = ", ".join(preset_names())
        raise UsageError(f"unknown preset {name!r}; known: {known}, or the path of a .toml")
    return PRESETS / f"{name}.toml"


def _preset(table: TomlTable) -> Preset:
    layout = table.text("layout", LAYOUTS, "room")
    room = _vector(table, "room", 0.5, 100.0) if layout == "room" else None
    width, height = table.integers("image_size", 2, 16, 8192)
    fewest, most = (1, MOST_WISHED_FOR) if layout == "street" else table.integers("objects", 2, 1, MOST_WISHED_FOR)
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
    _check_counts(table, rules)
    cameras = _cameras(table.table("cameras"), room)
    vehicle, key_frames = read_vehicle(table.table("vehicle")) if _has_vehicle(table, layout) else (None, 0)
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
        views=_views(table, cameras, vehicle, key_frames),
        street=_street(table.table("street"), vehicle) if layout == "street" else None,
        showcase=_showcase(table.table("showcase"), cameras.clear) if layout == "showcase" else None,
        vehicle=vehicle,
        grids=_grids(table),
    )
    table.done()
    return preset


def _has_vehicle(table: TomlTable, layout: str) -> bool:
    return layout == "street" and "vehicle" in table.body


def _views(table: TomlTable, cameras: CameraRig, vehicle: Vehicle | None, key_frames: int) -> int:
    """How many cameras a scene has."""
    if vehicle is None:
        return len(cameras.places) or table.integer("views", 1, MOST_VIEWS)
    views = key_frames * len(vehicle.cameras)
    if views > MOST_VIEWS:
        raise table.error("vehicle.key_frames", f"with its cameras these are {views} views; a scene has {MOST_VIEWS}")
    return views


def _grids(table: TomlTable) -> tuple[NamedGrid, ...]:
    """The box grids beside that of the masks, written as the options `--grid` and `--ego` take them."""
    grids = []
    for key in ("grids", "egos"):
        for text in table.texts(key, "grids such as 'near=64,64,32@0.2'"):
            try:
                grids.append(named_grid(text, ego=key == "egos"))
            except UsageError as error:
                raise table.error(key, str(error)) from error
    if len({grid.name for grid in grids}) < len(grids):
        raise table.error("egos", "two grids have one name; give each a name of its own")
    return tuple(grids)


def _check_counts(table: TomlTable, rules: tuple[ClassRule, ...]) -> None:
    """Refuse what the labels have no numbers for."""
    most, where = (MOST_CLASSES_IN_GRID, ", with a box grid") if "grid" in table.body else (MOST_CLASSES, "")
    if len(rules) > most:
        raise table.error("classes", f"{len(rules)} classes, but labels hold at most {most}{where}")


def _vector(table: TomlTable, key: str, low: float, high: float) -> Vector:
    x, y, z = table.numbers(key, 3, low, high)
    return x, y, z


def _grid(table: TomlTable) -> GridSpec:
    x, y, z = table.integers("shape", 3, 1, 4096)
    grid = GridSpec(_vector(table, "origin", -1000.0, 1000.0), table.number("voxel_size", 1e-3, 10.0), (x, y, z))
    table.done()
    return grid


def _frustum(table: TomlTable, hfov: float) -> FrustumSpec:
    near, far = table.number("near", 1e-3, 1000.0), table.number("far", 1e-3, 1000.0)
    w, h, d = table.integers("size", 3, 1, 4096)
    if near >= far:
        raise table.error("near", f"{near:g} is not below far, {far:g}")
    table.done()
    return FrustumSpec(near, far, (w, h, d), hfov)


def _street(table: TomlTable, vehicle: Vehicle | None) -> Street:
    fewest, most = table.integers("blocks", 2, 1, 50)
    if fewest > most:
        raise table.error("blocks", f"the fewest ({fewest}) are more than the most ({most})")
    if vehicle:  # which has its own cameras
        table.done()
        return Street((fewest, most))
    eye, pitch, aimed = table.span("eye", 0.1, 20), table.span("pitch", -45, 45), table.number("aimed", 0, 1)
    table.done()
    return Street((fewest, most), eye, pitch, aimed)


def _showcase(table: TomlTable, clear: float) -> Showcase:
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


def _cameras(table: TomlTable, room: Vector | None) -> CameraRig:
    hfov, clear = table.number("hfov", 1.0, 170.0), table.number("clear", 0.0, 100.0)
    if room is None:
        table.done()
        return CameraRig(hfov, clear, 0.0, 0.0, ())
    jitters = table.number("position_jitter", 0.0, 10.0), table.number("target_jitter", 0.0, 10.0)
    sources = table.tables("places")
    rig = CameraRig(hfov, clear, *jitters, tuple(_place(source) for source in sources))
    table.done()
    for place, source in zip(rig.places, sources, strict=True):
        source.done()
        x, y, z = place.position
        jitter = rig.position_jitter_at(place)
        inside = abs(x) + jitter < room[0] / 2 and abs(y) + jitter < room[1] / 2 and jitter < z < room[2] - jitter
        if not inside:
            raise source.error("position", f"{list(place.position)} is not inside the room with its jitter")
        if _may_look_along_up(place, jitter + rig.target_jitter_at(place)):
            raise source.error(
                "target",
                f"the camera may look along its up, {list(place.up)}, and then nothing says where the top of its image "
                "is: move the target, or give another `up`, such as up = [0.0, 1.0, 0.0] for a camera that looks "
                "straight down",
            )
    return rig


def _place(source: TomlTable) -> CameraPlace:
    def own(key: str, low: float, high: float) -> float | None:
        return source.number(key, low, high) if key in source.body else None

    up = _vector(source, "up", -1000, 1000) if "up" in source.body else UPWARDS
    if not any(up):
        raise source.error("up", "has no direction; [0.0, 0.0, 1.0] is upright")
    return CameraPlace(
        name=source.text("name"),
        position=_vector(source, "position", -100, 100),
        target=_vector(source, "target", -100, 100),
        up=up,
        hfov=own("hfov", 1.0, 170.0),
        position_jitter=own("position_jitter", 0.0, 10.0),
        target_jitter=own("target_jitter", 0.0, 10.0),
    )


def _may_look_along_up(place: CameraPlace, reach: float) -> bool:
    """Whether some jitter makes the line of sight parallel to up: whether a line along up meets the cube of jitters.

    That line passes through the way from position to target; the cube is around the origin, `reach` metres from its
    middle to its faces.
    """
    first, last = -math.inf, math.inf
    for p, t, up in zip(place.position, place.target, place.up, strict=True):
        way = t - p
        if up == 0.0:
            if abs(way) > reach:
                return False
            continue
        ends = sorted(((-reach - way) / up, (reach - way) / up))
        first, last = max(first, ends[0]), min(last, ends[1])
    return first <= last


def _street_rules(table: TomlTable) -> tuple[ClassRule, ...]:
    """Rules of classes that have a place in a street, among them one for the ground."""
    rules = _rules(table)
    for number, rule in enumerate(rules):
        if object_class(rule.name).street is None:
            raise table.error(
                f"classes[{number}].name",
                f"{rule.name!r} has no place in a street (see `street` in classes.toml)",
            )
        if rule.on:
            raise table.error(f"classes[{number}].on", "in a street, every class has its place already; remove it")
    if sum(object_class(rule.name).is_ground and rule.maximum > 0 for rule in rules) != 1:
        raise table.error("classes", "a street needs one class of ground (ground), with a maximum above 0")
    if (objects := sum(rule.maximum for rule in rules)) > MOST_OBJECTS:
        raise table.error("classes", f"up to {objects} objects in a street; instance maps hold {MOST_OBJECTS}")
    return rules


def _rules(table: TomlTable) -> tuple[ClassRule, ...]:
    rules: list[ClassRule] = []
    sources = table.tables("classes")
    names = [source.text("name") for source in sources]
    for name, source in zip(names, sources, strict=True):
        on = source.texts("on", "classes of this preset")
        chances = (source.number("on_chance", 0, 1), source.number("floor_chance", 0, 1)) if on else (0.0, 1.0)
        drawn = source.texts("assets", "classes of the asset library")
        rule = ClassRule(name, source.integer("maximum", 0, MOST_WISHED_FOR), on, *chances, drawn)
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
        raise table.error("classes", "these stand on each other in a circle; fix their `on`")
    return tuple(rules)
