"""The viewer's answers, and whom they are given to."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.box_scenes import CLASSES, labelled_box_scene, write_box_dataset
from scenegen.cli.main import cli, main
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import UsageError
from scenegen.core.scene.camera import ego_frame
from scenegen.steps.pack import pack
from scenegen.steps.relabel import GridChange, relabel
from scenegen.steps.viewer.answers import Answers
from scenegen.steps.viewer.rows import Rows
from scenegen.steps.viewer.server import application, bind
from scenegen.steps.viewer.view import open_source
from starlette.testclient import TestClient

LOCAL = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box_dataset(tmp_path_factory.mktemp("view") / "set", 2)


@pytest.fixture
def copied(boxes: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(boxes, tmp_path / "set"))


def answers_of(path: Path, *, read: bool = True) -> Answers:
    source = open_source(path)
    rows = Rows(source)
    rows.start()
    if read:
        rows.wait()
    return Answers(source, rows)


def client_of(path: Path) -> TestClient:
    return TestClient(application(answers_of(path)), base_url=LOCAL)


def rows_of(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/rows/0").json()
    return found


@pytest.mark.parametrize("packed", [False, True])
def test_arrays_are_those_of_the_data_set(boxes: Path, tmp_path: Path, packed: bool) -> None:
    scene, labels = labelled_box_scene(1)
    if packed:
        pack(boxes, tmp_path / "packed", Packing("png", 95, True, 100.0))
    client = client_of(tmp_path / "packed" if packed else boxes)
    assert labels.masks is not None
    bits = np.frombuffer(client.get("/api/scenes/1/masks").content, np.uint8)
    truth = np.packbits(labels.masks.reshape(-1, len(CLASSES)), axis=-1, bitorder="little")[:, 0]
    assert np.array_equal(bits, truth)
    for k in range(len(scene.cameras)):
        get = f"/api/scenes/1/{{}}/{k}".format
        assert np.array_equal(np.frombuffer(client.get(get("frustum")).content, "u1"), labels.frusta[k].ravel())
        assert np.array_equal(np.frombuffer(client.get(get("depth")).content, "<u2"), labels.depths[k].ravel())
        assert np.array_equal(np.frombuffer(client.get(get("instance")).content, "<u2"), labels.instances[k].ravel())
        assert client.get(get("image")).headers["content-type"] == "image/png"
    assert client.get("/api/scenes/1").json()["scene"]["objects"][5]["class"] == "bag"


def test_grids_with_names_and_where_they_are(copied: Path, box_assets: Path) -> None:
    relabel(
        copied,
        grids=[
            GridChange((6, 5, 4), 0.7, name="wide"),
            GridChange((5, 4, 3), 0.5, (0.0, -1.0, 0.0), name="ahead", ego=True),
        ],
        assets=box_assets,
    )
    stored = Dataset(copied)[0]
    client = client_of(copied)
    told = client.get("/api/scenes/0").json()["grids"]
    places = [("wide", None), *(("ahead", k) for k in range(len(stored.cameras)))]
    assert [each["name"] for each in told] == ["wide", "ahead, camera 1", "ahead, camera 2", "ahead, camera 3"]
    for n, ((name, k), each) in enumerate(zip(places, told, strict=True)):
        labels = stored.named_grid(name, k)
        assert each["grid"]["shape"] == list(labels.labels.shape)
        for kind, array in (
            ("grid", labels.labels),
            ("gridobjects", labels.instances),
            ("gridvisibility", labels.visibility),
        ):
            found = np.frombuffer(client.get(f"/api/scenes/0/{kind}/{n}").content, array.dtype.newbyteorder("<"))
            assert np.array_equal(found, array.ravel())
        if k is not None:
            assert np.allclose(np.array(each["frame"]) @ ego_frame(stored.cameras[k]), np.eye(4))
    assert told[0]["frame"] is None
    assert client.get("/api/scenes/0/grid/4").status_code == 404


def test_rows_say_what_a_scene_shows(boxes: Path) -> None:
    _, labels = labelled_box_scene(1)
    assert labels.occupancy is not None
    found = rows_of(client_of(boxes))
    assert found["index"] == [0, 1]
    assert found["objects"] == [1, 1, 1, 1, 1, 1] * 2
    assert [found["modelNames"][n] for n in found["models"][0]] == sorted(f"{name}_box" for name in CLASSES)
    assert found["licenceNames"] == ["CC0"]
    assert found["occupied"][1] == pytest.approx(labels.occupancy.mean(), abs=1e-5)
    assert found["complete"]


def test_scenes_appear_as_they_are_made(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scenegen.steps.viewer.rows.EVERY_SECONDS", 0.01)
    answers = answers_of(copied)
    scenes = copied / "scenes"
    shutil.copytree(scenes / "scene_000001", scenes / ".writing-000007-host-1")
    (scenes / ".writing-000007-host-1").rename(scenes / "scene_000007")
    while not (new := json.loads(answers.get("rows/2").content)["index"]):
        pass
    assert new == [7]
    assert answers.get("scenes/7/masks").content == answers.get("scenes/1/masks").content


def test_a_damaged_scene_is_shown_as_such_and_the_others_work(copied: Path) -> None:
    shutil.copytree(copied / "scenes" / "scene_000000", copied / "scenes" / "scene_000002")
    (copied / "scenes" / "scene_000001" / "scene.json").write_text("{")
    (copied / "scenes" / "scene_000002" / "masks.npy").write_bytes(b"\x93NUMPY")
    client = client_of(copied)
    damage = rows_of(client)["damage"]
    assert set(damage) == {"1", "2"}
    assert "scene_000001/scene.json: damaged" in damage["1"]
    refused = client.get("/api/scenes/1")
    assert refused.status_code == 422
    assert refused.json()["error"] == damage["1"]
    assert client.get("/api/scenes/2/masks").status_code == 422
    assert client.get("/api/scenes/2/image/0").status_code == 200
    assert client.get("/api/scenes/0/masks").status_code == 200


def test_a_cut_off_image_is_damage_of_its_scene(copied: Path) -> None:
    image = copied / "scenes" / "scene_000001" / "image_1.png"
    image.write_bytes(image.read_bytes()[:3000])
    client = client_of(copied)
    refused = client.get("/api/scenes/1/image/1")
    assert refused.status_code == 422
    assert "image_1.png: damaged" in refused.json()["error"]
    assert rows_of(client)["damage"] == {"1": refused.json()["error"]}
    assert client.get("/api/scenes/1/image/0").status_code == 200


def test_a_data_set_that_is_gone_is_said_to_be(copied: Path) -> None:
    client = client_of(copied)
    copied.rename(copied.with_name("moved"))
    for path in ("scenes/0", "scenes/1/masks", "rows/0"):
        assert "the data set is gone" in client.get(f"/api/{path}").json()["error"]
    copied.with_name("moved").rename(copied)
    assert client.get("/api/scenes/0").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api/scenes/0/../../dataset.json",
        "/api/scenes/0/..%2f..%2fdataset.json",
        "/..%2fserver.py",
        "/%2e%2e/server.py",
        "/../../../../etc/passwd",
        "/api/scenes/9",
        "/api/scenes/0/image/3",
        "/api/scenes/0/thumb/../../../dataset.json",
        "/rows.py",
    ],
)
def test_addresses_lead_to_nothing_else(boxes: Path, path: str) -> None:
    reply = client_of(boxes).get(path)
    assert reply.status_code in (404, 422)
    assert len(reply.content) < 200


def test_a_page_of_another_name_gets_nothing(boxes: Path) -> None:
    client = client_of(boxes)
    for host, status in (("127.0.0.1:8000", 200), ("localhost", 200), ("evil.example", 400), ("127.0.0.1.nip.io", 400)):
        assert client.get("/api/dataset", headers={"host": host}).status_code == status


def test_beyond_this_machine_a_token_is_needed(boxes: Path) -> None:
    bound = bind("0.0.0.0", 0)
    bound.listener.close()
    assert bound.address.endswith(f"/?token={bound.token}")
    assert "//0.0.0.0" not in bound.address  # of no use in another machine's browser
    assert len(bound.token) > 20
    client = TestClient(application(answers_of(boxes), bound.token), base_url="http://10.0.0.7:8000")
    assert client.get("/api/dataset").status_code == 403
    assert client.get("/?token=wrong").status_code == 403
    assert "<title>" in client.get(f"/?token={bound.token}").text  # and a cookie from now on
    assert client.get("/api/dataset").json()["name"] == "set"


def test_a_port_in_use_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}: Address already in use; leave --port out"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("300.1.2.3", "300.1.2.3: this host is not known; leave --host out"),
        ("192.0.2.1", "192.0.2.1: this host is none of this machine's addresses; leave --host out"),
    ],
)
def test_a_host_that_is_not_here_is_refused_as_such(host: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        bind(host, 0)


@pytest.mark.parametrize("moment", ["begin", "ready", "serving"])
def test_ctrl_c_ends_it_silently_at_any_moment(
    boxes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], moment: str
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    places = {"begin": "view.open_source", "serving": "server.QuietServer.run"}
    place = f"scenegen.steps.viewer.{places[moment]}" if moment in places else "webbrowser.open"
    monkeypatch.setattr(place, interrupt)
    with pytest.raises(SystemExit) as ended:
        monkeypatch.setattr("sys.argv", ["scenegen", "view", str(boxes)])
        main()
    assert ended.value.code in (0, None)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--limit", "3"], "--limit is of the file"),
        (["--export", "page.html", "--port", "8000"], "leave --host and --port out"),
        (["--export", "nodir/page.html"], "cannot be written"),
        (["--export", "."], "it is a folder"),
        (["--faults", "nope.json"], "nope.json: there is no such file; make it with"),
    ],
)
def test_options_that_lead_nowhere_are_refused_at_once(
    boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["view", str(boxes), "--no-open", *options])
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["/nowhere"], []])
def test_what_is_no_data_set_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, ["view", *(arguments or [str(tmp_path)]), "--no-open"])
    assert "no data set here" in str(result.exception) or "no such folder" in str(result.exception)
