"""NeRF and Gaussian splatting: a folder per scene with transforms.json, as nerfstudio and instant-ngp read it.

    OUT/scene_000017/transforms.json    cameras, and where each one's files are
    OUT/scene_000017/images/0.png       camera 0, as stored
    OUT/scene_000017/depths/0.png       16 bit, along the optical axis, 0 = not known; where there are maps
    OUT/CREDITS.txt  CREDITS.json

`transform_matrix` takes points of the camera to the world. Cameras are OpenGL's: x right, y up, looking along -z. The
world is the data set's, metres with z up. cx and cy count from the image's corner: pixel centres are at .5, as in the
data set, in nerfstudio and in instant-ngp. Keys as in nerfstudio_dataparser.py of nerfstudio and nerf_loader.cu of
instant-ngp; the two call the depth file depth_file_path and depth_path. Its unit is the data set's (usually the
millimetre, which nerfstudio assumes), and integer_depth_scale says it to instant-ngp.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenegen.core.dataset.credits import Credit
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.files import write_text
from scenegen.core.scene.camera import camera_position
from scenegen.core.scene.scene import FARTHEST_STEP, Camera, Scene
from scenegen.steps.exchange.files import image_suffix, whole_folder
from scenegen.steps.exchange.survey import ExportJob

FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])
AROUND = 16
"""How many times larger than the bounds of what stands there instant-ngp's volume is where there is no room."""


@dataclass(frozen=True)
class NerfWriter:
    """Writes a folder per scene into `folder`; `maps`: with depth."""

    folder: Path
    maps: bool

    def path_of(self, index: int) -> Path:
        """The folder of scene `index`."""
        return self.folder / f"scene_{index:06d}"

    def write_scene(self, stored: StoredScene) -> None:
        """Write a scene's folder."""
        scene = stored.scene
        frames = []
        with whole_folder(self.path_of(scene.index)) as folder:
            (folder / "images").mkdir()
            if self.maps:
                (folder / "depths").mkdir()
            for k, camera in enumerate(scene.cameras):
                content = stored.encoded_image(k)
                frame = {"file_path": f"images/{k}{image_suffix(content)}", **_view(camera)}
                (folder / frame["file_path"]).write_bytes(content)
                if self.maps:
                    frame["depth_file_path"] = frame["depth_path"] = f"depths/{k}.png"
                    (folder / "depths" / f"{k}.png").write_bytes(_depth_png(stored.depth_steps(k)))
                frames.append(frame)
            write_text(folder / "transforms.json", json.dumps({**_head(scene), "frames": frames}, indent=1) + "\n")

    def finish(self, dataset: Dataset, _credits: Sequence[Credit], _workers: int) -> dict[str, int]:
        """Count the images."""
        return {"images": sum(len(stored.cameras) for stored in dataset)}


def start_nerf(job: ExportJob) -> NerfWriter:
    """There is nothing to prepare."""
    return NerfWriter(job.folder, job.dataset.maps)


def _head(scene: Scene) -> dict[str, Any]:
    low, high = _bounds(scene)
    return {
        "camera_model": "OPENCV",
        "integer_depth_scale": scene.map_spec.depth_step,
        "aabb": [low.tolist(), high.tolist()],  # instant-ngp puts this box into its unit cube
        "aabb_scale": 1 if scene.room else AROUND,
    }


def _view(camera: Camera) -> dict[str, Any]:
    """The intrinsics and the pose of one camera; none has a lens that distorts."""
    (fx, _, cx), (_, fy, cy), _ = camera.K
    pose = np.linalg.inv(np.array(camera.world_to_camera)) @ FROM_OPENCV
    size = {"w": camera.width, "h": camera.height}
    return {**size, "fl_x": fx, "fl_y": fy, "cx": cx, "cy": cy, "transform_matrix": pose.tolist()}


def _bounds(scene: Scene) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The box in world metres around the room, or outdoors around all objects and cameras."""
    if scene.room:
        x, y, z = scene.room
        return np.array([-x / 2, -y / 2, 0.0]), np.array([x / 2, y / 2, z])
    corners = [corner for item in scene.objects for corner in (item.bbox.min, item.bbox.max)]
    points = np.array([*corners, *map(camera_position, scene.cameras)])
    return points.min(axis=0), points.max(axis=0)


def _depth_png(depth: NDArray[np.uint16]) -> bytes:
    """Depth in steps (H, W) as PNG, without what is that far or farther: 0, as where nothing was hit."""
    image = io.BytesIO()
    Image.fromarray(np.where(depth == FARTHEST_STEP, 0, depth).astype(np.uint16)).save(image, "PNG")
    return image.getvalue()
