"""The camera that Cycles uses is the one that the labels use."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.blender_assets import write_ball, write_box
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation

bpy = pytest.importorskip("bpy", reason="needs the bpy wheel")

from helpers.cycles_passes import cycles_passes  # noqa: E402
from mathutils import Matrix  # noqa: E402
from scenegen.core.asset_library import Material  # noqa: E402
from scenegen.core.labels.depth_and_instances import rasterize  # noqa: E402
from scenegen.core.scene.scene import Camera, FrustumSpec  # noqa: E402

from blender_scripts.build.asset_cache import AssetCache  # noqa: E402
from blender_scripts.build.nodes import add, finish, new_material  # noqa: E402
from blender_scripts.build.scene import build_camera, empty_file, link  # noqa: E402
from blender_scripts.render.cycles import Quality, configure, render_cameras  # noqa: E402

FRUSTUM = FrustumSpec(0.5, 7.0, (8, 8, 8), 60.0)


def camera(width: int, height: int, focal: float, center: tuple[float, float], turn: Rotation, eye: Any) -> Camera:
    matrix = np.eye(4)
    matrix[:3, :3] = turn.as_matrix()
    matrix[:3, 3] = -turn.as_matrix() @ np.asarray(eye)
    K = ((focal, 0.0, center[0]), (0.0, focal, center[1]), (0.0, 0.0, 1.0))
    return Camera("test", width, height, K, tuple(map(tuple, matrix.tolist())), FRUSTUM)  # type: ignore[arg-type]


def project(view: Camera, point: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pixel coordinates by the book: K [R | t] X."""
    place = np.asarray(view.world_to_camera) @ np.append(point, 1.0)
    image = np.asarray(view.K) @ place[:3]
    return image[:2] / image[2]


@pytest.fixture
def target() -> Iterator[Any]:
    scene = empty_file()
    configure(scene, Quality(4, 4, 0), "cpu", 2)
    scene.cycles.use_denoising = False
    yield scene
    empty_file()


@pytest.mark.parametrize(
    ("width", "height", "center"), [(64, 64, (32.0, 32.0)), (80, 48, (47.5, 19.0)), (48, 80, (20.0, 51.0))]
)
def test_a_small_ball_lands_on_the_pixel_that_k_and_pose_say(
    target: Any, tmp_path: Path, width: int, height: int, center: tuple[float, float]
) -> None:
    turn = Rotation.from_euler("xyz", (107.0, 9.0, 31.0), degrees=True).inv()
    view = camera(width, height, 60.0, center, turn, (0.4, -0.7, 1.1))
    world_from_camera = np.linalg.inv(np.asarray(view.world_to_camera))
    glow = new_material("glow")
    finish(glow.node_tree, add(glow.node_tree, "ShaderNodeEmission", {"Color": (1, 1, 1)}).outputs[0])
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.1)
    ball = bpy.context.object
    ball.data.materials.append(glow)
    eye = build_camera(view)
    link(target, [eye])
    for pixel in ((12.0, 9.0), (width - 14.0, height - 10.0), (width / 2, height / 3)):
        ray = np.linalg.inv(np.asarray(view.K)) @ (*pixel, 1.0)
        point = (world_from_camera @ np.append(3.0 * ray, 1.0))[:3]
        assert project(view, point) == pytest.approx(pixel)
        ball.location = point
        render_cameras(target, [eye], [tmp_path / "ball.png"], 0)
        image = np.asarray(Image.open(tmp_path / "ball.png").convert("L"), dtype=float)
        assert image.shape == (height, width)
        rows, columns = np.indices(image.shape) + 0.5
        found = np.array([(image * columns).sum(), (image * rows).sum()]) / image.sum()
        assert np.abs(found - pixel).max() < 0.5


def test_cycles_own_depth_and_index_passes_agree_with_the_rasterizer(target: Any, tmp_path: Path) -> None:
    library = tmp_path / "library"
    write_box(library, "box", "table", (0.9, 0.5, 0.7), Material("a"))
    write_ball(library, "ball", "bag", 0.3, Material("a"))
    cache = AssetCache(library)
    turn = Rotation.from_euler("xyz", (-120.0, 0.0, 20.0), degrees=True).inv()
    view = camera(160, 120, 90.0, (83.0, 57.0), turn, (1.2, -3.2, 2.4))
    objects = []
    for number in range(8):
        angle = 0.8 * number
        pose = np.eye(4)
        pose[:3, :3] = 0.95 * Rotation.from_euler("z", 1.3 * number).as_matrix()
        pose[:3, 3] = (1.1 * math.cos(angle), 1.3 * math.sin(angle), 0.1 * number)
        name = ("box", "ball")[number % 2]
        thing = bpy.data.objects.new(name, cache.mesh(name))
        thing.matrix_world = Matrix(pose.tolist())
        thing.pass_index = number + 1
        link(target, [thing])
        vertices, faces = cache.arrays(name).vertices, cache.arrays(name).faces
        objects.append((number, vertices @ pose[:3, :3].T + pose[:3, 3], faces))
    eye = build_camera(view)
    link(target, [eye])
    depth, index = cycles_passes(target, eye, tmp_path)
    expected_depth, expected_index = rasterize(objects, view, None)
    assert len(np.unique(expected_index)) == 9
    same = index == expected_index
    assert same.mean() >= 0.995
    hit = same & (expected_index > 0)
    assert np.abs(depth - expected_depth)[hit].max() < 0.002
