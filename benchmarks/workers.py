"""One Blender with all cores against one a core: scenes per minute, start included, in turns on the same scenes.

    python benchmarks/workers.py [--scenes 12] [--rounds 2] [--quality standard] [--assets DIR]

Exits with 1 when the two do not make the same labels.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path

from scenegen.devices import plan_workers
from scenegen.generate import Outcome, Request, cores, generate
from scenegen.stats import read_timings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--quality", default="standard")
    parser.add_argument("--assets", type=Path)
    options = parser.parse_args()
    counts = (1, cores())
    rates: dict[int, list[float]] = {count: [] for count in counts}
    labels: dict[int, str] = {}
    for _ in range(options.rounds):
        for count in counts:
            with tempfile.TemporaryDirectory() as folder:
                outcome = run(Path(folder), count, options)
                rates[count].append(60 * outcome.made / outcome.seconds)
                labels[count] = checksum(outcome.out)
                stages = ", ".join(f"{stage} {s:.2f}" for stage, s in read_timings(outcome.out).items())
                print(f"{count} workers: {rates[count][-1]:.2f} scenes/min; mean seconds: {stages}", flush=True)
    one, many = (max(rates[count]) for count in counts)
    same = len(set(labels.values())) == 1
    print(f"{cores()} cores, {options.scenes} scenes at {options.quality}, best of {options.rounds}")
    print(
        f"1 worker {one:.2f}, {counts[1]} workers {many:.2f} scenes/min: {many / one:.2f} times; labels equal: {same}"
    )
    print(f"default: {plan_workers(Request('', Path(), 1, device='cpu'), {}, cores()).workers}")
    return 0 if same else 1


def run(folder: Path, workers: int, options: argparse.Namespace) -> Outcome:
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
