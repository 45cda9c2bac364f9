"""A furnished room with fixed cameras: which objects it holds and where they stand."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scenegen.core.layout.arrangement import Arrangement, AssetsByClass, LayoutStreams
from scenegen.core.layout.cameras import make_cameras, room_coverage
from scenegen.core.layout.place_objects import ClearPoint, Site, draw_wishes, place_objects
from scenegen.core.preset.preset import Preset
from scenegen.core.scene.camera import camera_position
from scenegen.core.scene.scene import Camera

_COVERAGE_CELL = 0.2  # metres: fine enough for two decimals of `room_seen`, and a millisecond


def furnish_room(
    preset: Preset, assets: AssetsByClass, streams: LayoutStreams, *, move_cameras: bool = True
) -> Arrangement:
    """One room of a preset; without `move_cameras` its cameras are exactly where the preset has them.

    The objects stand in the same places either way.
    """
    assert preset.room is not None
    moved = make_cameras(preset, streams.cameras)
    cameras = moved if move_cameras else make_cameras(preset, None)
    site = Site(preset, preset.room, _clear_points(preset, moved))
    placed = place_objects(site, draw_wishes(preset, assets, streams.objects), streams.places)
    coverage = room_coverage(cameras, preset.room, _COVERAGE_CELL)
    room_seen = {
        "any": round(coverage.by_any, 4),
        "all": round(coverage.by_all, 4),
        "per_camera": [round(share, 4) for share in coverage.by_each],
    }
    return Arrangement(cameras, placed.objects, placed.skipped, {"room_seen": room_seen})


def _clear_points(preset: Preset, cameras: Sequence[Camera]) -> tuple[ClearPoint, ...]:
    """What to keep clear: the moved cameras even where they are not used, so that objects stand alike.

    A jitter too small to bring an object into the near plane of an unmoved camera needs no more than that.
    """
    rig, near = preset.cameras, preset.frustum.near
    moved = tuple(ClearPoint(camera_position(camera), rig.clear) for camera in cameras)
    unmoved = tuple(
        ClearPoint(place.position, near)
        for place in rig.places
        if rig.clear - math.sqrt(3.0) * rig.position_jitter_at(place) < near
    )
    return moved + unmoved
