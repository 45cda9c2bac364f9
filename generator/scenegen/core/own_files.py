"""Which files a model may read: those of its own folder. The one rule for all formats; a stranger may have made it.

Beyond its folder a model reads the folders of SHARED_FOLDERS beside that, because whole families of models are made so:
Gazebo's and Google Scanned Objects' meshes/model.obj with materials/textures/, Sketchfab's source/ with textures/.
A link counts as the file that it leads to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

SHARED_FOLDERS = frozenset(
    {"common", "image", "images", "img", "maps", "materials", "shared", "tex", "texture", "textures"}
)
"""Folders beside a model's own that belong to it; in any case."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # of an address; a drive letter looks the same


def is_own(path: Path, folder: Path) -> bool:
    """Whether a model in `folder` may read `path`, which need not exist."""
    try:
        real, root = path.resolve(), folder.resolve()
    except (OSError, ValueError, RuntimeError):  # a circle of links, a zero byte
        return False
    if real.is_relative_to(root):
        return True
    beside = real.relative_to(root.parent).parts if real.is_relative_to(root.parent) else ()
    return len(beside) > 1 and beside[0].lower() in SHARED_FOLDERS


def names_own(named: str, folder: Path, base: Path | None = None) -> bool:
    """Whether a model in `folder` may read what it calls `named`, in whichever way an importer takes that.

    Importers differ: some decode %2e, cut at "?" or "#", take backslashes for slashes, drop quotes. All readings must
    be allowed. `base` is where relative names start (default: `folder`). Data URIs hold their data themselves.
    """
    if named[:5].lower() == "data:":
        return True
    if any(_SCHEME.match(text.strip()) for text in (named, unquote(named))):
        return False
    return all(is_own(path, folder) for path in _readings(named, base or folder))


def reaches_outside(named: str, folder: Path, base: Path | None = None) -> bool:
    """Whether a model in `folder` may not read `named`, and there is such a file, so that an importer would."""
    if named[:5].lower() == "data:":
        return False
    return any(not is_own(path, folder) and _exists(path) for path in _readings(named, base or folder))


def outside(named: str) -> str:
    """The message about a file that a model names and may not read."""
    return f"names a file outside its folder ({named[:80]!r}); copy that file beside the model and name it there"


def _readings(named: str, base: Path) -> Iterator[Path]:
    for text in dict.fromkeys((named, unquote(named))):
        for cut in dict.fromkeys((text, re.split(r"[?#]", text)[0], re.sub(r"^file:", "", text, flags=re.IGNORECASE))):
            for bare in dict.fromkeys((cut, cut.strip(" \t\"'"))):
                yield Path(base, bare.replace("\\", "/"))
        if text.lower().startswith("file:"):
            yield Path(base, _file_path(text))


def _file_path(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:
        return address


def _exists(path: Path) -> bool:
    try:
        real = path.resolve()  # some importers take "gone/../secret.png" for "secret.png"
        return real.exists() and not real.is_dir()
    except (OSError, ValueError, RuntimeError):
        return False
