"""Made-up scenes of the right shapes, on which `bench` measures networks without a data set."""

from __future__ import annotations

import math

import torch
from scenegen.core.scene.scene import Camera, FrustumSpec, GridSpec

from scenetrain.blocks.backbones import FEATURE_SIZE
from scenetrain.data.features import Encoder, ResidentSplit
from scenetrain.data.labels import MAX_CLASSES
from scenetrain.data.reads import Extras, Reads, frustum_numbers, voxels_to_image
from scenetrain.networks.contract import BenchScale

NEAR, FAR, HFOV, OBJECTS = 2.0, 12.0, 40.0, 8
"""Of made-up views: metres, degrees, and objects in each."""
VOXEL = 0.05
EYE = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))


def random_split(
    reads: Reads, scale: BenchScale, encoder: Encoder, scenes_and_views: tuple[int, int], device: torch.device
) -> ResidentSplit:
    """Features as after a ReLU, or images, and labels of which one voxel in sixteen holds something."""
    count, views = scenes_and_views
    if encoder.trunk is not None:
        shape = (1, count, views, encoder.trunk.channels, FEATURE_SIZE, FEATURE_SIZE)
        shown = torch.empty(shape, dtype=encoder.dtype, device=device).normal_().relu_()
    else:
        shape = (1, count, views, 3, reads.image_size, reads.image_size)
        shown = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    values = 2**scale.classes if reads.labels == "box" else scale.classes + 1
    assert scale.classes <= MAX_CLASSES[reads.labels]
    labels = torch.randint(0, 16 * values, (count, *scale.shape), dtype=torch.int16, device=device)
    labels = torch.where(labels < values, labels, 0).to(torch.uint8)
    extras = random_extras(reads, scale, count, views).to(device)
    is_features = encoder.trunk is not None
    return ResidentSplit(shown, labels, torch.zeros(views, dtype=torch.long), extras, is_features=is_features)


def random_extras(reads: Reads, scale: BenchScale, count: int, views: int) -> Extras:
    """What a family reads beside: cameras in the world's origin that look at the grid, OBJECTS objects before each."""
    extras, size = Extras(), reads.image_size
    if reads.depth:
        extras = extras._replace(depth=NEAR + (FAR - NEAR) * torch.rand(count, views, size, size))
    if reads.cameras:
        camera = _camera(size, scale.shape)
        extras = extras._replace(
            K=torch.tensor(camera.K).expand(count, views, 3, 3),
            world_to_camera=torch.tensor(camera.world_to_camera).expand(count, views, 4, 4),
        )
        if reads.labels == "box":
            x, y, _ = scale.shape
            grid = GridSpec((-x * VOXEL / 2, -y * VOXEL / 2, NEAR), VOXEL, scale.shape)
            matrix = torch.from_numpy(voxels_to_image(camera, grid))
            extras = extras._replace(voxels_to_image=matrix.expand(count, views, 3, 4))
        else:
            extras = extras._replace(frustum=torch.tensor(frustum_numbers(camera)).expand(count, views, 6))
    if reads.poses:
        poses = torch.eye(4).repeat(count, OBJECTS, 1, 1)
        poses[..., :2, 3] = torch.rand(count, OBJECTS, 2) - 0.5
        poses[..., 2, 3] = NEAR + (FAR - NEAR) * torch.rand(count, OBJECTS)
        extras = extras._replace(
            poses=poses,
            sizes=torch.ones(count, OBJECTS, 3),
            object_classes=torch.randint(scale.classes, (count, OBJECTS)),
            is_round=torch.zeros(count, OBJECTS, dtype=torch.bool),
            visible=torch.full((count, OBJECTS, views), 100),
        )
    return extras


def _camera(size: int, shape: tuple[int, int, int]) -> Camera:
    focal = size / 2 / math.tan(math.radians(HFOV / 2))
    K = ((focal, 0.0, size / 2), (0.0, focal, size / 2), (0.0, 0.0, 1.0))
    return Camera("made up", size, size, K, EYE, FrustumSpec(NEAR, FAR, shape, HFOV))
