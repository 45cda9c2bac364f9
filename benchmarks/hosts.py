"""The same scenes by several Blenders: processor time per image, and how their images and labels differ.

    python benchmarks/hosts.py --scenes 1 --quality standard .venv/bin/python .venv-3.13/bin/python /usr/bin/blender

A host is a Python with a bpy package, or a Blender. Each makes a draft scene, which compiles what its Python has not
compiled yet, then the scenes, and then starts once more with nothing left to make: the difference of the last two is
what the scenes took.
The first host is the one that the others are compared with.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scenegen.core.asset_library import default_library

SCRIPT = Path(__file__).parents[1] / "blender_scripts" / "generate.py"
VISIBLE = 8
"""Levels of 255 by which a channel of a pixel has to differ to count."""


@dataclass(frozen=True)
class Result:
    """A host's version, its processor seconds to start and per image, and the folder that it wrote."""

    version: str
    start: float
    per_image: float
    out: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hosts", nargs="+", help="a Python with bpy, or a Blender")
    parser.add_argument("--scenes", type=int, default=1)
    parser.add_argument("--quality", default="standard", choices=("draft", "standard", "high"))
    parser.add_argument("--assets", type=Path, default=default_library(), help="prepared library (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = [
            measure(host, Path(folder, str(number)), options.scenes, options.quality, options.assets)
            for number, host in enumerate(options.hosts)
        ]
        print("| Blender | CPU-s to start | CPU-s per image | pixels that differ | mean difference | labels |")
        print("|---|---|---|---|---|---|")
        for result in results:
            differ, mean = image_difference(results[0].out, result.out)
            same = "equal" if labels(result.out) == labels(results[0].out) else "DIFFERENT"
            times = f"{result.start:.1f} | {result.per_image:.1f}"
            print(f"| {result.version} | {times} | {differ:.1%} | {mean:.2f} | {same} |")


def measure(host: str, out: Path, scenes: int, quality: str, assets: Path, preset: str = "studio") -> Result:
    """Make the scenes on one host, on the CPU; `preset` is a name or a file."""
    command = [host, str(SCRIPT)] if "python" in Path(host).name else [host, "-b", "-P", str(SCRIPT)]
    command += ["--", "--device", "cpu", "--assets", str(assets), "--preset", preset]
    run([*command, "--scenes", "1", "--quality", "draft", "--out", str(out.with_name(f"{out.name}_draft"))])
    command += ["--scenes", str(scenes), "--quality", quality, "--out", str(out)]
    made, nothing_made = run(command), run(command)
    version = json.loads((out / "dataset.json").read_text(encoding="utf-8"))["blender"][0]
    images = len(list(out.glob("scenes/*/image_*.png")))
    return Result(version, nothing_made, (made - nothing_made) / images, out)


def run(command: list[str]) -> float:
    """Run a command; the processor seconds that it took."""
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def pictures(out: Path) -> Iterator[NDArray[np.int16]]:
    for path in sorted(out.glob("scenes/*/image_*.png")):
        yield np.asarray(Image.open(path)).astype(np.int16)


def image_difference(out: Path, other: Path) -> tuple[float, float]:
    """The share of pixels that differ by more than VISIBLE levels, and the mean difference in levels."""
    gaps = [np.abs(a - b) for a, b in zip(pictures(out), pictures(other), strict=True)]
    return (
        float(np.mean([(gap.max(axis=-1) > VISIBLE).mean() for gap in gaps])),
        float(np.mean([g.mean() for g in gaps])),
    )


def labels(out: Path) -> dict[str, bytes]:
    """All files of the scenes but the images."""
    files = (path for path in sorted(out.glob("scenes/*/*")) if not path.name.startswith("image_"))
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


if __name__ == "__main__":
    main()
