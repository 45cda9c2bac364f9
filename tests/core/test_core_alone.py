"""core runs inside any Blender: with the standard library, numpy, numba and pillow, and nothing else."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "generator" / "scenegen" / "core"

# Refuses every import but those named, as if nothing else were installed: numba and pillow then do without, too.
BLOCKER = """
import importlib.abc, sys

class Refuse(importlib.abc.MetaPathFinder):
    allowed = {"numpy", "numba", "llvmlite", "PIL", "scenegen"} | set(sys.stdlib_module_names)

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in self.allowed or (top == "scenegen" and (name + ".")[:14] not in ("scenegen.", "scenegen.core.")):
            raise ModuleNotFoundError(f"{name} is not there", name=name)

sys.meta_path.insert(0, Refuse())
"""

IMPORT_ALL = """
import importlib, json
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""

MAKE_A_SCENE = """
import dataclasses
from pathlib import Path
import numpy as np
from PIL import Image
from scenegen.core.asset_library import list_assets, read_mesh
from scenegen.core.dataset.credits import credit_entries, write_credits
from scenegen.core.dataset.reading import open_scene
from scenegen.core.dataset.writing import SceneWriter, write_labels
from scenegen.core.look.sensor_noise import add_noise
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset_file import load_preset

library, out = map(Path, sys.argv[1:])
assets = list_assets(library, "train")
scene = make_scene(load_preset("studio"), assets, 0, 0, "train")
used = [asset for asset in assets if asset.name in {o.asset for o in scene.objects}]
scene = dataclasses.replace(scene, extra={**scene.extra, "credits": credit_entries(used)})
write_credits(out, used)
(out / "scenes").mkdir()
meshes = {asset.name: read_mesh(asset) for asset in used}
with SceneWriter(out, 0) as writer:
    images = []
    for k, camera in enumerate(scene.cameras):
        pixels = add_noise(np.full((camera.height, camera.width, 3), 90, np.uint8), scene.look.noise, k)
        images.append(out / f"{k}.png")
        Image.fromarray(pixels).save(images[-1])
    writer.images(images)
    write_labels(writer, scene, {name: (mesh.vertices, mesh.faces) for name, mesh in meshes.items()})
    writer.finish(scene)

stored = open_scene(out, 0)
assert [dataclasses.replace(o, visible_pixels=()) for o in stored.objects] == list(scene.objects)
assert stored.occupancy.any() and (stored.masks.any(axis=-1) == stored.occupancy).all()
for k in range(len(scene.cameras)):
    assert stored.image(k).std() > 0 and stored.frustum(k).any() and stored.depth(k).any()
    visible = [o.visible_pixels[k] for o in stored.objects]
    assert visible == [int((stored.instance(k) == o.id + 1).sum()) for o in stored.objects]
    assert len(stored.objects_in_view(k)) >= sum(map(bool, visible))
print("made")
"""


def run(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", BLOCKER + code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def core_modules() -> list[str]:
    files = (file.relative_to(ROOT / "generator").with_suffix("") for file in sorted(CORE.rglob("*.py")))
    return [".".join(file.parts).removesuffix(".__init__") for file in files]


def test_every_module_of_core_imports_without_anything_else() -> None:
    modules = core_modules()
    assert len(modules) > 40
    loaded = json.loads(run(IMPORT_ALL, *modules))
    assert set(modules) <= set(loaded)
    assert not {name.partition(".")[0] for name in loaded} & {"scipy", "click", "psutil", "trimesh", "bpy", "torch"}


def test_the_blocker_blocks() -> None:
    for name in ("scipy", "click", "scenegen.cli", "scenegen.progress"):
        command = [sys.executable, "-c", f"{BLOCKER}\nimport {name}"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert f"ModuleNotFoundError: {name} is not there" in done.stderr


def test_a_scene_is_made_labelled_written_and_read_without_anything_else(box_library: Path, tmp_path: Path) -> None:
    assert run(MAKE_A_SCENE, str(box_library), str(tmp_path)) == "made\n"


def test_core_imports_nothing_in_functions_either() -> None:
    """What is imported on use alone shows in no run that does not use it."""
    allowed = {"numpy", "numba", "PIL", "scenegen"} | set(sys.stdlib_module_names)
    for file in sorted(CORE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.partition(".")[0] in allowed, f"{file}: imports {name}"
                if name.startswith("scenegen."):
                    assert name.startswith("scenegen.core"), f"{file}: imports {name}"


USE_A_KERNEL = """
import sys
from scenegen.core.interrupts import end_promptly
end_promptly()
import numpy as np
from scenegen.core.labels.inside_cells import add_votes

add_votes(np.zeros((2, 2, 3), dtype=np.int16), np.zeros((2, 2, 2), dtype=np.int8))
print(*(name in sys.modules for name in ("numba", "scipy", "numba.typed.typedlist")))
"""


def test_a_kernel_loads_no_scipy_and_a_cached_one_not_the_compiler() -> None:
    """Also beside the thread that hears an interrupt."""
    command = [sys.executable, "-c", USE_A_KERNEL]
    first, cached = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert first.split()[:2] == ["True", "False"]
    assert cached.split() == ["True", "False", "False"]
