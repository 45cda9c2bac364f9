"""Sketchfab's download API over HTTP: a model's description and its archive, with retries where they help.

`GET /v3/models/UID` is public. `GET /v3/models/UID/download` needs the token and answers with a link that expires in
minutes; the link leads to another host, which must never receive the token.
"""

from __future__ import annotations

import contextlib
import email.utils
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from scenegen import __version__
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.one_line import one_line

API = "https://api.sketchfab.com"
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
GIVE_UP_AFTER = 3  # models in a row that failed: then the cause is not the model
MOST_ARCHIVE_BYTES = 1_000_000_000
NO_CONNECTION = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
INSTEAD = "or use `scenegen assets build` (built-in models) or `scenegen assets add` (files, .sh3f libraries)"

Answer = TypeVar("Answer")


class Unavailable(ScenegenError):
    """This one model cannot be downloaded."""


class Stopped(ScenegenError):
    """No model can be downloaded now: no network, a refused token, a used up quota, or an interruption."""


class _Retry(Exception):
    """This attempt failed and another may succeed; `wait` is the server's Retry-After in seconds, or None."""

    def __init__(self, why: str, response: httpx.Response | None = None, *, new_link: bool = False) -> None:
        super().__init__(why)
        self.status = None if response is None else response.status_code
        self.wait = None if response is None else _retry_after(response)
        self.new_link = new_link


@dataclass(frozen=True)
class Patience:
    """How often and how long to retry; times in seconds.

    The wait between attempts doubles from `first_wait` on; a Retry-After of the server replaces it.
    """

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 600.0
    silence: float = 30.0
    least_speed: float = 10_000.0  # bytes a second over a whole attempt


@dataclass(frozen=True)
class Token:
    """A secret: no message shows it."""

    text: str = field(repr=False)


@dataclass(frozen=True)
class SketchfabModel:
    """Sketchfab's description of a model; `licence` is a slug, "" when none is given."""

    uid: str
    name: str
    author: str
    licence: str
    licence_label: str
    downloadable: bool
    triangles: int


@dataclass(frozen=True)
class _Link:
    url: str = field(repr=False)
    size: int
    suffix: str


def read_token(file: Path | None) -> Token:
    """The token in `file`, else in $SKETCHFAB_API_TOKEN; UsageError when there is none or it is not a token."""
    where = str(file) if file else "SKETCHFAB_API_TOKEN"
    try:
        text = file.read_text(encoding="utf-8") if file else os.environ.get("SKETCHFAB_API_TOKEN", "")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text"
        raise UsageError(f"{file}: cannot be read ({why}); put the API token into it") from error
    text = text.strip()
    if not text and file is None:
        raise UsageError(
            "no Sketchfab token: set SKETCHFAB_API_TOKEN or give --token-file (sketchfab.com, Settings, API), "
            + INSTEAD
        )
    if not re.fullmatch(r"[!-~]{8,200}", text):
        raise UsageError(
            f"{where}: not an API token, which is one word of letters and digits; copy it again from sketchfab.com"
        )
    return Token(text)


def api_address() -> str:
    """The address of the API: $SCENEGEN_SKETCHFAB_API (a mirror or a gateway), else Sketchfab's own."""
    address = os.environ.get("SCENEGEN_SKETCHFAB_API", API).rstrip("/")
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in THIS_MACHINE:
        raise UsageError(f"SCENEGEN_SKETCHFAB_API={address}: must be an https address, because the token is sent there")
    return address


