"""What a scene is: frozen dataclasses (scene_json.py writes and reads them).

Metres, right-handed, Z up; the floor's centre is the world origin. Cameras follow OpenCV (x right, y down,
z forward); the centre of the top-left pixel is (0.5, 0.5). Matrices are row-major nested tuples of floats.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

MOST_CELLS = 2**30
"""Of a grid; `scenegen voxelize` makes at most a quarter of it."""

FARTHEST = 1e6
"""Metres, or scale: no matrix has a larger number."""
MOST_AZIMUTHS = 65_536
"""Beams of a lidar's ring."""

FARTHEST_STEP = 65535
"""Stored depth of surfaces that many steps away or farther: the largest value of a 16-bit image."""
MOST_DEPTH_UNIT = 100
"""Millimetres per step of stored depth, at most."""
MOST_CLASSES, MOST_CLASSES_IN_GRID, MOST_OBJECTS = 255, 64, 65_534
"""A frustum cell has 8 bits, for air and one class; a packed box cell has a bit per class, at most 64; a pixel of an
instance map has 16 bits, for the background and one object.
"""

Vector = tuple[float, float, float]
Matrix3 = tuple[Vector, Vector, Vector]
Row4 = tuple[float, float, float, float]
Matrix4 = tuple[Row4, Row4, Row4, Row4]


UPWARDS: Vector = (0.0, 0.0, 1.0)

ROOM_SURFACES = ("floor", "wall", "ceiling")
"""The classes of a room's own surfaces, where a data set has them: the last three, with --with-room."""


@dataclass(frozen=True)
class GridSpec:
    """A box grid: cell (i, j, k) is the closed box from origin + voxel_size * (i, j, k), one voxel_size wide."""

    origin: Vector
    voxel_size: float
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        """ValueError for a grid without cells."""
        if not 0 < self.voxel_size < math.inf or min(self.shape) < 1:
            raise ValueError(f"voxel_size {self.voxel_size}, shape {self.shape}: need positive numbers")
        if math.prod(self.shape) > MOST_CELLS:
            raise ValueError(f"shape {self.shape}: more than {MOST_CELLS} cells")


@dataclass(frozen=True)
class NamedGrid:
    """A box grid beside the one of the masks: in world axes or, with `ego`, one per pose of the vehicle in its axes.

    The vehicle is the scene's rig or, without one, stands under each camera (core/scene/ego.py).
    """

    name: str
    grid: GridSpec
    ego: bool = False

    def __post_init__(self) -> None:
        """ValueError for a name that no file can have."""
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,40}", self.name):
            raise ValueError(f"name {self.name[:60]!r}: need lower-case letters, digits and -, a letter first")


