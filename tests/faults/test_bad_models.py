"""Models that crash a real Blender or make it hang: their scenes are tried again, then set aside."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections import Counter
from pathlib import Path

from helpers.fault_runs import HERE, blenders, command, contents, running
from scenegen.core.dataset.folders import finished_indices
from scenegen.core.dataset.reading import Dataset

SCENES = 6


def test_a_model_that_crashes_and_one_that_hangs(calm_run: Path, tmp_path: Path, box_library: Path) -> None:
    out = tmp_path / "out"
    shown = {scene.index: {item.asset for item in scene.objects} for scene in Dataset(calm_run)}
    scenes_of = Counter(asset for assets in shown.values() for asset in assets)
    bad = min(scenes_of, key=lambda asset: (scenes_of[asset], asset))
    doomed = {index for index, assets in shown.items() if bad in assets}
    slow = min(asset for index in set(shown) - doomed for asset in shown[index])
    (tmp_path / "models.json").write_text(json.dumps({bad: "segfault", slow: "hang"}))
    environment = {
        **os.environ,
        "SCENEGEN_TEST_TIMEOUT": "10",
        "SCENEGEN_TEST_SCRIPT": str(HERE / "faulty_model.py"),
    }
    arguments = command(out, box_library, SCENES, "--workers", "2")
    with running(arguments, env=environment) as process:
        _, said = process.communicate(timeout=240)
    assert process.returncode == 1
    assert "Traceback" not in said.splitlines()[-1]
    assert finished_indices(out) == set(shown) - doomed
    assert (tmp_path / f"hung_{slow}").exists()
    assert not blenders(out)
    report = json.loads((out / "report.json").read_text())
    assert [entry["scene"] for entry in report["set_aside"]] == sorted(doomed)
    aside = report["set_aside"][0]
    assert (aside["seed"], aside["tries"], aside["error"]) == (0, 3, "Blender died (signal 11)")
    (tmp_path / "models.json").unlink()
    subprocess.run(aside["command"], shell=True, check=True, capture_output=True)
    assert aside["scene"] in finished_indices(out)
    subprocess.run(command(out, box_library, SCENES, fake=False), check=True, capture_output=True)
    assert contents(out) == contents(calm_run)
    assert shlex.split(aside["command"])[1] == json.dumps({"index": aside["scene"]})
