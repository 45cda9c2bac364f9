"""Files that appear whole or not at all, whatever is killed meanwhile.

A file is written beside its place under a name of this process's own, sent to the disk, and renamed. A link that a
stranger's folder holds in its place is replaced, never followed. Standard library only: this runs inside Blender.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

from scenegen.core.errors import ScenegenError, UsageError

NO_LINK = getattr(os, "O_NOFOLLOW", 0)
"""For os.open: an OSError where the file is a link, which would lead what is written to another place."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_HERE = -100  # AT_FDCWD, linux/fcntl.h
_SWAP = 2  # RENAME_EXCHANGE, linux/fs.h; RENAME_SWAP, sys/stdio.h
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def cannot_write(path: Path | str, error: OSError) -> str:
    """One line on a place that could not be written: the system's reason, and what helps against it."""
    fix = "name another folder"
    if error.errno in _FULL:
        fix = "make room on the disk and run the same command again"
    elif error.errno in _FORBIDDEN:
        fix = "name a folder that you may write to"
    return f"{path}: cannot be written ({error.strerror or error}); {fix}"


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    aside = path.with_name(f".{path.name}-{host_name()}-{os.getpid()}")
    try:
        aside.unlink(missing_ok=True)
        with aside.open("x", encoding="utf-8") as file:
            file.write(text)
        fsync(aside)
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise ScenegenError(cannot_write(path, error)) from error


def write_bytes(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file whole or not at all, from its parts in order; a later call overwrites what a kill left. OSError."""
    aside = path.with_name(f".{path.name}.writing")
    aside.unlink(missing_ok=True)
    with aside.open("xb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    fsync(path.parent)


def exchange(first: Path, second: Path) -> bool:
    """Let two folders change names in one step, so that a reader always finds one; False where that cannot be done.

    Linux has renameat2, macOS renamex_np; not every file system knows them.
    """
    libc, names = ctypes.CDLL(None), (os.fsencode(first), os.fsencode(second))
    if hasattr(libc, "renameat2"):
        return bool(libc.renameat2(_HERE, names[0], _HERE, names[1], _SWAP) == 0)
    return bool(hasattr(libc, "renamex_np") and libc.renamex_np(*names, _SWAP) == 0)


def append_lines(path: Path, text: str) -> bool:
    """Append whole lines to a file, or nothing when the disk is full or not writable; whether it was done."""
    content = text.encode()
    try:
        with open(path, "ab", buffering=0, opener=_no_link) as file:
            size = file.seek(0, os.SEEK_END)
            if file.write(content) == len(content):
                return True
            file.truncate(size)
    except OSError:
        pass
    return False


def remove_folder(path: Path) -> None:
    """Remove a folder with all that is in it, or a link to one alone. OSError."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path)


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | NO_LINK, 0o666)


def check_apart(source: Path, out: Path) -> None:
    """UsageError when one of the two folders is in the other, links followed: what is written would be read as data."""
    real, other = (Path(os.path.realpath(folder)) for folder in (source, out))
    if other != real and other.is_relative_to(real):
        raise UsageError(f"{out}: is inside of {source}, which is read; name an OUT beside it")
    if other != real and real.is_relative_to(other):
        raise UsageError(f"{source}: is inside of {out}, which is written; name another OUT")


def is_folder(path: Path) -> bool:
    """Whether there is a folder; False too for what no system takes as a path, which Path.is_dir raises for."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def fsync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def host_name() -> str:
    """This machine's name, with characters that a file name may have."""
    return re.sub(r"[^\w.]", "_", socket.gethostname()) or "host"
