"""nuScenes, as nuscenes-devkit 1.2 reads it: every view is a sample of CAM_FRONT, with points from its depth map.

    OUT/v1.0-scenegen/*.json        13 tables, lidarseg.json and splits.json (schema.py)
    OUT/samples/CAM_FRONT/          images, as stored
    OUT/samples/LIDAR_TOP/          points of the depth maps, float32 x, y, z, intensity (0), ring (image row)
    OUT/lidarseg/v1.0-scenegen/     each point's category, uint8
    OUT/maps/                       each scene's drivable ground, 10 pixels per metre
    OUT/depth/                      each image's depth, 16 bit, in steps of the data set, by its sample_data token
    OUT/colormap.json               a colour per category, for those that the devkit does not know
    OUT/CREDITS.txt, CREDITS.json

Global places are those of the world, moved so that the map's lower left corner is at 0, 0; the scene's description
tells by how much. Legend of frames: samples.py.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from scenegen.core.dataset.credits import Credit
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.files import write_text
from scenegen.steps.exchange.class_maps import ClassMap, read_class_map
from scenegen.steps.exchange.nuscenes.points import LIDAR
from scenegen.steps.exchange.nuscenes.scene_records import SceneRecords
from scenegen.steps.exchange.nuscenes.schema import (
    SCENE_TABLES,
    VERSION,
    category_names,
    colormap,
    dataset_origin,
    fixed_tables,
)
from scenegen.steps.exchange.placed_scene import PlacedScene, job_library
from scenegen.steps.exchange.samples import samples_of
from scenegen.steps.exchange.survey import ExportJob

PARTS = "parts"
"""The folder of the scenes' records, until they are joined."""


@dataclass(frozen=True)
class NuscenesWriter:
    """Writes nuScenes scenes into `folder`; `origin` tells the tokens of one data set from those of others."""

    folder: Path
    library: Path
    classes: ClassMap
    has_maps: bool
    origin: str

    def path_of(self, index: int) -> Path:
        """The file with the records of scene `index`, until `finish` joins them."""
        return self.folder / PARTS / f"{index:06d}.json"

    def write_scene(self, stored: StoredScene) -> None:
        """Write a scene's images, points, depth and map, and its records."""
        records = SceneRecords(self.folder, PlacedScene(stored, self.library, self.has_maps), self.classes, self.origin)
        write_text(self.path_of(stored.index), json.dumps(records.made()))

    def finish(self, dataset: Dataset, _credits: Sequence[Credit], _workers: int) -> dict[str, int]:
        """Write the tables, and remove the files that the scenes left for them."""
        parts = [self.path_of(index) for index in dataset.indices]
        tables, counts = self.folder / VERSION, dict.fromkeys(SCENE_TABLES, 0)
        names = []
        with contextlib.ExitStack() as stack:
            lists = {name: stack.enter_context(_list_file(tables / f"{name}.json")) for name in SCENE_TABLES}
            for part in parts:
                for name, records in json.loads(part.read_text(encoding="utf-8")).items():
                    for record in records:
                        lists[name].write((",\n" if counts[name] else "") + json.dumps(record))
                        counts[name] += 1
                    names += [record["name"] for record in records if name == "scene"]
        categories = category_names(self.classes)
        channels = (*dict.fromkeys(c for s in dataset for one in samples_of(s.scene) for c, _ in one.cameras), LIDAR)
        for name, records in fixed_tables(categories, channels).items():
            write_text(tables / f"{name}.json", json.dumps(records, indent=1))
        write_text(tables / "splits.json", json.dumps({f"scenegen_{dataset.info.request.split}": names}))
        write_text(self.folder / "colormap.json", json.dumps(colormap(self.classes, categories), indent=1))
        for part in parts:
            part.unlink()
        (self.folder / PARTS).rmdir()
        return {"samples": counts["sample"], "boxes": counts["sample_annotation"], "instances": counts["instance"]}


def start_nuscenes(job: ExportJob) -> NuscenesWriter:
    """Make the folders. UsageError for a class without a category, ScenegenError for a library that is missing."""
    classes = read_class_map("nuscenes", job.dataset.info.classes, job.class_map, None)
    library = job_library(job)
    folders = ("maps", "depth", f"samples/{LIDAR}", f"lidarseg/{VERSION}", VERSION, PARTS)
    for name in folders:
        (job.folder / name).mkdir(parents=True, exist_ok=True)
    return NuscenesWriter(job.folder, library, classes, job.dataset.maps, dataset_origin(job.dataset))


@contextlib.contextmanager
def _list_file(path: Path) -> Iterator[IO[str]]:
    """A JSON list to write records into, with commas between them."""
    with path.open("w", encoding="utf-8") as file:
        file.write("[\n")
        yield file
        file.write("\n]\n")
