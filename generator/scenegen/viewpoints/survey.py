"""What there is to see in many furnished rooms, and how much of it cameras see. No rendering: from layouts and meshes.

Two things are sampled in each layout: the outer surface of the objects, as faces of occupied voxels with a free voxel
before them, and the free space, as centres of free voxels. A camera sees a sample when it is in the image, between the
frustum's near and far, and the straight line to it meets no occupied voxel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.asset_library import Asset
from scenegen.core.labels.box_masks import grid_masks
from scenegen.core.labels.placed_meshes import place_meshes
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset import Preset
from scenegen.core.rng import raw_bits
from scenegen.core.scene.camera import camera_position, in_view
from scenegen.core.scene.scene import Camera, GridSpec, Scene, Vector
from scenegen.steps.library import load_asset
from scenegen.viewpoints.sight import lines_are_free

SAMPLES = 400
"""Of the surface, and as many of the free space, in each layout; every sample weighs the same."""
FINEST, MOST_CELLS_ALONG = 0.05, 128
"""Metres of a voxel, and voxels along the room's longest side, of which larger rooms have larger ones."""
BEFORE = 1e-3
"""A sample of the surface lies this share of a voxel before it."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Seen(NamedTuple):
    """Shares, 0 to 1, that at least one camera sees: of the objects' surface, and of the room's free space."""

    surface: float
    room: float

    @property
    def score(self) -> float:
        """The mean of both."""
        return (self.surface + self.room) / 2


@dataclass(frozen=True)
class Survey:
    """Layouts as voxels over the room, and the samples of each: first SAMPLES of the surface, then of free space."""

    occupied: Bools
    """(L, X, Y, Z)"""
    points: Floats
    """(L, 2 SAMPLES, 3), world metres."""
    origin: Vector
    voxel_size: float
    cameras: tuple[tuple[Camera, ...], ...]
    """Of each layout, as the preset places them."""

    @cached_property
    def clearance(self) -> NDArray[np.float32]:
        """Metres from the centre of each voxel to that of the nearest occupied one: (L, X, Y, Z)."""
        from scipy.ndimage import distance_transform_edt

        apart = np.full(self.occupied.shape, np.inf, dtype=np.float32)
        for layout, occupied in enumerate(self.occupied):
            if occupied.any():
                apart[layout] = distance_transform_edt(~occupied) * self.voxel_size
        return apart

    def to_cells(self, points: Floats) -> Floats:
        """World metres to voxels, (..., 3)."""
        cells: Floats = (points - np.asarray(self.origin)) / self.voxel_size
        return cells

    def in_sight(self, position: Vector) -> Bools:
        """(L, 2 SAMPLES): to which samples the straight line from a place meets no occupied voxel."""
        return lines_are_free(self.occupied, self.to_cells(np.asarray(position)), self.to_cells(self.points))

    def in_image(self, camera: Camera, sighted: Bools) -> Bools:
        """(L, 2 SAMPLES): which of the samples that are in sight of a camera's place lie in its frustum."""
        seen = np.zeros_like(sighted)
        seen[sighted] = in_view(camera, self.points[sighted])
        return seen

    def seen_by(self, camera: Camera) -> Bools:
        """(L, 2 SAMPLES): what a camera at the same place in every layout sees."""
        return self.in_image(camera, self.in_sight(camera_position(camera)))

    def seen_by_own_cameras(self) -> Bools:
        """(V, L, 2 SAMPLES): what each layout's own cameras see."""
        seen = np.zeros((len(self.cameras[0]), *self.points.shape[:2]), dtype=np.bool_)
        for number, cameras in enumerate(self.cameras):
            one = replace_layouts(self, slice(number, number + 1))
            for view, camera in enumerate(cameras):
                seen[view, number] = one.seen_by(camera)[0]
        return seen


def replace_layouts(survey: Survey, chosen: slice) -> Survey:
    """A survey of some of the layouts."""
    return replace(
        survey,
        occupied=survey.occupied[chosen],
        points=survey.points[chosen],
        cameras=survey.cameras[chosen],
    )


def shares(seen: Bools) -> Seen:
    """How much (L, 2 SAMPLES) of samples that are seen is of the surface and of the room."""
    return Seen(float(seen[:, :SAMPLES].mean()), float(seen[:, SAMPLES:].mean()))


@dataclass(frozen=True)
class Rooms:
    """Where layouts come from: the models `assets` of a prepared library, a seed and a split, as for a data set."""

    library: Path
    assets: Sequence[Asset]
    seed: int
    split: str


def survey_layouts(
    preset: Preset, rooms: Rooms, indices: range, on_layout: Callable[[], None] = lambda: None
) -> Survey:
    """The layouts `indices` of a preset's room.

    ScenegenError as make_scene raises it, and for an asset whose files are damaged.
    """
    assert preset.room is not None
    voxel = max(FINEST, max(preset.room) / MOST_CELLS_ALONG)
    wide, deep, _ = preset.room
    shape = tuple(max(1, round(length / voxel)) for length in preset.room)
    grid = GridSpec((-wide / 2, -deep / 2, 0.0), voxel, (shape[0], shape[1], shape[2]))
    occupied, points, cameras = [], [], []
    for index in indices:
        scene = make_scene(preset, rooms.assets, rooms.seed, index, rooms.split, variation=("cameras",))
        cells = _occupied(scene, rooms.library, grid)
        occupied.append(cells)
        points.append(_samples(cells, (rooms.seed, index)) * voxel + np.asarray(grid.origin))
        cameras.append(scene.cameras)
        on_layout()
    return Survey(np.stack(occupied), np.stack(points), grid.origin, voxel, tuple(cameras))


def _occupied(scene: Scene, library: Path, grid: GridSpec) -> Bools:
    meshes = {item.asset: load_asset(library, item.asset).label_mesh for item in scene.objects}
    occupied: Bools = grid_masks(place_meshes(scene, meshes), grid, len(scene.classes)).any(axis=-1)
    return occupied


def _samples(occupied: Bools, seed: tuple[int, int]) -> Floats:
    """(2 SAMPLES, 3) in voxels: of faces between an occupied and a free voxel, then centres of free voxels."""
    faces = []
    for axis in range(3):
        for sign in (-1, 1):
            beside = np.roll(occupied, -sign, axis)
            end = [slice(None)] * 3
            end[axis] = slice(-1, None) if sign > 0 else slice(0, 1)
            beside[tuple(end)] = True  # the room's walls, floor and ceiling: nothing sees through them
            shift = np.full(3, 0.5)
            shift[axis] += sign * (0.5 + BEFORE)
            faces.append(np.argwhere(occupied & ~beside) + shift)
    surface, free = np.concatenate(faces), np.argwhere(~occupied) + 0.5
    return np.concatenate([_drawn(surface if len(surface) else free, (*seed, 0)), _drawn(free, (*seed, 1))])


def _drawn(places: Floats, seed: tuple[int, ...]) -> Floats:
    """SAMPLES of the places, each at most once where there are enough."""
    order = np.argsort(raw_bits(seed, len(places)), kind="stable")
    drawn: Floats = places[np.resize(order, SAMPLES)]
    return drawn
