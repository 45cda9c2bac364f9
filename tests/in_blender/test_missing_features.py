"""What a Blender cannot do is found out before it fails, and said in one line with the way out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from PIL import Image
from scenegen.core.scene.scene import LightLook

from blender_scripts import import_model
from blender_scripts.build.nodes import new_material
from blender_scripts.build.room import build_lamp
from blender_scripts.build.scene import empty_file, link, purge_scene
from blender_scripts.host import compat
from blender_scripts.imports import gltf
from blender_scripts.imports.gltf import readable

DRACO, MESHOPT = "KHR_draco_mesh_compression", "EXT_meshopt_compression"


def write_gltf(path: Path, **extensions: list[str]) -> Path:
    """An empty glTF file, as .gltf or .glb, that names extensions."""
    body = json.dumps({"asset": {"version": "2.0"}, **extensions}).encode()
    if path.suffix == ".glb":
        body += b" " * (-len(body) % 4)
        sizes = [(20 + len(body)).to_bytes(4, "little"), len(body).to_bytes(4, "little")]
        body = b"glTF" + (2).to_bytes(4, "little") + sizes[0] + sizes[1] + b"JSON" + body
    path.write_bytes(body)
    return path


def without_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the packages of 5.2 and 5.3."""
    for module in (compat, gltf):
        monkeypatch.setattr(module, "unpacks_gltf", lambda _: False)


@pytest.mark.parametrize("name", ["a.gltf", "a.glb"])
def test_packed_gltf_that_cannot_be_unpacked_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_libraries(monkeypatch)
    for module in ("DracoPy", "meshopt"):
        monkeypatch.setitem(sys.modules, module, None)
    draco = write_gltf(tmp_path / f"draco_{name}", extensionsUsed=[DRACO], extensionsRequired=[DRACO])
    with pytest.raises(ValueError, match=r"has no Draco: .* is not read; convert it to plain .glb, or use bpy 4.5"):
        readable(draco, tmp_path, [])
    meshopt = write_gltf(tmp_path / f"meshopt_{name}", extensionsUsed=[MESHOPT], extensionsRequired=[MESHOPT])
    with pytest.raises(ValueError, match="has no meshopt"):
        readable(meshopt, tmp_path, [])
    fallback = write_gltf(tmp_path / f"fallback_{name}", extensionsUsed=[MESHOPT])
    assert readable(fallback, tmp_path, []) == fallback
    monkeypatch.setattr(gltf, "unpacks_gltf", lambda _: True)
    assert readable(draco, tmp_path, []) == draco


def write_packed(folder: Path, packed: bool) -> Path:
    """A textured .gltf file with its .bin and .png beside it, its mesh plain or as Draco packs it without loss."""
    DracoPy = pytest.importorskip("DracoPy")
    rng = np.random.default_rng(5)
    points, uvs = rng.random((40, 3)).astype(np.float32), rng.random((40, 2)).astype(np.float32)
    faces = np.stack([np.arange(38), np.arange(38) + 1, np.arange(38) + 2], axis=1).astype(np.uint32)
    bounds = {"min": points.min(axis=0).tolist(), "max": points.max(axis=0).tolist()}
    accessors = [
        {"componentType": 5126, "count": 40, "type": "VEC3", **bounds},
        {"componentType": 5126, "count": 40, "type": "VEC2"},
        {"componentType": 5125, "count": faces.size, "type": "SCALAR"},
    ]
    primitive = {"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}
    if packed:
        parts = [DracoPy.encode(points, faces, quantization_bits=0, tex_coord=uvs.astype(float), preserve_order=True)]
        found = {part["attribute_type"]: part["unique_id"] for part in DracoPy.decode(parts[0]).attributes}
        numbers = {"POSITION": found[0], "TEXCOORD_0": found[3]}  # GeometryAttribute::Type of Draco
        primitive["extensions"] = {DRACO: {"bufferView": 0, "attributes": numbers}}
    else:
        parts = [points.tobytes(), uvs.tobytes(), faces.tobytes()]
        for number, accessor in enumerate(accessors):
            accessor["bufferView"] = number
    starts = np.cumsum([0] + [len(part) for part in parts]).tolist()
    body = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}],
        "images": [{"uri": "a%20b.png"}],
        "accessors": accessors,
        "bufferViews": [
            {"buffer": 0, "byteOffset": start, "byteLength": len(part)}
            for start, part in zip(starts, parts, strict=False)
        ],
        "buffers": [{"uri": "mesh.bin", "byteLength": starts[-1]}],
    }
    if packed:
        body |= {"extensionsUsed": [DRACO], "extensionsRequired": [DRACO]}
    folder.mkdir()
    (folder / "mesh.bin").write_bytes(b"".join(parts))
    Image.fromarray(rng.integers(0, 255, (4, 4, 3)).astype(np.uint8)).save(folder / "a b.png")
    (folder / "model.gltf").write_text(json.dumps(body))
    return folder / "model.gltf"


