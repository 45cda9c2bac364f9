"""Images of labels show what the labels hold, and the page opens without a network."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.box_scenes import CLASSES, box_info, make_box_scene, write_box_dataset
from PIL import Image
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError, SeveralErrors
from scenegen.core.scene.classes import class_color
from scenegen.core.scene.scene import GridSpec
from scenegen.steps.pack import pack
from scenegen.steps.preview.maps import draw_depth, draw_overlay
from scenegen.steps.preview.page import PageScene, page
from scenegen.steps.preview.sheets import write_preview
from scenegen.steps.preview.voxels import VIEWS, View, draw_voxels

GRID = GridSpec((-0.5, -0.5, 0.0), 0.1, (10, 10, 10))
RED, BLUE = class_color("chair"), class_color("table")


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box_dataset(tmp_path_factory.mktemp("boxes") / "set", 3)


def test_shards_without_maps_are_refused_in_one_line(boxes: Path, tmp_path: Path) -> None:
    pack(boxes, tmp_path / "packed", Packing("png", 95, False, 100.0))
    with pytest.raises(
        ScenegenError, match="was packed without depth and instance maps; preview the folders"
    ) as refused:
        write_preview(tmp_path / "packed")
    assert not isinstance(refused.value, SeveralErrors)


def test_the_folder_opens_offline(boxes: Path) -> None:
    index = write_preview(boxes, limit=2, title="Rooms & <labels>")
    assert index == boxes / "preview" / "index.html"
    text = index.read_text()
    assert "Rooms &amp; &lt;labels&gt;" in text
    assert "2 of 3 scenes" in text
    assert "human_box" in text
    assert not re.search(r"https?:|//|@import|url\(", text)
    links = set(re.findall(r'(?:src|href)="([^"]+)"', text))
    assert links == {"scene_000000.png", "scene_000001.png", "contact_sheet.png"}
    for link in links:
        with Image.open(index.parent / link) as image:
            image.load()
            assert image.width > 900
    assert not (index.parent / "scene_000002.png").exists()


def test_a_folder_can_be_named_and_all_scenes_are_the_default(boxes: Path, tmp_path: Path) -> None:
    index = write_preview(boxes, tmp_path / "demo")
    assert index.parent == tmp_path / "demo"
    assert len(list(index.parent.glob("scene_*.png"))) == 3
    (tmp_path / "file").touch()
    with pytest.raises(ScenegenError, match="cannot be made"):
        write_preview(boxes, tmp_path / "file" / "below")


def test_a_sheet_shows_the_images_as_they_are(boxes: Path, tmp_path: Path) -> None:
    """Tiles are scaled, and scaling keeps the mean colour."""
    index = write_preview(boxes, tmp_path / "demo", limit=1)
    with Image.open(index.parent / "scene_000000.png") as sheet:
        tile = np.asarray(sheet)[40:264, 8:232]
    assert tile.mean(axis=(0, 1)) == pytest.approx(Dataset(boxes)[0].images[0].mean(axis=(0, 1)), abs=1.5)


def test_presets_without_a_box_grid_show_frusta(tmp_path: Path) -> None:
    path = write_box_dataset(tmp_path / "set", 1, grid=None)
    index = write_preview(path)
    with Image.open(index.parent / "scene_000000.png") as sheet:
        assert sheet.size == (940, 40 + 4 * 232)
        rows = [sheet.crop((8, top, 232, top + 224)) for top in (272, 736)]
    scene = Dataset(path)[0]
    for item in scene.objects_in_view(0):
        if item.visible_pixels > 400 and (scene.frustum(0) == scene.classes.index(item.class_name) + 1).sum() > 200:
            shares = [share_of(row, class_color(item.class_name)) for row in rows]
            assert min(shares) > 0.002, (item.class_name, shares)


def test_many_views_are_counted_not_listed() -> None:
    scene = make_box_scene(1)
    seen = [dataclasses.replace(o, visible_pixels=(0, 7, 5) * 4) for o in scene.objects]
    many = dataclasses.replace(scene, cameras=scene.cameras * 4, objects=tuple(seen))
    text = page("t", box_info(1), 1, [PageScene(many, "s.png", (10, 10))])
    assert '<th class="number">views</th><th class="number">pixels</th>' in text
    assert text.count('<td class="number">8</td><td class="number">48</td>') == len(seen)


def test_every_object_is_listed_with_what_it_stands_on(boxes: Path) -> None:
    scene = make_box_scene(1)
    text = page("t", Dataset(boxes).info, 2, [PageScene(scene, "s.png", (10, 10))])
    assert text.count("<tr><td>") == len(scene.objects)
    assert "<td>laptop_box</td><td>table 0</td>" in text
    assert text.count("<td>floor</td>") == 4
    assert "40 x 48 x 32 voxels of 10 cm" in text


def test_names_from_scene_json_are_text_and_never_markup() -> None:
    """A browser's view of the page: an HTML parser finds the names as text, and no element or attribute of theirs."""
    script, image = "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'
    scene = make_box_scene(1)
    markup: Any = image  # an id is a number where scene.json is read; the page does not rely on that
    objects = tuple(dataclasses.replace(o, id=markup, class_name=script, asset=image) for o in scene.objects)
    info = dataclasses.replace(box_info(1, preset=image), classes=(script,))
    text = page(script, info, 1, [PageScene(dataclasses.replace(scene, objects=objects), "s.png", (10, 10))])
    seen = Elements()
    seen.feed(text)
    assert "script" not in seen.tags
    assert seen.tags.count("img") == 1
    assert seen.text.count(script) == 2 + 1 + len(objects) + 2  # title, heading, legend, classes, two parents
    assert seen.text.count(image) == 1 + 2 * len(objects)


