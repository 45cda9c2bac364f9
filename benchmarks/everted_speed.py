"""Processor time of the Everted U-Net's training steps and inference, beside torch's own layers, in one run.

    python benchmarks/everted_speed.py [--threads 2] [--repeats 3] [--config tiny] [--set K=V] [--more]

"ours" is what the network runs. "plain" has torch's own transposed convolutions and heads, and a loss that computes
both log p and log (1 - p) of every voxel. --more adds the whole network in channels-last layout, in bfloat16, and
compiled (a C++ compiler must be there). Times are seconds of all threads and of the clock, the least of the repeats.
Set OMP_WAIT_POLICY=PASSIVE, as the command line does, or waiting threads count as work. Parameters are random.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from scenetrain.blocks.fusion import FusedViews, LogProbabilities, fused_bce
from scenetrain.blocks.layers import Doubling3d, Pointwise3d
from scenetrain.networks.contract import Inputs, Stage
from scenetrain.networks.everted.family import FAMILY
from scenetrain.networks.settings import load_config
from scenetrain.training.fit import lay_channels_last
from scenetrain.training.hardware import Hardware, open_hardware
from torch import nn

CLASSES, GRID, IMAGE, FEATURES = 6, (80, 96, 64), 224, 28


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--config", default="tiny")
    parser.add_argument("--set", dest="changes", action="append", default=[])
    parser.add_argument("--more", action="store_true")
    options = parser.parse_args()
    open_hardware(Hardware("cpu"))
    torch.set_num_threads(options.threads)
    config = load_config(options.config, ("model.weights=none", *options.changes), FAMILY.name)
    print(f"PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {options.threads} threads\n")
    print("| | form | CPU s | of plain's | s | loss |\n|---|---|---:|---:|---:|---:|")
    forms = ("plain", "ours", *(("channels last", "bfloat16", "compiled") if options.more else ()))
    for stage in (*FAMILY.stages(config), None):
        first = 0.0
        for form in forms:
            if stage is None and form == "compiled":
                continue
            torch.manual_seed(0)
            network = FAMILY.build(config, CLASSES, GRID, pretrained=False)
            run = inference(network, form) if stage is None else step(network, stage, form)
            cpu, clock, loss = least(run, options.repeats)
            first = first or cpu
            name = "inference of three views" if stage is None else f"step of `{stage.name}`"
            print(f"| {name} | {form} | {cpu:.2f} | {cpu / first:.2f} | {clock:.2f} | {loss:.6f} |", flush=True)
    return 0


def least(run: Callable[[], float], repeats: int) -> tuple[float, float, float]:
    """The least processor seconds and seconds of a run, after one to warm up, and what the last gave."""
    value, cpu, clock = run(), [], []
    for _ in range(repeats):
        began = time.process_time(), time.perf_counter()
        value = run()
        cpu.append(time.process_time() - began[0])
        clock.append(time.perf_counter() - began[1])
    return min(cpu), min(clock), value


def step(network: Any, stage: Stage, form: str) -> Callable[[], float]:
    """A training step of random features and labels: forward, loss, backward, optimizer."""
    shape(network, form)
    (turn,) = stage.turns
    network.requires_grad_(False).eval()
    for module in turn.modules(network):
        module.requires_grad_(True).train()
    optimizer = turn.optimizer([p for p in network.parameters() if p.requires_grad])
    torch.manual_seed(1)
    inputs = Inputs(
        features=torch.randn(stage.batch_size, stage.views, network.backbone.channels, FEATURES, FEATURES).relu_()
    )
    labels = (torch.rand(stage.batch_size, *GRID) < 0.01).to(torch.uint8)
    truth = {output.name: output.truth(labels, CLASSES) for output in FAMILY.outputs}
    (wanted,) = stage.wanted

    forward = torch.compile(network) if form == "compiled" else network

    def run() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=form == "bfloat16"):
            answer = forward(inputs, stage.wanted)[wanted]
            if form == "plain":
                answer = LogProbabilities(answer.occupied, answer.free)
            total = fused_bce(answer, truth[wanted])
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        return total.item()

    return run


def inference(network: Any, form: str) -> Callable[[], float]:
    """Three images to the probabilities of both outputs; their mean."""
    shape(network.eval(), form)
    images = Inputs(torch.rand(1, 3, 3, IMAGE, IMAGE))

    @torch.inference_mode()
    def run() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=form == "bfloat16"):
            answers: dict[str, FusedViews] = network(images)
            if form == "plain":
                answers = {name: LogProbabilities(one.occupied, one.free) for name, one in answers.items()}  # type: ignore[misc]
            return sum(one.occupied.exp().mean().item() for one in answers.values())

    return run


def shape(network: nn.Module, form: str) -> None:
    """Torch's own layers for "plain", another layout for "channels last"."""
    if form == "channels last":
        lay_channels_last(network)
    if form not in ("plain", "channels last"):
        return
    for module in network.modules():
        # the forward of the class that torch has
        if isinstance(module, Doubling3d):
            module.forward = nn.ConvTranspose3d.forward.__get__(module)  # type: ignore[method-assign]
        if isinstance(module, Pointwise3d):
            module.forward = nn.Conv3d.forward.__get__(module)  # type: ignore[method-assign]


if __name__ == "__main__":
    raise SystemExit(main())
