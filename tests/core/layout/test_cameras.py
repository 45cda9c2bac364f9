from __future__ import annotations

import math

import numpy as np
import pytest
from scenegen.core.layout.cameras import make_cameras, room_coverage
from scenegen.core.preset.preset import Preset
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.rng import stream
from scenegen.core.scene.camera import camera_matrix, camera_position, in_view, look_at
from scenegen.core.scene.scene import UPWARDS, Camera, FrustumSpec, Vector


@pytest.fixture(scope="module")
def studio() -> Preset:
    return load_preset("studio")


def camera(position: Vector, target: Vector, up: Vector = UPWARDS) -> Camera:
    frustum = FrustumSpec(0.5, 3.0, (8, 8, 8), 90.0)
    return Camera("c", 200, 100, camera_matrix(200, 100, 90.0), look_at(position, target, up), frustum)


def project(eye: Camera, point: tuple[float, float, float]) -> tuple[float, float, float]:
    u, v, depth = np.array(eye.K) @ (np.array(eye.world_to_camera) @ (*point, 1.0))[:3]
    return u / depth, v / depth, depth


def test_opencv_axes_by_hand() -> None:
    """From the south, 2 m away and level: east is right in the image, up is up, depth is along the axis."""
    eye = camera((0.0, -2.0, 1.0), (0.0, 0.0, 1.0))
    assert np.array(eye.world_to_camera)[:3, :3].tolist() == [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    assert project(eye, (0.0, 0.0, 1.0)) == pytest.approx((100, 50, 2))
    assert project(eye, (1.0, 0.0, 1.0)) == pytest.approx((150, 50, 2))
    assert project(eye, (0.0, 0.0, 1.5)) == pytest.approx((100, 25, 2))
    assert project(eye, (-4.0, 2.0, 1.0)) == pytest.approx((0, 50, 4))  # 45 degrees: the image's left edge


def test_every_camera_is_a_rotation_aimed_at_its_target(studio: Preset) -> None:
    rig = studio.cameras
    for index in range(50):
        for eye, place in zip(make_cameras(studio, stream(0, index, "cameras")), rig.places, strict=True):
            rotation = np.array(eye.world_to_camera)[:3, :3]
            assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-8)
            assert np.linalg.det(rotation) == pytest.approx(1)
            assert rotation[0, 2] == 0 and rotation[1, 2] < 0  # upright
            moved = np.array(camera_position(eye)) - place.position
            assert np.abs(moved).max() <= rig.position_jitter + 1e-8
            u, v, _ = project(eye, place.target)
            assert math.hypot(u - 112, v - 112) < 15  # pixels
            assert (eye.width, eye.height, eye.frustum) == (224, 224, studio.frustum)
            assert 2 * math.degrees(math.atan(112 / eye.K[0][0])) == pytest.approx(rig.hfov)


def test_cameras_move_from_scene_to_scene_and_not_within_one(studio: Preset) -> None:
    first, again, other = (make_cameras(studio, stream(0, index, "cameras")) for index in (0, 0, 1))
    assert first == again
    assert all(a.world_to_camera != b.world_to_camera for a, b in zip(first, other, strict=True))


def test_what_is_in_view() -> None:
    eye = camera((0.0, -2.0, 1.0), (0.0, 0.0, 1.0))
    points = {
        (0.0, 0.0, 1.0): True,
        (0.0, -1.6, 1.0): False,  # nearer than near
        (0.0, 1.1, 1.0): False,  # beyond far
        (1.9, 0.0, 1.0): True,
        (2.1, 0.0, 1.0): False,  # right of the image
        (0.0, 0.0, 1.9): True,
        (0.0, 0.0, 2.1): False,  # above the image
        (0.0, -4.0, 1.0): False,  # behind
    }
    assert in_view(eye, np.array(list(points))).tolist() == list(points.values())


def test_coverage_is_the_frustums_volume() -> None:
    """A view that lies wholly inside a large room covers exactly (far^3 - near^3) / 3 * width * height at 1 m."""
    room = (10.0, 10.0, 10.0)
    eye = camera((0.3, -2.0, 5.0), (0.5, 0.0, 4.5))
    volume = (3.0**3 - 0.5**3) / 3 * 2.0 * 1.0
    any_camera, all_cameras, each = room_coverage([eye], room, 0.1)
    assert any_camera == all_cameras == each[0] == pytest.approx(volume / 1000, rel=0.01)
    away = camera((0.3, -2.0, 5.0), (0.3, -4.0, 5.0))
    any_camera, all_cameras, each = room_coverage([eye, away], room, 0.1)
    assert all_cameras == 0
    assert any_camera == pytest.approx(sum(each)) == pytest.approx(2 * volume / 1000, rel=0.01)


def test_the_studio_cameras_see_nearly_all_of_the_box_grid(studio: Preset) -> None:
    cameras = make_cameras(studio, None)
    seen_by_any, seen_by_all, each = room_coverage(cameras, studio.room, 0.05)
    assert seen_by_any > 0.98
    assert seen_by_all > 0.6
    assert min(each) > 0.8
    for index in range(300):
        assert room_coverage(make_cameras(studio, stream(0, index, "cameras")), studio.room, 0.2)[0] > 0.97


def test_a_coarse_count_is_close_to_the_cells_of_the_box_grid(studio: Preset) -> None:
    cameras = make_cameras(studio, stream(0, 7, "cameras"))
    fine, coarse = (room_coverage(cameras, studio.room, cell) for cell in (0.05, 0.2))
    assert coarse[0] == pytest.approx(fine[0], abs=0.005)
    assert coarse[1] == pytest.approx(fine[1], abs=0.005)


def test_no_visible_point_is_nearer_than_the_frustum(studio: Preset) -> None:
    """`clear` keeps objects beyond the near plane even in the corners of the image."""
    t = math.tan(math.radians(studio.cameras.hfov) / 2)
    assert studio.cameras.clear >= studio.frustum.near * math.sqrt(1 + 2 * t * t)
    far_corner = math.dist((-1.95, -2.35, 2.75), (2.0, 2.4, 0.0))
    assert far_corner < studio.frustum.far


def test_upright_cameras_keep_their_bits() -> None:
    """What the general rule for up gives where up is (0, 0, 1), against the cross product written out for that."""
    rng = np.random.default_rng(0)
    ways = [*rng.normal(size=(500, 3)), (0.0, 1.0, 0.0), (0.0, -1.0, -0.5), (1.0, 0.0, 0.3), (-2.0, 0.0, 0.0)]
    for x, y, z in ways:
        length = math.sqrt(x * x + y * y + z * z)
        fx, fy = x / length, y / length
        across = math.sqrt(fy * fy + fx * fx)
        expected = (round(fy / across, 9), round(-fx / across, 9), 0.0, 0.0)
        assert repr(look_at((0.0, 0.0, 0.0), (x, y, z))[0][:3]) == repr(expected[:3])


def test_a_camera_may_look_straight_down() -> None:
    """From 3 m above (1, 2, 0) with y to the top of the image: east is right, north is up, depth is height."""
    eye = camera((1.0, 2.0, 3.0), (1.0, 2.0, 0.0), up=(0.0, 5.0, 0.0))
    assert np.allclose(camera_position(eye), (1, 2, 3))
    assert project(eye, (1.0, 2.0, 0.0)) == pytest.approx((100, 50, 3))
    u, v, depth = project(eye, (1.3, 2.0, 1.0))
    assert u > 100 and v == pytest.approx(50) and depth == pytest.approx(2)
    u, v, _ = project(eye, (1.0, 2.3, 1.0))
    assert u == pytest.approx(100) and v < 50
