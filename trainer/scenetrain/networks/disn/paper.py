"""DISN's IoU in "Image-to-Voxel Model Translation for 3D Scene Reconstruction and Segmentation", tables 1 and 2.

Each class of its own network, by that paper's protocol. The data are ShapeNet and that paper's own streets.
"""

from scenetrain.networks.contract import PaperScore, PaperVersion

SHAPENET = {
    "car": 0.563,
    "SUV": 0.484,
    "conv.": 0.427,
    "bike": 0.487,
    "bus": 0.531,
    "truck": 0.522,
    "plane": 0.575,
    "boat": 0.559,
}
STREETS = {
    "person": 0.128,
    "car": 0.270,
    "van": 0.272,
    "building": 0.213,
    "bicycle": 0.171,
    "bus": 0.121,
    "truck": 0.142,
    "tree": 0.178,
    "ground": 0.298,
}

VERSIONS = (
    PaperVersion("ShapeNet", {"masks": PaperScore(macro=0.519, classes=SHAPENET)}),
    PaperVersion("SemanticVoxels", {"masks": PaperScore(macro=0.199, classes=STREETS)}),
)
