"""The rules for a scene's labels, each checked against another label of the same scene.

Different code makes box cells, frustum cells, depth and instance maps from the same triangles, so labels that agree are
neither shifted nor mirrored, mixed up or empty. Let S be an object's solid:

- The surface point of a pixel lies in S, so the box cell and the frustum cell around it are labelled. The depth map
  rounds to millimetres, so the point may be anywhere within one millimetre along its ray.
- A cell is labelled if S's surface meets it or its centre is inside S. In both cases some point of S is in the cell,
  and the cell of the other grid around that point is labelled too: either S's surface meets that cell, or the whole
  cell is inside S. So a labelled cell of one grid that lies completely in the other grid's volume overlaps a labelled
  cell there. Cells are compared by their bounding boxes in the other grid's index space, which can only be too lenient.

The first rule holds for every mesh, the second for closed solids. The inside of a leaky mesh is a vote, which two grids
may decide differently: over 120 scenes of downloaded furniture, at worst 1.6% of a class's cells in one camera.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenegen.core.scene.classes import object_class
from scenegen.core.scene.scene import Camera, GridSpec, Scene

SURFACE_SHARE = 0.99
"""At least this share of a class's pixels has its surface point in a labelled cell."""
SOLID_SHARE = 0.95
"""At least this share of a class's cells in one grid overlaps a labelled cell of the other grid."""
DEPTH_STEP = 0.001
"""Metres to which the depth map rounds."""
CLOSE = 1e-6
"""Metres, or cells, that count as no distance."""

Array = NDArray[np.float64]
Cells = NDArray[np.int64]


@dataclass(frozen=True)
class LabelledScene:
    """A scene with its arrays as `StoredScene` gives them, those of the cameras in order; `depths` in millimetres."""

    scene: Scene
    images: Sequence[NDArray[np.uint8]]
    depths: Sequence[NDArray[np.uint16]]
    instances: Sequence[NDArray[np.uint16]]
    frusta: Sequence[NDArray[np.uint8]]
    occupancy: NDArray[np.bool_] | None
    masks: NDArray[np.bool_] | None


def check_images(s: LabelledScene) -> Iterable[str]:
    """No image has only one colour."""
    for k, image in enumerate(s.images):
        if image.std() < 1:
            yield f"image_{k}.png: all pixels have the same colour"


def check_instances(s: LabelledScene) -> Iterable[str]:
    """Instance ids belong to objects, their counts are `visible_pixels`, and pixels of objects have depth."""
    for k, (instance, depth) in enumerate(zip(s.instances, s.depths, strict=True)):
        counts = np.bincount(instance.reshape(-1), minlength=len(s.scene.objects) + 1)[1:]
        for item in s.scene.objects:
            if counts[item.id] != item.visible_pixels[k]:
                yield (
                    f"instance_{k}.png: object {item.id} ({item.class_name}) has {counts[item.id]} pixels, "
                    f"but {item.visible_pixels[k]} in visible_pixels of scene.json"
                )
        if counts[len(s.scene.objects) :].any():
            yield f"instance_{k}.png: has ids that no object has"
        if (depth[instance > 0] == 0).any():
            yield f"depth_{k}.png: is 0 (nothing hit) at pixels that show an object"


def check_occupancy(s: LabelledScene) -> Iterable[str]:
    """Occupancy is the union of the masks."""
    if s.occupancy is not None and s.masks is not None:
        wrong = int((s.occupancy != s.masks.any(axis=-1)).sum())
        if wrong:
            yield f"occupancy.npy: differs from the union of masks.npy in {wrong} cells"


