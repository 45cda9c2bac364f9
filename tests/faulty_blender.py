"""Stands in for blender_scripts/generate.py where a test needs faults on order: speaks its protocol, dies when told.

The file OUT/../faults.json maps a scene's index to what happens at its tries, in order: "die", "segfault", "hang",
"refuse" (an answer that says no) or "write_then_die". A scene without an entry is made.
"""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seed", type=int)
    args, _ = parser.parse_known_args(sys.argv[sys.argv.index("--") + 1 :])
    print("noise that a Blender prints", flush=True)
    for line in sys.stdin:
        index = json.loads(line)["index"]
        fault = next_fault(args.out.parent / "faults.json", index)
        if fault == "die":
            print(f"dying at scene {index}", flush=True)
            os._exit(3)
        if fault == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if fault == "hang":
            threading.Event().wait()
        if fault == "refuse":
            print("@scenegen " + json.dumps({"index": index, "ok": False, "error": "no such light"}), flush=True)
            continue
        write(args.out, index, f"{args.seed}/{index}")
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


def write(out: Path, index: int, content: str) -> None:
    staging = out / "scenes" / f".writing-{index:06d}-host-{os.getpid()}"
    staging.mkdir()
    (staging / "scene.json").write_text(content)
    staging.rename(out / "scenes" / f"scene_{index:06d}")


main()
