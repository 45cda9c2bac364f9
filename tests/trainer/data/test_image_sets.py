"""Photographs from folders, WebDataset shards and COCO: what is taken, how it is shown, and what is said."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webdataset
from click.testing import CliRunner
from helpers.trainer_boxes import write_boxes
from PIL import Image
from pycocotools.coco import COCO
from scenegen import Dataset
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.steps.exchange.export import export
from scenetrain.cli.main import cli
from scenetrain.config import EdgeSettings
from scenetrain.data.coco_images import CocoChoice, open_coco, square_around
from scenetrain.data.edges import canny_edges, edges_of, object_borders
from scenetrain.data.image_sets import Broken, ImageSet, open_image_set, upright_images
from skimage import data as photographs
from skimage.segmentation import find_boundaries

CAT = photographs.chelsea()  # (300, 451, 3)


def shown(images: ImageSet) -> dict[str, np.ndarray | str]:
    return {file.name: i.reason if isinstance(i, Broken) else np.asarray(i) for file, i in upright_images(images)}


def jpeg(image: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG")
    return content.getvalue()


def test_images_in_shards_are_images_as_others(tmp_path: Path) -> None:
    """Written by webdataset itself; a shard cut short, and a compressed one, are named and counted."""
    with webdataset.TarWriter(str(tmp_path / "a-000.tar")) as writer:
        for i in range(3):
            writer.write({"__key__": f"cat/{i:03d}", "jpg": jpeg(CAT[:, i * 50 : 200 + i * 50]), "json": {"number": i}})
    Image.fromarray(CAT).save(tmp_path / "b.png")
    whole = (tmp_path / "a-000.tar").read_bytes()
    (tmp_path / "c.tar").write_bytes(whole[: len(whole) // 2])
    with tarfile.open(tmp_path / "d.tar.gz", "w:gz"):
        pass
    images = open_image_set(tmp_path, 100)
    found = shown(images)
    assert list(found) == [
        *(f"a-000.tar/cat/{i:03d}.jpg" for i in range(3)),
        "b.png",
        "c.tar/cat/000.jpg",
        "c.tar/cat/001.jpg",
        "c.tar",
        "d.tar.gz",
    ]
    assert images.total == 8
    expected = np.asarray(Image.open(io.BytesIO(jpeg(CAT[:, 50:250]))))
    assert np.array_equal(found["a-000.tar/cat/001.jpg"], expected) and np.array_equal(found["b.png"], CAT)
    assert np.array_equal(found["c.tar/cat/000.jpg"], found["a-000.tar/cat/000.jpg"])
    assert "bytes too early" in found["c.tar/cat/001.jpg"] and "damaged shard" in found["c.tar"]
    assert "decompress it" in found["d.tar.gz"]


def test_scenes_are_no_photographs(tmp_path: Path) -> None:
    write_boxes(tmp_path / "data", 1)
    with pytest.raises(ScenegenError, match=r"scene_000000: is a scene; give the folder of its data set"):
        open_image_set(tmp_path / "data" / "scenes", 10)


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photographs: a cat of a polygon and a small dog of run lengths; a dog in a group."""
    folder = tmp_path_factory.mktemp("coco")
    for name in ("one.jpg", "two.jpg"):
        Image.fromarray(CAT).save(folder / name)
    height, width = CAT.shape[:2]
    runs = {"size": [height, width], "counts": [10 * height + 20, 30, height * (width - 10) - 50]}
    names = ((7, "one.jpg"), (9, "two.jpg"))
    body: dict[str, Any] = {
        "images": [{"id": i, "file_name": n, "width": width, "height": height} for i, n in names],
        "categories": [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 17, "bbox": [100, 50, 200, 100], "iscrowd": 0, "area": 20000,
             "segmentation": [[100, 50, 300, 50, 300, 150, 100, 150]]},
            {"id": 2, "image_id": 7, "category_id": 18, "bbox": [10, 20, 1, 30], "iscrowd": 0, "area": 30,
             "segmentation": runs},
            {"id": 3, "image_id": 9, "category_id": 18, "bbox": [10, 20, 90, 90], "iscrowd": 1, "area": 30,
             "segmentation": runs},
        ],
    }  # fmt: skip
    (folder / "instances.json").write_text(json.dumps(body))
    return folder


