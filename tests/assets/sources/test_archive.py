"""What strangers' archives and glTF files may do to us, and what their licences and materials come to."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers.model_files import chair
from helpers.sketchfab_server import gltf_zip, huge_gltf, make_zip
from PIL import Image
from scenegen.assets.prepare import textures
from scenegen.assets.prepare.prepare import prepare
from scenegen.assets.prepare.raw_model import RawModel
from scenegen.assets.sources import archive as archives
from scenegen.assets.sources.archive import BrokenArchive, unpack
from scenegen.assets.sources.files.gltf import count_triangles, find_gltf
from scenegen.assets.sources.files.importer import Imported, import_files
from scenegen.assets.sources.sketchfab.licences import spdx, why_refused
from scenegen.core.asset_library import Material, Provenance
from scenegen.core.errors import ScenegenError


def test_licences() -> None:
    for slug in ("cc0", "by", "by-sa", "by-nc", "by-nc-sa"):
        for prefix in ("", "cc-", "CC-"):
            name = prefix + slug if slug != "cc0" else slug
            assert why_refused(name, "", commercial=False) is None
            assert (why_refused(name, "", commercial=True) is None) == ("nc" not in slug)
    assert (spdx("cc-by"), spdx("cc0"), spdx("by-nc-sa")) == ("CC-BY-4.0", "CC0-1.0", "CC-BY-NC-SA-4.0")
    for slug in ("by-nd", "cc-by-nd", "by-nc-nd", "cc-by-nc-nd", "st", "free-st", "ed", "", "something"):
        assert why_refused(slug, "", commercial=False), slug
        assert spdx(slug) is None


def pack(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "model.zip"
    path.write_bytes(make_zip(files))
    return path


def link() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo("scene.bin")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (make_zip({"../evil.gltf": b"{}"}), "outside its folder"),
        (make_zip({"/tmp/evil.gltf": b"{}"}), "outside its folder"),
        (make_zip({"..\\evil.gltf": b"{}"}), "outside its folder"),
        (make_zip({"C:/evil.gltf": b"{}"}), "outside its folder"),
        (link(), "a link or a device"),
        (make_zip({"scene.bin": bytes(60_000_000)}), "would unpack to 0.1 GB"),
        (make_zip({f"{n}.bin": b"" for n in range(2001)}), "2,001 files"),
        (make_zip({"readme.txt": b"hello"}), "holds no glTF file"),
        (make_zip({"a": b"", "a/b.gltf": b"{}"}), "cannot be unpacked"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_archives_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "model.zip").write_bytes(content)
    (tmp_path / "in").mkdir()
    with pytest.raises(ScenegenError, match=says) as error:
        unpack(tmp_path / "model.zip", tmp_path / "in")
        find_gltf(tmp_path / "in")
    assert not isinstance(error.value, BrokenArchive)
    assert {path.name for path in tmp_path.iterdir()} == {"model.zip", "in"}
    if "unpack to" in says:
        assert not list((tmp_path / "in").iterdir())


def test_damaged_archives_are_worth_another_download(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    good = gltf_zip(chair(), 10_000)
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 0xFF
    for content in (good[:-100], bytes(flipped), b"", b"<html>not found</html>"):
        (tmp_path / "model.zip").write_bytes(content)
        with pytest.raises(BrokenArchive):
            unpack(tmp_path / "model.zip", tmp_path / "in")
    (tmp_path / "model.zip").write_bytes(good)
    unpack(tmp_path / "model.zip", tmp_path / "in")
    assert find_gltf(tmp_path / "in").name == "scene.gltf"


def test_a_bomb_is_judged_by_what_it_would_unpack_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1_000_000)
    path = pack(tmp_path, {"scene.gltf": b"{}", "noise": np.random.default_rng(0).bytes(1_000_001)})
    with pytest.raises(ScenegenError, match="would unpack to"):
        unpack(path, tmp_path / "in")


def test_ten_million_triangles_are_refused_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scene.gltf").write_bytes(huge_gltf(10_000_000))
    assert count_triangles(tmp_path / "scene.gltf") == 10_000_000
    raw = RawModel(
        name="huge",
        class_name="chair",
        split="train",
        family="chair",
        vertices=np.zeros((3, 3)),
        faces=np.broadcast_to(np.array([0, 1, 2]), (10_000_000, 3)),
        material_index=np.broadcast_to(np.array(0), (10_000_000,)),
        materials=(Material("grey"),),
        provenance=Provenance("huge", "nobody", "CC0-1.0", "tests", "0" * 64),
    )
    monkeypatch.delattr("scenegen.assets.prepare.prepare._repair")
    with pytest.raises(ScenegenError, match="10,000,000 triangles are more than 4,000,000"):
        prepare(raw, tmp_path / "library")


def test_counting_agrees_with_the_mesh_and_survives_nonsense(tmp_path: Path) -> None:
    mesh = chair()
    mesh.export(tmp_path / "chair.glb")
    assert count_triangles(tmp_path / "chair.glb") == len(mesh.faces)
    for name, content in (
        ("a.glb", b"glTF"),
        ("b.gltf", b"[1]"),
        ("c.gltf", b'{"nodes": 3}'),
        ("d.gltf", b"\xff\xfe{"),
    ):
        (tmp_path / name).write_bytes(content)
        assert count_triangles(tmp_path / name) == 0


def specular_glossy(folder: Path, diffuse: list[float], specular: list[float], textured: bool) -> Path:
    files = chair().export(file_type="gltf")
    body = json.loads(files.pop("model.gltf"))
    primitive = body["meshes"][0]["primitives"][0]
    count = body["accessors"][primitive["attributes"]["POSITION"]]["count"]
    coordinates = np.zeros((count, 2), np.float32).tobytes()
    body["buffers"].append({"uri": "uv.bin", "byteLength": len(coordinates)})
    body["bufferViews"].append({"buffer": len(body["buffers"]) - 1, "byteLength": len(coordinates)})
    view = len(body["bufferViews"]) - 1
    body["accessors"].append({"bufferView": view, "componentType": 5126, "count": count, "type": "VEC2"})
    primitive["attributes"]["TEXCOORD_0"] = len(body["accessors"]) - 1
    primitive["material"] = 0
    glossy = {"diffuseFactor": [*diffuse, 1], "specularFactor": specular, "glossinessFactor": 0.7}
    if textured:
        glossy["diffuseTexture"] = {"index": 0}
        body |= {"images": [{"uri": "d.png"}], "textures": [{"source": 0}]}
    body["materials"] = [{"name": "m", "extensions": {"KHR_materials_pbrSpecularGlossiness": glossy}}]
    body["extensionsUsed"] = ["KHR_materials_pbrSpecularGlossiness"]
    folder.mkdir()
    Image.new("RGB", (8, 8), (10, 200, 30)).save(folder / "d.png")
    for name, content in {**files, "uv.bin": coordinates, "scene.gltf": json.dumps(body).encode()}.items():
        (folder / name).write_bytes(content)
    return folder / "scene.gltf"


def test_specular_glossy_materials_do_not_turn_into_mirrors(tmp_path: Path) -> None:
    paint = specular_glossy(tmp_path / "paint", [1, 1, 1], [0.04, 0.04, 0.04], textured=True)
    gold = specular_glossy(tmp_path / "gold", [0, 0, 0], [0.9, 0.7, 0.3], textured=False)
    found = [imported for _, imported in import_files([paint, gold])]
    painted, golden = (imported.materials[0] for imported in found if isinstance(imported, Imported))
    assert (painted.ior, painted.metallic, golden.metallic) == (1.45, 0.0, 1.0)
    assert painted.textures["base_color"]
    assert golden.base_color == pytest.approx((0.9, 0.7, 0.3), abs=1e-3)
    assert golden.roughness == pytest.approx(0.3, abs=1e-3)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_limit_are_refused(tmp_path: Path, method: int) -> None:
    """zipfile hands these decompressors whole chunks, whatever size the archive states."""
    with zipfile.ZipFile(tmp_path / "model.zip", "w", method) as archive:
        archive.writestr("scene.gltf", b"{}")
    with pytest.raises(ScenegenError, match="in an unusual way"):
        unpack(tmp_path / "model.zip", tmp_path / "in")


def test_a_long_list_of_files_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_DIRECTORY", 1000)
    path = pack(tmp_path, {f"{number:04}.bin": b"" for number in range(30)})
    with pytest.raises(ScenegenError, match="list of files is too long"):
        unpack(path, tmp_path / "in")
    unpack(pack(tmp_path, {"scene.gltf": b"{}"}), tmp_path / "in")


def test_textures_have_a_limit_and_known_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of pixels, read from the header alone; an EPS file, for which pillow would start Ghostscript, is no texture."""
    image = io.BytesIO()
    Image.new("RGB", (30, 20)).save(image, "PNG")
    monkeypatch.setattr(textures, "MOST_PIXELS", 599)
    with pytest.raises(textures.TextureError, match="30 x 20 pixels; make it smaller"):
        textures.grey_channel(image.getvalue(), "R")
    monkeypatch.setattr(textures, "MOST_PIXELS", 600)
    textures.grey_channel(image.getvalue(), "R")
    postscript = io.BytesIO()
    Image.new("RGB", (3, 2)).save(postscript, "EPS")
    with pytest.raises(textures.TextureError, match="cannot identify"):
        textures.grey_channel(postscript.getvalue(), "R")
