"""Occ-ScanNet: every view is a frame, labels in the order x, y, z (MonoScene's NYU has x, z, y).

OUT/gathered_data/scene0017_00/00003.pkl    scene 17, view 3: img, depth_gt, intrinsic, cam_pose, voxel_origin,
                                            target_1_4 (60, 60, 36), target_1_16 (15, 15, 9)
OUT/posed_images/scene0017_00/00003.jpg     the image, as stored if that is JPEG
OUT/posed_images/scene0017_00/00003.png     depth, 16 bit, millimetres, 0 = not known
OUT/train_subscenes.txt  val_subscenes.txt  the frames of the split; the other file is empty
OUT/CREDITS.txt, CREDITS.json
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from scenegen.core.dataset.credits import Credit
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.files import write_text
from scenegen.core.scene.scene import GridSpec
from scenegen.steps.exchange.class_maps import ClassMap, read_class_map
from scenegen.steps.exchange.files import image_suffix
from scenegen.steps.exchange.framed_voxels import Cells, downsample
from scenegen.steps.exchange.nyu_rooms import CLASSES, room_grid, room_labels
from scenegen.steps.exchange.placed_scene import PlacedScene, job_library, known_depth
from scenegen.steps.exchange.samples import camera_to_world
from scenegen.steps.exchange.survey import ExportJob

QUALITY = 95
FARTHEST = 65_535
"""Millimetres that 16 bits hold."""


@dataclass(frozen=True)
class OccScanNetWriter:
    """Writes the frames of scenes into `folder`."""

    folder: Path
    library: Path
    classes: ClassMap
    has_maps: bool

    def path_of(self, index: int) -> Path:
        """What is written last of scene `index`: the list of its frames, until `finish` joins them."""
        return self.folder / "parts" / f"{index:06d}.txt"

    def write_scene(self, stored: StoredScene) -> None:
        """Write a scene's frames."""
        scene, name = PlacedScene(stored, self.library, self.has_maps), f"scene{stored.index:04d}_00"
        for kind in ("gathered_data", "posed_images"):
            (self.folder / kind / name).mkdir(exist_ok=True)
        frames = []
        made: dict[GridSpec, tuple[Cells, Cells]] = {}
        for k, camera in enumerate(stored.cameras):
            grid = room_grid(stored.scene, camera)
            if grid not in made:  # that of most rooms is the same for all views
                labels = room_labels(scene, self.classes, grid)
                made[grid] = (labels, downsample(labels, 4))
            intrinsic = np.eye(4)
            intrinsic[:3, :3] = camera.K
            image, frame = f"posed_images/{name}/{k:05d}", f"gathered_data/{name}/{k:05d}.pkl"
            body = {
                "img": f"{image}.jpg",
                "depth_gt": f"{image}.png",
                "intrinsic": intrinsic,
                "cam_pose": camera_to_world(camera),
                "voxel_origin": np.array(grid.origin),
                "target_1_4": made[grid][0],
                "target_1_16": made[grid][1],
            }
            (self.folder / f"{image}.jpg").write_bytes(_jpeg(stored, k))
            (self.folder / f"{image}.png").write_bytes(_depth(scene, k))
            (self.folder / frame).write_bytes(pickle.dumps(body))
            frames.append(frame)
        write_text(self.path_of(stored.index), "".join(f"{frame}\n" for frame in frames))

    def finish(self, dataset: Dataset, _credits: Sequence[Credit], _workers: int) -> dict[str, int]:
        """Write the lists of frames."""
        parts = [self.path_of(index) for index in dataset.indices]
        frames = "".join(part.read_text(encoding="utf-8") for part in parts)
        train = dataset.info.request.split == "train"
        write_text(self.folder / "train_subscenes.txt", frames if train else "")
        write_text(self.folder / "val_subscenes.txt", "" if train else frames)
        for part in parts:
            part.unlink()
        (self.folder / "parts").rmdir()
        return {"frames": frames.count("\n")}


def start_occscannet(job: ExportJob) -> OccScanNetWriter:
    """UsageError for a class without a number, ScenegenError for a library that is missing."""
    classes = read_class_map("occscannet", job.dataset.info.classes, job.class_map, CLASSES)
    library = job_library(job)
    for name in ("gathered_data", "posed_images", "parts"):
        (job.folder / name).mkdir(exist_ok=True)
    return OccScanNetWriter(job.folder, library, classes, job.dataset.maps)


def _jpeg(stored: StoredScene, k: int) -> bytes:
    content = stored.encoded_image(k)
    if image_suffix(content) == ".jpg":
        return content
    image = io.BytesIO()
    Image.fromarray(stored.image(k)).save(image, "JPEG", quality=QUALITY)
    return image.getvalue()


def _depth(scene: PlacedScene, k: int) -> bytes:
    depth = scene.maps(k)[0]
    millimetres = depth.astype(np.int64) * scene.stored.map_spec.depth_unit
    millimetres[~known_depth(depth) | (millimetres > FARTHEST)] = 0
    image = io.BytesIO()
    Image.fromarray(millimetres.astype(np.uint16)).save(image, "PNG", compress_level=1)
    return image.getvalue()
