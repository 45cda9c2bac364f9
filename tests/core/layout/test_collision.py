from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st
from scenegen.core.asset_library import Support
from scenegen.core.layout.boxes import Box, aligned_box, box_bounds, make_pose, oriented_box
from scenegen.core.layout.collision import boxes_overlap, distance_to_box, inside_room
from scenegen.core.layout.support import stands_on, support_point

FAR = 1e-6  # shapely's own rounding
lengths = st.floats(0.05, 2.0)
places = st.floats(-2.0, 2.0)
poses = st.tuples(places, places, st.floats(0.0, 2.0), st.floats(-7.0, 7.0), st.floats(0.8, 1.2))
sizes = st.tuples(lengths, lengths, lengths)


def outline(pose: tuple[float, ...], size: tuple[float, ...]) -> shapely.Polygon:
    """The box seen from above, built by shapely."""
    x, y, _, yaw, scale = pose
    flat = shapely.box(-size[0] / 2, -size[1] / 2, size[0] / 2, size[1] / 2)
    turned = shapely.affinity.rotate(flat, yaw, origin=(0, 0), use_radians=True)
    return shapely.affinity.translate(shapely.affinity.scale(turned, scale, scale, origin=(0, 0)), x, y)


def box_at(pose: tuple[float, ...], size: tuple[float, ...]) -> Box:
    return oriented_box(make_pose(*pose), (size[0], size[1], size[2]))


@settings(max_examples=500, deadline=None, derandomize=True)
@given(poses, sizes, poses, sizes)
def test_boxes_meet_as_shapely_says(pose_a, size_a, pose_b, size_b) -> None:  # type: ignore[no-untyped-def]
    one, other = outline(pose_a, size_a), outline(pose_b, size_b)
    shared = one.intersection(other).area  # 0 at times where one has the other inside, edges on edges: GEOS 3.14
    high = min(pose_a[2] + size_a[2] * pose_a[4], pose_b[2] + size_b[2] * pose_b[4]) - max(pose_a[2], pose_b[2])
    a, b = box_at(pose_a, size_a), box_at(pose_b, size_b)
    found = boxes_overlap(a, np.array([b]))[0]
    assert found == boxes_overlap(b, np.array([a]))[0]
    if shared > FAR and high > 2e-6:
        assert found
    elif one.disjoint(other) or high < 0:
        assert not found


def test_boxes_side_by_side_touch_and_do_not_meet() -> None:
    size = (1.0, 0.5, 0.7)
    box = oriented_box(make_pose(0, 0, 0, 0, 1), size)
    others = [
        make_pose(1.0, 0, 0, 0, 1),
        make_pose(0, 0, 0.7, 0.4, 1),
        make_pose(0.999, 0, 0, 0, 1),
        make_pose(0, 0, 0.69, 0.4, 1),
    ]
    met = boxes_overlap(box, np.array([oriented_box(m, size) for m in others]))
    assert met.tolist() == [False, False, True, True]
    assert boxes_overlap(box, np.zeros((0, 8))).tolist() == []


def test_a_box_between_the_corners_of_a_turned_one() -> None:
    """Bounds overlap, boxes do not: what the oriented test is for."""
    diamond = oriented_box(make_pose(0, 0, 0, math.pi / 4, 1), (2, 2, 1))
    corner = oriented_box(make_pose(1.2, 1.2, 0, 0, 1), (0.9, 0.9, 1))
    assert not boxes_overlap(diamond, np.array([corner]))[0]
    assert boxes_overlap(aligned_box(diamond), np.array([aligned_box(corner)]))[0]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(poses, sizes, st.tuples(places, places, st.floats(0.0, 4.0)))
def test_distance_as_shapely_says(pose, size, point) -> None:  # type: ignore[no-untyped-def]
    low, high = pose[2], pose[2] + size[2] * pose[4]
    flat = outline(pose, size).distance(shapely.Point(point[:2]))
    expected = math.hypot(flat, max(low - point[2], point[2] - high, 0.0))
    assert distance_to_box(box_at(pose, size), point) == pytest.approx(expected, abs=1e-7)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(poses, sizes)
