"""One scene of a data set in folders, read lazily: a file is opened when it is asked for.

Standard library and numpy only at import: this runs inside Blender. PNG files go through pillow, imported on use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.shards import pack_masks
from scenegen.core.decoding import decode_npy, decode_npz, decode_png, whole_image
from scenegen.core.errors import DamageError, NewerFormatError, ScenegenError
from scenegen.core.json_values import CHECK_DISK
from scenegen.core.labels.grid_files import GridLabels, file_of
from scenegen.core.labels.lidar_points import LidarPoints, decode_lidar, lidar_file
from scenegen.core.labels.normals import normals_from_steps
from scenegen.core.labels.object_poses import ObjectInView, objects_in_view
from scenegen.core.scene.ego import ego_count
from scenegen.core.scene.scene import Camera, GridSpec, MapSpec, PlacedObject, Scene
from scenegen.core.scene.scene_json import scene_from_json

T = TypeVar("T")
U = TypeVar("U", bound=np.generic)


class StoredScene:
    """One scene, read lazily: a file is opened when it is asked for, and only scene.json is kept.

    `read` gives a file's content by its name, `name` is the scene's place in messages, `advice` is what to do about a
    file that is missing or damaged. Every member raises DamageError, which names the file, when its file is one of
    these, and NewerFormatError when scene.json is of a format that a later scenegen writes. Once `scene` was read, an
    array must have the shape that it asks for, or its file is damaged. `map_spec` is what dataset.json
    says of the maps (default: what scene.json says).
    """

    def __init__(self, name: str, read: Callable[[str], bytes], advice: str, map_spec: MapSpec | None = None) -> None:
        self.name = name
        self._read = read
        self.advice = advice
        self._map_spec = map_spec

    @cached_property
    def scene(self) -> Scene:
        """All of scene.json."""
        return self._parse("scene.json", scene_from_json)

    @property
    def scene_json(self) -> bytes:
        """scene.json as it was written."""
        return self._parse("scene.json", bytes)

    @property
    def index(self) -> int:
        """The scene's index in its data set (its position too, unless scenes are missing)."""
        return self.scene.index

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; a class's index is its channel in `masks` and its value in `frustum(k)` less one."""
        return self.scene.classes

    @property
    def grid(self) -> GridSpec | None:
        """The box grid of `occupancy` and `masks`; None if the preset has none."""
        return self.scene.grid

    @property
    def cameras(self) -> tuple[Camera, ...]:
        """The cameras, in the order of the images."""
        return self.scene.cameras

    @property
    def objects(self) -> tuple[PlacedObject, ...]:
        """The objects, in the order they were placed."""
        return self.scene.objects

    def objects_in_view(self, k: int) -> tuple[ObjectInView, ...]:
        """The objects that camera k sees or has in its frustum, with their poses from there and visible pixels."""
        return objects_in_view(self.scene, k)

    @property
    def images(self) -> list[NDArray[np.uint8]]:
        """One uint8 (H, W, 3) per camera, sRGB."""
        return [self.image(k) for k in range(len(self.cameras))]

    def image(self, k: int) -> NDArray[np.uint8]:
        """Camera k's image, uint8 (H, W, 3), sRGB."""
        image = self._parse(f"image_{k}.png", lambda content: decode_png(content, ("RGB",)).astype(np.uint8))
        return self._fitting(image, f"image_{k}.png", lambda scene: (*_image_shape(scene, k), 3))

    def encoded_image(self, k: int) -> bytes:
        """Camera k's image as it is stored: the bytes of a PNG file, or of a JPEG file in packed data sets."""
        return self._parse(f"image_{k}.png", bytes)

    def whole_image(self, k: int) -> bytes:
        """The same, once it is known that it is whole."""
        return self._parse(f"image_{k}.png", whole_image)

    @property
    def map_spec(self) -> MapSpec:
        """How depth is stored, and whether there are normals."""
        return self._map_spec or self.scene.map_spec

    def depth_steps(self, k: int) -> NDArray[np.uint16]:
        """Camera k's depth as stored, uint16 (H, W): steps of `map_spec.depth_unit` millimetres along the optical axis.

        0 = nothing hit, 65535 = that far or farther.
        """
        return self._fitting(
            self._sixteen_bit(f"depth_{k}.png"), f"depth_{k}.png", lambda scene: _image_shape(scene, k)
        )

    def depth_mm(self, k: int) -> NDArray[np.uint16]:
        """`depth_steps` where a step is a millimetre. ScenegenError where it is not: millimetres need not fit."""
        if self.map_spec.depth_unit != 1:
            steps = f"depth has steps of {self.map_spec.depth_unit} mm"
            raise ScenegenError(f"{self.name}: {steps}; take depth(k), in metres, or depth_steps(k)")
        return self.depth_steps(k)

    def depth(self, k: int) -> NDArray[np.float32]:
        """Camera k's depth, float32 (H, W), metres along the optical axis; 0 = nothing hit, inf = `map_spec.farthest`
        metres or more.
        """
        return _metres(self.map_spec.depth_unit)[self.depth_steps(k)]

    def instance(self, k: int) -> NDArray[np.uint16]:
        """Camera k's instance map, uint16 (H, W): object id + 1, 0 = background."""
        return self._fitting(
            self._sixteen_bit(f"instance_{k}.png"), f"instance_{k}.png", lambda scene: _image_shape(scene, k)
        )

    def normals(self, k: int) -> NDArray[np.float32]:
        """Camera k's normals, float32 (H, W, 3), unit vectors in its axes (x right, y down, z forward).

        That of the triangle which the pixel's centre hits, on the side that the camera sees; 0 = nothing hit.
        ScenegenError where the data set was made without --normals.
        """
        return normals_from_steps(self.normal_steps(k))

    def normal_steps(self, k: int) -> NDArray[np.int16]:
        """Camera k's normals as stored, int16 (H, W, 3): multiples of 1 / 32767. ScenegenError as `normals`."""
        if not self.map_spec.normals:
            raise ScenegenError(f"{self.name}: has no normals; make a data set with `scenegen generate --normals`")
        normals = self._parse(f"normals_{k}.npz", lambda content: decode_npz(content, "normals", np.int16, 3))
        return self._fitting(normals, f"normals_{k}.npz", lambda scene: (*_image_shape(scene, k), 3))

    @property
    def occupancy(self) -> NDArray[np.bool_]:
        """Bool (X, Y, Z): cells that any object occupies."""
        occupancy = self._parse("occupancy.npy", lambda content: decode_npy(content, np.bool_, 3))
        return self._fitting(occupancy, "occupancy.npy", grid_shape)

    @property
    def masks(self) -> NDArray[np.bool_]:
        """Bool (X, Y, Z, C): cells that each class occupies; a cell may be of several."""
        masks = self._parse("masks.npy", lambda content: decode_npy(content, np.bool_, 4))
        return self._fitting(masks, "masks.npy", lambda scene: (*grid_shape(scene), len(scene.classes)))

    @property
    def mask_bits(self) -> NDArray[Any]:
        """Unsigned integers (X, Y, Z), uint8 up to 8 classes: bit c is class c. What packed scenes hold."""
        return pack_masks(self.masks)

    def frustum(self, k: int) -> NDArray[np.uint8]:
        """Camera k's frustum labels, uint8 (w, h, d): 0 = air, else class index + 1."""
        return self._fruxels(k, "labels", np.uint8)

    @property
    def instances(self) -> NDArray[np.uint16]:
        """Uint16 (X, Y, Z): the object of each box cell, id + 1, 0 = empty; where several are, the one placed last.

        ScenegenError where the data set is older than these labels, as for all that follow.
        """
        self._must_have("instances")
        return self._voxels("instances", np.uint16)

    @property
    def visibility(self) -> NDArray[np.uint8]:
        """Uint8 (X, Y, Z): what the cameras together see of each box cell.

        0 = in no view, 1 = seen free, 2 = a surface in it is seen, 3 = hidden or inside.
        """
        self._must_have("visibility")
        return self._voxels("visibility", np.uint8)

    def visibility_from(self, k: int) -> NDArray[np.uint8]:
        """The same of camera k alone."""
        self._must_have("visibility")
        return self._voxels(f"visibility_{k}", np.uint8)

    def frustum_instances(self, k: int) -> NDArray[np.uint16]:
        """Uint16 (w, h, d): the object of each cell of camera k's frustum, id + 1, 0 = air."""
        self._must_have("instances")
        return self._fruxels(k, "instances", np.uint16)

    def frustum_visibility(self, k: int) -> NDArray[np.uint8]:
        """Uint8 (w, h, d): what camera k sees of its frustum's cells, as `visibility`."""
        self._must_have("visibility")
        return self._fruxels(k, "visibility", np.uint8)

    def named_grid(self, name: str, k: int | None = None) -> GridLabels:
        """The labels of one of `scene.grids` by its name, of one that follows the cameras that of camera k.

        In a scene with a rig, k is the number of the key frame. ScenegenError where there is no grid of that name, or
        no such camera or key frame; also where k is needed and not given.
        """
        named = next((each for each in self.scene.grids if each.name == name), None)
        if named is None:
            known = ", ".join(each.name for each in self.scene.grids) or "none"
            raise ScenegenError(f"{self.name}: has no grid {name}; its grids: {known}")
        place = "key frame" if self.scene.rig else "camera"
        if k is None and named.ego:
            raise ScenegenError(f"{self.name}: has a grid {name} for each {place}; name one, named_grid({name!r}, k)")
        if k is not None and not 0 <= k < (count := ego_count(self.scene)):
            raise ScenegenError(f"{self.name}: has no {place} {k} for grid {name}; its {place}s: 0 to {count - 1}")
        file = file_of(named, k)
        return GridLabels(
            self._cells(file, "labels", np.uint8, lambda _: named.grid.shape),
            self._cells(file, "instances", np.uint16, lambda _: named.grid.shape),
            self._cells(file, "visibility", np.uint8, lambda _: named.grid.shape),
        )

    def lidar(self, n: int) -> LidarPoints:
        """What the rig's lidar measures at key frame n. ScenegenError where the scene has no lidar or key frame n."""
        rig = self.scene.rig
        if rig is None or rig.lidar is None:
            raise ScenegenError(f"{self.name}: has no lidar; `scenegen generate --preset drive` makes scenes with one")
        if not 0 <= n < len(rig.poses):
            raise ScenegenError(f"{self.name}: has no key frame {n}; its key frames: 0 to {len(rig.poses) - 1}")
        return self._parse(lidar_file(n), decode_lidar)

    def _cells(self, file: str, name: str, dtype: type[U], shape_in: Callable[[Scene], tuple[int, ...]]) -> NDArray[U]:
        """One array of an .npz file."""
        return self._fitting(self._parse(file, lambda content: decode_npz(content, name, dtype, 3)), file, shape_in)

    def _must_have(self, labels: str) -> None:
        if not getattr(self.scene.voxel_spec, labels):
            raise ScenegenError(
                f"{self.name}: has no {labels} of voxels; `scenegen voxelize` adds them to the folders of a data set"
            )

    def _voxels(self, name: str, dtype: type[U]) -> NDArray[U]:
        return self._cells("voxels.npz", name, dtype, grid_shape)

    def _fruxels(self, k: int, name: str, dtype: type[U]) -> NDArray[U]:
        return self._cells(f"frustum_{k}.npz", name, dtype, lambda scene: scene.cameras[k].frustum.size)

    def _sixteen_bit(self, file: str) -> NDArray[np.uint16]:
        return self._parse(file, decode_sixteen_bit)

    def _parse(self, file: str, decode: Callable[[bytes], T]) -> T:
        try:
            content = self._read(file)
        except FileNotFoundError as error:
            raise DamageError(f"{self.name}/{file}: missing; {self.advice}") from error
        except OSError as error:
            raise DamageError(
                f"{self.name}/{file}: cannot be read ({error.strerror or error}); {CHECK_DISK}"
            ) from error
        except ValueError as error:
            raise self._damaged(file, error) from error
        try:
            return decode(content)
        except NewerFormatError as error:
            raise NewerFormatError(f"{self.name}/{file}: {error}") from error
        except ValueError as error:  # and nothing else: a mistake of this program must not look like a damaged file
            raise self._damaged(file, error) from error

    def _fitting(self, array: NDArray[U], file: str, shape_in: Callable[[Scene], tuple[int, ...]]) -> NDArray[U]:
        """The array, once it has the shape that scene.json asks for; scene.json is not read for that alone."""
        if "scene" in self.__dict__ and array.shape != (shape := shape_in(self.scene)):
            raise self._damaged(file, ValueError(f"{array.dtype} {array.shape}, but should be {shape}"))
        return array

    def _damaged(self, file: str, error: Exception) -> DamageError:
        reason = str(error).split("\n")[0] or type(error).__name__
        return DamageError(f"{self.name}/{file}: damaged ({reason}); {self.advice}")


def _image_shape(scene: Scene, k: int) -> tuple[int, int]:
    return scene.cameras[k].height, scene.cameras[k].width


def grid_shape(scene: Scene) -> tuple[int, ...]:
    """The shape of the box grid; of a scene without one, that of no array."""
    return scene.grid.shape if scene.grid else ()


@cache
def _metres(unit: int) -> NDArray[np.float32]:
    """Every stored depth in metres, float32 (65536,)."""
    metres = (np.arange(2**16) * unit / 1000).astype(np.float32)
    metres[-1] = np.inf
    return metres


def decode_sixteen_bit(content: bytes) -> NDArray[np.uint16]:
    """A depth or instance map of a PNG file, uint16 (H, W). ValueError when it is none."""
    return decode_png(content, ("I;16", "I")).astype(np.uint16)
