"""The poses of a scene's vehicle: those of its rig or, of a scene without one, one under each camera."""

from __future__ import annotations

from collections.abc import Sequence

from scenegen.core.scene.camera import ego_frame, rigid_inverse
from scenegen.core.scene.scene import Matrix4, Scene


def ego_count(scene: Scene) -> int:
    """How many poses there are: key frames of a rig, else cameras."""
    return len(scene.rig.poses) if scene.rig else len(scene.cameras)


def ego_cameras(scene: Scene, n: int) -> Sequence[int]:
    """The numbers of the cameras that belong to pose n."""
    if scene.rig is None:
        return [n]
    count = len(scene.rig.cameras)
    return range(n * count, (n + 1) * count)


def world_to_ego(scene: Scene, n: int) -> Matrix4:
    """The matrix from the world to the vehicle at pose n: x forward, y left, z up, its origin on the ground."""
    return rigid_inverse(scene.rig.poses[n].ego_to_world) if scene.rig else ego_frame(scene.cameras[n])
