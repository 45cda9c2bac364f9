"""The rules for a scene's labels, each checked against another label of the same scene.

Different code makes box cells, frustum cells, depth and instance maps from the same triangles, so labels that agree are
neither shifted nor mirrored, mixed up or empty. Let S be an object's solid:

- The surface point of a pixel lies in S, so the box cell and the frustum cell around it are labelled. The depth map
  rounds to steps of a millimetre, or of more where the data set says so: the point may be anywhere within one step
  along its ray.
- A cell is labelled if S's surface meets it or its centre is inside S. In both cases some point of S is in the cell,
  and the cell of the other grid around that point is labelled too: either S's surface meets that cell, or the whole
  cell is inside S. So a labelled cell of one grid that lies completely in the other grid's volume overlaps a labelled
  cell there. Cells are compared by their bounding boxes in the other grid's index space, which can only be too lenient.

The first rule holds for every mesh, the second for closed solids. The inside of a leaky mesh is a vote, which two grids
may decide differently: over 120 scenes of downloaded furniture, at worst 1.6% of a class's cells in one camera.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.info import ImportSource
from scenegen.core.labels.depth_and_instances import depth_to_steps, rasterize
from scenegen.core.labels.placed_meshes import PlacedMesh
from scenegen.core.scene.classes import object_class
from scenegen.core.scene.scene import Camera, Scene
from scenegen.steps.verify.cells import Indices, filled, occupied_cells
from scenegen.steps.verify.edges import IN_ROOM, IN_THE_OPEN, EdgeFit, fit_image, misplaced_images
from scenegen.steps.verify.overlap import fruxels_of_no_box, fruxels_over_masks, masks_over_fruxels
from scenegen.steps.verify.pixels import Boxes, PixelCounts, boxes_of, count_pixels
from scenegen.steps.verify.projection import CLOSE, to_box_index
from scenegen.steps.verify.room_surfaces import object_classes, surface_cells, with_surfaces

SURFACE_SHARE = 0.99
"""At least this share of a class's pixels has its surface point in a labelled cell."""
SOLID_SHARE = 0.95
"""At least this share of a class's cells in one grid overlaps a labelled cell of the other grid."""


@dataclass(frozen=True)
class LabelledScene:
    """A scene with its voxels, None without a box grid, and its objects' triangles, None without their library.

    `pixels` collects what `check_surfaces` counts in every view, for `check_depth`; `fits`, how well images fit.
    `library` is that of `placed`. `instances` uint16 and `visibility` uint8 (X, Y, Z) are None in older scenes; `seen`
    collects what each camera sees of the box grid, by its depth. `imported` is None where scenes were generated.
    """

    scene: Scene
    occupancy: NDArray[np.bool_] | None
    masks: NDArray[np.bool_] | None
    placed: tuple[PlacedMesh, ...] | None
    pixels: list[PixelCounts] = field(default_factory=list)
    fits: list[EdgeFit] = field(default_factory=list)
    library: Path | None = None
    instances: NDArray[np.uint16] | None = None
    visibility: NDArray[np.uint8] | None = None
    seen: list[NDArray[np.uint8]] = field(default_factory=list)
    imported: ImportSource | None = None

    @cached_property
    def boxes(self) -> Boxes:
        """The objects' oriented boxes."""
        return boxes_of(self.scene.objects, self.scene.classes)

    @cached_property
    def occupied(self) -> Indices:
        """The box cells that some class has in the masks, which there are: flat indices."""
        assert self.masks is not None
        return occupied_cells(self.masks)


@dataclass(frozen=True)
class CameraView:
    """Camera `k` with its files: image uint8 (H, W, 3), depth in steps and instance uint16 (H, W), frustum uint8
    (w, h, d); if there are any, normals int16 (H, W, 3) as stored, the frustum's `instances` uint16 and `visibility`
    uint8, and `box_visibility` uint8 (X, Y, Z).
    """

    k: int
    camera: Camera
    image: NDArray[np.uint8]
    depth: NDArray[np.uint16]
    instance: NDArray[np.uint16]
    frustum: NDArray[np.uint8]
    normals: NDArray[np.int16] | None = None
    instances: NDArray[np.uint16] | None = None
    visibility: NDArray[np.uint8] | None = None
    box_visibility: NDArray[np.uint8] | None = None

    @cached_property
    def fruxels(self) -> Indices:
        """Which frustum cells are labelled: flat indices in Fortran order, which the files have."""
        return filled(self.frustum.T)


