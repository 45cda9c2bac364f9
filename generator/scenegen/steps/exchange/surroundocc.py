"""SurroundOcc: the occupied cells of every sample, named after the lidar file of the export `nuscenes`.

    OUT/nuscenes_occ/samples/000017_0003.pcd.bin.npy    scene 17, sample 3: int64 (N, 4), cell x, y, z and class
    OUT/CREDITS.txt, CREDITS.json

Cells of .5 m from (-50, -50, -5) in the lidar's frame (samples.py): x right, y ahead, z up. (200, 200, 16) cells.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scenegen.core.dataset.credits import Credit
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.files import write_bytes
from scenegen.core.scene.scene import GridSpec
from scenegen.steps.exchange.class_maps import ClassMap, read_class_map
from scenegen.steps.exchange.framed_voxels import cell_objects, class_numbers
from scenegen.steps.exchange.placed_scene import PlacedScene, job_library
from scenegen.steps.exchange.samples import samples_of
from scenegen.steps.exchange.survey import ExportJob

GRID = GridSpec((-50.0, -50.0, -5.0), 0.5, (200, 200, 16))
CLASSES = range(1, 17)


@dataclass(frozen=True)
class SurroundOccWriter:
    """Writes the samples of scenes into `folder`."""

    folder: Path
    library: Path
    classes: ClassMap
    has_maps: bool

    def path_of(self, index: int) -> Path:
        """What is written last of scene `index`: the file that says so."""
        return self.folder / "parts" / f"{index:06d}"

    def write_scene(self, stored: StoredScene) -> None:
        """Write a scene's samples."""
        scene = PlacedScene(stored, self.library, self.has_maps)
        numbers = class_numbers(scene, self.classes, 0)
        for sample in samples_of(stored.scene):
            to_lidar = np.linalg.inv(sample.ego_to_world @ sample.lidar_to_ego)
            labels = numbers[cell_objects(scene, to_lidar, GRID)]
            cells, content = np.argwhere(labels), io.BytesIO()
            np.save(content, np.c_[cells, labels[tuple(cells.T)]].astype(np.int64))
            name = f"{stored.index:06d}_{sample.number:04d}.pcd.bin.npy"
            (self.folder / "nuscenes_occ/samples" / name).write_bytes(content.getvalue())
        write_bytes(self.path_of(stored.index), [])

    def finish(self, dataset: Dataset, _credits: Sequence[Credit], _workers: int) -> dict[str, int]:
        """Remove the files that say which scenes were written."""
        for index in dataset.indices:
            self.path_of(index).unlink()
        (self.folder / "parts").rmdir()
        return {"samples": sum(len(samples_of(stored.scene)) for stored in dataset)}


def start_surroundocc(job: ExportJob) -> SurroundOccWriter:
    """UsageError for a class without a number, ScenegenError for a library that is missing."""
    classes = read_class_map("surroundocc", job.dataset.info.classes, job.class_map, CLASSES)
    library = job_library(job)
    for name in ("nuscenes_occ/samples", "parts"):
        (job.folder / name).mkdir(parents=True, exist_ok=True)
    return SurroundOccWriter(job.folder, library, classes, job.dataset.maps)
