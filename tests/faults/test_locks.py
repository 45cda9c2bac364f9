"""Two commands on one data set: each pair either works or is refused with one line, whatever they interleave."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers.box_scenes import write_box_dataset
from helpers.fault_runs import command, running, shoot, wait_for
from helpers.held_steps import held
from scenegen.core.dataset import run_lock as locks
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.run_lock import change_lock, read_lock, run_lock
from scenegen.core.errors import ScenegenError
from scenegen.steps.stats import stats
from scenegen.steps.verify.verify import verify

SCENES = 6
SCENEGEN = str(Path(sys.executable).parent / "scenegen")
VOXELIZE = ("voxelize", "{set}", "--grid", "20,24,16", "--assets", "{assets}", "--workers", "2")
PACK = ("pack", "{set}", "{out}", "--workers", "2")
DELETE = (*PACK, "--maps", "--delete")
EXPORT = ("export", "{set}", "{out}", "--format", "coco", "--workers", "2")
PREVIEW = ("preview", "{set}", "--out", "{out}")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box_dataset(tmp_path_factory.mktemp("pristine") / "set", SCENES)


@pytest.fixture
def places(pristine: Path, box_assets: Path, tmp_path: Path) -> dict[str, Path]:
    data = tmp_path / "set"
    subprocess.run(["cp", "-a", str(pristine), str(data)], check=True)
    return {"set": data, "assets": box_assets, "out": tmp_path / "out"}


def words(step: tuple[str, ...], places: dict[str, Path]) -> list[str]:
    return [word.format_map(places) for word in step]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCENEGEN, *arguments], capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (DELETE, (*DELETE[:2], "{out}_2", *DELETE[3:]), "{set}: pack --delete is changing it"),
        (DELETE, DELETE, "{set}: pack --delete is changing it"),
        (PACK, PACK, "{out}: another pack is writing it"),
        (PACK, VOXELIZE, "{set}: pack is reading it"),
        (VOXELIZE, PACK, "{set}: voxelize is changing it"),
        (VOXELIZE, EXPORT, "{set}: voxelize is changing it"),
        (VOXELIZE, ("stats", "{set}"), "{set}: voxelize is changing it"),
        (VOXELIZE, VOXELIZE, "{set}: voxelize is changing it"),
        (EXPORT, EXPORT, "{set}/../.out.coco: another export is writing it"),
        (EXPORT, DELETE, "{set}: export is reading it"),
        (PREVIEW, PREVIEW, "{out}: another preview is writing it"),
        (("verify", "{set}", "--workers", "2"), VOXELIZE, "{set}: verify is reading it"),
    ],
)
def test_the_second_is_refused_and_the_first_is_whole(
    first: tuple[str, ...], second: tuple[str, ...], says: str, places: dict[str, Path], tmp_path: Path
) -> None:
    with running(held(tmp_path, *words(first, places))) as process:
        wait_for(lambda: process.poll() is not None or list(tmp_path.glob("held_*")))
        refused = run(*words(second, places))
        assert refused.returncode == 1
        (line,) = refused.stderr.splitlines()
        assert line.replace(f"{tmp_path}/.out", f"{tmp_path}/set/../.out").startswith(
            f"scenegen: {says.format_map(places)} (process {process.pid} on "
        )
        assert line.endswith("; wait until it ends")
        (tmp_path / "go").touch()
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    if first == DELETE:
        assert len(Dataset(places["out"])) == SCENES
        assert not Path(f"{places['out']}_2").exists()
    else:
        assert verify(places["set"], assets=places["assets"]).ok
    assert not list(places["set"].glob(".reading-*"))
    if first == EXPORT:
        assert not list(places["out"].glob(".*"))


def test_readers_read_together(places: dict[str, Path], tmp_path: Path) -> None:
    with running(held(tmp_path, *words(PACK, places))) as process:
        wait_for(lambda: process.poll() is not None or list(tmp_path.glob("held_*")))
        assert stats(places["set"]).scenes == SCENES
        assert verify(places["set"], assets=places["assets"]).ok
        (tmp_path / "go").touch()
        process.communicate(timeout=120)
    assert process.returncode == 0


def test_a_data_set_is_read_while_it_is_made(tmp_path: Path, box_library: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "faults.json").write_text(json.dumps({index: ["hang"] for index in range(2, 8)}))
    with running(command(out, box_library, 8, "--workers", "1")):
        wait_for(lambda: (tmp_path / "tries_2").exists())
        assert len(Dataset(out)) == 2
        assert stats(out).scenes == 2
        refused = run("voxelize", str(out), "--grid", "10,12,8", "--assets", str(box_library))
        assert refused.returncode == 1
        assert f"{out}: another run is making it (process " in refused.stderr


def test_a_library_stays_as_it_is_while_scenes_are_made_of_it(tmp_path: Path, box_library: Path) -> None:
    """A model that is added or dropped would be in the later scenes alone."""
    library = tmp_path / "library"
    subprocess.run(["cp", "-a", str(box_library), str(library)], check=True)
    (tmp_path / "faults.json").write_text(json.dumps({0: ["hang"]}))
    with running(command(tmp_path / "out", library, 1, "--workers", "1")) as process:
        wait_for(lambda: process.poll() is not None or (tmp_path / "tries_0").exists())
        for words in (("drop", "chair_train_00", "--why", "a test"), ("build",)):
            refused = run("assets", *words, "--assets", str(library))
            assert refused.returncode == 1
            (line,) = refused.stderr.splitlines()
            assert line.startswith(f"scenegen: {library}: generate is reading it (process {process.pid} on ")
        shoot(process.pid)
        process.wait()
    assert run("assets", "drop", "chair_train_00", "--why", "a test", "--assets", str(library)).returncode == 0
    assert not list(library.glob(".reading-*"))


def test_a_killed_reader_and_a_killed_writer_free_the_place(places: dict[str, Path], tmp_path: Path) -> None:
    for step in (PACK, VOXELIZE):
        with running(held(tmp_path, *words(step, places))) as process:
            wait_for(lambda: process.poll() is not None or list(tmp_path.glob("held_*")))
            shoot(process.pid)
            process.wait()
        for mark in tmp_path.glob("held_*"):
            mark.unlink()
    done = run(*words(VOXELIZE, places))
    assert done.returncode == 0, done.stderr
    assert verify(places["set"], assets=places["assets"]).ok
    assert not list(places["set"].glob(".reading-*"))


def test_a_folder_that_cannot_be_written_is_read(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a read-only disk; the tests may run as root, whom no permission stops."""
    through = locks.os.open

    def refuse(path: object, flags: int, *more: int) -> int:
        if flags & locks.os.O_CREAT:
            raise PermissionError(13, "Permission denied")
        return through(path, flags, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(locks.os, "open", refuse)
    with read_lock(places["set"], "stats"):
        assert not list(places["set"].glob(".reading-*"))


@pytest.mark.parametrize("changes", [True, False])
def test_a_holder_on_another_machine_is_seen_by_its_count(changes: bool, tmp_path: Path) -> None:
    """On a shared disk whose locks do not reach from one machine to the other: voxelize there, or a reader there."""
    other = {"machine": "another", "host": "far", "pid": 7, "run": "r", "count": 0}
    other |= {"doing": "voxelize is changing it", "changes": True} if changes else {"doing": "export is reading it"}
    file = tmp_path / (".lock" if changes else ".reading-far-7-abcd")
    file.write_text(json.dumps(other))
    over = threading.Event()

    def beat() -> None:
        count = 0
        while not over.wait(0.1):
            count += 1
            aside = tmp_path / "aside"
            aside.write_text(json.dumps({**other, "count": count}))
            aside.replace(file)

    holder = threading.Thread(target=beat)
    holder.start()
    mine = (lambda: read_lock(tmp_path, "stats", 1.0)) if changes else (lambda: change_lock(tmp_path, "voxelize", 1.0))
    with pytest.raises(ScenegenError, match=rf"{other['doing']} \(process 7 on far\); wait until it ends$"), mine():
        pass
    over.set()
    holder.join()
    with mine():  # its machine died: the count stands still
        pass


def test_many_at_once_never_hold_together(tmp_path: Path) -> None:
    """Threads take the locks as processes do: a lock of the kernel belongs to an opened file."""
    inside: dict[str, int] = {"adds": 0, "changes": 0, "reads": 0}
    guard, wrong, held_by = threading.Lock(), list[str](), list[str]()

    def work(kind: str) -> None:
        lock = {
            "adds": lambda: run_lock(tmp_path),
            "changes": lambda: change_lock(tmp_path, "c"),
            "reads": lambda: read_lock(tmp_path, "r"),
        }[kind]
        pause = threading.Event()
        while held_by.count(kind) < (5 if kind == "changes" else 20):
            pause.wait(0.005)
            try:
                with lock():
                    with guard:
                        inside[kind] += 1
                        held_by.append(kind)
                        if inside["adds"] + inside["changes"] > 1 or (inside["changes"] and inside["reads"]):
                            wrong.append(str(inside))
                    pause.wait(0.002)
                    with guard:
                        inside[kind] -= 1
            except ScenegenError:
                continue

    threads = [threading.Thread(target=work, args=(kind,)) for kind in ("adds", "changes", "reads", "reads")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert set(held_by) == set(inside)
