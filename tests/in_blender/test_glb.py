"""Blender's own glTF importer finds every object and camera of an export where scene.json has them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from helpers.glb_sets import write_glb_set
from scenegen.core.dataset.reading import Dataset
from scenegen.steps.exchange.export import export

READ = """
import bpy, json, sys
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.gltf(filepath=sys.argv[1])
found = {"boxes": {}, "cameras": {}, "extras": {}}
for item in bpy.data.objects:
    matrix = [list(row) for row in item.matrix_world]
    if item.type == "CAMERA":
        found["cameras"][item.name] = matrix
    else:
        found["boxes"][item.name] = {"matrix": matrix, "corners": [list(c) for c in item.bound_box]}
        found["extras"][item.name] = {key: item[key] for key in item.keys() if key in ("class", "asset", "licence")}
found["meshes"] = len(bpy.data.meshes)
open(sys.argv[2], "w").write(json.dumps(found))
"""


def test_blender_imports_what_scene_json_says(tmp_path: Path) -> None:
    source = write_glb_set(tmp_path)
    export(source, tmp_path / "out", "glb")
    arguments = [str(tmp_path / "out/scene_000000.glb"), str(tmp_path / "found.json")]
    subprocess.run([sys.executable, "-c", READ, *arguments], check=True, capture_output=True)
    found = json.loads((tmp_path / "found.json").read_text())
    scene = Dataset(source)[0].scene
    names = {f"{item.class_name}_{item.id}": item for item in scene.objects}
    assert set(found["boxes"]) == set(names) | {"floor", "walls", "ceiling"}
    assert found["meshes"] == len({item.asset for item in scene.objects}) + 3
    for name, item in names.items():
        matrix, corners = (np.array(found["boxes"][name][key]) for key in ("matrix", "corners"))
        np.testing.assert_allclose(matrix, item.matrix, atol=1e-5)  # Blender turns Y up back to Z up
        world = corners @ matrix[:3, :3].T + matrix[:3, 3]
        np.testing.assert_allclose([world.min(axis=0), world.max(axis=0)], [item.bbox.min, item.bbox.max], atol=1e-5)
        assert found["extras"][name] == {"class": item.class_name, "asset": item.asset, "licence": "CC0"}
    assert set(found["cameras"]) == {camera.name for camera in scene.cameras}
    for camera in scene.cameras:
        # Blender's cameras look along -Z with Y up.
        world_to_camera = np.diag([1, -1, -1, 1]) @ np.linalg.inv(found["cameras"][camera.name])
        np.testing.assert_allclose(world_to_camera, camera.world_to_camera, atol=1e-5)
