"""Sketchfab's API over real HTTP: what is waited out, what is not, and who sees the token."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
from helpers.sketchfab_server import TOKEN, Offer, Site, serve
from scenegen.assets.sources.sketchfab.api import (
    API,
    Patience,
    Sketchfab,
    Stopped,
    Token,
    Unavailable,
    api_address,
    read_token,
)
from scenegen.core.errors import UsageError

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
def test_retry_after_is_honoured(site: Site, api: Sketchfab, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    after = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True) if form == "date" else "1"
    site.faults["model", UID].append((429, after))
    waits: list[float] = []
    monkeypatch.setattr(api, "_pause", waits.append)
    api.model(UID)
    assert 0.9 < max(waits) <= 2


def test_what_no_waiting_fixes(site: Site, api: Sketchfab, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no longer on Sketchfab"):
        api.model("f" * 32)
    site.offers[UID].downloadable = False
    with pytest.raises(Unavailable, match="this account has no access"):
        api.download(UID, tmp_path / "part")
    site.faults["model", UID].append((429, "3600"))
    with pytest.raises(Stopped, match="asks to wait 60 min"):
        api.model(UID)
    site.faults["model", UID].extend([(429, "0")] * 3)
    with pytest.raises(Stopped, match="failed repeatedly"):
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
    with pytest.raises(UsageError, match="the proxy or the certificates"):
        Sketchfab(Token(TOKEN), "https://mirror.example")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with Sketchfab(Token(TOKEN), "https://mirror.example", HASTY) as api, pytest.raises(Stopped, match="no connection"):
        api.model(UID)


def test_no_connection(tmp_path: Path) -> None:
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


def test_a_stalled_download_can_be_interrupted(site: Site, tmp_path: Path) -> None:
    site.faults["archive", UID].append("hang")
    with Sketchfab(Token(TOKEN), site.api) as api, ThreadPoolExecutor(1) as pool:
        download = pool.submit(api.download, UID, tmp_path / "part")
        assert site.hanging.wait(10)
        while not (tmp_path / "part").exists():
            time.sleep(0.01)
        api.stop()
        with pytest.raises(Stopped):
            download.result(timeout=10)


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
    with pytest.raises(Unavailable, match="bytes arrived"):
        api.download(UID, tmp_path / "part")
    site.offers[UID].size = 5_000_000_000
    with pytest.raises(Unavailable, match=r"5.0 GB is more than the limit of 1 GB"):
        api.download(UID, tmp_path / "part")


def test_where_the_token_and_the_address_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKETCHFAB_API_TOKEN", "from-the-environment")
    (tmp_path / "token").write_text("  from-the-file\n")
    assert read_token(None).text == "from-the-environment"
    assert read_token(tmp_path / "token").text == "from-the-file"
    (tmp_path / "token").write_text("secret words\r\nHost: elsewhere")
    with pytest.raises(UsageError, match="not an API token") as error:
        read_token(tmp_path / "token")
    assert "secret" not in str(error.value)
    with pytest.raises(UsageError, match="cannot be read"):
        read_token(tmp_path)
    monkeypatch.delenv("SKETCHFAB_API_TOKEN")
    with pytest.raises(UsageError, match="SKETCHFAB_API_TOKEN"):
        read_token(None)
    monkeypatch.setenv("SCENEGEN_SKETCHFAB_API", "http://mirror.example")
    with pytest.raises(UsageError, match="must be an https address"):
        api_address()
    monkeypatch.setenv("SCENEGEN_SKETCHFAB_API", "https://mirror.example/")
    assert api_address() == "https://mirror.example"


@pytest.mark.parametrize("where", ["link", "redirect", "second redirect", "this machine"])
def test_only_https_is_used(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API's link, and every redirect of it; an address of this machine is no exception."""
    bad = "http://127.0.0.1/a.zip" if where == "this machine" else "http://archives.example/a.zip"
    first, second = "https://archives.example/a.zip", "https://archives.example/b.zip"
    answers = {
        "https://api.sketchfab.com": {"gltf": {"url": bad if where == "link" else first, "size": 10}},
        first: second if where == "second redirect" else bad,
        second: bad,
    }
    asked: list[str] = []

    def answer(_transport: object, request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        found = answers["https://api.sketchfab.com" if "api." in request.url.host else str(request.url)]
        if isinstance(found, dict):
            return httpx.Response(200, json=found, request=request)
        return httpx.Response(302, headers={"Location": found}, request=request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    with Sketchfab(Token(TOKEN), API, HASTY) as api, pytest.raises(Unavailable, match=r"over http at .*only https"):
        api.download(UID, tmp_path / "part")
    assert len(asked) == {"link": 1, "redirect": 2, "second redirect": 3, "this machine": 2}[where]
    assert all(address.startswith("https://") for address in asked)


def test_a_gateway_of_this_machine_cannot_lead_to_http_elsewhere(site: Site, api: Sketchfab) -> None:
    with pytest.raises(Unavailable, match="only https"):
        api._check_address(httpx.Request("GET", "http://archives.example/a.zip"))
    api._check_address(httpx.Request("GET", f"{site.archives}/a.zip"))
    api._check_address(httpx.Request("GET", "https://archives.example/a.zip"))
