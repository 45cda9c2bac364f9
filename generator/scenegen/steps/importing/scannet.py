"""Scans of ScanNet as a data set: colour and depth as recorded, labels from the labelled surface of each scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from scenegen.core.asset_library import Asset
from scenegen.core.dataset.info import ImportSource
from scenegen.core.dataset.run_lock import run_lock
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.files import check_apart
from scenegen.core.scene.scene import PlacedObject
from scenegen.progress import OnProgress
from scenegen.steps.importing.class_names import read_class_names
from scenegen.steps.importing.models import shapes_of, shifted, write_shapes
from scenegen.steps.importing.photographs import Floats, Pixels, middle_square, pinhole, square_matrix
from scenegen.steps.importing.recording import Frame, Recording, without_frames
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
from scenegen.steps.importing.scannet_scan import (
    LABELS,
    NYU40,
    labels_of_scan,
    missing_files,
    nyu40_classes,
    read_recording,
    read_scan,
    rigid,
)
from scenegen.steps.scene_pool import map_scenes

MOST_NAMED = 10
LEAST_SHARE = 0.0005
"""Of triangles without a class, that is told: what rounds to .1% or more."""
Words = NDArray[np.uint16]


@dataclass(frozen=True)
class _Scan:
    """A scan that has all files: its recording without its frames, and the groups of frames that become scenes."""

    folder: Path
    recording: Recording
    samples: tuple[tuple[Frame, ...], ...]


@dataclass(frozen=True)
class _PlacedScan:
    """A scan whose models are in the library: its objects, and (4, 4) from its own axes to those of the objects."""

    assets: tuple[Asset, ...]
    objects: tuple[PlacedObject, ...]
    to_world: Floats
    unlabelled: float


def import_scannet(  # noqa: PLR0913
    root: Path,
    out: Path,
    *,
    options: SampleOptions,
    every: int = 100,
    labels: Path | None = None,
    class_map: Path | None = None,
    workers: int = 1,
    on_progress: OnProgress | None = None,
) -> ImportResult:
    """Make a data set at `out` of every scan in `root`: one scene per `options.views` of every `every`-th frame.

    `root` is ScanNet's folder, its folder scans, or one scan. Depth is as measured; labels are the cells that the
    labelled surface meets, in each frustum and in a box before the cameras. Classes are NYU's 40 by the table `labels`
    (default: LABELS in `root`), or those of a class map. Frames without a pose are left out and counted, as scans
    without some file are. The same call again makes the scenes that are missing. UsageError, ScenegenError and
    DamageError name what is wrong.
    """
    check_place(out)
    check_apart(root, out)
    scans, notes = _scans(root, every, options.views)
    found = tuple(dict.fromkeys(label for scan in scans for label in labels_of_scan(scan.folder)))
    names, of_label, unknown = _classes(root, found, labels, class_map)
    notes += unknown
    if not any(of_label.values()):
        raise ScenegenError(f"{root}: no object of its scans has a class; name some with --class-map")
    plan = SamplePlan(out, options, ImportSource("scannet", measured_depth=True), names)
    samples = [(n, frames) for n, scan in enumerate(scans) for frames in scan.samples]
    settings = ([(scan.folder.name, [f.number for s in scan.samples for f in s]) for scan in scans], of_label)
    placed: list[_PlacedScan] = []

    def write_models(library: Path) -> tuple[Asset, ...]:
        work = partial(_place_scan, library, of_label, options.split)
        placed.extend(map_scenes(work, [scan.folder for scan in scans], workers, None))
        return tuple(asset for scan in placed for asset in scan.assets)

    out.mkdir(parents=True, exist_ok=True)
    with run_lock(out):
        begin(plan, len(samples), settings, write_models)
        make = partial(_make_scene, plan)
        tasks = [_Task(scans[n].recording, frames, placed[n]) for n, frames in samples]
        write_scenes(plan, tasks, make, workers, on_progress)
    share = float(np.mean([scan.unlabelled for scan in placed]))
    if share >= LEAST_SHARE:
        notes.append(f"{share:.1%} of the scans' triangles have no class and are in no label")
    objects = sum(len(scan.objects) for scan in placed)
    return ImportResult(str(out), len(samples), len(samples) * options.views, objects, names, tuple(notes))


def _scans(root: Path, every: int, views: int) -> tuple[list[_Scan], list[str]]:
    """The scans in a folder that can be imported, and what was left out. ScenegenError when there is none."""
    folders = _folders(root)
    lacking = {folder: names for folder in folders if (names := missing_files(folder))}
    if len(lacking) == len(folders):
        folder, names = next(iter(lacking.items()))
        raise ScenegenError(f"{folder}: has no {', '.join(names)}; download {'it' if len(names) == 1 else 'them'} too")
    notes = [f"left out {folder.name}: has no {', '.join(names)}" for folder, names in lacking.items()]
    scans, lost, left, taken = [], 0, 0, 0
    for folder in folders:
        if folder in lacking:
            continue
        recording = read_recording(folder)
        if not recording.aligned:
            raise ScenegenError(f"{recording.path}: its colour and depth cameras are apart; give a calibrated scan")
        asked = [frame for frame in recording.frames if frame.number % every == 0]
        frames = [frame for frame in asked if frame.pose is not None]
        taken += len(asked)
        lost += len(asked) - len(frames)
        whole = groups(frames, views)
        left += len(frames) - views * len(whole)
        scans.append(_Scan(folder, without_frames(recording), tuple(whole)))
    if not any(scan.samples for scan in scans):
        if lost == taken:
            lost_all = f"all {taken} frames that --every {every} takes lost their pose"
            why = lost_all if taken else f"its recordings have no frames that --every {every} takes"
            raise ScenegenError(f"{root}: {why}; give another scan, or another --every")
        raise ScenegenError(
            f"{root}: no scan has {views} frames with a pose of those that --every {every} takes; make one or both "
            "smaller"
        )
    if lost:
        notes.append(f"left out, frames without a pose: {lost}")
    if left:
        notes.append(f"left out, frames that do not fill a scene of {views}: {left}")
    return scans, notes


def _folders(root: Path) -> list[Path]:
    """The folders of scans: `root` itself, or those in it, or those in its folder scans."""
    if not root.is_dir():
        raise UsageError(f"{root}: there is no such folder; name ScanNet's, or that of a scan")
    for place in (root / "scans", root):
        folders = [child for child in sorted(place.iterdir()) if _is_scan(child)] if place.is_dir() else []
        if folders:
            return folders
    whole = root.absolute()
    if any(whole.glob(f"{whole.name}*")):
        return [whole]
    raise ScenegenError(f"{root}: has no scans, such as scene0000_00/scene0000_00.sens")


def _is_scan(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob(f"{folder.name}[._]*"))


def _classes(
    root: Path, found: Sequence[str], labels: Path | None, class_map: Path | None
) -> tuple[tuple[str, ...], dict[str, str], list[str]]:
    """The classes of the data set, the class of each label that was found, and a line on labels that have none."""
    if class_map is not None:
        names = read_class_names(class_map)
        return names.classes([]), names.of(found, root), []
    whole = root.absolute()
    places = [labels] if labels else [parent / LABELS for parent in (whole, whole / "tasks", *list(whole.parents)[:2])]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise UsageError(f"{labels or root / LABELS}: is missing; name it with --labels, or give --class-map")
    known = nyu40_classes(file)
    unknown = [label for label in found if label not in known]
    some = ", ".join(unknown[:MOST_NAMED]) + (" ..." if len(unknown) > MOST_NAMED else "")
    note = [f"left out, labels that are not in {file.name}: {some}"] if unknown else []
    return tuple(NYU40.split("|")), {label: known.get(label, "") for label in found}, note


def _place_scan(library: Path, classes: dict[str, str], split: str, folder: Path) -> _PlacedScan:
    """Write a scan's objects into the library."""
    scan = read_scan(folder, classes)
    shapes, objects = shapes_of(scan.meshes, np.eye(4), split, folder.name)
    return _PlacedScan(write_shapes(shapes, library), objects, scan.to_world, scan.unlabelled)


