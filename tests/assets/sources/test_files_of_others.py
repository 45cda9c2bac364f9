"""Models that name files outside their folder, in every format: none of those is read, and the message names it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.gltf_files import GltfFile
from helpers.model_files import run_in_blender
from PIL import Image
from scenegen.assets.prepare.raw_model import Refused
from scenegen.assets.sources.files.importer import Imported, import_files

SECRET = (250, 10, 200)
OBJ = "v 0 0 0\nv 1 0 0\nv 0 0 1\nvt 0 0\nvt 1 0\nvt 0 1\nusemtl oak\nf 1/1 2/2 3/3\n"
PLY = """ply
format ascii 1.0
comment TextureFile {image}
element vertex 3
property float x
property float y
property float z
property float s
property float t
element face 1
property list uchar int vertex_indices
end_header
0 0 0 0 0
1 0 0 1 0
0 0 1 0 1
3 0 1 2
"""
USD = '#usda 1.0\n(\n    defaultPrim = "A"\n    {more}\n)\ndef Xform "A" {over}\n{{\n{mesh}\n}}\n'
MESH = """def Mesh "M"
{
    int[] faceVertexCounts = [3]
    int[] faceVertexIndices = [0, 1, 2]
    point3f[] points = [(0, 0, 0), (1, 0, 0), (0, 0, 1)]
}"""
COLLADA = """<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1"><asset/>
<library_geometries><geometry id="g"><mesh><source id="p"><float_array id="a" count="9">0 0 0 1 0 0 0 1 0</float_array>
<technique_common><accessor source="#a" count="3" stride="3"><param name="X" type="float"/>
<param name="Y" type="float"/><param name="Z" type="float"/></accessor></technique_common></source>
<vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
<triangles count="1"><input semantic="VERTEX" source="#v" offset="0"/><p>0 1 2</p></triangles></mesh></geometry>
</library_geometries><library_visual_scenes><visual_scene id="s"><node><instance_geometry url="#g"/>{more}</node>
</visual_scene></library_visual_scenes><scene><instance_visual_scene url="#s"/></scene></COLLADA>"""
BLENDER = """
import os
def plane(name, image=None):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_plane_add()
    bpy.context.object.name = name
    material = bpy.data.materials.new("oak")
    material.use_nodes = True
    bpy.context.object.data.materials.append(material)
    if image:
        node = material.node_tree.nodes.new("ShaderNodeTexImage")
        node.image = bpy.data.images.load(image)
        material.node_tree.links.new(node.outputs[0], material.node_tree.nodes["Principled BSDF"].inputs[0])
out, own = place, folder
plane("theirs")
bpy.ops.wm.save_as_mainfile(filepath=f"{out}/theirs.blend")
bpy.ops.wm.usd_export(filepath=f"{out}/theirs.usdc")
plane("ours", f"{out}/secret.png")
bpy.ops.wm.save_as_mainfile(filepath=f"{own}/image.blend")
bpy.ops.export_scene.fbx(filepath=f"{own}/image.fbx", path_mode="ABSOLUTE")
bpy.ops.wm.usd_export(filepath=f"{own}/image.usdc", export_textures_mode="KEEP", relative_paths=False)
plane("ours", f"{os.path.dirname(own)}/textures/oak.png")
bpy.ops.export_scene.fbx(filepath=f"{own}/shared.fbx", path_mode="RELATIVE")
bpy.ops.wm.usd_export(filepath=f"{own}/shared.usdc", export_textures_mode="KEEP", relative_paths=True)
bpy.ops.wm.usd_export(filepath=f"{own}/packed.usdz")
bpy.ops.wm.save_as_mainfile(filepath=f"{own}/shared.blend")
with bpy.data.libraries.load(f"{out}/theirs.blend", link=True) as (source, target):
    target.objects = ["theirs"]
