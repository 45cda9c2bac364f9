"""The numbers of "Image-to-Voxel Model Translation for 3D Scene Reconstruction and Segmentation": mean IoU.

Several cells of its tables repeat between them, so order and margins are worth more than the figures.
"""

from scenetrain.networks.contract import PaperScore, PaperVersion

VERSIONS = (
    PaperVersion("SemanticVoxels", {"labels": PaperScore(macro=0.620)}),
    PaperVersion("without 6DoF", {"labels": PaperScore(macro=0.461)}),
    PaperVersion("without IR 2D", {"labels": PaperScore(macro=0.462)}),
    PaperVersion("without IR 2D and 3D", {"labels": PaperScore(macro=0.435)}),
)
