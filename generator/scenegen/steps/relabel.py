"""Make the voxel labels of a data set again, at another grid or other frustum parameters, without Blender."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from scenegen.core.dataset.folders import remove_leftovers
from scenegen.core.dataset.info import DatasetInfo, write_dataset_json
from scenegen.core.dataset.reading import Dataset, open_scene
from scenegen.core.dataset.run_lock import change_lock
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.dataset.writing import SceneWriter, replace_labels, write_grids, write_voxels
from scenegen.core.errors import ScenegenError, SeveralErrors, UsageError
from scenegen.core.labels.box_masks import scene_box_labels
from scenegen.core.labels.fruxels import frustum_instances
from scenegen.core.labels.grid_files import files_of
from scenegen.core.labels.grids import frustum_grid
from scenegen.core.labels.placed_meshes import PlacedMesh, place_meshes
from scenegen.core.labels.room_surfaces import cell_classes
from scenegen.core.labels.visible_fruxels import frustum_visibility
from scenegen.core.scene.asked_grid import MOST_CELLS, GridChange
from scenegen.core.scene.scene import (
    ALL_VOXEL_LABELS,
    MOST_CLASSES_IN_GRID,
    ROOM_SURFACES,
    FrustumSpec,
    GridSpec,
    NamedGrid,
    Scene,
)
from scenegen.progress import OnProgress
from scenegen.steps.library import check_sizes, find_library, load_asset
from scenegen.steps.scene_pool import Tried, map_scenes

NOT_CHANGED = "no scene was changed; the same command works once these files are whole"
HALF_CHANGED = "some scenes have the new labels, others the old ones; the same command changes the others"


@dataclass(frozen=True)
class FrustumChange:
    """A fruxel model for all cameras: depths in metres, slices along them, horizontal field of view in degrees."""

    near: float
    far: float
    slices: int
    hfov_deg: float


def relabel(  # noqa: PLR0913
    path: Path,
    *,
    grids: Sequence[GridChange] = (),
    frustum: FrustumChange | None = None,
    with_room: bool | None = None,
    workers: int = 1,
    assets: Path | None = None,
    on_progress: OnProgress | None = None,
    on_note: Callable[[str], None] | None = None,
) -> int:
    """Give every scene labels at other box grids, and at another frustum; return how many scenes changed.

    A grid with a name is made beside the others, in place of one of that name.

    None keeps the grid, the frustum, or the classes: `with_room` says whether floor, walls and ceiling are among them.
    `assets` is the library that the data set was made from (default: the one that
    dataset.json names). Each scene changes as a whole. After a kill the same call continues: dataset.json changes last,
    so a scene that already has the new grids is done. UsageError for impossible grids; ScenegenError when assets
    are missing or another process uses the data set. `on_note` is told of each grid asked for that is empty in a scene,
    of all its cameras. SeveralErrors: scenes are damaged, and none is changed.
    """
    _check_folders(Dataset(path))
    with change_lock(path, "voxelize"):
        dataset = Dataset(path)
        _check_folders(dataset)
        wanted = _with_room(_wanted(dataset, grids, frustum), dataset, with_room=with_room)
        done = _relabel(dataset, wanted, workers, assets, on_progress)
        if on_note:
            for note in _empty_grids(Dataset(path), grids, workers):
                on_note(note)
        return done


def _empty_grids(dataset: Dataset, asked: Sequence[GridChange], workers: int) -> list[str]:
    """A line on each grid asked for that is empty in some scenes: in how many, where it is, where the room is."""
    find = partial(_empty_in, tuple(box.name for box in asked))
    counts = Counter(
        name for names in map_scenes(find, list(dataset) if asked else [], workers, None) for name in names
    )
    lines = []
    for box in asked:
        grid = next((one.grid for one in dataset.info.grids if one.name == box.name), dataset.info.grid)
        if not counts[box.name] or grid is None:
            continue
        high = [low + n * grid.voxel_size for low, n in zip(grid.origin, grid.shape, strict=True)]
        place = f"it reaches from {_corner(grid.origin)} to {_corner(high)} m"
        room = None if box.ego else dataset[0].scene.room
        where = (" around the vehicle" if dataset[0].scene.rig else " before each camera") if box.ego else ""
        if room:
            x, y, z = room[0] / 2, room[1] / 2, room[2]
            where = f", the room from {_corner((-x, -y, 0))} to {_corner((x, y, z))} m"
        what = f"grid {box.name}" if box.name else "the grid without a name"
        lines.append(f"{what}: is empty in {counts[box.name]} of {len(dataset)} scenes; {place}{where}")
    return lines


def _empty_in(names: Sequence[str], stored: StoredScene) -> list[str]:
    """Those of the box grids, "" that of the masks, in which a scene has no object, of all cameras together."""
    full = {
        named.name
        for named, k in files_of(stored.scene)
        if named.name in names and stored.named_grid(named.name, k).labels.any()
    }
    if "" in names and stored.occupancy.any():
        full.add("")
    return [name for name in names if name not in full]


def _corner(place: Sequence[float]) -> str:
    return ",".join(f"{x:g}" for x in np.round(place, 6))


def _check_folders(dataset: Dataset) -> None:
    path = dataset.path
    if dataset.packing:
        raise UsageError(f"{path}: is packed; make the labels of the folders it was packed from, and pack them again")


def _relabel(
    dataset: Dataset,
    wanted: DatasetInfo,
    workers: int,
    assets: Path | None,
    on_progress: OnProgress | None,
) -> int:
    path = dataset.path
    library = find_library(dataset, assets)
    remove_leftovers(path)
    # A scene that cannot be changed is found before one is: a data set of two grids serves nobody.
    looking = Tried(partial(_check_scene, path, library), workers)
    for _ in looking.results(Dataset(path).indices):
        pass
    if looking.damage:
        raise SeveralErrors(*looking.damage, f"{path}: {NOT_CHANGED}")
    changing = Tried(partial(_relabel_scene, path, library, dataset.info, wanted), workers, on_progress)
    try:
        done = sum(changing.results(Dataset(path).indices))
        if changing.damage:
            raise SeveralErrors(*changing.damage)
        write_dataset_json(path, wanted)
    except ScenegenError as error:
        raise SeveralErrors(str(error), f"{path}: {HALF_CHANGED}") from error
    finally:
        remove_leftovers(path)
    return done


def _wanted(dataset: Dataset, boxes: Sequence[GridChange], change: FrustumChange | None) -> DatasetInfo:
    info = dataset.info
    if [box.name for box in boxes].count("") > 1:
        raise UsageError("--grid: only one grid may be without NAME=; give each other one a name of its own")
    if len({box.name for box in boxes}) < len(boxes):
        raise UsageError("--grid and --ego: two grids have one name; give each a name of its own")
    named = {grid.name: grid for grid in info.grids}
    grid = info.grid
    for box in boxes:
        if box.name:
            named[box.name] = _named_grid(dataset, box)
        else:
            grid = _changed_grid(dataset, box)
    spec = info.frustum if change is None else _changed_frustum(dataset, change)
    return dataclasses.replace(info, grid=grid, frustum=spec, grids=tuple(named.values()))


def _with_room(info: DatasetInfo, dataset: Dataset, *, with_room: bool | None) -> DatasetInfo:
    """The classes with or without those of the room's surfaces."""
    if with_room is None or with_room == info.request.with_room:
        return info
    classes = tuple(name for name in info.classes if name not in ROOM_SURFACES)
    if with_room:
        if dataset[0].scene.room is None:
            raise UsageError(f"--with-room: the scenes of {dataset.path} are in the open; leave it out")
        if len(classes) < len(info.classes):
            raise UsageError(f"--with-room: {dataset.path} has objects of a class called floor, wall or ceiling")
        if len(classes := (*classes, *ROOM_SURFACES)) > MOST_CLASSES_IN_GRID:
            raise UsageError(f"--with-room: labels hold at most {MOST_CLASSES_IN_GRID} classes, not {len(classes)}")
    return dataclasses.replace(info, classes=classes, request=dataclasses.replace(info.request, with_room=with_room))


