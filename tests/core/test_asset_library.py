"""Assets appear and change as a whole, whoever reads or dies meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from helpers.box_scenes import write_box_library
from scenegen.assets.prepare.library_lock import library_lock
from scenegen.core.asset_library import list_assets, read_asset, read_mesh, write_asset


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    write_box_library(folder)
    return folder


def test_an_asset_that_is_replaced_is_there_at_every_moment(library: Path) -> None:
    asset = list_assets(library)[0]
    mesh, over, failures = read_mesh(asset), threading.Event(), list[str]()

    def look() -> None:
        while not over.is_set():
            if not (library / asset.name / "asset.json").is_file():
                failures.append("absent")

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(200):
        write_asset(library, asset, mesh, {})
    over.set()
    reader.join()
    assert failures == []
    assert [path.name for path in library.iterdir() if path.name.startswith(".")] == []


def test_without_an_exchange_an_asset_is_replaced_all_the_same(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scenegen.core.asset_library.exchange", lambda first, second: False)
    asset = list_assets(library)[0]
    write_asset(library, asset, read_mesh(asset), {})
    assert read_asset(library / asset.name) == asset
    assert [path.name for path in library.iterdir() if path.name.startswith(".")] == []


def test_the_next_that_changes_a_library_cleans_up_after_a_kill(library: Path) -> None:
    first, second = list_assets(library)[:2]
    (library / ".writing-abc").mkdir()
    (library / ".writing-abc" / "mesh.npz").touch()
    for asset in (first, second):  # one was not yet replaced, the other was
        (library / f".retired-{asset.name}").mkdir()
    first.folder.rename(library / f".retired-{first.name}" / first.name)
    (library / f".retired-{second.name}" / second.name).mkdir()
    with library_lock(library):
        pass
    assert [asset.name for asset in list_assets(library)][:2] == [first.name, second.name]
    assert [path.name for path in library.iterdir() if path.name.startswith(".")] == [".lock"]
