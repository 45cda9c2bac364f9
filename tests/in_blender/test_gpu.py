"""What a GPU renders, beside the processor. Skipped where Blender finds none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.blender_assets import write_preset
from PIL import Image
from scenegen.core.asset_library import list_assets
from scenegen.core.dataset.request import Request, Resources
from scenegen.core.preset.preset_file import load_preset

pytest.importorskip("bpy", reason="needs the bpy wheel")

from blender_scripts.host.compat import list_gpus
from blender_scripts.serve.scene_maker import SceneMaker


def make(out: Path, library: Path, device: str) -> tuple[Path, tuple[str, ...]]:
    """One scene rendered on a device: its folder, and the notes about the device."""
    (out / "scenes").mkdir(parents=True)
    preset = load_preset(str(write_preset(out / "tiny.toml")))
    request = Request(preset.name, out, quality="draft", device=device, assets=library, variation=())
    with SceneMaker(request, preset, list_assets(library, "train"), Resources(threads=1)) as maker:
        maker.make(0)
        return out / "scenes" / "scene_000000", maker.notes


@pytest.mark.gpu
def test_a_gpu_shows_the_same_scene_and_gives_the_same_labels(tmp_path: Path, box_library: Path) -> None:
    if not list_gpus():
        pytest.skip("Blender finds no GPU")
    (ours, _), (theirs, notes) = (make(tmp_path / device, box_library, device) for device in ("cpu", "auto"))
    assert not notes[0].startswith("rendering on cpu")
    for path in sorted(ours.iterdir()):
        other = theirs / path.name
        if not path.name.startswith("image_"):
            assert path.read_bytes() == other.read_bytes(), path.name
            continue
        images = [np.asarray(Image.open(picture), dtype=float) for picture in (path, other)]
        assert np.abs(images[0] - images[1]).mean() < 8
