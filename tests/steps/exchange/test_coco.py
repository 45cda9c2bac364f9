"""COCO exports as pycocotools reads them, against the instance maps they came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.box_scenes import CLASSES, labelled_box_scene
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from scenegen.cli.main import cli
from scenegen.core.dataset.credits import licence_url
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.scene.scene import ROOM_SURFACES
from scenegen.steps.exchange.coco import CocoWriter
from scenegen.steps.exchange.export import export
from scenegen.steps.exchange.masks import encode_mask
from scenegen.steps.pack import pack
from scenegen.steps.relabel import relabel

FILES = ["CREDITS.json", "CREDITS.txt", "images", "instances.json", "panoptic", "panoptic.json"]


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=70), elements=st.booleans()))
def test_run_lengths_decode_to_the_mask(mask: np.ndarray) -> None:
    """The decoder of this test follows the text of COCO's format and uses no library."""
    encoded = json.loads(json.dumps(encode_mask(mask)))
    assert encoded["size"] == list(mask.shape)
    np.testing.assert_array_equal(decoded(encoded["counts"], mask.shape), mask)


def decoded(counts: str, shape: tuple[int, ...]) -> np.ndarray:
    """Runs go down the columns, false first; from the fourth on each is stored as its difference to the one two before.

    A number is groups of five bits, lowest first, each plus 48 as a character; bit 5 says that another group follows.
    """
    runs: list[int] = []
    number = bits = 0
    for character in counts:
        group = ord(character) - 48
        number |= (group & 31) << bits
        bits += 5
        if group & 32:
            continue
        if group & 16:
            number -= 1 << bits
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number = bits = 0
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape(shape[::-1]).T


@pytest.fixture(scope="module")
def exported(box_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("coco") / "out"
    done = export(box_set, out, "coco")
    assert (done.scenes, done.counts["images"]) == (2, 6)
    return out


def test_pycocotools_reads_what_rays_saw(exported: Path) -> None:
    reader = COCO(str(exported / "instances.json"))
    assert [c["name"] for c in reader.loadCats(reader.getCatIds())] == list(CLASSES)
    assert len(reader.getImgIds()) == 6
    seen = 0
    for image in reader.loadImgs(reader.getImgIds()):
        scene, labels = labelled_box_scene(image["scene"])
        instance = labels.instances[image["camera"]]
        assert (image["height"], image["width"]) == instance.shape
        with Image.open(exported / "images" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])
        joined = np.zeros_like(instance)
        for annotation in reader.loadAnns(reader.getAnnIds(imgIds=image["id"])):
            mask = reader.annToMask(annotation).astype(bool)
            joined[mask] = annotation["object"] + 1
            run_lengths = reader.annToRLE(annotation)
            assert annotation["area"] == coco_mask.area(run_lengths) == mask.sum()
            assert annotation["bbox"] == coco_mask.toBbox(run_lengths).tolist()
            assert annotation["iscrowd"] == 0
            item = scene.objects[annotation["object"]]
            (kind,) = reader.loadCats(annotation["category_id"])
            assert (kind["name"], annotation["asset"]) == (item.class_name, item.asset)
            seen += 1
        np.testing.assert_array_equal(joined, instance)
    assert seen == len(reader.anns) > 20


def test_images_are_those_of_the_data_set(exported: Path, box_set: Path) -> None:
    theirs = (box_set / "scenes/scene_000001/image_2.png").read_bytes()
    assert (exported / "images/000001_2.png").read_bytes() == theirs
    assert sorted(p.name for p in exported.iterdir()) == FILES


def read_panoptic(out: Path) -> tuple[dict[str, Any], dict[int, dict[str, Any]], list[NDArray[np.int64]]]:
    """panoptic.json, its categories by id, and the segment numbers of each annotation, by COCO's own rule."""
    body = json.loads((out / "panoptic.json").read_text())
    maps = []
    for annotation in body["annotations"]:
        with Image.open(out / "panoptic" / annotation["file_name"]) as picture:
            red, green, blue = np.moveaxis(np.asarray(picture, np.int64), -1, 0)
        maps.append(red + green * 256 + blue * 256**2)
    return body, {c["id"]: c for c in body["categories"]}, maps


def test_segments_are_the_objects(exported: Path) -> None:
    body, categories, maps = read_panoptic(exported)
    assert all(c["isthing"] == 1 for c in categories.values())
    images = {image["id"]: image for image in body["images"]}
    for annotation, numbers in zip(body["annotations"], maps, strict=True):
        image = images[annotation["image_id"]]
        scene, labels = labelled_box_scene(image["scene"])
        expected = labels.instances[image["camera"]]
        assert set(np.unique(numbers)) - {0} == {s["id"] for s in annotation["segments_info"]}
        for segment in annotation["segments_info"]:
            mask = numbers == segment["id"]
            assert np.array_equal(mask, expected == segment["object"] + 1)
            assert segment["area"] == mask.sum()
            assert categories[segment["category_id"]]["name"] == scene.objects[segment["object"]].class_name
        assert np.array_equal(numbers > 0, expected > 0)