class Elements(HTMLParser):
    """The tags of a page and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def share_of(picture: Image.Image, color: tuple[int, int, int]) -> float:
    """Share of pixels whose hue is that of a colour, at any brightness."""
    pixels = np.asarray(picture).astype(float)
    flat = pixels / np.maximum(np.linalg.norm(pixels, axis=-1, keepdims=True), 1)
    return float(((flat @ (np.array(color) / np.linalg.norm(color))) > 0.995).mean())


def cells(*boxes: tuple[slice, slice, slice, int]) -> np.ndarray:
    masks = np.zeros((10, 10, 10, 2), bool)
    for box in boxes:
        masks[box] = True
    return masks


LOW_X, HIGH_X, ALL, LOW = slice(1, 3), slice(7, 9), slice(2, 8), slice(0, 6)


def test_near_cubes_hide_far_ones_from_either_side() -> None:
    masks = cells((LOW_X, ALL, LOW, 0), (HIGH_X, ALL, LOW, 1))
    low_side = draw_voxels(masks, GRID, (RED, BLUE), View(180.0, 5.0), (200, 160))
    high_side = draw_voxels(masks, GRID, (RED, BLUE), View(0.0, 5.0), (200, 160))
    assert share_of(low_side, RED) > 0.1 > 0.02 > share_of(low_side, BLUE)
    assert share_of(high_side, BLUE) > 0.1 > 0.02 > share_of(high_side, RED)


def test_axes_are_not_mirrored() -> None:
    """Seen from -y, +x is to the right; seen from +x, +y is; and z is up."""
    masks = cells((LOW_X, ALL, LOW, 0), (HIGH_X, ALL, slice(0, 2), 1))
    front = np.asarray(draw_voxels(masks, GRID, (RED, BLUE), View(-90.0, 10.0), (200, 160))).astype(int)
    red, blue = front[..., 0] - front[..., 2] > 60, front[..., 2] - front[..., 0] > 60
    assert np.argwhere(red)[:, 1].max() < np.argwhere(blue)[:, 1].min()
    assert np.argwhere(red)[:, 0].min() < np.argwhere(blue)[:, 0].min()
    side = np.asarray(draw_voxels(masks.transpose(1, 0, 2, 3), GRID, (RED, BLUE), View(0.0, 10.0), (200, 160))).astype(
        int
    )
    red, blue = side[..., 0] - side[..., 2] > 60, side[..., 2] - side[..., 0] > 60
    assert np.argwhere(red)[:, 1].max() < np.argwhere(blue)[:, 1].min()


def test_of_two_classes_in_a_cell_the_rarer_shows() -> None:
    masks = cells((ALL, ALL, LOW, 0), (slice(4, 6), slice(4, 6), slice(5, 6), 1))
    assert share_of(draw_voxels(masks, GRID, (RED, BLUE), VIEWS[0], (200, 160)), BLUE) > 0.003


def test_an_empty_room_can_be_drawn() -> None:
    picture = draw_voxels(cells(), GRID, (RED, BLUE), VIEWS[0], (200, 160))
    assert share_of(picture, RED) == share_of(picture, BLUE) == 0.0


def test_colours_are_the_papers_and_others_are_settled_by_name() -> None:
    hue = {name: np.array(class_color(name)) for name in CLASSES}
    assert hue["chair"].argmax() == 0
    assert hue["nightstand"].argmax() == 1
    assert hue["table"].argmax() == 2
    assert hue["human"].argmax() == 2
    assert hue["human"].argmin() == 1
    assert hue["laptop"].min() > 230
    assert hue["bag"].argmin() == 2
    assert hue["bag"][:2].min() > 190
    assert class_color("sofa") == class_color("sofa")
    assert class_color("sofa") != class_color("lamp")


def test_overlays_colour_objects_and_dim_the_rest() -> None:
    image = np.full((40, 40, 3), 200, np.uint8)
    instance = np.zeros((40, 40), np.uint16)
    instance[10:30, 10:30] = 2
    picture = np.asarray(draw_overlay(image, instance, [RED, BLUE])).astype(int)
    assert picture[20, 20, 2] > picture[20, 20, 0] + 60
    assert picture[2, 2].max() < 120
    assert picture[10, 20].min() > 180


def test_near_depth_is_bright_and_nothing_is_black() -> None:
    depth = np.tile(np.linspace(1, 5, 50, dtype=np.float32), (50, 1))
    depth[:, 0] = 0
    depth[:, 1] = np.inf
    picture = np.asarray(draw_depth(depth)).astype(int).sum(axis=-1)
    assert picture[0, 0] == picture[0, 1] == 0
    assert (np.diff(picture[0, 3:-2]) <= 0).all()
    assert np.asarray(draw_depth(np.zeros((4, 4), np.float32))).max() == 0


def test_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match="no data set here"):
        write_preview(tmp_path)
