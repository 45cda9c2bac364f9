"""Our generator and BlenderProc on the same scenes, one after the other: scenes an hour, what is not Cycles, memory.

    python benchmarks/throughput.py --blenderproc CHECKOUT --python PEER_PYTHON [--scenes 10] [--growth 200]

CHECKOUT is BlenderProc's source; PEER_PYTHON an interpreter whose environment has bpy 4.2.0 and what BlenderProc
needs (`pip install bpy==4.2.0` and the packages of its DefaultConfig.py). Same models (for BlenderProc as .blend files,
the form it loads fastest, made beforehand), rooms, lamps, cameras, resolution, samples and bounces; OpenImageDenoise
for both; depth and instance maps for both. Our time also holds the layout and all voxel labels. BlenderProc runs
twice: as its own interface denoises (in the compositor), and with Cycles' settings made equal to ours by hand.

"Cycles" is what Cycles itself reports in every image, its synchronization included. The first scene of each is left
out. With --growth, that many scenes of 32 pixels show whether time and memory stay flat.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Measured:
    """One run: seconds a scene, seconds of these in Cycles, resident megabytes after each scene and at most."""

    name: str
    seconds: Sequence[float]
    cycles: Sequence[float]
    resident: Sequence[float]
    peak: float

    @property
    def outside(self) -> float:
        """Mean seconds a scene that are not Cycles'."""
        return mean(self.seconds[1:]) - mean(self.cycles[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blenderproc", type=Path, required=True, help="a checkout of BlenderProc")
    parser.add_argument("--python", type=Path, required=True, help="the interpreter that BlenderProc runs in")
    parser.add_argument("--assets", type=Path, help="prepared library")
    parser.add_argument("--scenes", type=int, default=10)
    parser.add_argument("--quality", default="standard")
    parser.add_argument("--growth", type=int, default=0, help="scenes of 32 pixels for the second part; 0: none")
    options = parser.parse_args()
    compare(options, options.scenes, 0)
    if options.growth:
        compare(options, options.growth, 32)


def compare(options: argparse.Namespace, scenes: int, pixels: int) -> None:
    """Run both on `scenes` scenes and print their figures; `pixels` 0 leaves the preset's resolution."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        arguments = ["--scenes", str(scenes + 1), "--quality", options.quality, "--pixels", str(pixels)]
        if options.assets:
            arguments += ["--assets", str(options.assets.absolute())]
        peer = [options.python, HERE / "throughput_peer.py", "--blenderproc", options.blenderproc, *arguments]
        ours = measure("scenegen", [sys.executable, HERE / "throughput_ours.py", *arguments], work)
        call([*peer, "--prepare"], work)
        theirs = measure("BlenderProc", peer, work)
        equal = measure("BlenderProc, equal Cycles", [*peer, "--equal"], work)
    print(f"\n{scenes} scenes after one that warms up, {pixels or 'preset'} pixels, {options.quality}")
    print(f"{'':28}{'s a scene':>10}{'Cycles':>8}{'rest':>8}{'scenes/h':>10}{'peak MB':>9}")
    for run in (ours, theirs, equal):
        each = mean(run.seconds[1:])
        print(
            f"{run.name:28}{each:10.2f}{mean(run.cycles[1:]):8.2f}{run.outside:8.3f}{3600 / each:10.0f}{run.peak:9.0f}"
        )
    for run in (theirs, equal):
        faster = mean(run.seconds[1:]) / mean(ours.seconds[1:])
        rest = run.outside / ours.outside
        print(f"against {run.name}: {faster:.2f} times the scenes an hour, {rest:.1f} times less outside Cycles")
    if scenes >= 40:
        for run in (ours, theirs, equal):
            early, late = mean(run.seconds[6:16]), mean(run.seconds[-10:])
            print(
                f"{run.name:28} scenes 6-15 {early:.3f} s, last ten {late:.3f} s ({late / early:.2f} times); "
                f"resident {run.resident[10]:.0f} MB after scene 10, {run.resident[-1]:.0f} MB at the end"
            )


def measure(name: str, command: Sequence[str | Path], work: Path) -> Measured:
    """Run one side, which writes its figures to work/figures.json."""
    call(command, work)
    body = json.loads((work / "figures.json").read_text(encoding="utf-8"))
    return Measured(name, body["seconds"], body["cycles"], body["resident"], body["peak"])


def call(command: Sequence[str | Path], work: Path) -> None:
    environment = {**os.environ, "USE_EXTERNAL_BPY_MODULE": "1"}
    log = work / "log.txt"
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run([*map(str, command), "--work", str(work)], env=environment, stdout=output, stderr=output)
    if done.returncode:
        sys.exit(f"{command[1]} failed:\n" + log.read_text(encoding="utf-8")[-5000:])


def cycles_seconds(path: Path) -> float:
    """What Cycles says in a PNG file that it took, synchronization included."""
    from PIL import Image

    with Image.open(path) as image:
        hours, minutes, seconds = f"0:{image.info['cycles.ViewLayer.total_time']}".split(":")[-3:]
    return 3600 * float(hours) + 60 * float(minutes) + float(seconds)


def resident_megabytes() -> float:
    """Resident memory of this process (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


if __name__ == "__main__":
    main()
