"""What draws random numbers, and from what: the same seed must give the same scenes and the same training."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("generator", "blender_scripts", "trainer")
SOURCES = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
TORCH_DRAWS = {
    "bernoulli",
    "multinomial",
    "normal",
    "poisson",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
}
FIXED = {"rng.py": {"PCG64", "SeedSequence"}, "set_distances.py": {"RandomState"}}
"""Of modules, the parts of numpy.random that they may use: numpy keeps what these draw as it is (NEP 19)."""
SEEDED = ("blocks/volume_decoder.py", "networks", "training/bench.py", "training/made_up.py")
"""Parts of the trainer that may draw from torch's own stream: fit and bench seed it before they build a network."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_draws_from_unseeded_or_changing_sources(path: Path) -> None:
    """Scenes: streams of scenegen.core.rng alone. Training: torch, from a generator or after a seed.

    Nowhere numpy.random, functions of module random, the builtin hash (of texts it differs between processes).
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    fixed = FIXED.get(path.name, set())
    assert _banned(tree, fixed) == []
    assert _without_generator(tree) == [] or _is_seeded(path)


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nnp.random.rand(3)",
        "import random\nrandom.random()",
        "from secrets import token_hex",
        "hash('a')",
    ],
)
def test_the_ban_finds(source: str) -> None:
    assert len(_banned(ast.parse(source), set())) == 1


def test_the_ban_finds_torchs_own_stream() -> None:
    assert _without_generator(ast.parse("torch.randperm(3)")) == ["line 1: torch.randperm"]
    assert _without_generator(ast.parse("torch.manual_seed()")) == ["line 1: torch.manual_seed"]
    assert _without_generator(ast.parse("torch.randperm(3, generator=torch.Generator().manual_seed(1))")) == []


def _banned(tree: ast.AST, fixed: set[str]) -> list[str]:
    banned = []
    kept = {node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in fixed}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node not in kept:
            owner, name = node.value.id, node.attr
            if (owner in ("np", "numpy") and name == "random") or (owner == "random" and name != "Random"):
                banned.append(f"line {node.lineno}: {owner}.{name}")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("random", "secrets"):
            banned += [f"line {node.lineno}: {alias.name}" for alias in node.names if alias.name != "Random"]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "hash":
            banned.append(f"line {node.lineno}: hash()")
    return banned


def _without_generator(tree: ast.AST) -> list[str]:
    """Draws from torch's own stream, and seeds that nobody gave."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        module, name = ast.unparse(node.func.value), node.func.attr
        if module == "torch" and name in TORCH_DRAWS and "generator" not in {key.arg for key in node.keywords}:
            found.append(f"line {node.lineno}: torch.{name}")
        if name in ("manual_seed", "seed_everything") and not node.args:
            found.append(f"line {node.lineno}: {module}.{name}")
    return found


def _is_seeded(path: Path) -> bool:
    return any(path.is_relative_to(ROOT / "trainer" / "scenetrain" / part) for part in SEEDED)
