"""What a paper says of 3D-R2N2 on scenes of several objects: Table 2 of "Image-to-Voxel Model Translation for 3D Scene
Reconstruction and Segmentation" (SSZ), IoU on its streets, where it learns the object of the largest area in the image.
The first paper's own scores are of single objects of ShapeNet in 32^3 voxels, and compare with none of ours.
"""

from __future__ import annotations

from collections.abc import Mapping

from scenetrain.networks.contract import PaperScore, PaperVersion
from scenetrain.networks.r2n2.settings import R2N2Config

CLASSES = {
    "person": 0.225,
    "car": 0.354,
    "van": 0.341,
    "building": 0.214,
    "bicycle": 0.278,
    "bus": 0.169,
    "truck": 0.138,
    "tree": 0.101,
    "ground": 0.194,
}
PARAMETERS = 35_968_706
"""Of the published form."""

VERSIONS = (
    PaperVersion(
        "SemanticVoxels",
        {"occupancy": PaperScore(threshold=0.4), "masks": PaperScore(macro=0.224, classes=CLASSES)},
        {"learning rate": ("0.0001",), "batch size": ("36",), "weight decay": ("5e-05",)},
    ),
)


def settings_rows(config: R2N2Config) -> Mapping[str, tuple[str]]:
    """The settings of training as text."""
    settings = config.r2n2
    return {
        "learning rate": (f"{settings.learning_rate:g}",),
        "batch size": (f"{settings.batch_size}",),
        "weight decay": (f"{settings.weight_decay:g}",),
    }
