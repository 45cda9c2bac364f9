"""The Everted U-Net paper's numbers, to stand beside a run's: Tables 1 and 2, on objects never seen in training."""

from __future__ import annotations

from collections.abc import Mapping

from scenetrain.networks.contract import PaperScore, PaperVersion
from scenetrain.networks.everted.settings import BranchSettings, EvertedConfig

RECONSTRUCTOR = PaperScore(overall=0.392, threshold=0.32)
OVERALL = {"first": 0.335, "final": 0.384}
CLASSES = {
    "first": {"chair": 0.264, "table": 0.366, "nightstand": 0.354, "laptop": 0.114, "bag": 0.040, "human": 0.377},
    "final": {"chair": 0.302, "table": 0.358, "nightstand": 0.420, "laptop": 0.149, "bag": 0.154, "human": 0.450},
}
MACRO = {version: sum(classes.values()) / len(classes) for version, classes in CLASSES.items()}
"""The mean of the paper's classes, worked out here: its "Overall" is another mean."""


def settings_rows(config: EvertedConfig) -> Mapping[str, tuple[str, str]]:
    """The settings of Table 1 as text: (reconstructor, segmenter) by row."""
    branches = (config.reconstructor, config.segmenter)
    return {
        "learning rate": _pair(branches, "learning_rate"),
        "dropout": _pair(branches, "dropout"),
        "batch size": _pair(branches, "batch_size"),
        "learning rate step: factor / epochs": (_step(branches[0]), _step(branches[1])),
    }


def _pair(branches: tuple[BranchSettings, BranchSettings], key: str) -> tuple[str, str]:
    return f"{getattr(branches[0], key):g}", f"{getattr(branches[1], key):g}"


def _step(branch: BranchSettings) -> str:
    return f"{branch.gamma:g} / {branch.step_size}" if branch.step_size else "–"


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

VERSIONS = tuple(
    PaperVersion(
        name=version,
        scores={
            "occupancy": RECONSTRUCTOR if version == "final" else PaperScore(),
            "masks": PaperScore(OVERALL[version], MACRO[version], CLASSES[version]),
        },
        settings=SETTINGS[version],
    )
    for version in ("first", "final")
)