@dataclass(frozen=True)
class FrustumSpec:
    """Fruxel model {z_n, z_f, d, alpha} of SSZ section 3.1 with its image-plane size; `size` is (w, h, d)."""

    near: float
    far: float
    size: tuple[int, int, int]
    hfov_deg: float

    def __post_init__(self) -> None:
        """ValueError for a frustum without cells."""
        if not 0 < self.near < self.far < math.inf:
            raise ValueError(f"near {self.near}, far {self.far}: need 0 < near < far, both finite")
        if not 0 < self.hfov_deg < 180 or min(self.size) < 1:
            raise ValueError(f"hfov_deg {self.hfov_deg}, size {self.size}: need degrees below 180, positive numbers")
        if math.prod(self.size) > MOST_CELLS:
            raise ValueError(f"size {self.size}: more than {MOST_CELLS} cells")


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; `world_to_camera` maps world metres to OpenCV camera metres."""

    name: str
    width: int
    height: int
    K: Matrix3
    world_to_camera: Matrix4
    frustum: FrustumSpec

    def __post_init__(self) -> None:
        """ValueError for a camera without an image."""
        if self.width < 1 or self.height < 1 or self.K[0][0] == 0 or self.K[1][1] == 0:
            raise ValueError(f"camera {self.name}: needs a width, a height and focal lengths that are not 0")


@dataclass(frozen=True)
class RigCamera:
    """A camera of a vehicle: `camera_to_ego` takes points of the camera (OpenCV) to the vehicle."""

    channel: str
    camera_to_ego: Matrix4


@dataclass(frozen=True)
class Lidar:
    """A spinning lidar of a vehicle, whose whole turn is taken at one moment.

    Its own axes are x right, y forward, z up. Ring n has the elevation `elevations[n]`, in degrees, lowest first; every
    ring has `azimuths` beams, the first straight ahead, clockwise seen from above. A beam gives a point where it meets
    a surface between `near` and `far` metres.
    """

    channel: str
    lidar_to_ego: Matrix4
    elevations: tuple[float, ...]
    azimuths: int
    near: float
    far: float


@dataclass(frozen=True)
class EgoPose:
    """Where a vehicle is at a key frame, `time` seconds after the first; `velocity` in m/s, world axes."""

    time: float
    ego_to_world: Matrix4
    velocity: Vector


KEY_FRAME_SECONDS = 0.5
"""Between the key frames of a rig: the 2 Hz of nuScenes."""


@dataclass(frozen=True)
class Rig:
    """The sensors of a vehicle and where it is at each key frame.

    Its axes are x forward, y left, z up, the origin on the ground under the middle of the rear axle. The scene's camera
    k is `cameras[k % len(cameras)]` at the pose k // len(cameras).
    """

    cameras: tuple[RigCamera, ...]
    lidar: Lidar | None
    poses: tuple[EgoPose, ...]


@dataclass(frozen=True)
class Bounds:
    """An axis-aligned box in world axes."""

    min: Vector
    max: Vector


@dataclass(frozen=True)
class PlacedObject:
    """One object: `matrix` maps the asset frame to the world (rotation, uniform scale, translation).

    `size` is the box [-x/2, x/2] x [-y/2, y/2] x [0, z] in the asset frame, before `matrix`. `parent` is the id of
    the object it stands on. `visible_pixels` has one count per camera and is empty until the labels are made.
    """

    id: int
    class_name: str
    asset: str
    parent: int | None
    matrix: Matrix4
    bbox: Bounds
    size: Vector
    visible_pixels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Skipped:
    """An object that found no free place in `attempts` tries and is not in the scene."""

    class_name: str
    asset: str
    attempts: int
    reason: str


@dataclass(frozen=True)
class SurfaceLook:
    """How a room surface looks: a material kind that blender_scripts can build, and its numbers."""

    kind: str
    color: Vector
    color_2: Vector
    roughness: float
    scale: float


@dataclass(frozen=True)
class LightLook:
    """An area light: place and aim in world metres, edge length in metres, power in watts, linear colour.

    `kelvin` is the colour's temperature, where it has one.
    """

    location: Vector
    target: Vector
    size: float
    power: float
    color: Vector
    kelvin: float | None = None


@dataclass(frozen=True)
class SunLook:
    """The sun: the direction that it shines from (unit vector, world axes), its angle in radians, W/m2, colour."""

    direction: Vector
    angle: float
    strength: float
    color: Vector
    kelvin: float | None = None


@dataclass(frozen=True)
class ObjectLook:
    """A shift of an object's colours: hue in turns, saturation and value in parts of what they were; roughness added.

    Only fabric, plastic and paint take the whole shift of hue, other materials a quarter.
    """

    hue: float
    saturation: float
    value: float
    roughness: float


@dataclass(frozen=True)
class NoiseLook:
    """A sensor: electrons that make white, electrons of read noise (standard deviation), seed of its noise."""

    seed: int
    full_well: float
    read_noise: float


@dataclass(frozen=True)
class CameraLook:
    """What a camera does to an image, beside its sensor's noise: nothing by default."""

    blur: float = 0.0
    """Deviation in pixels of the lens' Gaussian."""
    vignetting: float = 0.0
    """The share of the light that is missing in the corners; along a radius it grows as its square."""
    gains: Vector = (1.0, 1.0, 1.0)
    """What red, green and blue light is multiplied by: a white balance that is off."""
    jpeg: int = 0
    """The quality, from 1 to 95, of the JPEG file that the image has been; 0 for none."""


