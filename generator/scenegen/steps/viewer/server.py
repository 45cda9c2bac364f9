"""The viewer's server: the page, and the answers about one data set, on this machine alone."""

from __future__ import annotations

import errno
import hmac
import secrets
import signal
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from scenegen.core.errors import ScenegenError, UsageError
from scenegen.steps.viewer.answers import Answers, NoAnswerError, Reply
from scenegen.steps.viewer.page_files import page_files

LOCAL = "127.0.0.1"
HOSTS = ("127.0.0.1", "localhost")
"""Names under which a browser on this machine may ask: of another name, the page may be a stranger's."""
EVERYWHERE = ("0.0.0.0", "::", "")
_FAR_AWAY = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses for documentation (RFC 5737, RFC 3849)."""
COOKIE = "scenegen-view"
KINDS = {"html": "text/html", "js": "text/javascript", "css": "text/css", "woff2": "font/woff2", "svg": "image/svg+xml"}
GRACE = 2
"""Seconds that answers have after Ctrl-C: fewer than the command line waits."""
LEAST_PACKED = 1000
"""Bytes from which on an answer is compressed."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True)
class Bound:
    """A socket that listens, and the address to open."""

    listener: socket.socket
    address: str
    token: str


def bind(host: str, port: int) -> Bound:
    """Listen at `host` and `port` (0: any free one); beyond this machine, the address has a token that is needed.

    Where it listens at every address, that is the one under which other machines reach this one.
    UsageError when the port is in use or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        if isinstance(error, socket.gaierror) or getattr(error, "errno", 0) == errno.EADDRNOTAVAIL:
            known = "is not known" if isinstance(error, socket.gaierror) else "is none of this machine's addresses"
            raise UsageError(
                f"{host}: this host {known}; leave --host out to listen on this machine alone, or give 0.0.0.0"
            ) from error
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{host}:{port}: {reason}; leave --port out for a free port, or give another") from error
    token = "" if host in HOSTS else secrets.token_urlsafe(18)
    reached = _own_address(family) if host in EVERYWHERE else host
    named = f"[{reached}]" if ":" in reached else reached
    address = f"http://{named}:{listener.getsockname()[1]}/"
    return Bound(listener, f"{address}?token={token}" if token else address, token)


def _own_address(family: socket.AddressFamily) -> str:
    """This machine's address as others see it: that of the way out of it; without a network, its name."""
    with socket.socket(family, socket.SOCK_DGRAM) as way_out:
        try:
            way_out.connect((_FAR_AWAY[family], 9))  # sends nothing
            return str(way_out.getsockname()[0])
        except OSError:
            return socket.getfqdn()


def serve(answers: Answers, bound: Bound) -> None:
    """Serve until interrupted (Ctrl-C)."""
    config = uvicorn.Config(
        application(answers, bound.token),
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    QuietServer(config).run(sockets=[bound.listener])


class QuietServer(uvicorn.Server):
    """Ends at Ctrl-C, and that is the end: uvicorn raises the signal again, which counts as a second Ctrl-C."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Close at SIGINT and SIGTERM."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def application(answers: Answers, token: str = "") -> Starlette:
    """The server's application; with a token, it answers none but those who know it."""
    files = page_files()

    def page(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in files:
            return PlainTextResponse("not found", 404)
        kind = KINDS.get(name.rpartition(".")[2], "application/octet-stream")
        return Response(files[name], media_type=kind, headers=_HEADERS | {"Cache-Control": "no-cache"})

    async def answer(request: Request) -> Response:
        path = request.path_params["path"]
        try:
            found, content, packed = await run_in_threadpool(_packed, answers, path, request.headers)
        except NoAnswerError as error:
            return JSONResponse({"error": str(error)}, 404, _HEADERS)
        except ScenegenError as error:
            return JSONResponse({"error": str(error)}, 422, _HEADERS)
        headers = _HEADERS | {"Cache-Control": "private, max-age=300" if found.keep else "no-store"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        return Response(content, media_type=found.kind, headers=headers)

    routes = [Route("/", page), Route("/api/{path:path}", answer), Route("/{name}", page)]
    guard = Middleware(TokenGuard, token=token) if token else Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    return Starlette(routes=routes, middleware=[guard])


class TokenGuard:
    """Lets through who knows the token: from the address once, then from a cookie."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, set the cookie, or refuse."""
        if scope["type"] != "http":
            return
        request = Request(scope)
        if self._knows(request.cookies.get(COOKIE, "")):
            await self._app(scope, receive, send)
            return
        refused = PlainTextResponse("open the whole address that `scenegen view` printed, with its token", 403)
        response: Response = refused
        if self._knows(request.query_params.get("token", "")):
            response = RedirectResponse("/")
            response.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
        await response(scope, receive, send)

    def _knows(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())


def _packed(answers: Answers, path: str, headers: Headers) -> tuple[Reply, bytes, bool]:
    found = answers.get(path)
    wanted = "gzip" in headers.get("accept-encoding", "") and not found.kind.startswith("image/")
    if not wanted or len(found.content) < LEAST_PACKED:
        return found, found.content, False
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return found, packer.compress(found.content) + packer.flush(), True
