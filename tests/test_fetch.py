"""`scenegen assets fetch` over real HTTP, against a server that behaves as Sketchfab's."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scenegen.assets.library import Material, Provenance, list_assets
from scenegen.assets.prepare import prepare
from scenegen.assets.raw_model import RawModel
from scenegen.assets.sources import archive as archives
from scenegen.assets.sources.archive import BrokenArchive, unpack
from scenegen.assets.sources.gltf import count_triangles, named_outside
from scenegen.assets.sources.importer import Imported, import_files
from scenegen.assets.sources.licences import spdx, why_refused
from scenegen.assets.sources.sketchfab_api import (
    Patience,
    Sketchfab,
    Stopped,
    Token,
    Unavailable,
    api_address,
    read_token,
)
from scenegen.errors import ScenegenError, UsageError

from tests.model_files import box, chair, table
from tests.sketchfab_server import TOKEN, Offer, Site, gltf_zip, make_zip, serve
from tests.test_cli_assets import Done, run

HASTY = Patience(attempts=3, first_wait=0.01, longest_wait=5.0, silence=0.5)
UID = "0" * 31 + "1"
CONTENT = np.random.default_rng(1).bytes(100_000)


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as running:
        running.offers[UID] = Offer(CONTENT)
        yield running


@pytest.fixture
def api(site: Site) -> Iterator[Sketchfab]:
    with Sketchfab(Token(TOKEN), site.api, HASTY) as running:
        yield running


# -- the API


def test_a_download_is_whole_and_the_token_goes_to_the_api_alone(site: Site, api: Sketchfab, tmp_path: Path) -> None:
    assert api.model(UID).author == "Jo Doe"
    assert api.download(UID, tmp_path / "part") == ".zip"
    assert (tmp_path / "part").read_bytes() == CONTENT
    with_token = [seen.path for seen in site.seen if TOKEN in str(seen.headers)]
    assert with_token == [f"/v3/models/{UID}/download"]
    assert not [seen for seen in site.requests("/archive/") if "Authorization" in seen.headers]


@pytest.mark.parametrize("kind", ["model", "download", "archive"])
def test_passing_faults_are_waited_out(site: Site, api: Sketchfab, tmp_path: Path, kind: str) -> None:
    site.faults[kind, UID].extend([500, (503, "0")])
    api.model(UID)
    api.download(UID, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured(site: Site, api: Sketchfab, form: str) -> None:
    after = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True) if form == "date" else "1"
    site.faults["model", UID].append((429, after))
    started = time.monotonic()
    api.model(UID)
    assert 0.9 < time.monotonic() - started < 4


def test_what_no_waiting_mends(site: Site, api: Sketchfab, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="gone from Sketchfab"):
        api.model("f" * 32)
    site.offers[UID].downloadable = False
    with pytest.raises(Unavailable, match="not open to this account"):
        api.download(UID, tmp_path / "part")
    site.faults["model", UID].append((429, "3600"))
    with pytest.raises(Stopped, match="asks to wait 60 min"):
        api.model(UID)
    site.faults["model", UID].extend([(429, "0")] * 3)
    with pytest.raises(Stopped, match="again and again"):
        api.model(UID)


def test_a_server_that_is_down_is_not_asked_for_every_model(site: Site, api: Sketchfab) -> None:
    site.faults["model", UID].extend([503] * 9)
    for _ in range(2):
        with pytest.raises(Unavailable, match="failed 3 times: status 503"):
            api.model(UID)
    with pytest.raises(Stopped, match="status 503"):
        api.model(UID)


def test_a_wrong_token_ends_it_and_shows_nowhere(site: Site, tmp_path: Path) -> None:
    with Sketchfab(Token("wrong-token-9876"), site.api, HASTY) as api, pytest.raises(Stopped) as error:
        api.download(UID, tmp_path / "part")
    assert "refuses the token (401)" in str(error.value)
    assert "scenegen assets build" in str(error.value)
    assert "9876" not in str(error.value) + repr(Token("wrong-token-9876")) + repr(vars(api))


def test_a_proxy_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy")
    with pytest.raises(UsageError, match="the proxy or certificates"):
        Sketchfab(Token(TOKEN), "https://mirror.example")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with Sketchfab(Token(TOKEN), "https://mirror.example", HASTY) as api, pytest.raises(Stopped, match="no connection"):
        api.model(UID)


def test_nobody_there(tmp_path: Path) -> None:
    with Sketchfab(Token(TOKEN), "http://127.0.0.1:9", HASTY) as api, pytest.raises(Stopped) as error:
        api.model(UID)
    assert "no connection" in str(error.value)
    assert "scenegen assets build" in str(error.value)


def test_an_expired_link_is_asked_for_anew(site: Site, api: Sketchfab, tmp_path: Path) -> None:
    site.faults["archive", UID].append("expired")
    api.download(UID, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert len(site.requests("/download")) == 2


@pytest.mark.parametrize("fault", ["cut", "hang", "slow"])
def test_a_broken_off_download_goes_on_where_it_was(site: Site, api: Sketchfab, tmp_path: Path, fault: str) -> None:
    site.faults["archive", UID].append(fault)
    api.download(UID, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT
    first, second = site.requests("/archive/")
    assert "Range" not in first.headers
    have = int(second.headers["Range"].removeprefix("bytes=").rstrip("-"))
    assert have == len(CONTENT) // 2 if fault != "slow" else 0 < have < len(CONTENT) // 2


@pytest.mark.parametrize("change", ["no ranges", "another archive", "no tag"])
def test_a_part_of_something_else_is_not_continued(site: Site, api: Sketchfab, tmp_path: Path, change: str) -> None:
    part = tmp_path / "part"
    site.faults["archive", UID].extend(["cut", 500, 500])
    with pytest.raises(Unavailable):
        api.download(UID, part)
    assert part.stat().st_size == len(CONTENT) // 2
    if change == "no ranges":
        site.ranges = False
    elif change == "another archive":
        site.offers[UID].archive = CONTENT[::-1]
    else:
        (tmp_path / "part.etag").unlink()
    api.download(UID, part)
    assert part.read_bytes() == site.offers[UID].archive


@pytest.mark.parametrize("size", [90_000, 110_000])
def test_another_size_than_announced_is_refused(site: Site, api: Sketchfab, tmp_path: Path, size: int) -> None:
    site.offers[UID].size = size
    with pytest.raises(Unavailable, match="bytes came of"):
        api.download(UID, tmp_path / "part")
    site.offers[UID].size = 5_000_000_000
    with pytest.raises(Unavailable, match=r"5.0 GB are more than 1 GB"):
        api.download(UID, tmp_path / "part")


def test_where_the_token_and_the_address_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKETCHFAB_API_TOKEN", "from-the-environment")
    (tmp_path / "token").write_text("  from-the-file\n")
    assert read_token(None).text == "from-the-environment"
    assert read_token(tmp_path / "token").text == "from-the-file"
    (tmp_path / "token").write_text("secret words\r\nHost: elsewhere")
    with pytest.raises(UsageError, match="holds no API token") as error:
        read_token(tmp_path / "token")
    assert "secret" not in str(error.value)
    with pytest.raises(UsageError, match="cannot be read"):
        read_token(tmp_path)
    monkeypatch.delenv("SKETCHFAB_API_TOKEN")
    with pytest.raises(UsageError, match="SKETCHFAB_API_TOKEN"):
        read_token(None)
    monkeypatch.setenv("SCENEGEN_SKETCHFAB_API", "http://mirror.example")
    with pytest.raises(UsageError, match="must be https"):
        api_address()
    monkeypatch.setenv("SCENEGEN_SKETCHFAB_API", "https://mirror.example/")
    assert api_address() == "https://mirror.example"


# -- licences


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


# -- archives


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
        (make_zip({"readme.txt": b"hello"}), "holds no glTF"),
        (make_zip({"scene.gltf": b'{"buffers": [{"uri": "../../../etc/passwd"}]}'}), "names a file outside"),
        (make_zip({"scene.gltf": b'{"images": [{"uri": "file:///etc/passwd"}]}'}), "names a file outside"),
        (make_zip({"scene.gltf": b'{"images": [{"uri": "%2e%2e/secret.png"}]}'}), "names a file outside"),
        (make_zip({"a": b"", "a/b.gltf": b"{}"}), "cannot be unpacked"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_archives_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "model.zip").write_bytes(content)
    (tmp_path / "in").mkdir()
    with pytest.raises(ScenegenError, match=says) as error:
        unpack(tmp_path / "model.zip", tmp_path / "in")
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
    assert unpack(tmp_path / "model.zip", tmp_path / "in").name == "scene.gltf"


def test_a_bomb_is_judged_by_what_it_would_unpack_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1_000_000)
    path = pack(tmp_path, {"scene.gltf": b"{}", "noise": np.random.default_rng(0).bytes(1_000_001)})
    with pytest.raises(ScenegenError, match="would unpack to"):
        unpack(path, tmp_path / "in")


# -- models too large to look at


def huge_gltf(triangles: int) -> bytes:
    body = {
        "asset": {"version": "2.0"},
        "nodes": [{"mesh": 0}, {"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [{"count": 3}, {"count": 3 * triangles // 2}],
    }
    return json.dumps(body).encode()


def test_ten_million_triangles_are_refused_at_once(tmp_path: Path) -> None:
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
    started = time.process_time()
    with pytest.raises(ScenegenError, match="10,000,000 triangles are more than 4,000,000"):
        prepare(raw, tmp_path / "library")
    assert time.process_time() - started < 1


def test_counting_agrees_with_the_mesh_and_survives_nonsense(tmp_path: Path) -> None:
    mesh = chair()
    mesh.export(tmp_path / "chair.glb")
    assert count_triangles(tmp_path / "chair.glb") == len(mesh.faces)
    assert named_outside(tmp_path / "chair.glb") is None
    for name, content in (
        ("a.glb", b"glTF"),
        ("b.gltf", b"[1]"),
        ("c.gltf", b'{"nodes": 3}'),
        ("d.gltf", b"\xff\xfe{"),
    ):
        (tmp_path / name).write_bytes(content)
        assert count_triangles(tmp_path / name) == 0
        assert named_outside(tmp_path / name) is None


# -- materials of older archives


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


# -- the command


def uid(number: int) -> str:
    return f"{number:08x}" * 4


def entry(number: int, class_name: str, split: str = "train") -> dict[str, Any]:
    return {"uid": uid(number), "class": class_name, "split": split}


def fetch(site: Site, library: Path, manifest: Path, *words: str) -> Done:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCENEGEN_SKETCHFAB_API", site.api)
        patch.setenv("SKETCHFAB_API_TOKEN", TOKEN)
        done = run("fetch", "--assets", library, "--manifest", manifest, *words)
    assert TOKEN not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def write_manifest(folder: Path, want: dict[str, Any] | None, *models: dict[str, Any]) -> Path:
    path = folder / "mine.json"
    body = {"format": "scenegen-manifest/1", "models": models} | ({"want": want} if want else {})
    path.write_text(json.dumps(body))
    return path


def test_spares_take_the_place_of_what_cannot_be_had(site: Site, tmp_path: Path) -> None:
    site.offers |= {
        uid(1): Offer(gltf_zip(chair()), slug="cc-by-nd", label="CC Attribution-NoDerivs"),
        uid(3): Offer(gltf_zip(chair()), name="Oak \x1b[31mchair\n", author="Ann"),
        uid(4): Offer(make_zip({"../evil": b"x"})),
        uid(5): Offer(gltf_zip(chair(), extra={"unused.png": b"x"}), slug="cc0", label="CC0 Public Domain"),
        uid(6): Offer(make_zip({"scene.gltf": b'{"asset": {"version": "2.0"}, "nodes": []}'})),
        uid(7): Offer(gltf_zip(table())[:-50]),
        uid(8): Offer(gltf_zip(table())),
        uid(9): Offer(make_zip({"scene.gltf": huge_gltf(10_000_000)})),
        uid(10): Offer(gltf_zip(box((0, 0, 0), (0.3, 0.2, 0.4))), faces=10_000_000),
    }
    want = {"chair": {"train": 2}, "table": {"test": 1}, "bag": {"train": 1}}
    chairs = [entry(number, "chair") for number in range(1, 6)]  # 1 is ND, 2 is gone, 4 hostile
    tables = [entry(number, "table", "test") for number in (6, 7, 8)]  # 6 imports to nothing, 7 is truncated
    others = [entry(9, "bag"), entry(10, "bag"), entry(3, "bag"), entry(11, "chiar"), {**entry(12, "bag"), "uid": "zz"}]
    manifest = write_manifest(tmp_path, want, *chairs, *tables, *others)
    library = tmp_path / "library"

    done = fetch(site, library, manifest, "--json", "--jobs", "2")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    fetched = {model["uid"]: model for model in answer["fetched"]}
    assert set(fetched) == {uid(3), uid(5), uid(8)}
    assert {fetched[uid(3)]["instead_of"], fetched[uid(5)]["instead_of"]} <= {uid(1), uid(2)}
    assert fetched[uid(8)]["instead_of"] == uid(6)
    places = {refusal["uid"]: refusal["replaced_by"] for refusal in answer["refused"]}
    assert places[uid(6)] == places[uid(7)] == fetched[uid(8)]["asset"]
    assert places[uid(9)] is places[uid(10)] is None
    why = {refusal["uid"]: refusal["why"] for refusal in answer["refused"]}
    assert "forbids derived data (ND)" in why[uid(1)]
    assert "gone from Sketchfab (404)" in why[uid(2)]
    assert "outside its folder" in why[uid(4)]
    assert "no mesh" in why[uid(6)]
    assert "archive is damaged" in why[uid(7)]
    assert "10,000,000 triangles" in why[uid(9)]
    assert "10,000,000 triangles" in why[uid(10)]
    assert answer["missing"] == [{"class": "bag", "split": "train", "count": 1}]
    assert len(answer["faults"]) == 3
    assert f"models[10] ({uid(3)}): the same uid as models[2]" in done.stderr
    assert "unknown class 'chiar'" in done.stderr
    assert "32 hexadecimal digits" in done.stderr

    assets = {asset.name: asset for asset in list_assets(library)}
    assert set(assets) == {model["asset"] for model in answer["fetched"]}
    oak = assets[fetched[uid(3)]["asset"]]
    assert (oak.class_name, oak.split) == ("chair", "train")
    assert oak.size == pytest.approx((0.5, 0.55, 0.9), abs=1e-3)
    assert oak.provenance.title == "Oak [31mchair"
    assert (oak.provenance.author, oak.provenance.licence) == ("Ann", "CC-BY-4.0")
    assert oak.provenance.source == f"https://sketchfab.com/3d-models/{uid(3)}"
    assert oak.provenance.checksum != assets[fetched[uid(5)]["asset"]].provenance.checksum
    assert not (library / ".fetch").exists()

    # once more: what is there is not asked for, a dropped model does not come back, its spare is gone
    run("drop", "--assets", library, oak.name, "--why", "a leg is missing")
    site.seen.clear()
    done = fetch(site, library, manifest, "--class", "chair")
    assert done.returncode == 1
    assert {seen.path.split("/")[3] for seen in site.seen if "/v3/" in seen.path} == {uid(1), uid(2), uid(4)}
    assert "dropped from this library: a leg is missing" in done.stdout
    assert "1 of 2 models there, 0 of them new, 1 missing" in done.stdout


def test_all_there_needs_no_token(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.offers[uid(1)] = Offer(gltf_zip(chair()), slug="by-nc", label="CC Attribution-NonCommercial")
    manifest = write_manifest(tmp_path, None, entry(1, "chair"))
    done = fetch(site, tmp_path / "library", manifest, "--commercial")
    assert done.returncode == 1
    assert "forbids commercial use (NC)" in done.stdout
    assert fetch(site, tmp_path / "library", manifest).returncode == 0
    monkeypatch.delenv("SKETCHFAB_API_TOKEN", raising=False)
    done = run("fetch", "--assets", tmp_path / "library", "--manifest", manifest)
    assert (done.returncode, "1 of 1 models there" in done.stdout) == (0, True)
    done = run("fetch", "--assets", tmp_path / "other", "--manifest", manifest)
    assert (done.returncode, "no Sketchfab token" in done.stderr) == (2, True)
    assert done.stderr.count("\n") == 1


def test_bad_arguments(site: Site, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, None, entry(1, "chair"))
    for words in (("--class", "table"), ("--jobs", "50"), ("--token-file", str(tmp_path / "none"))):
        done = fetch(site, tmp_path / "library", manifest, *words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), words
    assert fetch(site, tmp_path / "library", tmp_path / "none.json").returncode == 2


def test_a_wrong_token_ends_the_command_at_once(site: Site, tmp_path: Path) -> None:
    site.offers = {uid(number): Offer(gltf_zip(chair())) for number in range(1, 30)}
    manifest = write_manifest(tmp_path, None, *(entry(number, "chair") for number in range(1, 30)))
    (tmp_path / "token").write_text("some-other-token")
    done = fetch(site, tmp_path / "library", manifest, "--token-file", str(tmp_path / "token"))
    assert done.returncode == 1
    assert "scenegen: Sketchfab refuses the token (401)" in done.stderr
    assert "some-other-token" not in done.stdout + done.stderr
    assert len(site.requests("/download")) <= 4
    assert site.most_at_once <= 4


def test_a_full_disk_ends_it_in_one_line(site: Site, tmp_path: Path) -> None:
    site.offers[uid(1)] = Offer(gltf_zip(chair(), 400_000))
    manifest = write_manifest(tmp_path, None, entry(1, "chair"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        done = fetch(site, tmp_path / "library", manifest)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert fetch(site, tmp_path / "library", manifest).returncode == 0


def test_a_killed_download_goes_on(site: Site, tmp_path: Path) -> None:
    site.offers[uid(1)] = Offer(gltf_zip(chair(), 400_000))
    site.faults["archive", uid(1)].append("hang")
    manifest = write_manifest(tmp_path, None, entry(1, "chair"))
    library = tmp_path / "library"
    part = library / ".fetch" / f"{uid(1)}.part"
    child = subprocess.Popen(
        [
            *(sys.executable, "-c", "from scenegen.cli import main; main()", "assets", "fetch"),
            *("--assets", str(library), "--manifest", str(manifest)),
        ],
        env={**os.environ, "SCENEGEN_SKETCHFAB_API": site.api, "SKETCHFAB_API_TOKEN": TOKEN},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert site.hanging.wait(60)
        deadline = time.monotonic() + 10
        while not (part.exists() and part.stat().st_size > 150_000) and time.monotonic() < deadline:
            time.sleep(0.02)
        done = fetch(site, library, manifest)
        assert (done.returncode, "another fetch is at work" in done.stderr) == (1, True)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    have = part.stat().st_size
    site.seen.clear()
    assert fetch(site, library, manifest).returncode == 0
    (request,) = site.requests("/archive/")
    assert request.headers["Range"] == f"bytes={have}-"
    assert [asset.class_name for asset in list_assets(library)] == ["chair"]
    assert not (library / ".fetch").exists()
