"""The page of `scenegen view` in Debian's Chromium: what a person sees and does."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.box_scenes import CLASSES, GRID, labelled_box_scene, write_box_dataset, write_box_library
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from scenegen.core.scene.camera import ego_frame
from scenegen.core.scene.classes import class_color
from scenegen.core.scene.scene import GridSpec

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
VOXEL = (24, 21, 6)
"""The only occupied cell of scene 1, a table."""
CAMERA = 1
EGO_GRID, EGO_CELL = GridSpec((0.0, -1.0, 0.0), 0.2, (16, 10, 8)), (11, 6, 3)

NO_WEBGL = (
    "const get = HTMLCanvasElement.prototype.getContext; HTMLCanvasElement.prototype.getContext = "
    "function (kind, ...rest) { return kind === 'webgl2' ? null : get.call(this, kind, ...rest); }"
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

Open = Callable[..., Page]
Pixels = NDArray[np.int64]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of three scenes: whole, with one voxel alone, with a damaged scene.json."""
    path = write_box_dataset(tmp_path_factory.mktemp("view") / "boxes", 2)
    (path / "scenes" / "scene_000002").mkdir()
    masks = np.zeros((*GRID.shape, len(CLASSES)), bool)
    masks[*VOXEL, CLASSES.index("table")] = True
    np.save(path / "scenes" / "scene_000001" / "masks.npy", masks)
    write_ego_grids(path / "scenes" / "scene_000001")
    (path / "scenes" / "scene_000002" / "scene.json").write_text("{")
    return path


def write_ego_grids(scene: Path) -> None:
    """A grid before each camera of scene 1, with one occupied cell, a table's."""
    body = json.loads((scene / "scene.json").read_text())
    body["grids"] = [{"name": "ahead", "grid": asdict(EGO_GRID), "ego": True}]
    (scene / "scene.json").write_text(json.dumps(body))
    labels = np.zeros(EGO_GRID.shape, np.uint8)
    labels[EGO_CELL] = CLASSES.index("table") + 1
    for k in range(len(body["cameras"])):
        words, seen = labels.astype(np.uint16), np.full(labels.shape, 2, np.uint8)
        np.savez(scene / f"grid_ahead_{k}.npz", labels=labels, instances=words, visibility=seen)


@pytest.fixture(scope="module")
def address(data: Path) -> Iterator[str]:
    """Where its viewer answers, with the library at hand."""
    library = data.with_name("library")
    write_box_library(library)
    command = [sys.executable, "-m", "scenegen.cli.main", "view", str(data), "--assets", str(library), "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        match = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())
        assert match is not None
        yield match[0]
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def go(browser: Browser, address: str) -> Iterator[Open]:
    """Open the page at `#hash`. No message on the console, and no request that leaves this machine."""
    wrong: list[str] = []
    contexts = []

    def open_page(place: str, width: int = 1000, height: int = 620, script: str = "", **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.add_init_script(script)
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((address, "data:")) else wrong.append(r.url))
        page.goto(f"{address}#{place}")
        page.wait_for_selector(".scene-page[data-ready], .failed[data-ready], .card")
        if page.locator(".scene-page").count() and script != NO_WEBGL:
            page.wait_for_selector(".stage[data-painter=webgl]")  # before, the processor draws
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [line for line in wrong if "422" not in line] == []  # of the damaged scene


def pixels(page: Page, selector: str = ".stage") -> Pixels:
    """What the screen shows of an element, (H, W, 3), once all is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    picture = page.locator(selector).first.screenshot(animations="disabled")
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(np.int64)


def drawn(page: Page, action: Callable[[], Any]) -> Pixels:
    """The stage once an action has drawn it again."""
    before = page.locator(".stage").get_attribute("data-drawn")
    action()
    page.wait_for_function("(n) => document.querySelector('.stage').dataset.drawn !== n", arg=before)
    return pixels(page)


def overlay(page: Page, k: int, name: str) -> Pixels:
    """The labels that are painted over camera k's image, (H, W, 4)."""
    tile = page.locator(f"[data-camera='{k}']")
    tile.scroll_into_view_if_needed()
    page.wait_for_selector(f"[data-camera='{k}'][data-overlay='{name}']")
    picture = tile.locator("canvas.labels").evaluate("canvas => canvas.toDataURL()").partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture)))).astype(np.int64)


