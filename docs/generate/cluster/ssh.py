#!/usr/bin/env python
"""Generate on machines that ssh reaches without a password: one Blender per named host, the scheduler here.

    docs/generate/cluster/ssh.py node1,node2,node2 --preset studio --scenes 25000 --out /shared/studio

The arguments after the hosts are those of `scenegen generate`. A host that is named twice gets two Blenders: name it
once per GPU, or once per two cores. Every host needs the same environment at the same path, and --out and the asset
library must be on shared storage. What ssh needs to know about a host (user, port, key, jump host) belongs in
~/.ssh/config.
"""

import subprocess
import sys
from pathlib import Path

from distributed import Client, LocalCluster
from distributed.utils import get_ip

WORKER = [str(Path(sys.executable).with_name("dask")), "worker", "--nthreads", "1", "--memory-limit", "0"]


def start_worker(number: int, host: str, address: str) -> "subprocess.Popen[bytes]":
    """Start a dask worker on a host. It ends with the scheduler at `address`; its output goes to a file."""
    with Path(f"scenegen-worker-{number}-{host}.log").open("w") as log:
        return subprocess.Popen(["ssh", host, *WORKER, address], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def main() -> int:
    """Drive one run and return its exit status."""
    hosts, *arguments = sys.argv[1:]
    cluster = LocalCluster(n_workers=0, host=get_ip())
    with cluster, Client(cluster) as client:
        address = cluster.scheduler_address
        workers = [start_worker(number, host, address) for number, host in enumerate(hosts.split(","))]
        client.wait_for_workers(1)
        status = subprocess.run(["scenegen", "generate", "--scheduler", address, *arguments], check=False).returncode
    for worker in workers:  # they end with the scheduler
        worker.wait()
    return status


if __name__ == "__main__":
    sys.exit(main())
