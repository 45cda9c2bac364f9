"""The table [vehicle] of a preset: what carries the cameras of a street."""

from __future__ import annotations

from scenegen.core.preset.preset import MountedCamera, MountedLidar, Vehicle
from scenegen.core.scene.scene import MOST_AZIMUTHS, Vector
from scenegen.core.toml_table import TomlTable

MOST_KEY_FRAMES = 1000


def read_vehicle(table: TomlTable) -> tuple[Vehicle, int]:
    """A vehicle and its number of key frames. ScenegenError names the key that is wrong."""
    key_frames = table.integer("key_frames", 1, MOST_KEY_FRAMES)
    sources = table.tables("cameras")
    cameras = tuple(_camera(source) for source in sources)
    names = [camera.name for camera in cameras]
    lidar = _lidar(table.table("lidar")) if "lidar" in table.body else None
    for name, source in zip(names, sources, strict=True):
        if [*names, *([lidar.name] if lidar else [])].count(name) > 1:
            raise source.error("name", f"{name!r} is there twice")
    vehicle = Vehicle(
        speed=table.span("speed", 0, 100),
        front=table.number("front", 0, 30),
        back=table.number("back", 0, 30),
        width=table.number("width", 0.1, 3.5),
        cameras=cameras,
        lidar=lidar,
    )
    table.done()
    return vehicle, key_frames


def _camera(source: TomlTable) -> MountedCamera:
    camera = MountedCamera(
        name=source.name("name"),
        position=_position(source),
        yaw=source.number("yaw", -360, 360),
        pitch=source.number("pitch", -80, 80),
        hfov=source.number("hfov", 1.0, 170.0) if "hfov" in source.body else None,
    )
    source.done()
    return camera


def _lidar(table: TomlTable) -> MountedLidar:
    lidar = MountedLidar(
        name=table.name("name"),
        position=_position(table),
        elevation=table.span("elevation", -89, 89),
        beams=table.integer("beams", 1, 1024),
        azimuths=table.integer("azimuths", 1, MOST_AZIMUTHS),
        range=table.span("range", 0.0, 1000.0),
    )
    if lidar.range[0] == lidar.range[1] or (lidar.elevation[0] == lidar.elevation[1]) != (lidar.beams == 1):
        raise table.error("range", "it and elevation need two ends; one beam has an elevation of two equal numbers")
    table.done()
    return lidar


def _position(table: TomlTable) -> Vector:
    x, y, z = table.numbers("position", 3, -30, 30)
    if z <= 0:
        raise table.error("position", f"{z:g} m up is not above the ground")
    return x, y, z