def check_masks(s: LabelledScene) -> Iterable[str]:
    """A class has cells only in its objects' bounding boxes, and every object inside the grid has some."""
    if s.masks is None or s.scene.grid is None:
        return
    for c, name in enumerate(s.scene.classes):
        cells = s.masks[..., c]
        left = cells.copy()
        for item in s.scene.objects:
            if item.class_name != name:
                continue
            low, high = (_to_index(np.array([p]), s.scene.grid) for p in (item.bbox.min, item.bbox.max))
            first, last = _cells_between(low, high, s.scene.grid.shape)
            box = tuple(slice(a, b) for a, b in zip(first[0], last[0], strict=True))
            whole = (low > -CLOSE).all() and (high < np.array(s.scene.grid.shape) + CLOSE).all()
            if whole and not cells[box].any():
                yield f"masks.npy: no {name} cell in the bounding box of object {item.id}"
            left[box] = False
        if left.any():
            yield f"masks.npy: {int(left.sum())} {name} cells outside the bounding box of every {name}"


def check_depth(s: LabelledScene) -> Iterable[str]:
    """An object's pixels, moved back into space by their depth, lie in cells of its class (box and frustum grid)."""
    class_of = np.array([s.scene.classes.index(o.class_name) for o in s.scene.objects], int)
    hits = np.zeros((2, len(s.scene.classes)), int)
    seen = np.zeros((2, len(s.scene.classes)), int)
    for k, camera in enumerate(s.scene.cameras):
        rows, columns = np.nonzero(s.instances[k])
        number = s.instances[k][rows, columns].astype(int) - 1
        rows, columns, number = (v[number < len(class_of)] for v in (rows, columns, number))
        kind = class_of[number]
        z = s.depths[k][rows, columns] / 1000.0
        steps = [z - DEPTH_STEP, z, z + DEPTH_STEP]
        in_box, in_frustum = np.zeros((2, len(kind)), bool), np.zeros((2, len(kind)), bool)
        for depth in steps:
            points = _unproject(camera, columns + 0.5, rows + 0.5, depth)
            if s.masks is not None and s.scene.grid is not None:
                cells, inside = _cells_around(_to_index(_to_world(camera, points), s.scene.grid), s.masks.shape[:3])
                in_box[0] |= inside
                in_box[1] |= inside & s.masks[(*cells.T, kind)]
            cells, inside = _cells_around(_to_frustum_index(camera, points), s.frusta[k].shape)
            in_frustum[0] |= inside
            in_frustum[1] |= inside & (s.frusta[k][tuple(cells.T)] > 0)
        for n, (asked, found) in enumerate((in_box, in_frustum)):
            seen[n] += np.bincount(kind[asked], minlength=len(s.scene.classes))
            hits[n] += np.bincount(kind[found], minlength=len(s.scene.classes))
    for n, (file, cell) in enumerate(
        (("masks.npy", "in a cell of that class"), ("frustum_*.npz", "in a labelled cell"))
    ):
        for c in np.flatnonzero(hits[n] < SURFACE_SHARE * seen[n]):
            name = s.scene.classes[c]
            yield f"{file}: only {hits[n][c]} of {seen[n][c]} surface points of class {name} lie {cell}"


