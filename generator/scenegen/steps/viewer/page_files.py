"""The built page: files that viewer/ makes, shipped with the package."""

from __future__ import annotations

from pathlib import Path


def page_files() -> dict[str, bytes]:
    """The files of the built page, by name."""
    folder = Path(__file__).parent / "page"
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}