def test_bounds_as_shapely_says(pose, size) -> None:  # type: ignore[no-untyped-def]
    bounds = box_bounds(box_at(pose, size))
    assert (*bounds.min[:2], *bounds.max[:2]) == pytest.approx(outline(pose, size).bounds, abs=1e-7)
    assert (bounds.min[2], bounds.max[2]) == pytest.approx((pose[2], pose[2] + size[2] * pose[4]), abs=1e-7)


def test_inside_room_to_the_wall() -> None:
    room = (4.0, 4.8, 3.2)
    for x, z, expected in ((1.5, 0.0, True), (1.51, 0.0, False), (-1.5, 2.2, True), (0.0, 2.21, False)):
        assert inside_room(oriented_box(make_pose(x, 0.0, z, 0.0, 1.0), (1.0, 1.0, 1.0)), room) == expected


def test_poses_have_nine_decimals() -> None:
    matrix = make_pose(1 / 3, 2 / 3, 0.1, 1.0, 1.01)
    assert all(value == round(value, 9) for row in matrix for value in row)
    assert matrix[0][:2] == (round(1.01 * math.cos(1.0), 9), -round(1.01 * math.sin(1.0), 9))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(poses, st.integers(0, 5), st.floats(-0.5, 0.5), st.floats(-0.4, 0.4), st.floats(0, 7), sizes)
def test_stands_on_as_shapely_says(parent, holes, x, y, yaw, size) -> None:  # type: ignore[no-untyped-def]
    """The outline lies on a mask iff shapely finds none of it outside the union of the true cells."""
    mask = np.ones((10, 8), bool)
    mask[[2, 4, 7, 0, 9][:holes], [3, 6, 1, 0, 7][:holes]] = False
    support = Support(0.7, (-0.5, -0.4), 0.1, mask)
    cells = [shapely.box(-0.5 + i / 10, -0.4 + j / 10, -0.4 + i / 10, -0.3 + j / 10) for i, j in np.argwhere(mask)]
    top = shapely.unary_union(cells)
    top = shapely.affinity.rotate(top, parent[3], origin=(0, 0), use_radians=True)
    top = shapely.affinity.translate(shapely.affinity.scale(top, parent[4], parent[4], origin=(0, 0)), *parent[:2])
    matrix = make_pose(*parent)
    cos, sin = math.cos(parent[3]) * parent[4], math.sin(parent[3]) * parent[4]
    pose = (parent[0] + cos * x - sin * y, parent[1] + sin * x + cos * y, 0.7, yaw, 1.0)
    small = (size[0] / 3, size[1] / 3, 1.0)
    outside = outline(pose, small).difference(top).area
    found = stands_on(box_at(pose, small), matrix, support)
    if outside > 1e-6:
        assert not found
    elif outside < 1e-12:
        assert found


def test_stands_on_a_top_of_exactly_its_size() -> None:
    support = Support(0.7, (-0.3, -0.2), 0.1, np.ones((6, 4), bool))
    parent = make_pose(1.0, -1.0, 0.0, 0.6, 1.1)
    for scale, expected in ((1.0, True), (1.001, False)):
        child = oriented_box(make_pose(1.0, -1.0, 0.77, 0.6, 1.1 * scale), (0.6, 0.4, 0.2))
        assert stands_on(child, parent, support) == expected


def test_support_point_follows_the_parents_pose() -> None:
    support = Support(0.7, (-0.3, -0.2), 0.1, np.ones((6, 4), bool))
    x, y = support_point(make_pose(1.0, 2.0, 0.0, math.pi / 2, 2.0), support, (6.0, 2.0))  # (0.3, 0) of the asset
    assert (x, y) == pytest.approx((1.0, 2.6))
