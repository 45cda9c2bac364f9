"""Writing scenes whole or not at all: each is written to a folder beside the others, which is then renamed.

Standard library and numpy only at import: this runs inside Blender. PNG files go through pillow, imported on use.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from scenegen.core.dataset.folders import scene_path, staging_path
from scenegen.core.errors import ScenegenError
from scenegen.core.files import cannot_write, exchange, fsync, remove_folder
from scenegen.core.scene.scene import Scene, VoxelSpec
from scenegen.core.scene.scene_json import scene_to_json

if TYPE_CHECKING:
    from scenegen.core.labels.placed_meshes import Meshes, PlacedMesh

GRID_FILE = re.compile(r"grid_([a-z][a-z0-9-]*)(?:_(\d+))?\.npz")
"""The name of a named grid's file: the grid's and, where it follows a camera, the camera's number."""

_header_of: Callable[[NDArray[Any]], dict[str, Any]] = npy_format.header_data_from_array_1_0
_write_header: Callable[[IO[bytes], dict[str, Any]], None] = npy_format.write_array_header_1_0

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint16]
Arrays = Mapping[str, NDArray[Any]]
"""Arrays of an .npz file, by name."""


class SceneWriter:
    """Writes one scene: its files go to `folder`, in any order and from any thread, until `finish`.

    Use it in a `with` statement: at its end, a scene that is not finished is removed. ScenegenError when the disk is
    full or not writable.
    """

    def __init__(self, out: Path, index: int) -> None:
        self._place = scene_path(out, index)
        self._index = index
        self._visible: dict[int, NDArray[np.int64]] = {}
        self.folder = staging_path(out, "writing", index)

    def __enter__(self) -> SceneWriter:
        with self.disk_errors():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # a finished one has moved
            remove_folder(self.folder)

    def images(self, images: Sequence[Path]) -> None:
        """Copy the cameras' images, PNG files, unchanged."""
        with self.disk_errors():
            for k, image in enumerate(images):
                shutil.copyfile(image, self.folder / f"image_{k}.png")

    def view(
        self,
        k: int,
        frustum: Bytes | Arrays,
        depth: Words,
        instance: Words,
        normals: NDArray[np.int16] | None = None,
    ) -> None:
        """Write camera k's labels, and count the pixels of each object.

        `frustum` has the labels (w, h, d) alone, or all arrays of frustum_K.npz by name.
        """
        with self.disk_errors():
            _write_png(self.folder / f"depth_{k}.png", depth)
            _write_png(self.folder / f"instance_{k}.png", instance)
            if normals is not None:
                _write_npz(self.folder / f"normals_{k}.npz", {"normals": normals}.items())
        self.frustum(k, frustum if isinstance(frustum, Mapping) else {"labels": frustum})
        self._visible[k] = np.bincount(instance.reshape(-1))

    def frustum(self, k: int, arrays: Arrays) -> None:
        """Write camera k's frustum: `labels` and, where the scene has them, `instances` and `visibility`."""
        with self.disk_errors():
            _write_npz(self.folder / f"frustum_{k}.npz", ((name, np.asfortranarray(a)) for name, a in arrays.items()))

    def masks(self, masks: NDArray[np.bool_]) -> None:
        """Write masks bool (X, Y, Z, C) and the occupancy that is their union."""
        with self.disk_errors():
            _write_masks(self.folder, masks)

    def voxels(self, arrays: Iterable[tuple[str, NDArray[Any]]]) -> None:
        """Write voxels.npz from what the cells of the box grid tell beside their classes, one array at a time."""
        with self.disk_errors():
            _write_npz(self.folder / "voxels.npz", arrays)

    def arrays(self, file: str, arrays: Arrays) -> None:
        """Write an .npz file: the labels of a grid beside that of the masks, or a lidar's points."""
        with self.disk_errors():
            _write_npz(self.folder / file, arrays.items())

    def finish(self, scene: Scene) -> Path:
        """Write scene.json with `visible_pixels` and move the scene to its place; one that is there already stays."""
        with self.disk_errors():
            (self.folder / "scene.json").write_text(scene_to_json(self._counted(scene)), encoding="utf-8")
            _fsync_folder(self.folder)
            try:
                self.folder.rename(self._place)
            except OSError:
                if not self._place.is_dir():
                    raise
            fsync(self._place.parent)
        return self._place

    def _counted(self, scene: Scene) -> Scene:
        counts = np.zeros((len(scene.cameras), 1 + len(scene.objects)), int)
        for k, row in enumerate(counts):
            found = self._visible[k]
            row[: len(found)] = found
        seen = counts[:, 1:].T.tolist()
        objects = [dataclasses.replace(o, visible_pixels=tuple(seen[n])) for n, o in enumerate(scene.objects)]
        return dataclasses.replace(scene, objects=tuple(objects))

    @contextmanager
    def disk_errors(self) -> Iterator[None]:
        """Turn an OSError into one clear line."""
        try:
            yield
        except OSError as error:
            raise ScenegenError(cannot_write(self._place, error)) from error


