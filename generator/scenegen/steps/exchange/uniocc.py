"""UniOcc: occupancy, flow, cameras and boxes of each moment, as its dataset reads them (github.com/tasl-lab/UniOcc).

    OUT/scene_infos.pkl             a list, of each scene its name and the files of its moments, in order
    OUT/scene-0017/0.npz            one moment: occ_label, occ_mask_camera, occ_flow_forward, occ_flow_backward,
                                    ego_to_world_transformation, cameras, annotations
    OUT/images/CAM_FRONT/           images, as stored
    OUT/CREDITS.txt, CREDITS.json

Cells of .4 m from (-40, -40, -1) in the ego frame (samples.py); 10 is free. Nothing moves but the vehicle, so a cell's
flow is how far its centre moves in the ego frame until the next moment (or the one before), in cells.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.credits import Credit
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.labels.grids import box_grid, cell_edges
from scenegen.core.scene.scene import GridSpec
from scenegen.steps.exchange.class_maps import ClassMap, read_class_map
from scenegen.steps.exchange.files import image_suffix
from scenegen.steps.exchange.framed_voxels import cell_objects, cell_visibility, class_numbers, is_seen
from scenegen.steps.exchange.nuscenes.scene_records import scene_name
from scenegen.steps.exchange.nuscenes.schema import dataset_origin, token
from scenegen.steps.exchange.placed_scene import PlacedScene, job_library
from scenegen.steps.exchange.samples import Floats, Sample, camera_to_world, oriented_box, samples_of
from scenegen.steps.exchange.survey import ExportJob

GRID = GridSpec((-40.0, -40.0, -1.0), 0.4, (200, 200, 16))
FREE = 10
BOXED = range(6)
"""Categories whose objects are in `annotations`: others, vehicles, cycles, pedestrians and cones."""


@dataclass(frozen=True)
class UniOccWriter:
    """Writes the moments of scenes into `folder`."""

    folder: Path
    library: Path
    classes: ClassMap
    has_maps: bool
    origin: str

    def path_of(self, index: int) -> Path:
        """A scene's folder."""
        return self.folder / scene_name(index)

    def write_scene(self, stored: StoredScene) -> None:
        """Write the moments of a scene and their images."""
        scene = PlacedScene(stored, self.library, self.has_maps)
        numbers = class_numbers(scene, self.classes, FREE).astype(np.uint8)
        samples = samples_of(stored.scene)
        place = self.path_of(stored.index)
        staged = place.with_name(f".{place.name}")
        staged.mkdir(exist_ok=True)
        for n, sample in enumerate(samples):
            to_ego = np.linalg.inv(sample.ego_to_world)
            labels = numbers[cell_objects(scene, to_ego, GRID)]
            seen = is_seen(cell_visibility(scene, to_ego, GRID, [k for _, k in sample.cameras]))
            np.savez_compressed(
                staged / f"{n}.npz",
                occ_label=labels,
                occ_mask_camera=seen.astype(np.uint8),
                occ_flow_forward=flow(labels, sample, samples[n + 1] if n + 1 < len(samples) else sample),
                occ_flow_backward=flow(labels, sample, samples[n - 1] if n else sample),
                ego_to_world_transformation=sample.ego_to_world,
                cameras=_objects(self._cameras(stored, sample)),
                annotations=_objects(self._annotations(scene, to_ego)),
            )
        staged.rename(place)

    def _cameras(self, stored: StoredScene, sample: Sample) -> list[dict[str, Any]]:
        """The cameras of a moment; `extrinsics` take points of the camera to the ego frame. Writes their images."""
        entries = []
        for channel, k in sample.cameras:
            content = stored.encoded_image(k)
            file = f"images/{channel}/{stored.index:06d}_{sample.number:04d}{image_suffix(content)}"
            (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / file).write_bytes(content)
            pose = np.linalg.inv(sample.ego_to_world) @ camera_to_world(stored.cameras[k])
            intrinsics = np.array(stored.cameras[k].K)
            entries.append({"name": channel, "filename": file, "intrinsics": intrinsics, "extrinsics": pose})
        return entries

    def _annotations(self, scene: PlacedScene, to_ego: Floats) -> list[dict[str, Any]]:
        """The boxes whose centres are in the grid: x along the object's length, y along its width."""
        entries = []
        low = np.array(GRID.origin)
        high = low + GRID.voxel_size * np.array(GRID.shape)
        for item in scene.stored.objects:
            category = int(self.classes.of(item.class_name, scene.asset(item)))
            box = oriented_box(item)
            to_world = np.eye(4)
            to_world[:3, :3], to_world[:3, 3] = box.rotation, box.centre
            pose = to_ego @ to_world
            if category in BOXED and (low <= pose[:3, 3]).all() and (pose[:3, 3] <= high).all():
                entries.append(
                    {
                        "token": token(self.origin, scene.stored.index, "instance", item.id),
                        "agent_to_ego": pose,
                        "agent_to_world": to_world,
                        "size": [box.length, box.width, box.height],
                        "category_id": category,
                    }
                )
        return entries

    def finish(self, dataset: Dataset, _credits: Sequence[Credit], _workers: int) -> dict[str, int]:
        """List the scenes and their moments in scene_infos.pkl."""
        infos, count = [], 0
        for index in dataset.indices:
            name = scene_name(index)
            moments = len(list(self.path_of(index).glob("*.npz")))
            paths = [f"{name}/{n}.npz" for n in range(moments)]
            count += moments
            infos.append({"scene_name": name, "occ_in_scene_paths": paths, "start": 0, "end": moments - 1})
        (self.folder / "scene_infos.pkl").write_bytes(pickle.dumps(infos, protocol=4))
        return {"samples": count}


def flow(labels: NDArray[np.uint8], now: Sample, other: Sample) -> NDArray[np.float32]:
    """How many cells along each axis an occupied cell's centre moves until another moment, float32 (X, Y, Z, 3).

    Each moment has the centre in its own ego frame. 0 in free cells.
    """
    found = np.zeros((*labels.shape, 3), np.float32)
    filled = np.nonzero(labels != FREE)
    edges = cell_edges(box_grid(GRID))
    places = np.stack([(e[:-1] + e[1:])[cells] / 2 for e, cells in zip(edges, filled, strict=True)], axis=1)
    turn = np.linalg.inv(other.ego_to_world) @ now.ego_to_world
    found[filled] = (places @ turn[:3, :3].T + turn[:3, 3] - places) / GRID.voxel_size
    return found


def start_uniocc(job: ExportJob) -> UniOccWriter:
    """UsageError for a class without a number, ScenegenError for a library that is missing."""
    classes = read_class_map("uniocc", job.dataset.info.classes, job.class_map, range(FREE))
    return UniOccWriter(job.folder, job_library(job), classes, job.dataset.maps, dataset_origin(job.dataset))


def _objects(entries: list[dict[str, Any]]) -> NDArray[np.object_]:
    """Entries as numpy keeps them: an array of objects."""
    array = np.empty(len(entries), object)
    array[:] = entries
    return array
