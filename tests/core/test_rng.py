from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from scenegen.core.rng import choose, integer, shuffled, stream, uniform
from scipy.stats import chisquare, kstest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "generator").rglob("*.py"), *(ROOT / "blender_scripts").rglob("*.py")])
P = 1e-4  # the draws below are fixed, so a pass stays a pass


def test_streams_give_the_same_numbers_for_ever() -> None:
    """A changed number here means that every data set ever made can no longer be made again."""
    rng = stream(0, 17, "objects")
    assert [rng.random() for _ in range(3)] == [0.3039748567025079, 0.38111036708846957, 0.5570165152929194]


def test_streams_do_not_depend_on_the_process() -> None:
    script = "from scenegen.core.rng import stream; r = stream(1, 2, 'look'); print([r.random() for _ in range(5)])"
    rng = stream(1, 2, "look")
    here = str([rng.random() for _ in range(5)])
    for hash_seed in ("0", "99"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", script]
        assert (
            subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip() == here
        )


def test_streams_are_independent() -> None:
    names = [(seed, index, name) for seed in range(10) for index in range(100) for name in ("look", "places")]
    firsts = [stream(*name).random() for name in names]
    assert len(set(firsts)) == len(names)
    assert kstest(firsts, "uniform").pvalue > P


def test_uniform_fills_its_range() -> None:
    rng = stream(0, 0, "test")
    values = [uniform(rng, -2.0, 3.0) for _ in range(5000)]
    assert min(values) >= -2.0 and max(values) < 3.0
    assert kstest(values, "uniform", args=(-2.0, 5.0)).pvalue > P


def test_integer_reaches_both_ends_evenly() -> None:
    rng = stream(0, 0, "test")
    counts = Counter(integer(rng, -1, 3) for _ in range(5000))
    assert sorted(counts) == [-1, 0, 1, 2, 3]
    assert chisquare(list(counts.values())).pvalue > P
    assert integer(rng, 4, 4) == 4


def test_choose_and_shuffle_are_even() -> None:
    rng = stream(0, 0, "test")
    assert chisquare(list(Counter(choose(rng, "abcdef") for _ in range(6000)).values())).pvalue > P
    source = (1, 2, 3, 4)
    orders = Counter(tuple(shuffled(rng, source)) for _ in range(24 * 200))
    assert len(orders) == 24 and all(sorted(order) == [1, 2, 3, 4] for order in orders)
    assert chisquare(list(orders.values())).pvalue > P


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_draws_from_unseeded_or_changing_sources(path: Path) -> None:
    """Only scenegen.core.rng's streams: no numpy.random, no functions of module random, no builtin hash."""
    banned = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    fixed = {"PCG64", "SeedSequence"} if path.name == "rng.py" else set()  # whose raw bits numpy keeps
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
    assert not banned
