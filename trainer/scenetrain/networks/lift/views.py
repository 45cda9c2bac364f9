"""Where views show a grid, and what they see of it: of a room's box, or of the frustum of one view.

Shapes: B items, V views, N points, X Y Z the grid's axes (x, y, depth of a frustum), h w a feature map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from scenetrain.blocks.pulling import Projection, cell_centres, project_points
from scenetrain.data.reads import Extras, Grid
from scenetrain.networks.lift.pixels import (
    Depths,
    Shown,
    cast_labels,
    depths_of_grid,
    first_of_columns,
    line_of_sight,
    pixel_places,
)


class BoxViews(NamedTuple):
    """Views of a box grid."""

    matrices: Tensor
    """(B, V, 3, 4), see data.reads.Extras.voxels_to_image."""
    shape: tuple[int, int, int]

    def points(self, points: Tensor) -> Projection:
        """Points (B or 1, N, 3), in voxels, in the views."""
        return project_points(self.matrices, points)

    def depths(self) -> Depths:
        """In which depths the grid lies."""
        return depths_of_grid(self.matrices, self.shape)

    def geometry(self, size: tuple[int, int]) -> Tensor:
        """(B, V, GEOMETRY, h, w): what is known of pixels without their image."""
        return line_of_sight(self.matrices, self.shape, size)

    def shown(self, labels: Tensor, size: tuple[int, int]) -> Shown:
        """What pixels show of labels int64 (B, X, Y, Z), 0 = air."""
        return cast_labels(labels, self.matrices, size)


class FrustumViews(NamedTuple):
    """One view of its own frustum: a column of the image is a column of fruxels, with slices of equal depth."""

    numbers: Tensor
    """(B, 1, 6), see data.reads.Extras.frustum."""
    shape: tuple[int, int, int]

    def points(self, points: Tensor) -> Projection:
        """Points (B or 1, N, 3), in fruxels, in the view."""
        share = points.to(self.numbers.dtype).unsqueeze(1) / torch.tensor(self.shape, device=points.device)
        near, far = self.depths()
        share = share.expand(*self.numbers.shape[:2], -1, -1)
        depth = near.unsqueeze(-1) + share[..., 2] * (far - near).unsqueeze(-1)
        places = share[..., :2].contiguous()
        return Projection(places, depth, ((places > 0) & (places < 1)).all(-1))

    def depths(self) -> Depths:
        """In which depths the frustum lies."""
        return Depths(*self.numbers[..., 4:].unbind(-1))

    def geometry(self, size: tuple[int, int]) -> Tensor:
        """(B, V, GEOMETRY, h, w): the line of sight's slopes, and the pixel's place."""
        places = pixel_places(*size, self.numbers.device).to(self.numbers.dtype)
        focal, middle = self.numbers[..., None, :2], self.numbers[..., None, 2:4]
        slopes = (places - middle) / focal
        found = torch.cat([slopes, (places - 0.5).expand_as(slopes)], -1)
        return found.transpose(2, 3).unflatten(3, size)

    def shown(self, labels: Tensor, size: tuple[int, int]) -> Shown:
        """What pixels show of labels int64 (B, X, Y, Z), 0 = air."""
        near, far = (end.squeeze(1) for end in self.depths())
        return first_of_columns(labels, Depths(near, far), size)


Views = BoxViews | FrustumViews


def views_of(extras: Extras, grid: Grid, shape: Sequence[int]) -> Views:
    """The views that a batch's extras tell of."""
    x, y, z = shape
    numbers = extras.voxels_to_image if grid == "box" else extras.frustum
    assert numbers is not None
    return BoxViews(numbers.float(), (x, y, z)) if grid == "box" else FrustumViews(numbers.float(), (x, y, z))


def points_of_cells(views: Views, cells: Sequence[int], detail: int) -> Projection:
    """Where the views show the centres of cells of detail x detail x detail voxels, `cells` of them along the axes."""
    numbers = views.matrices if isinstance(views, BoxViews) else views.numbers
    return views.points(cell_centres(cells, float(detail), numbers.device).unsqueeze(0))
