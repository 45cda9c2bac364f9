"""Three photographs to a labelled voxel grid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.files import write_text

from scenetrain.data.scenes import IMAGE_SIZE
from scenetrain.evaluation.evaluate import is_above, predict_probabilities
from scenetrain.report.voxels import prediction_sheet
from scenetrain.training.run_folder import TrainedModel


def predict(trained: TrainedModel, photographs: Sequence[Path], out: Path, device: torch.device) -> Path:
    """Label what `photographs` show; write masks.npy, occupancy.npy, prediction.json and voxels.png, the path returned.

    masks.npy is bool (X, Y, Z, C), occupancy.npy bool (X, Y, Z). UsageError when there are not as many photographs as
    the network's views; ScenegenError when one cannot be read or `out` not be written.
    """
    views = trained.config.training.views
    if len(photographs) != views:
        raise UsageError(f"photographs given: {len(photographs)}; the network takes {views} of one room")
    images = np.stack([read_photograph(path) for path in photographs])
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).unsqueeze(0).to(device)
    occupied, labelled = predict_probabilities(trained, batch)
    occupancy = is_above(occupied, trained.reconstructor_threshold)[0, 0].cpu().numpy()
    masks = is_above(labelled, trained.segmenter_threshold)[0].movedim(0, -1).contiguous().cpu().numpy()
    sheet = prediction_sheet(images, masks, trained.grid, trained.classes)
    summary = {
        "photographs": [str(path) for path in photographs],
        "classes": trained.classes,
        "grid": asdict(trained.grid),
        "thresholds": {"reconstructor": trained.reconstructor_threshold, "segmenter": trained.segmenter_threshold},
        "voxels": {
            "occupied": int(occupancy.sum()),
            **dict(zip(trained.classes, masks.sum(axis=(0, 1, 2)).tolist(), strict=True)),
        },
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        np.save(out / "masks.npy", masks)
        np.save(out / "occupancy.npy", occupancy)
        sheet.save(out / "voxels.png")
    except OSError as error:
        raise ScenegenError(f"{out}: cannot be written ({error.strerror or error}); give another --out") from error
    write_text(out / "prediction.json", json.dumps(summary, indent=1) + "\n")
    return out / "voxels.png"


def read_photograph(path: Path) -> NDArray[np.uint8]:
    """A photograph of any size and format as uint8 (224, 224, 3): its middle square, scaled, upright as it was held."""
    try:
        with Image.open(path) as photograph:
            upright = ImageOps.exif_transpose(photograph).convert("RGB")
    except FileNotFoundError as error:
        raise ScenegenError(f"{path}: no such image") from error
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        reason = str(error).split("\n")[0]
        raise ScenegenError(f"{path}: not an image that can be read ({reason}); give a PNG or JPEG file") from error
    square = ImageOps.fit(upright, (IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.LANCZOS)
    return np.asarray(square, dtype=np.uint8)
