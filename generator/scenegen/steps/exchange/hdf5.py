"""HDF5 as BlenderProc writes it: a folder per scene, a file per camera, one data set in it per kind of map.

    OUT/scene_000017/0.hdf5             scene 17, camera 0
        colors                          uint8 (H, W, 3), sRGB
        depth                           float32 (H, W), metres along the optical axis; 1e10 = nothing hit, or too far
        normals                         float32 (H, W, 3), of a data set made with --normals: see below
        category_id_segmaps             (H, W), class index + 1, 0 = background
        instance_segmaps                (H, W), object id + 1, 0 = background
        instance_attribute_maps         JSON: for each object in the image idx, category_id, name, asset
        camera_pose                     JSON: cam_K, cam_R_w2c, cam_t_w2c, a camera of OpenCV, metres
    OUT/categories.json                 the name of each category id
    OUT/CREDITS.txt  CREDITS.json

Keys, types and compression are those of `write_hdf5` in BlenderProc's WriterUtility.py. Its cam_K has pixel centres at
whole numbers, so cx and cy are smaller by .5 than in the data set. Its normals are those of `enable_normals_output` in
RendererUtility.py: in the axes of a camera that looks along -z (x right, y up), each component as (1 + n) / 2, so that
.5 .5 .5 is where nothing was hit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scenegen import __version__
from scenegen.core.dataset.credits import Credit
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.files import write_text
from scenegen.core.scene.scene import Camera, Scene
from scenegen.steps.exchange.files import whole_folder
from scenegen.steps.exchange.survey import ExportJob

NOTHING = np.float32(1e10)
"""Blender's depth where a ray hits nothing."""
FROM_OPENCV = np.array([1, -1, -1], np.float32)


@dataclass(frozen=True)
class Hdf5Writer:
    """Writes a folder per scene into `folder`; a category is a class of `classes`."""

    folder: Path
    classes: tuple[str, ...]

    def path_of(self, index: int) -> Path:
        """The folder of scene `index`."""
        return self.folder / f"scene_{index:06d}"

    def write_scene(self, stored: StoredScene) -> None:
        """Write a scene's folder."""
        scene = stored.scene
        categories = np.zeros(1 + max((item.id + 1 for item in scene.objects), default=0), np.uint16)
        for item in scene.objects:
            categories[item.id + 1] = self.classes.index(item.class_name) + 1
        with whole_folder(self.path_of(scene.index)) as folder:
            for k, camera in enumerate(scene.cameras):
                depth, instance = stored.depth(k), stored.instance(k)
                with h5py.File(folder / f"{k}.hdf5", "w") as file:
                    file.attrs["scenegen"] = __version__
                    _add(file, "colors", stored.image(k))
                    _add(file, "depth", np.where((depth > 0) & np.isfinite(depth), depth, NOTHING))
                    if stored.map_spec.normals:
                        _add(file, "normals", stored.normals(k) * FROM_OPENCV / 2 + np.float32(0.5))
                    _add(file, "category_id_segmaps", _smallest(categories[instance]))
                    _add(file, "instance_segmaps", _smallest(instance))
                    _add_json(file, "instance_attribute_maps", self._attributes(scene, instance))
                    _add_json(file, "camera_pose", _pose(camera))

    def _attributes(self, scene: Scene, instance: NDArray[np.uint16]) -> list[dict[str, Any]]:
        """What the instances of an image (H, W) are."""
        shown = set(np.unique(instance).tolist())
        background: dict[str, Any] = {"idx": 0, "category_id": 0, "name": "background"}
        return [background] * (0 in shown) + [
            {
                "idx": item.id + 1,
                "category_id": self.classes.index(item.class_name) + 1,
                "name": f"{item.class_name}_{item.id}",
                "asset": item.asset,
            }
            for item in scene.objects
            if item.id + 1 in shown
        ]

    def finish(self, dataset: Dataset, _credits: Sequence[Credit], _workers: int) -> dict[str, int]:
        """Write the names of the categories, and count the files."""
        names = {0: "background", **dict(enumerate(self.classes, start=1))}
        write_text(self.folder / "categories.json", json.dumps(names, indent=1) + "\n")
        return {"files": sum(len(stored.cameras) for stored in dataset)}


def start_hdf5(job: ExportJob) -> Hdf5Writer:
    """There is nothing to prepare."""
    return Hdf5Writer(job.folder, job.dataset.info.classes)


def _pose(camera: Camera) -> dict[str, list[float]]:
    matrix, lens = np.array(camera.world_to_camera), np.array(camera.K)
    lens[:2, 2] -= 0.5
    return {
        "cam_K": lens.reshape(-1).tolist(),
        "cam_R_w2c": matrix[:3, :3].reshape(-1).tolist(),
        "cam_t_w2c": matrix[:3, 3].tolist(),
    }


def _smallest(ids: NDArray[np.uint16]) -> NDArray[Any]:
    """Ids as uint8 where they fit, as BlenderProc stores them."""
    return ids.astype(np.uint8) if ids.max(initial=0) < 256 else ids


def _add(file: h5py.File, key: str, values: NDArray[Any]) -> None:
    file.create_dataset(key, data=values, compression="gzip")


def _add_json(file: h5py.File, key: str, body: Any) -> None:
    file.create_dataset(key, data=np.bytes_(json.dumps(body)))
