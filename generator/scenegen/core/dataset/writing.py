"""Writing scenes so that a kill leaves none by half: each is filled in a folder beside the others and renamed.

Standard library and numpy only at import: this runs inside Blender. PNG files go through pillow, imported on use.
"""

from __future__ import annotations

import dataclasses
import io
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.folders import scene_path, staging_path
from scenegen.core.errors import ScenegenError
from scenegen.core.files import fsync
from scenegen.core.scene.scene import Scene
from scenegen.core.scene.scene_json import scene_to_json

if TYPE_CHECKING:
    from scenegen.core.labels.placed_meshes import Meshes

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint16]


class SceneWriter:
    """A scene that is being written: its files go to `folder`, in any order and from any thread, until `finish`.

    Use it as a context: on leaving, what was not finished is gone. ScenegenError when the disk is full or not writable.
    """

    def __init__(self, out: Path, index: int) -> None:
        self._place = scene_path(out, index)
        self._index = index
        self._visible: dict[int, NDArray[np.int64]] = {}
        self.folder = staging_path(out, "writing", index)

    def __enter__(self) -> SceneWriter:
        with self.refusals():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def images(self, images: Sequence[Path]) -> None:
        """Copy the cameras' images, PNG files, as they are."""
        with self.refusals():
            for k, image in enumerate(images):
                shutil.copyfile(image, self.folder / f"image_{k}.png")

    def view(self, k: int, frustum: Bytes, depth: Words, instance: Words) -> None:
        """Write camera k's labels, and count the pixels of each object."""
        with self.refusals():
            _write_png(self.folder / f"depth_{k}.png", depth)
            _write_png(self.folder / f"instance_{k}.png", instance)
            _write_npz(self.folder / f"frustum_{k}.npz", frustum)
        self._visible[k] = np.bincount(instance.reshape(-1))

    def masks(self, masks: NDArray[np.bool_]) -> None:
        """Write masks bool (X, Y, Z, C) and the occupancy that is their union."""
        with self.refusals():
            _write_masks(self.folder, masks)

    def finish(self, scene: Scene) -> Path:
        """Write scene.json, `visible_pixels` filled in, and put the scene in its place; one there already stays."""
        with self.refusals():
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
    def refusals(self) -> Iterator[None]:
        """What the disk refuses becomes one clear line."""
        try:
            yield
        except OSError as error:
            raise ScenegenError(
                f"{self._place}: cannot be written ({error.strerror or error}); "
                f"make room on the disk and run the same command again"
            ) from error


def write_labels(writer: SceneWriter, scene: Scene, meshes: Meshes) -> None:
    """Make a scene's labels from its assets' meshes and write each at once: of many views, one is in memory."""
    from scenegen.core.labels.box_masks import grid_masks
    from scenegen.core.labels.placed_meshes import place_meshes
    from scenegen.core.labels.view_labels import view_labels

    placed = place_meshes(scene, meshes)
    if scene.grid:
        writer.masks(grid_masks(placed, scene.grid, len(scene.classes)))
    for k, camera in enumerate(scene.cameras):
        labels = view_labels(placed, camera, scene.room)
        writer.view(k, labels.frustum, labels.depth, labels.instance)


def replace_labels(
    out: Path, scene: Scene, masks: NDArray[np.bool_] | None, frusta: Iterable[NDArray[np.uint8]]
) -> None:
    """Give a scene that is there other voxel labels, one frustum a camera, and the scene.json that says so.

    A full copy is made beside it and the two change places; after a kill between, `remove_leftovers` puts it right.
    """
    folder = scene_path(out, scene.index)
    retired = staging_path(out, "retired", scene.index)
    with SceneWriter(out, scene.index) as writer, writer.refusals():
        for path in sorted(folder.iterdir()):
            if path.suffix == ".png":
                os.link(path, writer.folder / path.name)
        if masks is not None:
            writer.masks(masks)
        for k, labels in enumerate(frusta):
            _write_npz(writer.folder / f"frustum_{k}.npz", labels)
        (writer.folder / "scene.json").write_text(scene_to_json(scene), encoding="utf-8")
        _fsync_folder(writer.folder)
        folder.rename(retired)
        writer.folder.rename(folder)
        fsync(folder.parent)
    shutil.rmtree(retired, ignore_errors=True)


def _write_masks(folder: Path, masks: NDArray[np.bool_]) -> None:
    (folder / "occupancy.npy").write_bytes(_npy(masks.any(axis=-1)))
    (folder / "masks.npy").write_bytes(_npy(masks))


def _npy(array: NDArray[Any]) -> memoryview:
    """What np.save writes, in memory: numpy's own writing to a file does not say why a disk refuses."""
    content = io.BytesIO()
    np.save(content, array)
    return content.getbuffer()


def _write_npz(path: Path, labels: NDArray[np.uint8]) -> None:
    """What np.savez_compressed writes, and always the same bytes.

    Depth slowest (Fortran order, which .npy knows): slice after slice packs to a quarter, in half the time.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo("labels.npy")
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, _npy(np.asfortranarray(labels)))


def _write_png(path: Path, pixels: NDArray[np.uint16]) -> None:
    from PIL import Image

    Image.fromarray(np.ascontiguousarray(pixels, dtype=np.uint16)).save(path, compress_level=1)


def _fsync_folder(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        fsync(path)
    fsync(folder)
