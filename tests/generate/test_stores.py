"""Where finished scenes go: packed while they are made, or uploaded to object storage (a real S3 server)."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import fsspec
import numpy as np
import pytest
from helpers.fault_runs import FAULTY, TINY, SystemBlender, rest, running, wait_for
from scenegen.cli.request_options import to_request
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.request import local_folder
from scenegen.core.dataset.shards import read_index
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.generate import generate as driver
from scenegen.generate.generate import GenerateResult, Request, generate
from scenegen.generate.stores.remote import RemoteStore
from scenegen.steps.pack import check_shards

EXACT = Packing("png", 95, True, 0.3)
Run = Callable[..., GenerateResult]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, box_library: Path) -> Run:
    """Generate with the stand-in for Blender."""
    monkeypatch.setattr(driver, "generate_script", lambda: FAULTY)
    monkeypatch.setattr(driver.blender_setup, "check_host", lambda blender: SystemBlender)

    def run(scenes: int, out: Path | str, **options: object) -> GenerateResult:
        request = Request(str(TINY), out, scenes, assets=box_library, **options)  # type: ignore[arg-type]
        return generate(request, lambda done, total, failed=0: None)

    return run


def same(a: StoredScene, b: StoredScene) -> bool:
    views = range(len(a.cameras))
    return (
        a.scene_json == b.scene_json
        and np.array_equal(a.masks, b.masks)
        and np.array_equal(a.occupancy, b.occupancy)
        and all(np.array_equal(a.image(k), b.image(k)) for k in views)
        and all(np.array_equal(a.depth_mm(k), b.depth_mm(k)) for k in views)
        and all(np.array_equal(a.instance(k), b.instance(k)) for k in views)
        and all(np.array_equal(a.frustum(k), b.frustum(k)) for k in views)
    )


def test_packing_on_the_way_keeps_every_scene_and_no_folder(run: Run, tmp_path: Path) -> None:
    run(8, tmp_path / "folders")
    result = run(8, tmp_path / "packed", pack=EXACT, workers=2)
    assert (result.made, result.missing) == (8, ())
    packed, folders = Dataset(tmp_path / "packed"), Dataset(tmp_path / "folders")
    assert packed.indices == list(range(8))
    assert all(same(a, b) for a, b in zip(packed, folders, strict=True))
    check_shards(tmp_path / "packed")
    assert len(read_index(tmp_path / "packed")[1]) > 1  # sealed on the way, not at the end alone
    left = {path.name for path in (tmp_path / "packed").iterdir() if path.suffix != ".tar"}
    assert left <= {
        "dataset.json",
        "CREDITS.txt",
        "fingerprints.json",
        "timings.csv",
        "index.json",
        "report.json",
        "events.jsonl",
        ".lock",
    }


def test_packing_on_the_way_goes_on_and_never_packs_twice(run: Run, tmp_path: Path) -> None:
    run(5, tmp_path, pack=EXACT)
    before = [(shard.file, shard.sha256) for shard in read_index(tmp_path)[1]]
    assert run(9, tmp_path, pack=EXACT).made == 4
    shards = read_index(tmp_path)[1]
    assert [(shard.file, shard.sha256) for shard in shards][: len(before)] == before
    assert sorted(block.scene for shard in shards for block in shard.scenes) == list(range(9))
    assert run(9, tmp_path, pack=EXACT).made == 0


def test_what_a_kill_left_between_two_steps_is_packed_once(run: Run, tmp_path: Path) -> None:
    run(3, tmp_path / "folders")
    run(3, tmp_path / "packed", pack=EXACT)
    # killed after the shard's entry in the index, with its blocks still there, and with a scene written but not packed
    shard = read_index(tmp_path / "packed")[1][0]
    block = shard.scenes[0]
    (tmp_path / "packed/blocks").mkdir()
    with (tmp_path / "packed" / shard.file).open("rb") as file:
        file.seek(block.offset)
        (tmp_path / "packed/blocks" / f"{block.scene:06d}.block").write_bytes(file.read(block.size))
    (tmp_path / "packed/scenes").mkdir(exist_ok=True)
    (tmp_path / "folders/scenes/scene_000002").rename(tmp_path / "packed/scenes/scene_000004")
    assert run(5, tmp_path / "packed", pack=EXACT).made == 1
    blocks = [b.scene for s in read_index(tmp_path / "packed")[1] for b in s.scenes]
    assert sorted(blocks) == [0, 1, 2, 3, 4]


def more_blocks(out: Path, than: int) -> bool:
    return len(list((out / "blocks").glob("*.block"))) > than


def test_a_killed_packing_run_loses_nothing_that_was_packed(tmp_path: Path, box_library: Path) -> None:
    out, folders = tmp_path / "packed", tmp_path / "folders"
    program = [sys.executable, str(FAULTY.with_name("fault_runs.py")), "generate", "--preset", str(TINY)]
    common = ["--scenes", "24", "--assets", str(box_library), "--device", "cpu", "--quality", "draft"]
    command = [*program, *common, "--pack", str(out), "--maps", "--workers", "2"]
    packed: set[int] = set()
    for pause in (0.0, 0.3, 0.7):
        with running(command) as process:
            wait_for(partial(more_blocks, out, len(packed)))
            rest(pause)
            process.send_signal(signal.SIGKILL)
            process.wait()
        rest(0.5)  # a worker may finish its write
        there = {int(path.stem) for path in (out / "blocks").glob("*.block")}
        there |= {block.scene for shard in read_index(out)[1] for block in shard.scenes}
        assert packed <= there
        packed = there
    subprocess.run(command, check=True, capture_output=True)
    assert Dataset(out).indices == list(range(24))
    check_shards(out)
    subprocess.run([*program, *common, "--out", str(folders)], check=True, capture_output=True)
    for a, b in zip(Dataset(out), Dataset(folders), strict=True):
        assert np.array_equal(a.masks, b.masks) and np.array_equal(a.depth_mm(1), b.depth_mm(1))
        assert a.scene_json == b.scene_json


def test_packing_refuses_what_is_something_else(run: Run, tmp_path: Path) -> None:
    run(1, tmp_path / "folders")
    with pytest.raises(ScenegenError, match="holds scenes in folders"):
        run(1, tmp_path / "folders", pack=EXACT)
    run(1, tmp_path / "packed", pack=EXACT)
    with pytest.raises(
        ScenegenError, match=r"packed: holds scenes in shards; go on with `scenegen generate --pack .*/packed`"
    ):
        run(2, tmp_path / "packed")
    assert not any((tmp_path / "packed" / "scenes").glob("scene_*"))
    with pytest.raises(ScenegenError, match="packed with image png, not jpeg"):
        run(1, tmp_path / "packed", pack=Packing("jpeg", 95, True, 0.3))
    with pytest.raises(ScenegenError, match=r"dataset\.json: made with seed 0, now asked for 1"):
        run(2, tmp_path / "packed", pack=EXACT, seed=1)
    with pytest.raises(UsageError, match="leave --out out"):
        to_request({"out": Path("a"), "pack": "b"})
    with pytest.raises(UsageError, match="--maps"):
        to_request({"out": Path("a"), "pack": None}, maps=True)
    assert to_request({"out": None, "pack": "b"}, maps=True).pack == Packing("jpeg", 95, True, 250.0)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3 server of our own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = (tmp_path_factory.mktemp("s3") / "log").open("w")
    server = subprocess.Popen(
        [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)],
        stdout=log, stderr=log,
    )  # fmt: skip

    def answers() -> bool:
        try:
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/").status == 200)
        except OSError:
            return False

    try:
        wait_for(answers, 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()
        log.close()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket's URL; the environment says where its server is, as a user's would."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": s3, "FSSPEC_S3_ENDPOINT_URL": s3,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    fsspec.config.conf["s3"] = {"endpoint_url": s3}
    files = fsspec.filesystem("s3", endpoint_url=s3, skip_instance_cache=True)
    if files.exists("scenes"):
        files.rm("scenes", recursive=True)
    files.mkdir("scenes")
    return "s3://scenes/studio"


def test_scenes_in_object_storage_equal_those_in_folders(run: Run, bucket: str, tmp_path: Path) -> None:
    run(4, tmp_path / "folders")
    result = run(4, bucket, workers=2)
    assert (result.made, result.missing, result.url) == (4, (), bucket)
    files = fsspec.filesystem("s3")
    assert {path.split("/")[-1] for path in files.ls("scenes/studio")} >= {
        "dataset.json",
        "fingerprints.json",
        "scenes",
    }
    files.get("scenes/studio", str(tmp_path / "fetched"), recursive=True)
    fetched, folders = Dataset(tmp_path / "fetched"), Dataset(tmp_path / "folders")
    assert fetched.indices == [0, 1, 2, 3]
    assert all(same(a, b) for a, b in zip(fetched, folders, strict=True))
    assert not any((local_folder(bucket) / "scenes").iterdir())


def test_a_run_into_object_storage_goes_on(run: Run, bucket: str) -> None:
    place = local_folder(bucket)
    run(3, bucket)
    files = fsspec.filesystem("s3")
    files.rm("scenes/studio/scenes/scene_000001/scene.json")  # killed before the last file
    assert run(5, bucket).made == 3
    assert RemoteStore(bucket, place).finished(5).all()
    assert json.loads(files.cat("scenes/studio/dataset.json"))["scenes"] == 5
    with pytest.raises(ScenegenError, match="made with seed 0, now asked for 3"):
        run(5, bucket, seed=3)


def test_storage_that_does_not_answer_is_one_clear_line(run: Run, bucket: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nosuch://"):
        run(1, "nosuch://bucket/x")
    with pytest.raises(ScenegenError, match=r"s3://absent/x: .*check the address, your credentials"):
        run(1, "s3://absent/x")


def test_a_memory_file_system_holds_a_scene_only_whole(run: Run, tmp_path: Path) -> None:
    run(1, tmp_path / "local")
    store = RemoteStore("memory://studio", tmp_path / "local")
    files = fsspec.filesystem("memory")
    order: list[str] = []
    put = files.put_file
    files.put_file = lambda source, target: (order.append(Path(target).name), put(source, target))
    try:
        store.commit(0)
    finally:
        del files.put_file
    assert store.has(0) and store.finished(2).tolist() == [True, False]
    assert order[-1] == "scene.json" and len(order) == len(set(order)) > 10
    assert not (tmp_path / "local/scenes/scene_000000").exists()
