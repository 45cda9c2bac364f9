"""The files of docs/generate/cluster do what its page cluster.md says: run, or checked against what will run them."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import psutil
import pytest
import yaml
from helpers.fault_runs import TINY
from scenegen.cli.main import cli

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "docs" / "generate" / "cluster"
BIN = Path(sys.executable).parent


def site(tmp_path: Path, **settings: object) -> Path:
    """docs/generate/cluster/slurm.py with other settings, as a user would edit it."""
    text = (CLUSTER / "slurm.py").read_text()
    for name, value in settings.items():
        text, found = re.subn(rf"^{name} = [^#\n]*", f"{name} = {value!r}  ", text, flags=re.MULTILINE)
        assert found == 1, name
    (tmp_path / "slurm.py").write_text(text)
    return tmp_path / "slurm.py"


def program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def launch(script: Path, tmp_path: Path, library: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a launcher with the programs in tmp_path/bin before all others."""
    options = ("--preset", TINY, "--scenes", 2, "--out", tmp_path / "set", "--quality", "draft", "--device", "cpu")
    return subprocess.run(
        [str(part) for part in (sys.executable, script, *arguments, *options, "--assets", library)],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def made(tmp_path: Path) -> list[str]:
    return sorted(p.name for p in (tmp_path / "set" / "scenes").iterdir())


def test_slurm_jobs_ask_for_what_the_settings_say(tmp_path: Path) -> None:
    script = runpy.run_path(str(site(tmp_path, GPUS=1, CORES=3, PARTITION="gpu", TIME="01:00:00")))
    with script["make_cluster"]() as cluster:
        job = cluster.job_script()
    for line in ("-p gpu", "--cpus-per-task=3", "-t 01:00:00", "--gpus=1", "-n 1", "--mem=6G"):
        assert f"#SBATCH {line}\n" in job
    assert f"{sys.executable} -m distributed.cli.dask_worker tcp://" in job
    assert "--nthreads 1 " in job


def test_slurm_takes_the_script_itself() -> None:
    head = (CLUSTER / "slurm.py").read_text().split('"""')[0].splitlines()
    assert head[0] == "#!/usr/bin/env python"  # of the environment that is active where it is submitted
    asked = [line for line in head[1:] if not line.startswith("# fmt")]
    assert len(asked) > 3
    assert all(re.fullmatch(r"#SBATCH --[a-z-]+=\S+", line) for line in asked)
    assert os.access(CLUSTER / "slurm.py", os.X_OK)


def test_slurm_launcher_makes_scenes(tmp_path: Path, box_library: Path) -> None:
    """With an sbatch that runs the job at once; by hand it was submitted to a real slurmctld."""
    program(tmp_path / "bin/sbatch", 'cp "$1" job.sh; setsid bash job.sh >job.log 2>&1 & echo "Submitted batch job $!"')
    program(tmp_path / "bin/scancel", 'kill -- "-$1" 2>/dev/null; echo "$1" >>cancelled')
    done = launch(site(tmp_path, JOBS=1, CORES=1), tmp_path, box_library)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 scenes" in done.stdout
    assert made(tmp_path) == ["scene_000000", "scene_000001"]
    job = int((tmp_path / "cancelled").read_text())
    left = [p for p in psutil.process_iter() if p.pid == job or job in (q.pid for q in p.parents())]
    assert psutil.wait_procs(left, timeout=20)[1] == []


def test_the_page_drives_a_cluster_from_python(tmp_path: Path, box_library: Path) -> None:
    """The example of docs/generate/cluster.md with small scenes in place of large ones."""
    (code,) = re.findall(r"```python\n(.*?)```", (CLUSTER.parent / "cluster.md").read_text(), re.DOTALL)
    options = f'quality="draft", device="cpu", assets=Path({str(box_library)!r})'
    usual = '"studio", Path("data/studio"), 100,'
    assert usual in code
    (tmp_path / "run.py").write_text(code.replace(usual, f"{str(TINY)!r}, Path('set'), 2, {options},"))
    done = subprocess.run(
        [sys.executable, "run.py"], cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    assert made(tmp_path) == ["scene_000000", "scene_000001"]
    assert done.stdout.splitlines()[-1] == "()"


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[str]:
    """An `ssh` in tmp_path/bin that reaches this machine as any host: through sshd, or a shell where there is none."""
    server = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if not server or os.geteuid() != 0:
        program(tmp_path / "bin/ssh", 'echo "$1" >>reached; shift; exec sh -c "$*"')
        yield "a shell"
        return
    for name in ("host", "id"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    shutil.copy(tmp_path / "id.pub", tmp_path / "authorized")
    Path("/run/sshd").mkdir(exist_ok=True)
    options = {"HostKey": tmp_path / "host", "AuthorizedKeysFile": tmp_path / "authorized", "StrictModes": "no"}
    settings = " ".join(f"-o {key}={value}" for key, value in options.items())
    # Each connection gets a server of its own on its standard input and output: no port, nothing to wait for.
    (tmp_path / "client").write_text(
        f"Host *\n ProxyCommand {server} -i -f /dev/null {settings}\n IdentityFile {tmp_path / 'id'}\n"
        " StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n LogLevel ERROR\n"
    )
    real = shutil.which("ssh")
    program(tmp_path / "bin/ssh", f'echo "$1" >>reached; exec {real} -F {tmp_path / "client"} "$@"')
    yield "sshd"


def test_ssh_launcher_makes_scenes_on_every_host(ssh: str, tmp_path: Path, box_library: Path) -> None:
    done = launch(CLUSTER / "ssh.py", tmp_path, box_library, "node1,node2")
    logs = "".join(path.read_text() for path in tmp_path.glob("scenegen-worker-*.log"))
    assert done.returncode == 0, done.stdout + done.stderr + logs
    assert made(tmp_path) == ["scene_000000", "scene_000001"]
    assert sorted((tmp_path / "reached").read_text().split()) == ["node1", "node2"]
    assert logs.count("Start worker at") == 2
    assert logs.count("End worker") == 2  # they went with the scheduler


def documents() -> dict[str, dict[str, Any]]:
    with (CLUSTER / "kubernetes.yaml").open() as file:
        return {f"{d['kind']}/{d['metadata']['name']}": d for d in yaml.safe_load_all(file)}


def pods() -> dict[str, dict[str, Any]]:
    return {name: d["spec"]["template"] for name, d in documents().items() if "template" in d["spec"]}


def test_kubernetes_objects_are_valid() -> None:
    for name, document in documents().items():
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
        if "selector" in document["spec"] and "template" in document["spec"]:
            labels = document["spec"]["template"]["metadata"]["labels"]
            assert document["spec"]["selector"]["matchLabels"].items() <= labels.items(), name


def test_kubernetes_parts_find_one_another() -> None:
    found = documents()
    service = found["Service/scenegen-scheduler"]
    assert service["spec"]["selector"] == pods()["Deployment/scenegen-scheduler"]["metadata"]["labels"]
    address = f"tcp://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    (worker,) = pods()["Deployment/scenegen-worker"]["spec"]["containers"]
    (job,) = pods()["Job/scenegen-generate"]["spec"]["containers"]
    assert address in worker["command"]
    assert address in job["command"]
    for pod in pods().values():
        for volume in pod["spec"].get("volumes", ()):
            assert f"PersistentVolumeClaim/{volume['persistentVolumeClaim']['claimName']}" in found
    claim = found["PersistentVolumeClaim/scenegen-data"]["spec"]
    assert claim["accessModes"] == ["ReadWriteMany"]
    (place,) = (mount["mountPath"] for mount in job["volumeMounts"])
    assert job["args"][job["args"].index("--out") + 1].startswith(place)


def test_kubernetes_commands_are_ones_that_exist() -> None:
    (job,) = pods()["Job/scenegen-generate"]["spec"]["containers"]
    program_name, name, *arguments = [*job["command"], *job["args"]]
    assert program_name == "scenegen"
    command = cli.get_command(cli.make_context("scenegen", ["--help"], resilient_parsing=True), name)
    assert command is not None
    assert command.make_context(name, arguments).params["scenes"] == 25000
    (worker,) = pods()["Deployment/scenegen-worker"]["spec"]["containers"]
    known = subprocess.run([BIN / "dask", "worker", "--help"], capture_output=True, text=True, check=True).stdout
    assert all(option in known for option in worker["command"] if option.startswith("--"))


def test_the_image_holds_all_that_the_wheel_is_made_from(tmp_path: Path) -> None:
    text = (CLUSTER / "Dockerfile").read_text()
    for names in re.findall(r"^COPY (.*)$", text, re.MULTILINE):
        *sources, target = names.split()
        place = tmp_path / "image" / target
        place.mkdir(parents=True, exist_ok=True)
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, place)
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        tmp_path,
    ]
    subprocess.run([*build, tmp_path / "image"], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("scenegen-*.whl")
    names = subprocess.run([sys.executable, "-m", "zipfile", "-l", wheel], capture_output=True, text=True, check=True)
    for file in ("scenegen/core/preset/studio.toml", "blender_scripts/generate.py", "assets_manifest/studio.json"):
        assert file in names.stdout


def test_the_image_brings_the_libraries_that_make_installs() -> None:
    (libraries,) = re.findall(r"^LIBRARIES := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(libraries.split()) <= set((CLUSTER / "Dockerfile").read_text().split())
