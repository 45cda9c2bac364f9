"""Voxels meet the pixels that show them: projection against plain matrices, samples, moments, gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scenegen.core.labels.grids import BoxGrid, cell_centres
from scenegen.core.scene.scene import Camera, FrustumSpec, GridSpec
from scenetrain.blocks.pulling import (
    MIN_DEPTH,
    masked_moments,
    project_cells,
    project_points,
    rays,
    sample_maps,
    sample_rows,
    sample_volumes,
)
from scenetrain.data.reads import voxels_to_image

GRID = GridSpec((-0.8, -1.0, 0.2), 0.25, (6, 8, 4))
EYES = ((-1.5, -1.0, 1.2), (1.0, -1.6, 1.4), (0.3, 1.6, 0.7), (0.0, 0.0, 0.6))


def camera(eye: tuple[float, float, float], width: int = 96, height: int = 64) -> Camera:
    """It looks at the middle of the grid; its pixels are not square and its principal point is off the middle."""
    place, aim = np.array(eye), np.array([0.1, 0.05, 0.7])
    forward = (aim - place) / np.linalg.norm(aim - place)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, -rotation @ place
    K = ((80.0, 0.0, 50.0), (0.0, 70.0, 30.0), (0.0, 0.0, 1.0))
    rows = tuple(tuple(float(x) for x in row) for row in matrix)
    return Camera("c", width, height, K, rows, FrustumSpec(0.5, 7.0, (8, 8, 8), 60.0))  # type: ignore[arg-type]


def matrices() -> torch.Tensor:
    return torch.from_numpy(np.stack([voxels_to_image(camera(eye), GRID) for eye in EYES])).unsqueeze(0)


@pytest.mark.parametrize("number", range(len(EYES)))
def test_a_voxel_s_centre_is_where_its_camera_sees_it(number: int) -> None:
    """One camera stands inside the grid: what is behind it is not seen."""
    one = camera(EYES[number])
    centres = cell_centres(BoxGrid(GRID.origin, GRID.voxel_size, GRID.shape)).reshape(-1, 3)
    there = centres @ np.array(one.world_to_camera)[:3, :3].T + np.array(one.world_to_camera)[:3, 3]
    pixels = there @ np.array(one.K).T
    with np.errstate(divide="ignore", invalid="ignore"):
        u, v = pixels[:, 0] / pixels[:, 2] / one.width, pixels[:, 1] / pixels[:, 2] / one.height
    inside = (there[:, 2] > MIN_DEPTH) & (u > 0) & (u < 1) & (v > 0) & (v < 1)
    places, depth, seen = project_cells(matrices(), GRID.shape)
    np.testing.assert_allclose(depth[0, number].numpy(), there[:, 2].clip(MIN_DEPTH), atol=1e-5)
    assert np.array_equal(seen[0, number].numpy(), inside)
    assert 0 < inside.sum() < len(centres)
    np.testing.assert_allclose(places[0, number].numpy()[inside], np.stack([u, v], 1)[inside], atol=1e-5)


def test_larger_cells_have_their_centres_between_those_of_their_voxels() -> None:
    voxels_of_half = project_cells(matrices(), (3, 4, 2), 2.0)[0]
    grid = GridSpec(GRID.origin, GRID.voxel_size * 2, (3, 4, 2))
    doubled = torch.from_numpy(np.stack([voxels_to_image(camera(eye), grid) for eye in EYES])).unsqueeze(0)
    torch.testing.assert_close(voxels_of_half, project_cells(doubled, grid.shape)[0])


def test_a_map_of_its_own_places_samples_them() -> None:
    """Where pixel centres lie: the middle of pixel (i, j) of w x h is ((i + .5) / w, (j + .5) / h)."""
    height, width = 12, 20
    u = (torch.arange(width) + 0.5) / width
    v = (torch.arange(height) + 0.5) / height
    maps = torch.stack([u.expand(height, width), v.unsqueeze(1).expand(height, width)])
    places, _, seen = project_cells(matrices(), GRID.shape)
    found = sample_maps(maps.expand(1, len(EYES), 2, height, width), places)
    inner = seen & ((places > 0.05) & (places < 0.95)).all(-1)
    torch.testing.assert_close(found.movedim(2, -1)[inner], places[inner], atol=1e-4, rtol=0)


def test_a_line_of_sight_leads_back_to_its_place() -> None:
    """From the eye, so many metres along it, to a point that is shown there."""
    places = torch.tensor([(0.5, 0.5), (0.03, 0.9), (0.8, 0.1)])
    eye, direction = rays(matrices(), places)
    standing = (np.array(EYES) - GRID.origin) / GRID.voxel_size
    np.testing.assert_allclose(eye[0].numpy(), standing, atol=1e-4)
    for depth in (0.4, 3.0):
        points = eye.unsqueeze(2) + depth * direction
        for view in range(len(EYES)):
            found = project_points(matrices()[:, view : view + 1], points[:, view])
            torch.testing.assert_close(found.places[0, 0], places, atol=1e-4, rtol=0)
            torch.testing.assert_close(found.depth[0, 0], torch.full((3,), depth), atol=1e-4, rtol=0)


@pytest.mark.parametrize("depths", [1, 5])
def test_samples_of_volumes_are_those_of_torch(depths: int) -> None:
    torch.manual_seed(0)
    volumes = torch.rand(2, 3, 2, depths, 6, 8, dtype=torch.double)
    places = torch.rand(2, 3, 40, 2, dtype=torch.double) * 1.2 - 0.1
    level = torch.rand(2, 3, 40, dtype=torch.double) * (depths + 1) - 1
    at = torch.cat([places, ((level + 0.5) / depths).unsqueeze(-1)], -1) * 2 - 1
    expected = torch.nn.functional.grid_sample(
        volumes.flatten(0, 1), at.flatten(0, 1)[:, None, None], padding_mode="border", align_corners=False
    )
    torch.testing.assert_close(sample_volumes(volumes, places, level), expected[:, :, 0, 0].unflatten(0, (2, 3)))


def test_moments_are_those_of_the_views_that_see() -> None:
    torch.manual_seed(0)
    samples, seen = torch.rand(2, 3, 4, 50), torch.rand(2, 3, 50) < 0.5
    mean, variance, share = masked_moments(samples, seen)
    for b, n in np.ndindex(2, 50):
        own = samples[b, seen[b, :, n], :, n]
        expected = own.mean(0) if len(own) else torch.zeros(4)
        spread = own.var(0, unbiased=False) if len(own) else torch.zeros(4)
        torch.testing.assert_close(mean[b, :, n], expected)
        torch.testing.assert_close(variance[b, :, n], spread, atol=1e-6, rtol=1e-4)
        assert float(share[b, 0, n]) == pytest.approx(len(own) / 3)


def test_gradients_are_those_of_small_changes() -> None:
    torch.manual_seed(0)
    places, _, seen = project_cells(matrices().double(), (3, 4, 2), 2.0)

    def pulled(maps: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return masked_moments(sample_maps(maps, places), seen)[:2]

    maps = torch.rand(1, len(EYES), 2, 5, 6, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(pulled, (maps,))


def test_rows_are_the_samples_of_maps_and_so_are_their_gradients() -> None:
    torch.manual_seed(0)
    maps = torch.rand(2, 3, 5, 6, 7, dtype=torch.double, requires_grad=True)
    places = 1.4 * torch.rand(2, 3, 40, 2, dtype=torch.double) - 0.2
    places[0, 0, :3] = torch.tensor([-1.0, 3e9, -3e9], dtype=torch.double).view(3, 1)
    given = torch.rand(2, 3, 40, 5, dtype=torch.double)
    expected = sample_maps(maps, places).transpose(2, 3)
    found = sample_rows(maps, places)
    torch.testing.assert_close(found, expected)
    wanted = torch.autograd.grad((expected * given).sum(), maps)
    torch.testing.assert_close(torch.autograd.grad((found * given).sum(), maps), wanted)
