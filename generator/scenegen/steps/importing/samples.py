"""Photographs as the scenes of a data set: dataset.json and its companions, then one scene after another."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenegen.core.asset_library import Asset
from scenegen.core.dataset.credits import credit_entries, write_credits
from scenegen.core.dataset.fingerprints import write_fingerprints
from scenegen.core.dataset.folders import is_complete, remove_leftovers
from scenegen.core.dataset.info import (
    MODELS,
    DatasetInfo,
    ImportSource,
    library_checksum,
    read_dataset_json,
    write_dataset_json,
)
from scenegen.core.dataset.request import Request
from scenegen.core.dataset.run_lock import LOCK
from scenegen.core.dataset.writing import SceneWriter, write_labels
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.labels.grids import Floats
from scenegen.core.scene.asked_grid import MOST_CELLS
from scenegen.core.scene.scene import (
    ALL_VOXEL_LABELS,
    Camera,
    GridSpec,
    Look,
    PlacedObject,
    Scene,
    Vector,
)
from scenegen.progress import OnProgress
from scenegen.steps.importing.photographs import FruxelDepths, Pixels
from scenegen.steps.library import load_asset
from scenegen.steps.scene_pool import map_scenes

NO_LOOK = Look(None, None, None, (), "", 0.0, 0.0, 0.0)
"""Nobody drew how a photograph looks."""

S = TypeVar("S")


@dataclass(frozen=True)
class SampleOptions:
    """What samples are made of recordings.

    `origin`, `voxel_size` and `shape` are those of their box, in a world whose floor is at height 0, and `depths` those
    of every frustum. `size` is the side
    of the images in pixels, 0 keeps them whole; `views` are how many images are a scene.
    """

    origin: Vector
    voxel_size: float
    shape: tuple[int, int, int]
    depths: FruxelDepths
    size: int = 224
    views: int = 1
    split: str = "train"

    def __post_init__(self) -> None:
        """UsageError for a grid or frusta that would take gigabytes."""
        for option, shape in (("--grid", self.shape), ("--frustum", self.depths.size)):
            if (cells := math.prod(shape)) > MOST_CELLS:
                raise UsageError(
                    f"{option}: {' x '.join(map(str, shape))} are {cells:,} cells, {cells * 3 / 1e9:,.1f} GB per scene "
                    f"without its classes; ask for at most {MOST_CELLS:,}"
                )

    @property
    def grid(self) -> GridSpec:
        """The box."""
        return GridSpec(self.origin, self.voxel_size, self.shape)


@dataclass(frozen=True)
class ImportResult:
    """What was imported: scenes, images and objects; `notes` say what was left out and why."""

    path: str
    scenes: int
    images: int
    objects: int
    classes: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SamplePlan:
    """What all scenes of an imported data set share."""

    out: Path
    options: SampleOptions
    imported: ImportSource
    classes: tuple[str, ...]


@dataclass(frozen=True)
class PhotographView:
    """A photograph of a scene: its camera, its image uint8 (H, W, 3), its file's name, and its depth (H, W), uint16
    millimetres, where a sensor measured it.
    """

    camera: Camera
    pixels: Pixels
    source: str
    depth: NDArray[np.uint16] | None = None


def groups(items: Sequence[S], views: int) -> list[tuple[S, ...]]:
    """As many whole groups of `views` items, one after another, as there are."""
    return [tuple(items[n : n + views]) for n in range(0, len(items) - views + 1, views)]


def check_place(out: Path) -> None:
    """UsageError when `out` is a file, or a folder that holds something else than an imported data set."""
    if not out.exists() or (out / "dataset.json").is_file():
        return
    others = [p.name for p in out.iterdir() if p.name not in (LOCK, MODELS, "scenes")] if out.is_dir() else [out.name]
    if others:
        raise UsageError(f"{out}: holds something else ({others[0]}); name a new folder")


def begin(plan: SamplePlan, scenes: int, settings: object, write_models: Callable[[Path], Sequence[Asset]]) -> None:
    """Make all of the data set but its scenes; where it is there already, check that it is of the same import.

    `settings` is all that decides what the scenes hold beside the options; `write_models` writes their models into a
    library and returns them. UsageError when the folder holds another data set.
    """
    out, options = plan.out, plan.options
    info = DatasetInfo(
        Request(
            preset=plan.imported.form,
            scenes=scenes,
            split=options.split,
            views=options.views,
            assets=out.absolute() / MODELS,
        ),
        hashlib.sha256(repr((options, settings)).encode()).hexdigest(),
        "",
        plan.classes,
        options.grid,
        None,
        imported=plan.imported,
    )
    found = read_dataset_json(out) if (out / "dataset.json").is_file() else None
    if found and dataclasses.replace(found, grids=(), library_checksum="", blender=()) != info:
        raise UsageError(
            f"{out}: holds another data set, or one that was imported with other options; name a new folder"
        )
    (out / "scenes").mkdir(parents=True, exist_ok=True)
    assets = write_models(out / MODELS)
    checksum = library_checksum(assets)
    if found is None:
        write_credits(out, assets)
        write_fingerprints(out, assets)
        write_dataset_json(out, dataclasses.replace(info, library_checksum=checksum))
    elif found.library_checksum != checksum:
        raise UsageError(f"{out}: was imported from other meshes than there are now; name a new folder")
    else:
        remove_leftovers(out)


def write_scenes(
    plan: SamplePlan,
    samples: Sequence[S],
    make: Callable[[int, S], None],
    workers: int,
    on_progress: OnProgress | None,
) -> None:
    """`make(index, sample)` of every sample whose scene is not there yet, in several processes."""
    missing = [(index, sample) for index, sample in enumerate(samples) if not is_complete(plan.out, index)]
    for _ in map_scenes(partial(_make, make), missing, workers, on_progress):
        pass


def _make(make: Callable[[int, S], None], numbered: tuple[int, S]) -> None:
    make(*numbered)


def write_scene(
    plan: SamplePlan, index: int, views: Sequence[PhotographView], objects: Sequence[PlacedObject], to_world: Floats
) -> None:
    """Write one scene: images, labels of its objects from the data set's own models, scene.json.

    `to_world` (4, 4) maps the recording's own axes to the scene's.
    """
    assets = {item.asset: load_asset(plan.out / MODELS, item.asset) for item in objects}
    scene = Scene(
        seed=0,
        index=index,
        preset=plan.imported.form,
        split=plan.options.split,
        classes=plan.classes,
        grid=plan.options.grid,
        room=None,
        cameras=tuple(view.camera for view in views),
        objects=tuple(objects),
        skipped=(),
        look=NO_LOOK,
        extra={
            "credits": credit_entries(entry.asset for entry in assets.values()),
            "imported": {"images": [view.source for view in views], "to_world": to_world.tolist()},
        },
        voxel_spec=ALL_VOXEL_LABELS,
        measured_depth=plan.imported.measured_depth,
    )
    measured = [view.depth for view in views if view.depth is not None]
    with SceneWriter(plan.out, index) as writer:
        with writer.disk_errors():
            for k, view in enumerate(views):
                image = Image.fromarray(np.ascontiguousarray(view.pixels))
                image.save(writer.folder / f"image_{k}.png", compress_level=1)
        try:
            write_labels(writer, scene, {name: entry.label_mesh for name, entry in assets.items()}, measured or None)
        except ValueError as error:
            raise ScenegenError(f"{views[0].source}: cannot be labelled ({error})") from error
        writer.finish(scene)
