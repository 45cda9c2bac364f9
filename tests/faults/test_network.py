"""Two hosts in network namespaces: one with the scheduler, the run and a worker, the other with a worker alone.

They share the disk, as hosts of a cluster do. Their link is cut in mid-run and comes back.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import faulty_blender
from helpers.fault_runs import (
    command,
    contents,
    dask_scheduler,
    dask_worker,
    family,
    is_blender,
    rest,
    running,
    wait_for,
)
from scenegen.core.dataset import writing as dataset_write
from scenegen.core.dataset.folders import finished_indices

SCENES = 60
SHORT, GIVEN_UP = 2.0, 11.0
"""Seconds: a cut that nobody notices, and when dask gives up a silent connection (30 unless told, 11 at least)."""


@dataclass(frozen=True)
class Hosts:
    near: tuple[str, ...]
    far: tuple[str, ...]
    address: str
    link: Callable[[str], object]


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """Commands that run a command there, the near one's address, and how to set the link "up" or "down"."""
    near, far = f"near{os.getpid()}", f"far{os.getpid()}"

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)

    try:
        try:
            ip("netns", "add", near)
            ip("netns", "add", far)
            ip("link", "add", "uplink", "netns", near, "type", "veth", "peer", "name", "uplink", "netns", far)
            for host, address in ((near, "10.213.7.1"), (far, "10.213.7.2")):
                ip("-n", host, "address", "add", f"{address}/24", "dev", "uplink")
                ip("-n", host, "link", "set", "uplink", "up")
                ip("-n", host, "link", "set", "lo", "up")
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            pytest.skip(f"may not make network namespaces: {getattr(error, 'stderr', error)}")
        within = [("ip", "netns", "exec", host) for host in (near, far)]
        yield Hosts(within[0], within[1], "10.213.7.1", lambda how: ip("-n", far, "link", "set", "uplink", how))
    finally:
        for host in (near, far):
            subprocess.run(["ip", "netns", "delete", host], check=False, capture_output=True)


def test_a_host_that_is_cut_off_and_back_again(
    hosts: Hosts, tmp_path: Path, box_library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP", f"{GIVEN_UP}s")
    out = tmp_path / "out"
    (tmp_path / "faults.json").write_text(json.dumps({index: ["slow"] for index in range(SCENES)}))
    with ExitStack() as stack:
        address, _ = stack.enter_context(dask_scheduler(tmp_path, hosts.address, within=hosts.near))
        stack.enter_context(dask_worker(address, tmp_path, "near", within=hosts.near))
        far = stack.enter_context(dask_worker(address, tmp_path, "far", within=hosts.far))
        arguments = [*hosts.near, *command(out, box_library, SCENES, "--scheduler", address)]
        process = stack.enter_context(running(arguments))

        wait_for(lambda: has_blender(far.pid) and len(finished_indices(out)) > 4)
        hosts.link("down")
        rest(SHORT)
        hosts.link("up")
        before = len(finished_indices(out))
        wait_for(lambda: len(finished_indices(out)) > before + 8)
        assert has_blender(far.pid)

        hosts.link("down")
        wait_for(lambda: far.poll() is not None and not has_blender(far.pid), 60)
        assert process.poll() is None
        hosts.link("up")
        again = stack.enter_context(dask_worker(address, tmp_path, "far", within=hosts.far))
        wait_for(lambda: has_blender(again.pid), 60)
        told, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert f"{SCENES} of {SCENES} scenes" in told
    calm = tmp_path / "calm"
    (calm / "scenes").mkdir(parents=True)
    monkeypatch.setattr(dataset_write, "fsync", lambda path: None)
    for index in range(SCENES):
        faulty_blender.write(calm, 0, index)
    assert contents(out) == contents(calm)
    assert not [p for p in (out / "scenes").iterdir() if p.name.startswith(".")]


def has_blender(pid: int) -> bool:
    return any(map(is_blender, family(pid)))