def _named_grid(dataset: Dataset, change: GridChange) -> NamedGrid:
    if change.voxel_size is None:
        raise UsageError(f"{change.option}: a grid with a name needs the size of its cells, X,Y,Z@SIZE")
    try:
        return NamedGrid(change.name, _changed_grid(dataset, change), change.ego)
    except ValueError as error:
        raise UsageError(f"{change.option}: {error}") from error


def _changed_grid(dataset: Dataset, change: GridChange) -> GridSpec:
    """The grid that was asked for; over the volume of the data set's grid, its cells must be cubes."""
    old, shape = dataset.info.grid, change.shape
    if old is None and not change.name:
        raise UsageError(f"{dataset.path}: its preset {dataset.info.request.preset} has no box grid; leave --grid out")
    if len(shape) != 3 or min(shape) < 1:
        raise UsageError(f"{change.option}: give three numbers of cells above 0, such as 80,96,64")
    if (cells := math.prod(shape)) > MOST_CELLS:
        classes = len(dataset.info.classes)
        raise UsageError(
            f"{change.option}: {cells:,} cells would take {cells * classes / 1e9:,.1f} GB per scene for the masks of "
            f"{classes} classes alone; ask for at most {MOST_CELLS:,} cells"
        )
    if change.voxel_size is not None:
        return change.sized()
    assert old is not None
    extent = [n * old.voxel_size for n in old.shape]
    sizes = [e / n for e, n in zip(extent, shape, strict=True)]
    if max(sizes) - min(sizes) > 1e-9 * max(sizes):
        fit = ",".join(str(round(e / sizes[0])) for e in extent)
        raise UsageError(
            f"{change.option}: cells would not be cubes over "
            f"{extent[0]:g} x {extent[1]:g} x {extent[2]:g} m; {fit} would be; another "
            f"volume takes {change.option}@SIZE"
        )
    return GridSpec(old.origin, extent[0] / shape[0], (shape[0], shape[1], shape[2]))