def check_frusta(s: LabelledScene) -> Iterable[str]:
    """Labelled frustum cells overlap box cells of their class, and box cells overlap labelled frustum cells."""
    if s.masks is None or s.scene.grid is None:
        return
    tables = [_table(s.masks[..., c]) for c in range(len(s.scene.classes))]
    occupied = [np.argwhere(s.masks[..., c]) for c in range(len(s.scene.classes))]
    used = _corners_of(s.masks.any(axis=-1))
    points = np.argwhere(used) * s.scene.grid.voxel_size + s.scene.grid.origin
    image = np.zeros((*used.shape, 3))
    for k, camera in enumerate(s.scene.cameras):
        labels = s.frusta[k]
        if labels.max(initial=0) > len(s.scene.classes):
            yield f"frustum_{k}.npz: label {labels.max()} belongs to no class"
            continue
        cells = np.argwhere(labels)
        kinds = labels[tuple(cells.T)].astype(int) - 1
        low, high = _frustum_cell_bounds(camera, cells, s.scene.grid)
        within = (low > CLOSE).all(axis=1) & (high < np.array(s.scene.grid.shape) - CLOSE).all(axis=1)
        image[used] = _to_frustum_index(camera, _to_camera(camera, points))
        any_label = _table(labels > 0)
        for c, name in enumerate(s.scene.classes):
            own = within & (kinds == c)
            met = _any_between(tables[c], low[own], high[own])
            if met.sum() < SOLID_SHARE * len(met):
                missed = int((~met).sum())
                yield f"frustum_{k}.npz: {missed} of {len(met)} {name} cells overlap no {name} cell of masks.npy"
            corners = np.stack([image[tuple((occupied[c] + d).T)] for d in itertools.product((0, 1), repeat=3)])
            first, last = corners.min(axis=0), corners.max(axis=0)
            seen = (first > CLOSE).all(axis=1) & (last < np.array(labels.shape) - CLOSE).all(axis=1)
            met = _any_between(any_label, first[seen], last[seen])
            if met.sum() < SOLID_SHARE * len(met):
                yield f"masks.npy: {int((~met).sum())} of {len(met)} {name} cells overlap only air in frustum_{k}.npz"


def check_views(s: LabelledScene) -> Iterable[str]:
    """In the open, each frustum holds more than air and ground; generation draws other views again."""
    if s.scene.room is not None:
        return
    ground = next((n + 1 for n, name in enumerate(s.scene.classes) if object_class(name).is_ground), 0)
    for k, labels in enumerate(s.frusta):
        if not ((labels != 0) & (labels != ground)).any():
            yield f"frustum_{k}.npz: has only air and ground"


def _unproject(camera: Camera, u: Array, v: Array, z: Array) -> Array:
    """Camera coordinates (N, 3) of pixels at depth z."""
    (fx, _, cx), (_, fy, cy), _ = camera.K
    return np.stack([(u - cx) / fx * z, (v - cy) / fy * z, z], axis=1)


def _frustum_focal(camera: Camera) -> tuple[float, float]:
    """Focal lengths (x, y) in pixels of the camera's fruxel model, whose field of view may differ from the camera's."""
    fx = camera.width / (2 * math.tan(math.radians(camera.frustum.hfov_deg) / 2))
    return fx, fx * camera.K[1][1] / camera.K[0][0]


def _to_world(camera: Camera, points: Array) -> Array:
    matrix = np.array(camera.world_to_camera)
    return np.asarray((points - matrix[:3, 3]) @ matrix[:3, :3])


def _to_camera(camera: Camera, points: Array) -> Array:
    matrix = np.array(camera.world_to_camera)
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])


def _to_index(points: Array, grid: GridSpec) -> Array:
    """World points (N, 3) in units of box cells."""
    return np.asarray((points - grid.origin) / grid.voxel_size)


def _to_frustum_index(camera: Camera, points: Array) -> Array:
    """Camera points (N, 3) in units of frustum cells; points behind the camera become (-1, -1, -1)."""
    fx, fy = _frustum_focal(camera)
    cx, cy = camera.K[0][2], camera.K[1][2]
    w, h, d = camera.frustum.size
    x, y, z = points.T
    ahead = z > CLOSE
    depth = np.where(ahead, z, 1.0)
    index = np.stack(
        [
            (fx * x / depth + cx) * w / camera.width,
            (fy * y / depth + cy) * h / camera.height,
            (z - camera.frustum.near) / (camera.frustum.far - camera.frustum.near) * d,
        ],
        axis=1,
    )
    return np.where(ahead[:, None], index, -1.0)


def _cells_around(index: Array, shape: tuple[int, ...]) -> tuple[Cells, NDArray[np.bool_]]:
    """The cell (N, 3) around each point, and whether it is in the grid (N,); cell (0, 0, 0) where it is not."""
    cells = np.floor(index).astype(int)
    inside = ((cells >= 0) & (cells < shape)).all(axis=1)
    return np.where(inside[:, None], cells, 0), inside


