"""The objects of a frustum: its labels say where they are, the certificate how they stand.

A certificate has an answer in every cell, with an object or without. So objects are looked for in the labels: a
connected piece of one class is one. Its certificate is that of the cell that holds the middle of the piece's extent in
camera metres, as pose.pose_targets teaches it for the middle of the object's box. Objects of one class that touch are
found as one. The ground, on which all else stands, is no object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cc3d
import numpy as np
import torch
from numpy.typing import NDArray
from scenegen.core.scene.classes import object_class
from scenegen.core.scene.scene import Camera, Vector
from scipy.spatial.transform import Rotation
from torch import Tensor

from scenetrain.data.reads import frustum_numbers
from scenetrain.metrics.objects import FoundObject, Quaternion
from scenetrain.metrics.scorers import as_arrays
from scenetrain.networks.ssz.judge import Certificate
from scenetrain.networks.ssz.network import Ssz
from scenetrain.networks.ssz.pose import to_camera, to_frustum

LEAST_FRUXELS = 512
"""Of a piece that is an object; smaller ones are specks. A person who is 12 m away in a street's frustum has 700."""

Floats = NDArray[np.float64]


def find_objects(
    network: Ssz, images: Tensor, probabilities: Tensor, cameras: Sequence[Camera], classes: Sequence[str]
) -> list[tuple[FoundObject, ...]]:
    """The objects of every view, as the network's judge reads them; none where it has no judge. See contract."""
    if network.judge is None:
        return [()] * len(images)
    with torch.inference_mode():
        certificate = network.judge(images, in_blocks(probabilities, network.detail))
    labels = as_arrays(probabilities.argmax(1).to(torch.uint8))
    return [objects_of(certificate.view(n), labels[n], camera, classes) for n, camera in enumerate(cameras)]


def in_blocks(probabilities: Tensor, detail: int) -> Tensor:
    """What Logits.probabilities repeated for every cell of a block, once: (B, 1 + C, w, h, d)."""
    return probabilities[..., ::detail, ::detail, ::detail]


def objects_of(
    certificate: Certificate, labels: NDArray[np.uint8], camera: Camera, classes: Sequence[str]
) -> tuple[FoundObject, ...]:
    """The objects of one view: a certificate without B, labels (W, H, D), 0 = air, c + 1 = class c.

    `confidence` is the judge's "this cell is of a true frustum". Those with most fruxels come first.
    """
    frustum = torch.tensor(frustum_numbers(camera), dtype=torch.float64)
    found = [_read_object(certificate, piece, camera, frustum) for piece in _pieces(labels, frustum, classes)]
    return tuple(sorted(found, key=lambda item: -item.fruxels))


class _Piece(NamedTuple):
    """A connected piece of one class, and whether the frustum cuts it."""

    class_name: str
    points: Floats
    """(N, 3): centres of its first and its last fruxel in every column, camera metres; none is farther out than these.

    A fruxel that an object only touches is its too, so the centres of the outermost ones are, on average, as far out as
    the object.
    """
    is_cut: bool
    fruxels: int


def _pieces(labels: NDArray[np.uint8], frustum: Tensor, classes: Sequence[str]) -> Iterator[_Piece]:
    """Pieces of LEAST_FRUXELS and more that are not the ground; cells that touch by a face belong together."""
    numbers = cc3d.connected_components(labels, connectivity=6)
    about = cc3d.statistics(numbers)
    shape = np.array(labels.shape)
    for number in np.flatnonzero(about["voxel_counts"] >= LEAST_FRUXELS):
        box = about["bounding_boxes"][number]
        inside = numbers[box] == number
        label = int(labels[box].flat[inside.argmax()])
        if number == 0 or object_class(classes[label - 1]).is_ground:  # cc3d gives air 0
            continue
        x, y = inside.any(axis=2).nonzero()
        columns = inside[x, y]
        ends = (columns.argmax(axis=1), columns.shape[1] - 1 - columns[:, ::-1].argmax(axis=1))
        cells = np.concatenate([np.stack([x, y, z], axis=1) for z in ends]) + [axis.start for axis in box]
        yield _Piece(
            class_name=classes[label - 1],
            points=to_camera(torch.from_numpy((cells + 0.5) / shape), frustum).numpy(),
            is_cut=bool((cells == 0).any() or (cells == shape - 1).any()),
            fruxels=int(about["voxel_counts"][number]),
        )


def _read_object(certificate: Certificate, piece: _Piece, camera: Camera, frustum: Tensor) -> FoundObject:
    """The object of one piece, by the certificate of the cell in its middle."""
    middle = torch.from_numpy((piece.points.min(axis=0) + piece.points.max(axis=0)) / 2)
    counts = torch.tensor(certificate.real.shape)
    cell = (to_frustum(middle, frustum) * counts).long().clamp(min=torch.zeros_like(counts), max=counts - 1)
    u, v, w = cell.tolist()
    offset = certificate.offset[:, u, v, w].cpu().double()
    centre = to_camera((cell + offset) / counts, frustum).numpy()
    turn = Rotation.from_quat(certificate.rotation[:, u, v, w].cpu().double().numpy(), scalar_first=True)
    pose = np.array(camera.world_to_camera)
    of_camera = Rotation.from_matrix(pose[:3, :3])
    own = turn.inv().apply(piece.points)
    return FoundObject(
        class_name=piece.class_name,
        centre_in_camera=_vector(centre),
        centre_in_world=_vector(of_camera.inv().apply(centre - pose[:3, 3])),
        rotation_to_camera=_quaternion(turn),
        rotation_to_world=_quaternion(of_camera.inv() * turn),
        size=None if piece.is_cut else _vector(own.max(axis=0) - own.min(axis=0)),
        confidence=float(certificate.real[u, v, w].sigmoid()),
        fruxels=piece.fruxels,
    )


def _vector(values: Floats) -> Vector:
    x, y, z = values.tolist()
    return (x, y, z)


def _quaternion(turn: Rotation) -> Quaternion:
    w, x, y, z = turn.as_quat(canonical=True, scalar_first=True).tolist()
    return (w, x, y, z)
