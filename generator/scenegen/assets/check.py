"""What a library holds, what it lacks for a preset, and which of its assets look doubtful."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scenegen.assets.library import Asset

LEAKY = 0.5  # above this share of leaky columns the voxelizer guesses more than it knows
DISAGREE = 0.6  # below this share of faces that looked outward the file's orientation was no help


@dataclass(frozen=True)
class Check:
    """counts by class and split, "class/split" that the preset needs and nobody fills, and doubts by asset name."""

    counts: dict[str, dict[str, int]]
    missing: tuple[str, ...]
    doubts: dict[str, tuple[str, ...]]


def check_library(assets: Sequence[Asset], needed: Sequence[str]) -> Check:
    """Look through a library for the classes that a preset needs in both splits."""
    counted = Counter((asset.class_name, asset.split) for asset in assets)
    classes = sorted({asset.class_name for asset in assets} | set(needed))
    counts = {c: {split: counted[c, split] for split in ("train", "test")} for c in classes}
    missing = tuple(f"{c}/{split}" for c in needed for split in ("train", "test") if not counted[c, split])
    doubts = {asset.name: found for asset in assets if (found := tuple(_doubts(asset)))}
    return Check(counts, missing, doubts)


def _doubts(asset: Asset) -> list[str]:
    findings: dict[str, Any] = dict(asset.findings)
    found = [str(warning) for warning in findings.get("warnings", ())]
    if findings.get("leaky_columns", 0.0) > LEAKY:
        found.append(f"its surface is open: {findings['leaky_columns']:.0%} of lines through it leak")
    if findings.get("orientation_agreement", 1.0) < DISAGREE:
        found.append(f"only {findings['orientation_agreement']:.0%} of its faces looked outward")
    if asset.class_name in ("table", "nightstand") and not any(s.height > asset.size[2] - 1e-3 for s in asset.supports):
        found.append("nothing can stand on it: its top is not flat")
    if asset.provenance.licence == "unknown":
        found.append("its licence is unknown")
    return found
