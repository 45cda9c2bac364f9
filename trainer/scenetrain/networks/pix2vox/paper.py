"""What a paper says of Pix2Vox on scenes of several objects: Table 2 of "Image-to-Voxel Model Translation for 3D Scene
Reconstruction and Segmentation" (SSZ), IoU on its streets.

There Pix2Vox learns the object with the largest area in the image, one class at a time; the paper does not say which
version. The first papers' own scores are of single objects of ShapeNet in 32^3 voxels, and compare with none of ours.
"""

from __future__ import annotations

from collections.abc import Mapping

from scenetrain.networks.contract import PaperScore, PaperVersion
from scenetrain.networks.pix2vox.settings import Pix2VoxConfig
from scenetrain.networks.pix2vox.versions import VersionName

SEMANTIC_VOXELS = "SemanticVoxels"
CLASSES = {
    "person": 0.140,
    "car": 0.286,
    "van": 0.247,
    "building": 0.306,
    "bicycle": 0.246,
    "bus": 0.267,
    "truck": 0.256,
    "tree": 0.282,
    "ground": 0.253,
}

PARAMETERS: dict[VersionName, int] = {"A": 114_244_467, "F": 7_436_307, "++/A": 96_329_421, "++/F": 4_843_245}
"""Of the published forms, the frozen trunk included; of Pix2Vox++ with a bias in the neck's convolutions."""

VERSIONS = (PaperVersion(SEMANTIC_VOXELS, {"masks": PaperScore(macro=0.254, classes=CLASSES)}),)


def settings_rows(config: Pix2VoxConfig) -> Mapping[str, tuple[str]]:
    """The settings of the papers' section 4.2 as text."""
    settings = config.pix2vox
    return {
        "learning rate": (f"{settings.learning_rate:g}",),
        "learning rate of the fusion": (f"{settings.fusion_learning_rate:g}",),
        "learning rate halved after epochs": (f"{settings.halved_after}" if settings.halved_after else "–",),
        "batch size": (f"{settings.batch_size}",),
    }
