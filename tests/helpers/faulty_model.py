"""The real entry into Blender, with models that harm it: OUT/../models.json maps their names to "segfault" or "hang".

A model named "hang" does so once, and only SIGKILL ends it; one named "segfault" always crashes Blender.
"""

import ctypes
import json
import runpy
import sys
from pathlib import Path

ENTRY = Path(__file__).parents[2] / "blender_scripts" / "generate.py"


def harm() -> None:
    from blender_scripts.build.asset_cache import AssetCache

    faults = Path(sys.argv[sys.argv.index("--out") + 1]).parent / "models.json"
    kinds = json.loads(faults.read_text()) if faults.exists() else {}
    load = AssetCache._get

    def get(self: AssetCache, name: str) -> object:
        if kinds.get(name) == "segfault":
            ctypes.string_at(0)
        hung = faults.with_name(f"hung_{name}")
        if kinds.get(name) == "hang" and not hung.exists():
            hung.touch()
            ctypes.PyDLL(None).sleep(10_000)  # with Python's lock held
        return load(self, name)

    AssetCache._get = get  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    sys.path[:0] = [str(ENTRY.parents[1]), str(ENTRY.parents[1] / "generator")]
    harm()
    sys.argv[0] = str(ENTRY)
    runpy.run_path(str(ENTRY), run_name="__main__")
