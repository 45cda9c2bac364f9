"""generate.py as a user runs it: in a process of its own, scenes written to disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers.blender_assets import write_preset
from scenegen.core.asset_library import list_assets
from scenegen.core.dataset.folders import is_complete, scene_path
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset_file import load_preset

pytest.importorskip("bpy", reason="needs the bpy wheel")

SCRIPT = Path(__file__).parents[2] / "blender_scripts" / "generate.py"
WHEEL = (sys.executable, str(SCRIPT))
STAGES = ("layout", "load", "build", "render", "labels", "write", "purge")
DEBIAN = ("blender", "-b", "-P", str(SCRIPT))


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory, box_library: Path) -> list[str]:
    preset = write_preset(tmp_path_factory.mktemp("preset") / "tiny.toml")
    return ["--preset", str(preset), "--assets", str(box_library), "--quality", "draft", "--device", "cpu", "--normals"]


def run(
    arguments: Sequence[str], host: Sequence[str] = WHEEL, text: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [*host, "--", *arguments]
    environment = {**os.environ, **(env or {})}
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=240, check=False, env=environment
    )
    # what Blender itself says where there is no /etc/mtab
    done.stderr = done.stderr.replace("could not get a list of mounted file-systems\n", "")
    return done


def files(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted((out / "scenes").rglob("*")) if p.is_file()}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, common: list[str]) -> Path:
    out = tmp_path_factory.mktemp("made") / "set"
    done = run(["--scenes", "3", "--out", str(out), "--threads", "2", "--profile", *common])
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "rendering on cpu"
    assert lines[1] == "0 of 3 scenes exist, 3 to make"
    assert lines[2].startswith("scene 1 of 3, ")
    assert [line.split()[0] for line in lines[6:]] == [*STAGES, "sum"]
    assert "Saved" not in done.stdout + done.stderr  # Blender's chatter
    return out


def test_scenes_are_whole(made: Path) -> None:
    names = sorted(p.name for p in scene_path(made, 0).iterdir())
    kinds = {"depth": "png", "frustum": "npz", "image": "png", "instance": "png", "normals": "npz"}
    images = [f"{kind}_{k}.{end}" for kind, end in kinds.items() for k in range(3)]
    assert names == sorted([*images, "masks.npy", "occupancy.npy", "scene.json", "voxels.npz"])
    body = json.loads((scene_path(made, 0) / "scene.json").read_text())
    assert {entry["asset"] for entry in body["credits"]} == {thing["asset"] for thing in body["objects"]}


def test_images_differ_between_cameras_and_scenes(made: Path) -> None:
    images = [content for name, content in files(made).items() if "image_" in name]
    assert len(set(images)) == 9


def test_the_same_bytes_in_another_process_order_and_with_other_threads(
    made: Path, tmp_path: Path, common: list[str]
) -> None:
    """One thread, scene 2 first and through --serve: every file is equal, images included."""
    out = tmp_path / "set"
    (out / "scenes").mkdir(parents=True)
    text = '{"index": 2}\n{"index": 0}\n{"index": 1}\n'
    done = run(["--serve", "--out", str(out), "--threads", "1", *common], text=text)
    assert done.returncode == 0, done.stderr
    assert files(out) == files(made)


def test_serve_answers_each_line_and_survives_a_failure(tmp_path: Path, common: list[str]) -> None:
    out = tmp_path / "set"
    (out / "scenes").mkdir(parents=True)
    (out / "scenes" / "scene_000000").write_text("in the way")
    done = run(["--serve", "--out", str(out), *common], text='{"index": 0}\n{"index": 1}\n')
    assert done.returncode == 0
    marked = [line.removeprefix("@scenegen ") for line in done.stdout.splitlines() if line.startswith("@scenegen ")]
    failed, good = (json.loads(line) for line in marked)
    assert (failed["index"], failed["ok"], good["index"], good["ok"]) == (0, False, 1, True)
    assert "scene_000000" in failed["error"]
    assert set(good["seconds"]) == set(STAGES)
    assert 100 < good["peak_mb"] < 4000
    assert is_complete(out, 1)


def test_resume_makes_only_what_is_missing(made: Path, tmp_path: Path, common: list[str]) -> None:
    out = tmp_path / "set"
    shutil.copytree(made, out)
    shutil.rmtree(scene_path(out, 1))
    kept = (scene_path(out, 0) / "scene.json").stat().st_mtime_ns
    done = run(["--scenes", "3", "--out", str(out), *common])
    assert done.returncode == 0, done.stderr
    assert "2 of 3 scenes exist, 1 to make" in done.stdout
    assert files(out) == files(made)
    assert (scene_path(out, 0) / "scene.json").stat().st_mtime_ns == kept


def test_other_parameters_are_refused(made: Path, common: list[str]) -> None:
    done = run(["--scenes", "3", "--out", str(made), "--seed", "5", *common])
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert "seed" in done.stderr


def test_labels_are_the_same_bytes_without_variation(made: Path, tmp_path: Path, common: list[str]) -> None:
    """Only the cameras' jitter is on: other images, the same labels. Then a request that differs is refused."""
    out = tmp_path / "set"
    done = run(["--scenes", "1", "--out", str(out), "--variation", "cameras", *common])
    assert done.returncode == 0, done.stderr
    plain, varied = files(out), files(made)
    assert len(plain) == 19
    for name, content in plain.items():
        if not name.endswith("scene.json"):
            assert (content == varied[name]) == ("image_" not in name), name
    assert json.loads((out / "dataset.json").read_text())["variation"] == ["cameras"]
    done = run(["--scenes", "1", "--out", str(out), "--variation", "none", *common])
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert 'made with variation ["cameras"], now asked for []' in done.stderr


