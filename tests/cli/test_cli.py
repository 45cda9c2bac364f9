"""The command line: help, exit statuses, one line for every bad input."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from helpers.fault_runs import TINY
from scenegen.cli.assets.group import COMMANDS as ASSETS
from scenegen.cli.lazy_group import LazyCommand
from scenegen.cli.main import COMMANDS as MAIN

SCENEGEN = Path(sys.executable).parent / "scenegen"


def scenegen(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCENEGEN), *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


def one_line(done: subprocess.CompletedProcess[str], status: int) -> str:
    """The complaint, after a check that it is the only one."""
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("scenegen: ")
    return lines[0]


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory, box_library: Path) -> Path:
    out = tmp_path_factory.mktemp("cli") / "out"
    done = scenegen(
        *("generate", "--preset", TINY, "--scenes", 2, "--out", out, "--assets", box_library, "--quality", "draft"),
        *("--device", "cpu", "--json", "--profile"),
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["asked"], answer["made"], answer["missing"], answer["failed"]) == (2, 2, [], [])
    assert "render" in done.stderr
    assert "generate 2/2" in done.stderr
    return out


@pytest.mark.parametrize("command", sorted(MAIN))
def test_help_has_an_example(command: str) -> None:
    done = scenegen(command, "--help")
    assert done.returncode == 0
    assert f"scenegen {command}" in done.stdout.split("Example", 1)[1]


def test_help_lists_all_commands_and_imports_none() -> None:
    code = (
        "import sys; from scenegen.cli.main import cli; cli.main(['--help'], standalone_mode=False);"
        "print(*sorted(name for name in sys.modules if name.startswith('scenegen.cli.') or '.' not in name))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    *text, imported = shown.splitlines()
    assert [name for name in MAIN if not any(line.startswith(f"  {name} ") for line in text)] == []
    ours = {"scenegen.cli.main", "scenegen.cli.lazy_group", "scenegen.cli.options"}
    assert {name for name in imported.split() if name.startswith("scenegen.cli.")} == ours
    assert not {"numpy", "rich", "distributed", "PIL", "bpy"} & set(imported.split())


@pytest.mark.parametrize("commands", [MAIN, ASSETS])
def test_help_cuts_no_word_at_80_columns(commands: dict[str, LazyCommand]) -> None:
    for entry in commands.values():
        command = getattr(importlib.import_module(entry.module), entry.name)
        narrow, wide = (
            command.get_help(click.Context(command, terminal_width=width, max_content_width=width))
            for width in (80, 1000)
        )
        assert set(narrow.split()) <= set(wide.split()), entry.name  # nor breaks one at its hyphen
        assert [line for line in narrow.splitlines() if len(line) > 80] == [], entry.name


@pytest.mark.parametrize("commands", [MAIN, ASSETS])
def test_the_line_in_the_list_is_said_of_a_command_that_exists(commands: dict[str, LazyCommand]) -> None:
    for name, entry in commands.items():
        command = getattr(importlib.import_module(entry.module), entry.name)
        assert isinstance(command, click.Command) and (command.name or "").rstrip("_") == name
        assert entry.help.endswith(".") and len(entry.help) < 80


def test_version() -> None:
    from scenegen import __version__

    assert scenegen("--version").stdout == f"scenegen, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nonsense"], 2, "No such command 'nonsense'"),
        (["generate"], 2, "--scenes"),
        (["generate", "--scenes", "0"], 2, "ask for at least 1"),
        (["generate", "--scenes", "-3"], 2, "ask for at least 1"),
        (["generate", "--scenes", "many"], 2, "'many' is not a valid integer"),
        (["generate", "--scenes", "1", "--preset", "moon"], 2, "unknown preset 'moon'"),
        (["generate", "--scenes", "1", "--preset", "moon.toml"], 2, "moon.toml"),
        (["generate", "--scenes", "1", "--split", "holdout"], 2, "'holdout' is not one of 'train', 'test'"),
        (["generate", "--scenes", "1", "--workers", "0"], 2, "--workers"),
        (["generate", "--scenes", "1", "--device", "abacus"], 2, "abacus"),
        (["generate", "--scenes", "1", "--quality", "best"], 2, "best"),
        (["generate", "--scenes", "1", "--variation", "light"], 2, "--variation: 'light' does not vary"),
        (["generate", "--scenes", "1", "--out", "FILE"], 2, "is a file"),
        (["generate", "--scenes", "1", "--out", "FILE/below"], 2, "FILE"),
        (["generate", "--scenes", "1", "--out", "/proc/data"], 1, "/proc/data: cannot be made"),
        (["generate", "--scenes", "1", "--blender", "/nowhere/blender"], 1, "/nowhere/blender: no such program"),
        (["generate", "--scenes", "1", "--blender", "/bin/true"], 1, "is no Blender"),
        (["generate", "--scenes", "1", "--assets", "/nowhere"], 1, "run `scenegen assets build --assets /nowhere`"),
        (["generate", "--scenes", "1", "--scheduler", "nonsense"], 1, "nonsense: no dask scheduler"),
        (["verify", "FILE"], 1, "no data set here"),
        (["verify", "/nowhere"], 1, "/nowhere: no data set here"),
        (["stats", "/nowhere"], 1, "no data set here"),
        (["preview", "/nowhere"], 1, "no data set here"),
        (["voxelize", "/nowhere", "--grid", "8,8,8"], 1, "no data set here"),
        (["voxelize", "/nowhere"], 1, "no data set here"),
        (["voxelize", "/nowhere", "--grid", "8,8"], 2, "give three whole numbers of cells above 0"),
        (["voxelize", "/nowhere", "--grid", "8,8,x"], 2, "give three whole numbers of cells above 0"),
        (["voxelize", "/nowhere", "--grid", "8,8,1.5"], 2, "give three whole numbers of cells above 0"),
        (["voxelize", "/nowhere", "--frustum", "1,2,3"], 2, "give NEAR,FAR,SLICES,HFOV"),
        (["blender-setup"], 2, "--blender"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], status: int, said: str, tmp_path: Path, box_library: Path) -> None:
    (tmp_path / "FILE").write_text("")
    arguments = [str(tmp_path / a) if a.startswith("FILE") else a for a in arguments]
    if arguments[0] == "generate" and "--out" not in arguments:
        arguments += ["--out", str(tmp_path / "out")]
    line = one_line(scenegen(*arguments, SCENEGEN_ASSETS=str(box_library)), status)
    assert said in line
    assert not (tmp_path / "out").exists()


def test_a_library_without_a_class_names_the_mend(tmp_path: Path, box_library: Path) -> None:
    library = tmp_path / "library"
    shutil.copytree(box_library, library, ignore=shutil.ignore_patterns("bag_train*"))
    done = scenegen("generate", "--preset", TINY, "--scenes", 1, "--out", tmp_path / "out", "--assets", library)
    line = one_line(done, 1)
    assert "no train asset of class bag" in line
    assert f"`scenegen assets build --preset {TINY} --assets {library}`" in line
    assert not (tmp_path / "out").exists()


def test_other_parameters_are_refused(data_set: Path, box_library: Path) -> None:
    done = scenegen(
        *(
            "generate",
            "--preset",
            TINY,
            "--scenes",
            3,
            "--out",
            data_set,
            "--assets",
            box_library,
            "--quality",
            "draft",
        ),
        *("--seed", 9),
    )
    assert "made with seed 0, now asked for 9" in one_line(done, 1)


def test_verify_and_stats_answer_people_and_programs(data_set: Path) -> None:
    done = scenegen("verify", data_set)
    assert (done.returncode, "every promise holds" in done.stdout) == (0, True)
    assert json.loads(scenegen("verify", data_set, "--json").stdout)["ok"] is True
    figures = json.loads(scenegen("stats", data_set, "--json").stdout)
    assert figures["scenes"] == 2
    assert f"objects    {figures['objects']} (" in scenegen("stats", data_set).stdout


def test_verify_finds_a_truncated_file(data_set: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(data_set, broken)
    masks = broken / "scenes" / "scene_000001" / "masks.npy"
    masks.write_bytes(masks.read_bytes()[:100])
    done = scenegen("verify", broken)
    assert done.returncode == 1
    (fault,) = [line for line in done.stdout.splitlines() if line.startswith("scene 1: ")]
    assert "masks.npy" in fault
    assert json.loads(scenegen("verify", broken, "--json").stdout)["ok"] is False
    assert "masks.npy" in scenegen("stats", broken).stderr.splitlines()[-1]


def test_voxelize_and_preview(data_set: Path, tmp_path: Path) -> None:
    coarse = tmp_path / "coarse"
    shutil.copytree(data_set, coarse)
    answer = json.loads(scenegen("voxelize", coarse, "--grid", "10,12,8", "--frustum", "1,6,8,60", "--json").stdout)
    assert answer["changed"] == 2
    assert scenegen("verify", coarse).returncode == 0
    page = Path(json.loads(scenegen("preview", coarse, "--out", tmp_path / "page", "--json").stdout)["page"])
    assert page == tmp_path / "page" / "index.html"
    assert page.is_file()