def test_the_overview_filters_and_opens_a_scene(go: Open) -> None:
    page = go("/")
    summary, cards = page.locator(".summary"), page.locator(".card")
    page.wait_for_function("() => document.querySelector('.summary').textContent === '3 scenes'")
    assert cards.all_inner_texts()[0].startswith("Scene 0")
    page.wait_for_selector(".card.loaded[data-scene='0']")
    alt = page.locator(".card[data-scene='0'] img").get_attribute("alt")
    assert alt is not None
    assert "1 human" in alt
    assert "damaged" in cards.nth(2).inner_text()
    page.locator("[data-filter-class=human]").click()  # the damaged scene shows none
    assert summary.inner_text() == "2 of 3 scenes"
    page.locator("#search").fill("1")
    assert summary.inner_text() == "1 of 3 scenes"
    assert "classes=5" in page.url
    assert "search=1" in page.url
    page.locator("#search").fill("bicycle")
    assert page.get_by_text("No scene matches").is_visible()
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_label("With faults or damage only").check()
    assert cards.count() == 1
    page.get_by_label("With faults or damage only").uncheck()
    page.locator(".card[data-scene='0']").click()
    page.wait_for_selector("[data-ready='0 box class']")
    assert page.url.endswith("#/scene/0")
    page.go_back()
    page.wait_for_selector(".card")


@pytest.mark.parametrize("turned", [False, True])
def test_a_known_voxel_is_drawn_at_its_known_pixel(go: Open, turned: bool) -> None:
    camera = labelled_box_scene(1)[0].cameras[CAMERA]
    grid, cell, volume = (EGO_GRID, EGO_CELL, f"grid:{CAMERA}") if turned else (GRID, VOXEL, "")
    centre = np.array(grid.origin) + grid.voxel_size * (np.array(cell) + 0.5)
    if turned:
        centre = (np.linalg.inv(ego_frame(camera)) @ [*centre, 1.0])[:3]
    x, y, z = (np.array(camera.world_to_camera) @ [*centre, 1.0])[:3]
    u, v = camera.K[0][0] * x / z + camera.K[0][2], camera.K[1][1] * y / z + camera.K[1][2]
    page = go(f"/scene/1?through={CAMERA}&opacity=1&overlay=voxels&volume={volume}")
    page.wait_for_selector(f"[data-ready='1 {volume or 'box'} class'] .stage.through[data-viewport]")
    page.locator(".opacity").evaluate("slider => { slider.style.visibility = 'hidden'; }")  # it is blue, too
    shown = pixels(page)
    left, low, width, height = map(float, (page.locator(".stage").get_attribute("data-viewport") or "").split())
    border = (shown.shape[0] - page.locator(".stage-canvas").evaluate("c => c.clientHeight")) / 2
    column = left + u / camera.width * width
    row = border + shown.shape[0] - 2 * border - low - height + v / camera.height * height
    blue = (shown * [-1, 0, 1]).sum(axis=-1) > 60  # a table's; the photograph has none
    assert blue[int(row), int(column)]
    rows, columns = np.nonzero(blue)
    assert np.hypot(rows.mean() + 0.5 - row, columns.mean() + 0.5 - column) < 0.7
    reach = camera.K[0][0] * grid.voxel_size / z / camera.width * width  # of a voxel, in pixels of the screen
    assert max(np.ptp(rows), np.ptp(columns)) < 2 * reach
    if turned:
        return  # images are painted with the room's grid

    painted = overlay(page, CAMERA, "voxels")[..., 3] > 0  # by casting rays, without WebGL
    rows, columns = np.nonzero(painted)
    assert np.hypot(rows.mean() + 0.5 - v, columns.mean() + 0.5 - u) < 0.5


def test_overlays_hold_what_the_maps_hold(go: Open) -> None:
    scene, labels = labelled_box_scene(0)
    page = go("/scene/0?overlay=class")
    instance = labels.instances[1]
    inner = np.ones(instance.shape, bool)  # edges are drawn lighter
    inner[1:-1, 1:-1] = False
    for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
        inner |= np.roll(instance, shift, axis) != instance
    painted = overlay(page, 1, "class")
    assert np.array_equal(painted[..., 3] > 0, instance > 0)
    for item in scene.objects:
        of_object = painted[(instance == item.id + 1) & ~inner][:, :3]
        assert np.abs(of_object - class_color(item.class_name)).max(initial=0) <= 2  # canvases keep premultiplied bytes
    page.locator(".images-area [data-value=depth]").click()
    depth = overlay(page, 1, "depth")[..., :3].sum(axis=-1)
    near = np.argsort(labels.depths[1].ravel())
    assert depth.ravel()[near[:50]].min() > depth.ravel()[near[-50:]].max()  # near is bright
    page.locator(".images-area [data-value=voxels]").click()
    assert ((overlay(page, 1, "voxels")[..., 3] > 0) >= (instance > 0)).mean() > 0.999  # voxels hold their objects


