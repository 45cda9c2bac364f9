"""Objects as cells of a certificate and back: who stands in which cell, and where a cell says that its object stands.

Shapes: B views, O objects (rows of class NO_OBJECT fill up), u v w cells. Metres, camera coordinates (OpenCV: x right,
y down, z forward). SSZ paper, section 3.3.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import NamedTuple, ParamSpec, TypeVar

import torch
from torch import Tensor

from scenetrain.data.reads import NO_OBJECT, Extras
from scenetrain.networks.ssz.judge import Certificate

P = ParamSpec("P")
R = TypeVar("R")


def exact(function: Callable[P, R]) -> Callable[P, R]:
    """The function without autocast: in bfloat16 its products would move an object at 12 m by up to 5 cm."""

    @wraps(function)
    def called(*values: P.args, **named: P.kwargs) -> R:
        with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
            return function(*values, **named)

    return called


class PoseTargets(NamedTuple):
    """The objects that a certificate must name; row n stands in cell `cells[n]` of view `views[n]`."""

    views: Tensor
    """int64 (N,)."""
    cells: Tensor
    """int64 (N, 3)."""
    centre: Tensor
    """float32 (N, 3): the middle of its box, metres."""
    rotation: Tensor
    """float32 (N, 3, 3): its axes to the camera's."""
    size: Tensor
    """float32 (N, 3): its box, metres, scale included."""
    classes: Tensor
    """int64 (N,)."""
    objects: Tensor
    """int64 (N,): its row in the extras."""
    is_round: Tensor
    """bool (N,): where its front points cannot be seen."""


@exact
def pose_targets(extras: Extras, shape: tuple[int, int, int]) -> PoseTargets:
    """The objects whose centres are in their view's frustum, each in the cell of its centre.

    `shape` is (u, v, w). An object that the frustum cuts counts while its centre is inside. Of several in one cell, the
    one that shows most pixels counts.
    """
    poses, sizes, classes = extras.poses, extras.sizes, extras.object_classes
    cameras, frusta, visible = extras.world_to_camera, extras.frustum, extras.visible
    assert poses is not None and sizes is not None and classes is not None
    assert cameras is not None and frusta is not None and visible is not None and extras.is_round is not None
    in_camera = cameras[:, :1] @ poses  # (B, O, 4, 4)
    scale = torch.linalg.det(in_camera[..., :3, :3].double()).abs().pow(1 / 3).float()
    middle = torch.stack([torch.zeros_like(sizes[..., 0]), torch.zeros_like(sizes[..., 0]), sizes[..., 2] / 2], -1)
    centre = (in_camera[..., :3, :3] @ middle.unsqueeze(-1)).squeeze(-1) + in_camera[..., :3, 3]
    place = to_frustum(centre, frusta[:, :1])
    inside = ((place >= 0) & (place < 1)).all(-1) & (centre[..., 2] > 0) & (classes != NO_OBJECT)
    counts = torch.tensor(shape, device=place.device)
    cell = (place.nan_to_num() * counts).long().clamp(min=torch.zeros_like(counts), max=counts - 1)
    flat = (cell[..., 0] * shape[1] + cell[..., 1]) * shape[2] + cell[..., 2]
    views, objects = inside.nonzero(as_tuple=True)
    # sorted by what is seen, so that the last one written into a cell is the one that shows most
    order = visible[views, objects, 0].argsort(stable=True)
    views, objects = views[order], objects[order]
    owner = torch.full((len(classes), shape[0] * shape[1] * shape[2]), -1, device=place.device)
    for view, item in zip(views.tolist(), objects.tolist(), strict=True):
        owner[view, flat[view, item]] = item
    kept = owner[views, flat[views, objects]] == objects
    views, objects = views[kept], objects[kept]
    return PoseTargets(
        views,
        cell[views, objects],
        centre[views, objects],
        in_camera[views, objects, :3, :3] / scale[views, objects, None, None],
        sizes[views, objects] * scale[views, objects, None],
        classes[views, objects],
        objects,
        extras.is_round[views, objects],
    )


def to_frustum(points: Tensor, frusta: Tensor) -> Tensor:
    """Camera points (..., 3) to the frustum's own axes, each from 0 to 1; `frusta` (..., 6), see Extras.frustum."""
    fx, fy, cx, cy, near, far = frusta.unbind(-1)
    x, y, z = points.unbind(-1)
    return torch.stack([fx * x / z + cx, fy * y / z + cy, (z - near) / (far - near)], -1)


def to_camera(places: Tensor, frusta: Tensor) -> Tensor:
    """The inverse of to_frustum."""
    fx, fy, cx, cy, near, far = frusta.unbind(-1)
    u, v, w = places.unbind(-1)
    z = near + (far - near) * w
    return torch.stack([(u - cx) / fx * z, (v - cy) / fy * z, z], -1)


class Poses(NamedTuple):
    """Where the cells of some targets say that their objects stand."""

    centre: Tensor
    """float32 (N, 3)."""
    rotation: Tensor
    """float32 (N, 3, 3)."""


@exact
def poses_at(certificate: Certificate, targets: PoseTargets, frusta: Tensor) -> Poses:
    """What a certificate says in the targets' cells; `frusta` float32 (B, V, 6)."""
    u, v, w = targets.cells.unbind(-1)
    shape = torch.tensor(certificate.real.shape[1:], device=u.device)
    offset = certificate.offset[targets.views, :, u, v, w].float()
    place = (targets.cells + offset) / shape
    return Poses(
        to_camera(place, frusta[targets.views, 0]),
        rotation_matrix(certificate.rotation[targets.views, :, u, v, w].float()),
    )


def rotation_matrix(quaternion: Tensor) -> Tensor:
    """Unit quaternions (..., 4), w first, to matrices (..., 3, 3); q and -q give the same."""
    w, x, y, z = quaternion.unbind(-1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


@exact
def turned_to_fit(rotation: Tensor, truth: Tensor, is_round: Tensor) -> Tensor:
    """Rotations (N, 3, 3) of which the round ones (N,) are turned about their own z axis to be nearest to the truth.

    The angle is the one that makes trace(truth^T rotation Rz) the most; gradients do not go through it.
    """
    apart = (truth.transpose(-1, -2) @ rotation).detach()
    angle = torch.atan2(apart[:, 0, 1] - apart[:, 1, 0], apart[:, 0, 0] + apart[:, 1, 1])
    cos, sin = (torch.where(is_round, angle, 0.0).cos(), torch.where(is_round, angle, 0.0).sin())
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    rows = ((cos, -sin, zero), (sin, cos, zero), (zero, zero, one))
    return rotation @ torch.stack([torch.stack(row, -1) for row in rows], -2)


@exact
def box_corners(centre: Tensor, rotation: Tensor, size: Tensor) -> Tensor:
    """The corners (N, 8, 3) of boxes by middle, axes and size."""
    signs = torch.cartesian_prod(*[torch.tensor([-0.5, 0.5], device=size.device)] * 3)
    return centre.unsqueeze(1) + (signs * size.unsqueeze(1)) @ rotation.transpose(-1, -2)
