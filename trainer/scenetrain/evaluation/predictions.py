"""What a network answers for every scene of a data set, kept beside its run for `scenegen view --run`.

    RUN/predictions/NAME/scene_000017.npz           the main output of one scene
    RUN/predictions/NAME/scene_000017_camera_3.npz  that of one camera's frustum
    RUN/predictions/NAME/predictions.json           of which data set, classes, grid, threshold, and IoU per scene

Each .npz holds one array, `prediction`: of an output with a threshold uint8 (channels, X, Y, Z), hundredths of
probability, rounded down as scores count them; of labels uint8 (X, Y, Z), the likeliest class + 1, 0 = air. NAME is the
name of the data set's folder.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_bytes, write_text
from scenegen.core.scene.scene import GridSpec

from scenetrain.data.scenes import SceneList, SceneTensors
from scenetrain.evaluation.evaluate import Evaluation
from scenetrain.metrics.iou import BINS
from scenetrain.training.run_folder import TrainedModel

FORMAT = "scenetrain-predictions/1"


class PredictionFolder:
    """Writes predictions as `evaluate` makes them. ScenegenError when the run's folder cannot be written."""

    def __init__(self, run: Path, trained: TrainedModel, scenes: SceneList) -> None:
        if run.suffix == ".pt":
            run = run.parent
        self.folder = run / "predictions" / scenes.dataset.path.name
        self._run = run
        self._trained = trained
        self._scenes = scenes
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "predictions.json").unlink(missing_ok=True)  # until all are there
        except OSError as error:
            raise self._refusal(error) from error

    def keep(self, batch: Sequence[SceneTensors], answer: Any) -> None:
        """Write the main output's `answer` for a batch of items."""
        output = self._trained.family.main
        if output.has_threshold:
            probabilities = output.probabilities(answer).float()
            found = (probabilities * BINS).long().clamp(0, BINS).byte()
        else:
            found = output.likeliest_labels(answer)
        for item, array in zip(batch, found.cpu().numpy(), strict=True):
            try:
                write_bytes(self.folder / self._name(item.position), [_npz(array)])
            except OSError as error:
                raise self._refusal(error) from error

    def finish(self, evaluation: Evaluation) -> None:
        """Write predictions.json: from now on the viewer finds them."""
        output, info, grid = self._trained.family.main, self._scenes.dataset.info, self._trained.grid
        scenes = [
            {"index": score.index, "camera": score.camera, "iou": score.ious[output.name], "classes": score.classes}
            for score in evaluation.scenes
        ]
        body = {
            "format": FORMAT,
            "run": self._run.resolve().name,
            "family": self._trained.family.name,
            "output": output.name,
            "title": output.title,
            "kind": output.kind,
            "threshold": self._trained.thresholds[output.name],
            "classes": self._trained.classes,
            "grid": asdict(grid) if isinstance(grid, GridSpec) else None,
            "frustum": None if isinstance(grid, GridSpec) else asdict(grid),
            "dataset": {
                "preset": info.request.preset,
                "seed": info.request.seed,
                "split": info.request.split,
                "library_checksum": info.library_checksum,
            },
            "scenes": scenes,
        }
        try:
            write_text(self.folder / "predictions.json", json.dumps(body) + "\n")
        except OSError as error:
            raise self._refusal(error) from error

    def _name(self, position: int) -> str:
        camera = self._scenes.camera(position)
        return (
            f"scene_{self._scenes.scene_index(position):06d}" + ("" if camera is None else f"_camera_{camera}") + ".npz"
        )

    def _refusal(self, error: OSError) -> ScenegenError:
        return ScenegenError(
            f"{self.folder}: cannot be written ({error.strerror or error}); make room, or copy the run"
        )


def _npz(array: NDArray[np.uint8]) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, prediction=array)
    return content.getvalue()
