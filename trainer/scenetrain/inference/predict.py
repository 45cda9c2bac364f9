"""Photographs to a labelled voxel grid."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from scenegen.core.decoding import damage_as_value_error, read_file
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.files import write_bytes, write_text
from scenegen.core.scene.scene import GridSpec

from scenetrain.evaluation.evaluate import predict_probabilities
from scenetrain.inference.surface import voxels_to_glb
from scenetrain.networks.contract import Output
from scenetrain.report.voxels import prediction_sheet
from scenetrain.training.run_folder import TrainedModel


def predict(
    trained: TrainedModel, photographs: Sequence[Path], out: Path, device: torch.device, *, glb: bool = False
) -> Path:
    """Label what `photographs` show, and write it into the folder `out`; returns the file to look at first.

    Every output is a file by its name: occupancy.npy is bool (X, Y, Z), masks.npy bool (X, Y, Z, C), labels.npy uint8
    (X, Y, Z), 0 = air, c + 1 = class c. prediction.json says what they are; voxels.png shows the masks of a box grid.
    `glb` adds voxels.glb, the surface of every class (surface.voxels_to_glb).
    UsageError when there are not as many photographs as the network's views; ScenegenError when the network reads more
    than images, a photograph cannot be read or `out` cannot be written.
    """
    views, reads = trained.config.training.views, trained.family.reads
    if not reads.images_alone:
        raise ScenegenError(f"{trained.family.name} reads more than images; predict has photographs alone")
    if glb and trained.family.main.kind == "occupancy":
        raise UsageError(f"--glb shows voxels by class; {trained.family.name} has none")
    if len(photographs) != views:
        raise UsageError(f"photographs given: {len(photographs)}; the network takes {views} of one place")
    images = np.stack([read_photograph(path, reads.image_size) for path in photographs])
    probabilities = predict_probabilities(trained, torch.from_numpy(images).permute(0, 3, 1, 2).unsqueeze(0).to(device))
    outputs = trained.family.outputs
    predicted = {o.name: o.predicted(probabilities[o.name], trained.thresholds[o.name])[0] for o in outputs}
    arrays = {output.name: _as_array(output, predicted[output.name]) for output in outputs}
    summary = {
        "photographs": [str(path) for path in photographs],
        "classes": trained.classes,
        "grid": asdict(trained.grid),
        "thresholds": {output.title: trained.thresholds[output.name] for output in outputs},
        "voxels": _count_voxels(trained, predicted),
    }
    shown = out / "prediction.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, array in arrays.items():
            np.save(out / f"{name}.npy", array)
        if isinstance(trained.grid, GridSpec) and trained.family.main.kind == "masks":
            shown = out / "voxels.png"
            masks = arrays[trained.family.main.name]
            prediction_sheet(images, masks, trained.grid, trained.classes).save(shown)
        if glb:
            classes = predicted[trained.family.main.name].movedim(0, -1).cpu().numpy()
            write_bytes(out / "voxels.glb", [voxels_to_glb(classes, trained.grid, trained.classes)])
    except OSError as error:
        raise ScenegenError(f"{out}: cannot be written ({error.strerror or error}); give another --out") from error
    write_text(out / "prediction.json", json.dumps(summary, indent=1) + "\n")
    return shown


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


def read_photograph(path: Path, size: int = 224) -> NDArray[np.uint8]:
    """A photograph of any size and format as uint8 (size, size, 3): its middle square, scaled, upright by EXIF.

    Of 16 bits a channel the upper 8 count; what is transparent is on white.
    """
    try:
        content = read_file(path)
        with damage_as_value_error(), Image.open(io.BytesIO(content)) as photograph:
            upright = _as_rgb(ImageOps.exif_transpose(photograph))
    except FileNotFoundError as error:
        raise ScenegenError(f"{path}: no such image") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ScenegenError(f"{path}: not an image that can be read ({reason}); give a PNG or JPEG file") from error
    square = ImageOps.fit(upright, (size, size), Image.Resampling.LANCZOS)
    return np.asarray(square, dtype=np.uint8)


def _as_rgb(photograph: Image.Image) -> Image.Image:
    """The same in RGB; Pillow's own conversion cuts 16-bit greys off at 255, and shows the colours under alpha 0."""
    if photograph.mode.startswith("I;16"):
        photograph = Image.fromarray((np.asarray(photograph) >> 8).astype(np.uint8))
    if photograph.has_transparency_data:
        shown = photograph.convert("RGBA")
        photograph = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
    return photograph.convert("RGB")
