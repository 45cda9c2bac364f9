"""Objects' poses drawn on a photograph: their axes, and their boxes where their sizes are known.

Camera coordinates follow OpenCV (x right, y down, z forward), metres. An object's own axes are its asset frame's: z up,
its front toward -y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.labels.grids import FrustumGrid
from scenegen.core.scene.classes import Color, class_color, object_class
from scipy.spatial.transform import Rotation

from scenetrain.metrics.objects import FoundObject

AXES: tuple[Color, Color, Color] = ((240, 80, 80), (90, 220, 110), (90, 150, 255))
"""x, y and z."""
USUAL_AXIS = 0.5
"""Metres of the axes of an object whose size is not known."""
NEAREST = 0.05
"""Metres before the camera where lines are cut off."""
WHITE: Color = (255, 255, 255)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SeenPose:
    """An object in a camera's coordinates.

    `centre` (3,) is the middle of its box, `rotation` (3, 3) turns its own axes to the camera's, `size` (3,) is its
    box along its own axes, None where it is not known.
    """

    class_name: str
    centre: Floats
    rotation: Floats
    size: Floats | None


def found_pose(item: FoundObject) -> SeenPose:
    """The pose of an object that a network found."""
    turn = Rotation.from_quat(item.rotation_to_camera, scalar_first=True).as_matrix()
    size = None if item.size is None else np.array(item.size)
    return SeenPose(item.class_name, np.array(item.centre_in_camera), turn, size)


def true_poses(scene: StoredScene, camera: int) -> list[SeenPose]:
    """The objects that a camera sees with their centres in its frustum, but for the ground."""
    sizes = {item.id: np.array(item.size) for item in scene.objects}
    frustum = scene.cameras[camera].frustum
    poses = []
    for item in scene.objects_in_view(camera):
        matrix = np.array(item.camera_from_object)
        size = sizes[item.id] * item.scale
        centre = matrix[:3, :3] @ (0, 0, sizes[item.id][2] / 2) + matrix[:3, 3]
        seen = item.visible_pixels > 0 and item.in_frustum and frustum.near <= centre[2] < frustum.far
        if seen and not object_class(item.class_name).is_ground:
            poses.append(SeenPose(item.class_name, centre, matrix[:3, :3] / item.scale, size))
    return poses


def draw_poses(
    image: NDArray[np.uint8], grid: FrustumGrid, true: Sequence[SeenPose], found: Sequence[SeenPose], size: int
) -> Image.Image:
    """Poses over the image uint8 (H, W, 3) in `size` pixels: true ones thin and white, found ones thick and coloured.

    A dot marks the centre; x is red, y green, z (up) blue.
    """
    canvas = Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS)
    canvas = Image.blend(canvas, Image.new("RGB", canvas.size), 0.25)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=max(10, size // 32))
    unit = max(1, size // 250)
    for pose in true:
        _draw_pose(draw, grid, pose, WHITE, unit, size)
    for pose in found:
        _draw_pose(draw, grid, pose, class_color(pose.class_name), 2 * unit, size)
    for pose in found:
        if pose.centre[2] > NEAREST:
            place = project(grid, pose.centre[None], size)[0]
            text = f"{pose.class_name} {pose.centre[2]:.1f} m"
            left = min(max(place[0] + 8, 2), size - font.getlength(text) - 4)
            draw.text((left, place[1] + 4), text, WHITE, font, stroke_width=2, stroke_fill=(0, 0, 0))
    return canvas


def project(grid: FrustumGrid, points: Floats, size: int) -> Floats:
    """Camera points (N, 3) in front of the camera to places (N, 2) in an image of `size` pixels along both edges."""
    seen = points @ np.asarray(grid.K, dtype=np.float64).T
    return np.asarray(seen[:, :2] / seen[:, 2:] * (size / np.array(grid.image_size)))


def _draw_pose(
    draw: ImageDraw.ImageDraw, grid: FrustumGrid, pose: SeenPose, color: Color, width: int, size: int
) -> None:
    """The box in the pose's colour, then the axes from its middle."""
    half = pose.size / 2 if pose.size is not None else np.full(3, USUAL_AXIS)
    if pose.size is not None:
        corners = pose.centre + (np.array(list(product((-1, 1), repeat=3))) * half) @ pose.rotation.T
        for a in range(8):
            for b in range(a):
                if (a ^ b) in (1, 2, 4):
                    _draw_line(draw, grid, corners[[a, b]], color, width, size)
    for n, axis in enumerate(AXES):
        end = pose.centre + pose.rotation[:, n] * half[n]
        _draw_line(draw, grid, np.stack([pose.centre, end]), axis, width, size)
    if pose.centre[2] > NEAREST:
        x, y = project(grid, pose.centre[None], size)[0].tolist()
        draw.ellipse((x - 2 * width, y - 2 * width, x + 2 * width, y + 2 * width), fill=color)


def _draw_line(draw: ImageDraw.ImageDraw, grid: FrustumGrid, ends: Floats, color: Color, width: int, size: int) -> None:
    """A line (2, 3) of the part that is in front of the camera."""
    if (ends[:, 2] <= NEAREST).all():
        return
    behind = ends[:, 2] < NEAREST
    if behind.any():
        near, far = ends[behind][0], ends[~behind][0]
        ends = np.stack([near + (far - near) * (NEAREST - near[2]) / (far[2] - near[2]), far])
    draw.line(project(grid, ends, size).ravel().tolist(), fill=color, width=width)
