"""Which worker gets which scenes: sizes, retries elsewhere, slow leases doubled, no scene twice, none forgotten."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from scenegen.generate.leases import LEASE_SECONDS, MOST_SCENES, TRIES, Work
from scenegen.generate.run_report import RunLog, ranges, read_events, write_report

WORKERS = ("a", "b", "c")


def handed_out(work: Work, seconds: float) -> list[tuple[int, ...]]:
    """The leases of a calm run, each made before the next is taken."""
    leases = []
    while lease := work.take("a", WORKERS):
        leases.append(lease.scenes)
        for index in lease.scenes:
            assert work.finish(index, seconds)
    return leases


def test_leases_shrink_towards_the_end_and_hold_every_scene_once() -> None:
    todo = np.ones(5000, bool)
    todo[::7] = False
    work = Work(todo)
    leases = handed_out(work, seconds=0.01)
    assert [i for scenes in leases for i in scenes] == np.flatnonzero(todo).tolist()
    sizes = list(map(len, leases))
    assert sizes[0] == 1  # nobody knows yet how long a scene takes
    assert max(sizes) == MOST_SCENES
    assert sizes[1:] == sorted(sizes[1:], reverse=True)
    assert sizes[-4 * len(WORKERS) :] == [1] * (4 * len(WORKERS))
    assert (work.left, work.made, work.total) == (0, len(np.flatnonzero(todo)), len(np.flatnonzero(todo)))


@pytest.mark.parametrize(("seconds", "most"), [(2.0, int(LEASE_SECONDS / 2)), (30.0, 1)])
def test_a_lease_takes_about_as_long_whatever_a_scene_takes(seconds: float, most: int) -> None:
    assert max(map(len, handed_out(Work(np.ones(2000, bool)), seconds))) == most


def test_a_scene_that_fails_is_tried_elsewhere_and_set_aside_after_three() -> None:
    work = Work(np.ones(50, bool))
    first = work.take("a", WORKERS)
    assert first and first.scenes == (0,) and not first.fresh
    assert work.fail(0, "a")
    following = work.take("a", WORKERS)
    assert following and following.scenes == (1,)
    again = work.take("b", WORKERS)
    assert again and again.scenes == (0,) and again.fresh
    assert work.fail(0, "b")
    assert work.take("b", WORKERS).scenes == (2,)  # type: ignore[union-attr]
    assert work.take("b", ("a", "b")).scenes == (0,)  # type: ignore[union-attr]
    assert not work.fail(0, "b")
    assert work.tries(0) == TRIES
    assert not work.is_open(0)
    assert work.left == 49


def test_scenes_of_a_lost_worker_are_tried_one_by_one() -> None:
    work = Work(np.ones(1000, bool))
    work.finish(999, 0.01)
    lost = work.take("a", WORKERS)
    assert lost and len(lost.scenes) > 10
    work.finish(lost.scenes[0], 0.01)
    work.put_back(lost.scenes)
    for index in lost.scenes[1:]:
        assert work.take("b", WORKERS).scenes == (index,)  # type: ignore[union-attr]


def test_an_overdue_lease_is_doubled_from_its_end_and_counted_once() -> None:
    work = Work(np.ones(200, bool))
    work.finish(199, 0.5)
    slow = work.take("a", WORKERS)
    assert slow and len(slow.scenes) > 2
    assert work.double(slow, age=1.0) is None
    doubled = work.double(slow, age=1000.0)
    assert doubled and doubled.scenes == slow.scenes[-1:]
    assert work.double(slow, age=1000.0).scenes == slow.scenes[-2:-1]  # type: ignore[union-attr]
    assert work.finish(doubled.scenes[0], 0.5)
    assert not work.finish(doubled.scenes[0], 0.5)
    assert work.made == 2


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_every_scene_is_made_or_set_aside(seed: int) -> None:
    """Workers that fail, die and answer late, in random order."""
    rng = random.Random(seed)
    todo = np.array([rng.random() < 0.8 for _ in range(300)])
    work, flying, aside, made = Work(todo), [], set[int](), set[int]()
    while work.left:
        for worker in WORKERS:
            lease = work.take(worker, WORKERS) or next((d for _, held in flying if (d := work.double(held, 1e6))), None)
            if lease:
                flying.append((worker, lease))
        worker, lease = flying.pop(rng.randrange(len(flying)))
        if rng.random() < 0.2:
            work.put_back(lease.scenes)
            continue
        for index in lease.scenes:
            if rng.random() < 0.9:
                made |= {index} if work.finish(index, rng.random()) else set()
            elif not work.fail(index, worker):
                aside.add(index)
    assert made | aside == set(np.flatnonzero(todo).tolist())
    assert not made & aside
    assert work.made == len(made)


def test_a_report_tells_of_killed_runs_and_of_scenes_that_are_still_missing(tmp_path: Path) -> None:
    killed = RunLog(tmp_path)
    killed.start(asked=9, todo=9)
    for scene in (3, 4):
        killed.add("set_aside", scene=scene, seed=0, tries=3, error="died", log=["x"], command="c")
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"time": "2026-01-01T00:00:0\n')  # a power cut
    run = RunLog(tmp_path)
    run.start(asked=9, todo=5)
    run.add("failure", scene=3, error="died")
    run.add("end", made=4, missing=1, seconds=2.0)
    there = np.ones(9, bool)
    there[3] = False

    report = json.loads(write_report(tmp_path, there).read_text())
    assert (report["asked"], report["present"], report["missing"]) == (9, 8, [[3, 3]])
    assert [entry["scene"] for entry in report["set_aside"]] == [3]
    first, second = report["runs"]
    assert (first["ended"], first["set_aside"]) == (None, 2)
    assert (second["made"], second["failure"], second["set_aside"]) == (4, 1, 0)
    assert len(list(read_events(tmp_path))) == 6


def test_ranges() -> None:
    assert ranges(np.array([], int)) == []
    assert ranges(np.array([3, 7, 8, 9, 11])) == [[3, 3], [7, 9], [11, 11]]
