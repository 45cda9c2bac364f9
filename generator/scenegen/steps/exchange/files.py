"""Folders that appear whole, and the names of image files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill; it becomes `folder` at the end, and is removed when an exception is raised."""
    aside = folder.with_name(f".{folder.name}-{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def image_suffix(content: bytes) -> str:
    """The file name suffix of an encoded image: ".png" or ".jpg"."""
    return ".png" if content.startswith(b"\x89PNG") else ".jpg"
