"""Photographs that COLMAP placed, and labelled meshes in their model's axes, as a data set.

The real split of SSZ (Kniaz et al., section 3.4) is made in this way: structure from motion of photographs, and 3D
models that stand where the photographed objects do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from scenegen.core.dataset.info import ImportSource
from scenegen.core.dataset.run_lock import run_lock
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.labels.grids import Floats, affine
from scenegen.core.labels.placed_meshes import PlacedMesh, meshes_in_view
from scenegen.core.scene.scene import Camera, PlacedObject
from scenegen.progress import OnProgress
from scenegen.steps.importing.alignment import (
    Similarity,
    cameras_up,
    centre_of,
    fit_gps,
    scale_of_distance,
    upright,
)
from scenegen.steps.importing.class_names import read_class_names
from scenegen.steps.importing.colmap_model import ColmapImage, find_model, read_model
from scenegen.steps.importing.meshes import LabelledMesh, read_meshes
from scenegen.steps.importing.models import shapes_of, write_shapes
from scenegen.steps.importing.photographs import photograph, pinhole
from scenegen.steps.importing.samples import (
    ImportResult,
    PhotographView,
    SampleOptions,
    SamplePlan,
    begin,
    check_place,
    groups,
    write_scene,
    write_scenes,
)

MOST_NAMED = 10


@dataclass(frozen=True)
class WorldOptions:
    """How a model's axes become the world's: metres per unit from one of the first three, and where up is.

    `distance` are two places of the model and the metres between them; `gps`: scale and up from the photographs' EXIF;
    `up` is a direction of the model, without one the cameras' mean.
    """

    scale: float | None = None
    distance: tuple[Sequence[float], Sequence[float], float] | None = None
    gps: bool = False
    up: Sequence[float] | None = None


@dataclass(frozen=True)
class _Photograph:
    """A photograph that is there, and the image of the model that it is."""

    file: Path
    image: ColmapImage


def import_colmap(  # noqa: PLR0913
    model: Path,
    out: Path,
    *,
    meshes: Path,
    options: SampleOptions,
    images: Path | None = None,
    world: WorldOptions | None = None,
    class_map: Path | None = None,
    workers: int = 1,
    on_progress: OnProgress | None = None,
) -> ImportResult:
    """Make a data set at `out` of a COLMAP model, the folder of its photographs and labelled meshes in its axes.

    Of a folder of several models, such as `sparse`, the one with the most images is taken, which a note says.
    `images` without a value is the folder `images` beside the model. Depth and instance maps are cast from the meshes.
    The same call again makes the scenes that are missing. UsageError and ScenegenError say what is wrong with what was
    given: the model, the meshes (no class, in no view), the photographs (none there), or `out` that holds something.
    """
    check_place(out)
    names = read_class_names(class_map)
    model, chosen = find_model(model)
    placed = read_model(model)
    found, missing = _photographs(placed, images or _folder_beside(model))
    labelled = read_meshes(meshes, names)
    similarity, told = _to_world(found, world or WorldOptions())
    similarity = _on_floor(similarity, labelled)
    to_world = similarity.matrix
    classes = names.classes([mesh.class_name for mesh in labelled])
    plan = SamplePlan(out, options, ImportSource("colmap", measured_depth=False), classes)
    unseen = _unseen(found, labelled, similarity, options, meshes)
    samples = groups(found, options.views)
    if not samples:
        raise UsageError(f"--views {options.views}: there are only {len(found)} photographs")
    models, objects = shapes_of(labelled, to_world, options.split, meshes.name)
    out.mkdir(parents=True, exist_ok=True)
    with run_lock(out):
        placed_as = [(p.image.name, p.image.camera, p.image.pose.tolist()) for p in found]
        settings = (placed_as, objects, to_world.tolist())
        begin(plan, len(samples), settings, partial(write_shapes, models))
        make = partial(_make_scene, plan, objects, similarity)
        write_scenes(plan, samples, make, workers, on_progress)
    left = len(found) - options.views * len(samples)
    notes = (
        *chosen,
        *missing,
        *told,
        *unseen,
        *([f"left out, photographs that do not fill a scene of {options.views}: {left}"] if left else []),
    )
    return ImportResult(str(out), len(samples), options.views * len(samples), len(objects), plan.classes, notes)


def _make_scene(
    plan: SamplePlan,
    objects: Sequence[PlacedObject],
    similarity: Similarity,
    index: int,
    photographs: Sequence[_Photograph],
) -> None:
    views = []
    for k, each in enumerate(photographs):
        camera = each.image.camera
        shot = photograph(each.file, camera.lens, (camera.width, camera.height), similarity.pose(each.image.pose))
        shot = shot.square(plan.options.size)
        views.append(PhotographView(shot.camera(f"camera_{k}", plan.options.depths), shot.pixels, each.image.name))
    write_scene(plan, index, views, objects, similarity.matrix)


def _folder_beside(model: Path) -> Path:
    """The folder `images` of a COLMAP workspace whose models are in sparse/0, sparse, or itself."""
    around = model.absolute()
    for folder in (around, *list(around.parents)[:2]):
        if (folder / "images").is_dir():
            return folder / "images"
    raise UsageError(f"{model}: has no folder images beside it; name that of the photographs with --images")


def _photographs(placed: Sequence[ColmapImage], folder: Path) -> tuple[list[_Photograph], list[str]]:
    """The photographs that are there, and a line that names those that are not. ScenegenError when none is there."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder of photographs; name it with --images")
    found = [_Photograph(folder / image.name, image) for image in placed if (folder / image.name).is_file()]
    missing = [image.name for image in placed if not (folder / image.name).is_file()]
    if not found:
        raise ScenegenError(
            f"{folder}: has none of the model's {len(placed)} photographs, such as {missing[0]}; name their folder "
            "with --images"
        )
    some = ", ".join(missing[:MOST_NAMED]) + (" ..." if len(missing) > MOST_NAMED else "")
    return found, [f"{len(missing)} of {len(placed)} photographs are not in {folder}: {some}"] if missing else []


