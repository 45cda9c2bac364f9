"""A stranger's data set holds links to files and folders elsewhere: no command writes there or removes anything."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from scenegen.core.dataset.folders import leftovers, scene_path
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.run_lock import run_lock
from scenegen.core.dataset.timings import append_timings
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_bytes, write_text
from scenegen.steps.pack import pack
from scenegen.steps.preview.sheets import write_preview
from scenegen.steps.relabel import GridChange, relabel
from scenegen.steps.verify.verify import verify


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file of the user's, which must stay as it is."""
    file = tmp_path / "precious.txt"
    file.write_text("precious")
    return file


def test_a_lock_that_is_a_link_is_refused(box_copy: Path, box_assets: Path, precious: Path) -> None:
    (box_copy / ".lock").unlink(missing_ok=True)
    (box_copy / ".lock").symlink_to(precious)
    with pytest.raises(ScenegenError, match=r"\.lock: is a link, not a file of a run; remove it"):
        relabel(box_copy, assets=box_assets)
    with pytest.raises(ScenegenError, match=r"\.lock: is a link"), run_lock(box_copy):
        pass
    assert precious.read_text() == "precious"


def test_files_are_written_beside_links_never_through_them(tmp_path: Path, precious: Path) -> None:
    folder = tmp_path / "strange"
    folder.mkdir()
    host = f"{os.uname().nodename}-{os.getpid()}"
    for name in ("a.txt", ".a.txt.writing", f".a.txt-{host}", "timings.csv"):
        (folder / name).symlink_to(precious)
    write_text(folder / "a.txt", "ours")
    assert (folder / "a.txt").read_text() == "ours"
    write_bytes(folder / "a.txt", [b"our", b" bytes"])
    assert (folder / "a.txt").read_bytes() == b"our bytes"
    append_timings(folder, 0, {"render": 1.0})
    assert precious.read_text() == "precious"


def test_a_preview_stays_in_its_folder(box_copy: Path, precious: Path) -> None:
    (box_copy / "preview").symlink_to(precious.parent / "elsewhere")
    (precious.parent / "elsewhere").mkdir()
    with pytest.raises(ScenegenError, match="preview: is a link; remove it, or name a folder with --out"):
        write_preview(box_copy)
    assert not any((precious.parent / "elsewhere").iterdir())
    (box_copy / "preview").unlink()
    (box_copy / "preview").mkdir()
    for name in ("scene_000000.png", "contact_sheet.png", "index.html"):
        (box_copy / "preview" / name).symlink_to(precious)
    write_preview(box_copy, limit=1)
    assert precious.read_text() == "precious"


def linked(data: Path, elsewhere: Path) -> dict[str, bytes]:
    """Scene 1 lies elsewhere, as users also do with large data sets; its files."""
    folder = scene_path(data, 1)
    shutil.move(folder, elsewhere)
    folder.symlink_to(elsewhere)
    return {file.name: file.read_bytes() for file in elsewhere.iterdir()}


def test_a_linked_scene_is_labelled_anew_beside_the_link(box_copy: Path, box_assets: Path, tmp_path: Path) -> None:
    before = linked(box_copy, tmp_path / "elsewhere")
    assert relabel(box_copy, grids=[GridChange((20, 24, 16))], assets=box_assets) == 2
    assert {file.name: file.read_bytes() for file in (tmp_path / "elsewhere").iterdir()} == before
    assert leftovers(box_copy) == []
    assert verify(box_copy, assets=box_assets).faults == ()


def test_a_linked_scene_is_packed_and_only_the_link_removed(box_copy: Path, tmp_path: Path) -> None:
    before = linked(box_copy, tmp_path / "elsewhere")
    assert pack(box_copy, tmp_path / "out", Packing("png", 95, True, 100.0), delete=True).deleted == 2
    assert {file.name: file.read_bytes() for file in (tmp_path / "elsewhere").iterdir()} == before
    assert not any((box_copy / "scenes").iterdir())
