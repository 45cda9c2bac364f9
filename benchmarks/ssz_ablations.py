"""SSZ, its ablations and its ancestor Z-GAN, each trained with the same processor time: 3D IoU over seeds.

    python benchmarks/ssz_ablations.py --data DIR --test DIR --out DIR [--minutes 20] [--seeds 3] [--networks ssz no_6d]

Every network has as many epochs as its step's processor time, measured once, lets into the budget. Finished runs in OUT
are not trained again, an interrupted one continues. Writes OUT/ssz_ablations.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from scenegen.core.files import write_text
from scenetrain.config import Config
from scenetrain.data.batches import PlanRequest, streaming_batches, training_plan, validation_plan
from scenetrain.data.scenes import SceneList, open_split
from scenetrain.evaluation.evaluate import open_scenes
from scenetrain.metrics.iou import IoUCurve
from scenetrain.metrics.outputs import ONE_HOT
from scenetrain.networks.contract import Inputs, Losses, Stage, Step
from scenetrain.networks.registry import family_names, get_family
from scenetrain.networks.settings import load_config
from scenetrain.training.fit import fit
from scenetrain.training.hardware import Hardware, open_hardware
from scenetrain.training.run_folder import TrainedModel

NETWORKS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ssz": ("ssz", ()),
    "no_6d": ("ssz", ("losses.adversarial_weight=0.0", "losses.pose_weight=0.0")),
    "no_ir2d": ("ssz", ('model.residuals="3d"',)),
    "no_ir2d3d": ("ssz", ('model.residuals="none"',)),
    "zgan": ("zgan", ("training.mirrored_views=true", "zgan.batch_size=2")),
}
"""Family, and what differs from its configuration `tiny`."""

CPU = Hardware("cpu", workers=0)
TIMED_STEPS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=20.0, help="processor time of all steps of one run")
    parser.add_argument("--seeds", type=int, default=3)
    known = [name for name, (family, _) in NETWORKS.items() if family in family_names()]
    parser.add_argument("--networks", nargs="+", choices=known, default=known)
    chosen = parser.parse_args()
    open_hardware(CPU)
    epochs = {name: read_or_count_epochs(name, chosen) for name in chosen.networks}
    for seed in range(chosen.seeds):
        for name in chosen.networks:
            run(name, seed, epochs[name], chosen)
            write_text(chosen.out / "ssz_ablations.md", table(chosen, epochs))
    print(table(chosen, epochs))


def configuration(name: str, seed: int = 0, epochs: int = 0) -> Config:
    family, changes = NETWORKS[name]
    decay = max(1, 2 * epochs // 3)
    schedule = (f"training.epochs={epochs}", f"training.patience={epochs}", f"{family}.decay_epochs={decay}")
    return load_config("tiny", (*changes, f"training.seed={seed}", *(schedule if epochs else ())), family)


def read_or_count_epochs(name: str, chosen: argparse.Namespace) -> int:
    """How many epochs the budget has room for; kept, so that a resumed comparison has the same ones."""
    path = chosen.out / f"{name}.json"
    if not path.is_file():
        config = configuration(name)
        scenes = open_split(chosen.data, "train", get_family(config.model.name).reads, 1)
        (stage,) = get_family(config.model.name).stages(config)
        steps = len(scenes) // stage.batch_size
        seconds = step_seconds(config, stage, chosen.data)
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {
            "minutes": chosen.minutes,
            "step": seconds,
            "epochs": max(1, int(60 * chosen.minutes / steps / seconds)),
        }
        write_text(path, json.dumps(kept))
    kept = json.loads(path.read_text())
    if kept["minutes"] != chosen.minutes:
        raise SystemExit(f"{path}: of a budget of {kept['minutes']} minutes; give --minutes {kept['minutes']} or --out")
    return int(kept["epochs"])


def step_seconds(config: Config, stage: Stage, data: Path) -> float:
    """Processor time of a training step, every turn of it."""
    family = get_family(config.model.name)
    scenes = open_split(data, "train", family.reads, 1)
    plan = training_plan(PlanRequest(len(scenes), 1, True, stage.batch_size), 1, 0, 0)
    batch = next(iter(streaming_batches(scenes, plan, 0)))
    assert batch.images is not None
    network = family.build(config, len(scenes.classes), scenes.shape, pretrained=False).train()
    trained = [[p for module in turn.modules(network) for p in module.parameters()] for turn in stage.turns]
    optimizers = [turn.optimizer(own) for turn, own in zip(stage.turns, trained, strict=True)]
    began = 0.0
    for number in range(1 + TIMED_STEPS):
        began = time.process_time() if number == 1 else began  # the first step makes buffers
        inputs = Inputs(images=batch.images.float() / 255.0, extras=batch.extras)
        network.requires_grad_(requires_grad=True)
        step = Step(network, inputs, network(inputs, stage.wanted), batch.labels, {})
        for turn, optimizer in zip(stage.turns, optimizers, strict=True):
            network.requires_grad_(requires_grad=False)
            for module in turn.modules(network):
                module.requires_grad_(requires_grad=True)
            loss = turn.loss(step)
            optimizer.zero_grad()
            (loss.total if isinstance(loss, Losses) else loss).backward()
            optimizer.step()
    return (time.process_time() - began) / TIMED_STEPS


def run(name: str, seed: int, epochs: int, chosen: argparse.Namespace) -> None:
    """Train and score one network, unless its scores are there."""
    folder = chosen.out / f"{name}_{seed}"
    if (folder / "scores.json").is_file():
        return
    print(f"{name}, seed {seed}, {epochs} epochs", flush=True)
    trained = fit(configuration(name, seed, epochs), chosen.data, folder, CPU, print)
    write_text(folder / "scores.json", json.dumps(score(trained, open_scenes(trained, chosen.test, "test"))))


def score(trained: TrainedModel, scenes: SceneList) -> dict[str, Any]:
    """The scores of `scenetrain evaluate`, of the likeliest labels alone, which takes a fraction of the time."""
    main = trained.family.main
    curve = IoUCurve(len(trained.classes))
    plan = validation_plan(PlanRequest(len(scenes), 1, True, 4))
    for batch in streaming_batches(scenes, plan, 0):
        assert batch.images is not None
        with torch.inference_mode():
            answers = trained.model(Inputs(images=batch.images.float() / 255.0), (main.name,))
        curve.update_labels(main.likeliest_labels(answers[main.name]), batch.labels)
    found = curve.at(ONE_HOT)
    classes = dict(zip(trained.classes, found.classes, strict=True))
    return {"macro": found.macro, "overall": found.overall, "classes": classes}


def table(chosen: argparse.Namespace, epochs: Mapping[str, int]) -> str:
    """Markdown: mean and spread over the seeds that are there."""
    rows = [
        f"{chosen.minutes:g} minutes of processor time each; mean over seeds (lowest to highest).",
        "",
        "| network | epochs | seeds | mean IoU over classes | IoU of all classes together |",
        "|---|---|---|---|---|",
    ]
    for name in chosen.networks:
        found = [json.loads(path.read_text()) for path in sorted(chosen.out.glob(f"{name}_?/scores.json"))]
        if found:
            cells = (spread([one[key] for one in found]) for key in ("macro", "overall"))
            rows.append(f"| {name} | {epochs[name]} | {len(found)} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def spread(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    main()
