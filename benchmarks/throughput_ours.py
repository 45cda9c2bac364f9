"""Our side of throughput.py: scenes 0..N-1 in one process, as `scenegen generate` makes them."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scenegen.core.asset_library import default_library, list_assets
from scenegen.core.dataset.request import Request
from scenegen.core.look.variation_names import VARIATIONS
from scenegen.core.preset.preset_file import load_preset

from benchmarks.throughput import cycles_seconds, resident_megabytes
from blender_scripts.host.process import peak_megabytes, quiet_stdout
from blender_scripts.render import cycles as render
from blender_scripts.serve.scene_maker import SceneMaker


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--scenes", type=int, required=True)
    parser.add_argument("--quality", required=True)
    parser.add_argument("--pixels", type=int, required=True)
    parser.add_argument("--assets", type=Path, default=default_library())
    options = parser.parse_args()
    quiet_stdout()
    traced: list[float] = []
    drop_metadata = render.drop_metadata

    def note_cycles(path: Path) -> None:
        traced.append(cycles_seconds(path))
        drop_metadata(path)

    render.drop_metadata = note_cycles
    preset = load_preset("studio")
    if options.pixels:
        preset = dataclasses.replace(preset, image_size=(options.pixels, options.pixels))
    out = options.work / "ours"
    (out / "scenes").mkdir(parents=True)
    variation = tuple(kind for kind in VARIATIONS if kind != "noise")  # which BlenderProc does not add
    request = Request("studio", out, quality=options.quality, device="cpu", assets=options.assets, variation=variation)
    seconds, cycles, resident = [], [], []
    with SceneMaker(request, preset, list_assets(options.assets, "train")) as maker:
        for index in range(options.scenes):
            traced.clear()
            started = time.perf_counter()
            maker.make(index)
            seconds.append(time.perf_counter() - started)
            cycles.append(sum(traced))
            resident.append(resident_megabytes())
    figures = {"seconds": seconds, "cycles": cycles, "resident": resident, "peak": peak_megabytes()}
    (options.work / "figures.json").write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
