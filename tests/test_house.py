"""The rules of the house that neither ruff nor import-linter can see."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("generator/scenegen", "trainer/scenetrain", "blender_scripts")
CLOCKS = {
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "process_time",
    "process_time_ns",
    "time",
    "time_ns",
}
LONGEST = 400


def tracked(*patterns: str) -> list[Path]:
    """Files under version control, and new ones that git would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in sorted(names) if (ROOT / name).is_file()]


def test_every_folder_is_a_package() -> None:
    """import-linter 2.17 leaves out a folder without __init__.py, and calls its contract kept."""
    folders = {file.parent for package in PACKAGES for file in tracked(f"{package}/**/*.py")}
    assert len(folders) > 30
    assert [str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for package in PACKAGES
        for file in tracked(f"{package}/**/*.py", f"{package}/*.py")
        if not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_files_are_short() -> None:
    sources = [file for package in PACKAGES for file in tracked(f"{package}/**/*.py", f"{package}/*.py")]
    lengths = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in sources}
    assert {name: length for name, length in lengths.items() if length >= LONGEST} == {}


def test_no_two_classes_have_one_name() -> None:
    """A reader who looks a name up finds one place. Names that begin with _ stay in their module."""
    places: dict[str, list[str]] = {}
    for package in PACKAGES:
        for file in tracked(f"{package}/**/*.py", f"{package}/*.py"):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places.setdefault(node.name, []).append(str(file.relative_to(ROOT)))
    assert len(places) > 100
    assert {name: files for name, files in places.items() if len(set(files)) > 1} == {}


def test_no_test_measures_time() -> None:
    """A busy machine must not turn a test red: benchmarks/ measures. Waiting with a limit is fine."""
    found = []
    for file in tracked("tests/**/*.py", "tests/*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assert) and any(_asks_a_clock(part) for part in ast.walk(node)):
                found.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def _asks_a_clock(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return (
        isinstance(node.func.value, ast.Name)
        and node.func.value.id == "time"
        and node.func.attr.removesuffix("_ns") in CLOCKS
    )


def test_tests_mirror_the_packages() -> None:
    """A test module lies in the folder of the part that it tests, or in one that names what its tests share."""
    rooms = {
        path.relative_to(ROOT / package.partition("/")[0]).with_suffix("").as_posix().partition("/")[2]
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_dir()
    }
    rooms |= {f"trainer/{path.name}" for path in (ROOT / PACKAGES[1]).iterdir() if path.is_dir()}
    shared = {"faults", "helpers", "in_blender", "trainer"}
    tests = {file.parent.relative_to(ROOT / "tests").as_posix() for file in tracked("tests/**/*.py")} - {"."}
    assert tests - rooms == shared


def test_every_network_is_held_apart() -> None:
    """Each folder of networks/ is in the registry and in both contracts that keep networks from knowing each other."""
    from scenetrain.networks.registry import FAMILIES, PAINTERS

    folders = {file.parent.name for file in tracked("trainer/scenetrain/networks/*/family.py")}
    modules = {f"scenetrain.networks.{folder}" for folder in folders}
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    independent = next(c["modules"] for c in contracts if c["type"] == "independence")
    hidden = next(c["forbidden_modules"] for c in contracts if c["name"].startswith("only the registry"))
    assert (
        {module.rpartition(".")[0] for module in (FAMILIES | PAINTERS).values()}
        == modules
        == set(independent)
        == set(hidden)
    )


def test_every_child_gets_a_safe_import_path() -> None:
    """A process that inherits the environment as it is imports from the working folder (core/import_path.py)."""
    careless = []
    for file in [each for package in PACKAGES for each in tracked(f"{package}/**/*.py", f"{package}/*.py")]:
        text = file.read_text(encoding="utf-8")
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        started = [call for call in calls if ast.unparse(call.func) in ("subprocess.run", "subprocess.Popen")]
        careless += [f"{file.name}:{c.lineno}" for c in started if "env" not in {word.arg for word in c.keywords}]
        spawns = any(ast.unparse(call.func) in ("multiprocessing.get_context", "LocalCluster") for call in calls)
        careless += [file.name] if spawns and "    protect_children()\n" not in text else []
    assert careless == []


def test_templates_escape_what_they_show() -> None:
    """Every page is made by jinja2 with autoescape; nothing is marked as safe, and no script or style shows a name."""
    careless = []
    for file in [each for package in PACKAGES for each in tracked(f"{package}/**/*.py")]:
        calls = [n for n in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
        for call in [each for each in calls if ast.unparse(each.func).endswith(("Environment", "Markup"))]:
            words = {word.arg: ast.unparse(word.value) for word in call.keywords}
            careless += [] if words.get("autoescape") == "True" else [f"{file.name}:{call.lineno}"]
        careless += [file.name] if "<html" in file.read_text(encoding="utf-8").lower() else []
    templates = [file for package in PACKAGES for file in tracked(f"{package}/**/*.j2")]
    assert len(templates) >= 2
    for file in templates:
        text = file.read_text(encoding="utf-8")
        careless += [file.name] if re.search(r"\|\s*safe|autoescape|<script|srcdoc|\son\w+=", text) else []
    assert careless == []