def write_labels(writer: SceneWriter, scene: Scene, meshes: Meshes, measured: Sequence[Words] | None = None) -> None:
    """Make a scene's labels from its assets' meshes and write each at once, so one view is in memory at a time.

    `measured` are the depth maps of cameras that a sensor measured; visibility is then what they say.
    """
    from scenegen.core.labels.box_masks import scene_box_labels
    from scenegen.core.labels.placed_meshes import place_meshes
    from scenegen.core.labels.view_labels import view_labels

    placed = place_meshes(scene, meshes)
    depths = []
    for k, camera in enumerate(scene.cameras):
        labels = view_labels(scene, placed, camera, measured[k] if measured else None)
        frustum: Arrays = {"labels": labels.frustum, "instances": labels.instances, "visibility": labels.visibility}
        writer.view(k, _asked_for(scene.voxel_spec, frustum), labels.depth, labels.instance, labels.normals)
        depths.append(labels.depth)
    if scene.grid:
        box = scene_box_labels(scene, scene.grid, placed)
        writer.masks(box.masks)
        write_voxels(writer, scene, box.instances, depths)
    write_grids(writer, scene, placed, depths)
    write_lidar(writer, scene, placed)


def write_voxels(writer: SceneWriter, scene: Scene, instances: Words, depths: Iterable[Words]) -> None:
    """Write what the box grid's cells tell beside their classes, if the scene has it; `depths` are its maps."""
    from scenegen.core.labels.visible_voxels import box_visibilities

    spec = scene.voxel_spec
    if spec != VoxelSpec():
        seen = box_visibilities(scene, depths) if spec.visibility else iter(())
        writer.voxels(itertools.chain([("instances", instances)] if spec.instances else [], seen))


def write_grids(writer: SceneWriter, scene: Scene, placed: Sequence[PlacedMesh], depths: Sequence[Words]) -> None:
    """Write the labels of a scene's named grids."""
    from scenegen.core.labels.grid_files import file_of, files_of
    from scenegen.core.labels.named_grids import grid_labels

    for named, k in files_of(scene):
        writer.arrays(file_of(named, k), vars(grid_labels(scene, placed, depths, named, k)))


def write_lidar(writer: SceneWriter, scene: Scene, placed: Sequence[PlacedMesh]) -> None:
    """Write what the lidar of a scene's rig measures at each key frame, if there is one."""
    from scenegen.core.labels.lidar import lidar_points
    from scenegen.core.labels.lidar_points import lidar_file

    if scene.rig and scene.rig.lidar:
        for n, pose in enumerate(scene.rig.poses):
            writer.arrays(lidar_file(n), vars(lidar_points(placed, scene.rig.lidar, pose.ego_to_world)))


def _asked_for(spec: VoxelSpec, arrays: Arrays) -> Arrays:
    """Of a frustum's arrays by name, those that a scene has."""
    return {name: array for name, array in arrays.items() if getattr(spec, name, True)}


def replace_labels(out: Path, scene: Scene, write: Callable[[SceneWriter], None]) -> None:
    """Replace the voxel labels and scene.json of a finished scene by what `write` writes.

    A full copy is made beside it and the two are exchanged; after a kill in between, `remove_leftovers` repairs it.
    """
    folder = scene_path(out, scene.index)
    retired = staging_path(out, "retired", scene.index)
    with SceneWriter(out, scene.index) as writer, writer.disk_errors():
        made_again = {
            "scene.json",
            "masks.npy",
            "occupancy.npy",
            "voxels.npz",
            *(f"frustum_{k}.npz" for k in range(len(scene.cameras))),
        }
        for path in sorted(folder.iterdir()):
            if path.name not in made_again and not GRID_FILE.fullmatch(path.name):  # the user's own files stay, too
                _keep(path, writer.folder / path.name)
        write(writer)
        (writer.folder / "scene.json").write_text(scene_to_json(scene), encoding="utf-8")
        _fsync_folder(writer.folder)
        if not exchange(writer.folder, folder):
            folder.rename(retired)
            writer.folder.rename(folder)
        fsync(folder.parent)
    with suppress(OSError):
        remove_folder(retired)


def _keep(path: Path, copy: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.copytree(path, copy, symlinks=True)
    else:
        os.link(path, copy, follow_symlinks=False)


def _write_masks(folder: Path, masks: NDArray[np.bool_]) -> None:
    for name, array in (("occupancy", np.logical_or.reduce(np.moveaxis(masks, -1, 0))), ("masks", masks)):
        with (folder / f"{name}.npy").open("wb") as file:
            _write_npy(file, array)


def _write_npy(file: IO[bytes], array: NDArray[Any]) -> None:
    """What np.save writes, which does not report why the disk failed, and copies the array twice."""
    is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    rows = np.ascontiguousarray(array.T if is_fortran else array)
    _write_header(file, _header_of(array if is_fortran else rows))
    file.write(rows.reshape(-1).view(np.uint8).data)


def _write_npz(path: Path, arrays: Iterable[tuple[str, NDArray[Any]]]) -> None:
    """What np.savez_compressed writes, and always the same bytes.

    The fastest level: the slower ones take three times as long and save a third of little. Frusta come in Fortran
    order, depth slowest, which compresses to a quarter.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays:
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            entry._compresslevel = 1  # type: ignore[attr-defined]  # which only `writestr` takes as an argument
            with archive.open(entry, "w") as file:
                _write_npy(file, array)


def _write_png(path: Path, pixels: NDArray[np.uint16]) -> None:
    from PIL import Image

    Image.fromarray(np.ascontiguousarray(pixels, dtype=np.uint16)).save(path, compress_level=1)


def _fsync_folder(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        fsync(path)
    fsync(folder)