def test_each_control_changes_the_view_and_changes_it_back(go: Open) -> None:
    page = go("/scene/0?frusta=0")
    page.wait_for_selector(".stage[data-drawn]")
    first = pixels(page)
    for there, back in (
        (".stage-area [data-value=instance]", ".stage-area [data-value=class]"),
        (".stage-area [data-value=visibility]", ".stage-area [data-value=class]"),
        ("[data-toggle=boxes]", "[data-toggle=boxes]"),
        ("[data-toggle=axes]", "[data-toggle=axes]"),
        ("[data-toggle=frusta]", "[data-toggle=frusta]"),
        ("[data-toggle=mesh]", "[data-toggle=mesh]"),
        ("[data-class=table]", "[data-class=table]"),
        (".slices [data-value=z]", ".slices [data-value='']"),
        ("[data-object='3']", "[data-object='3']"),
        (".stage-area [data-value='1']", ".stage-area [data-value='-1']"),
    ):
        other = drawn(page, page.locator(there).click)
        assert other.shape == first.shape, there  # nothing jumps
        changed = (np.abs(other - first).max(axis=-1) > 12).sum()
        assert changed > 40, there
        page.mouse.move(2, 2)
        drawn(page, page.locator(back).click)
        page.mouse.move(2, 2)
        assert (np.abs(pixels(page) - first).max(axis=-1) > 12).sum() == 0, back
    assert page.url.endswith("#/scene/0?frusta=0")
    # A hidden class loses its colour and no other does.
    green = (first[..., 1] - first[..., [0, 2]].max(axis=-1)) > 30  # the nightstand's
    blue = (first[..., 2] - first[..., [0, 1]].max(axis=-1)) > 60  # the table's
    hidden = drawn(page, page.locator("[data-class=nightstand]").click)
    assert ((hidden[..., 1] - hidden[..., [0, 2]].max(axis=-1)) > 30).sum() == 0 < green.sum()
    assert ((hidden[..., 2] - hidden[..., [0, 1]].max(axis=-1)) > 60).sum() >= blue.sum()


def test_models_stand_where_the_photographs_show_them(go: Open) -> None:
    """Boxes cover the pixels of the instance map, which was cast without any code of this program."""
    scene, labels = labelled_box_scene(0)
    page = go(f"/scene/0?mesh=1&color=class&opacity=1&through={CAMERA}")
    page.wait_for_selector(".stage.through[data-viewport]")
    page.locator(".opacity").evaluate("slider => { slider.style.visibility = 'hidden'; }")
    shown = pixels(page)
    left, low, width, height = map(float, (page.locator(".stage").get_attribute("data-viewport") or "").split())
    instance = labels.instances[CAMERA]
    table = next(item for item in scene.objects if item.class_name == "table")
    rows, columns = np.nonzero(instance == table.id + 1)
    size = scene.cameras[CAMERA].width
    x = (left + (columns + 0.5) / size * width).astype(int)
    y = (shown.shape[0] - low - height + (rows + 0.5) / size * height).astype(int)
    blue = (shown * [-1, 0, 1]).sum(axis=-1) > 60  # a table's
    assert blue[y, x].mean() > 0.95  # all but some along the edges
    assert blue.sum() < 1.1 * len(rows) * (width / size) * (height / size)


def test_keys_and_the_address_say_what_is_shown(go: Open) -> None:
    page = go("/scene/0")
    page.wait_for_selector(".stage[data-drawn]")
    for key in ("i", "b", "z", "2", "o"):
        page.keyboard.press(key)
    page.wait_for_selector("[data-ready='0 box instance']")
    for part in ("color=instance", "boxes=1", "slice=z", "through=1", "overlay=instance"):
        assert part in page.url
    shown = pixels(page)
    other = go(page.url.partition("#")[2])
    other.wait_for_selector(".stage.through[data-drawn]")
    assert (np.abs(pixels(other) - shown).max(axis=-1) > 12).mean() < 0.002
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[data-ready='1 box instance']")
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.wait_for_selector(".card")


