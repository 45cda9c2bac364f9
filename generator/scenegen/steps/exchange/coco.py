"""COCO: instances.json with run-length masks, licences and credits, beside the images.

    OUT/instances.json              info, licenses, categories, images, annotations (cocodataset.org, "format-data")
    OUT/images/000017_0.png         scene 17, camera 0, as stored
    OUT/CREDITS.txt, CREDITS.json   every asset shown, its author, licence and source

An annotation is the visible part of one object in one image. Beyond COCO's keys it names the object's id in its scene
and its asset; an image names its scene and camera, and under `license` all the licences of what it shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from scenegen.core.dataset.credits import Credit, credits_text, licence_url, scene_credits
from scenegen.core.dataset.reading import Dataset, StoredScene
from scenegen.core.files import write_text
from scenegen.steps.exchange.coco_rle import encode_mask
from scenegen.steps.exchange.pieces import Survey, box_of, image_suffix

PARTS = ".parts"


@dataclass(frozen=True)
class Plan:
    """What the scenes have in common; `folder` is where everything goes."""

    folder: Path
    classes: tuple[str, ...]


def plan(dataset: Dataset, folder: Path, _surveys: Sequence[Survey], _assets: Path | None) -> Plan:
    """Make the folders."""
    for name in ("images", PARTS):
        (folder / name).mkdir(exist_ok=True)
    return Plan(folder, dataset.info.classes)


def piece(plan: Plan, index: int) -> Path:
    """What is there once scene `index` is done."""
    return plan.folder / PARTS / f"{index:06d}.json"


def write_scene(plan: Plan, stored: StoredScene) -> None:
    """Write a scene's images, and its images' and annotations' entries without ids and licences' numbers."""
    scene = stored.scene
    licence_of = {credit.name: credit.licence for credit in scene_credits(stored)}
    images = []
    for k, camera in enumerate(scene.cameras):
        content, instance = stored.encoded_image(k), stored.instance(k)
        name = f"{scene.index:06d}_{k}{image_suffix(content)}"
        (plan.folder / "images" / name).write_bytes(content)
        annotations = []
        for item in scene.objects:
            mask = instance == item.id + 1
            if not mask.any():
                continue
            left, top, right, bottom = box_of(mask)
            annotations.append(
                {
                    "category_id": plan.classes.index(item.class_name) + 1,
                    "iscrowd": 0,
                    "area": int(np.count_nonzero(mask)),
                    "bbox": [left, top, right - left + 1, bottom - top + 1],
                    "segmentation": encode_mask(mask),
                    "object": item.id,
                    "asset": item.asset,
                }
            )
        shown = sorted({licence_of[a["asset"]] for a in annotations if a["asset"] in licence_of})
        entry = {"file_name": name, "width": camera.width, "height": camera.height, "scene": scene.index, "camera": k}
        images.append({"image": entry, "licences": shown, "annotations": annotations})
    write_text(piece(plan, scene.index), json.dumps(images))


def finish(plan: Plan, dataset: Dataset, credits: Sequence[Credit], _workers: int) -> dict[str, int]:
    """Join the scenes' parts to instances.json, scene after scene, and remove them; how many of what there are."""
    parts = [piece(plan, index) for index in dataset.indices]
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

    info = {
        "description": f"{dataset.info.preset}, seed {dataset.info.seed}, split {dataset.info.split}",
        "version": dataset.info.scenegen,
        "contributor": "scenegen",
    }
    categories = [
        {"id": n, "name": name, "supercategory": dataset.info.preset} for n, name in enumerate(plan.classes, 1)
    ]
    with (plan.folder / "instances.json").open("w", encoding="utf-8") as file:
        file.write(f'{{"info": {json.dumps(info)}')
        _write_list(file, "licenses", ({"id": n, **_licence(names)} for names, n in numbers.items()))
        _write_list(file, "categories", categories)
        _write_list(file, "images", images())
        _write_list(file, "annotations", annotations())
        _write_list(file, "credits", json.loads(credits_text(credits, "json")))
        file.write("}\n")
    for part in parts:
        part.unlink()
    (plan.folder / PARTS).rmdir()
    return counts


def _images(parts: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for part in parts:
        yield from json.loads(part.read_text(encoding="utf-8"))


def _write_list(file: IO[str], key: str, entries: Iterable[dict[str, Any]]) -> None:
    """Entry after entry: those of a large data set would not fit in memory together."""
    file.write(f',\n"{key}": [')
    for number, entry in enumerate(entries):
        file.write((",\n" if number else "\n") + json.dumps(entry))
    file.write("]")


def _licence(names: tuple[str, ...]) -> dict[str, str]:
    return {"name": " and ".join(names), "url": licence_url(names[0]) if len(names) == 1 else ""}
