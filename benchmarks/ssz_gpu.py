"""SSZ's whole protocol: speed and memory, training of SSZ, its ablations and Z-GAN, scores beside the paper's.

    python benchmarks/ssz_gpu.py --data DIR --test DIR --out DIR [--cpu]

Writes OUT/ssz_gpu.md. Exits with 1 when a target is missed; without a GPU (--cpu) narrow networks train for one epoch,
and nothing is judged. The same command again continues. See train_gpu.sh.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text
from scenetrain.evaluation.evaluate import Evaluation, evaluate, open_scenes
from scenetrain.networks.contract import PaperScore
from scenetrain.networks.registry import get_family
from scenetrain.networks.settings import load_config
from scenetrain.training.bench import Bench, bench
from scenetrain.training.fit import fit
from scenetrain.training.hardware import Hardware, open_device

NETWORKS: Mapping[str, str] = {"ssz": "ssz", "no_6d": "ssz", "no_ir2d": "ssz", "no_ir2d3d": "ssz", "zgan": "zgan"}
"""Configuration to family."""
FEW = ("model.detail=8", "training.precision=32-true", "training.epochs=1", "training.train_scenes=2")
NARROW: Mapping[str, tuple[str, ...]] = {
    "ssz": ("model.width=0.125", "training.validation_scenes=1", *FEW),
    "zgan": ("model.channels=4", "training.validation_scenes=1", *FEW),
}
MOST_BYTES = 24e9
"""Of a training step of SSZ with four images in bfloat16."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cpu", action="store_true", help="narrow networks on the CPU; nothing is judged")
    chosen = parser.parse_args()
    try:
        lines = measure(chosen)
    except ScenegenError as error:
        parser.exit(1, f"ssz_gpu: {error}\n")
    write_text(chosen.out / "ssz_gpu.md", "\n".join(lines) + "\n")
    print("\n".join(lines))
    return int(any("MISSED" in line for line in lines))


def measure(chosen: argparse.Namespace) -> list[str]:
    place = open_device("cpu" if chosen.cpu else "cuda")
    hardware = Hardware(place.type, workers=0 if chosen.cpu else os.cpu_count() or 1)
    speeds: dict[str, Bench] = {}
    scores: dict[str, Evaluation] = {}
    for name, family in NETWORKS.items():
        config = load_config(name, NARROW[family] if chosen.cpu else (), family)
        speeds[name] = bench(config, place.type, 1 if chosen.cpu else 50)
        trained = fit(config, chosen.data, chosen.out / name, hardware, print)
        trained.model.to(place)
        scores[name] = evaluate(trained, open_scenes(trained, chosen.test, "test"), place)
    return [
        f"# SSZ on {speeds['ssz'].device}",
        "",
        *speed_lines(speeds, judged=not chosen.cpu),
        "",
        *score_lines(scores, {name: paper_scores(name) for name in NETWORKS}),
    ]


def speed_lines(speeds: Mapping[str, Bench], *, judged: bool) -> list[str]:
    """One image to labels, a training step, hours for an epoch of the paper's images, and memory."""
    lines = [
        "| network | one image, ms | step, ms | images per step | an epoch of 116,000 images, h | GB | target |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for name, speed in speeds.items():
        (stage,) = speed.stages
        target = "-"
        if name == "ssz" and judged:
            target = "reached" if stage.peak_bytes <= MOST_BYTES else "MISSED"
        figures = (
            f"{1000 * speed.inference[0].seconds:.0f}",
            f"{1000 * stage.step_seconds:.0f}",
            str(stage.batch_size),
            f"{stage.epoch_seconds / 3600:.2f}",
            f"{stage.peak_bytes / 1e9:.1f}",
        )
        lines.append(f"| {name} | {' | '.join(figures)} | {target} |")
    return lines


def paper_scores(name: str) -> PaperScore:
    """The paper's on SemanticVoxels; empty for a network that it does not have."""
    family = get_family(NETWORKS[name])
    version = family.paper_version(load_config(name, (), family.name))
    found = [one.scores.get(family.main.name) for one in family.paper if one.name == version]
    return found[0] if found and found[0] else PaperScore()


def score_lines(scores: Mapping[str, Evaluation], papers: Mapping[str, PaperScore]) -> list[str]:
    """IoU by class and their mean, the paper's in brackets."""
    classes = next(iter(scores.values())).classes
    count = len(next(iter(scores.values())).scenes)
    lines = [
        f"IoU on {count} images of unseen models (the paper's, on its own data, in brackets)",
        "",
        f"| network | mean | {' | '.join(classes)} |",
        f"|---|{'---:|' * (1 + len(classes))}",
    ]
    for name, found in scores.items():
        own, paper = found.main.scores, papers[name]
        cells = [cell(own.macro, paper.macro)]
        cells += [cell(value, paper.classes.get(key)) for key, value in zip(classes, own.classes, strict=True)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def cell(own: float | None, paper: float | None) -> str:
    shown = "-" if own is None or own != own else f"{own:.3f}"
    return shown if paper is None else f"{shown} ({paper:.3f})"


if __name__ == "__main__":
    raise SystemExit(main())