def _to_world(found: Sequence[_Photograph], world: WorldOptions) -> tuple[Similarity, list[str]]:
    """The scale and the upright axes of the world, and what the user should know of them."""
    given = [world.scale is not None, world.distance is not None, world.gps]
    if sum(given) > 1:
        raise UsageError("--scale, --distance and --gps: each says the scale; give one of them")
    poses = [each.image.pose for each in found]
    if world.gps:
        if world.up is not None:
            raise UsageError("--up: GPS says where up is; leave one of --gps and --up out")
        fitted, off = fit_gps([each.file for each in found], [centre_of(pose) for pose in poses])
        return fitted, [f"GPS fits to {off:.2f} m; one unit of the model is {fitted.scale:.4g} m"]
    notes = []
    scale = world.scale
    if world.distance is not None:
        scale = scale_of_distance(*world.distance)
    elif scale is None:
        scale = 1.0
        notes.append("units of the model were taken for metres; else give --distance, --scale or --gps")
    if not 0 < scale < math.inf:
        raise UsageError(f"--scale {scale}: give metres per unit of the model, above 0")
    return upright(cameras_up(poses) if world.up is None else world.up, scale), notes


def _on_floor(similarity: Similarity, labelled: Sequence[LabelledMesh]) -> Similarity:
    """The same with the meshes around the world's origin, and the lowest of their points at height 0."""
    corners = [affine(similarity.matrix @ mesh.matrix, mesh.vertices) for mesh in labelled]
    low = np.min([points.min(axis=0) for points in corners], axis=0)
    high = np.max([points.max(axis=0) for points in corners], axis=0)
    return similarity.moved(-np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]]))


def _unseen(
    found: Sequence[_Photograph],
    labelled: Sequence[LabelledMesh],
    similarity: Similarity,
    options: SampleOptions,
    file: Path,
) -> list[str]:
    """A line that names the objects in no photograph. ScenegenError when all are in none."""
    boxes = [_box(number, similarity.matrix @ mesh.matrix, mesh) for number, mesh in enumerate(labelled)]
    seen = {
        mesh.id for each in found for mesh in meshes_in_view(boxes, *_eye(each, similarity, options), 0.0, math.inf)
    }
    names = [mesh.name for number, mesh in enumerate(labelled) if number not in seen]
    if len(names) == len(labelled):
        raise ScenegenError(
            f"{file}: none of its {len(names)} objects is in any of {len(found)} photographs; give meshes in the "
            "model's own axes (Blender's glTF export turns them unless its +Y Up is off)"
        )
    some = ", ".join(names[:MOST_NAMED]) + (" ..." if len(names) > MOST_NAMED else "")
    return [f"{len(names)} of {len(labelled)} objects are in no photograph: {some}"] if names else []


def _eye(each: _Photograph, similarity: Similarity, options: SampleOptions) -> tuple[Camera, Floats]:
    camera = each.image.camera
    lens = camera.lens
    K = np.array([[lens.fx, 0, lens.cx], [0, lens.fy, lens.cy], [0, 0, 1.0]])
    size = camera.width, camera.height
    return pinhole("camera", size, K, similarity.pose(each.image.pose), options.depths), K


def _box(number: int, matrix: Floats, mesh: LabelledMesh) -> PlacedMesh:
    points = affine(matrix, mesh.vertices)
    ends = np.stack([points.min(axis=0), points.max(axis=0)])
    corners = np.array([[ends[n >> axis & 1, axis] for axis in range(3)] for n in range(8)])
    return PlacedMesh(number, 1, points, mesh.faces, corners)