def test_what_is_under_the_mouse_is_named(go: Open) -> None:
    scene, labels = labelled_box_scene(0)
    page = go("/scene/0")
    rows, columns = np.nonzero(labels.instances[0] == 5)  # object 4, the laptop on the table
    tile = page.locator("[data-camera='0'] .frame")
    box = tile.bounding_box()
    assert box is not None
    at = [int(np.median(columns)), int(np.median(rows))]
    page.mouse.move(box["x"] + (at[0] + 0.5) * box["width"] / 96, box["y"] + (at[1] + 0.5) * box["height"] / 96)
    page.wait_for_selector(".tooltip:not([hidden])")
    text = page.locator(".tooltip").inner_text()
    pixels_here = scene.objects[4].visible_pixels or tuple(int((m == 5).sum()) for m in labels.instances)
    for part in ("laptop", "laptop_box", "nobody", "CC0", "table 0", f"{pixels_here[0]} pixels"):
        assert part in text
    page.mouse.move(2, 2)
    page.wait_for_selector(".tooltip", state="hidden")


def test_a_damaged_scene_says_so_and_the_next_one_works(go: Open) -> None:
    page = go("/scene/2")
    assert "scene_000002/scene.json: damaged" in page.locator(".failed").inner_text()
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("[data-ready='1 box class']")


def test_an_address_without_its_slash_and_one_that_is_none(go: Open) -> None:
    go("scene/1").wait_for_selector("[data-ready='1 box class']")
    assert "#/scen/1: there is no such place" in go("/scen/1").locator(".failed").inner_text()


def test_an_image_that_was_cut_off_says_so(go: Open, data: Path) -> None:
    image = data / "scenes" / "scene_000000" / "image_1.png"
    whole = image.read_bytes()
    image.write_bytes(whole[: len(whole) // 2])
    try:
        tile = go("/scene/0").locator("[data-camera='1']")
        tile.scroll_into_view_if_needed()
        tile.locator(".frame.broken").wait_for()
        assert "image_1.png: damaged" in tile.inner_text()
    finally:
        image.write_bytes(whole)


@pytest.mark.parametrize("place", ["", "?through=1&boxes=1", "?color=instance&slice=z&axes=1&frusta=0"])
def test_without_webgl_the_processor_draws_the_same(go: Open, place: str) -> None:
    page = go(f"/scene/0{place}", script=NO_WEBGL)
    page.wait_for_selector(".stage[data-painter=software][data-drawn]")
    assert "shows no WebGL 2" in page.locator("[data-problem=webgl]").inner_text()
    page.locator("[data-problem=webgl]").evaluate("note => { note.style.visibility = 'hidden'; }")
    ours, theirs = pixels(page), pixels(go(f"/scene/0{place}"))
    apart = np.abs(ours - theirs).max(axis=-1)
    assert np.median(apart[apart > 0], axis=None) < 40  # steps along edges, which WebGL smooths
    assert (apart > 40).mean() < 0.02
    assert np.ptp(ours, axis=(0, 1)).min() > 60  # it is a picture
    turned = drawn(page, lambda: page.evaluate("() => { location.hash = '/scene/0?orbit=40_20_7_0_0_0.5'; }"))
    assert (np.abs(turned - ours).max(axis=-1) > 40).mean() > 0.02


def test_without_webgl_images_have_their_overlays(go: Open) -> None:
    page = go("/scene/0?overlay=voxels", script=NO_WEBGL)
    assert (overlay(page, 0, "voxels")[..., 3] > 0).any()


def test_a_narrow_screen_holds_all(go: Open) -> None:
    for place in ("/", "/scene/0"):
        page = go(place, width=390, height=780, has_touch=True, is_mobile=True)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        hidden = page.evaluate(
            "() => [...document.querySelectorAll('.stage, .images-area .segmented, .head button')]"
            ".filter((e) => e.getBoundingClientRect().right > 391).map((e) => e.className)"
        )
        assert hidden == []
    assert page.locator(".head button[title^='Keys']").is_visible()
    light = page.locator("html").get_attribute("data-theme")
    page.locator(".head button[title^='Dark']").tap()
    assert light == "dark"
    assert page.locator("html").get_attribute("data-theme") == "light"
