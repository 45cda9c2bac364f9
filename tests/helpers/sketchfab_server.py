"""A server that behaves as Sketchfab's API does, on one port, and as its archives' address, on another."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import trimesh

from helpers.model_files import turned

TOKEN = "0123456789abcdefSECRET"
TO_Y_UP = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]


@dataclass
class Offer:
    """A model on the site. `size` is what the API says of the archive's size; None tells the truth."""

    archive: bytes = b""
    slug: str | None = "cc-by"
    label: str = "CC Attribution"
    name: str = "A model"
    author: str = "Jo Doe"
    faces: int = 12
    downloadable: bool = True
    size: int | None = None


@dataclass
class Seen:
    """A request as it came in."""

    host: str
    path: str
    headers: dict[str, str]


@dataclass
class Site:
    """What the server offers and has seen.

    `faults` maps ("model" | "download" | "archive", uid) to what happens before the true answer, each once: a status,
    a (status, Retry-After) pair, or "cut" (half of it, then the connection ends), "hang" (half of it, then nothing
    until `released`), "slow" (a byte now and then).
    """

    offers: dict[str, Offer] = field(default_factory=dict)
    faults: dict[tuple[str, str], deque[Any]] = field(default_factory=lambda: defaultdict(deque))
    seen: list[Seen] = field(default_factory=list)
    expired: set[str] = field(default_factory=set)
    ranges: bool = True
    released: threading.Event = field(default_factory=threading.Event)
    hanging: threading.Event = field(default_factory=threading.Event)
    api: str = ""
    archives: str = ""
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def requests(self, part: str) -> list[Seen]:
        return [seen for seen in self.seen if part in seen.path]


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_words: object) -> None:
        """A client that goes away says nothing on standard error, where tests read what the command says."""


@contextmanager
def serve() -> Iterator[Site]:
    """Run both servers."""
    site = Site()
    servers = [_Server(("127.0.0.1", 0), _handler(site, host)) for host in ("api", "archives")]
    site.api, site.archives = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield site
    finally:
        site.released.set()
        for server in servers:
            server.shutdown()
            server.server_close()


def gltf_zip(mesh: trimesh.Trimesh, padding: int = 0, extra: dict[str, bytes] | None = None) -> bytes:
    """A mesh (Z up) as Sketchfab packs it: a zip of scene.gltf and its buffers, Y up."""
    files = turned(mesh, TO_Y_UP).export(file_type="gltf")
    body = json.loads(files.pop("model.gltf"))
    noise = np.random.default_rng(0).bytes(padding)
    return make_zip(
        {"scene.gltf": json.dumps(body).encode(), **files, "license.txt": b"CC-BY", "noise": noise} | (extra or {})
    )


def huge_gltf(triangles: int) -> bytes:
    """A glTF that announces so many triangles, and holds none."""
    body = {
        "asset": {"version": "2.0"},
        "nodes": [{"mesh": 0}, {"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [{"count": 3}, {"count": 3 * triangles // 2}],
    }
    return json.dumps(body).encode()


def make_zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _handler(site: Site, host: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_words: object) -> None:
            pass

        def do_GET(self) -> None:
            with site.lock:
                site.seen.append(Seen(host, self.path, dict(self.headers)))
                site.at_once += 1
                site.most_at_once = max(site.most_at_once, site.at_once)
            try:
                self.answer()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            finally:
                with site.lock:
                    site.at_once -= 1

        def answer(self) -> None:
            parts = urlsplit(self.path).path.strip("/").split("/")
            uid = parts[2] if host == "api" else parts[1]
            kind = "archive" if host == "archives" else "download" if parts[-1] == "download" else "model"
            waiting = site.faults[kind, uid]
            fault = waiting.popleft() if waiting else None
            if isinstance(fault, int):
                return self.send(fault, b"{}")
            if isinstance(fault, tuple):
                return self.send(fault[0], b"{}", {"Retry-After": fault[1]})
            offer = site.offers.get(uid)
            if offer is None:
                return self.send(404, b'{"detail": "Not found."}')
            if kind == "model":
                return self.send(200, json.dumps(_metadata(uid, offer)).encode())
            if kind == "download":
                return self.download(uid, offer)
            return self.archive(uid, offer, fault)

        def download(self, uid: str, offer: Offer) -> None:
            if self.headers.get("Authorization") != f"Token {TOKEN}":
                return self.send(401, b'{"detail": "Invalid token."}')
            if not offer.downloadable:
                return self.send(403, b'{"detail": "You do not have permission to perform this action."}')
            with site.lock:
                number = len(site.seen)
            url = f"{site.archives}/archive/{uid}/gltf.zip?sig={number}"
            size = len(offer.archive) if offer.size is None else offer.size
            return self.send(200, json.dumps({"gltf": {"url": url, "size": size, "expires": 300}}).encode())

        def archive(self, uid: str, offer: Offer, fault: str | None) -> None:
            sig = parse_qs(urlsplit(self.path).query)["sig"][0]
            if fault == "expired":
                site.expired.add(sig)
            if sig in site.expired:
                return self.send(403, b"<Error><Code>AccessDenied</Code></Error>")
            content, etag = offer.archive, f'"{hashlib.md5(offer.archive).hexdigest()}"'
            start, status, headers = 0, 200, {"ETag": etag}
            wanted = self.headers.get("Range")
            if site.ranges and wanted and self.headers.get("If-Range") == etag:
                start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            if fault is None:
                return self.send(status, content[start:], headers)
            self.send(status, b"", headers, len(content) - start)
            half = content[start : start + (len(content) - start) // 2]
            self.close_connection = True
            if fault == "slow":
                for byte in half:
                    self.wfile.write(bytes([byte]))
                    if site.released.wait(0.02):
                        break
                return None
            self.wfile.write(half)
            if fault == "hang":
                site.hanging.set()
                site.released.wait()
            return None

        def send(self, status: int, body: bytes, headers: dict[str, str] | None = None, length: int = -1) -> None:
            self.send_response(status)
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body) if length < 0 else length))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _metadata(uid: str, offer: Offer) -> dict[str, Any]:
    licence = {} if offer.slug is None else {"slug": offer.slug, "label": offer.label, "fullName": offer.label}
    return {
        "uid": uid,
        "name": offer.name,
        "isDownloadable": offer.downloadable,
        "user": {"displayName": offer.author, "username": "jo"},
        "license": licence,
        "faceCount": offer.faces,
        "archives": {"gltf": {"size": len(offer.archive)}},
    }