def test_coco_gives_images_with_chosen_classes(coco: Path) -> None:
    annotations = coco / "instances.json"
    assert list(shown(open_coco(coco, CocoChoice(annotations, ("cat",)), 9))) == ["one.jpg"]
    (file,) = open_coco(coco, CocoChoice(annotations), 9).files
    assert file.objects
    oracle = COCO(str(annotations))
    cat, dog = (oracle.annToMask(oracle.anns[number]) for number in (1, 2))
    assert np.array_equal(file.objects(), np.where(dog, 2, cat))
    crops = open_coco(coco, CocoChoice(annotations, shown="crop"), 9)
    assert crops.notes == (f"{annotations}: 1 objects of less than 64 pixels are not cut out",)
    assert list(shown(crops)) == ["one.jpg:80,0,240,240"]
    image = np.asarray(Image.open(coco / "one.jpg"))
    assert np.array_equal(shown(crops)["one.jpg:80,0,240,240"], image[:240, 80:320])
    (masked,) = shown(open_coco(coco, CocoChoice(annotations, ("cat",), "mask"), 9)).values()
    inside = cat[:240, 80:320] > 0
    assert np.array_equal(masked[inside], image[:240, 80:320][inside]) and (masked[~inside] == 127).all()


def test_what_is_wrong_with_coco_is_said(coco: Path, tmp_path: Path) -> None:
    annotations = coco / "instances.json"
    with pytest.raises(UsageError, match="no class 'bus'; its classes: cat, dog"):
        open_coco(coco, CocoChoice(annotations, ("bus",)), 9)
    with pytest.raises(ScenegenError, match="no image shows an object of dog of 64 pixels or more"):
        open_coco(coco, CocoChoice(annotations, ("dog",), "crop"), 9)
    (tmp_path / "captions.json").write_text('{"images": [], "annotations": []}')
    with pytest.raises(
        ScenegenError, match=r"captions.json: not COCO's annotations of objects \(categories: is missing"
    ):
        open_coco(coco, CocoChoice(tmp_path / "captions.json"), 9)
    above = tmp_path / "above.json"
    above.write_text(annotations.read_text().replace("one.jpg", "../one.jpg"))
    with pytest.raises(ScenegenError, match=r"above.json: '../one.jpg' is no image below"):
        open_coco(coco, CocoChoice(above), 9)
    Image.fromarray(CAT[:100]).save(tmp_path / "one.jpg")
    found = shown(open_coco(tmp_path, CocoChoice(annotations), 9))["one.jpg"]
    assert "has 451 x 100 pixels, its annotations are for 451 x 300" in found
    said = CliRunner().invoke(cli, ["realism", str(coco), "--real", str(coco), "--classes", "cat"])
    assert said.exit_code == 2 and "give them with --coco" in said.output
    said = CliRunner().invoke(cli, ["fit", "--data", str(coco), "--out", str(tmp_path), "--coco", str(annotations)])
    assert said.exit_code == 2 and "paints photographs" in said.output


def test_exported_scenes_have_the_masks_of_their_instance_maps(tmp_path: Path) -> None:
    data = Dataset(write_boxes(tmp_path / "data", 1))
    for k in range(3):
        numbers = np.zeros((224, 224), np.uint16)
        numbers[40 : 90 + k, 30:100] = 1
        numbers[60:120, 80:150] = 2
        Image.fromarray(numbers).save(tmp_path / f"data/scenes/scene_000000/instance_{k}.png")
    export(tmp_path / "data", tmp_path / "coco", "coco")
    images = open_coco(tmp_path / "coco" / "images", CocoChoice(tmp_path / "coco" / "instances.json"), 9)
    assert len(images.files) == 3
    for k, file in enumerate(images.files):
        assert file.objects
        assert np.array_equal(object_borders(file.objects()), object_borders(data[0].instance(k)))


def test_the_square_around_an_object_stays_in_its_image() -> None:
    assert square_around((10, 20, 50, 40), (640, 480)) == (5, 10, 65, 70)
    assert square_around((0, 0, 100, 20), (640, 480)) == (0, 0, 120, 120)
    assert square_around((100, 50, 500, 300), (640, 480)) == (40, 0, 640, 480)


def test_borders_join_the_edges_of_the_image() -> None:
    objects = np.zeros(CAT.shape[:2], np.uint16)
    objects[100:200, 150:250] = 3
    borders = object_borders(objects)
    outline = find_boundaries(objects, mode="thick")
    assert 2 * borders.sum() == outline.sum() + 2 and (borders <= outline).all()
    plain, with_borders = EdgeSettings(), EdgeSettings(borders=True)
    assert np.array_equal(edges_of(CAT, None, plain), canny_edges(CAT, plain))
    assert np.array_equal(edges_of(CAT, objects, with_borders), canny_edges(CAT, plain) | borders)
