"""Who may do what with a folder at the same time, with locks that are free again after a kill.

    run_lock     one at a time: adds to the folder (generate, pack and export into OUT)
    change_lock  alone: changes or removes what is there (voxelize, pack --delete)
    read_lock    many at a time, and while one adds, because scenes appear whole; never while one changes

Each holds a file: OUT/.lock, or OUT/.reading-HOST-PID-NUMBER. The kernel holds its lock (flock) and frees it when the
process ends, however it ends. On a disk that several machines share, the lock of one may be unknown to another: so each
holder also counts up in its file, and who finds the count of another machine watches whether it still changes.

Each announces itself before it looks for others: of two that start at the same moment, at least one sees the other.
Standard library only: this runs inside Blender.
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

from scenegen.core.errors import ScenegenError
from scenegen.core.files import NO_LINK, host_name

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
BEAT = 4.0
WATCH = 3 * BEAT
MOMENT = 2.0
"""How long a writer may hold the lock before its record is there, or, in a library, while it writes one asset."""
UNSUPPORTED = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EINVAL}
_WIDTH = 512
_MAKING = "another run is making it"

Record = dict[str, object]


@contextmanager
def run_lock(out: Path, watch: float = WATCH, doing: str = _MAKING) -> Iterator[None]:
    """Hold the folder `out` to add to it. ScenegenError with what, machine and process when another holds it.

    This takes `watch` seconds after a run on another machine was killed, else none.
    """
    with _lock_file(out, {"doing": doing}, watch):
        yield


@contextmanager
def change_lock(path: Path, command: str, watch: float = WATCH) -> Iterator[None]:
    """Hold the data set `path` alone. ScenegenError as `run_lock`, and while another process reads it."""
    with _lock_file(path, {"doing": f"{command} is changing it", "changes": True}, watch):
        refuse_readers(path, watch)
        yield


@contextmanager
def read_lock(path: Path, command: str, watch: float = WATCH) -> Iterator[None]:
    """Keep `path` from being changed while `command` reads it; others may read it and add to it.

    ScenegenError when another process is changing it. A folder that cannot be written is read without this.
    """
    file = path / f".reading-{host_name()}-{os.getpid()}-{uuid.uuid4().hex[:4]}"
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | NO_LINK, 0o666)
    except OSError:
        _refuse_changers(path, watch)
        yield
        return
    try:
        _flock(handle, file)
        with _beating(handle, _me({"doing": f"{command} is reading it"})):
            _refuse_changers(path, watch)
            yield
    finally:
        with suppress(OSError):
            file.unlink()
        os.close(handle)


def refuse_readers(path: Path, watch: float = WATCH) -> None:
    """ScenegenError when a process reads `path`. For the holder of its lock; what dead readers left is removed."""
    for file in sorted(path.glob(".reading-*")):
        try:
            handle = os.open(file, os.O_RDWR)
        except OSError:  # it has ended just now
            continue
        try:
            record = _read(file)
            locked = _flock(handle, file)
            if locked is False or (record and record.get("machine") != _machine() and _moves(file, record, watch)):
                raise _refusal(path, record, "another process is reading it")
            with suppress(OSError):
                file.unlink()
        finally:
            os.close(handle)


def _refuse_changers(path: Path, watch: float) -> None:
    """ScenegenError when a process is changing `path`."""
    try:
        handle = os.open(path / LOCK, os.O_RDONLY)
    except OSError:  # nobody has ever written here
        return
    try:
        pause = threading.Event()
        for _ in range(round(MOMENT / 0.05)):
            locked = _flock(handle, path / LOCK, shared=True)
            record = _read(path / LOCK)
            if locked is not False or record:
                break
            pause.wait(0.05)
        if not record.get("changes"):
            return
        if locked is False or (record.get("machine") != _machine() and _moves(path / LOCK, record, watch)):
            raise _refusal(path, record, "another process is changing it")
    finally:
        os.close(handle)


@contextmanager
def _lock_file(out: Path, says: Record, watch: float) -> Iterator[None]:
    path = out / LOCK
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScenegenError(f"{out}: cannot be made ({error.strerror}); name another folder with --out") from error
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | NO_LINK, 0o666)
    except OSError as error:
        if path.is_symlink():  # what it leads to would be overwritten
            raise ScenegenError(f"{path}: is a link, not a file of a run; remove it") from error
        raise ScenegenError(f"{path}: cannot be written ({error.strerror}); name another folder with --out") from error
    try:
        locked = _flock(handle, path)
        holder = _read(path)
        same_machine = locked and holder.get("machine") == _machine()
        if locked is False or (holder and not same_machine and _moves(path, holder, watch)):
            raise _refusal(out, holder, _MAKING)
        with _beating(handle, _me(says)):
            yield
    finally:
        os.close(handle)


def _flock(handle: int, path: Path, *, shared: bool = False) -> bool | None:
    """Take the kernel's lock; False when another process has it, None on a system without one."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise ScenegenError(
                f"{path}: cannot be locked ({error.strerror}); name another folder with --out"
            ) from error
        return None
    return True


def _refusal(out: Path, holder: Record, otherwise: str) -> ScenegenError:
    doing = str(holder.get("doing") or otherwise)
    who = f" (process {holder['pid']} on {holder['host']})" if holder else ""
    other = ", or name another folder with --out" if doing == _MAKING else ""
    return ScenegenError(f"{out}: {doing}{who}; wait until it ends{other}")


def _me(says: Record) -> Record:
    place: Record = {"machine": _machine(), "host": socket.gethostname(), "pid": os.getpid(), "run": uuid.uuid4().hex}
    return {**place, **says}


@contextmanager
def _beating(handle: int, me: Record) -> Iterator[None]:
    """Say in the file of `handle` who holds it, and count up in it."""
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


def _moves(path: Path, holder: Record, watch: float) -> bool:
    """Whether the count in a holder's file changes within `watch` seconds."""
    pause = threading.Event()
    for _ in range(8):
        pause.wait(watch / 8)
        now = _read(path)
        if now and now != holder:
            return True
    return False


def _beat(handle: int, me: Record, over: threading.Event) -> None:
    count = 0
    while not over.wait(BEAT):
        count += 1
        with suppress(OSError):  # a disk that is full or gone: the run itself reports that
            _write(handle, me, count)


def _write(handle: int, me: Record, count: int) -> None:
    # One write of one length, so that a reader on another machine never sees half of it.
    os.pwrite(handle, json.dumps({**me, "count": count}).ljust(_WIDTH).encode(), 0)
    os.fsync(handle)


def _read(path: Path) -> Record:
    """Read what the holder wrote; empty when nobody holds it. Opening the file makes a shared disk ask its server."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) and {"pid", "host"} <= set(body) else {}


def _machine() -> str:
    """An id of this running kernel: it differs between machines of one name, and after a restart."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()
