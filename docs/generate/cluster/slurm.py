#!/usr/bin/env python
# fmt: off
#SBATCH --job-name=scenegen
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
#SBATCH --time=7-00:00:00
#SBATCH --output=scenegen-%j.log
# fmt: on
"""Generate on Slurm: a small job drives the run, and JOBS more jobs run one Blender each.

    sbatch docs/generate/cluster/slurm.py --preset studio --scenes 25000 --out /shared/studio

The arguments are those of `scenegen generate`. --out and the asset library must be on storage that all nodes share.
A job that ends, for example by its time limit, is replaced. The same command again continues a stopped run.
"""

import subprocess
import sys

from dask_jobqueue import SLURMCluster
from distributed import Client

# Settings of your site.
JOBS = 20  # Blenders at once
CORES = 4  # per Blender: on a CPU as many as possible, with a GPU 2 to 4
MEMORY = "6GB"  # per Blender
TIME = "12:00:00"  # per Blender
GPUS = 0  # per Blender: 0 or 1
PARTITION = None  # None is the site's default
INTERFACE = None  # the network between nodes, such as "ib0"; None is the default one
SECONDS_BETWEEN_CHECKS = 60


def make_cluster() -> SLURMCluster:
    """Start a dask scheduler here; its workers are Slurm jobs."""
    return SLURMCluster(
        queue=PARTITION,
        cores=1,  # a worker takes one lease at a time; the cores are for Blender
        job_cpu=CORES,
        memory=MEMORY,
        walltime=TIME,
        interface=INTERFACE,
        job_name="scenegen-worker",
        job_extra_directives=[f"--gpus={GPUS}"] if GPUS else [],
        python=sys.executable,
        log_directory="scenegen-logs",
    )


def main() -> int:
    """Drive one run and return its exit status."""
    with make_cluster() as cluster, Client(cluster) as client:
        cluster.scale(jobs=JOBS)
        client.wait_for_workers(1)  # the queue may be long
        command = ["scenegen", "generate", "--scheduler", cluster.scheduler_address, *sys.argv[1:]]
        with subprocess.Popen(command) as run:
            while True:
                try:
                    return run.wait(SECONDS_BETWEEN_CHECKS)
                except subprocess.TimeoutExpired:
                    cluster.scale(jobs=JOBS)  # submit new jobs for those that ended


if __name__ == "__main__":
    sys.exit(main())
