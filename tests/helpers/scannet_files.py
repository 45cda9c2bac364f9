"""A small scan as ScanNet lays it out, written byte by byte: a floor, and a box that stands on it at a known place."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image

from helpers.colmap_files import look

Floats = NDArray[np.float64]

COLOUR, DEPTH = (320, 240), (160, 120)
"""Sizes, width and height."""
DEPTH_K = np.array([[140.0, 0, 79.5, 0], [0, 140, 59.5, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
"""Pixel centres are whole numbers, as ScanNet's are: the middle of 160 is at 79.5."""
COLOUR_K = np.array([[280.0, 0, 159.5, 0], [0, 280, 119.5, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
TO_WORLD = np.array([[0.0, 1, 0, 0.5], [-1, 0, 0, 2], [0, 0, 1, -0.3], [0, 0, 0, 1]])
"""axisAlignment: the scan's own axes to those along its walls."""
LOW, HIGH = np.array([-0.33, -0.41, 0.0]), np.array([0.28, 0.36, 0.77])
"""The box in aligned axes, over the floor at -0.1."""
FLOOR = -0.1
EYES = ((1.9, 1.5, 1.4), (-2.1, 0.4, 1.2), (0.3, -2.2, 1.5))
TABLE = "id\traw_category\tnyu40id\tnyu40class\n1\tfloor\t2\tfloor\n2\toffice chair\t5\tchair\n"


def poses() -> list[Floats]:
    """World to camera (4, 4) in aligned axes, of every frame with a pose."""
    return [look(eye, (0, 0, 0.3)) for eye in EYES]


def depth_of(number: int) -> NDArray[np.uint16]:
    """What the sensor measured: a slope, and nothing in one corner."""
    rows, columns = np.mgrid[: DEPTH[1], : DEPTH[0]]
    depth = (1500 + 3 * rows + 2 * columns + number).astype(np.uint16)
    depth[:30, :50] = 0
    return depth


def colour_of(pose: Floats) -> bytes:
    """A JPEG file with a white dot where the box's highest corner is seen."""
    pixels = np.full((COLOUR[1], COLOUR[0], 3), 40, np.uint8)
    u, v, w = COLOUR_K[:3, :3] @ (pose @ [*HIGH[:2], HIGH[2] + FLOOR, 1])[:3]
    row, column = round(v / w), round(u / w)
    pixels[row - 2 : row + 3, column - 2 : column + 3] = 255
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "jpeg", quality=95)
    return content.getvalue()


def sens(frames: Sequence[Floats | None]) -> bytes:
    """A .sens file of these poses (camera to world), None where the camera was lost, and no IMU frames."""
    header = struct.pack("<IQ", 4, 4) + b"test"
    for matrix in (COLOUR_K, np.eye(4), DEPTH_K, np.eye(4)):
        header += matrix.astype("<f4").tobytes()
    header += struct.pack("<ii4IfQ", 2, 1, *COLOUR, *DEPTH, 1000.0, len(frames))
    body = []
    for number, pose in enumerate(frames):
        known = np.full((4, 4), -np.inf) if pose is None else pose
        colour = colour_of(np.eye(4) if pose is None else np.linalg.inv(TO_WORLD @ pose))
        depth = zlib.compress(depth_of(number).tobytes())
        body.append(known.astype("<f4").tobytes() + struct.pack("<4Q", 0, 0, len(colour), len(depth)) + colour + depth)
    return header + b"".join(body) + struct.pack("<Q", 0)


def write_scan(root: Path, name: str = "scene0000_00") -> Path:
    """A scan with four frames, of which the second has no pose, and the table of labels beside it."""
    scan = root / "scans" / name
    scan.mkdir(parents=True)
    (root / "scannetv2-labels.combined.tsv").write_text(TABLE)
    back = np.linalg.inv(TO_WORLD)
    first, *others = (back @ np.linalg.inv(pose) for pose in poses())
    (scan / f"{name}.sens").write_bytes(sens([first, None, *others]))
    box = trimesh.creation.box(HIGH - LOW)
    box.apply_translation((LOW + HIGH) / 2 + [0, 0, FLOOR])
    box.update_faces(np.abs(box.face_normals[:, 2] + 1) > 0.1)  # a scan sees no underside
    floor = trimesh.Trimesh([[-3, -3, FLOOR], [3, -3, FLOOR], [3, 3, FLOOR], [-3, 3, FLOOR]], [[0, 1, 2], [0, 2, 3]])
    unknown = trimesh.Trimesh([[2, 2, 0], [2, 2.2, 0], [2, 2, 0.2]], [[0, 1, 2]], process=False)
    surface = trimesh.util.concatenate([box, floor, unknown])
    segments = [7] * len(box.vertices) + [3] * 4 + [9] * 3
    surface.apply_transform(back)
    surface.export(scan / f"{name}_vh_clean_2.ply")
    (scan / f"{name}_vh_clean_2.0.010000.segs.json").write_text(json.dumps({"segIndices": segments}))
    groups = [
        {"id": 0, "objectId": 0, "segments": [3], "label": "floor"},
        {"id": 1, "objectId": 1, "segments": [7], "label": "office chair"},
        {"id": 2, "objectId": 2, "segments": [9], "label": "mystery"},
    ]
    (scan / f"{name}.aggregation.json").write_text(json.dumps({"segGroups": groups}))
    numbers = " ".join(f"{value:.6f}" for value in TO_WORLD.reshape(-1))
    (scan / f"{name}.txt").write_text(f"axisAlignment = {numbers}\nnumDepthFrames = 4\n")
    return scan


def export_frames(scan: Path) -> None:
    """Write a scan's frames as ScanNet's exporter does (SensReader/python/SensorData.py), in place of its .sens."""
    back = np.linalg.inv(TO_WORLD)
    first, *others = (back @ np.linalg.inv(pose) for pose in poses())
    for folder in ("color", "depth", "pose", "intrinsic"):
        (scan / folder).mkdir()
    for name, matrix in (("intrinsic_color", COLOUR_K), ("intrinsic_depth", DEPTH_K)):
        np.savetxt(scan / f"intrinsic/{name}.txt", matrix, fmt="%f")
        np.savetxt(scan / f"intrinsic/{name.replace('in', 'ex', 1)}.txt", np.eye(4), fmt="%f")
    for number, pose in enumerate([first, None, *others]):
        known = np.full((4, 4), -np.inf) if pose is None else pose
        np.savetxt(scan / f"pose/{number}.txt", known, fmt="%f")
        colour = colour_of(np.eye(4) if pose is None else np.linalg.inv(TO_WORLD @ pose))
        (scan / f"color/{number}.jpg").write_bytes(colour)
        Image.fromarray(depth_of(number)).save(scan / f"depth/{number}.png")
    (scan / f"{scan.name}.sens").unlink()
