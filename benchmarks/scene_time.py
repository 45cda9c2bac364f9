"""Where a scene's time goes, and whether time and memory stay flat.

    python benchmarks/scene_time.py [--assets LIBRARY] [--scenes 4] [--many 200]

First the stages at quality standard, studio preset, in one process, after one scene that compiles and fills the
caches; "sync" is the part of "render" before Cycles traces its first ray, as Cycles itself reports it. Then seconds a
scene and resident memory on the way through many scenes with 32-pixel images.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scenegen.core.asset_library import default_library, list_assets
from scenegen.core.dataset.request import Request
from scenegen.core.preset.preset_file import load_preset

from blender_scripts.host.process import Notify, quiet_stdout
from blender_scripts.render import cycles as render
from blender_scripts.serve.scene_maker import STAGES, SceneMaker

NOT_CYCLES = tuple(stage for stage in STAGES if stage != "render")
synced: list[float] = []


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--assets", type=Path, default=default_library())
    parser.add_argument("--scenes", type=int, default=4)
    parser.add_argument("--many", type=int, default=200)
    options = parser.parse_args()
    notify = quiet_stdout()
    drop_metadata = render.drop_metadata

    def note_sync(path: Path) -> None:
        with Image.open(path) as image:
            minutes, seconds = image.info["cycles.ViewLayer.synchronization_time"].split(":")
        synced.append(60 * float(minutes) + float(seconds))
        drop_metadata(path)

    render.drop_metadata = note_sync
    with tempfile.TemporaryDirectory() as folder:
        request = Request("studio", Path(folder), device="cpu", assets=options.assets)
        preset, assets = load_preset("studio"), list_assets(options.assets, "train")
        (request.folder / "scenes").mkdir()
        with SceneMaker(request, preset, assets) as maker:
            time_stages(maker, options.scenes, notify)
        small = dataclasses.replace(preset, image_size=(32, 32))
        with SceneMaker(dataclasses.replace(request, quality="draft", seed=1), small, assets) as maker:
            grow(maker, options.many, notify)


def time_stages(maker: SceneMaker, scenes: int, notify: Notify) -> None:
    """Print seconds a scene and stage."""
    totals = dict.fromkeys(STAGES, 0.0)
    maker.make(scenes)
    synced.clear()
    for index in range(scenes):
        for stage, seconds in maker.make(index).items():
            totals[stage] += seconds / scenes
    whole = sum(totals.values())
    sync = sum(synced) / scenes
    notify(f"standard, {scenes} scenes of the studio preset:")
    for stage, seconds in [*totals.items(), ("sum", whole)]:
        notify(f"  {stage:8} {seconds:7.3f} s {seconds / whole:6.1%}")
    rest = sum(totals[stage] for stage in NOT_CYCLES)
    notify(f"  not Cycles: {rest / whole:.1%}, with sync ({sync:.2f} s, part of render) {(rest + sync) / whole:.1%}")


def grow(maker: SceneMaker, scenes: int, notify: Notify) -> None:
    """Print seconds a scene since the line before, and resident megabytes."""
    before = 0
    since = time.perf_counter()
    for number in range(1, scenes + 1):
        maker.make(1000 + number)
        if number == 10 or number % 100 == 0 or number == scenes:
            each = (time.perf_counter() - since) / (number - before)
            notify(f"  scenes {before + 1} to {number}: {each:.3f} s each, {resident_megabytes():.0f} MB at the end")
            before, since = number, time.perf_counter()


def resident_megabytes() -> float:
    """Resident memory of this process (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


if __name__ == "__main__":
    main()
