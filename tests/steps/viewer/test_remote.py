"""The viewer on data sets behind an address: a file system in memory, and a web server that is Python's own."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from helpers.box_scenes import write_box_dataset
from scenegen.core.dataset.packing import Packing
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.steps.pack import pack
from scenegen.steps.viewer.answers import Answers
from scenegen.steps.viewer.export_page import export_page
from scenegen.steps.viewer.rows import Rows
from scenegen.steps.viewer.view import Beside, answers_of, open_source

PATHS = (
    "scenes/1",
    "scenes/0/masks",
    "scenes/1/frustum/2",
    "scenes/1/depth/0",
    "scenes/0/instance/1",
    "scenes/0/image/1",
    "scenes/1/thumb",
)


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box_dataset(tmp_path_factory.mktemp("remote") / "set", 2)


@pytest.fixture(scope="module")
def packed(boxes: Path) -> Path:
    out = boxes.with_name("packed")
    pack(boxes, out, Packing("png", 95, True, 100.0))
    return out


@pytest.fixture(scope="module")
def web(boxes: Path, packed: Path) -> Iterator[str]:
    """The address of a server of both; it knows no ranges of bytes and lists folders as pages."""
    assert packed.parent == boxes.parent
    handler = functools.partial(QuietHandler, directory=str(boxes.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def memory(boxes: Path, packed: Path) -> Iterator[str]:
    files = fsspec.filesystem("memory")
    for folder in (boxes, packed):
        files.put(str(folder), f"/{folder.name}", recursive=True)
    yield "memory:/"
    for folder in (boxes, packed):
        files.rm(f"/{folder.name}", recursive=True)


def read_answers(place: Path | str) -> Answers:
    answers = answers_of(open_source(place), Beside())
    answers.rows.start()
    answers.rows.wait()
    answers.rows.close()
    return answers


@pytest.mark.parametrize("kind", ["memory", "web"])
@pytest.mark.parametrize("name", ["set", "packed"])
def test_what_is_far_away_is_what_is_here(boxes: Path, request: pytest.FixtureRequest, kind: str, name: str) -> None:
    url = f"{request.getfixturevalue(kind)}/{name}"
    request.getfixturevalue("packed")
    here, there = read_answers(boxes.parent / name), read_answers(url)
    assert there.source.name == name
    for path in PATHS:
        assert there.get(path).content == here.get(path).content, path
    ours, theirs = (json.loads(each.get("rows/0").content) for each in (here, there))
    if name == "set":  # of folders no labels are read for the overview alone
        assert theirs["occupied"] == [None, None]
        ours["occupied"] = theirs["occupied"]
    assert theirs == ours


def test_scenes_appear_once_they_are_uploaded(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scenegen.steps.viewer.rows.EVERY_SECONDS", 0.001)
    files = fsspec.filesystem("memory")
    last = files.cat_file("/set/scenes/scene_000001/scene.json")
    files.rm_file("/set/scenes/scene_000001/scene.json")
    source = open_source(f"{memory}/set")
    rows = Rows(source)
    rows.start()
    rows.wait()
    assert rows.since(0, 9)["index"] == [0]
    with pytest.raises(ScenegenError, match="scene_000001: is being uploaded"):
        Answers(source, rows).get("scenes/1")
    files.pipe_file("/set/scenes/scene_000001/scene.json", last)
    while len(rows.since(0, 9)["index"]) < 2:
        pass
    rows.close()
    assert rows.since(0, 9)["index"] == [0, 1]


def test_what_goes_wrong_far_away_is_one_line(memory: str, tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match=r"memory://nothing: no data set here \(dataset.json is missing\)"):
        open_source("memory://nothing")
    with pytest.raises(UsageError, match="nosuch://bucket/x: fsspec knows no nosuch://"):
        open_source("nosuch://bucket/x")
    with pytest.raises(ScenegenError, match=r"http://127.0.0.1:9/set: .*check the address"):
        open_source("http://127.0.0.1:9/set")
    answers = read_answers(f"{memory}/packed")
    files = fsspec.filesystem("memory")
    shard = files.cat_file("/packed/shard-000000.tar")
    files.pipe_file("/packed/shard-000000.tar", shard[:20000] + b"?" + shard[20001:])
    answers.source._dataset._block.cache_clear()  # type: ignore[attr-defined]
    with pytest.raises(ScenegenError, match=r"memory://packed/shard-000000.tar/scene_000000/.*: damaged"):
        answers.get("scenes/0/masks")
    files.rm_file("/packed/dataset.json")
    with pytest.raises(ScenegenError, match="memory://packed: the data set is gone"):
        answers.get("rows/0")
    files.pipe_file("/set/dataset.json", b"{")
    with pytest.raises(ScenegenError, match=r"memory://set/dataset.json: damaged"):
        open_source(f"{memory}/set")


def test_the_file_to_mail_holds_what_is_far_away(memory: str, tmp_path: Path) -> None:
    assert export_page(f"{memory}/set", tmp_path / "page.html", limit=1) == 1
    assert "scenes/0/masks" in (tmp_path / "page.html").read_text()
