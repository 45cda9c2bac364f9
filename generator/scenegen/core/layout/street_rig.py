"""A vehicle that drives along a lane of a street: where it is at each key frame, and what its sensors are."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from scenegen.core.errors import ScenegenError
from scenegen.core.layout.boxes import Box, make_pose
from scenegen.core.layout.street_ground import Ground, Lane
from scenegen.core.preset.preset import MountedCamera, MountedLidar, Preset, Vehicle
from scenegen.core.rng import choose, number, uniform
from scenegen.core.scene.camera import camera_matrix, look_at, rigid_inverse, rigid_product
from scenegen.core.scene.scene import KEY_FRAME_SECONDS, Camera, EgoPose, Lidar, Matrix4, Rig, RigCamera

_ASIDE = 0.25  # metres that it keeps off the middle of its lane, at most
_DECIMALS = 9


@dataclass(frozen=True)
class Drive:
    """A drive: the vehicle's poses, and the box of all that it passes through, in which nothing may stand."""

    poses: tuple[EgoPose, ...]
    free: Box


def plan_drive(preset: Preset, ground: Ground, rng: Random) -> Drive:
    """A drive along a lane that is not for parking. ScenegenError when the street is too short for it."""
    assert preset.vehicle is not None
    vehicle, frames = preset.vehicle, preset.views // len(preset.vehicle.cameras)
    lane = choose(rng, [one for one in ground.lanes if one.road is ground.road and not one.parking])
    places = [(camera.position, preset.cameras.clear) for camera in vehicle.cameras]
    front = max(vehicle.front, *(place[0] + clear for place, clear in places))
    back = max(vehicle.back, *(clear - place[0] for place, clear in places))
    half = max(vehicle.width / 2, *(abs(place[1]) + clear for place, clear in places))
    seconds, space = (frames - 1) * KEY_FRAME_SECONDS, lane.road.length - front - back
    first, last = _speeds(preset, vehicle, seconds, space, rng)
    way = (first + last) / 2 * seconds
    start = number(rng, -lane.road.length / 2 + back, lane.road.length / 2 - front - way)
    aside = lane.offset + number(rng, -_ASIDE, _ASIDE)
    gain = (last - first) / seconds if seconds else 0.0
    poses = []
    for n in range(frames):
        time = n * KEY_FRAME_SECONDS
        poses.append(_pose(lane, start + first * time + gain * time * time / 2, aside, time, first + gain * time))
    x, y = _place(lane, start + (way + front - back) / 2, aside)
    top = lane.road.height + max(place[2] + clear for place, clear in places)
    cos, sin = lane.heading
    return Drive(tuple(poses), Box(x, y, cos, sin, (way + front + back) / 2, half, lane.road.height, top))


def _speeds(preset: Preset, vehicle: Vehicle, seconds: float, space: float, rng: Random) -> tuple[float, float]:
    """The speeds at the first and the last key frame: so slow that the drive fits into `space` metres."""
    slowest, fastest = vehicle.speed
    if seconds and slowest * seconds > space:
        frames = int(space / slowest / KEY_FRAME_SECONDS) + 1
        raise ScenegenError(
            f"preset {preset.name}: {preset.views} views are {seconds:g} s of driving, {slowest * seconds:.0f} m at "
            f"{slowest:g} m/s, but this street has {space:.0f} m; ask for at most --views "
            f"{frames * len(vehicle.cameras)}, or raise street.blocks"
        )
    fastest = min(fastest, space / seconds) if seconds else fastest
    return uniform(rng, slowest, fastest), uniform(rng, slowest, fastest)


def _place(lane: Lane, way: float, aside: float) -> tuple[float, float]:
    """The place `way` metres along the lane's heading from the middle of its road."""
    forward = lane.heading[0] * lane.road.along[0] + lane.heading[1] * lane.road.along[1]
    return lane.road.at(forward * way, aside)


def _pose(lane: Lane, way: float, aside: float, time: float, speed: float) -> EgoPose:
    x, y = _place(lane, way, aside)
    matrix = make_pose(x, y, lane.road.height, math.atan2(lane.heading[1], lane.heading[0]), 1.0)
    east, north = (round(part * speed, _DECIMALS) + 0.0 for part in lane.heading)  # + 0.0: never -0.0
    return EgoPose(time, matrix, (east, north, 0.0))


def rig_of(vehicle: Vehicle, poses: Sequence[EgoPose]) -> Rig:
    """The sensors of a vehicle, and its poses."""
    cameras = tuple(RigCamera(camera.name, rigid_inverse(_ego_to_camera(camera))) for camera in vehicle.cameras)
    return Rig(cameras, None if vehicle.lidar is None else _lidar(vehicle.lidar), tuple(poses))


def rig_cameras(preset: Preset, poses: Sequence[EgoPose]) -> tuple[Camera, ...]:
    """The cameras of a preset's vehicle at each of its poses, in the order of the poses."""
    assert preset.vehicle is not None
    width, height = preset.image_size
    cameras = []
    for n, pose in enumerate(poses):
        to_ego = rigid_inverse(pose.ego_to_world)
        for mounted in preset.vehicle.cameras:
            hfov = preset.cameras.hfov_at(mounted)
            cameras.append(
                Camera(
                    name=f"{mounted.name}_{n:04d}",
                    width=width,
                    height=height,
                    K=camera_matrix(width, height, hfov),
                    world_to_camera=rigid_product(_ego_to_camera(mounted), to_ego),
                    frustum=dataclasses.replace(preset.frustum, hfov_deg=hfov),
                )
            )
    return tuple(cameras)


def _ego_to_camera(camera: MountedCamera) -> Matrix4:
    yaw, pitch = math.radians(camera.yaw), math.radians(camera.pitch)
    x, y, z = camera.position
    level = math.cos(pitch)
    return look_at(camera.position, (x + level * math.cos(yaw), y + level * math.sin(yaw), z + math.sin(pitch)))


def _lidar(lidar: MountedLidar) -> Lidar:
    """Its axes are x right, y forward, z up, those of its vehicle x forward, y left, z up."""
    x, y, z = lidar.position
    low, high = lidar.elevation
    step = (high - low) / max(lidar.beams - 1, 1)
    return Lidar(
        channel=lidar.name,
        lidar_to_ego=((0.0, 1.0, 0.0, x), (-1.0, 0.0, 0.0, y), (0.0, 0.0, 1.0, z), (0.0, 0.0, 0.0, 1.0)),
        elevations=tuple(round(low + n * step, 6) for n in range(lidar.beams)),
        azimuths=lidar.azimuths,
        near=lidar.range[0],
        far=lidar.range[1],
    )