bpy.context.collection.objects.link(target.objects[0])
bpy.ops.wm.save_as_mainfile(filepath=f"{own}/linked.blend")
"""


def gltf(path: Path, **parts: object) -> None:
    file = GltfFile()
    file.node(mesh=file.box((0, 0, 0), (1, 1, 1), TEXCOORD_0=np.zeros((24, 2), np.float32)))
    if "image" in parts:
        file.body["meshes"][0]["primitives"][0]["material"] = 0
        file.body["materials"] = [{"name": "oak", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
        file.body |= {"images": [{"uri": parts["image"]}], "textures": [{"source": 0}]}
    file.write(path)
    if "buffer" in parts:
        body = json.loads(path.read_text())
        body["buffers"][0]["uri"] = parts["buffer"]
        path.write_text(json.dumps(body))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """kit/chair/ with a model of each kind; outside: secret.png and files that give geometry or materials."""
    place = tmp_path_factory.mktemp("place")
    own = place / "kit" / "chair"
    own.mkdir(parents=True)
    (place / "kit" / "textures").mkdir()
    Image.new("RGB", (4, 4), SECRET).save(place / "secret.png")
    Image.new("RGB", (4, 4), (10, 200, 60)).save(place / "kit" / "textures" / "oak.png")
    run_in_blender(f"place = {str(place)!r}\n" + BLENDER, own)
    (place / "theirs.bin").write_bytes(bytes(4096))
    (place / "theirs.mtl").write_text("newmtl oak\nKd 1 0 0\n")
    (place / "theirs.dae").write_text(COLLADA.format(more=""))
    (place / "theirs.usda").write_text(USD.format(more="", over="", mesh=MESH))

    gltf(own / "buffer.gltf", buffer="../../theirs.bin")
    gltf(own / "query.gltf", buffer="a?/../../../theirs.bin")
    gltf(own / "part.gltf", image="a#/../../../secret.png")
    gltf(own / "encoded.gltf", image="%2e%2e/..%2Fsecret.png")
    gltf(own / "address.gltf", image=f"file://{place}/secret.png")
    gltf(own / "large.gltf", image="../../secret.png")
    body = json.loads((own / "large.gltf").read_text())
    (own / "large.gltf").write_text(json.dumps({"extras": " " * (65 << 20), **body}))
    gltf(own / "shared.gltf", image="../textures/oak.png")
    (own / "library.obj").write_text("mtllib ../../theirs.mtl\n" + OBJ)
    (own / "quoted.obj").write_text(f'  mtllib "{place}/theirs.mtl"\n' + OBJ)
    (own / "image.obj").write_text("mtllib image.mtl\n" + OBJ)
    (own / "image.mtl").write_text(f"newmtl oak\nmap_Kd {place}/secret.png\n")
    (own / "gone.obj").write_text("mtllib C:\\\\jo\\\\gone.mtl\n" + OBJ)
    (own / "link.obj").write_text("mtllib link.mtl\n" + OBJ)
    (own / "link.mtl").write_text("newmtl oak\nmap_Kd link.png\n")
    (own / "link.png").symlink_to(place / "secret.png")
    (own / "shared.obj").write_text("mtllib shared.mtl\n" + OBJ)
    (own / "shared.mtl").write_text("newmtl oak\nmap_Kd ..\\textures\\oak.png\n")
    (own / "image.ply").write_text(PLY.format(image="../../secret.png"))
    (own / "shared.ply").write_text(PLY.format(image="oak.png"))
    (own / "other.dae").write_text(COLLADA.format(more='<instance_geometry url="../../theirs.dae#g"/>'))
    (own / "entity.dae").write_text(COLLADA.format(more="").replace("?>", '?><!DOCTYPE x [<!ENTITY a "b">]>', 1))
    (own / "whole.dae").write_text(COLLADA.format(more=""))
    (own / "sub.usda").write_text(USD.format(more="subLayers=[@../../theirs.usda@]", over="", mesh=""))
    (own / "reference.usda").write_text(USD.format(more="", over="(references = @../../theirs.usdc@)", mesh=MESH))
    (own / "payload.usda").write_text(USD.format(more="", over=f"(payload = @{place}/theirs.usda@)", mesh=MESH))
    (own / "chain.usda").write_text(USD.format(more="subLayers=[@./sub.usda@]", over="", mesh=MESH))
    (own / "computed.usda").write_text(USD.format(more="", over="(references = @`'../../theirs.usda'`@)", mesh=MESH))
    (own / "whole.usda").write_text(USD.format(more="", over="", mesh=MESH))
    return place


REFUSED = {
    "buffer.gltf": "theirs.bin",
    "query.gltf": "theirs.bin",
    "part.gltf": "secret.png",
    "encoded.gltf": "secret.png",
    "address.gltf": "secret.png",
    "large.gltf": "secret.png",
    "library.obj": "theirs.mtl",
    "quoted.obj": "theirs.mtl",
    "other.dae": "theirs.dae",
    "entity.dae": "XML entities",
    "sub.usda": "theirs.usda",
    "reference.usda": "theirs.usdc",
    "payload.usda": "theirs.usda",
    "chain.usda": "theirs.usda",
    "computed.usda": "computes the name",
    "image.usdc": "secret.png",
    "linked.blend": "theirs.blend",
}
GREY = ("image.ply", "image.obj", "link.obj", "image.fbx", "image.blend")
SHARED = ("shared.ply", "shared.gltf", "shared.obj", "shared.fbx", "shared.usdc", "shared.blend", "packed.usdz")
PLAIN = ("gone.obj", "whole.dae", "whole.usda")


@pytest.fixture(scope="module")
def results(place: Path) -> dict[str, Imported | Refused]:
    """All of them through one Blender."""
    names = [*REFUSED, *GREY, *SHARED, *PLAIN]
    files = [place / "kit" / "chair" / name for name in names]
    return {names[number]: imported for number, imported in import_files(files)}


def test_every_format_is_tried() -> None:
    assert {Path(name).suffix for name in REFUSED} | {".fbx", ".usdz", ".ply"} == {
        ".gltf", ".obj", ".dae", ".usda", ".usdc", ".blend", ".fbx", ".usdz", ".ply",
    }  # fmt: skip


def test_files_that_need_those_of_others_are_refused(results: dict[str, Imported | Refused]) -> None:
    for name in REFUSED.keys() & results.keys():
        found = results[name]
        assert isinstance(found, Refused), name
        assert REFUSED[name] in found.why, (name, found.why)


def test_images_of_others_are_not_read(results: dict[str, Imported | Refused]) -> None:
    for name in GREY:
        found = results[name]
        assert isinstance(found, Imported), (name, found)
        assert not found.textures, name
        assert any("lies outside the model's folder and is not read" in text for text in found.warnings), (
            name,
            found.warnings,
        )


def test_images_of_shared_folders_are_read(results: dict[str, Imported | Refused]) -> None:
    for name in SHARED:
        found = results[name]
        assert isinstance(found, Imported), (name, found)
        assert len(found.textures) == 1, (name, found.warnings)
        assert not any("outside" in text for text in found.warnings)


def test_models_without_others_are_read(results: dict[str, Imported | Refused]) -> None:
    for name in PLAIN:
        if name in results:
            assert isinstance(results[name], Imported), (name, results[name])


def test_archives_of_usd(place: Path, tmp_path: Path) -> None:
    """A layer inside names an absolute path; an archive inside; a compressed member."""
    import zipfile

    text = USD.format(more="", over=f"(references = @{place}/theirs.usda@)", mesh=MESH)
    plain = USD.format(more="", over="", mesh=MESH)
    shutil.copy(place / "kit" / "chair" / "packed.usdz", tmp_path / "inner.usdz")
    for name, members, how in (
        ("absolute", {"a.usda": text}, zipfile.ZIP_STORED),
        ("second", {"a.usda": plain, "b.usda": text}, zipfile.ZIP_STORED),
        ("nested", {"a.usda": plain, "b.usdz": (tmp_path / "inner.usdz").read_bytes()}, zipfile.ZIP_STORED),
        ("packed", {"a.usda": plain}, zipfile.ZIP_DEFLATED),
    ):
        with zipfile.ZipFile(tmp_path / f"{name}.usdz", "w", how) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
    names = ("absolute", "second", "nested", "packed")
    found = [imported for _, imported in import_files([tmp_path / f"{name}.usdz" for name in names])]
    assert all(isinstance(each, Refused) for each in found), found
    says = [each.why for each in found if isinstance(each, Refused)]
    assert "theirs.usda" in says[0]
    assert "theirs.usda" in says[1]
    assert "archive inside" in says[2]
    assert "compressed" in says[3]
