"""Which device renders, how many processes there are, and which of them takes which GPU."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster
from scenegen.blender.cores import share
from scenegen.blender.devices import choose_device, plan_workers
from scenegen.blender.host import generate_script, scene_command, warm_up_command
from scenegen.core.dataset.request import Request, Resources
from scenegen.core.errors import UsageError
from scenegen.generate.engine import workers_a_machine

from blender_scripts.host import compat

TWO = ("NVIDIA L4", "NVIDIA L4")


@dataclass
class Device:
    name: str
    type: str
    use: bool = True


class Preferences:
    """What Cycles' preferences do, on a machine with two NVIDIA cards and a build without HIP, Metal and oneAPI."""

    def __init__(self, optix: int = 2, cuda: int = 2) -> None:
        self.compute_device_type = "NONE"
        self.cpu = Device("a CPU", "CPU", False)
        self.kinds = {
            kind: [Device(f"card {n}", kind) for n in range(number)]
            for kind, number in (("OPTIX", optix), ("CUDA", cuda))
        }

    @property
    def devices(self) -> list[Device]:
        return [*self.kinds["OPTIX"], *self.kinds["CUDA"], self.cpu]

    def get_devices_for_type(self, kind: str) -> list[Device]:
        if kind not in self.kinds:
            raise ValueError(f"{kind}: no such type")
        return [*self.kinds[kind], self.cpu] if self.kinds[kind] else []


def pretend(monkeypatch: pytest.MonkeyPatch, preferences: Preferences) -> Any:
    addons = {"cycles": types.SimpleNamespace(preferences=preferences)}
    context = types.SimpleNamespace(preferences=types.SimpleNamespace(addons=addons))
    monkeypatch.setitem(sys.modules, "bpy", types.SimpleNamespace(context=context))
    return types.SimpleNamespace(cycles=types.SimpleNamespace(device="?"))


def test_auto_takes_optix_before_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    preferences = Preferences()
    scene = pretend(monkeypatch, preferences)
    assert compat.use_device(scene, "auto") == "optix: card 0, card 1"
    assert (preferences.compute_device_type, scene.cycles.device) == ("OPTIX", "GPU")
    assert [d.type for d in preferences.devices if d.use] == ["OPTIX", "OPTIX"]
    assert compat.list_gpus() == {"optix": ["card 0", "card 1"], "cuda": ["card 0", "card 1"]}


@pytest.mark.parametrize(("number", "taken"), [(0, 0), (1, 1), (2, 0), (7, 1)])
def test_a_process_takes_one_card(number: int, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    preferences = Preferences()
    scene = pretend(monkeypatch, preferences)
    assert compat.use_device(scene, "cuda", number) == f"cuda: card {taken}"
    assert [d for d in preferences.devices if d.use] == [preferences.kinds["CUDA"][taken]]


def test_without_cards_auto_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = pretend(monkeypatch, Preferences(0, 0))
    assert compat.use_device(scene, "auto", 3) == "cpu"
    assert scene.cycles.device == "CPU"
    assert compat.use_device(scene, "hip") is None
    assert compat.list_gpus() == {}


def test_what_is_chosen() -> None:
    assert choose_device("auto", {}) == ("cpu", ())
    assert choose_device("auto", {"cuda": TWO, "optix": TWO}) == ("optix", TWO)
    assert choose_device("cuda", {"cuda": TWO, "optix": TWO}) == ("cuda", TWO)
    assert choose_device("cpu", {"cuda": TWO}) == ("cpu", ())
    with pytest.raises(UsageError, match=r"--device hip: this machine has optix; try --device auto"):
        choose_device("hip", {"optix": TWO})


def asked(**options: Any) -> Request:
    return Request("studio", Path("out"), 10, **options)


def test_how_many_processes() -> None:
    cards = {"optix": TWO}
    assert plan_workers(asked(), {}, 2).workers == 1
    assert plan_workers(asked(), {}, 16).workers == 8
    assert plan_workers(asked(device="cpu"), cards, 16).workers == 8
    assert plan_workers(asked(), cards, 16).workers == 2
    assert plan_workers(asked(per_gpu=3), cards, 16).workers == 6
    assert plan_workers(asked(workers=5), cards, 16).workers == 5
    assert (
        plan_workers(asked(per_gpu=3), cards, 16).summary == "rendering on optix: NVIDIA L4, NVIDIA L4 with 6 Blenders"
    )
    assert plan_workers(asked(), {}, 2).summary == "rendering on cpu with one Blender"
    assert plan_workers(asked(scheduler="tcp://a:1"), {}, 2).summary == "rendering on auto of the cluster's machines"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"per_gpu": 2}, "no GPU renders here"),
        ({"per_gpu": 2, "workers": 3}, "--workers already sets"),
        ({"per_gpu": 2, "scheduler": "tcp://a:1"}, "--scheduler already sets"),
    ],
)
def test_what_does_not_go_together(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        plan_workers(asked(**options), {}, 2)


def test_living_processes_have_slots_of_their_own(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom scenegen.blender.cores import slot\n"
        "print(slot('gpu'), slot('gpu'), slot('other'), flush=True)\nsys.stdin.read()"
    )

    def start() -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen([sys.executable, "-c", code], text=True, env={"TMPDIR": str(tmp_path)}, **pipes)

    def slot(process: subprocess.Popen[str]) -> list[str]:
        assert process.stdout
        return process.stdout.readline().split()

    first, second = start(), start()
    taken = [slot(first), slot(second)]
    assert sorted(taken) == [["0", "0", "0"], ["1", "1", "1"]]
    first.kill()
    first.communicate()
    third = start()
    assert slot(third) == taken[0]  # the killed one's
    for process in (second, third):
        process.communicate()


def test_every_peer_has_cores_and_all_cores_have_peers() -> None:
    assert share({4, 2, 7}, 0, 1) == (2, 4, 7)
    for count in (1, 2, 3, 8):
        for peers in (1, 2, 3, 5, 8, 11):
            shares = [share(range(count), number, peers) for number in range(peers)]
            assert min(map(len, shares)) >= max(1, count // peers)
            assert {core for mine in shares for core in mine} == set(range(count))
            assert peers > count or sum(map(len, shares)) == count
            assert share(range(count), peers + 1, peers) == shares[1 % peers]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins no process to cores")
def test_workers_share_the_cores_that_they_have_in_common() -> None:
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        assert workers_a_machine(client) == 2
        mine = sorted(os.sched_getaffinity(0))
        for worker, core in zip(client.nthreads(), (mine[0], mine[-1]), strict=True):
            client.run(os.sched_setaffinity, 0, {core}, workers=[worker])
        assert workers_a_machine(client) == (1 if len(mine) > 1 else 2)


def test_a_child_is_told_its_card() -> None:
    request = Request(device="optix")
    assert "--gpu 3" in scene_command("generate.py", request, Resources(gpu=3), 17)
    assert "--gpu" not in scene_command("generate.py", request, Resources(), 17)


def test_warm_up_renders_on_the_real_cpu(tmp_path: Path) -> None:
    command = warm_up_command(str(generate_script()), Request(device="cpu", quality="draft", assets=tmp_path))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "rendering on cpu"
    refused = subprocess.run([*command, "--device", "optix"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "--device optix: this machine has none" in refused.stderr
