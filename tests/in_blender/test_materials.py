"""Every material that scenegen knows renders as something: not black, not magenta."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.blender_assets import write_ball, write_box
from numpy.typing import NDArray
from PIL import Image

bpy = pytest.importorskip("bpy", reason="needs the bpy wheel")

from scenegen.core.asset_library import Material  # noqa: E402
from scenegen.core.layout.cameras import make_cameras  # noqa: E402
from scenegen.core.preset.preset_file import load_preset  # noqa: E402
from scenegen.core.rng import stream  # noqa: E402
from scenegen.core.scene.scene import Camera, Look, SurfaceLook  # noqa: E402

from blender_scripts.build.asset_cache import AssetCache  # noqa: E402
from blender_scripts.build.room import build_shell, build_world  # noqa: E402
from blender_scripts.build.scene import build_camera, empty_file, link, purge_scene  # noqa: E402
from blender_scripts.render.cycles import QUALITIES, Quality, configure, render_cameras  # noqa: E402
from blender_scripts.render_asset_sheet import render_sheet  # noqa: E402

KINDS = ("plain", "wood", "fabric", "leather", "metal", "plastic", "glass", "paint", "stone")
KINDS += ("brick", "tiles", "concrete")
SURFACES = ("planks", "parquet", "tiles", "carpet", "concrete", "paint", "plaster", "brick", "wallpaper")
GREEN = (0.2, 0.5, 0.25)


def sheet_middle(library: Path, out: Path, name: str) -> NDArray[np.float64]:
    """Mean colour of the middle of an asset's image, in [0, 255]."""
    paths = list(render_sheet(library, out, name, 32, 4, "front"))
    return np.asarray(Image.open(paths[0]), dtype=float)[10:22, 10:22].mean(axis=(0, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_object_materials(kind: str, tmp_path: Path) -> None:
    write_ball(tmp_path, "ball", "bag", 0.2, Material("a", kind, GREEN, GREEN, scale=0.2))
    red, green, blue = sheet_middle(tmp_path, tmp_path / "out", "ball")
    assert green > 50
    assert green > max(red, blue)  # also what "not magenta" means


def test_missing_and_broken_textures_turn_neutral_grey(tmp_path: Path) -> None:
    for name, content in (("missing", None), ("broken", b"\x89PNG no more"), ("good", "png")):
        material = Material("a", "plain", GREEN, textures={"base_color": "textures/a.png"})
        folder = write_box(tmp_path, name, "bag", (0.4, 0.4, 0.4), material).folder
        (folder / "textures").mkdir()
        if content == "png":
            Image.new("RGB", (4, 4), (200, 30, 20)).save(folder / "textures/a.png")
        elif isinstance(content, bytes):
            (folder / "textures/a.png").write_bytes(content)
    for name in ("missing", "broken"):
        color = sheet_middle(tmp_path, tmp_path / "out", name)
        assert color.min() > 80
        assert np.ptp(color) < 6
    red, green, blue = sheet_middle(tmp_path, tmp_path / "out", "good")
    assert red > 2 * max(green, blue)


def test_flat_normals_stay_flat(tmp_path: Path) -> None:
    """A box's faces are each of one shade: a smoothed one shows a gradient."""
    write_box(tmp_path, "box", "bag", (0.4, 0.4, 0.4), Material("a"))
    path = next(iter(render_sheet(tmp_path, tmp_path / "out", "box", 64, 64, "front")))
    face = np.asarray(Image.open(path).convert("L"), dtype=float)[24:40, 20:44]
    assert np.ptp(face.mean(axis=0)) < 14


@pytest.mark.parametrize("kind", SURFACES)
def test_room_surfaces(kind: str, tmp_path: Path) -> None:
    target = empty_file()
    configure(target, Quality(4, 4, 1), "cpu", 2)
    surface = SurfaceLook(kind, GREEN, GREEN, 0.5, 0.3)
    look = Look(surface, surface, surface, (), "studio", 1.0, 0.0, 0.0)
    target.world = build_world(look)
    cameras = [build_camera(corner_camera())]
    link(target, [*build_shell((4.0, 4.8, 3.2), look), *cameras])
    render_cameras(target, cameras, [tmp_path / "room.png"], 0)
    image = np.asarray(Image.open(tmp_path / "room.png"), dtype=float)
    red, green, blue = image.mean(axis=(0, 1))
    assert green > 40
    assert green > max(red, 0.95 * blue)
    purge_scene()


def corner_camera() -> Camera:
    view = make_cameras(load_preset("studio"), stream(0, 0, "cameras"))[0]
    focal = view.K[0][0] * 32 / view.width
    return replace(view, width=32, height=32, K=((focal, 0.0, 16.0), (0.0, focal, 16.0), (0.0, 0.0, 1.0)))


def test_the_cache_drops_what_was_used_longest_ago(tmp_path: Path) -> None:
    empty_file()
    for name in ("a", "b", "c"):
        write_box(tmp_path, name, "bag", (0.4, 0.4, 0.4), Material("m"))
    cache = AssetCache(tmp_path, max_triangles=24)
    first = cache.mesh("a")
    cache.mesh("b")
    assert cache.mesh("a") is first
    cache.mesh("c")
    cache.trim()
    assert sorted(mesh.name for mesh in bpy.data.meshes) == ["a", "c"]
    assert sorted(material.name for material in bpy.data.materials) == ["a/m", "c/m"]
    purge_scene()
    assert len(bpy.data.meshes) == 2


def test_qualities_cost_more_and_more() -> None:
    samples = [QUALITIES[name].samples for name in ("draft", "standard", "high")]
    assert samples == sorted(set(samples))
