"""What Cycles shows of leaves on cards is what the labels say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.cut_out_assets import leaf_tree, write_cut_out
from PIL import Image

bpy = pytest.importorskip("bpy", reason="needs the bpy wheel")

from helpers.cycles_passes import cycles_passes  # noqa: E402
from scenegen.core.labels.depth_and_instances import rasterize  # noqa: E402
from scenegen.core.scene.scene import Camera, FrustumSpec  # noqa: E402

from blender_scripts.build.asset_cache import AssetCache  # noqa: E402
from blender_scripts.build.scene import build_camera, empty_file, link  # noqa: E402
from blender_scripts.render.cycles import Quality, configure, render_cameras  # noqa: E402

SIZE = 160
VIEW = Camera(
    "view", SIZE, SIZE, ((200.0, 0.0, 80.0), (0.0, 200.0, 80.0), (0.0, 0.0, 1.0)),
    ((1.0, 0.0, 0.0, 0.1), (0.0, 0.0, -1.0, 1.5), (0.0, 1.0, 0.0, 4.0), (0.0, 0.0, 0.0, 1.0)),
    FrustumSpec(0.5, 7.0, (8, 8, 8), 60.0),
)  # fmt: skip


@pytest.fixture
def target() -> Iterator[Any]:
    scene = empty_file()
    configure(scene, Quality(4, 4, 0), "cpu", 2)
    scene.cycles.use_denoising = False
    yield scene
    empty_file()


@pytest.mark.parametrize("soft", [False, True], ids=["mask", "soft"])
def test_cycles_shows_the_opaque_texels_of_leaf_cards_where_the_labels_are(
    target: Any, tmp_path: Path, soft: bool
) -> None:
    """Depth and index with Cycles' own rule: a surface counts where its alpha is at least one half."""
    # With one sample, Cycles ends some rays at an edge of low alpha: few leaves, so that little stands behind one.
    cards, alpha = leaf_tree(60 if soft else 300, soft=soft)
    write_cut_out(tmp_path / "library", "tree", "tree", cards, alpha)
    cache = AssetCache(tmp_path / "library")
    tree = bpy.data.objects.new("tree", cache.mesh("tree"))
    tree.pass_index = 1
    link(target, [tree])
    eye = build_camera(VIEW)
    link(target, [eye])
    depth, index = cycles_passes(target, eye, tmp_path)
    mesh = cache.label_mesh("tree")
    expected_depth, expected = rasterize([(0, mesh.vertices, mesh.faces, mesh.cut_out)], VIEW, None)
    whole = cache.arrays("tree")
    uncut = rasterize([(0, whole.vertices, whole.faces)], VIEW, None)[1]
    assert 0.05 < (expected > 0).mean() < 0.8 * (uncut > 0).mean()
    same = (index > 0) == (expected > 0)
    assert same.mean() >= (0.99 if soft else 0.999)
    assert (np.abs(depth - expected_depth)[same & (expected > 0)] < 0.002).mean() >= (0.97 if soft else 0.99)


def test_the_alpha_of_the_image_is_where_the_labels_are(target: Any, tmp_path: Path) -> None:
    cards, alpha = leaf_tree(300)
    write_cut_out(tmp_path / "library", "tree", "tree", cards, alpha)
    cache = AssetCache(tmp_path / "library")
    link(target, [bpy.data.objects.new("tree", cache.mesh("tree")), eye := build_camera(VIEW)])
    target.cycles.samples, target.cycles.filter_width = 1, 0.01
    target.render.film_transparent = True
    target.render.image_settings.color_mode = "RGBA"
    render_cameras(target, [eye], [tmp_path / "image.png"], 0)
    shown = np.asarray(Image.open(tmp_path / "image.png"))[..., 3]
    mesh = cache.label_mesh("tree")
    instance = rasterize([(0, mesh.vertices, mesh.faces, mesh.cut_out)], VIEW, None)[1]
    assert set(np.unique(shown)) == {0, 255}
    assert ((shown > 0) == (instance > 0)).mean() >= 0.995