@dataclass(frozen=True)
class _Task:
    """A scene to make of some frames of a recording, and the scan that they show."""

    recording: Recording
    frames: tuple[Frame, ...]
    scan: _PlacedScan


def _make_scene(plan: SamplePlan, index: int, task: _Task) -> None:
    recording, to_floor = task.recording, task.scan.to_world
    poses = [rigid(to_floor @ frame.pose) for frame in task.frames if frame.pose is not None]
    to_world = np.eye(4)
    to_world[:2, 3] = -_ahead(poses, plan.options)
    views = []
    for k, (frame, pose) in enumerate(zip(task.frames, poses, strict=True)):
        world_to_camera = np.linalg.inv(to_world @ pose)
        pixels, depth, K = _images(recording, frame, plan.options.size)
        size = depth.shape[1], depth.shape[0]
        camera = pinhole(f"camera_{k}", size, K, world_to_camera, plan.options.depths)
        views.append(PhotographView(camera, pixels, f"{recording.name}/{frame.number}", depth))
    moved = [shifted(item, to_world[:3, 3]) for item in task.scan.objects]
    write_scene(plan, index, views, moved, to_world @ to_floor)


def _ahead(poses: Sequence[Floats], options: SampleOptions) -> Floats:
    """The middle (x, y) of the box: on average half its length before the cameras, where they look, made level."""
    half = options.shape[0] * options.voxel_size / 2
    places = []
    for pose in poses:
        level = pose[:2, 2] if np.linalg.norm(pose[:2, 2]) > 1e-3 else -pose[:2, 1]
        places.append(pose[:2, 3] + half * level / np.linalg.norm(level))
    return np.asarray(np.round(np.mean(places, axis=0), 6))