def test_a_broken_asset_costs_its_scenes_only(tmp_path: Path, common: list[str], box_library: Path) -> None:
    library = tmp_path / "library"
    shutil.copytree(box_library, library)
    preset = load_preset(common[1])
    assets = list_assets(library, "train")
    used = [{o.asset for o in make_scene(preset, assets, 0, index, "train").objects} for index in range(3)]
    victim = sorted(used[1] - used[0] - used[2])[0]
    (library / victim / "mesh.npz").write_bytes(b"no mesh")
    options = [*common[:2], "--assets", str(library), *common[4:]]
    done = run(["--scenes", "3", "--out", str(tmp_path / "set"), *options])
    assert done.returncode == 1
    assert [is_complete(tmp_path / "set", index) for index in range(3)] == [True, False, True]
    first, last = done.stderr.splitlines()
    assert first.startswith("error: scene 1: ")
    assert victim in first
    assert "(1)" in last


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["--scenes", "0"], 2, "--scenes 0"),
        (["--scenes", "x"], 2, "--scenes"),
        ([], 2, "--scenes"),
        (["--scenes", "1", "--preset", "moon"], 2, "moon"),
        (["--scenes", "1", "--split", "nosplit"], 2, "--split"),
        (["--scenes", "1", "--variation", "noise,light"], 2, "--variation: 'light'"),
        (["--scenes", "1", "--assets", "/nowhere/at/all"], 1, "/nowhere/at/all"),
        (["--scenes", "1", "--out", "/dev/null/set"], 2, "/dev/null"),
        (["--scenes", "1", "--device", "metal"], 2, "--device metal"),
    ],
)
def test_bad_input(arguments: list[str], status: int, word: str, tmp_path: Path, box_library: Path) -> None:
    done = run(["--out", str(tmp_path / "set"), "--assets", str(box_library), *arguments])
    assert done.returncode == status
    last = done.stderr.strip().splitlines()[-1]
    assert "error: " in last
    assert word in last
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "set" / "scenes").exists()


@pytest.mark.debian_blender
def test_debian_blender_without_modules_says_what_to_run(tmp_path: Path) -> None:
    if not shutil.which("blender"):
        pytest.skip("no blender on PATH")
    done = run(["--scenes", "1"], DEBIAN, env={"SCENEGEN_HOME": str(tmp_path)})
    if done.returncode == 0 or "misses" not in done.stderr:
        pytest.skip("this blender brings every module itself")
    assert done.returncode == 1
    assert "scenegen blender-setup --blender" in done.stderr


@pytest.mark.debian_blender
def test_debian_blender_makes_the_same_labels(made: Path, tmp_path: Path, common: list[str]) -> None:
    if not shutil.which("blender"):
        pytest.skip("no blender on PATH")
    out = tmp_path / "set"
    done = run(["--scenes", "1", "--out", str(out), *common], DEBIAN)
    if "scenegen blender-setup" in done.stderr:
        pytest.skip("this blender lacks modules: run `scenegen blender-setup --blender blender`")
    assert done.returncode == 0, done.stderr
    ours, theirs = files(made), files(out)
    assert theirs.keys() == {name for name in ours if "scene_000000" in name}
    for name, content in theirs.items():
        assert "image_" in name or content == ours[name], name
