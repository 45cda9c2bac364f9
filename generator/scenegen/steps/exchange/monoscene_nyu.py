"""NYUv2 as MonoScene reads it: every view is a sample, with its image drawn as a camera of NYU would see it.

    OUT/depthbin/NYUtrain/NYU000017_0003.bin            scene 17, view 3: origin, camera to world, labels in runs
    OUT/depthbin/NYUtrain/NYU000017_0003_color.jpg      640 x 480, focal length 518.8579, centre 320, 240
    OUT/preprocess/base/NYUtrain/NYU000017_0003.pkl     cam_pose, voxel_origin, name, target_1_4, target_1_16
    OUT/CREDITS.txt, CREDITS.json

`NYUtest` for the test split. target_1_4 is uint8 (60, 36, 60): x, **vertical**, y. The 12 classes are those of SSCNet.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenegen.core.dataset.credits import Credit
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.files import write_bytes
from scenegen.core.scene.scene import Camera, GridSpec
from scenegen.steps.exchange.class_maps import ClassMap, read_class_map
from scenegen.steps.exchange.framed_voxels import Cells, downsample
from scenegen.steps.exchange.nyu_rooms import CLASSES, room_grid, room_labels
from scenegen.steps.exchange.placed_scene import PlacedScene, job_library
from scenegen.steps.exchange.samples import camera_to_world
from scenegen.steps.exchange.survey import ExportJob

SIZE, FOCAL, CENTRE = (640, 480), 518.8579, (320.0, 240.0)
"""MonoScene has these in its code."""
TO_37 = np.array([0, 1, 2, 3, 4, 6, 7, 8, 9, 16, 11, 5], np.uint32)
"""One of SSCNet's 37 ids that its seg_class_map takes to each of the 12 classes."""
QUALITY = 95


@dataclass(frozen=True)
class NyuWriter:
    """Writes the views of scenes into `folder`; `part` is NYUtrain or NYUtest."""

    folder: Path
    library: Path
    classes: ClassMap
    has_maps: bool
    part: str

    def path_of(self, index: int) -> Path:
        """What is written last of scene `index`: the file that says so."""
        return self.folder / "parts" / f"{index:06d}"

    def write_scene(self, stored: StoredScene) -> None:
        """Write a scene's views."""
        scene = PlacedScene(stored, self.library, self.has_maps)
        made: dict[GridSpec, tuple[Cells, Cells, bytes]] = {}
        for k, camera in enumerate(stored.cameras):
            name = f"NYU{stored.index:06d}_{k:04d}"
            grid = room_grid(stored.scene, camera)
            if grid not in made:  # that of most rooms is the same for all views
                labels = np.ascontiguousarray(room_labels(scene, self.classes, grid).transpose(0, 2, 1))
                made[grid] = (labels, downsample(labels, 4), runs(labels).tobytes())
            labels, coarse, in_runs = made[grid]
            origin, pose = np.array(grid.origin, np.float32), camera_to_world(camera).astype(np.float32)
            body = {
                "cam_pose": pose,
                "voxel_origin": origin,
                "name": name,
                "target_1_4": labels,
                "target_1_16": coarse,
            }
            raw = self.folder / "depthbin" / self.part / name
            (self.folder / "preprocess/base" / self.part / f"{name}.pkl").write_bytes(pickle.dumps(body))
            raw.with_name(f"{name}_color.jpg").write_bytes(nyu_image(stored.image(k), camera))
            raw.with_name(f"{name}.bin").write_bytes(origin.tobytes() + pose.tobytes() + in_runs)
        write_bytes(self.path_of(stored.index), [])

    def finish(self, dataset: Dataset, _credits: Sequence[Credit], _workers: int) -> dict[str, int]:
        """Remove the files that say which scenes were written."""
        for index in dataset.indices:
            self.path_of(index).unlink()
        (self.folder / "parts").rmdir()
        return {"samples": sum(len(stored.cameras) for stored in dataset)}


def start_monoscene_nyu(job: ExportJob) -> NyuWriter:
    """UsageError for a class without a number, ScenegenError for a library that is missing."""
    classes = read_class_map("monoscene-nyu", job.dataset.info.classes, job.class_map, CLASSES)
    library, part = job_library(job), f"NYU{job.dataset.info.request.split}"
    for name in (f"depthbin/{part}", f"preprocess/base/{part}", "parts"):
        (job.folder / name).mkdir(parents=True, exist_ok=True)
    return NyuWriter(job.folder, library, classes, job.dataset.maps, part)


def nyu_notes(dataset: Dataset) -> Sequence[str]:
    """What the camera of NYU would see and those of the data set do not."""
    camera = dataset[0].cameras[0]
    (fx, _, cx), (_, fy, cy), _ = camera.K
    reach = (
        (cx / fx, CENTRE[0]),
        ((camera.width - cx) / fx, CENTRE[0]),
        (cy / fy, CENTRE[1]),
        ((camera.height - cy) / fy, CENTRE[1]),
    )
    if all(own * FOCAL >= needed - 0.5 for own, needed in reach):
        return ()
    return ("the images have black edges: NYU's camera sees 63 x 50 degrees, more than the data set's",)


def nyu_image(image: NDArray[np.uint8], camera: Camera) -> bytes:
    """An image (H, W, 3) as NYU's camera would take it from the same place, JPEG; black where nothing is known."""
    (fx, _, cx), (_, fy, cy), _ = camera.K
    a, b = fx / FOCAL, fy / FOCAL
    where = (a, 0.0, cx - a * CENTRE[0], 0.0, b, cy - b * CENTRE[1])
    turned = Image.fromarray(image).transform(SIZE, Image.Transform.AFFINE, where, Image.Resampling.BILINEAR)
    content = io.BytesIO()
    turned.save(content, "JPEG", quality=QUALITY)
    return content.getvalue()


def runs(labels: Cells) -> NDArray[np.uint32]:
    """Labels (60, 36, 60) as cells a quarter as wide, in runs: pairs of id and count over (240, 144, 240)."""
    slabs = []
    for slab in TO_37[labels].repeat(
        4, axis=1
    ):  # (144, 60): each line of cells four times as long, each slab four times
        line = slab.repeat(4, axis=1).reshape(-1)
        starts = np.flatnonzero(np.r_[True, line[1:] != line[:-1]])
        pairs = np.stack([line[starts], np.diff(np.r_[starts, len(line)]).astype(np.uint32)], axis=1)
        slabs += [pairs] * 4
    return np.ascontiguousarray(np.concatenate(slabs).astype("<u4"))
