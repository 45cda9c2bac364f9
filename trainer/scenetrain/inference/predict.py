"""Photographs to a labelled voxel grid."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.files import write_bytes, write_text
from scenegen.core.scene.scene import Camera, FrustumSpec, GridSpec

from scenetrain.data.given_cameras import frustum_extras
from scenetrain.data.reads import NO_EXTRAS
from scenetrain.evaluation.evaluate import predict_probabilities
from scenetrain.inference.cameras import CamerasFile, extras_of
from scenetrain.inference.photographs import ViewOfPhotograph, check_photographs, read_square, read_view
from scenetrain.inference.surface import voxels_to_glb
from scenetrain.networks.contract import FoundObject, Output
from scenetrain.report.frustum_sheets import photograph_sheet
from scenetrain.report.poses import found_pose
from scenetrain.report.voxels import prediction_sheet
from scenetrain.training.run_folder import TrainedModel


class Taken(NamedTuple):
    """How photographs were taken, as far as it is known."""

    hfov_deg: float | None = None
    """Their horizontal field of view, where the network has one; None for what EXIF says."""
    cameras: CamerasFile | None = None
    """Their cameras, where the network reads them."""


NOT_KNOWN = Taken()


class Prediction(NamedTuple):
    """What `predict` wrote."""

    shown: Path
    """The file to look at first."""
    notes: tuple[str, ...]
    """In words, what was done to the photograph."""


def predict(
    trained: TrainedModel,
    photographs: Sequence[Path],
    out: Path,
    device: torch.device,
    *,
    taken: Taken = NOT_KNOWN,
    glb: bool = True,
) -> list[Prediction]:
    """Label what `photographs` show, and write it into the folder `out`, or into one beside the other in it.

    A network of several views takes them all for one place, one of a single view takes each for itself: then several
    photographs have a folder each, by their names. Every output is a file by its name: occupancy.npy is bool (X, Y, Z),
    masks.npy bool (X, Y, Z, C), labels.npy uint8 (X, Y, Z), 0 = air, c + 1 = class c. prediction.json says what they
    are; voxels.png shows masks and labels; `glb` adds voxels.glb, the surface of every class (surface.voxels_to_glb),
    if the network knows classes; objects.json lists the objects of a network that reads their poses.
    A network with box labels that reads cameras takes all photographs for one place, as many as it can read. UsageError
    for another number of photographs or what the network has no use for; ScenegenError when the network reads more than
    images and cameras, a file cannot be read or used or `out` cannot be written.
    """
    views, family = trained.config.training.views, trained.family
    if not family.reads.images_alone and not family.reads.needs_cameras:
        raise ScenegenError(f"{family.name} reads more than images and cameras; predict has no more")
    _check_cameras(trained, taken.cameras)
    if taken.hfov_deg is not None and isinstance(trained.grid, GridSpec):
        raise UsageError(f"--hfov is for networks of frusta; {family.name} takes photographs as they are")
    least, most = family.reads.views
    if taken.cameras and not least <= len(photographs) <= most:
        raise UsageError(f"photographs given: {len(photographs)}; the network takes {least} to {most} of one place")
    if not taken.cameras and views > 1 and len(photographs) != views:
        raise UsageError(f"photographs given: {len(photographs)}; the network takes {views} of one place")
    places = [tuple(photographs)] if taken.cameras or views > 1 else [(path,) for path in photographs]
    folders = [out] if len(places) == 1 else [out / name for name in _folder_names(photographs)]
    check_photographs(photographs)
    return [
        _predict_place(trained, place, folder, device, taken, glb=glb)
        for place, folder in zip(places, folders, strict=True)
    ]


def _check_cameras(trained: TrainedModel, given: CamerasFile | None) -> None:
    """Whether cameras are given where the network reads them, and of its grid."""
    family, grid = trained.family, trained.grid
    if not family.reads.needs_cameras or not isinstance(grid, GridSpec):
        if given is not None:
            raise UsageError(f"--cameras: {family.name} needs none; leave it out")
    elif given is None:
        raise UsageError(f"{family.name} reads where each photograph was taken; give --cameras FILE")
    elif given.grid is not None and given.grid.shape != grid.shape:
        raise ScenegenError(
            f"{given.path}: its grid is {given.grid.shape}, the network's {grid.shape}; give one like it"
        )


def _folder_names(photographs: Sequence[Path]) -> list[str]:
    """The photographs' names without endings; UsageError if two are the same."""
    names = [path.stem for path in photographs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two photographs are called {name}, and so would be their folders in --out; rename one")
    return names


def _predict_place(
    trained: TrainedModel,
    paths: Sequence[Path],
    out: Path,
    device: torch.device,
    taken: Taken,
    *,
    glb: bool,
) -> Prediction:
    """Label one place, or what one photograph shows."""
    given = taken.cameras
    if given and given.grid:
        trained = replace(trained, grid=given.grid)
    grid, size, outputs = trained.grid, trained.family.reads.image_size, trained.family.outputs
    view, extras = None, NO_EXTRAS
    if isinstance(grid, GridSpec):
        squares = [read_square(path, size) for path in paths]
        images = np.stack([square.image for square in squares])
        if given:
            extras = extras_of(given, squares, grid, size)
    else:
        view = read_view(paths[0], size, grid.hfov_deg, taken.hfov_deg)
        images = view.image[None]
        if trained.family.reads.needs_cameras:
            extras = frustum_extras(camera_of(grid, size))
    shown = torch.from_numpy(images).permute(0, 3, 1, 2).unsqueeze(0)
    probabilities = predict_probabilities(trained, shown.to(device), extras.to(device))
    predicted = {o.name: o.predicted(probabilities[o.name], trained.thresholds[o.name])[0] for o in outputs}
    if view:
        predicted = {name: _cut_to_view(voxels, view, size) for name, voxels in predicted.items()}
    arrays = {output.name: _as_array(output, predicted[output.name]) for output in outputs}
    summary = {
        "photographs": [str(path) for path in paths],
        **({"pixels": view.used, "hfov_deg": view.hfov_deg} if view else {}),
        "classes": trained.classes,
        "grid": asdict(grid),
        "thresholds": {output.title: trained.thresholds[output.name] for output in outputs},
        "voxels": _count_voxels(trained, predicted),
    }
    main = trained.family.main
    objects = _find_objects(trained, images, probabilities[main.name], view, device)
    sheet = _draw(images, arrays[main.name], objects or (), trained)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, array in arrays.items():
            np.save(out / f"{name}.npy", array)
        if sheet:
            sheet.save(out / "voxels.png")
        if glb and main.kind != "occupancy":
            classes = predicted[main.name].movedim(0, -1).cpu().numpy()
            write_bytes(out / "voxels.glb", [voxels_to_glb(classes, grid, trained.classes)])
    except OSError as error:
        raise ScenegenError(f"{out}: cannot be written ({error.strerror or error}); give another --out") from error
    write_text(out / "prediction.json", json.dumps(summary, indent=1) + "\n")
    if objects is not None:
        write_text(out / "objects.json", json.dumps(_objects_json(objects), indent=1) + "\n")
    notes = [f"{paths[0]}: {view.note}"] if view else []
    if not any(voxels.any() for voxels in predicted.values()):
        notes.append(f"{', '.join(map(str, paths))}: the network finds nothing; all is air")
    return Prediction(out / ("voxels.png" if sheet else "prediction.json"), tuple(notes))


def _cut_to_view(voxels: torch.Tensor, view: ViewOfPhotograph, size: int) -> torch.Tensor:
    """Voxels (channels, w, h, d) without those whose rays miss the photograph by half a cell."""
    kept = torch.zeros_like(voxels)
    left, top, right, bottom = (round(edge * voxels.shape[1 + n % 2] / size) for n, edge in enumerate(view.covered))
    kept[:, left:right, top:bottom] = voxels[:, left:right, top:bottom]
    return kept


def _find_objects(
    trained: TrainedModel,
    images: NDArray[np.uint8],
    probabilities: torch.Tensor,
    view: ViewOfPhotograph | None,
    device: torch.device,
) -> tuple[FoundObject, ...] | None:
    """The objects in one photograph (1, H, W, 3), where it shows them; None where the network reads none."""
    if trained.family.find_objects is None or view is None or isinstance(trained.grid, GridSpec):
        return None
    size = images.shape[1]
    seen = torch.from_numpy(images).permute(0, 3, 1, 2).to(device).float() / 255
    own = _cut_to_view(probabilities[0], view, size).unsqueeze(0)
    own[:, 0] += 1 - own.sum(1)  # beyond the photograph all is air
    return trained.family.find_objects(trained.model, seen, own, [camera_of(trained.grid, size)], trained.classes)[0]


def _objects_json(objects: Sequence[FoundObject]) -> dict[str, Any]:
    """The objects in the camera's coordinates: where in the world a photograph was taken is not known."""
    return {
        "axes": "the camera's: metres, x right, y down, z forward; rotation is w, x, y, z, from the object's axes",
        "objects": [
            {
                "class": item.class_name,
                "centre": [round(metres, 4) for metres in item.centre_in_camera],
                "rotation": [round(part, 6) for part in item.rotation_to_camera],
                "size": item.size and [round(metres, 4) for metres in item.size],
                "confidence": round(item.confidence, 4),
                "fruxels": item.fruxels,
            }
            for item in objects
        ],
    }


def _draw(
    images: NDArray[np.uint8], voxels: NDArray[Any], objects: Sequence[FoundObject], trained: TrainedModel
) -> Image.Image | None:
    """The sheet of the main output; None where there is none to draw."""
    kind, grid = trained.family.main.kind, trained.grid
    if kind == "masks" and isinstance(grid, GridSpec):
        return prediction_sheet(images, voxels, grid, trained.classes)
    if kind == "labels" and not isinstance(grid, GridSpec):
        poses = [found_pose(item) for item in objects]
        return photograph_sheet(images[0], voxels, camera_of(grid, images.shape[1]), trained.classes, poses)
    return None


def camera_of(frustum: FrustumSpec, size: int) -> Camera:
    """The camera of a square photograph that shows a frustum, in the world's origin; `size` in pixels."""
    focal = size / 2 / math.tan(math.radians(frustum.hfov_deg) / 2)
    K = ((focal, 0.0, size / 2), (0.0, focal, size / 2), (0.0, 0.0, 1.0))
    pose = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    return Camera("photograph", size, size, K, pose, frustum)


def _as_array(output: Output, predicted: torch.Tensor) -> NDArray[Any]:
    """An output's file from its prediction, bool (channels, X, Y, Z)."""
    if output.kind == "occupancy":
        return predicted[0].cpu().numpy()
    if output.kind == "masks":
        return predicted.movedim(0, -1).contiguous().cpu().numpy()
    classes = torch.arange(1, len(predicted) + 1, device=predicted.device).view(-1, 1, 1, 1)
    return (predicted * classes).sum(0).to(torch.uint8).cpu().numpy()


def _count_voxels(trained: TrainedModel, predicted: dict[str, torch.Tensor]) -> dict[str, int]:
    """Voxels that are occupied, and voxels of every class in the main output."""
    main, first = trained.family.main, trained.family.outputs[0]
    counts = {"occupied": int(predicted[first.name].any(0).sum())}
    if main.kind == "occupancy":
        return counts
    return counts | dict(zip(trained.classes, predicted[main.name].sum((1, 2, 3)).tolist(), strict=True))
