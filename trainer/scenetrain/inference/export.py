"""A trained network as one file for other programs: ONNX, a program of torch.export, or compiled for C++.

Input `images` float32 (B, V, 3, H, W), RGB in [0, 1]: normalisation happens inside. Outputs are the family's, by name:
probabilities in float32, (B, X, Y, Z) of an occupancy, (B, C, X, Y, Z) of masks, (B, 1 + C, X, Y, Z) of labels with air
first. A network with box labels that reads cameras has two more inputs: `K` float32 (B, V, 3, 3) in pixels of these
images, and `world_to_camera` float32 (B, V, 4, 4), of OpenCV's axes in metres; the run's grid is in the file. The file
carries the class names and the thresholds that validation chose, as JSON under "scenetrain", and of such a network the
grid.
"""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.scene.scene import GridSpec
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from scenetrain.data.given_cameras import box_extras
from scenetrain.inference.aoti import METADATA, save_package
from scenetrain.networks.contract import Family, Inputs, Output
from scenetrain.training.run_folder import TrainedModel

FORMATS = ("onnx", "torch", "aoti")


class ImagesToProbabilities(nn.Module):
    """A network between tensors alone: images in, the outputs' probabilities out."""

    def __init__(self, model: nn.Module, outputs: Sequence[Output]) -> None:
        super().__init__()
        self.model = model
        self.outputs = tuple(outputs)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images (B, V, 3, H, W) in [0, 1] to one tensor per output."""
        return self.answer(Inputs(images=images))

    def answer(self, inputs: Inputs) -> tuple[Tensor, ...]:
        """One tensor per output."""
        answers = self.model(inputs, tuple(output.name for output in self.outputs))
        found = [(output, output.probabilities(answers[output.name])) for output in self.outputs]
        return tuple(values[:, 0] if output.kind == "occupancy" else values for output, values in found)


class ViewsToProbabilities(ImagesToProbabilities):
    """The same of a network that reads the cameras of its images; its grid is fixed."""

    def __init__(self, model: nn.Module, outputs: Sequence[Output], grid: GridSpec, size: int) -> None:
        super().__init__(model, outputs)
        self.grid = grid
        self.size = size

    def forward(self, images: Tensor, K: Tensor, world_to_camera: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        """Images (B, V, 3, H, W) in [0, 1], K (B, V, 3, 3), world_to_camera (B, V, 4, 4) to one tensor per output."""
        return self.answer(Inputs(images=images, extras=box_extras(K, world_to_camera, self.grid, self.size)))


def export(trained: TrainedModel, out: Path, file_format: str, views: int | None) -> Path:
    """Write `trained`, which is on the CPU, to `out` as "onnx", "torch" or "aoti"; the path of the file.

    `views` fixes the number of views, and the file takes one scene at a time; None leaves batch and views open. Raises
    UsageError for a format or a number of views that cannot be, ScenegenError when the network reads more than images
    and the cameras of box grids, a package is missing or `out` cannot be written.
    """
    reads, grid = trained.family.reads, trained.grid
    with_cameras = reads.needs_cameras and isinstance(grid, GridSpec)
    if not reads.images_alone and not with_cameras:
        raise ScenegenError(f"{trained.family.name} reads more than images and cameras of boxes; export writes no more")
    if file_format not in FORMATS:
        raise UsageError(f"no format {file_format!r}; known: {', '.join(FORMATS)}")
    least, most = reads.views
    if views is not None and not least <= views <= most:
        allowed = f"{least} to {most}" if most > least else f"{most}"
        raise UsageError(f"{views} views cannot be; give {allowed}, or dynamic")
    if file_format == "aoti" and views is None:
        raise UsageError("aoti packages take a number of views; leave --views out or give one")
    if file_format == "onnx" and not all(map(importlib.util.find_spec, ("onnx", "onnxscript"))):
        raise ScenegenError("ONNX files need two more packages; run `pip install onnx onnxscript`")
    about = json.dumps(
        {
            "classes": trained.classes,
            "thresholds": trained.thresholds,
            **({"grid": asdict(grid)} if with_cameras else {}),
        }
    )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
            staging = Path(folder) / out.name
            program = export_program(trained, views)
            if file_format == "onnx":
                _save_onnx(program, trained.family, staging, about)
            elif file_format == "aoti" and views is not None:
                save_package(program, trained, views, staging)
            else:
                torch.export.save(program, staging, extra_files={METADATA: about})
            staging.replace(out)
    except OSError as error:
        raise ScenegenError(f"{out}: cannot be written ({error.strerror or error}); give another --out") from error
    return out


def export_program(trained: TrainedModel, views: int | None) -> ExportedProgram:
    """The network as a program of torch.export; `views` None leaves batch and views open."""
    from torch._dynamo.exc import UserError  # slow to import

    family, grid, size = trained.family, trained.grid, trained.family.reads.image_size
    least, most = family.reads.views
    free = {0: Dim("batch", min=1, max=1024)} if views is None else {}
    if views is None and most > least:
        free[1] = Dim("views", min=least, max=most)
    # an example of 0, 1 or two equal sizes would be taken for the rule
    counts = (2, min(3, most)) if views is None else (1, views)
    example: tuple[Tensor, ...] = (torch.zeros(*counts, 3, size, size),)
    network = ImagesToProbabilities(trained.model, family.outputs)
    if family.reads.needs_cameras:
        assert isinstance(grid, GridSpec)
        example = (*example, torch.eye(3).repeat(*counts, 1, 1), torch.eye(4).repeat(*counts, 1, 1))
        network = ViewsToProbabilities(trained.model, family.outputs, grid, size)
    try:
        with torch.no_grad():
            return torch.export.export(network.eval(), example, dynamic_shapes=tuple({**free} for _ in example))
    except UserError as error:
        if not free:
            raise
        raise ScenegenError(
            f"{family.name} cannot leave batch and views open; give their number with --views"
        ) from error


def _save_onnx(program: ExportedProgram, family: Family, path: Path, about: str) -> None:
    names = [output.name for output in family.outputs]
    inputs = ["images", "K", "world_to_camera"] if family.reads.needs_cameras else ["images"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.onnx.export(program, input_names=inputs, output_names=names, dynamo=True, verbose=False)
    assert made is not None
    made.model.metadata_props[METADATA] = about
    made.save(path, external_data=False)