def _images(recording: Recording, frame: Frame, side: int) -> tuple[Pixels, Words, Floats]:
    """Colour and depth of a frame as its depth camera sees them, and the K of both.

    Depth values are as measured, the nearest of each pixel; colours are scaled to them.
    """
    depth, colour = recording.depth(frame), Image.fromarray(recording.colour(frame))
    K, other = recording.depth_K, recording.colour_K
    left, top, width, height = 0, 0, depth.shape[1], depth.shape[0]
    size = width, height
    if side:
        left, top, whole = middle_square(depth.shape)
        width = height = whole
        steps = ((np.arange(side) + 0.5) * whole / side).astype(int)
        depth = depth[np.ix_(top + steps, left + steps)]
        size = side, side
        K = square_matrix(K, (recording.depth_size[1], recording.depth_size[0]), side)
    box = [
        (edge - recording.depth_K[n, 2]) / recording.depth_K[n, n] * other[n, n] + other[n, 2]
        for edge, n in ((left, 0), (top, 1), (left + width, 0), (top + height, 1))
    ]
    beyond = max(-min(box[:2]), box[2] - colour.width, box[3] - colour.height, 0.0)
    border = int(np.ceil(beyond)) if beyond > 1e-3 else 0
    if border:  # black where only depth was recorded
        colour, box = ImageOps.expand(colour, border), [edge + border for edge in box]
    limits = (colour.width, colour.height) * 2
    inside = tuple(float(min(max(edge, 0), most)) for edge, most in zip(box, limits, strict=True))
    pixels = colour.resize(size, Image.Resampling.LANCZOS, box=(inside[0], inside[1], inside[2], inside[3]))
    return np.asarray(pixels), depth, K
