"""What kind of scene to make: frozen dataclasses (preset_file.py reads them from TOML)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from scenegen.core.scene.scene import UPWARDS, FrustumSpec, GridSpec, NamedGrid, Vector

BOX_MODES = ("oriented", "axis_aligned")
LAYOUTS = ("room", "street", "showcase")
ADDED_LATER = {"added_later": True}
"""Marks a field that presets did not have at first: with its default, a preset's checksum is what it was without it."""


@dataclass(frozen=True)
class ClassRule:
    """How many objects of a class a scene may hold, of which classes of assets, and where they are meant to stand.

    An object is meant to stand on one of the classes `on` with probability `on_chance`, on the floor with
    `floor_chance`; otherwise it is left out. A class with an empty `on` always stands on the floor.
    """

    name: str
    maximum: int
    on: tuple[str, ...]
    on_chance: float
    floor_chance: float
    assets: tuple[str, ...] = ()

    @property
    def asset_classes(self) -> tuple[str, ...]:
        """The library's classes that its objects are drawn from: its own, unless `assets` names others."""
        return self.assets or (self.name,)


@dataclass(frozen=True)
class CameraPlace:
    """Where a camera is fixed and the point it looks at, in world metres, before the jitter.

    `up` points to the top of its image. What is None is as the rig has it for all cameras.
    """

    name: str
    position: Vector
    target: Vector
    up: Vector = field(default=UPWARDS, metadata=ADDED_LATER)
    hfov: float | None = field(default=None, metadata=ADDED_LATER)
    position_jitter: float | None = field(default=None, metadata=ADDED_LATER)
    target_jitter: float | None = field(default=None, metadata=ADDED_LATER)


@dataclass(frozen=True)
class CameraRig:
    """The cameras of a preset: `hfov` in degrees, the rest in metres.

    No object comes nearer to a camera than `clear`; a jitter moves each coordinate by at most that much. Only a room
    has `places`: elsewhere every view has a camera of its own.
    """

    hfov: float
    clear: float
    position_jitter: float
    target_jitter: float
    places: tuple[CameraPlace, ...]

    def hfov_at(self, place: CameraPlace | MountedCamera) -> float:
        """A camera's horizontal field of view in degrees."""
        return self.hfov if place.hfov is None else place.hfov

    def position_jitter_at(self, place: CameraPlace) -> float:
        """How far each coordinate of a camera's position may move, in metres."""
        return self.position_jitter if place.position_jitter is None else place.position_jitter

    def target_jitter_at(self, place: CameraPlace) -> float:
        """How far each coordinate of a camera's target may move, in metres."""
        return self.target_jitter if place.target_jitter is None else place.target_jitter


@dataclass(frozen=True)
class Street:
    """The settings that only a street has; each pair is a range.

    `blocks`: slabs of road (10 m) between its two junctions. `eye` in metres above the ground under the camera, `pitch`
    in degrees above the horizon. `aimed` is the share of views that look at an object drawn class by class, so that
    rare classes are seen; the rest look along or across the street from anywhere. The last three are of views that
    belong to no vehicle.
    """

    blocks: tuple[int, int]
    eye: tuple[float, float] = (0.0, 0.0)
    pitch: tuple[float, float] = (0.0, 0.0)
    aimed: float = 0.0


@dataclass(frozen=True)
class MountedCamera:
    """A camera of a vehicle: metres forward, left and up from the ground under the middle of the rear axle.

    `yaw` is in degrees to the left of ahead, `pitch` above the horizon; `hfov` None is as the preset has it.
    """

    name: str
    position: Vector
    yaw: float
    pitch: float
    hfov: float | None


@dataclass(frozen=True)
class MountedLidar:
    """A lidar of a vehicle, placed as its cameras: `beams` rings evenly between two elevations in degrees.

    Each ring has `azimuths` beams per turn; `range` is the nearest and the farthest metre that it measures.
    """

    name: str
    position: Vector
    elevation: tuple[float, float]
    beams: int
    azimuths: int
    range: tuple[float, float]


@dataclass(frozen=True)
class Vehicle:
    """What carries the cameras of a street along a lane. No image and no label shows it.

    `speed` in m/s is that of its first and its last key frame, drawn from this range; it gains or loses speed evenly.
    `front` and `back` are metres from its rear axle to its ends, `width` is across: all that it drives through is free.
    """

    speed: tuple[float, float]
    front: float
    back: float
    width: float
    cameras: tuple[MountedCamera, ...]
    lidar: MountedLidar | None


@dataclass(frozen=True)
class Showcase:
    """The settings that only a showcase has, where objects are seen from around; each pair is a range.

    `elevation` of the cameras above their target, in degrees; `distance` from it in metres. Objects stand within
    `radius` metres of the origin; `size` is their longest side in metres, whatever it is in the library.
    """

    elevation: tuple[float, float]
    distance: tuple[float, float]
    radius: float
    size: tuple[float, float]


@dataclass(frozen=True)
class Preset:
    """A kind of scene, and what may stand in it.

    `layout` is one of LAYOUTS: a room x in ±room[0]/2, y in ±room[1]/2, z in [0, room[2]], or with `street` or
    `showcase` in the open, where `room` is None. `views` is how many cameras a scene has. `objects` is the fewest and
    the most wished for in one scene (a street goes by its classes alone), `scale` the range of each object's size
    factor, `boxes` one of BOX_MODES, `grid` None where a preset has no box grid, `grids` those beside it. Of a
    `vehicle`, `views` is a multiple of the number of its cameras.
    """

    name: str
    layout: str
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
    views: int
    street: Street | None = None
    showcase: Showcase | None = None
    vehicle: Vehicle | None = field(default=None, metadata=ADDED_LATER)
    grids: tuple[NamedGrid, ...] = field(default=(), metadata=ADDED_LATER)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their indices in the labels."""
        return tuple(rule.name for rule in self.rules)

    @property
    def frusta(self) -> frozenset[FrustumSpec]:
        """The frustum grids of its cameras: one where all have the same field of view."""
        places = self.vehicle.cameras if self.vehicle else self.cameras.places
        angles = {self.cameras.hfov_at(place) for place in places} or {self.cameras.hfov}
        return frozenset(replace(self.frustum, hfov_deg=angle) for angle in angles)

    @property
    def asset_classes(self) -> frozenset[str]:
        """The library's classes that objects are drawn from."""
        return frozenset(name for rule in self.rules for name in rule.asset_classes)


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
