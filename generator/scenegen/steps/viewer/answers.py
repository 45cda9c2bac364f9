"""What the page is told: JSON and arrays of one data set, by the path that it asks for.

The server sends these answers, and a page that is exported holds them.

    dataset                       what the data set is: classes with colours, grid, counts, runs
    rows/START                    the overview, column by column (rows.Rows.since)
    scenes/N                      scene.json, and what else there is of the scene
    scenes/N/thumb                a small image, JPEG
    scenes/N/image/K              camera K's image as it is stored
    scenes/N/mesh                 the models' triangles, where the asset library is at hand (scene_mesh.py)
    scenes/N/masks                the box labels: little-endian unsigned integers (X, Y, Z), bit c is class c
    scenes/N/frustum/K            uint8 (w, h, d), 0 = air, else class index + 1
    scenes/N/depth/K              uint16 (H, W), steps of depth; 0 = nothing hit
    scenes/N/instance/K           uint16 (H, W), object id + 1, 0 = background
    scenes/N/objects              the box cells' objects: uint16 (X, Y, Z), id + 1, where the data set has them
    scenes/N/objects/K            the same of camera K's frustum
    scenes/N/visibility           what the cameras see of the box cells: uint8 (X, Y, Z), see StoredScene.visibility
    scenes/N/visibility/K         the same of camera K's frustum
    runs/R                        run R's IoU by scene (and camera), worst first
    scenes/N/run/R                run R's prediction: uint8 (channels, X, Y, Z) hundredths, or (X, Y, Z) labels
    scenes/N/run/R/K              the same of camera K's frustum
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import ScenegenError
from scenegen.core.labels.grid_files import GridLabels, files_of
from scenegen.core.scene.camera import rigid_inverse
from scenegen.core.scene.classes import class_color
from scenegen.core.scene.ego import world_to_ego
from scenegen.steps.library import is_there
from scenegen.steps.viewer.rows import Rows
from scenegen.steps.viewer.runs import RunFolder
from scenegen.steps.viewer.scene_mesh import scene_mesh
from scenegen.steps.viewer.source import SceneSource

THUMB = 192
"""Pixels along the longer side of a thumbnail."""
MOST_THUMBS = 2000
"""Kept in memory, about 6 kB each."""
MOST_ROWS = 4000

_PATH = re.compile(r"scenes/([0-9]{1,18})(?:/([a-z]+)(?:/([0-9]{1,9}))?(?:/([0-9]{1,9}))?)?")


@dataclass(frozen=True)
class Reply:
    """Bytes and their media type; `keep` is whether they never change while the data set is not made again."""

    content: bytes
    kind: str
    keep: bool = False


class NoAnswerError(ScenegenError):
    """The page asked for what is not there."""


class Answers:
    """The answers about one data set."""

    def __init__(
        self, source: SceneSource, rows: Rows, runs: Sequence[RunFolder] = (), library: Path | None = None
    ) -> None:
        self.source = source
        self.library = library
        self.rows = rows
        self.runs = runs
        self._thumb = lru_cache(maxsize=MOST_THUMBS)(self._draw_thumb)
        self._kinds: dict[str, Callable[[int, int], Reply]] = {
            "thumb": lambda scene, _: Reply(self._thumb(scene), "image/jpeg", keep=True),
            "image": self._image,
            "masks": lambda scene, _: _array(source.open(scene).mask_bits),
            "frustum": lambda scene, k: _array(source.open(scene).frustum(k)),
            "depth": lambda scene, k: _array(source.open(scene).depth_steps(k)),
            "instance": lambda scene, k: _array(source.open(scene).instance(k)),
        }
        self._of_grids = {"grid": "labels", "gridobjects": "instances", "gridvisibility": "visibility"}

    def get(self, path: str) -> Reply:
        """The answer to one path. NoAnswerError: there is none; ScenegenError: it cannot be read, and why."""
        try:
            return self._answer(path)
        except ScenegenError:
            self.source.must_be_there()  # then that is the reason, and no scene needs to be made again
            raise

    def _answer(self, path: str) -> Reply:
        if path == "dataset":
            return _json(self._dataset())
        if re.fullmatch(r"rows/[0-9]{1,9}", path):
            self.source.must_be_there()
            return _json(self.rows.since(int(path[5:]), MOST_ROWS))
        if re.fullmatch(r"runs/[0-9]{1,4}", path) and int(path[5:]) < len(self.runs):
            return _json([[s.index, s.camera, s.iou] for s in self.runs[int(path[5:])].said.scenes])
        with self.rows.paused():
            return self._of_scene(path)

    def _of_scene(self, path: str) -> Reply:
        match = _PATH.fullmatch(path)
        if not match:
            raise NoAnswerError(f"{path[:60]}: the viewer has no such address")
        index, kind, number = int(match[1]), match[2], int(match[3] or 0)
        if kind is None:
            return _json(self._scene(index))
        if kind in ("objects", "visibility"):
            return _array(_cells(self.source.open(index), kind, None if match[3] is None else number))
        if kind == "mesh" and self.library and not match[3]:
            return Reply(scene_mesh(self.source.open(index), self.library), "application/octet-stream")
        if kind == "run" and number < len(self.runs):
            return _array(self.runs[number].read(index, None if match[4] is None else int(match[4])))
        if kind in self._of_grids and match[3] and not match[4]:
            return _array(getattr(self._grid(index, number), self._of_grids[kind]))
        if kind not in self._kinds or match[4]:
            raise NoAnswerError(f"{path[:60]}: the viewer has no such address")
        try:
            return self._kinds[kind](index, number)
        except (ScenegenError, IndexError):
            if number >= (cameras := len(self.source.open(index).cameras)):
                raise NoAnswerError(f"scene {index}: has {cameras} cameras") from None
            raise

    def _dataset(self) -> dict[str, Any]:
        info = self.source.info
        return {
            "name": self.source.name,
            "preset": info.request.preset,
            "split": info.request.split,
            "seed": info.request.seed,
            "asked": info.request.scenes,
            "views": info.request.views,
            "packed": self.source.packed,
            "maps": self.source.has_maps,
            "depthUnit": info.request.map_spec.depth_step,
            "classes": [{"name": name, "color": class_color(name)} for name in self.source.classes],
            "grid": asdict(info.grid) if info.grid else None,
            "version": info.scenegen,
            "runs": [
                {
                    "name": run.run,
                    "family": run.family,
                    "kind": run.kind,
                    "threshold": run.threshold,
                    "frustum": run.frustum is not None,
                }
                for run in (each.said for each in self.runs)
            ],
        }

    def _scene(self, index: int) -> dict[str, Any]:
        stored = self.source.open(index)
        stored.scene  # noqa: B018 - checks every value, so that the page need not
        return {
            "scene": json.loads(stored.scene_json),
            "maps": self.source.has_maps,
            "objects": stored.scene.voxel_spec.instances,
            "visibility": stored.scene.voxel_spec.visibility,
            "mesh": self.library is not None and all(is_there(self.library, item.asset) for item in stored.objects),
            "faults": self.rows.faults_of(index),
            "grids": [
                {
                    "name": named.name
                    if k is None
                    else f"{named.name}, {'pose' if stored.scene.rig else 'camera'} {k + 1}",
                    "grid": asdict(named.grid),
                    "frame": None if k is None else rigid_inverse(world_to_ego(stored.scene, k)),
                }
                for named, k in files_of(stored.scene)
            ],
        }

    def _grid(self, index: int, number: int) -> GridLabels:
        """The labels of one of a scene's named grids, by its place in `files_of`."""
        stored = self.source.open(index)
        grids = files_of(stored.scene)
        if number >= len(grids):
            raise NoAnswerError(f"scene {index}: has {len(grids)} grids with names")
        named, k = grids[number]
        return stored.named_grid(named.name, k)

    def _image(self, index: int, k: int) -> Reply:
        content = self.source.open(index).whole_image(k)
        return Reply(content, "image/png" if content.startswith(b"\x89PNG") else "image/jpeg", keep=True)

    def _draw_thumb(self, index: int) -> bytes:
        image = Image.fromarray(self.source.open(index).image(0))
        image.thumbnail((THUMB, THUMB), Image.Resampling.BOX, reducing_gap=2.0)
        content = io.BytesIO()
        image.save(content, "JPEG", quality=82)
        return content.getvalue()


def _cells(stored: StoredScene, kind: str, k: int | None) -> NDArray[Any]:
    if kind == "objects":
        return stored.instances if k is None else stored.frustum_instances(k)
    return stored.visibility if k is None else stored.frustum_visibility(k)


def _json(value: Any) -> Reply:
    return Reply(json.dumps(value, separators=(",", ":")).encode(), "application/json")


def _array(values: NDArray[Any]) -> Reply:
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return Reply(little.tobytes(), "application/octet-stream")
