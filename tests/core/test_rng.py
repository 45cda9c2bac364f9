from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

from scenegen.core.rng import choose, integer, shuffled, stream, uniform
from scipy.stats import chisquare, kstest

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
