"""The numbers of "Image-to-Voxel Model Translation for 3D Scene Reconstruction and Segmentation", table 2: IoU.

They are of the paper's own streets, SemanticVoxels. Several cells of its tables repeat between them, so order and
margins are worth more than the figures.
"""

from scenetrain.networks.contract import PaperScore, PaperVersion

SSZ, NO_6D, NO_IR2D, NO_IR2D3D = "SSZ", "without 6DoF", "without IR 2D", "without IR 2D and 3D"
CLASSES = ("person", "car", "van", "building", "bicycle", "bus", "truck", "tree", "ground")
ROWS = {
    SSZ: ((0.618, 0.822, 0.745, 0.585, 0.531, 0.662, 0.518, 0.558, 0.539), 0.620),
    NO_6D: ((0.452, 0.611, 0.538, 0.440, 0.407, 0.495, 0.400, 0.418, 0.380), 0.461),
    NO_IR2D: ((0.502, 0.702, 0.604, 0.458, 0.000, 0.558, 0.432, 0.469, 0.436), 0.462),
    NO_IR2D3D: ((0.499, 0.611, 0.607, 0.433, 0.000, 0.505, 0.388, 0.430, 0.438), 0.435),
}

VERSIONS = tuple(
    PaperVersion(name, {"labels": PaperScore(macro=mean, classes=dict(zip(CLASSES, classes, strict=True)))})
    for name, (classes, mean) in ROWS.items()
)
