"""Writing scenes whole or not at all: each is written to a folder beside the others, which is then renamed.

Standard library and numpy only at import: this runs inside Blender. PNG files go through pillow, imported on use.
"""

from __future__ import annotations

import dataclasses
import io
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.folders import scene_path, staging_path
from scenegen.core.errors import ScenegenError
from scenegen.core.files import cannot_write, exchange, fsync, remove_folder
from scenegen.core.scene.scene import Scene
from scenegen.core.scene.scene_json import scene_to_json

if TYPE_CHECKING:
    from scenegen.core.labels.placed_meshes import Meshes

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint16]


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
        self, k: int, frustum: Bytes, depth: Words, instance: Words, normals: NDArray[np.int16] | None = None
    ) -> None:
        """Write camera k's labels, and count the pixels of each object."""
        with self.disk_errors():
            _write_png(self.folder / f"depth_{k}.png", depth)
            _write_png(self.folder / f"instance_{k}.png", instance)
            _write_npz(self.folder / f"frustum_{k}.npz", "labels", np.asfortranarray(frustum))
            if normals is not None:
                _write_npz(self.folder / f"normals_{k}.npz", "normals", normals)
        self._visible[k] = np.bincount(instance.reshape(-1))

    def masks(self, masks: NDArray[np.bool_]) -> None:
        """Write masks bool (X, Y, Z, C) and the occupancy that is their union."""
        with self.disk_errors():
            _write_masks(self.folder, masks)

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


def write_labels(writer: SceneWriter, scene: Scene, meshes: Meshes) -> None:
    """Make a scene's labels from its assets' meshes and write each at once, so one view is in memory at a time."""
    from scenegen.core.labels.box_masks import grid_masks
    from scenegen.core.labels.placed_meshes import place_meshes
    from scenegen.core.labels.view_labels import view_labels

    placed = place_meshes(scene, meshes)
    if scene.grid:
        writer.masks(grid_masks(placed, scene.grid, len(scene.classes)))
    for k, camera in enumerate(scene.cameras):
        labels = view_labels(placed, camera, scene.room, scene.map_spec)
        writer.view(k, labels.frustum, labels.depth, labels.instance, labels.normals)


def replace_labels(
    out: Path, scene: Scene, masks: NDArray[np.bool_] | None, frusta: Iterable[NDArray[np.uint8]]
) -> None:
    """Replace the voxel labels and scene.json of a finished scene; `frusta` has one array per camera.

    A full copy is made beside it and the two are exchanged; after a kill in between, `remove_leftovers` repairs it.
    """
    folder = scene_path(out, scene.index)
    retired = staging_path(out, "retired", scene.index)
    with SceneWriter(out, scene.index) as writer, writer.disk_errors():
        made_again = {
            "scene.json",
            "masks.npy",
            "occupancy.npy",
            *(f"frustum_{k}.npz" for k in range(len(scene.cameras))),
        }
        for path in sorted(folder.iterdir()):
            if path.name not in made_again:  # the user's own files stay, too
                _keep(path, writer.folder / path.name)
        if masks is not None:
            writer.masks(masks)
        for k, labels in enumerate(frusta):
            _write_npz(writer.folder / f"frustum_{k}.npz", "labels", np.asfortranarray(labels))
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
    (folder / "occupancy.npy").write_bytes(_npy(masks.any(axis=-1)))
    (folder / "masks.npy").write_bytes(_npy(masks))


def _npy(array: NDArray[Any]) -> memoryview:
    """What np.save writes, in memory: np.save to a file does not report why the disk failed."""
    content = io.BytesIO()
    np.save(content, array)
    return content.getbuffer()


def _write_npz(path: Path, name: str, array: NDArray[Any]) -> None:
    """What np.savez_compressed writes of one array, and always the same bytes.

    Frusta come in Fortran order, depth slowest: slice after slice compresses to a quarter, in half the time.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(f"{name}.npy")
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, _npy(array))


def _write_png(path: Path, pixels: NDArray[np.uint16]) -> None:
    from PIL import Image

    Image.fromarray(np.ascontiguousarray(pixels, dtype=np.uint16)).save(path, compress_level=1)


def _fsync_folder(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        fsync(path)
    fsync(folder)
