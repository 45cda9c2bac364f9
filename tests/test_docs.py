"""The pages agree with the product: links lead somewhere, and commands and options exist."""

from __future__ import annotations

import csv
import dataclasses
import importlib
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from scenegen.cli.main import cli as scenegen
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene import classes
from scenegen.steps.exchange.export import FORMATS, Format, export
from scenegen.steps.verify.verify import CHECKS
from scenetrain.cli.main import cli as scenetrain

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = {"scenegen": scenegen, "scenetrain": scenetrain}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    titles = re.findall(r"^#+ +(.*)$", without_code(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(page: Path) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text()))
    return [link for link in found if "://" not in link]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name}: ({link}) is not there"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: ({link}) has no such heading"


def test_the_index_names_every_page() -> None:
    index = ROOT / "docs/index.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    assert {page for page in PAGES if page.parent != ROOT} - {index} <= linked


def commands(text: str) -> Iterator[tuple[str, bool]]:
    """Command lines of our programs: from blocks of code (whole), and from `code` in a sentence (may be shortened)."""
    text = text.replace("\\\n", " ")
    start = re.compile(r"^\s*(?:\$ )?((?:scenegen|scenetrain) .*)$")
    inside = False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif inside or line.startswith("    "):
            for part in re.sub(r"\s#.*$", "", line).split(";"):
                if (match := start.match(part)) and " import " not in part:
                    yield match[1], True
        else:
            for code in re.findall(r"`((?:scenegen|scenetrain) [^`]+)`", line):
                yield code, False


def arguments(line: str) -> list[str]:
    """The words of a command line; of alternatives (a|b) the first, without [brackets] and what comes after >."""
    words = shlex.split(line.partition(" > ")[0].replace("[", "").replace("]", ""))
    return [word.split("|")[0] for word in words if word not in ("...", "…")]


