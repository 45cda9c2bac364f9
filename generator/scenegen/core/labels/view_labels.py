"""The labels of one camera: fruxels, depth and instances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenegen.core.labels.depth_and_instances import depth_to_steps, rasterize, rasterize_normals
from scenegen.core.labels.fruxels import frustum_instances
from scenegen.core.labels.grids import frustum_grid
from scenegen.core.labels.normals import normals_to_steps
from scenegen.core.labels.placed_meshes import PlacedMesh, meshes_in_view
from scenegen.core.labels.room_surfaces import cell_classes
from scenegen.core.labels.visible_fruxels import frustum_visibility
from scenegen.core.scene.scene import Camera, MapSpec, Scene, Vector


@dataclass(frozen=True)
class ViewLabels:
    """One camera's labels.

    `frustum` uint8 (w, h, d), 0 = air, else class index + 1; `depth` uint16 (H, W), steps of
    MapSpec.depth_unit, 0 = nothing hit, 65535 = that far or farther; `instance` uint16 (H, W), object id + 1 or 0;
    `normals` int16 (H, W, 3) as in normals.py, None where MapSpec asks for none. Of the frustum's cells, `instances`
    uint16 (w, h, d) are object id + 1 or 0, and `visibility` uint8 (w, h, d) is as in visibility.py.
    """

    frustum: NDArray[np.uint8]
    depth: NDArray[np.uint16]
    instance: NDArray[np.uint16]
    normals: NDArray[np.int16] | None
    instances: NDArray[np.uint16]
    visibility: NDArray[np.uint8]


@dataclass(frozen=True)
class ViewMaps:
    """One camera's `depth`, `instance` and `normals`, as in ViewLabels."""

    depth: NDArray[np.uint16]
    instance: NDArray[np.uint16]
    normals: NDArray[np.int16] | None = None


def view_labels(
    scene: Scene, placed: Sequence[PlacedMesh], camera: Camera, measured: NDArray[np.uint16] | None = None
) -> ViewLabels:
    """The labels of one camera of a scene; `placed` are its objects' triangles.

    `measured` is its depth where a sensor measured it, in place of that of the objects.
    """
    spec = scene.map_spec
    maps = view_maps(placed, camera, scene.room, spec)
    depth = maps.depth if measured is None else measured
    instances = frustum_instances(placed, camera)
    return ViewLabels(
        cell_classes(scene, instances, frustum_grid(camera)),
        depth,
        maps.instance,
        maps.normals,
        instances,
        frustum_visibility(camera, depth, spec.depth_unit, measured=scene.measured_depth),
    )


def view_maps(placed: Sequence[PlacedMesh], camera: Camera, room: Vector | None, spec: MapSpec) -> ViewMaps:
    """What a camera sees of a scene, without its fruxels: generation writes it, and `verify` casts it again.

    `room` is the size of the room around it, None outdoors.
    """
    seen = meshes_in_view(placed, camera, camera.K, 0.0, math.inf)
    drawn = [(mesh.id, mesh.vertices, mesh.faces, mesh.cut_out) for mesh in seen]
    if spec.normals:
        depth, instance, normals = rasterize_normals(drawn, camera, room)
        return ViewMaps(depth_to_steps(depth, spec.depth_unit), instance, normals_to_steps(normals))
    depth, instance = rasterize(drawn, camera, room)
    return ViewMaps(depth_to_steps(depth, spec.depth_unit), instance)
