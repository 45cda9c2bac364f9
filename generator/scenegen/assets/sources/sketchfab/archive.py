"""Unpacks a downloaded archive, which anybody may have made, without trusting it."""

from __future__ import annotations

import errno
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from scenegen.assets.sources.files.gltf import named_outside
from scenegen.core.errors import ScenegenError

MOST_BYTES = 2_000_000_000
MOST_FILES = 2_000
MOST_RATIO = 100  # a glTF's own files shrink by 2 to 10
SMALL = 50_000_000  # below this any ratio is harmless
BAD_NAME = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL)


class BrokenArchive(ScenegenError):
    """Truncated or damaged: another download may bring it whole."""


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack into `folder` and return the glTF in it; ScenegenError says why the archive is not to be touched."""
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            _check(members, archive.stat().st_size)
            for member in members:
                target = folder / PurePosixPath(member.filename)
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise BrokenArchive(f"the archive is damaged ({error})") from error
    except OSError as error:
        if error.errno not in BAD_NAME:
            raise
        raise ScenegenError(f"the archive cannot be unpacked ({error.strerror})") from error
    return _model(folder)


def _check(members: list[zipfile.ZipInfo], packed: int) -> None:
    if len(members) > MOST_FILES:
        raise ScenegenError(f"the archive holds {len(members):,} files; the most is {MOST_FILES:,}")
    total = sum(member.file_size for member in members)
    if total > MOST_BYTES or (total > SMALL and total > MOST_RATIO * packed):
        raise ScenegenError(f"the archive of {packed / 1e6:.1f} MB would unpack to {total / 1e9:.1f} GB")
    for member in members:
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in member.filename or ":" in member.filename:
            raise ScenegenError(f"the archive writes outside its folder ({member.filename[:80]!r})")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise ScenegenError(f"the archive holds a link or a device ({member.filename[:80]!r})")
        if member.flag_bits & 1:
            raise ScenegenError("the archive is encrypted")


def _model(folder: Path) -> Path:
    found = [path for path in folder.rglob("*") if path.suffix.lower() in (".gltf", ".glb")]
    if not found:
        raise ScenegenError("the archive holds no glTF")
    model = min(found, key=lambda path: (path.name.lower() != "scene.gltf", len(path.parts), str(path)))
    check_references(model)
    return model


def check_references(model: Path) -> None:
    """ScenegenError when a glTF names a file outside its folder, which an importer would read."""
    outside = named_outside(model)
    if outside:
        raise ScenegenError(f"the glTF names a file outside its folder ({outside!r})")
