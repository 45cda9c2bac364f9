"""One Blender that makes scene after scene."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.blender_assets import write_preset
from scenegen.core.asset_library import list_assets
from scenegen.core.dataset.request import Request, Resources
from scenegen.core.preset.preset_file import load_preset

bpy = pytest.importorskip("bpy", reason="needs the bpy wheel")

from blender_scripts.serve import scene_maker  # noqa: E402
from blender_scripts.serve.scene_maker import SceneMaker  # noqa: E402


def files(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def test_an_empty_file_in_between_changes_nothing(
    tmp_path: Path, box_library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = load_preset(str(write_preset(tmp_path / "tiny.toml")))
    made, left = [], []
    for scenes_a_file in (100, 1):
        monkeypatch.setattr(scene_maker, "SCENES_A_FILE", scenes_a_file)
        out = tmp_path / f"{scenes_a_file}"
        (out / "scenes").mkdir(parents=True)
        request = Request(preset.name, out, quality="draft", device="cpu", assets=box_library)
        with SceneMaker(request, preset, list_assets(box_library, "train"), Resources(threads=1)) as maker:
            for index in range(3):
                maker.make(index)
        made.append(files(out))
        left.append(len(bpy.data.meshes))
    assert len(made[0]) == 3 * 16
    assert made[0] == made[1]
    assert left[0] > 0 == left[1]
