"""Models as pycolmap writes them, and photographs of boxes whose places are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pycolmap
import trimesh
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]

SIZE = (120, 90)
"""Of the photographs, width and height."""
TO_MODEL = np.array([[0.0, 0, 2, 1], [2, 0, 0, -3], [0, 2, 0, 5], [0, 0, 0, 1]])
"""World metres to a model's axes: two units a metre, Z of the world is X of the model."""
BOXES = {"chair.001": ((-1.03, -0.52, 0.0), (-0.41, 0.13, 0.87)), "Table_2": ((0.24, 0.04, 0.0), (1.23, 0.72, 0.63))}
"""Corners in world metres; the middle of both is at (0.1, 0.1)."""


def camera(model: str, numbers: Sequence[float], size: tuple[int, int] = SIZE, number: int = 1) -> pycolmap.Camera:
    """A camera of COLMAP's with these parameters."""
    kind = pycolmap.CameraModelId.__members__[model]
    made = pycolmap.Camera.create_from_model_id(number, kind, 100.0, *size)
    made.params = numbers
    return made


def look(eye: Sequence[float], target: Sequence[float]) -> Floats:
    """World to camera (4, 4), Z up."""
    forward = np.subtract(target, eye) / np.linalg.norm(np.subtract(target, eye))
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    rows = np.array([right, np.cross(forward, right), forward])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rows, -rows @ eye
    return pose


def in_model(pose: Floats) -> pycolmap.Rigid3d:
    """A pose of a camera in world metres as its pose in the model."""
    moved = pose @ np.linalg.inv(TO_MODEL)
    return pycolmap.Rigid3d(pycolmap.Rotation3d(moved[:3, :3] * 2), moved[:3, 3] * 2)


def write_model(folder: Path, lens: pycolmap.Camera, poses: Mapping[str, pycolmap.Rigid3d], text: bool = False) -> Path:
    """A model with one camera and an image of each name."""
    model = pycolmap.Reconstruction()
    model.add_camera_with_trivial_rig(lens)
    for number, (name, pose) in enumerate(poses.items(), start=1):
        image = pycolmap.Image(name=name, camera_id=lens.camera_id, image_id=number)
        model.add_image_with_trivial_frame(image, pose)
    folder.mkdir(parents=True, exist_ok=True)
    (model.write_text if text else model.write_binary)(str(folder))
    return folder


def write_boxes(file: Path) -> Path:
    """The boxes in the model's axes, each a node of its name."""
    scene = trimesh.Scene()
    for name, (low, high) in BOXES.items():
        box = trimesh.creation.box(np.subtract(high, low))
        place = TO_MODEL @ trimesh.transformations.translation_matrix(np.add(low, high) / 2)
        scene.add_geometry(box, node_name=name, geom_name=name, transform=place)
    scene.export(file)
    return file


def write_photographs(folder: Path, lens: pycolmap.Camera, poses: Mapping[str, Floats]) -> None:
    """Photographs with a white dot of 3 x 3 pixels around the place where each box's highest corner is seen."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pose in poses.items():
        pixels = np.random.default_rng(0).integers(20, 60, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
        for _, high in BOXES.values():
            seen = (pose @ [*high, 1])[:3]
            u, v = lens.img_from_cam(seen[None])[0]
            pixels[int(v) - 1 : int(v) + 2, int(u) - 1 : int(u) + 2] = 255
        Image.fromarray(pixels).save(folder / name)
