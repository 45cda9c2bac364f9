"""The records of one scene in nuScenes' tables, and the files that they name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from scenegen.core.labels.depth_and_instances import rasterize
from scenegen.core.labels.placed_meshes import PlacedMesh
from scenegen.core.scene.scene import PlacedObject
from scenegen.steps.exchange.class_maps import ClassMap
from scenegen.steps.exchange.files import image_suffix
from scenegen.steps.exchange.nuscenes.drive_map import MapFrame, drive_map, map_frame
from scenegen.steps.exchange.nuscenes.points import LIDAR, Points, sample_points
from scenegen.steps.exchange.nuscenes.schema import (
    VERSION,
    Record,
    attribute_of,
    category_names,
    has_box,
    token,
    visibility_token,
)
from scenegen.steps.exchange.placed_scene import PlacedScene
from scenegen.steps.exchange.samples import (
    MICROSECONDS,
    Floats,
    Sample,
    camera_to_world,
    oriented_box,
    quaternion,
    samples_of,
)

START, HOUR = 1_500_000_000_000_000, 3_600_000_000
"""Microseconds: the first moment of scene 0, and how far scenes are apart."""


@dataclass
class SceneRecords:
    """Makes the records of a scene; `made` writes its files into `folder` on the way."""

    folder: Path
    scene: PlacedScene
    classes: ClassMap
    origin: str
    tables: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))

    def made(self) -> dict[str, list[Record]]:
        """All records, by table."""
        samples = samples_of(self.scene.stored.scene)
        frame = map_frame(samples)
        chains: dict[int, list[Record]] = defaultdict(list)
        for sample in samples:
            points = sample_points(self.scene, sample)
            self._add_sample(sample, samples, frame, points)
            for item, record in self._boxes(sample, frame, points):
                chains[item.id].append(record)
        for item in self.scene.stored.objects:
            if item.id in chains:
                self._add_instance(item, chains[item.id])
        self._add_scene(samples, frame)
        return self.tables

    def _token(self, *parts: object) -> str:
        return token(self.origin, self.scene.stored.index, *parts)

    def _category(self, item: PlacedObject) -> str:
        return str(self.classes.of(item.class_name, self.scene.asset(item)))

    def _add_scene(self, samples: Sequence[Sample], frame: MapFrame) -> None:
        """The scene with its log and its map."""
        stored, name = self.scene.stored, scene_name(self.scene.stored.index)
        Image.fromarray(drive_map(self.scene, frame)).save(self.folder / "maps" / f"{name}.png", compress_level=1)
        self.tables["log"].append(
            {
                "token": self._token("log"),
                "logfile": name,
                "vehicle": "scenegen",
                "date_captured": "2017-07-14",  # that of START: the devkit reads it
                "location": name,
            }
        )
        self.tables["map"].append(
            {
                "token": self._token("map"),
                "category": "semantic_prior",
                "filename": f"maps/{name}.png",
                "log_tokens": [self._token("log")],
            }
        )
        x, y, _ = frame.shift.tolist()
        self.tables["scene"].append(
            {
                "token": self._token("scene"),
                "name": name,
                "description": f"{stored.scene.preset}, seed {stored.scene.seed}, moved by ({x:g}, {y:g}, 0) m",
                "log_token": self._token("log"),
                "nbr_samples": len(samples),
                "first_sample_token": self._token("sample", 0),
                "last_sample_token": self._token("sample", len(samples) - 1),
            }
        )

    def _add_sample(self, sample: Sample, samples: Sequence[Sample], frame: MapFrame, points: Points) -> None:
        """A sample with its images, points and depth."""
        n, stored = sample.number, self.scene.stored
        others = {other.number: {channel for channel, _ in other.cameras} for other in samples}
        self.tables["sample"].append(
            {
                "token": self._token("sample", n),
                "timestamp": self._time(n),
                "prev": self._token("sample", n - 1) if n - 1 in others else "",
                "next": self._token("sample", n + 1) if n + 1 in others else "",
                "scene_token": self._token("scene"),
            }
        )
        has = {n: {*channels, LIDAR} for n, channels in others.items()}
        world_to_ego = np.linalg.inv(sample.ego_to_world)
        for channel, k in sample.cameras:
            camera, content = stored.cameras[k], stored.encoded_image(k)
            file = f"samples/{channel}/{stored.index:06d}_{n:04d}{image_suffix(content)}"
            (self.folder / file).parent.mkdir(exist_ok=True)
            (self.folder / file).write_bytes(content)
            self._add_data(sample, channel, has, file, frame, (camera.height, camera.width))
            self._add_calibration(n, channel, world_to_ego @ camera_to_world(camera), camera.K)
            depth = Image.fromarray(self.scene.maps(k)[0])
            depth.save(self.folder / "depth" / f"{self._token('data', n, channel)}.png", compress_level=1)
        file = f"samples/{LIDAR}/{stored.index:06d}_{n:04d}.pcd.bin"
        self._write_points(sample, points, self.folder / file)
        self._add_data(sample, LIDAR, has, file, frame, (0, 0))
        self._add_calibration(n, LIDAR, sample.lidar_to_ego, ())

    def _time(self, n: int) -> int:
        return sample_time(self.scene.stored.index, n)

    def _add_data(
        self, sample: Sample, channel: str, has: dict[int, set[str]], file: str, frame: MapFrame, size: tuple[int, int]
    ) -> None:
        """A file of one sensor, and where the vehicle was."""
        n = sample.number
        own = self._token("data", n, channel)
        self.tables["ego_pose"].append(
            {
                "token": own,
                "timestamp": self._time(n),
                "rotation": quaternion(sample.ego_to_world[:3, :3]),
                "translation": (sample.ego_to_world[:3, 3] + frame.shift).tolist(),
            }
        )
        self.tables["sample_data"].append(
            {
                "token": own,
                "sample_token": self._token("sample", n),
                "ego_pose_token": own,
                "calibrated_sensor_token": self._calibration(n, channel),
                "timestamp": self._time(n),
                "fileformat": "pcd" if channel == LIDAR else Path(file).suffix[1:],
                "is_key_frame": True,
                "height": size[0],
                "width": size[1],
                "filename": file,
                "prev": self._token("data", n - 1, channel) if channel in has.get(n - 1, ()) else "",
                "next": self._token("data", n + 1, channel) if channel in has.get(n + 1, ()) else "",
            }
        )

    def _calibration(self, n: int, channel: str) -> str:
        return self._token("calibration", 0 if self.scene.stored.scene.rig else n, channel)

    def _add_calibration(self, n: int, channel: str, pose: Floats, intrinsic: Sequence[Sequence[float]]) -> None:
        """Where a sensor is on the vehicle: once for a rig; other views have each its own, of its height and pitch."""
        if self.scene.stored.scene.rig and n:
            return
        self.tables["calibrated_sensor"].append(
            {
                "token": self._calibration(n, channel),
                "sensor_token": token("sensor", channel),
                "translation": pose[:3, 3].tolist(),
                "rotation": quaternion(pose[:3, :3]),
                "camera_intrinsic": [list(row) for row in intrinsic],
            }
        )

    def _write_points(self, sample: Sample, points: Points, path: Path) -> None:
        """The points in the lidar's frame, and the category of each."""
        rows = np.zeros((len(points.places), 5), np.float32)
        rows[:, :3] = points.places
        rows[:, 4] = points.rings
        rows.tofile(path)
        names = category_names(self.classes)
        numbers = np.zeros(1 + max((item.id + 1 for item in self.scene.stored.objects), default=0), np.uint8)
        for item in self.scene.stored.objects:
            numbers[item.id + 1] = names.index(self._category(item))
        own = self._token("data", sample.number, LIDAR)
        file = f"lidarseg/{VERSION}/{own}_lidarseg.bin"
        numbers[points.instances].tofile(self.folder / file)
        self.tables["lidarseg"].append({"token": own, "sample_data_token": own, "filename": file})

    def _boxes(self, sample: Sample, frame: MapFrame, points: Points) -> list[tuple[PlacedObject, Record]]:
        """The annotation of every object that some sensor of the sample sees, without its neighbours in time."""
        on_object = np.bincount(points.instances)
        meshes = {mesh.id: mesh for mesh in self.scene.placed}
        found = []
        for item in self.scene.stored.objects:
            category = self._category(item)
            beams = int(on_object[item.id + 1]) if item.id + 1 < len(on_object) else 0
            is_seen = beams or any(item.visible_pixels[k] for _, k in sample.cameras)
            if not has_box(category) or not is_seen:
                continue
            box, attribute = oriented_box(item), attribute_of(category)
            record = {
                "token": self._token("box", item.id, sample.number),
                "sample_token": self._token("sample", sample.number),
                "instance_token": self._token("instance", item.id),
                "visibility_token": visibility_token(self._visible_share(item, meshes[item.id], sample)),
                "attribute_tokens": [token("attribute", attribute)] if attribute else [],
                "translation": (box.centre + frame.shift).tolist(),
                "size": [box.width, box.length, box.height],
                "rotation": quaternion(box.rotation),
                "num_lidar_pts": beams,
                "num_radar_pts": 0,
            }
            found.append((item, record))
        return found

    def _visible_share(self, item: PlacedObject, mesh: PlacedMesh, sample: Sample) -> float:
        """Of the pixels that an object would have in the sample's images if it were alone, the share that it has."""
        seen = whole = 0
        for _, k in sample.cameras:
            if item.visible_pixels[k]:
                alone = rasterize([(0, mesh.vertices, mesh.faces, mesh.cut_out)], self.scene.stored.cameras[k], None)[1]
                seen, whole = seen + item.visible_pixels[k], whole + int(np.count_nonzero(alone))
        return seen / max(whole, 1)

    def _add_instance(self, item: PlacedObject, chain: list[Record]) -> None:
        """An object with its annotations, each linked to the one before and the one after."""
        tokens = ["", *(record["token"] for record in chain), ""]
        for n, record in enumerate(chain):
            self.tables["sample_annotation"].append({**record, "prev": tokens[n], "next": tokens[n + 2]})
        self.tables["instance"].append(
            {
                "token": self._token("instance", item.id),
                "category_token": token("category", self._category(item)),
                "nbr_annotations": len(chain),
                "first_annotation_token": tokens[1],
                "last_annotation_token": tokens[-2],
            }
        )


def sample_time(index: int, n: int) -> int:
    """When sample n of scene `index` was, in microseconds."""
    return START + index * HOUR + n * MICROSECONDS


def scene_name(index: int) -> str:
    """The name of a scene, in the form of nuScenes' own."""
    return f"scene-{index:04d}"
