"""SemanticKITTI's scene completion: every view is a sequence of one frame, as views differ in height and pitch.

    OUT/dataset/sequences/0017003/              scene 17, view 3
        calib.txt  poses.txt  times.txt         P2, Tr (velodyne to camera); the identity; 0
        image_2/000000.png
        voxels/000000.label                     uint16 (256, 256, 32), ids before learning_map, 0 = empty
        voxels/000000.bin .occluded .invalid    bits: surfaces that the view sees; cells that it hides; none
    OUT/preprocess/labels/0017003/000000_1_1.npy _1_8.npy   uint8, after learning_map, as MonoScene preprocesses them
    OUT/splits.json                             the sequences of the split
    OUT/CREDITS.txt, CREDITS.json

Cells of .2 m from (0, -25.6, -2) in the velodyne's frame: x ahead, y left, z up, 1.73 m above the ground, as KITTI's.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenegen.core.dataset.credits import Credit
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.files import write_text
from scenegen.core.labels.visibility import HIDDEN, SURFACE
from scenegen.core.scene.scene import Camera, GridSpec
from scenegen.steps.exchange.class_maps import ClassMap, read_class_map
from scenegen.steps.exchange.files import image_suffix, whole_folder
from scenegen.steps.exchange.framed_voxels import cell_objects, cell_visibility, class_numbers, downsample
from scenegen.steps.exchange.placed_scene import PlacedScene, job_library
from scenegen.steps.exchange.samples import Floats, ego_under
from scenegen.steps.exchange.survey import ExportJob

GRID = GridSpec((0.0, -25.6, -2.0), 0.2, (256, 256, 32))
HEIGHT = 1.73
LEARNING_MAP = {
    10: 1, 11: 2, 13: 5, 15: 3, 16: 5, 18: 4, 20: 5, 30: 6, 31: 7, 32: 8, 40: 9, 44: 10, 48: 11, 49: 12, 50: 13, 51: 14,
    60: 9, 70: 15, 71: 16, 72: 17, 80: 18, 81: 19,
}  # fmt: skip
"""Of semantic-kitti.yaml; all other ids are 0 there."""
IDS = range(1, 100)
LOADERS_NEED = (1220, 370)
"""Pixels: MonoScene and what follows it cut images to this size."""


@dataclass(frozen=True)
class KittiWriter:
    """Writes a sequence per view into `folder`."""

    folder: Path
    library: Path
    classes: ClassMap
    has_maps: bool

    def path_of(self, index: int) -> Path:
        """The file that says that all sequences of scene `index` are there, until `finish` removes it."""
        return self.folder / "parts" / f"{index:06d}.json"

    def write_scene(self, stored: StoredScene) -> None:
        """Write the sequences of a scene's views."""
        scene = PlacedScene(stored, self.library, self.has_maps)
        numbers = class_numbers(scene, self.classes, 0)
        learned = np.zeros(IDS.stop, np.uint8)
        learned[list(LEARNING_MAP)] = list(LEARNING_MAP.values())
        names = []
        for k, camera in enumerate(stored.cameras):
            to_velo = np.linalg.inv(velodyne_to_world(camera))
            labels = numbers[cell_objects(scene, to_velo, GRID)]
            seen = cell_visibility(scene, to_velo, GRID, [k])
            name = f"{stored.index:04d}{k:03d}"
            own = learned[labels]
            place = self.folder / "preprocess/labels" / name
            place.mkdir(parents=True, exist_ok=True)
            np.save(place / "000000_1_1.npy", own)
            np.save(place / "000000_1_8.npy", downsample(own, 8))
            sequence = self.folder / "dataset/sequences" / name
            if not sequence.exists():
                with whole_folder(sequence) as folder:
                    _write_sequence(folder, stored, k, labels, seen)
            names.append(name)
        write_text(self.path_of(stored.index), json.dumps(names))

    def finish(self, dataset: Dataset, _credits: Sequence[Credit], _workers: int) -> dict[str, int]:
        """Write the split."""
        parts = [self.path_of(index) for index in dataset.indices]
        names = [name for part in parts for name in json.loads(part.read_text(encoding="utf-8"))]
        write_text(self.folder / "splits.json", json.dumps({dataset.info.request.split: names}))
        for part in parts:
            part.unlink()
        (self.folder / "parts").rmdir()
        return {"sequences": len(names)}


def start_semantickitti(job: ExportJob) -> KittiWriter:
    """UsageError for a class without an id, ScenegenError for a library that is missing."""
    classes = read_class_map("semantickitti", job.dataset.info.classes, job.class_map, IDS)
    library = job_library(job)
    for name in ("dataset/sequences", "parts"):
        (job.folder / name).mkdir(parents=True, exist_ok=True)
    return KittiWriter(job.folder, library, classes, job.dataset.maps)


def kitti_notes(dataset: Dataset) -> Sequence[str]:
    """What loaders of this format want and the data set lacks."""
    camera = dataset[0].cameras[0]
    if camera.width >= LOADERS_NEED[0] and camera.height >= LOADERS_NEED[1]:
        return ()
    width, height = LOADERS_NEED
    return (
        f"images have {camera.width} x {camera.height} pixels; MonoScene's loader assumes {width} x {height}: set its "
        f"img_W and img_H, or generate with a preset whose image_size is [1224, 370]",
    )


def velodyne_to_world(camera: Camera) -> Floats:
    """The pose of the velodyne: over the ground under the camera, x where it looks."""
    pose = ego_under(camera)
    pose[2, 3] = HEIGHT
    return pose


def _write_sequence(
    folder: Path, stored: StoredScene, k: int, labels: NDArray[np.uint16], seen: NDArray[np.uint8]
) -> None:
    camera, content = stored.cameras[k], stored.encoded_image(k)
    for name in ("image_2", "voxels"):
        (folder / name).mkdir()
    if image_suffix(content) == ".png":
        (folder / "image_2/000000.png").write_bytes(content)
    else:
        Image.open(io.BytesIO(content)).save(folder / "image_2/000000.png", compress_level=1)
    projection = np.c_[np.array(camera.K), np.zeros(3)]
    to_camera = (np.array(camera.world_to_camera) @ velodyne_to_world(camera))[:3]
    lines = [f"P{n}: {_row(projection)}\n" for n in range(4)]
    (folder / "calib.txt").write_text("".join([*lines, f"Tr: {_row(to_camera)}\n"]))
    (folder / "poses.txt").write_text(_row(np.eye(4)[:3]) + "\n")
    (folder / "times.txt").write_text("0.000000e+00\n")
    labels.astype("<u2").tofile(folder / "voxels/000000.label")
    nothing = np.zeros(labels.shape, np.bool_)
    for suffix, cells in (("bin", seen == SURFACE), ("occluded", seen == HIDDEN), ("invalid", nothing)):
        np.packbits(cells.reshape(-1)).tofile(folder / f"voxels/000000.{suffix}")


def _row(matrix: Floats) -> str:
    return " ".join(f"{value:.12e}" for value in matrix.reshape(-1))