def test_a_rooms_surfaces_are_stuff(box_copy: Path, box_assets: Path, tmp_path: Path) -> None:
    relabel(box_copy, with_room=True, assets=box_assets)
    export(box_copy, tmp_path / "out", "coco")
    body, categories, maps = read_panoptic(tmp_path / "out")
    assert {c["name"] for c in categories.values() if not c["isthing"]} == set(ROOM_SURFACES)
    images = {image["id"]: image for image in body["images"]}
    seen = set()
    for annotation, numbers in zip(body["annotations"], maps, strict=True):
        stored = Dataset(box_copy)[images[annotation["image_id"]]["scene"]]
        k = images[annotation["image_id"]]["camera"]
        camera, depth = stored.cameras[k], stored.depth(k)
        v, u = np.mgrid[: camera.height, : camera.width] + 0.5
        places = np.linalg.inv(camera.K) @ (np.stack([u, v, np.ones_like(u)]) * depth).reshape(3, -1)
        world = (np.linalg.inv(camera.world_to_camera) @ np.vstack([places, np.ones_like(places[:1])]))[:3]
        assert stored.scene.room
        x, y, z = stored.scene.room
        away = [world[2], np.minimum(x / 2 - abs(world[0]), y / 2 - abs(world[1])), z - world[2]]
        for segment in annotation["segments_info"]:
            name = categories[segment["category_id"]]["name"]
            if name in ROOM_SURFACES:
                seen.add(name)
                assert (
                    abs(away[ROOM_SURFACES.index(name)].reshape(numbers.shape)[numbers == segment["id"]]).max() < 0.01
                )
        assert (numbers[stored.depth(k) > 0] > 0).all()
    assert seen == set(ROOM_SURFACES)


def test_licences_and_credits(exported: Path) -> None:
    body = json.loads((exported / "instances.json").read_text())
    (licence,) = body["licenses"]
    assert licence == {"id": 1, "name": "CC0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"}
    assert {image["license"] for image in body["images"]} == {1}
    shown = {annotation["asset"] for annotation in body["annotations"]}
    assert shown <= {credit["name"] for credit in body["credits"]}
    assert body["credits"] == json.loads((exported / "CREDITS.json").read_text())
    text = (exported / "CREDITS.txt").read_text()
    assert "CC0 (https://creativecommons.org/publicdomain/zero/1.0/)" in text
    assert '"A bag" by nobody, tests, modified' in text


def test_an_image_of_two_licences_has_both(box_copy: Path, tmp_path: Path) -> None:
    path = box_copy / "scenes/scene_000001/scene.json"
    body = json.loads(path.read_text())
    next(c for c in body["credits"] if c["asset"] == "chair_box")["licence"] = "CC-BY-4.0"
    path.write_text(json.dumps(body))
    export(box_copy, tmp_path / "out", "coco")
    reader = json.loads((tmp_path / "out/instances.json").read_text())
    names = {licence["id"]: licence["name"] for licence in reader["licenses"]}
    chairs = {a["image_id"] for a in reader["annotations"] if a["asset"] == "chair_box"}
    for image in reader["images"]:
        both = image["scene"] == 1 and image["id"] in chairs
        assert names[image["license"]] == ("CC-BY-4.0 and CC0" if both else "CC0")


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
        ("CC BY-NC-SA 3.0", "https://creativecommons.org/licenses/by-nc-sa/3.0/"),
        ("CC-BY-3.0-US", "https://creativecommons.org/licenses/by/3.0/us/"),
        ("CC-BY", "https://creativecommons.org/licenses/by/4.0/"),
        ("GPL-2.0-or-later", ""),
    ],
)
def test_where_licences_are_written(name: str, url: str) -> None:
    assert licence_url(name) == url


@pytest.mark.parametrize("image", ["png", "jpeg"])
def test_a_packed_data_set_exports_alike(image: str, exported: Path, box_set: Path, tmp_path: Path) -> None:
    pack(box_set, tmp_path / "packed", Packing(image, 95, True, 250))
    export(tmp_path / "packed", tmp_path / "out", "coco")
    was, now = (json.loads((place / "instances.json").read_text()) for place in (exported, tmp_path / "out"))
    assert now["annotations"] == was["annotations"]
    for entry in now["images"]:
        assert entry["file_name"].endswith(".png" if image == "png" else ".jpg")
        with Image.open(tmp_path / "out/images" / entry["file_name"]) as picture:
            assert picture.format == image.upper()
            assert picture.size == (entry["width"], entry["height"])


def test_a_broken_off_export_goes_on(box_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, made = tmp_path / "out", []
    write = CocoWriter.write_scene

    def failing(writer: CocoWriter, stored: object) -> None:
        if made:
            raise OSError(28, "No space left on device")
        made.append(stored)
        write(writer, stored)  # type: ignore[arg-type]

    monkeypatch.setattr(CocoWriter, "write_scene", failing)
    with pytest.raises(ScenegenError, match=r"No space left.*run the same command again"):
        export(box_set, out, "coco")
    assert not out.exists()
    (hidden,) = tmp_path.iterdir()
    (hidden / "parts/.000001.json-host-1").write_text("half")  # as a kill in the middle of a write leaves it
    (hidden / ".000001-1/rgb").mkdir(parents=True)
    monkeypatch.setattr(CocoWriter, "write_scene", lambda *a: (made.append(a), write(*a)))
    export(box_set, out, "coco")
    assert len(made) == 2  # the first scene was kept
    assert len(json.loads((out / "instances.json").read_text())["images"]) == 6
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]
    assert sorted(p.name for p in out.iterdir()) == FILES


def test_refusals(box_set: Path, tmp_path: Path) -> None:
    pack(box_set, tmp_path / "bare", Packing("jpeg", 90, False, 250))
    with pytest.raises(UsageError, match="packed without depth and instance maps"):
        export(tmp_path / "bare", tmp_path / "out", "coco")
    with pytest.raises(UsageError, match="exists already; name another OUT"):
        export(box_set, box_set, "coco")
    with pytest.raises(ScenegenError, match="no data set here"):
        export(tmp_path, tmp_path / "out", "coco")


def test_command(box_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["export", str(box_set), str(out), "--format", "coco", "--workers", "1", "--json"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["counts"]["annotations"] == len(COCO(str(out / "instances.json")).anns)
