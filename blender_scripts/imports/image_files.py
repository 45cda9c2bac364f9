"""Finds the image file that a model names, where the path is of another machine, has backslashes or another case."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from scenegen.core.own_files import is_own

TEXTURE_FOLDERS = ("textures", "images", "maps", "materials/textures")  # the last is Gazebo's


def find_image(named: str, folder: Path) -> Path | None:
    """The image file that a model in `folder` calls `named`, or None: one that the model may read (own_files.py).

    The path as it is; else relative to the model's folder or the one above, with fewer and fewer of its leading
    folders; else the file's name in one of the usual folders.
    """
    text = named.replace("\\", "/")
    if text.startswith(f"{folder}/"):
        text = text.removeprefix(f"{folder}/")
    if not text or text.endswith("/"):
        return None
    if Path(text).is_absolute() and Path(text).is_file() and is_own(Path(text), folder):
        return Path(text)
    parts = [part for part in PurePosixPath(text).parts if part != "/" and not part.endswith(":")]
    for start in range(len(parts)):
        for base in (folder, folder.parent):
            found = _in_any_case(base, parts[start:])
            if found is not None and is_own(found, folder):
                return found
    for base in (folder, folder.parent):
        for usual in TEXTURE_FOLDERS:
            found = _in_any_case(base, [*usual.split("/"), parts[-1]])
            if found is not None and is_own(found, folder):
                return found
    return None


def lies_outside(named: str, folder: Path) -> bool:
    """Whether an image that was not found is there, but outside what a model in `folder` may read."""
    path = Path(folder, named.replace("\\", "/"))
    try:
        return path.is_file() and not is_own(path, folder)
    except (OSError, ValueError):
        return False


def _in_any_case(folder: Path, parts: list[str]) -> Path | None:
    """The file `parts` below `folder`; a name of another case is taken where there is none of this case."""
    place = folder
    for part in parts:
        following = place / part
        if not following.exists():
            inside = sorted(place.iterdir()) if place.is_dir() else []
            same = (path for path in inside if path.name.lower() == part.lower())
            following = next(same, following)
        place = following
    return place if place.is_file() else None