def _cells_between(low: Array, high: Array, shape: tuple[int, ...]) -> tuple[Cells, Cells]:
    """First and one past the last closed cell, within the grid, that overlaps each box from low to high (N, 3)."""
    first = np.ceil(low - 1 - CLOSE).astype(int).clip(0, shape)
    last = np.floor(high + CLOSE).astype(int) + 1
    return first, np.maximum(last.clip(0, shape), first)


def _table(cells: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Summed volume table of cells (X, Y, Z), int32 (X + 1, Y + 1, Z + 1)."""
    table = np.zeros(tuple(n + 1 for n in cells.shape), np.int32)
    table[1:, 1:, 1:] = cells.cumsum(axis=2, dtype=np.int32)
    # Whole planes are added along the outer axes: several times faster than cumsum, which strides through memory.
    for i in range(1, table.shape[0]):
        table[i] += table[i - 1]
    for j in range(1, table.shape[1]):
        table[:, j] += table[:, j - 1]
    return table


def _any_between(table: NDArray[np.int32], low: Array, high: Array) -> NDArray[np.bool_]:
    """Whether any true cell of a summed volume table overlaps each box from low to high (N, 3)."""
    ends = _cells_between(low, high, tuple(n - 1 for n in table.shape))
    total = np.zeros(len(low), np.int32)
    for i, j, k in itertools.product((0, 1), repeat=3):
        sign = 1 if (i + j + k) % 2 else -1
        total += sign * table[ends[i][:, 0], ends[j][:, 1], ends[k][:, 2]]
    return total > 0


def _corners_of(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The lattice points (X + 1, Y + 1, Z + 1) that are corners of true cells."""
    x, y, z = cells.shape
    corners = np.zeros((x + 1, y + 1, z + 1), bool)
    for i, j, k in itertools.product((0, 1), repeat=3):
        corners[i : i + x, j : j + y, k : k + z] |= cells
    return corners


def _frustum_cell_bounds(camera: Camera, cells: Cells, grid: GridSpec) -> tuple[Array, Array]:
    """Bounding boxes of frustum cells (N, 3), low and high (N, 3), in units of box cells.

    A cell's corners are eye + z * ray, with two values of z and four rays, so only the rays' extremes matter.
    """
    w, h, d = camera.frustum.size
    fx, fy = _frustum_focal(camera)
    x = (np.arange(w + 1) * camera.width / w - camera.K[0][2]) / fx
    y = (np.arange(h + 1) * camera.height / h - camera.K[1][2]) / fy
    flat = np.stack([*np.meshgrid(x, y, indexing="ij"), np.ones((w + 1, h + 1))], axis=-1)
    rays = flat @ np.array(camera.world_to_camera)[:3, :3]
    four = np.stack([rays[:-1, :-1], rays[1:, :-1], rays[:-1, 1:], rays[1:, 1:]])
    least, most = four.min(axis=0)[cells[:, 0], cells[:, 1]], four.max(axis=0)[cells[:, 0], cells[:, 1]]
    slices = camera.frustum.near + (camera.frustum.far - camera.frustum.near) * np.arange(d + 1) / d
    near, far = slices[cells[:, 2], None], slices[cells[:, 2] + 1, None]
    eye = _to_world(camera, np.zeros((1, 3)))
    low = _to_index(eye + np.minimum(near * least, far * least), grid)
    return low, _to_index(eye + np.maximum(near * most, far * most), grid)


LABEL_CHECKS: Mapping[str, Callable[[LabelledScene], Iterable[str]]] = {
    "images": check_images,
    "instances": check_instances,
    "occupancy": check_occupancy,
    "masks": check_masks,
    "depth": check_depth,
    "frusta": check_frusta,
    "views": check_views,
}
