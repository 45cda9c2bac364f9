"""Unpacks zip archives that anybody may have made, after one check of their size, their file types and their paths."""

from __future__ import annotations

import errno
import shutil
import stat
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from scenegen.core.errors import ScenegenError

MOST_BYTES = 2_000_000_000
MOST_FILES = 2_000
MOST_RATIO = 100  # the files of a model shrink by 2 to 10
SMALL = 50_000_000  # below this any ratio is harmless
MOST_DIRECTORY = 64_000_000  # bytes of the list of files, which is read whole; furniture libraries have 0.3 MB
MOST_TEXT = 16_000_000  # bytes of a member that is read as text
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile unpacks others without a limit
BAD_NAME = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL)


class BrokenArchive(ScenegenError):
    """The archive is truncated or damaged: another download may be whole."""


def unpack(archive: Path, folder: Path, names: Collection[str] | None = None) -> None:
    """Unpack the files of a zip archive, or those named alone, into `folder`.

    Raises BrokenArchive when the archive is damaged, ScenegenError when it is unsafe: too many files, too many bytes,
    a link, an encrypted file, or a name that leads outside `folder`.
    """
    try:
        with open_archive(archive) as opened:
            members = [m for m in opened.infolist() if not m.is_dir() and (names is None or m.filename in names)]
            _check(members, archive.stat().st_size)
            for member in members:
                target = folder / PurePosixPath(member.filename)
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise BrokenArchive(f"the archive is damaged ({error}); download it again") from error
    except OSError as error:
        if error.errno not in BAD_NAME:
            raise
        raise ScenegenError(f"the archive cannot be unpacked ({error.strerror}); unpack it by hand") from error


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip archive, opened after a look at the size of its list of files. ScenegenError when that is too large."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - (1 << 16) - 22))
        tail = stream.read()
        place = tail.rfind(b"PK\5\6")
        size = int.from_bytes(tail[place + 12 : place + 16], "little") if place >= 0 else 0
        if size > MOST_DIRECTORY or b"PK\6\7" in tail[max(0, place - 20) : place]:  # the latter: of a huge archive
            raise ScenegenError("the archive's list of files is too long; unpack it by hand")
        with zipfile.ZipFile(stream) as opened:
            yield opened


def read_text(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member that is text. ScenegenError when it unpacks to more than MOST_TEXT bytes or is packed unusually."""
    member = archive.getinfo(name)
    if member.file_size > MOST_TEXT:
        raise ScenegenError(f"{name} would unpack to {member.file_size / 1e6:.0f} MB")
    _check_method(member)
    return archive.read(member)


def _check_method(member: zipfile.ZipInfo) -> None:
    if member.compress_type not in METHODS:
        raise ScenegenError(f"the archive packs {member.filename[:80]!r} in an unusual way; unpack it by hand")


def _check(members: list[zipfile.ZipInfo], archive_bytes: int) -> None:
    if len(members) > MOST_FILES:
        raise ScenegenError(f"the archive holds {len(members):,} files; at most {MOST_FILES:,} are allowed")
    packed = min(archive_bytes, sum(member.compress_size for member in members))
    total = sum(member.file_size for member in members)
    if total > MOST_BYTES or (total > SMALL and total > MOST_RATIO * packed):
        raise ScenegenError(f"{packed / 1e6:.1f} MB of the archive would unpack to {total / 1e9:.1f} GB")
    for member in members:
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in member.filename or ":" in member.filename:
            raise ScenegenError(f"the archive holds a path outside its folder ({member.filename[:80]!r})")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise ScenegenError(f"the archive holds a link or a device ({member.filename[:80]!r})")
        _check_method(member)
        if member.flag_bits & 1:
            raise ScenegenError("the archive is encrypted; unpack it by hand")
