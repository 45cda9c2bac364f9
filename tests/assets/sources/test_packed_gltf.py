"""glTF whose arrays meshopt packs and whose images are KTX2, made by the tools in helpers/packed/make.sh."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import meshopt
import numpy as np
import pytest
from helpers.gltf_files import GltfFile
from helpers.look_files import data_uri, plain, read, seen, srgb
from helpers.packed_files import BLUE, HIGH, LOW, PACKED, RED
from scenegen.assets.prepare.raw_model import Refused
from scenegen.assets.sources.files.importer import Imported, import_files


def content_of(file: Path) -> tuple[dict[str, Any], bytes]:
    """The JSON and the binary chunk of a .glb file."""
    data = file.read_bytes()
    end = 20 + int.from_bytes(data[12:16], "little")
    return json.loads(data[20:end]), data[end + 8 :]


def write_apart(folder: Path, body: dict[str, Any], binary: bytes) -> Path:
    """The .gltf and .bin that say the same as a .glb."""
    body["buffers"][0]["uri"] = "data.bin"
    (folder / "data.bin").write_bytes(binary)
    (folder / "model.gltf").write_text(json.dumps(body))
    return folder / "model.gltf"


def refused(file: Path) -> str:
    ((_, found),) = import_files([file])
    assert isinstance(found, Refused)
    return found.why


def test_what_tools_pack_is_the_box_that_they_packed() -> None:
    """Codecs of attributes and triangles, octahedral, exponential and colour filters, quantization, a fallback."""
    names = ("plain_codec.glb", "filters.glb", "quantized.glb", "fallback.gltf", "transform.glb")
    for model in read(*(PACKED / name for name in names)):
        assert not model.warnings
        low, high = (LOW[0], -HIGH[2], LOW[1]), (HIGH[0], -LOW[2], HIGH[1])  # Blender's axes
        np.testing.assert_allclose(model.vertices.min(axis=0), low, atol=2e-4)
        np.testing.assert_allclose(model.vertices.max(axis=0), high, atol=2e-4)
        corners = model.vertices[model.faces]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        assert np.linalg.norm(across, axis=1).sum() / 2 == pytest.approx(10.0, abs=0.01)
        assert model.corner_normals is not None
        for array in (across, model.corner_normals):
            array /= np.linalg.norm(array, axis=-1, keepdims=True)
        np.testing.assert_allclose(model.corner_normals, np.repeat(across[:, None], 3, axis=1), atol=0.02)
        for height, colour in ((0.0, RED), (2.0, BLUE)):
            (face, _) = np.flatnonzero((abs(corners[..., 2] - height) < 0.01).all(axis=1))
            np.testing.assert_allclose(
                seen(model, "paint", "base_color", int(face)), [srgb(value) for value in colour[:3]], atol=4
            )
        assert model.materials[0].roughness == pytest.approx(0.25, abs=1e-3)


@pytest.mark.parametrize("name", ["filters.glb", "transform.glb"])
def test_packed_uvs_and_an_image_inside(name: str, tmp_path: Path) -> None:
    """UVs go from (0, 0) to (2, 1) on each side; the KTX2 image lies in the buffer, behind the packed data."""
    body, binary = content_of(PACKED / name)
    image = (PACKED / "uastc3.ktx2").read_bytes()
    binary += bytes(-len(binary) % 4)
    body["bufferViews"].append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(image)})
    body["buffers"][0]["byteLength"] = len(binary) + len(image)
    body["images"] = [{"bufferView": len(body["bufferViews"]) - 1, "mimeType": "image/ktx2"}]
    body["textures"] = [{"extensions": {"KHR_texture_basisu": {"source": 0}}}]
    body["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"] = {
        **body["materials"][0]["pbrMetallicRoughness"].get("baseColorTexture", {}),
        "index": 0,
    }
    for key in ("extensionsUsed", "extensionsRequired"):
        body[key].append("KHR_texture_basisu")
    del body["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]
    (model,) = read(write_apart(tmp_path, body, binary + image))
    assert model.uvs is not None and not model.warnings
    np.testing.assert_allclose(model.uvs.min(axis=(0, 1)), (0, 0), atol=1e-3)
    np.testing.assert_allclose(model.uvs.max(axis=(0, 1)), (2, 1), atol=1e-3)


@pytest.mark.parametrize("codec", ["etc1s", "uastc"])
@pytest.mark.parametrize("name", ["ktx.gltf", "ktx.glb"])
def test_ktx2_images_are_read(codec: str, name: str, tmp_path: Path) -> None:
    """Red (220, 40, 20) on the left, blue (20, 60, 220) on the right, there with half the alpha."""
    file = GltfFile()
    images = [base64.b64encode((PACKED / f"{codec}{bands}.ktx2").read_bytes()).decode() for bands in (3, 4)]
    file.body["images"] = [{"uri": f"data:image/ktx2;base64,{text}", "mimeType": "image/ktx2"} for text in images]
    file.body["textures"] = [{"extensions": {"KHR_texture_basisu": {"source": number}}} for number in range(2)]
    file.body |= {"extensionsUsed": ["KHR_texture_basisu"], "extensionsRequired": ["KHR_texture_basisu"]}
    for number, (material, mode) in enumerate((("solid", "OPAQUE"), ("glass", "BLEND"))):
        pbr = {"baseColorTexture": {"index": number}}
        file.body.setdefault("materials", []).append({"name": material, "pbrMetallicRoughness": pbr, "alphaMode": mode})
        uvs = np.full((24, 2), 0.25 + 0.5 * number, np.float32)
        mesh = file.box((number, 0, 0), (number + 0.5, 1, 1), TEXCOORD_0=uvs)
        file.body["meshes"][mesh]["primitives"][0]["material"] = number
        file.node(mesh=mesh)
    (model,) = read(file.write(tmp_path / name))
    assert not model.warnings
    np.testing.assert_allclose(seen(model, "solid", "base_color"), (220, 40, 20), atol=3)
    np.testing.assert_allclose(seen(model, "glass", "base_color")[:3], (20, 60, 220), atol=3)
    np.testing.assert_allclose(seen(model, "glass", "alpha"), (128,), atol=2)
    assert "alpha" not in model.materials[0].textures


def test_a_png_beside_a_ktx2_image_is_taken(tmp_path: Path) -> None:
    """The file does not require the extension, so that its other image is for readers that know no KTX2."""
    file = GltfFile()
    file.body["images"] = [{"uri": "data:image/ktx2;base64,q0tUWCAyMLsNChoK"}, {"uri": data_uri(plain(9, 99, 9))}]
    file.body["textures"] = [{"source": 1, "extensions": {"KHR_texture_basisu": {"source": 0}}}]
    file.body |= {"extensionsUsed": ["KHR_texture_basisu"]}
    file.body["materials"] = [{"name": "leaf", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
    mesh = file.box((0, 0, 0), (1, 1, 1), TEXCOORD_0=np.full((24, 2), 0.5, np.float32))
    file.body["meshes"][mesh]["primitives"][0]["material"] = 0
    file.node(mesh=mesh)
    (model,) = read(file.write(tmp_path / "leaf.glb"))
    assert seen(model, "leaf", "base_color") == (9, 99, 9) and not model.warnings


@pytest.mark.parametrize("required", [True, False])
def test_a_damaged_ktx2_image_is_named(required: bool, tmp_path: Path) -> None:
    file = GltfFile()
    content = (PACKED / "uastc3.ktx2").read_bytes()[:200]
    uri = "data:image/ktx2;base64," + base64.b64encode(content).decode()
    file.body["images"] = [{"uri": uri, "name": "bark"}]
    file.body["textures"] = [{"extensions": {"KHR_texture_basisu": {"source": 0}}}]
    file.body |= {"extensionsUsed": ["KHR_texture_basisu"]}
    if required:
        file.body |= {"extensionsRequired": ["KHR_texture_basisu"]}
    file.body["materials"] = [{"name": "trunk", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
    mesh = file.box((0, 0, 0), (1, 1, 1), TEXCOORD_0=np.full((24, 2), 0.5, np.float32))
    file.body["meshes"][mesh]["primitives"][0]["material"] = 0
    file.node(mesh=mesh)
    (model,) = read(file.write(tmp_path / "tree.gltf"))
    assert seen(model, "trunk", "base_color") == (0.5, 0.5, 0.5)
    assert any(text.startswith("bark: its KTX2 image is not read (") for text in model.warnings), model.warnings


def test_damaged_meshopt_data_is_refused(tmp_path: Path) -> None:
    body, binary = content_of(PACKED / "plain_codec.glb")
    file = write_apart(tmp_path, body, binary)
    read(file)
    place = body["bufferViews"][0]["extensions"]["EXT_meshopt_compression"]
    start = place.get("byteOffset", 0)
    (tmp_path / "data.bin").write_bytes(binary[:start] + b"\xff" + binary[start + 1 :])
    assert "its meshopt data is damaged" in refused(file)
    (tmp_path / "data.bin").write_bytes(binary[:100])
    assert "buffer 0 ends before its data" in refused(file)
    (tmp_path / "data.bin").write_bytes(binary)
    for change, said in (
        ({"mode": "POINTS"}, "meshopt data is damaged"),
        ({"count": "x"}, "a value of the wrong type"),
        # Never given to the library, which would make room for them first.
        ({"count": 2_000_000_000}, "its meshopt data counts 2,000,000,000 elements of "),
        ({"count": -1}, "its meshopt data counts -1 elements of "),
        ({"buffer": 5}, "EXT_meshopt_compression of buffer view 0 names number 5 of its "),
    ):
        broken = {**place, **change}
        body["bufferViews"][0]["extensions"]["EXT_meshopt_compression"] = broken
        file.write_text(json.dumps(body))
        assert said in refused(file)
    del place["byteStride"]
    body["bufferViews"][0]["extensions"]["EXT_meshopt_compression"] = place
    file.write_text(json.dumps(body))
    assert "is not as EXT_meshopt_compression wants it; export it again" in refused(file)


def test_indices_of_meshopt_and_numbers_far_away(tmp_path: Path) -> None:
    """Mode INDICES, and normalized positions whose node stands a million metres away: 32 bits keep 0.06 m there."""
    file = GltfFile()
    mesh = file.box((0, 0, 0), (1, 1, 1))
    primitive = file.body["meshes"][mesh]["primitives"][0]
    number = file.body["accessors"][primitive["indices"]]["bufferView"]
    view = file.body["bufferViews"][number]
    indices = np.frombuffer(bytes(file.data[view["byteOffset"] :][: view["byteLength"]]), np.uint32)
    content = meshopt.encode_gltf_buffer(indices, "INDICES")
    packed = {"buffer": 0, "byteOffset": len(file.data), "byteLength": len(content), "byteStride": 4, "count": 36}
    file.data.extend(content)
    view["extensions"] = {"EXT_meshopt_compression": {**packed, "mode": "INDICES"}}
    file.data[view["byteOffset"] : view["byteOffset"] + view["byteLength"]] = bytes(view["byteLength"])
    points = file.body["accessors"][primitive["attributes"]["POSITION"]]
    place = file.body["bufferViews"][points["bufferView"]]
    old = np.frombuffer(bytes(file.data[place["byteOffset"] :][: place["byteLength"]]), np.float32).reshape(-1, 3)
    rows = np.zeros((24, 4), np.int16)
    rows[:, :3] = np.round(old * 32767)
    file.data.extend(bytes(-len(file.data) % 4))
    place |= {"byteOffset": len(file.data), "byteLength": rows.nbytes, "byteStride": 8}
    file.data.extend(rows.tobytes())
    points |= {"componentType": 5122, "normalized": True, "min": [0] * 3, "max": [32767] * 3}
    names = ["EXT_meshopt_compression", "KHR_mesh_quantization"]
    file.body |= {"extensionsUsed": names, "extensionsRequired": names}
    file.node(mesh=mesh, translation=[1e6, 0, 0], scale=[0.3, 0.3, 0.3])
    (model,) = read(file.write(tmp_path / "far.glb"))
    np.testing.assert_allclose(np.ptp(model.vertices, axis=0), (0.3, 0.3, 0.3), atol=1e-4)
    assert len(model.faces) == 12 and isinstance(model, Imported)
