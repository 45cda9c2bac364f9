"""Box grids as options and presets ask for them: [NAME=]X,Y,Z[@SIZE[@X0,Y0,Z0]]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scenegen.core.errors import UsageError
from scenegen.core.scene.scene import FARTHEST, GridSpec, NamedGrid

ASKED_GRID = "NAME=X,Y,Z@SIZE[@X0,Y0,Z0]"
MOST_CELLS = 2**28
"""A grid of more cells (645 along each side) takes gigabytes of memory per scene."""


@dataclass(frozen=True)
class GridChange:
    """A box grid of so many cells: over the old volume, or with cells of `voxel_size` metres from `origin` on.

    Without an `origin`, the grid stands on the middle of the floor. One with a `name` is beside the masks' grid, and
    with `ego` there is one before each camera, or around the rig at each key frame.
    """

    shape: Sequence[int]
    voxel_size: float | None = None
    origin: Sequence[float] | None = None
    name: str = ""
    ego: bool = False

    @property
    def option(self) -> str:
        """How it is asked for."""
        size = "" if self.voxel_size is None else f"@{self.voxel_size:g}"
        corner = "" if self.origin is None else "@" + ",".join(f"{x:g}" for x in self.origin)
        name = f"{self.name}=" if self.name else ""
        return f"--{'ego' if self.ego else 'grid'} {name}{','.join(map(str, self.shape))}{size}{corner}"

    def sized(self) -> GridSpec:
        """The grid of cells of its `voxel_size`. UsageError where that or the corner is impossible."""
        assert self.voxel_size is not None
        size, (x, y, z) = self.voxel_size, self.shape
        start = 0.0 if self.ego else -x * size / 2  # before the camera, or around the middle of the floor
        origin = self.origin or (start, -y * size / 2, 0.0)
        if not 0 < size < FARTHEST or len(origin) != 3 or max(map(abs, origin)) > FARTHEST:
            raise UsageError(
                f"{self.option}: give the size of a cell in metres, above 0, and its first corner, X,Y,Z in metres"
            )
        return GridSpec((origin[0], origin[1], origin[2]), size, (x, y, z))


def read_grid(text: str, *, ego: bool) -> GridChange:
    """Read [NAME=]X,Y,Z[@SIZE[@X0,Y0,Z0]], as --ego or as --grid. Raises UsageError."""
    option = "--ego" if ego else "--grid"
    name, is_named, numbers = text.rpartition("=")
    cells, *rest = numbers.split("@")
    if rest[2:] or bool(is_named) != bool(name) or (ego and not name):
        raise UsageError(f"{option} {text}: give NAME=X,Y,Z@SIZE@X0,Y0,Z0 (see --help)")
    asked = f"{option} {text}"
    shape = read_numbers(cells, 3)
    if shape is None or any(n % 1 or n < 1 for n in shape):
        raise UsageError(f"{asked}: give three whole numbers of cells above 0, such as 80,96,64, not {cells!r}")
    size = read_numbers(rest[0], 1) if rest else None
    if rest and (size is None or size[0] <= 0):
        raise UsageError(f"{asked}: give the size of a cell in metres, above 0, such as 0.08, not {rest[0]!r}")
    origin = read_numbers(rest[1], 3) if rest[1:] else None
    if rest[1:] and origin is None:
        raise UsageError(f"{asked}: give the first corner as X0,Y0,Z0 in metres, such as -2.4,-2.4,0, not {rest[1]!r}")
    return GridChange([int(n) for n in shape], size[0] if size else None, origin, name, ego)


def read_numbers(text: str, count: int) -> list[float] | None:
    """`count` finite numbers with commas between; None where the text is something else."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def named_grid(text: str, *, ego: bool) -> NamedGrid:
    """Read NAME=X,Y,Z@SIZE[@X0,Y0,Z0]: a grid beside that of the masks. Raises UsageError."""
    change = read_grid(text, ego=ego)
    if not change.name or change.voxel_size is None:
        raise UsageError(f"{change.option}: give it a name and the size of its cells, NAME=X,Y,Z@SIZE")
    if (cells := math.prod(change.shape)) > MOST_CELLS:
        raise UsageError(
            f"{change.option}: {cells:,} cells would take {4 * cells / 1e9:,.1f} GB of labels alone; ask for at most "
            f"{MOST_CELLS:,} cells"
        )
    try:
        return NamedGrid(change.name, change.sized(), ego)
    except ValueError as error:
        raise UsageError(f"{change.option}: {error}") from error


def parse_grid(text: str) -> NamedGrid:
    """A grid in world axes, as --grid takes it. Raises UsageError."""
    return named_grid(text, ego=False)


def parse_ego(text: str) -> NamedGrid:
    """A grid that follows the vehicle, as --ego takes it. Raises UsageError."""
    return named_grid(text, ego=True)


def grid_text(grid: NamedGrid) -> str:
    """The text that `named_grid` makes this grid from."""
    spec = grid.grid
    return f"{grid.name}={','.join(map(str, spec.shape))}@{spec.voxel_size!r}@{','.join(map(repr, spec.origin))}"