def test_draco_is_unpacked_where_blender_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same arrays and texture as from the file that was never packed."""
    without_libraries(monkeypatch)
    found = []
    for name in ("plain", "packed"):
        file, out = write_packed(tmp_path / name, packed=name == "packed"), tmp_path / f"{name}_out"
        out.mkdir()
        import_model.import_model(file, out, 1000)
        with np.load(out / "mesh.npz") as arrays:
            found.append({key: arrays[key] for key in arrays.files})
        (texture,) = out.glob("image_*")
        found[-1]["texture"] = np.frombuffer(texture.read_bytes(), np.uint8)
    plain, packed = found
    assert plain.keys() == packed.keys() >= {"vertices", "faces", "uvs", "texture"}
    assert all(np.array_equal(plain[key], packed[key], equal_nan=True) for key in plain)


def test_damaged_draco_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_libraries(monkeypatch)
    file = write_packed(tmp_path / "packed", packed=True)
    content = (file.parent / "mesh.bin").read_bytes()
    (file.parent / "mesh.bin").write_bytes(b"DRACU" + content[5:])
    with pytest.raises(ValueError, match="its Draco data is damaged"):
        import_model.import_model(file, tmp_path, 1000)
    body = json.loads(file.read_text())
    body["meshes"][0]["primitives"][0]["extensions"][DRACO]["attributes"]["TEXCOORD_0"] = 7
    file.write_text(json.dumps(body))
    (file.parent / "mesh.bin").write_bytes(content)
    with pytest.raises(ValueError, match=rf"its Draco data is not as {DRACO} wants it; export it again"):
        import_model.import_model(file, tmp_path, 1000)


def test_what_is_no_gltf_is_left_to_the_importer(tmp_path: Path) -> None:
    for content in (b"", b"glTF", b"glTF" + bytes(16), b"[]", b"\xff\xfe\x00"):
        (tmp_path / "a.glb").write_bytes(content)
        assert readable(tmp_path / "a.glb", tmp_path, []) == tmp_path / "a.glb"


def test_the_import_says_it_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Blender of the user's own may lack the library."""
    without_libraries(monkeypatch)
    monkeypatch.setitem(sys.modules, "meshopt", None)
    file = write_gltf(tmp_path / "a.glb", extensionsUsed=[MESHOPT], extensionsRequired=[MESHOPT])
    with pytest.raises(ValueError, match=r"^Blender .* has no meshopt: .*; unpack it with .*copy IN.glb OUT.glb`$"):
        import_model.import_model(file, tmp_path, 1000)


def test_missing_features_are_what_this_blender_lacks() -> None:
    missing = compat.missing_features()
    version = bpy.app.version
    assert not {"Collada", "meshopt", "KTX2"} & set(missing)  # libraries of their own
    assert "Draco" not in missing  # the packages of 5.2 and 5.3 lack the library, DracoPy does it there
    assert compat.unpacks_gltf("Draco") == (version < (5, 2, 0))
    assert "world images" not in missing
    assert "OpenImageDenoise" not in missing


def test_fbx_parts_come_in_one_order(tmp_path: Path) -> None:
    """`wm.fbx_import` gives objects in another order in every process; the importer that we use must not."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for number in range(12):
        bpy.ops.mesh.primitive_cube_add(size=0.1 + 0.01 * number, location=(number, 0.0, 0.0))
    bpy.ops.export_scene.fbx(filepath=str(tmp_path / "cubes.fbx"))
    found = []
    for run in ("first", "second"):
        asked = json.dumps({"file": str(tmp_path / "cubes.fbx"), "out": str(tmp_path / run)})
        command = [sys.executable, "-m", "blender_scripts.import_model"]
        subprocess.run(command, input=asked.encode(), check=True, capture_output=True, cwd=Path(__file__).parents[2])
        with np.load(tmp_path / run / "mesh.npz") as arrays:
            found.append(arrays["vertices"])
    assert found[0].shape == (12 * 8, 3)
    assert np.array_equal(*found)


def test_purging_a_scene_leaves_nothing_behind() -> None:
    """`orphans_purge()` alone leaves materials and worlds; with our arguments all goes that a scene was made of."""
    target = empty_file()
    before = counts()
    mesh = bpy.data.meshes.new("mesh")
    mesh.materials.append(new_material("material"))
    lamp = build_lamp("lamp", LightLook((0, 0, 1), (0, 0, 0), 1.0, 1.0, (1, 1, 1)))
    link(target, [bpy.data.objects.new("mesh", mesh), lamp, bpy.data.objects.new("eye", bpy.data.cameras.new("eye"))])
    target.world = bpy.data.worlds.new("world")
    assert counts() != before
    purge_scene()
    assert counts() == before


def counts() -> dict[str, int]:
    kinds = ("objects", "meshes", "materials", "lights", "cameras", "worlds", "node_groups", "images", "textures")
    return {kind: len(getattr(bpy.data, kind)) for kind in kinds}