def check_image(s: LabelledScene, v: CameraView) -> Iterable[str]:
    """No image has only one colour."""
    if v.image.std() < 1:
        yield f"image_{v.k}.png: all pixels have the same colour"
    elif s.imported is None and (fit := fit_image(v.k, v.image, v.instance)):
        s.fits.append(fit)


def check_images(s: LabelledScene) -> Iterable[str]:
    """Images show what their labels say."""
    return misplaced_images(s.fits, IN_ROOM if s.scene.room else IN_THE_OPEN)


def check_instances(s: LabelledScene, v: CameraView) -> Iterable[str]:
    """Instance ids belong to objects, their counts are `visible_pixels`, and pixels of objects have depth."""
    counts = np.bincount(v.instance.reshape(-1), minlength=len(s.scene.objects) + 1)[1:]
    for item in s.scene.objects:
        if counts[item.id] != item.visible_pixels[v.k]:
            yield (
                f"instance_{v.k}.png: object {item.id} ({item.class_name}) has {counts[item.id]} pixels, "
                f"but {item.visible_pixels[v.k]} in visible_pixels of scene.json"
            )
    if counts[len(s.scene.objects) :].any():
        yield f"instance_{v.k}.png: has ids that no object has"
    if not s.scene.measured_depth and (v.depth[v.instance > 0] == 0).any():
        yield f"depth_{v.k}.png: is 0 (nothing hit) at pixels that show an object"


def check_surfaces(s: LabelledScene, v: CameraView) -> Iterable[str]:
    """Every pixel's point is in its object's box; where no object is, it is on the room, or there is nothing."""
    box_grid = None if s.masks is None or s.scene.grid is None else (s.scene.grid, s.masks)
    counts = count_pixels((v.depth, v.instance, s.scene.map_spec), v.camera, s.boxes, v.frustum, box_grid)
    s.pixels.append(counts)
    for number in np.flatnonzero(counts.outside):
        name = s.scene.objects[number].class_name
        yield (
            f"depth_{v.k}.png: {counts.outside[number]} pixels of object {number} ({name}) lie outside its box; "
            f"the depth, the pose of {v.camera.name} or that of the object is wrong"
        )
    walls = depth_to_steps(rasterize([], v.camera, s.scene.room)[0], s.scene.map_spec.depth_unit)
    wrong = int(np.count_nonzero((v.depth != walls) & (v.instance == 0)))
    behind = int(np.count_nonzero((v.depth > walls) & (v.instance > 0))) if s.scene.room else 0
    if wrong:
        where = "is not that of the room's surfaces" if s.scene.room else "should be 0 (nothing hit)"
        yield f"depth_{v.k}.png: at {wrong} pixels without an object, it {where}"
    if behind:
        yield f"depth_{v.k}.png: {behind} pixels of objects lie behind the room's surfaces"


def check_frusta(s: LabelledScene, v: CameraView) -> Iterable[str]:
    """Frustum cells hold classes and are at boxes of their class; these and box cells overlap in the other grid."""
    if v.frustum.max(initial=0) > len(s.scene.classes):
        yield f"frustum_{v.k}.npz: label {v.frustum.max()} belongs to no class"
        return
    astray = fruxels_of_no_box((v.frustum, v.fruxels), with_surfaces(s.boxes, s.scene), v.camera, len(s.scene.classes))
    for c in np.flatnonzero(astray):
        name = s.scene.classes[c]
        yield f"frustum_{v.k}.npz: {astray[c]} {name} cells outside the bounding box of every {name}"
    if s.masks is None or s.scene.grid is None:
        return
    asked, met = fruxels_over_masks((v.frustum, v.fruxels), s.masks, v.camera, s.scene.grid)
    for c in np.flatnonzero(met < SOLID_SHARE * asked):
        name = s.scene.classes[c]
        yield (f"frustum_{v.k}.npz: {asked[c] - met[c]} of {asked[c]} {name} cells overlap no {name} cell of masks.npy")
    asked, met = masks_over_fruxels((s.masks, s.occupied), v.frustum, v.camera, s.scene.grid)
    for c in np.flatnonzero(met < SOLID_SHARE * asked):
        name = s.scene.classes[c]
        yield f"masks.npy: {asked[c] - met[c]} of {asked[c]} {name} cells overlap only air in frustum_{v.k}.npz"


