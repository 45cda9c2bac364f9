"""One run at a time on a data set, with a lock that is free again after a kill.

The kernel holds the lock (flock on OUT/.lock) and frees it when the process ends, however it ends. On a disk that
several machines share, the lock of one may be unknown to another: so the holder also counts up in the file, and a run
that finds the count of another machine watches whether it still changes.

Standard library and numpy only: this runs inside Blender.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scenegen.core.decoding import read_file
from scenegen.core.errors import ScenegenError
from scenegen.core.json_values import parse_object

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

BEAT = 4.0
WATCH = 3 * BEAT
UNSUPPORTED = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EINVAL}
_WIDTH = 512


@contextmanager
def run_lock(out: Path, watch: float = WATCH) -> Iterator[None]:
    """Hold the data set folder `out`. Raises ScenegenError with machine and process when another run holds it.

    This takes `watch` seconds after a run on another machine was killed, else none.
    """
    path = out / ".lock"
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScenegenError(f"{out}: cannot be made ({error.strerror}); name another folder with --out") from error
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    except OSError as error:
        raise ScenegenError(f"{path}: cannot be written ({error.strerror}); name another folder with --out") from error
    try:
        local = _flock(handle, out)
        holder = _read(path)
        if holder and not (local and holder.get("machine") == _machine()) and _moves(path, holder, watch):
            raise _refusal(out, holder)
        me = {"machine": _machine(), "host": socket.gethostname(), "pid": os.getpid(), "run": uuid.uuid4().hex}
        with suppress(OSError):  # a full disk: the kernel's lock still holds
            _write(handle, me, 0)
        over = threading.Event()
        beating = threading.Thread(target=_beat, args=(handle, me, over), daemon=True)
        beating.start()
        try:
            yield
        finally:
            over.set()
            beating.join()
            with suppress(OSError):
                os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _flock(handle: int, out: Path) -> bool:
    """Take the kernel's lock; False on a system without one."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _refusal(out, _read(out / ".lock")) from error
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise ScenegenError(
                f"{out / '.lock'}: cannot be locked ({error.strerror}); name another folder with --out"
            ) from error
        return False
    return True


def _refusal(out: Path, holder: dict[str, object]) -> ScenegenError:
    who = f" (process {holder['pid']} on {holder['host']})" if holder else ""
    return ScenegenError(f"{out}: another run is making it{who}; wait until it ends, or name another folder with --out")


def _moves(path: Path, holder: dict[str, object], watch: float) -> bool:
    """Whether the count in the lock file changes within `watch` seconds."""
    pause = threading.Event()
    for _ in range(8):
        pause.wait(watch / 8)
        now = _read(path)
        if now and now != holder:
            return True
    return False


def _beat(handle: int, me: dict[str, object], over: threading.Event) -> None:
    count = 0
    while not over.wait(BEAT):
        count += 1
        with suppress(OSError):  # a disk that is full or gone: the run itself reports that
            _write(handle, me, count)


def _write(handle: int, me: dict[str, object], count: int) -> None:
    # One write of one length, so that a reader on another machine never sees half of it.
    os.pwrite(handle, json.dumps({**me, "count": count}).ljust(_WIDTH).encode(), 0)
    os.fsync(handle)


def _read(path: Path) -> dict[str, object]:
    """Read what the holder wrote; empty when nobody holds it. Opening the file makes a shared disk ask its server."""
    try:
        body = parse_object(read_file(path, _WIDTH))
    except (OSError, ValueError):
        return {}
    return body if {"pid", "host"} <= set(body) else {}


def _machine() -> str:
    """An id of this running kernel: it differs between machines of one name, and after a restart."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()
