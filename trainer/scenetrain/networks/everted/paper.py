"""The Everted U-Net paper's numbers, to stand beside a run's: Tables 1 and 2, on objects never seen in training."""

from __future__ import annotations

RECONSTRUCTOR_IOU = 0.392
RECONSTRUCTOR_THRESHOLD = 0.32
OVERALL = {"first": 0.335, "final": 0.384}
CLASSES = {
    "first": {"chair": 0.264, "table": 0.366, "nightstand": 0.354, "laptop": 0.114, "bag": 0.040, "human": 0.377},
    "final": {"chair": 0.302, "table": 0.358, "nightstand": 0.420, "laptop": 0.149, "bag": 0.154, "human": 0.450},
}
MACRO = {version: sum(classes.values()) / len(classes) for version, classes in CLASSES.items()}
"""The mean of the paper's classes, worked out here: its "Overall" is another mean."""

SETTINGS = {
    "first": {
        "learning rate": ("0.001", "0.001"),
        "dropout": ("0", "0"),
        "batch size": ("16", "8"),
        "learning rate step: factor / epochs": ("–", "0.5 / 10"),
    },
    "final": {
        "learning rate": ("0.01", "0.01"),
        "dropout": ("0.1", "0.25"),
        "batch size": ("16", "8"),
        "learning rate step: factor / epochs": ("–", "0.5 / 10"),
    },
}
"""By version and setting: (reconstructor, segmenter)."""
