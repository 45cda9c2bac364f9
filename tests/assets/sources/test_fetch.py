"""`scenegen assets fetch` over real HTTP, against a server that behaves as Sketchfab's."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.assets_command import Done, run
from helpers.model_files import box, chair, table
from helpers.sketchfab_server import TOKEN, Offer, Site, gltf_zip, huge_gltf, make_zip, serve
from scenegen.core.asset_library import list_assets


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as running:
        yield running


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
    assert "no longer on Sketchfab (404)" in why[uid(2)]
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
            *(sys.executable, "-c", "from scenegen.cli.main import main; main()", "assets", "fetch"),
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
        assert (done.returncode, "another fetch is running" in done.stderr) == (1, True)
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