def check(line: str, whole: bool) -> None:
    """Raise click's own error where the command line does not parse."""
    name, *words = arguments(line)
    context = click.Context(PROGRAMS[name], info_name=name)
    command: click.Command = PROGRAMS[name]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            raise click.UsageError(f"no command {words[0]!r}")
        command, words = found, words[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    if words == ["--help"] or isinstance(command, click.Group):
        return
    values, left, order = command.make_parser(context).parse_args(words)
    if left:
        raise click.UsageError(f"unexpected {left}")
    for parameter in command.get_params(context):
        value = values.get(parameter.name or "")
        given = isinstance(value, str | tuple | list | bool | int)
        if whole and parameter.required and not given:
            raise click.MissingParameter(param=parameter, ctx=context)
        for one in (value if isinstance(value, list | tuple) else [value]) if given and parameter in order else ():
            if isinstance(one, str) and not one.isupper():  # N stands for a number
                check_value(parameter, one, context)


def check_value(parameter: click.Parameter, value: str, context: click.Context) -> None:
    """Raise click's own error where an option cannot have a value. Options of Request name their choices in metavar."""
    if isinstance(parameter.type, click.Choice | click.types.IntParamType | click.types.FloatParamType):
        parameter.type.convert(value, parameter, context)
    choices = re.fullmatch(r"\[(.*\|.*)\]", parameter.metavar or "")
    if choices and value not in choices[1].split("|"):
        raise click.BadParameter(f"{value!r} is not one of {choices[1]}", context, parameter)


@each_page
def test_commands_parse(page: Path) -> None:
    wrong = []
    for line, whole in commands(page.read_text()):
        try:
            check(line, whole)
        except click.UsageError as error:
            wrong.append(f"{line}: {error.format_message()}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "line",
    [
        "scenegen generate --scene 8 --out data/studio",
        "scenegen generate --scenes eight --out data/studio",
        "scenegen generate --scenes 8 --quality best --out data/studio",
        "scenegen pack",
        "scenegen voxelize --grid 40,48,32",
        "scenegen verify data/studio data/other",
        "scenegen look data/studio",
        "scenetrain fit --data data/studio",
    ],
)
def test_wrong_commands_are_found(line: str) -> None:
    (found,) = commands(f"Text.\n\n    {line}    # comment\n")
    with pytest.raises(click.UsageError):
        check(*found)


def options(command: click.Command, context: click.Context) -> set[str]:
    if isinstance(command, click.Group):
        parts = [command.get_command(context, name) for name in command.list_commands(context)]
        return set().union(*(options(part, click.Context(part, parent=context)) for part in parts if part))
    return {name for parameter in command.get_params(context) for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.fixture(scope="module")
def known_options() -> set[str]:
    return set().union(*(options(program, click.Context(program)) for program in PROGRAMS.values()))


# Options of other programs that a sentence names.
OTHERS = {
    "docs/train/export.md": {"--street", "--street-test"},
    "docs/generate/cluster.md": {"--nthreads", "--memory-limit"},
    "docs/benchmarks.md": {"--growth", "--scenes", "--rounds", "--many", "--pixels"},
}


@each_page
def test_options_in_a_sentence_exist(page: Path, known_options: set[str]) -> None:
    text = re.sub(r"^    .*$", "", without_code(page.read_text()), flags=re.MULTILINE)
    codes = [code for code in re.findall(r"`([^`]+)`", text) if code.startswith("-")]
    named = {word.split("=")[0] for code in codes for word in code.split() if re.match("--.", word)}
    known = known_options | OTHERS.get(str(page.relative_to(ROOT)), set())
    assert named <= known, f"{page.name}: no such option: {sorted(named - known)}"


def tracked_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.split()


@each_page
def test_source_files_named_exist(page: Path) -> None:
    files = tracked_files()
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    named = re.findall(r"`((?:[\w-]+/)*[\w-]+\.(?:py|sh|toml))`", text)
    ours = [name for name in named if ("/" in name or name.endswith(".py")) and not re.search("[A-Z]{4}", name)]
    missing = [name for name in ours if not any(("/" + file).endswith("/" + name) for file in files)]
    assert not missing, f"{page.name}: no such file: {missing}"


def test_the_page_about_verify_names_every_check() -> None:
    table = re.findall(r"^\| ([\w.]+) \| ", (ROOT / "docs/labels/verify.md").read_text(), re.MULTILINE)
    assert sorted(table[1:]) == sorted([*CHECKS, "shapes"])


@pytest.mark.parametrize("page", ["README.md", "docs/labels/dataset.md"])
def test_python_of_a_page_runs(page: str, box_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/studio").symlink_to(box_set)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {})


def test_functions_named_beside_a_file_are_in_it() -> None:
    rows = re.findall(r"`([\w/]+\.py)` \| `(\w+)`", (ROOT / "docs/develop/architecture.md").read_text())
    assert len(rows) > 10
    for name, function in rows:
        (file,) = (file for file in tracked_files() if ("/" + file).endswith("/" + name))
        assert re.search(rf"^(?:def|class) {function}\b", (ROOT / file).read_text(), re.MULTILINE), (name, function)


def test_the_export_of_the_page_works(box_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "docs/develop/add_an_export.md").read_text(), re.DOTALL | re.MULTILINE
    )
    (tmp_path / "poses.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    start = importlib.import_module("poses").start_poses
    monkeypatch.setitem(FORMATS, "poses", Format("poses", needs_maps=False, start=start))
    result = export(box_set, tmp_path / "out", "poses")
    assert result.counts == {"tables": 2}
    with (tmp_path / "out/000001.csv").open() as file:
        rows = list(csv.DictReader(file))
    objects = json.loads((box_set / "scenes/scene_000001/scene.json").read_text())["objects"]
    assert [row["class"] for row in rows] == [item["class"] for item in objects]
    assert [float(row["x"]) for row in rows] == [item["matrix"][0][3] for item in objects]


def map_of_folders() -> tuple[set[str], list[tuple[str, str]]]:
    """The folders of CONTRIBUTING's map, and each (folder, file) that it names beside one."""
    (text,) = re.findall(r"## The map.*?```\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    open_folders: list[str] = []
    folders, files = set(), []
    for line in text.splitlines():
        depth = (len(line) - len(line.lstrip())) // 4
        names = re.match(r"\s*((?:[\w/]+/ ?)+)", line)
        assert names, line
        del open_folders[depth:]
        for name in names[1].split():
            folders.add("/".join([*open_folders, name.rstrip("/")]))
        open_folders.append(names[1].split()[-1].rstrip("/"))
        files += [("/".join(open_folders), file) for file in re.findall(r"\b(\w+\.(?:py|toml|json))\b", line)]
    return folders, files


def test_the_map_is_the_tree() -> None:
    folders, files = map_of_folders()
    tracked = [Path(file) for file in tracked_files()]
    code = {str(file.parent) for file in tracked if file.suffix in (".py", ".toml", ".json") and len(file.parts) > 1}
    mirrors = {folder for folder in code if folder.startswith("tests/") and folder.count("/") > 1}  # see test_house
    assert {folder for folder in code - mirrors if not folder.startswith("docs/")} <= folders
    assert [folder for folder in sorted(folders) if not (ROOT / folder).is_dir()] == []
    assert [f"{folder}/{file}" for folder, file in files if not (ROOT / folder / file).is_file()] == []
    assert len(files) > 40


@each_page
def test_make_targets_and_options_of_scripts_exist(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^    |`)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    for script, rest in re.findall(r"(?:python |`|^)(benchmarks/\w+\.(?:py|sh))([^`\n]*)", text, re.MULTILINE):
        code = (ROOT / script).read_text()
        missing = [option for option in re.findall(r"--[\w-]+", rest.partition("#")[0]) if option not in code]
        assert not missing, (script, missing)


def test_the_class_of_the_page_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs/develop/add_a_class.md").read_text()
    table, preset, models = re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "classes.toml").write_text(classes.CLASSES_FILE.read_text() + table + models)
    monkeypatch.setattr(classes, "CLASSES_FILE", tmp_path / "classes.toml")
    classes.known_classes.cache_clear()
    try:
        lamp = classes.object_class("lamp")
    finally:
        classes.known_classes.cache_clear()
    assert lamp.built_in == classes.BuiltInModels("furniture.lamp", 40, 10)
    assert lamp.usual_size is not None
    studio = ROOT / "generator/scenegen/core/preset/studio.toml"
    (tmp_path / "my_room.toml").write_text(f"{studio.read_text()}\n{preset}")
    assert load_preset(tmp_path / "my_room.toml").classes[-1] == "lamp"
    keys = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \| ", page, re.MULTILINE)))) | {"rooted"}
    assert keys == {field.name for field in dataclasses.fields(classes.ObjectClass)} - {"name", "usual_size"} | {
        "height",
        "longest",
        "width",
    }


def test_the_family_of_the_page_is_the_tested_one() -> None:
    (code,) = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "docs/develop/add_a_network.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert code == (ROOT / "tests/helpers/constant_family.py").read_text()
