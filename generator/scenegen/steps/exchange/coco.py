"""COCO: instances.json with run-length masks, licences and credits, and panoptic.json, beside the images.

    OUT/instances.json              info, licenses, categories, images, annotations (cocodataset.org, "format-data")
    OUT/panoptic.json               the same images, with segments instead of masks (its "panoptic segmentation")
    OUT/panoptic/000017_0.png       segment numbers, red + 256 green + 65536 blue
    OUT/images/000017_0.png         scene 17, camera 0, as stored
    OUT/CREDITS.txt, CREDITS.json   every asset shown, its author, licence and source

An annotation is the visible part of one object in one image. Beyond COCO's keys it has the object's id in its scene and
its asset; an image has its scene and camera, and in `license` all the licences of what it shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.credits import Credit, credits_text, licence_url, scene_credits
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.files import write_text
from scenegen.core.scene.scene import Scene
from scenegen.steps.exchange.files import image_suffix
from scenegen.steps.exchange.masks import box_of, encode_mask
from scenegen.steps.exchange.panoptic import encode_segments, is_thing, segment_numbers, segments_info
from scenegen.steps.exchange.survey import ExportJob

PARTS = "parts"
"""The folder of the scenes' entries, until they are joined."""


@dataclass(frozen=True)
class CocoWriter:
    """Writes COCO scenes into `folder`; a category is a class of `classes`."""

    folder: Path
    classes: tuple[str, ...]

    def path_of(self, index: int) -> Path:
        """The file with the entries of scene `index`, until `finish` joins them."""
        return self.folder / PARTS / f"{index:06d}.json"

    def write_scene(self, stored: StoredScene) -> None:
        """Write a scene's images, and the entries of its images and annotations, without ids and licence numbers."""
        scene = stored.scene
        licence_of = {credit.name: credit.licence for credit in scene_credits(stored)}
        images = []
        for k, camera in enumerate(scene.cameras):
            content = stored.encoded_image(k)
            name = f"{scene.index:06d}_{k}{image_suffix(content)}"
            (self.folder / "images" / name).write_bytes(content)
            instance = stored.instance(k)
            annotations = list(self._annotations(scene, instance))
            segments = segment_numbers(scene, camera, instance, stored.depth_steps(k))
            (self.folder / "panoptic" / f"{scene.index:06d}_{k}.png").write_bytes(encode_segments(segments))
            shown = sorted({licence_of[a["asset"]] for a in annotations if a["asset"] in licence_of})
            entry = {
                "file_name": name,
                "width": camera.width,
                "height": camera.height,
                "scene": scene.index,
                "camera": k,
            }
            panoptic = segments_info(scene, segments)
            images.append({"image": entry, "licences": shown, "annotations": annotations, "segments": panoptic})
        write_text(self.path_of(scene.index), json.dumps(images))

    def _annotations(self, scene: Scene, instance: NDArray[np.uint16]) -> Iterator[dict[str, Any]]:
        """The entries of the objects that an instance map (H, W) shows."""
        for item in scene.objects:
            mask = instance == item.id + 1
            if not mask.any():
                continue
            box = box_of(mask)
            yield {
                "category_id": self.classes.index(item.class_name) + 1,
                "iscrowd": 0,
                "area": int(np.count_nonzero(mask)),
                "bbox": [box.left, box.top, box.right - box.left + 1, box.bottom - box.top + 1],
                "segmentation": encode_mask(mask),
                "object": item.id,
                "asset": item.asset,
            }

    def finish(self, dataset: Dataset, credits: Sequence[Credit], _workers: int) -> dict[str, int]:
        """Join the entries of all scenes in instances.json, scene after scene, and remove their files."""
        parts = [self.path_of(index) for index in dataset.indices]
        licences = {(licence,): None for licence in sorted({credit.licence for credit in credits})}
        licences |= dict.fromkeys(tuple(image["licences"]) for image in _images(parts) if image["licences"])
        numbers = {names: n for n, names in enumerate(licences, start=1)}
        counts = {"images": 0, "annotations": 0}

        def images() -> Iterator[dict[str, Any]]:
            for number, image in enumerate(_images(parts), start=1):
                counts["images"] = number
                licence = {"license": numbers[tuple(image["licences"])]} if image["licences"] else {}
                yield {"id": number, **image["image"], **licence}

        def annotations() -> Iterator[dict[str, Any]]:
            for number, image in enumerate(_images(parts), start=1):
                for annotation in image["annotations"]:
                    counts["annotations"] += 1
                    yield {"id": counts["annotations"], "image_id": number, **annotation}

        def segments() -> Iterator[dict[str, Any]]:
            for number, image in enumerate(_images(parts), start=1):
                file = f"{image['image']['scene']:06d}_{image['image']['camera']}.png"
                yield {"image_id": number, "file_name": file, "segments_info": image["segments"]}

        request = dataset.info.request
        info = {
            "description": f"{request.preset}, seed {request.seed}, split {request.split}",
            "version": dataset.info.scenegen,
            "contributor": "scenegen",
        }
        categories: list[dict[str, Any]] = [
            {"id": n, "name": name, "supercategory": request.preset} for n, name in enumerate(self.classes, 1)
        ]
        of_segments = [{**entry, "isthing": int(is_thing(entry["name"], self.classes))} for entry in categories]
        for name, kinds, entries in (
            ("instances", categories, annotations()),
            ("panoptic", of_segments, segments()),
        ):
            with (self.folder / f"{name}.json").open("w", encoding="utf-8") as file:
                file.write(f'{{"info": {json.dumps(info)}')
                _write_list(file, "licenses", ({"id": n, **_licence(names)} for names, n in numbers.items()))
                _write_list(file, "categories", kinds)
                _write_list(file, "images", images())
                _write_list(file, "annotations", entries)
                _write_list(file, "credits", json.loads(credits_text(credits, "json")))
                file.write("}\n")
        for part in parts:
            part.unlink()
        (self.folder / PARTS).rmdir()
        return counts


def start_coco(job: ExportJob) -> CocoWriter:
    """Make the folders."""
    for name in ("images", "panoptic", PARTS):
        (job.folder / name).mkdir(exist_ok=True)
    return CocoWriter(job.folder, job.dataset.info.classes)


def _images(parts: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for part in parts:
        yield from json.loads(part.read_text(encoding="utf-8"))


def _write_list(file: IO[str], key: str, entries: Iterable[dict[str, Any]]) -> None:
    """Write one entry after another: those of a large data set do not fit in memory together."""
    file.write(f',\n"{key}": [')
    for number, entry in enumerate(entries):
        file.write((",\n" if number else "\n") + json.dumps(entry))
    file.write("]")


def _licence(names: tuple[str, ...]) -> dict[str, str]:
    return {"name": " and ".join(names), "url": licence_url(names[0]) if len(names) == 1 else ""}
