"""CPU seconds per scene of every export format: python benchmarks/export.py DATA ASSETS [SCENES].

One process; the second half of the scenes is measured, so that compilers and models are loaded.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import UsageError
from scenegen.steps.exchange.export import FORMATS
from scenegen.steps.exchange.survey import ExportJob, survey_scene


def measure(data: Path, assets: Path, form: str, scenes: int) -> float:
    """CPU seconds per scene of a format."""
    dataset = Dataset(data)[:scenes]
    surveys = [survey_scene(stored) for stored in dataset]
    with tempfile.TemporaryDirectory() as folder:
        writer = FORMATS[form].start(ExportJob(dataset, Path(folder), surveys, assets))
        half = len(dataset) // 2
        for stored in dataset[:half]:
            writer.write_scene(stored)
        start = time.process_time()
        for stored in dataset[half:]:
            writer.write_scene(stored)
        return (time.process_time() - start) / (len(dataset) - half)


def main() -> None:
    if len(sys.argv) < 3:
        print("skipped: name a data set and its library, python benchmarks/export.py DATA ASSETS [SCENES]")
        return
    data, assets = Path(sys.argv[1]), Path(sys.argv[2])
    scenes = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    for form, each in FORMATS.items():
        if each.needs_maps and not Dataset(data).maps:
            continue
        try:
            print(f"{form:15} {measure(data, assets, form, scenes):.3f} s", flush=True)
        except UsageError as error:
            print(f"{form:15} {error}", flush=True)


if __name__ == "__main__":
    main()
