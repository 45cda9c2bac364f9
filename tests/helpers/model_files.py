"""Small models made by Blender itself for the import tests: a chair with its back at +Y, in every format."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import trimesh
from scenegen.assets.prepare.raw_model import RawModel
from scenegen.core.asset_library import Material, Provenance

CHAIR_SIZE = (0.5, 0.55, 0.9)


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> trimesh.Trimesh:
    return trimesh.creation.box(bounds=[low, high])


def chair() -> trimesh.Trimesh:
    """0.5 x 0.55 x 0.9 m, Z up, front -Y: four legs, a seat, a back."""
    parts = [box((-0.25, -0.275, 0.42), (0.25, 0.275, 0.46)), box((-0.25, 0.24, 0.46), (0.25, 0.275, 0.9))]
    for x in (-0.25, 0.21):
        for y in (-0.275, 0.235):
            parts.append(box((x, y, 0.0), (x + 0.04, y + 0.04, 0.42)))
    return trimesh.util.concatenate(parts)


def table(width: float = 1.2, depth: float = 0.7, height: float = 0.75) -> trimesh.Trimesh:
    parts = [box((-width / 2, -depth / 2, height - 0.03), (width / 2, depth / 2, height))]
    for x in (-width / 2, width / 2 - 0.05):
        for y in (-depth / 2, depth / 2 - 0.05):
            parts.append(box((x, y, 0.0), (x + 0.05, y + 0.05, height - 0.03)))
    return trimesh.util.concatenate(parts)


def turned(mesh: trimesh.Trimesh, matrix: list[list[float]]) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices @ np.array(matrix).T, mesh.faces, process=False)


_SCRIPT = """
import sys, bpy
source, folder = sys.argv[1:]
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.wm.stl_import(filepath=source)
chair = bpy.context.object
chair.name = "chair"
material = bpy.data.materials.new("wood")
material.use_nodes = True
shader = material.node_tree.nodes["Principled BSDF"]
shader.inputs["Base Color"].default_value = (0.5, 0.25, 0.1, 1)
shader.inputs["Roughness"].default_value = 0.3
chair.data.materials.append(material)
bpy.ops.mesh.primitive_cube_add(size=9)
bpy.context.object.hide_render = True          # a hidden helper, which no importer may take along
bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/chair.blend")
bpy.data.objects.remove(bpy.context.object)
bpy.ops.object.camera_add()
bpy.ops.export_scene.gltf(filepath=f"{folder}/chair.glb")
bpy.ops.export_scene.gltf(filepath=f"{folder}/chair.gltf", export_format="GLTF_SEPARATE")
bpy.ops.export_scene.gltf(filepath=f"{folder}/draco.glb", export_draco_mesh_compression_enable=True)
bpy.ops.export_scene.fbx(filepath=f"{folder}/chair.fbx")
bpy.ops.wm.obj_export(filepath=f"{folder}/chair.obj")
bpy.ops.wm.ply_export(filepath=f"{folder}/chair.ply")
bpy.ops.wm.stl_export(filepath=f"{folder}/chair.stl")
bpy.ops.wm.usd_export(filepath=f"{folder}/chair.usdc")
"""


def make_files(folder: Path) -> None:
    """chair.* in every format, and draco.glb."""
    chair().export(folder / "source.stl")
    command = [sys.executable, "-c", _SCRIPT, str(folder / "source.stl"), str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (folder / "source.stl").unlink()


_EDIT_FBX = """
import sys
import bpy
from io_scene_fbx import encode_bin, parse_fbx
source, target, change = sys.argv[1:]
root, version = parse_fbx.parse(source)
kinds = {"B": "bool", "C": "char", "Z": "int8", "Y": "int16", "I": "int32", "L": "int64", "F": "float32",
         "D": "float64", "R": "bytes", "S": "string", "i": "int32_array", "l": "int64_array", "f": "float32_array",
         "d": "float64_array", "b": "bool_array", "c": "byte_array"}
def copied(old):
    new = encode_bin.FBXElem(old.id)
    for value, kind in zip(old.props, old.props_type):
        getattr(new, "add_" + kinds[chr(kind)])(value)
    new.elems = [copied(each) for each in old.elems if each is not None]
    return new
exec(change)
new = encode_bin.FBXElem(b"")
new.elems = [copied(each) for each in root.elems if each is not None]
encode_bin.write(target, new, version)
"""


def edit_fbx(source: Path, target: Path, change: str) -> None:
    """Copy a binary FBX with `change` applied: Python code that edits `root`, as Blender's own parser gives it."""
    command = [sys.executable, "-c", _EDIT_FBX, str(source), str(target), change]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def run_in_blender(code: str, folder: Path) -> None:
    """Run `code` in a Blender with an empty scene; `folder` is its only argument."""
    start = "import sys, bpy\nfolder = sys.argv[1]\nbpy.ops.wm.read_factory_settings(use_empty=True)\n"
    subprocess.run([sys.executable, "-c", start + code, str(folder)], check=True, capture_output=True, timeout=120)


def raw(mesh: trimesh.Trimesh, name: str, class_name: str = "table", **more: object) -> RawModel:
    """A mesh as a source gives it: plain paint, an author, and a checksum that its name decides."""
    model = RawModel(
        name=name,
        class_name=class_name,
        split="train",
        family=class_name,
        vertices=np.asarray(mesh.vertices),
        faces=np.asarray(mesh.faces),
        material_index=np.zeros(len(mesh.faces), int),
        materials=(Material("paint"),),
        provenance=Provenance(name, "Jo", "CC0-1.0", f"{name}.stl", f"sum of {name}"),
    )
    return replace(model, **more)  # type: ignore[arg-type]