def _changed_frustum(dataset: Dataset, change: FrustumChange) -> FrustumSpec:
    """The data set's frustum size with as many slices as asked for."""
    text = f"--frustum {change.near:g},{change.far:g},{change.slices},{change.hfov_deg:g}"
    if not 0 < change.near < change.far < math.inf:
        raise UsageError(f"{text}: NEAR and FAR must be metres, 0 < NEAR < FAR")
    if not 0 < change.hfov_deg < 180:
        raise UsageError(f"{text}: HFOV must be degrees, between 0 and 180")
    old = dataset.info.frustum or dataset[0].cameras[0].frustum  # cameras with fields of view of their own
    if change.slices < 1 or old.size[0] * old.size[1] * change.slices > MOST_CELLS:
        raise UsageError(f"{text}: SLICES must be at least 1 and fit in memory, such as 128")
    return FrustumSpec(change.near, change.far, (old.size[0], old.size[1], change.slices), change.hfov_deg)


def _check_scene(path: Path, library: Path, index: int) -> None:
    """Raise what would stop this scene from being changed."""
    stored = open_scene(path, index)
    check_sizes(stored, library)
    for name in {item.asset for item in stored.scene.objects}:
        load_asset(library, name)


def _has(scene: Scene, wanted: DatasetInfo, frusta: Sequence[FrustumSpec]) -> bool:
    """Whether a scene has these grids, and all labels in them."""
    same = (scene.grid, set(scene.grids), scene.classes) == (wanted.grid, set(wanted.grids), wanted.classes) and [
        camera.frustum for camera in scene.cameras
    ] == list(frusta)
    return same and scene.voxel_spec == ALL_VOXEL_LABELS


def _relabel_scene(path: Path, library: Path, before: DatasetInfo, wanted: DatasetInfo, index: int) -> bool:
    stored = open_scene(path, index)
    scene = stored.scene
    frusta = [wanted.frustum or camera.frustum for camera in scene.cameras]
    if before != wanted and _has(scene, wanted, frusta):
        return False
    check_sizes(stored, library)
    placed = place_meshes(scene, {item.asset: load_asset(library, item.asset).label_mesh for item in scene.objects})
    cameras = tuple(dataclasses.replace(c, frustum=f) for c, f in zip(scene.cameras, frusta, strict=True))
    changed = dataclasses.replace(
        scene,
        classes=wanted.classes,
        grid=wanted.grid,
        cameras=cameras,
        voxel_spec=ALL_VOXEL_LABELS,
        grids=wanted.grids,
    )
    replace_labels(path, changed, partial(_write_voxels, stored, changed, placed))
    return True


def _write_voxels(stored: StoredScene, scene: Scene, placed: Sequence[PlacedMesh], writer: SceneWriter) -> None:
    """The voxel labels of `scene`, with the depth maps that are `stored`."""
    depths = [stored.depth_steps(k) for k in range(len(scene.cameras))]
    for k, camera in enumerate(scene.cameras):
        instances = frustum_instances(placed, camera)
        unit, measured = scene.map_spec.depth_unit, scene.measured_depth
        seen = frustum_visibility(camera, depths[k], unit, measured=measured)
        writer.frustum(
            k,
            {
                "labels": cell_classes(scene, instances, frustum_grid(camera)),
                "instances": instances,
                "visibility": seen,
            },
        )
    if scene.grid:
        box = scene_box_labels(scene, scene.grid, placed)
        writer.masks(box.masks)
        write_voxels(writer, scene, box.instances, depths)
    write_grids(writer, scene, placed, depths)