@dataclass(frozen=True)
class DistractorLook:
    """A flat object without a class on a wall or the floor: a rectangle with corners center ± u ± v (world metres).

    `kind` is "picture" or "rug", `pattern` is painted by blender_scripts in `colors`, from `seed` in [0, 1); a
    picture's frame and a rug's border are `border` metres wide and have the first colour.
    """

    kind: str
    pattern: str
    center: Vector
    u: Vector
    v: Vector
    border: float
    colors: tuple[Vector, ...]
    seed: float


@dataclass(frozen=True)
class Look:
    """All that changes the images and never the labels. Without a room, floor, walls and ceiling are None."""

    floor: SurfaceLook | None
    walls: SurfaceLook | None
    ceiling: SurfaceLook | None
    lights: tuple[LightLook, ...]
    hdri: str
    hdri_strength: float
    hdri_rotation: float
    exposure: float
    sun: SunLook | None = None
    objects: tuple[ObjectLook, ...] = ()
    noise: NoiseLook | None = None
    camera: CameraLook | None = None
    distractors: tuple[DistractorLook, ...] = ()


@dataclass(frozen=True)
class MapSpec:
    """How the maps of a scene's cameras are stored: a step of the 16-bit depth is `depth_unit` millimetres.

    `normals`: there are normal maps too.
    """

    depth_unit: int = 1
    normals: bool = False

    def __post_init__(self) -> None:
        """ValueError for a step that no data set has."""
        if not 1 <= self.depth_unit <= MOST_DEPTH_UNIT:
            raise ValueError(f"depth_unit {self.depth_unit}: need 1 to {MOST_DEPTH_UNIT} millimetres")

    @property
    def depth_step(self) -> float:
        """Metres per step of stored depth."""
        return self.depth_unit / 1000

    @property
    def farthest(self) -> float:
        """Metres from which on depth is not known: 65.535 with steps of a millimetre."""
        return FARTHEST_STEP * self.depth_unit / 1000


@dataclass(frozen=True)
class VoxelSpec:
    """What the cells of a scene's grids tell beside their classes: which object is there, and which cameras see them.

    A scene that is older than these labels has neither.
    """

    instances: bool = False
    visibility: bool = False


ALL_VOXEL_LABELS = VoxelSpec(instances=True, visibility=True)


@dataclass(frozen=True)
class Scene:
    """One complete scene: with the asset library it decides images and labels. `room` is None outdoors.

    `measured_depth`: a sensor measured depth, and 0 is where it could not; else depth is that of the objects.
    """

    seed: int
    index: int
    preset: str
    split: str
    classes: tuple[str, ...]
    grid: GridSpec | None
    room: Vector | None
    cameras: tuple[Camera, ...]
    objects: tuple[PlacedObject, ...]
    skipped: tuple[Skipped, ...]
    look: Look
    extra: dict[str, Any] = field(default_factory=dict)
    map_spec: MapSpec = MapSpec()
    voxel_spec: VoxelSpec = VoxelSpec()
    grids: tuple[NamedGrid, ...] = ()
    measured_depth: bool = False
    rig: Rig | None = None

    @property
    def has_room_surfaces(self) -> bool:
        """Whether its cells show the room's floor, walls and ceiling, too."""
        return self.room is not None and have_room_surfaces(self.classes)


def have_room_surfaces(classes: Collection[str]) -> bool:
    """Whether a data set's classes are those of --with-room: the room's own surfaces beside its objects."""
    return set(ROOM_SURFACES) <= set(classes)
