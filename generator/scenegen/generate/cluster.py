"""The dask workers of a run: processes of this machine, or an existing cluster."""

from __future__ import annotations

import importlib.util
import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.import_path import protect_children
from scenegen.core.interrupts import deaf

CONNECT_SECONDS = 20
FIRST_WORKER_SECONDS = 60

# A worker that dies is blamed at once: the engine knows better than dask what to try again, and where.
_LOCAL = {"distributed.scheduler.allowed-failures": 0}


@contextmanager
def local_cluster(workers: int, dashboard: str | None) -> Iterator[Any]:
    """Start worker processes on this machine; yield a client. `dashboard` (":8787") serves dask's pages about them."""
    import dask
    from distributed import Client, LocalCluster

    if dashboard:
        _check_dashboard(dashboard)
    protect_children()
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_LOCAL))
        with deaf():
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=None,
                dashboard_address=dashboard or ":0",
                scheduler_kwargs={"dashboard": bool(dashboard)},
                silence_logs=logging.CRITICAL,
            )
        yield stack.enter_context(Client(stack.enter_context(cluster), set_as_default=False))


@contextmanager
def remote_cluster(address: str) -> Iterator[Any]:
    """Yield a client of the cluster at `address`. Raises ScenegenError when nothing answers or it has no workers."""
    from distributed import Client
    from distributed.utils import silence_logging_cmgr

    check_scheduler(address)
    with silence_logging_cmgr(logging.CRITICAL):
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        try:
            try:
                client.wait_for_workers(1, timeout=FIRST_WORKER_SECONDS)
            except TimeoutError as error:
                raise ScenegenError(f"{address}: has no dask worker; start some: `dask worker {address}`") from error
            yield client
        finally:
            with suppress(OSError, TimeoutError):
                client.close(timeout=2)


def check_scheduler(address: str) -> None:
    """Raise ScenegenError when nothing listens there: dask itself would try for a minute and end in a traceback."""
    place = urlsplit(address if "://" in address else f"tcp://{address}")
    try:
        socket.create_connection((place.hostname or "", place.port or 8786), timeout=10).close()
    except (OSError, ValueError) as error:
        raise ScenegenError(f"{address}: no dask scheduler there ({error}); start one: `dask scheduler`") from error


def _check_dashboard(address: str) -> None:
    if importlib.util.find_spec("bokeh") is None:
        raise UsageError("--dashboard: needs bokeh; run `pip install scenegen[dashboard]`")
    place = urlsplit(f"//{address}")
    try:
        socket.create_server((place.hostname or "", place.port or 0)).close()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--dashboard {address}: cannot listen there ({error}); take another, such as :8787"
        ) from error
