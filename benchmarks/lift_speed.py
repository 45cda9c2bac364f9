"""Lift at full width beside Pix2Vox++/A: three images to the labels of 80 x 96 x 64 voxels, in turns in one run.

    python benchmarks/lift_speed.py [--threads 2] [--repeats 5]

Processor and wall seconds, the least of the repeats. Parameters and images are random.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from scenetrain.data.reads import Extras
from scenetrain.networks.contract import BenchScale, Inputs
from scenetrain.networks.registry import get_family
from scenetrain.networks.settings import load_config
from scenetrain.training.hardware import Hardware, open_hardware
from scenetrain.training.made_up import random_extras

NETWORKS = {"pix2vox_plus": "a", "lift": "lift"}
"""Family to configuration; the first is what the others are compared with."""
VIEWS, CLASSES, GRID = 3, 6, (80, 96, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    open_hardware(Hardware("cpu"))
    torch.set_num_threads(options.threads)
    runs = {name: inference(name, config) for name, config in NETWORKS.items()}
    for run in runs.values():
        run()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(options.repeats):
        for name, run in runs.items():
            before = (time.process_time(), time.perf_counter())
            run()
            found[name].append((time.process_time() - before[0], time.perf_counter() - before[1]))
    print(f"PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {options.threads} threads\n")
    first = next(iter(runs))
    print(f"| three images to labels | CPU s | of {first}'s | wall s |\n|---|---:|---:|---:|")
    least = {name: [min(column) for column in zip(*times, strict=True)] for name, times in found.items()}
    for name, (processor, wall) in least.items():
        print(f"| `{name}`, `{NETWORKS[name]}` | {processor:.2f} | {processor / least[first][0]:.2f} | {wall:.2f} |")


def inference(name: str, config: str) -> Callable[[], None]:
    """One room's images to its network's answers."""
    family = get_family(name)
    network = family.build(load_config(config, (), name), CLASSES, GRID, pretrained=False).eval()
    size = family.reads.image_size
    extras = Extras()
    if family.reads.extras_for == "network":
        extras = random_extras(family.reads, BenchScale(1, CLASSES, GRID), 1, VIEWS)
    inputs = Inputs(torch.rand(1, VIEWS, 3, size, size), extras=extras)
    wanted = tuple(output.name for output in family.outputs)

    @torch.inference_mode()
    def run() -> None:
        answers = network(inputs, wanted)
        for output in family.outputs:
            output.probabilities(answers[output.name])

    return run


if __name__ == "__main__":
    main()
