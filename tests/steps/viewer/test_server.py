"""The viewer's answers, and whom they are given to."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from click.testing import CliRunner
from helpers.box_scenes import CLASSES, box_asset, labelled_box_scene, write_box_dataset, write_box_library
from scenegen.cli.main import cli, main
from scenegen.core.asset_library import Material, Mesh, write_asset
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.scene.camera import ego_frame
from scenegen.steps.pack import pack
from scenegen.steps.relabel import GridChange, relabel
from scenegen.steps.viewer.answers import Answers
from scenegen.steps.viewer.scene_mesh import _few_triangles
from scenegen.steps.viewer.server import application, bind
from scenegen.steps.viewer.view import Beside, answers_of, open_source
from starlette.testclient import TestClient

LOCAL = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box_dataset(tmp_path_factory.mktemp("view") / "set", 2)


@pytest.fixture
def copied(boxes: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(boxes, tmp_path / "set"))


def read_answers(path: Path) -> Answers:
    answers = answers_of(open_source(path), Beside())
    answers.rows.start()
    answers.rows.wait()
    return answers


def client_of(path: Path) -> TestClient:
    return TestClient(application(read_answers(path)), base_url=LOCAL)


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


def test_models_stand_where_their_boxes_are(boxes: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    write_box_library(library)
    source = open_source(boxes)
    answers = answers_of(source, Beside(assets=library))
    stored = Dataset(boxes)[1]
    assert json.loads(answers.get("scenes/1").content)["mesh"]
    content = answers.get("scenes/1/mesh").content
    count = int(np.frombuffer(content, "<u4", 1)[0])
    corners = np.frombuffer(content, "<f4", 9 * count, 4).reshape(count, 3, 3)
    places = np.frombuffer(content, "<u2", count, 4 + 36 * count)
    colors = np.frombuffer(content, "u1", 3 * count, 4 + 38 * count).reshape(count, 3)
    assert len(content) == 4 + 41 * count
    assert count == 12 * len(stored.objects)
    assert (colors == 231).all()  # 0.8, linear, in sRGB
    for place, item in enumerate(stored.objects):
        own = corners[places == place].reshape(-1, 3)
        assert np.allclose(own.min(axis=0), item.bbox.min, atol=1e-5)
        assert np.allclose(own.max(axis=0), item.bbox.max, atol=1e-5)
    shutil.rmtree(library / "table_box")
    assert not json.loads(answers.get("scenes/1").content)["mesh"]
    with pytest.raises(ScenegenError, match="there is no asset library here"):
        answers_of(source, Beside(assets=tmp_path / "nowhere"))
    assert answers_of(source, Beside()).library is None  # that of dataset.json is not there
    assert client_of(boxes).get("/api/scenes/1/mesh").status_code == 404


def test_large_models_are_simplified(tmp_path: Path) -> None:
    """A ball of 20,480 triangles, made by trimesh: few are left, and where they were."""
    ball = trimesh.creation.icosphere(5, 0.25)
    vertices = (ball.vertices + np.array([0, 0, 0.25])).astype(np.float32)
    faces = ball.faces.astype(np.int32)
    halves = (vertices[faces].mean(axis=1)[:, 2] > 0.25).astype(np.int32)
    mesh = Mesh(vertices, faces, np.zeros((len(faces), 3, 3), np.float32), None, halves)
    materials = (Material("low", base_color=(0.0, 0.0, 0.0)), Material("high", base_color=(1.0, 1.0, 1.0)))
    write_asset(tmp_path, replace(box_asset("bag"), name="ball", materials=materials, size=(0.5, 0.5, 0.5)), mesh, {})
    corners, colors = _few_triangles(tmp_path, "ball", 1024)
    assert 900 < len(corners) <= 1100
    assert np.abs(np.linalg.norm(corners - (0, 0, 0.25), axis=-1) - 0.25).max() < 0.01
    high = corners.mean(axis=1)[:, 2] > 0.25
    assert ((colors[:, 0] == 255) == high).mean() > 0.97


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
    answers = read_answers(copied)
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
    client = TestClient(application(read_answers(boxes), bound.token), base_url="http://10.0.0.7:8000")
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


def test_a_second_ctrl_c_ends_it_at_once(boxes: Path) -> None:
    """While an answer takes long, which the first one waits for."""
    script = (
        "import sys, time; from scenegen.steps.viewer.answers import Answers; get = Answers.get\n"
        "def slow(self, path):\n    print('asked', flush=True); time.sleep(60)\n    return get(self, path)\n"
        "Answers.get = slow; sys.argv = ['scenegen', 'view', sys.argv[1], '--no-open']\n"
        "from scenegen.cli.main import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(boxes)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        match = re.search(r"http://(127\.0\.0\.1):(\d+)/", server.stdout.readline())
        assert match is not None
        with socket.create_connection((match[1], int(match[2]))) as asking:
            asking.sendall(b"GET /api/dataset HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert server.stdout.readline() == "asked\n"
            server.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                server.wait(0.3)
            for _ in range(6):  # on a busy machine two signals may arrive as one
                server.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    server.wait(5)
                    break
            assert server.returncode == 130
        assert server.stderr.read() == "scenegen: interrupted; what is finished stays; run the same command again\n"


def test_two_viewers_of_one_data_set_work_at_once(boxes: Path) -> None:
    first, second = bind("127.0.0.1", 0), bind("127.0.0.1", 0)
    first.listener.close()
    second.listener.close()
    assert first.address != second.address
    clients = [client_of(boxes), client_of(boxes)]
    assert rows_of(clients[0])["index"] == rows_of(clients[1])["index"] == [0, 1]
