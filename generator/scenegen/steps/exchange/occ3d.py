"""Occ3D-nuScenes: occupancy around the vehicle, with the tokens and scene names of the export `nuscenes`.

    OUT/gts/scene-0017/TOKEN/labels.npz     semantics, mask_lidar, mask_camera: uint8 (200, 200, 16), of one sample
    OUT/imgs/CAM_FRONT/                     images, as stored
    OUT/annotations.json                    splits, and of each sample its cameras and poses
    OUT/CREDITS.txt, CREDITS.json

Cells of .4 m from (-40, -40, -1) in the ego frame (samples.py); 17 is free. Layout: github.com/Tsinghua-MARS-Lab/Occ3D.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scenegen.core.dataset.credits import Credit
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.files import write_text
from scenegen.core.scene.scene import GridSpec
from scenegen.steps.exchange.class_maps import ClassMap, read_class_map
from scenegen.steps.exchange.files import image_suffix
from scenegen.steps.exchange.framed_voxels import cell_objects, cell_visibility, class_numbers, is_seen
from scenegen.steps.exchange.nuscenes.scene_records import sample_time, scene_name
from scenegen.steps.exchange.nuscenes.schema import dataset_origin, token
from scenegen.steps.exchange.placed_scene import PlacedScene, job_library
from scenegen.steps.exchange.samples import Floats, Sample, camera_to_world, quaternion, samples_of
from scenegen.steps.exchange.survey import ExportJob

GRID = GridSpec((-40.0, -40.0, -1.0), 0.4, (200, 200, 16))
FREE = 17
PARTS = "parts"


@dataclass(frozen=True)
class Occ3dWriter:
    """Writes the samples of scenes into `folder`."""

    folder: Path
    library: Path
    classes: ClassMap
    has_maps: bool
    origin: str

    def path_of(self, index: int) -> Path:
        """The file with the annotations of scene `index`, until `finish` joins them."""
        return self.folder / PARTS / f"{index:06d}.json"

    def write_scene(self, stored: StoredScene) -> None:
        """Write a scene's labels and images, and its part of annotations.json."""
        scene = PlacedScene(stored, self.library, self.has_maps)
        numbers = class_numbers(scene, self.classes, FREE).astype(np.uint8)
        samples = samples_of(stored.scene)
        infos = {}
        for sample in samples:
            to_ego = np.linalg.inv(sample.ego_to_world)
            seen = is_seen(cell_visibility(scene, to_ego, GRID, [k for _, k in sample.cameras])).astype(np.uint8)
            own = token(self.origin, stored.index, "sample", sample.number)
            folder = self.folder / "gts" / scene_name(stored.index) / own
            folder.mkdir(parents=True, exist_ok=True)
            semantics = numbers[cell_objects(scene, to_ego, GRID)]
            np.savez_compressed(folder / "labels.npz", semantics=semantics, mask_lidar=seen, mask_camera=seen)
            infos[own] = self._info(stored, sample, len(samples))
        write_text(self.path_of(stored.index), json.dumps(infos))

    def _info(self, stored: StoredScene, sample: Sample, count: int) -> dict[str, Any]:
        n, name = sample.number, scene_name(stored.index)
        own, before, after = (token(self.origin, stored.index, "sample", n + step) for step in (0, -1, 1))
        cameras = {}
        for channel, k in sample.cameras:
            content = stored.encoded_image(k)
            file = f"imgs/{channel}/{stored.index:06d}_{n:04d}{image_suffix(content)}"
            (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / file).write_bytes(content)
            pose = np.linalg.inv(sample.ego_to_world) @ camera_to_world(stored.cameras[k])
            cameras[token(self.origin, stored.index, "data", n, channel)] = {
                "img_path": file,
                "intrinsic": [list(row) for row in stored.cameras[k].K],
                "extrinsic": _pose(pose),
                "ego_pose": _pose(sample.ego_to_world),
            }
        return {
            "timestamp": str(sample_time(stored.index, n)),
            "camera_sensor": cameras,
            "ego_pose": _pose(sample.ego_to_world),
            "gt_path": f"gts/{name}/{own}/labels.npz",
            "prev": before if n else "",
            "next": after if n + 1 < count else "",
        }

    def finish(self, dataset: Dataset, _credits: Sequence[Credit], _workers: int) -> dict[str, int]:
        """Join the scenes' parts in annotations.json."""
        names = [scene_name(index) for index in dataset.indices]
        train = dataset.info.request.split == "train"
        parts = [self.path_of(index) for index in dataset.indices]
        count = 0
        with (self.folder / "annotations.json").open("w", encoding="utf-8") as file:
            splits = {"train_split": names if train else [], "val_split": [] if train else names}
            file.write(json.dumps(splits)[:-1] + ', "scene_infos": {')
            for number, (name, part) in enumerate(zip(names, parts, strict=True)):
                text = part.read_text(encoding="utf-8")
                file.write((",\n" if number else "\n") + f'"{name}": {text}')
                count += len(json.loads(text))
            file.write("}}\n")
        for part in parts:
            part.unlink()
        (self.folder / PARTS).rmdir()
        return {"samples": count}


def start_occ3d(job: ExportJob) -> Occ3dWriter:
    """UsageError for a class without a number, ScenegenError for a library that is missing."""
    classes = read_class_map("occ3d", job.dataset.info.classes, job.class_map, range(FREE))
    library = job_library(job)
    (job.folder / PARTS).mkdir(exist_ok=True)
    return Occ3dWriter(job.folder, library, classes, job.dataset.maps, dataset_origin(job.dataset))


def _pose(matrix: Floats) -> dict[str, list[float]]:
    return {"translation": matrix[:3, 3].tolist(), "rotation": quaternion(matrix[:3, :3])}
