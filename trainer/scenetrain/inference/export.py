"""A trained network as one file for other programs: ONNX, or a program of torch.export.

Input `images` float32 (B, V, 3, 224, 224), RGB in [0, 1]: what the backbone wants done to them happens inside. Outputs
`occupancy` (B, 80, 96, 64) and `masks` (B, C, 80, 96, 64), probabilities in float32. The file carries the class names
and the thresholds that validation chose, as JSON under "scenetrain".
"""

from __future__ import annotations

import importlib.util
import json
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from scenegen.core.errors import ScenegenError, UsageError
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from scenetrain.blocks.fusion import ViewFusion
from scenetrain.data.scenes import IMAGE_SIZE
from scenetrain.networks.everted.network import MAX_VIEWS, EvertedUNet
from scenetrain.training.run_folder import TrainedModel

FORMATS = ("onnx", "torch")
METADATA = "scenetrain"
OUTPUTS = ("occupancy", "masks")


class ExportedNetwork(nn.Module):
    """The network from raw images on, without branches on the number of views, so that one file can take them all.

    Probabilities are fused as they are, not by their logarithms: nothing is trained here.
    """

    def __init__(self, model: EvertedUNet) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.tensor(model.backbone.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(model.backbone.std).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images (B, V, 3, 224, 224) in [0, 1] to occupancy (B, X, Y, Z) and masks (B, C, X, Y, Z)."""
        model, shape = self.model, images.shape[:2]
        normalised = (model.turned(images).flatten(0, 1) - self.get_buffer("mean")) / self.get_buffer("std")
        latent = model.latent(model.backbone(normalised))
        levels, logits = model.reconstructor(latent)
        occupancy = _fuse(model.volume_fusion, model.placed(levels[-1], shape[1]), model.placed(logits, shape[1]))
        levels, logits = model.segmenter(latent, levels)
        masks = _fuse(model.mask_fusion, model.placed(levels[-1], shape[1]), model.placed(logits, shape[1]))
        return occupancy[:, 0], masks


def _fuse(fusion: nn.Module, features: Tensor, logits: Tensor) -> Tensor:
    """Features (B, V, F, X, Y, Z) and logits (B, V, C, X, Y, Z) to probabilities (B, C, X, Y, Z)."""
    probabilities = logits.sigmoid()
    if not isinstance(fusion, ViewFusion):
        return probabilities.mean(dim=1)
    weights = fusion.scores(features, logits).softmax(dim=1)
    return (weights * probabilities).sum(dim=1)


def export(trained: TrainedModel, out: Path, file_format: str, views: int | None) -> Path:
    """Write `trained`, which is on the CPU, to `out` as "onnx" or "torch"; the path of the file.

    `views` fixes the number of views, and the file takes one scene at a time; None leaves batch and views (1 to 8)
    open. Raises UsageError for a format or views that cannot be, ScenegenError when a package is missing or `out`
    cannot be written.
    """
    if file_format not in FORMATS:
        raise UsageError(f"no format {file_format!r}; known: {', '.join(FORMATS)}")
    if views is not None and not 1 <= views <= MAX_VIEWS:
        raise UsageError(f"{views} views cannot be; give 1 to {MAX_VIEWS}, or dynamic")
    if file_format == "onnx" and not all(map(importlib.util.find_spec, ("onnx", "onnxscript"))):
        raise ScenegenError("ONNX files need two more packages; run `pip install onnx onnxscript`")
    about = json.dumps(
        {
            "classes": trained.classes,
            "thresholds": {"occupancy": trained.reconstructor_threshold, "masks": trained.segmenter_threshold},
        }
    )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
            staging = Path(folder) / out.name
            program = export_program(trained.model, views)
            if file_format == "onnx":
                _save_onnx(program, staging, about)
            else:
                torch.export.save(program, staging, extra_files={METADATA: about})
            staging.replace(out)
    except OSError as error:
        raise ScenegenError(f"{out}: cannot be written ({error.strerror or error}); give another --out") from error
    return out


def export_program(model: EvertedUNet, views: int | None) -> ExportedProgram:
    """The network as a program of torch.export; `views` None leaves batch and views open."""
    # an example of 0, 1 or two equal sizes would be taken for the rule
    example = torch.zeros(*((2, 3) if views is None else (1, views)), 3, IMAGE_SIZE, IMAGE_SIZE)
    free = {0: Dim("batch", min=1, max=1024), 1: Dim("views", min=1, max=MAX_VIEWS)} if views is None else {}
    with torch.no_grad():
        return torch.export.export(ExportedNetwork(model).eval(), (example,), dynamic_shapes=({**free},))


def _save_onnx(program: ExportedProgram, path: Path, about: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.onnx.export(
            program, input_names=["images"], output_names=list(OUTPUTS), dynamo=True, verbose=False
        )
    assert made is not None
    made.model.metadata_props[METADATA] = about
    made.save(path, external_data=False)
