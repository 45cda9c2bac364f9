"""Stands in for blender_scripts/generate.py where a test needs faults: speaks its protocol, dies on order.

The file OUT/../faults.json maps a scene's index to what happens at its tries, in order: "die", "segfault", "hang",
"refuse" (an answer that says no), "write_then_die", "slow" (by a second) or "grow" (by 300 MB). A scene without an
entry is made: labels of noise from its seed and index, written as Blender writes them. OUT/../cores_PID has the numbers
of the cores that the process was kept on.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from scenegen.core.parent import die_with_parent

from helpers.box_scenes import CLASSES, GRID, make_box_scene, write_images
from helpers.labelled_scenes import SceneLabels, write_scene


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args, _ = parser.parse_known_args(sys.argv[sys.argv.index("--") + 1 :])
    die_with_parent()
    print("noise that a Blender prints", flush=True)
    weight = []
    for line in sys.stdin:
        index = json.loads(line)["index"]
        if hasattr(os, "sched_getaffinity"):
            (args.out.parent / f"cores_{os.getpid()}").write_text(json.dumps(sorted(os.sched_getaffinity(0))))
        fault = next_fault(args.out.parent / "faults.json", index)
        if fault == "die":
            print(f"dying at scene {index}", flush=True)
            os._exit(3)
        if fault == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if fault == "hang":
            threading.Event().wait()
        if fault == "slow":
            threading.Event().wait(1)
        if fault == "grow":
            weight.append(np.ones(300 * 2**20, np.uint8))
        if fault == "refuse":
            print("@scenegen " + json.dumps({"index": index, "ok": False, "error": "no such light"}), flush=True)
            continue
        write(args.out, args.seed, index)
        if fault == "write_then_die":
            os._exit(3)
        answer = {"index": index, "ok": True, "seconds": {"render": 0.25, "write": 0.01}, "peak_mb": 100.0}
        print("Fra:1 Mem:10M @scenegen " + json.dumps(answer), flush=True)


def next_fault(faults: Path, index: int) -> str | None:
    """Take the first fault left for a scene."""
    body = json.loads(faults.read_text()) if faults.exists() else {}
    mine = body.get(str(index), [])
    tried = faults.parent / f"tries_{index}"
    number = len(tried.read_text()) if tried.exists() else 0
    with tried.open("a") as file:
        file.write("x")
    return mine[number] if number < len(mine) else None


def write(out: Path, seed: int, index: int) -> None:
    random = np.random.default_rng((seed, index))
    pixels = [random.integers(0, 7, (3, 96, 96), np.uint16) for _ in range(2)]
    masks = random.random((*GRID.shape, len(CLASSES))) < 0.01
    frusta = tuple(random.integers(0, 7, (3, 40, 40, 40), np.uint8))
    labels = SceneLabels(masks.any(axis=-1), masks, frusta, tuple(pixels[0]), tuple(pixels[1]), ((0,) * 3,) * 6)
    with tempfile.TemporaryDirectory() as folder:
        write_scene(out, make_box_scene(index), write_images(Path(folder), labels), labels)


if __name__ == "__main__":
    main()