class Sketchfab:
    """The API. Threads share one object: all pause when the server asks for it, and `stop` ends them soon."""

    def __init__(self, token: Token, address: str, patience: Patience = Patience()) -> None:
        self._token, self._address, self._patience = token, address, patience
        headers = {"User-Agent": f"scenegen/{__version__}", "Accept-Encoding": "identity"}
        try:
            hooks = {"request": [self._check_address]}  # called for every redirect, too
            self._client = httpx.Client(timeout=patience.silence, headers=headers, event_hooks=hooks)
        except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
            raise UsageError(
                f"the proxy or the certificates do not work: {error}; check HTTPS_PROXY and SSL_CERT_FILE"
            ) from error
        self._stop = threading.Event()
        self._open: set[socket.socket] = set()
        self._answered = False
        self._not_before = 0.0
        self._failed_in_a_row = 0

    def __enter__(self) -> Sketchfab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._client.close()

    def _check_address(self, request: httpx.Request) -> None:
        """Unavailable unless it is https: on the way anybody could put another archive in its place."""
        gateway = urlsplit(self._address)
        local = gateway.scheme == "http" and gateway.hostname in THIS_MACHINE and request.url.host in THIS_MACHINE
        if request.url.scheme != "https" and not local:
            raise Unavailable(f"it is offered over {request.url.scheme} at {request.url.host}; only https is used")

    def stop(self) -> None:
        """Make every call raise Stopped soon, even one that waits for data."""
        self._stop.set()
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def model(self, uid: str) -> SketchfabModel:
        """A model's description; the token is not sent."""
        body = self._json(f"{self._address}/v3/models/{uid}", {})
        licence, user = _object(body, "license"), _object(body, "user")
        faces = body.get("faceCount")
        return SketchfabModel(
            uid=uid,
            name=_clean(body.get("name")) or uid,
            author=_clean(user.get("displayName")) or _clean(user.get("username")) or "unknown",
            licence=_clean(licence.get("slug")),
            licence_label=_clean(licence.get("label")),
            downloadable=body.get("isDownloadable") is True,
            triangles=faces if isinstance(faces, int) else 0,
        )

    def download(self, uid: str, file: Path) -> str:
        """Download the archive to `file`, continuing a part that is there; return its type, ".zip" or ".glb"."""
        link: _Link | None = None

        def once() -> str:
            nonlocal link
            link = link or self._link(uid)
            try:
                self._stream(link, file)
            except _Retry as retry:
                link = None if retry.new_link else link
                raise
            return link.suffix

        suffix = self._patiently("the archive", once)
        self._failed_in_a_row = 0
        return suffix

    def _link(self, uid: str) -> _Link:
        body = self._json(f"{self._address}/v3/models/{uid}/download", {"Authorization": f"Token {self._token.text}"})
        for kind, suffix in (("gltf", ".zip"), ("glb", ".glb")):
            offer = body.get(kind)
            if isinstance(offer, dict) and isinstance(offer.get("url"), str):
                size = offer.get("size")
                if not isinstance(size, int) or size <= 0:
                    raise Unavailable("Sketchfab gives no size for the archive")
                if size > MOST_ARCHIVE_BYTES:
                    raise Unavailable(
                        f"{size / 1e9:.1f} GB is more than the limit of {MOST_ARCHIVE_BYTES / 1e9:.0f} GB"
                    )
                return _Link(offer["url"], size, suffix)
        raise Unavailable("Sketchfab offers no glTF file of it")

    def _json(self, url: str, headers: dict[str, str]) -> dict[str, Any]:
        def once() -> dict[str, Any]:
            response = self._client.get(url, headers=headers, follow_redirects=not headers)
            self._answered = True
            self._check_status(response, with_token=bool(headers))
            try:
                body = response.json()
            except ValueError as error:
                raise _Retry("an answer that is not JSON") from error
            if not isinstance(body, dict):
                raise _Retry("an answer that is not a JSON object")
            return body

        return self._patiently("Sketchfab", once)

    def _check_status(self, response: httpx.Response, *, with_token: bool) -> None:
        status = response.status_code
        if status == 401 and with_token:
            raise Stopped(f"Sketchfab refuses the token (401); make a new one at sketchfab.com, {INSTEAD}")
        if status in (401, 403):
            raise Unavailable(f"this account has no access to it ({status})")
        if status in (404, 410):
            raise Unavailable(f"no longer on Sketchfab ({status})")
        if status == 429 or status >= 500:
            raise _Retry(f"status {status}", response)
        if status != 200:
            raise Unavailable(f"unexpected answer (status {status})")

    def _stream(self, link: _Link, file: Path) -> None:
        """One attempt at the archive, without the token; a part is continued only if the file is unchanged (ETag)."""
        tag_file = file.with_name(f"{file.name}.etag")
        have = file.stat().st_size if file.exists() else 0
        if have == link.size:
            return
        tag = tag_file.read_text(encoding="utf-8") if tag_file.exists() else ""
        if have > link.size or not tag:
            have = 0
        headers = {"Range": f"bytes={have}-", "If-Range": tag} if have else {}
        with self._client.stream("GET", link.url, headers=headers, follow_redirects=True) as response:
            status = response.status_code
            if status in (400, 401, 403, 404, 410):
                raise _Retry(f"the link has expired (status {status})", new_link=True)
            if status == 429 or status >= 500:
                raise _Retry(f"status {status}", response)
            goes_on = status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            if status != 200 and not goes_on:
                file.unlink(missing_ok=True)
                raise _Retry(f"unexpected answer (status {status})", new_link=True)
            if not goes_on:
                have = 0
                fresh = response.headers.get("ETag", "")
                tag_file.write_text(
                    "" if fresh.startswith("W/") or not fresh.isprintable() else fresh, encoding="utf-8"
                )
            with file.open("ab" if goes_on else "wb") as stream, self._interruptible(response):
                self._copy(response, stream.write, link.size - have)
        have = file.stat().st_size
        if have != link.size:
            raise _Retry(f"{have:,} bytes arrived instead of {link.size:,}")

    @contextlib.contextmanager
    def _interruptible(self, response: httpx.Response) -> Iterator[None]:
        connection = response.extensions["network_stream"].get_extra_info("socket")
        self._open.add(connection)
        try:
            yield
        finally:
            self._open.discard(connection)

    def _copy(self, response: httpx.Response, write: Callable[[bytes], object], room: int) -> None:
        started, count = time.monotonic(), 0
        for chunk in response.iter_raw():
            write(chunk)
            count += len(chunk)
            if count > room:
                return
            seconds = time.monotonic() - started
            if self._stop.is_set():
                raise Stopped("interrupted")
            if seconds > self._patience.silence and count < self._patience.least_speed * seconds:
                raise _Retry(f"only {count / seconds / 1000:.1f} kB/s")

    def _patiently(self, what: str, once: Callable[[], Answer]) -> Answer:
        """The result of `once`, retried while that may help; on Retry-After all threads wait together."""
        wait, fault, status = self._patience.first_wait, "", None
        for number in range(self._patience.attempts):
            if number and self._not_before < time.monotonic():
                self._pause(wait)
                wait *= 2
            self._pause(self._not_before - time.monotonic())
            try:
                return once()
            except _Retry as retry:
                fault, status = str(retry), retry.status
                if retry.wait is not None:
                    self._wait_together(retry.wait)
            except (httpx.TransportError, httpx.TooManyRedirects) as error:
                fault, status = str(error) or type(error).__name__, None
                if isinstance(error, NO_CONNECTION) and not self._answered:
                    raise Stopped(f"{self._address}: no connection ({fault}); check the network, {INSTEAD}") from error
        self._failed_in_a_row += 1
        if status == 429 or self._failed_in_a_row >= GIVE_UP_AFTER:
            raise Stopped(f"{what} failed repeatedly ({fault}); run the same command later to continue")
        raise Unavailable(f"{what} failed {self._patience.attempts} times: {fault}")

    def _wait_together(self, seconds: float) -> None:
        if seconds > self._patience.longest_wait:
            raise Stopped(f"Sketchfab asks to wait {seconds / 60:.0f} min; run the same command then to continue")
        self._not_before = max(self._not_before, time.monotonic() + seconds)

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise Stopped("interrupted")


def _retry_after(response: httpx.Response) -> float | None:
    """Retry-After in seconds, from a number or an HTTP date; None when it is missing or not readable."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _object(body: dict[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key)
    return value if isinstance(value, dict) else {}


def _clean(text: object) -> str:
    """`text` as one line of at most 200 characters; "" when it is not a string."""
    return one_line(text)[:200] if isinstance(text, str) else ""
