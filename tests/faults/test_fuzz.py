"""Whatever a file of any kind holds: it is read, or one line says what is wrong. Never another exception.

In CI a few files of every kind; by hand as many as wanted of each: SCENEGEN_FUZZ=500 pytest tests/faults/test_fuzz.py
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("torch")

from helpers.damage import harm
from helpers.fuzzed_files import KINDS, harm_inside_shard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scenegen.core.errors import ScenegenError, SeveralErrors

BY_HAND = int(os.environ.get("SCENEGEN_FUZZ", 0))
LONGEST = 60
"""Seconds that reading one harmed file may take on a busy machine."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, list[Path]]]:
    """Makes a kind's files once: their folder, and those to harm."""
    made: dict[str, tuple[Path, list[Path]]] = {}

    def make(kind: str) -> tuple[Path, list[Path]]:
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            made[kind] = folder, list(KINDS[kind].make(folder))
            KINDS[kind].read(folder, Random(0))
        return made[kind]

    return make


def with_each(*numbers: int) -> Callable[[Any], Any]:
    """Hypothesis' example, for several numbers."""

    def decorate(test: Any) -> Any:
        for number in numbers:
            test = example(number=number)(test)
        return test

    return decorate


@settings(
    max_examples=BY_HAND or 8,
    deadline=None,
    derandomize=not BY_HAND,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(number=st.integers(0, 2**40))
@with_each(6, 10, 13, 63, 106, 274, 309, 411)  # each found an exception once
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_damage_is_one_line(kind: str, whole: Callable[[str], tuple[Path, list[Path]]], number: int) -> None:
    folder, files = whole(kind)
    random = Random(number)
    file = random.choice(files)
    kept = {path: path.read_bytes() for path in (file, file.with_name("index.json")) if path.is_file()}
    try:
        if file.suffix == ".tar" and random.random() < 0.8:
            harm_inside_shard(folder, random)
        else:
            file.write_bytes(harm(kept[file], file.name, random))
        with no_longer_than(LONGEST):
            try:
                KINDS[kind].read(folder, random)
            except ScenegenError as error:
                for line in error.args if isinstance(error, SeveralErrors) else [str(error)]:
                    assert line
                    assert "\n" not in line
    finally:
        for path, content in kept.items():
            path.write_bytes(content)


@contextmanager
def no_longer_than(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"reading took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
