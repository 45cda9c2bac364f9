"""Speed and memory of SSZ beside its ancestor and beside the plain forms of its own layers, in one run.

    python benchmarks/ssz_speed.py [--threads 2] [--repeats 3]

Times are processor seconds of all threads, the least of the repeats. Parameters are random.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from scenetrain.blocks.inverted_residual import DepthwiseDouble
from scenetrain.data.reads import Extras
from scenetrain.networks.contract import Inputs, Losses, Step
from scenetrain.networks.registry import get_family
from scenetrain.networks.settings import load_config
from scenetrain.training.hardware import Hardware, open_hardware
from torch import Tensor, nn

CLASSES, GRID, IMAGE = 9, (128, 128, 128), 256


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    open_hardware(Hardware("cpu"))
    torch.set_num_threads(options.threads)
    print(f"PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {options.threads} threads\n")
    print("| one photograph to labels, full width | CPU s | of zgan's |\n|---|---:|---:|")
    seconds = {name: least(inference(name), options.repeats) for name in ("zgan", "ssz")}
    for name, value in seconds.items():
        print(f"| `{name}` | {value:.2f} | {value / seconds['zgan']:.2f} |")
    print("\n| a training step of `tiny`, four views | CPU s | of ours |\n|---|---:|---:|")
    ours = 0.0
    forms: dict[str, Callable[[nn.Module], nn.Module]] = {"ours": as_it_is, "default": default, "dense": dense}
    for form, change in forms.items():
        value = least(training_step("ssz", change), options.repeats)
        ours = ours or value
        print(f"| ssz, {form} | {value:.2f} | {value / ours:.2f} |", flush=True)
    value = least(training_step("zgan", as_it_is), options.repeats)
    print(f"| zgan | {value:.2f} | {value / ours:.2f} |")
    return 0


def least(run: Callable[[], Any], repeats: int) -> float:
    """The least processor seconds of a run, after one to warm up."""
    run()
    found = []
    for _ in range(repeats):
        began = time.process_time()
        run()
        found.append(time.process_time() - began)
    return min(found)


def inference(name: str) -> Callable[[], Tensor]:
    """One photograph to the likeliest label of every fruxel."""
    family = get_family(name)
    network = family.build(load_config(name, (), name), CLASSES, GRID, pretrained=False).eval()
    images = Inputs(torch.rand(1, 1, 3, IMAGE, IMAGE))

    @torch.inference_mode()
    def run() -> Tensor:
        return family.main.likeliest_labels(network(images, (family.main.name,))[family.main.name])

    return run


def training_step(name: str, change: Callable[[nn.Module], nn.Module]) -> Callable[[], None]:
    """All turns of a step of `tiny`: four views of two objects, random labels."""
    family, config = get_family(name), load_config("tiny", (), name)
    torch.manual_seed(0)
    network = change(family.build(config, CLASSES, GRID, pretrained=False)).train()
    (stage,) = family.stages(config)
    trained = [[p for module in turn.modules(network) for p in module.parameters()] for turn in stage.turns]
    optimizers = [turn.optimizer(own) for turn, own in zip(stage.turns, trained, strict=True)]
    inputs = Inputs(torch.rand(4, 1, 3, IMAGE, IMAGE), extras=two_objects(4))
    labels = torch.randint(0, 1 + CLASSES, (4, *GRID), dtype=torch.uint8)

    def run() -> None:
        network.requires_grad_(True)
        step = Step(network, inputs, network(inputs, stage.wanted), labels, {})
        for turn, own, optimizer in zip(stage.turns, trained, optimizers, strict=True):
            network.requires_grad_(False)
            for parameter in own:
                parameter.requires_grad_(True)
            loss = turn.loss(step)
            optimizer.zero_grad()
            (loss.total if isinstance(loss, Losses) else loss).backward()
            optimizer.step()

    return run


def two_objects(views: int) -> Extras:
    """Boxes of a metre before a camera in the world's origin."""
    poses = torch.eye(4).repeat(views, 2, 1, 1)
    poses[:, 0, :3, 3], poses[:, 1, :3, 3] = torch.tensor([0.5, 0.0, 4.0]), torch.tensor([-0.5, 0.0, 6.0])
    return Extras(
        world_to_camera=torch.eye(4).expand(views, 1, 4, 4),
        frustum=torch.tensor([1.4, 1.4, 0.5, 0.5, 2.0, 12.0]).expand(views, 1, 6),
        poses=poses,
        sizes=torch.ones(views, 2, 3),
        object_classes=torch.zeros(views, 2, dtype=torch.long),
        is_round=torch.zeros(views, 2, dtype=torch.bool),
        visible=torch.ones(views, 2, 1, dtype=torch.long),
    )


def as_it_is(network: nn.Module) -> nn.Module:
    return network


def default(network: nn.Module) -> nn.Module:
    """Transposed convolutions as torch computes them by default."""
    return _with_doubles(
        network, lambda channels: nn.ConvTranspose3d(channels, channels, 4, 2, 1, 0, channels, bias=False)
    )


def dense(network: nn.Module) -> nn.Module:
    """Every channel of a doubling sees all."""
    return _with_doubles(network, lambda channels: nn.ConvTranspose3d(channels, channels, 4, 2, 1, bias=False))


def _with_doubles(network: nn.Module, make: Callable[[int], nn.Module]) -> nn.Module:
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, DepthwiseDouble):
                setattr(module, name, make(child.in_channels))
    return network


if __name__ == "__main__":
    raise SystemExit(main())
