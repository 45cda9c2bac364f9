"""What this machine can generate: its Blender, devices, models and disk, and what N scenes would cost.

The cost comes from scenes that are really made in a temporary folder, by as many Blenders as a run would have: each
makes one scene to warm up and three to measure.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from scenegen.blender import setup as blender_setup
from scenegen.blender.cores import cores, own_cores, share
from scenegen.blender.devices import WorkerPlan, plan_workers
from scenegen.blender.host import BlenderHost, generate_script, scene_command
from scenegen.blender.process import HostLostError
from scenegen.blender.setup import BlenderInfo
from scenegen.core.asset_library import list_assets
from scenegen.core.dataset.checks import check_library, dataset_info
from scenegen.core.dataset.info import check_dataset_json
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.request import WHOLE_MACHINE, Request, Resources, for_blender
from scenegen.core.errors import ScenegenError
from scenegen.core.options import check_options
from scenegen.core.preset.preset import Preset
from scenegen.core.preset.preset_file import load_preset
from scenegen.progress import OnProgress
from scenegen.steps.pack import pack

MEASURED = 3
SCENE_SECONDS = 1800.0
"""The longest time for one scene; the first one compiles kernels."""


@dataclass(frozen=True)
class Machine:
    """Cores that this process may use, bytes of memory (all, free), and bytes free where the data set would go.

    `disk_free` is None for object storage, which is taken to have room.
    """

    cores: int
    memory: int
    memory_free: int
    disk: str
    disk_free: int | None


@dataclass(frozen=True)
class ClassModels:
    """How many prepared models of one class there are."""

    name: str
    train: int
    test: int


@dataclass(frozen=True)
class Cost:
    """What `scenes` scenes would take, from so many `measured` ones.

    `scene_seconds` is one Blender's time for a scene and `stage_seconds` its parts, `seconds` the time of all scenes
    with all Blenders. The bytes are those of a scene in folders, of a scene packed (JPEG, no maps), and of the memory
    of one Blender.
    """

    scenes: int
    measured: int
    scene_seconds: float
    stage_seconds: Mapping[str, float]
    seconds: float
    scene_bytes: float
    packed_bytes: float
    peak_bytes: float


@dataclass(frozen=True)
class Diagnosis:
    """Everything that was found. `problems` stop generation, `notes` do not; each is a line with its fix."""

    preset: str
    quality: str
    scenes: int
    machine: Machine
    blender: BlenderInfo | None
    plan: WorkerPlan | None
    library: str
    models: tuple[ClassModels, ...]
    cost: Cost | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def diagnose(request: Request, on_progress: OnProgress) -> Diagnosis:
    """Check everything that `generate(request)` needs; if nothing is missing, make scenes and measure them.

    Raises UsageError when the request itself makes no sense, such as an unknown preset.
    """
    check_options(request)
    preset = load_preset(request.preset, request.views)
    library = request.library.absolute()
    machine = _machine(request)
    problems: list[str] = []
    blender = plan = cost = None
    try:
        blender = blender_setup.probe(request.blender)
        blender_setup.require_modules(blender, request.blender)
        plan = plan_workers(request, blender.gpus, machine.cores)
    except ScenegenError as error:
        problems.append(str(error))
    models, missing, notes = _models(library, preset, request.preset)
    problems += missing
    if plan and blender and not problems:
        try:
            cost = _measure(request, preset, blender, plan, on_progress)
        except ScenegenError as error:
            problems.append(str(error))
        else:
            problems += shortages(machine, cost, plan, packed=request.pack is not None)
    return Diagnosis(
        preset=preset.name,
        quality=request.quality,
        scenes=request.scenes,
        machine=machine,
        blender=blender,
        plan=plan,
        library=str(library),
        models=models,
        cost=cost,
        problems=tuple(problems),
        notes=(*notes, *_missing(blender)),
    )


def _missing(blender: BlenderInfo | None) -> Iterator[str]:
    """What other Blenders can do and this one cannot."""
    if blender:
        for name, meaning in blender.missing.items():
            yield f"Blender {blender.version} has no {name}: {meaning}"


def _machine(request: Request) -> Machine:
    memory = psutil.virtual_memory()
    if request.url:
        return Machine(cores(), memory.total, memory.available, request.url, None)
    out = request.folder.absolute()
    place = next(p for p in (out, *out.parents) if p.exists())
    return Machine(cores(), memory.total, memory.available, str(place), shutil.disk_usage(place).free)


def _models(library: Path, preset: Preset, asked: str) -> tuple[tuple[ClassModels, ...], list[str], tuple[str, ...]]:
    """Count models; say what is missing for training scenes, and what is missing for test scenes."""
    try:
        counts = Counter((a.class_name, a.split) for a in list_assets(library))
    except ScenegenError as error:
        return (), [str(error)], ()
    names = dict.fromkeys((*preset.classes, *preset.asset_classes))
    models = tuple(ClassModels(name, counts[name, "train"], counts[name, "test"]) for name in names)
    missing: dict[str, list[str]] = {"train": [], "test": []}
    for split, lines in missing.items():
        try:
            check_library(library, preset, split, asked)
        except ScenegenError as error:
            lines.append(str(error))
    return models, missing["train"], tuple(missing["test"])


def _measure(request: Request, preset: Preset, blender: BlenderInfo, plan: WorkerPlan, on_progress: OnProgress) -> Cost:
    """Make scenes as a run would. Raises ScenegenError when one fails."""
    each = 1 + MEASURED
    with tempfile.TemporaryDirectory(prefix="scenegen-doctor-") as folder:
        out = Path(folder, "set")
        few = replace(
            for_blender(replace(request, out=out, scenes=plan.workers * each)),
            device=plan.device,
            blender=blender.executable if request.blender else None,
        )
        assets = check_library(few.library, preset, few.split, few.preset)
        check_dataset_json(out, dataset_info(few, preset, assets, blender.version))
        on_progress(0, plan.workers * each)
        with ThreadPoolExecutor(plan.workers) as pool:
            answers = list(pool.map(partial(_make, few, plan, on_progress), range(plan.workers)))
        measured = [answer for one in answers for answer in one[1:]]
        dataset = Dataset(out)
        packed = pack(out, Path(folder, "packed"), Packing("jpeg", 95, maps=False, shard_mb=250.0))
        stages = {stage: float(np.mean([a["seconds"][stage] for a in measured])) for stage in measured[0]["seconds"]}
        seconds = sum(stages.values())
        return Cost(
            scenes=request.scenes,
            measured=len(measured),
            scene_seconds=seconds,
            stage_seconds=stages,
            seconds=request.scenes * seconds / plan.workers,
            scene_bytes=dataset.megabytes() * 1e6 / len(dataset),
            packed_bytes=packed.bytes / packed.scenes,
            peak_bytes=2**20 * max(a["peak_mb"] for one in answers for a in one),
        )


def _make(request: Request, plan: WorkerPlan, on_progress: OnProgress, number: int) -> list[dict[str, Any]]:
    """Make the scenes of one Blender; return its answers."""
    answers: list[dict[str, Any]] = []
    script, host = str(generate_script()), None
    cores = share(own_cores(), number, plan.workers)
    resources = Resources(threads=len(cores), gpu=number if plan.gpus else None, cores=cores)
    alone = partial(scene_command, script, request, WHOLE_MACHINE)
    try:
        host = BlenderHost(script, request, resources)
        for index in range(number * (1 + MEASURED), (number + 1) * (1 + MEASURED)):
            answers.append(host.make(index, SCENE_SECONDS))
            if not answers[-1]["ok"]:
                raise ScenegenError(f"scene {index} failed: {answers[-1]['error']}; alone: {alone(index)}")
            on_progress(number * (1 + MEASURED) + len(answers), plan.workers * (1 + MEASURED))
    except HostLostError as error:
        last_line = f" ({error.log[-1]})" if error.log else ""
        raise error.refused or ScenegenError(f"{error}{last_line}; try {alone(0)}") from error
    finally:
        if host:
            host.close()
    return answers


def shortages(machine: Machine, cost: Cost, plan: WorkerPlan, *, packed: bool = False) -> list[str]:
    """Say where the disk or the memory is too small for scenes in folders or `packed`, a line each with its fix."""
    lines = []
    size = cost.packed_bytes if packed else cost.scene_bytes
    if machine.disk_free is not None and cost.scenes * size > machine.disk_free:
        shards = cost.scenes * cost.packed_bytes
        fix = f"--pack DIR (takes {shards / 1e9:.1f} GB)" if shards < machine.disk_free else "another disk"
        needed, free = cost.scenes * size / 1e9, machine.disk_free / 1e9
        lines.append(
            f"{machine.disk}: {needed:.1f} GB for {cost.scenes} scenes, {free:.1f} GB free; "
            f"make at most {int(machine.disk_free / size)}, or take {fix}"
        )
    memory = plan.workers * cost.peak_bytes
    if memory > machine.memory_free:
        fits = max(1, int(machine.memory_free / cost.peak_bytes))
        lines.append(
            f"{plan.workers} Blenders take {memory / 1e9:.1f} GB of memory, {machine.memory_free / 1e9:.1f} GB are "
            f"free; run with --workers {fits}"
        )
    return lines
