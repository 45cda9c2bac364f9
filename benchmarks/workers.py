"""How scenes a minute grow with cores and Blenders, start included, in turns on the same scenes.

One Blender on one core, one with all cores, one a core.

    python benchmarks/workers.py [--scenes 12] [--rounds 2] [--quality standard] [--assets DIR]

Exits with 1 when the two do not make the same labels.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scenegen.blender.cores import cores
from scenegen.generate.generate import GenerateResult, Request, generate
from scenegen.steps.stats import read_timings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--quality", default="standard")
    parser.add_argument("--assets", type=Path)
    options = parser.parse_args()
    ways = {"1 worker on 1 core": (1, 1), "1 worker": (1, cores()), f"{cores()} workers": (cores(), cores())}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    labels: dict[str, str] = {}
    for _ in range(options.rounds):
        for way, (workers, share) in ways.items():
            with tempfile.TemporaryDirectory() as folder, only_cores(share):
                result = run(Path(folder), workers, options)
                rates[way].append(60 * result.made / result.seconds)
                labels[way] = checksum(result.out)
                stages = ", ".join(f"{stage} {s:.2f}" for stage, s in read_timings(result.out).items())
                print(f"{way}: {rates[way][-1]:.2f} scenes/min; mean seconds: {stages}", flush=True)
    best = {way: max(found) for way, found in rates.items()}
    least = best["1 worker on 1 core"]
    same = len(set(labels.values())) == 1
    print(f"{options.scenes} scenes at {options.quality}, best of {options.rounds}; labels equal: {same}")
    for way, rate in best.items():
        print(f"{way:20} {rate:6.2f} scenes/min, {rate / least:.2f} times")
    return 0 if same else 1


@contextmanager
def only_cores(count: int) -> Iterator[None]:
    """This process and what it starts on the first `count` of its cores."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def run(folder: Path, workers: int, options: argparse.Namespace) -> GenerateResult:
    request = Request(
        "studio", folder / "out", options.scenes, workers=workers, quality=options.quality, device="cpu",
        assets=options.assets,
    )  # fmt: skip
    return generate(request, lambda *_, **__: None)


def checksum(out: Path) -> str:
    """Of all labels of all scenes."""
    total = hashlib.sha256()
    for path in sorted((out / "scenes").rglob("*")):
        if path.is_file() and not path.name.startswith("image_"):
            total.update(path.read_bytes())
    return total.hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())
