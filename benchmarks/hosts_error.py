"""Blenders compared at equal error: what an image costs on each, and how far it is from the same host's long render.

    python benchmarks/hosts_error.py --pixels 96 .venv/bin/python .venv-3.13/bin/python

A host is a Python with a bpy package, or a Blender. Each makes the same studio scene at quality standard (16 samples
and OpenImageDenoise where it has that), and once more with --reference samples and no denoiser. Prints processor
seconds per image, without the start, and the root mean square difference of the two in levels of 255.
"""

from __future__ import annotations

import argparse
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

if __name__ == "__main__" and "--" in sys.argv:  # inside a Blender: the long render
    ROOT = Path(__file__).parents[1]
    sys.path[:0] = [str(ROOT), str(ROOT / "generator")]
    from blender_scripts.render import cycles

    samples = int(sys.argv.pop(sys.argv.index("--") + 1))
    bounces = cycles.QUALITIES["standard"].bounces
    cycles.QUALITIES["standard"] = cycles.Quality(samples, samples, bounces)

    def without_denoiser(settings: Any) -> bool:
        settings.use_denoising = False
        return False

    vars(cycles)["use_denoiser"] = without_denoiser
    runpy.run_path(str(ROOT / "blender_scripts" / "generate.py"), run_name="__main__")
    sys.exit()

import numpy as np
from hosts import measure, pictures, run  # type: ignore[import-not-found]
from scenegen.core.asset_library import default_library
from scenegen.core.preset.preset_file import preset_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hosts", nargs="+", help="a Python with bpy, or a Blender")
    parser.add_argument("--pixels", type=int, default=96, help="width and height of the images (%(default)s)")
    parser.add_argument(
        "--reference", type=int, default=512, metavar="SAMPLES", help="of the long render (%(default)s)"
    )
    parser.add_argument("--assets", type=Path, default=default_library(), help="prepared library (%(default)s)")
    options = parser.parse_args()
    print("| Blender | CPU-s per image | CPU-s per image, long | error in levels of 255 |")
    print("|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        preset = Path(folder, "small.toml")
        text = preset_text("studio")
        sized = f"image_size = [{options.pixels}, {options.pixels}]"
        preset.write_text(text.replace("image_size = [224, 224]", sized), encoding="utf-8")
        for number, host in enumerate(options.hosts):
            out = Path(folder, str(number))
            short = measure(host, out, 1, "standard", options.assets, str(preset))
            command = [host, __file__] if "python" in Path(host).name else [host, "-b", "-P", __file__]
            command += ["--", str(options.reference), "--device", "cpu", "--assets", str(options.assets)]
            command += ["--preset", str(preset), "--scenes", "1", "--out", str(out.with_name(f"{number}_long"))]
            seconds = run(command) - short.start
            true = list(pictures(out.with_name(f"{number}_long")))
            gaps = [(a - b).astype(float) for a, b in zip(pictures(out), true, strict=True)]
            error = np.sqrt(np.mean([np.square(gap).mean() for gap in gaps]))
            times = f"{short.per_image:.1f} | {seconds / len(true):.1f}"
            print(f"| {short.version} | {times} | {error:.2f} |", flush=True)


if __name__ == "__main__":
    main()
