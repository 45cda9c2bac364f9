"""The one Blender of a dask worker: kept from lease to lease, ended with its run, apart from that of other workers."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from helpers.fault_runs import FAULTY
from scenegen.core.dataset.folders import finished_indices
from scenegen.core.dataset.request import Request
from scenegen.generate.leases import Lease
from scenegen.generate.stores.store import FolderStore
from scenegen.generate.worker import Recycling, WorkerBlender, WorkerSettings


@pytest.fixture
def settings(tmp_path: Path) -> WorkerSettings:
    """A run with the stand-in for Blender."""
    out = tmp_path / "out"
    (out / "scenes").mkdir(parents=True)
    request = Request("studio", out, scenes=9, device="cpu")
    return WorkerSettings("a run", request, str(FAULTY), FolderStore(out), 1, Recycling())


def serving() -> list[int]:
    """The ids of the Blenders that this process started."""
    return [child.pid for child in psutil.Process().children() if str(FAULTY) in child.cmdline()]


def test_a_blender_is_kept_from_lease_to_lease_and_ends_with_its_run(settings: WorkerSettings) -> None:
    one, other = WorkerBlender(), WorkerBlender()
    try:
        report = one.make_lease(settings, Lease((0, 1), 60.0), "tcp://a:1")
        assert (report.worker, [scene.error for scene in report.scenes]) == ("tcp://a:1", [None, None])
        first = serving()
        one.make_lease(settings, Lease((2,), 60.0), "tcp://a:1")
        assert serving() == first and len(first) == 1
        other.make_lease(settings, Lease((3,), 60.0), "tcp://a:2")
        assert len(serving()) == 2

        one.end_run(settings)
        assert set(serving()) & set(first) == set()
        assert one.make_lease(settings, Lease((4,), 60.0), "tcp://a:1").scenes == ()
        other.make_lease(settings, Lease((5,), 60.0), "tcp://a:2")
        assert finished_indices(settings.request.folder) == {0, 1, 2, 3, 5}
    finally:
        one.end_blender()
        other.end_blender()
    assert serving() == []


def test_a_fresh_lease_gets_a_new_blender(settings: WorkerSettings) -> None:
    blender = WorkerBlender()
    try:
        blender.make_lease(settings, Lease((0,), 60.0), "a")
        first = serving()
        blender.make_lease(settings, Lease((1,), 60.0, fresh=True), "a")
        assert len(serving()) == 1 and serving() != first
    finally:
        blender.end_blender()