def check_views(s: LabelledScene, v: CameraView) -> Iterable[str]:
    """In the open, each frustum holds more than air and ground; generation draws other views again."""
    if s.scene.room is not None:
        return
    ground = next((n + 1 for n, name in enumerate(s.scene.classes) if object_class(name).is_ground), 0)
    if not ((v.frustum != 0) & (v.frustum != ground)).any():
        yield f"frustum_{v.k}.npz: has only air and ground"


def check_occupancy(s: LabelledScene) -> Iterable[str]:
    """Occupancy is the union of the masks."""
    if s.occupancy is not None and s.masks is not None:
        wrong = np.setxor1d(filled(s.occupancy), s.occupied, assume_unique=True)
        if len(wrong):
            yield f"occupancy.npy: differs from the union of masks.npy in {len(wrong)} cells"


def check_masks(s: LabelledScene) -> Iterable[str]:
    """A class has cells only in its objects' bounding boxes, and every object inside the grid has some.

    Those of a room's surfaces are the cells that these meet.
    """
    if s.masks is None or s.scene.grid is None:
        return
    shape = s.scene.grid.shape
    of_objects = object_classes(s.scene)
    for c, name in enumerate(s.scene.classes):
        cells = s.masks[..., c]
        if c not in of_objects:
            wrong = np.count_nonzero(cells != surface_cells(s.scene, name, s.scene.grid))
            if wrong:
                yield f"masks.npy: {wrong} {name} cells are not those that the {name} of the room meets"
            continue
        left = cells.copy()
        for item in s.scene.objects:
            if item.class_name != name:
                continue
            low, high = (to_box_index(np.array(p), s.scene.grid) for p in (item.bbox.min, item.bbox.max))
            first = np.ceil(low - 1 - CLOSE).astype(int).clip(0, shape)
            last = np.maximum((np.floor(high + CLOSE).astype(int) + 1).clip(0, shape), first)
            box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
            whole = (low > -CLOSE).all() and (high < np.array(shape) + CLOSE).all()
            if whole and not cells[box].any():
                yield f"masks.npy: no {name} cell in the bounding box of object {item.id}"
            left[box] = False
        if left.any():
            yield f"masks.npy: {int(left.sum())} {name} cells outside the bounding box of every {name}"


def check_depth(s: LabelledScene) -> Iterable[str]:
    """An object's pixels, moved back into space by their depth, lie in cells of its class (box and frustum grid)."""
    classes = len(s.scene.classes)

    def by_class(name: str) -> NDArray[np.int64]:
        per_object = sum((getattr(p, name) for p in s.pixels), np.zeros(len(s.scene.objects), np.int64))
        return np.bincount(s.boxes.classes, weights=per_object, minlength=classes).astype(np.int64)

    for file, cell, asked, found in (
        ("masks.npy", "in a cell of that class", "in_grid", "of_class"),
        ("frustum_*.npz", "in a labelled cell", "in_frustum", "labelled"),
    ):
        seen, hits = by_class(asked), by_class(found)
        for c in np.flatnonzero(hits < SURFACE_SHARE * seen):
            yield f"{file}: only {hits[c]} of {seen[c]} surface points of class {s.scene.classes[c]} lie {cell}"


VIEW_CHECKS: Mapping[str, Callable[[LabelledScene, CameraView], Iterable[str]]] = {
    "images": check_image,
    "instances": check_instances,
    "surfaces": check_surfaces,
    "frusta": check_frusta,
    "views": check_views,
}
"""Checks of one camera's files, run before SCENE_CHECKS."""

SCENE_CHECKS: Mapping[str, Callable[[LabelledScene], Iterable[str]]] = {
    "occupancy": check_occupancy,
    "masks": check_masks,
    "depth": check_depth,
    "images": check_images,
}
